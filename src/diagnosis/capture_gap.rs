//! `capture-gap`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Gaps cited.
const CITED: usize = 8;

diagnosis! {
    /// Bytes of a control or data connection are missing from the capture although the receiver acknowledged them, so
    /// they were sent and received. The capture lost them: the capturing program was too slow, a mirror port was
    /// overloaded, or a part of the traffic takes another path.
    ///
    /// Needs: an acknowledgement of bytes that were never captured.
    ///
    /// What it changes: commands, replies and FINs may be among the missing bytes. What rests on their absence is at
    /// most possible, and a transfer can lack its command or its reply.
    ///
    /// Remedy: as for `capture-drops`: capture fewer packets, use a larger buffer, or capture on one of the two hosts
    /// instead of a mirror port. If only one direction has gaps, see `capture-one-direction`.
    "capture-gap", Quality,
    "acknowledged bytes are missing from the capture",
    ["tcpdump(1)"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let connections = std::iter::once(case.control).chain(case.data()).filter(|one| !one.payload_hidden);
    let gaps: Vec<_> = connections.flat_map(|one| one.from_origin.gaps().iter().chain(one.from_target.gaps())).collect();
    let bytes: u64 = gaps.iter().map(|gap| u64::from(gap.len)).sum();
    let mut frames: Vec<_> = gaps.iter().map(|gap| gap.at).collect();
    frames.sort_unstable();
    frames.dedup();
    let count = frames.len();
    frames.truncate(CITED);
    let message = format!("{bytes} bytes of this session's connections were acknowledged but not captured, in {count} places");
    Evidence::seen_all(frames, None, "acknowledges or follows bytes that are not in the capture")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
