//! `capture-snaplen`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// Frames of followed connections are cut by the snap length: commands and replies may be unreadable.
    ///
    /// Needs: frames of the session that are shorter in the capture than on the wire.
    ///
    /// Remedy: capture whole frames (`-s 0`).
    "capture-snaplen", Quality,
    "frames are cut by the snap length",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let halves = || {
        std::iter::once(case.control).chain(case.data()).flat_map(|one| [&one.from_origin, &one.from_target])
    };
    let cut: u64 = halves().map(|half| u64::from(half.cut)).sum();
    let Some(first) = halves().filter_map(crate::flow::Half::first_cut).min() else { return Vec::new() };
    let message = format!("{cut} frames of this session were cut by the snap length");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, Evidence::seen(first, "first cut frame")).in_session(case.session).done()]
}
