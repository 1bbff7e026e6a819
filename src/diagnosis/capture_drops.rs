//! `capture-drops`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::source::Capture;

diagnosis! {
    /// Packets are missing because the capture could not keep up, or because its interface was down or removed for a
    /// time. The capture itself reports it: tcpdump and dumpcap write a counter of dropped packets into pcapng files,
    /// and a live capture of ftpwhy counts what it lost.
    ///
    /// Needs: interface statistics that count dropped packets; or a live capture whose interface went down or was
    /// removed.
    ///
    /// What it changes: any packet may be among the missing ones, so a finding that rests on something that was not
    /// sent is at most possible.
    ///
    /// Remedy: capture fewer packets (a filter on the two hosts), use a larger buffer (tcpdump `-B 65536`), a shorter
    /// snap length (`-s 256` keeps the commands, replies and TCP headers), or write to a faster disk.
    "capture-drops", Quality,
    "the capture reports that packets are missing",
    ["tcpdump(1)"],
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
        (false, true) => Some(format!("an interface was down or removed for {away:.1} s of the capture")),
        (true, true) => Some(format!("{counted}, and an interface was down or removed for {away:.1} s")),
    }
}
