//! `control-overlap-conflict`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Conflicts cited.
const CITED: usize = 8;

diagnosis! {
    /// Two copies of the same bytes of the control connection differ: a retransmission does not repeat what was sent
    /// first. TCP never does that by itself. A middlebox that rewrites only one of the copies is the usual reason; a
    /// faulty TCP stack and an attempt to mislead an inspection are others.
    ///
    /// Needs: two segments of one direction with the same sequence numbers and different bytes.
    ///
    /// What it changes: the copy with a correct checksum is used, otherwise the first one. The command or reply is
    /// marked as unreliable, and nothing is claimed from it alone.
    ///
    /// Remedy: find the device on the path that changes one of the copies (an FTP helper, a proxy, an inspection), and
    /// capture on both sides of it.
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
