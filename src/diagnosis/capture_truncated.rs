//! `capture-truncated`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The file is damaged, or cut within a record. Everything up to the damage was read.
    ///
    /// Needs: a record that does not fit into the file, or a block that contradicts itself. A capture that merely ends
    /// early is not truncated.
    ///
    /// Remedy: copy the file again; stop tcpdump with ^C rather than by killing it, or use `-U`.
    "capture-truncated", Quality,
    "the capture file is damaged or cut",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let damaged = case.scene.captures.iter().filter_map(|capture| Some((capture, capture.damage.as_ref()?)));
    damaged
        .filter_map(|(capture, damage)| {
            // A filter may have let none of its packets pass.
            let last = case.scene.lasts.iter().find(|last| last.capture == capture.id).copied().or(damage.after)?;
            let message = format!("the capture is damaged at byte {}: {}", damage.offset, damage.what);
            let primary = Evidence::seen(last, "last frame before the damage");
            Some(DIAGNOSIS.finding(Confidence::Proven, message, primary).done())
        })
        .collect()
}
