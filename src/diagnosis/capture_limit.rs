//! `capture-limit`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The capture has more of something than the program keeps at one time, so it discarded the oldest to keep memory
    /// bounded. The message names what was discarded: connections, hosts, announced endpoints or addresses. Scans and
    /// very busy networks reach these limits, ordinary FTP traffic does not.
    ///
    /// Needs: more connections, hosts, endpoints or addresses at one time than the program keeps.
    ///
    /// What it changes: discarded packets cannot be cited, and a finding that rests on absence may be wrong in that
    /// time.
    ///
    /// Remedy: split the capture by time or by host and analyse the parts: `editcap -i 600 x.pcap part.pcap` makes a
    /// file for every ten minutes, `--filter 'host 10.0.0.21'` keeps one server. For live captures, raise
    /// `--memory-limit`.
    "capture-limit", Quality,
    "a limit of the program was reached",
    ["editcap(1)"],
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
    let message = format!("the capture has more than the program keeps at one time; discarded: {}", given.join(", "));
    let primary = Evidence::seen(case.scene.ends, "last frame read");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).done()]
}
