//! `capture-midstream`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The capture starts after this control connection was opened.
    ///
    /// Needs: a control connection whose SYN is not in the file.
    ///
    /// What was announced, and which connections existed before, may lie before the capture.
    ///
    /// Remedy: start the capture before the client connects.
    "capture-midstream", Quality,
    "the start of the control connection is not in the capture",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    if !case.control.midstream {
        return Vec::new();
    }
    let message = "the control connection was already open when the capture began".to_owned();
    let primary = Evidence::seen(case.control.first, "first captured segment of the control connection");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done()]
}
