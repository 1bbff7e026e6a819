//! `capture-drops`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::source::Capture;

diagnosis! {
    /// Packets are missing because the capture could not keep up, or because its interface was away for a time.
    ///
    /// Needs: interface statistics that count dropped packets; a live capture whose interface went down or was removed.
    ///
    /// Claims that something was not sent are at most possible where packets are missing.
    ///
    /// Remedy: capture with a filter, a larger buffer (`-B`), a shorter snap length, or on a faster disk.
    "capture-drops", Quality,
    "the capture itself says that packets are missing",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let lacking = case.scene.captures.iter().filter_map(|capture| Some((capture.id, lacks(capture)?)));
    lacking
        .filter_map(|(id, message)| {
            let last = case.scene.lasts.iter().find(|last| last.capture == id)?;
            let primary = Evidence::seen(*last, "last frame of the capture");
            Some(DIAGNOSIS.finding(Confidence::Proven, message, primary).done())
        })
        .collect()
}

fn lacks(capture: &Capture) -> Option<String> {
    let dropped: u64 = capture.interfaces.iter().filter_map(|interface| interface.dropped).sum();
    let away = capture.gaps.seconds_away();
    let counted = format!("the capture's own statistics count {dropped} dropped packets");
    match (dropped > 0, capture.gaps.iter().any(|gap| gap.away)) {
        (false, false) => None,
        (true, false) => Some(counted),
        (false, true) => Some(format!("an interface was away for {away:.1} s of the capture")),
        (true, true) => Some(format!("{counted}, and an interface was away for {away:.1} s")),
    }
}
