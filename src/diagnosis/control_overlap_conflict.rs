//! `control-overlap-conflict`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Conflicts cited.
const CITED: usize = 8;

diagnosis! {
    /// Copies of the same control bytes differ: a retransmission does not repeat what was sent.
    ///
    /// Needs: two segments of one direction that cover the same sequence numbers with different bytes.
    ///
    /// The copy whose checksum verifies is taken over one whose does not, else the first. It is a middlebox that
    /// rewrites one copy only, a broken stack, or evasion.
    ///
    /// Remedy: look at what lies between; the lines concerned are marked unreliable.
    "control-overlap-conflict", Quality,
    "copies of the same control bytes differ",
    ["RFC 9293 3.4"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let conflicts = &case.session.conflicts;
    let mut frames: Vec<_> = conflicts.iter().take(CITED).flat_map(|(one, other)| [*one, *other]).collect();
    frames.sort_unstable();
    frames.dedup();
    let message = format!("{} retransmissions on the control connection differ from what was sent first", conflicts.len());
    Evidence::seen_all(frames, None, "copies that differ")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
