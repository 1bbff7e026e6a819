//! `capture-truncated`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The capture file is damaged, or it ends in the middle of a packet. Everything before the damage was read; what
    /// comes after it is lost. Usual reasons are a disk that was full, a capturing program that was killed, a copy that
    /// is not complete, and a transfer in FTP's ASCII mode, which changes bytes.
    ///
    /// Needs: a record that does not fit into the file, or a block that contradicts itself. A capture that merely ends
    /// early is not truncated.
    ///
    /// What it changes: the end of a session may be missing, so a transfer can lack its reply.
    ///
    /// Remedy: copy the file again in binary mode and compare its size; stop tcpdump with ^C instead of killing it, or
    /// use `-U`, which writes each packet at once.
    "capture-truncated", Quality,
    "the capture file is damaged or cut",
    ["tcpdump(1)"],
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
