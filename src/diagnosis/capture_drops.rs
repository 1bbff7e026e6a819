//! `capture-drops`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// Packets are missing because the capture could not keep up.
    ///
    /// Needs: interface statistics that count dropped packets.
    ///
    /// Claims that something was not sent are at most possible where packets were dropped.
    ///
    /// Remedy: capture with a filter, a larger buffer (`-B`), a shorter snap length, or on a faster disk.
    "capture-drops", Quality,
    "the capture itself counts dropped packets",
    [],
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for capture in case.scene.captures {
        let dropped: u64 = capture.interfaces.iter().filter_map(|interface| interface.dropped).sum();
        if dropped == 0 {
            continue;
        }
        if let Some(last) = case.scene.lasts.iter().find(|last| last.capture == capture.id) {
            let message = format!("the capture's own statistics count {dropped} dropped packets");
            let primary = Evidence::seen(*last, "last frame of the capture");
            findings.push(DIAGNOSIS.finding(Confidence::Proven, message, primary).done());
        }
    }
    findings
}
