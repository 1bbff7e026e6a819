//! `capture-midstream`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The capture started when this control connection was already open: its SYN is not in the file, and neither are
    /// the commands and replies before. The client may have announced its port, logged in or switched to TLS before the
    /// first captured packet, and earlier data connections may still be in TIME-WAIT.
    ///
    /// Needs: a control connection whose SYN is not in the file.
    ///
    /// What it changes: a missing PORT, PASV or earlier connection may simply be older than the capture. Findings that
    /// depend on it are at most possible.
    ///
    /// Remedy: start the capture before the client connects, or let the client log in again while the capture runs. For
    /// a fault that is rare, capture permanently into a ring of files (`ftpwhy live -w ring.pcapng -b filesize:100000
    /// -b files:10`).
    "capture-midstream", Quality,
    "the start of the control connection is not in the capture",
    ["tcpdump(1)"],
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
