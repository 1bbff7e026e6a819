//! `capture-offload`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;

diagnosis! {
    /// The capture was taken on a host that leaves checksums or segmentation to its network card: what it sends is
    /// recorded before the card completes it.
    ///
    /// Needs: TCP checksums that are bad for all segments of one host and good for the other's.
    ///
    /// It tells where the capture was taken; it is no fault.
    ///
    /// Remedy: none needed.
    "capture-offload", Quality,
    "checksums of one host were left to its network card",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let found = [End::Origin, End::Target].into_iter().find(|end| {
        let (own, peer) = (case.control.half(*end), case.control.half(end.peer()));
        own.bad_checksums > 0 && own.good_checksums == 0 && peer.good_checksums > 0 && peer.bad_checksums == 0
    });
    let Some(end) = found else { return Vec::new() };
    let Some(first) = case.control.half(end).first else { return Vec::new() };
    let host = case.control.socket(end).ip();
    let message = format!("TCP checksums of {host} are not filled in: the capture was taken on that host");
    let primary = Evidence::seen(first, "checksum does not verify");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).hosts([host]).done()]
}
