//! `capture-unsupported`

use super::case::CaptureCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Kinds named.
const KINDS: usize = 6;

diagnosis! {
    /// Some frames could not be decoded: their link type or a tunnel is not supported, or their headers contradict
    /// themselves. The message counts them by kind. If there is FTP inside, it is invisible to ftpwhy.
    ///
    /// Needs: frames that could not be decoded.
    ///
    /// What it changes: sessions or data connections may be missing, so what is not there may only be wrapped in
    /// something unknown. Frames that have nothing to do with FTP do no harm.
    ///
    /// Remedy: capture at a point where the traffic is not wrapped, for example on the host itself or behind the end of
    /// the tunnel. If Wireshark can decode the frames, export them without the outer header (`editcap -C` removes bytes
    /// at the start of each frame).
    "capture-unsupported", Quality,
    "frames could not be decoded",
    ["editcap(1)"],
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
