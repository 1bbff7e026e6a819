//! `capture-limit`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// A bound of this program was reached and something was let go, so that memory stays bounded.
    ///
    /// Needs: more connections, hosts, announced endpoints or addresses at one time than the program keeps.
    ///
    /// What was let go cannot be cited; findings that rest on absence may be wrong there.
    ///
    /// Remedy: split the capture by time or host (`editcap`, `-f host …`).
    "capture-limit", Quality,
    "a bound of the program was reached",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let given: Vec<String> =
        case.let_go.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    if given.is_empty() {
        return Vec::new();
    }
    let message = format!("more was in the capture than is kept at one time; let go: {}", given.join(", "));
    let primary = Evidence::seen(case.scene.ends, "last frame read");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).done()]
}
