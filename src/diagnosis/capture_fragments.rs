//! `capture-fragments`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// A segment of a control connection, or a SYN between FTP hosts, lies in IP fragments that never complete.
    ///
    /// Needs: the first fragment, which names the ports, and another one that is missing.
    ///
    /// What the segment said is unknown: a PORT may be missing from the dialogue, a SYN from the data connections.
    ///
    /// Remedy: capture without a filter on ports, which passes first fragments alone.
    "capture-fragments", Quality,
    "segments of FTP lie in IP fragments that never complete",
    ["RFC 791 3.2"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let Some(first) = case.fragments.first() else { return Vec::new() };
    let (from, to) = (first.source, first.destination);
    let message = match case.fragments.len() {
        1 => format!("a segment of FTP from {from} to {to} lies in IP fragments that never complete"),
        count => format!("{count} segments of FTP lie in IP fragments that never complete, the first from {from} to {to}"),
    };
    let note = "fragments of a datagram whose others are missing";
    Evidence::seen_all(first.frames.clone(), None, note)
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).done())
        .into_iter()
        .collect()
}
