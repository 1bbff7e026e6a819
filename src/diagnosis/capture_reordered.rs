//! `capture-reordered`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// Packets were recorded out of order: timestamps run backwards within one interface, or segments arrive behind
    /// later ones without being retransmissions.
    ///
    /// Needs: timestamps of one interface that step back by more than 1 ms, or a first copy of a segment behind a later
    /// one.
    ///
    /// Intervals are uncertain by as much; order is taken from sequence numbers.
    ///
    /// Remedy: none needed; on capture cards with several queues, sort by time (`reordercap`).
    "capture-reordered", Quality,
    "packets were recorded out of order",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let halves = std::iter::once(case.control).chain(case.data()).flat_map(|one| [&one.from_origin, &one.from_target]);
    let mut frames: Vec<_> = halves.flat_map(|half| half.reordered().iter().copied()).collect();
    let backwards = case.scene.captures.iter().flat_map(|capture| &capture.backwards);
    frames.extend(backwards.flat_map(|(before, after)| [*before, *after]));
    frames.sort_unstable();
    frames.dedup();
    frames.truncate(CITED);
    let message = "packets of this session were recorded out of order".to_owned();
    Evidence::seen_all(frames, None, "out of order")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
