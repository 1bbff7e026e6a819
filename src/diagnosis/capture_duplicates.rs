//! `capture-duplicates`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Pairs cited.
const CITED: usize = 4;

diagnosis! {
    /// Packets were recorded more than once. This happens when a switch mirrors two ports of the same path, when
    /// tcpdump listens on `any` and sees a packet on a bridge and on its port, or when both interfaces of a router are
    /// captured. Each copy is counted once, so duplicates are not taken for retransmissions.
    ///
    /// Needs: the same packet again within a moment, or again with a TTL that is lower by one, or on another interface.
    ///
    /// What it changes: nothing in the findings. Other programs may report retransmissions that never happened.
    ///
    /// Remedy: none needed. To get a clean file, mirror only one port or capture on one interface (`-i eth0` instead of
    /// `-i any`), or remove the copies with `editcap -d x.pcap clean.pcap`.
    "capture-duplicates", Quality,
    "packets were recorded more than once",
    ["editcap(1)"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let halves = || {
        std::iter::once(case.control).chain(case.data()).flat_map(|one| [&one.from_origin, &one.from_target])
    };
    let count: u64 = halves().map(|half| u64::from(half.duplicate_count())).sum();
    let mut pairs: Vec<_> = halves().flat_map(|half| half.duplicates().iter().copied()).collect();
    pairs.sort_unstable();
    let frames: Vec<_> = pairs.into_iter().take(CITED).flat_map(|(one, other)| [one, other]).collect();
    let message = if count == 1 {
        "a packet of this session was recorded twice; it is counted once".to_owned()
    } else {
        format!("{count} packets of this session were recorded more than once; each is counted once")
    };
    Evidence::seen_all(frames, None, "packet and its copy")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
