//! `capture-offload`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;

diagnosis! {
    /// The capture was taken on a host that leaves TCP checksums or segmentation to its network card. What this host
    /// sends is recorded before the card completes it: its checksums look wrong, and packets can be larger than the
    /// MTU. On the network the packets are correct. This is normal on most hosts and virtual machines.
    ///
    /// Needs: TCP checksums that are wrong in all segments of one host and correct in those of the other.
    ///
    /// What it changes: it shows on which host the capture was taken, and so which missing packets were really not sent.
    ///
    /// Remedy: none needed. If another program complains about checksums, switch its check off, or switch the offload
    /// off for the time of the capture (`ethtool -K eth0 tx off tso off`).
    "capture-offload", Quality,
    "one host leaves TCP checksums to its network card",
    ["tcpdump(1)"],
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
