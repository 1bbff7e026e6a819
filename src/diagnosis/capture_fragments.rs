//! `capture-fragments`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// A segment of a control connection, or a SYN between FTP hosts, was sent as IP fragments, and some of the
    /// fragments are not in the capture. A capture filter on ports is the usual reason: only the first fragment has the
    /// port numbers, so the filter passes that one and drops the others. Or the fragments were really lost.
    ///
    /// Needs: the first fragment, which has the ports, and another one that is missing.
    ///
    /// What it changes: the content of that segment is unknown. A PORT may be missing from the dialogue, or a SYN from
    /// the data connections.
    ///
    /// Remedy: capture again without a filter on ports. If fragments are still missing, look for a firewall that drops
    /// fragments or a wrong MTU on the path.
    "capture-fragments", Quality,
    "FTP segments are in IP fragments that were never completed",
    ["RFC 791 3.2"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let Some(first) = case.fragments.first() else { return Vec::new() };
    let (from, to) = (first.source, first.destination);
    let message = match case.fragments.len() {
        1 => format!("an FTP segment from {from} to {to} is in IP fragments that were never completed"),
        count => format!("{count} FTP segments are in IP fragments that were never completed, the first from {from} to {to}"),
    };
    let note = "fragments of a datagram; the others are missing";
    Evidence::seen_all(first.frames.clone(), None, note)
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).done())
        .into_iter()
        .collect()
}
