//! `capture-gap`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Gaps cited.
const CITED: usize = 8;

diagnosis! {
    /// Bytes of a followed connection are missing from the capture though the peer acknowledged them.
    ///
    /// Needs: an acknowledgement of bytes that were never captured.
    ///
    /// Commands, replies and FINs may be among them: what rests on their absence is at most possible.
    ///
    /// Remedy: as for `capture-drops`.
    "capture-gap", Quality,
    "acknowledged bytes are missing from the capture",
    [],
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
