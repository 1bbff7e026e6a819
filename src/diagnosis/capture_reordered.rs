//! `capture-reordered`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// Packets were recorded in another order than they were sent: times run backwards within one interface, or a
    /// segment comes after a later one without being a retransmission. Network cards with several queues, merged
    /// captures and some capture boxes write packets so. The order of the bytes is taken from the sequence numbers, so
    /// commands and replies are still read correctly.
    ///
    /// Needs: times of one interface that step back by more than 1 ms, or the first copy of a segment after a later one.
    ///
    /// What it changes: intervals between packets are uncertain by the size of these steps.
    ///
    /// Remedy: none needed. To get a sorted file, use `reordercap x.pcap sorted.pcap`, or capture with one receive
    /// queue (`ethtool -L eth0 combined 1`).
    "capture-reordered", Quality,
    "packets were recorded out of order",
    ["reordercap(1)"],
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
