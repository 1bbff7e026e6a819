//! `capture-snaplen`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// Frames of FTP connections are cut: the capture kept only the first bytes of each frame (the snap length), and
    /// commands, replies or TCP options behind the cut are not in the file. Old versions of tcpdump cut at 68 or 96
    /// bytes by default.
    ///
    /// Needs: frames of the session that are shorter in the capture than on the network.
    ///
    /// What it changes: a command or reply that is cut cannot be read, so a transfer may lack its endpoint or its
    /// result. TCP headers are mostly complete, so what happened to SYN, FIN and RST is still known.
    ///
    /// Remedy: capture whole frames with `-s 0`. If the files become too large, `-s 256` is enough for nearly all
    /// commands and replies.
    "capture-snaplen", Quality,
    "frames are cut by the snap length",
    ["tcpdump(1)"],
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
