//! `capture-unsupported`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Kinds named.
const KINDS: usize = 6;

diagnosis! {
    /// Frames of the capture could not be decoded: a link type or an encapsulation that this program does not know, or
    /// headers that contradict themselves.
    ///
    /// Needs: such frames. FTP inside them is invisible here.
    ///
    /// Remedy: capture at a point where the traffic is not wrapped, or convert the file.
    "capture-unsupported", Quality,
    "frames could not be decoded",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Capture(check)
}

fn check(case: &CaptureCase<'_>) -> Vec<Finding> {
    let Some(first) = case.undecoded.iter().map(|kind| kind.first).min() else { return Vec::new() };
    let count: u64 = case.undecoded.iter().map(|kind| kind.count).sum();
    let mut kinds: Vec<String> =
        case.undecoded.iter().take(KINDS).map(|kind| format!("{} ({})", kind.kind, kind.count)).collect();
    if case.undecoded.len() > KINDS {
        kinds.push(format!("{} other kinds", case.undecoded.len() - KINDS));
    }
    let frames = if count == 1 { "frame" } else { "frames" };
    let message = format!("{count} {frames} could not be decoded: {}", kinds.join(", "));
    let primary = Evidence::seen(first, "first frame that could not be decoded");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).done()]
}
