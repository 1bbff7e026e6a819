//! `capture-control-only`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Replies cited.
const CITED: usize = 8;

diagnosis! {
    /// The capture has control connections but no data connections: transfers succeeded according to their replies, and
    /// no packet of their data connections is in the file. Usually the capture filter was `port 21`. Such a capture
    /// shows what client and server said, but not what happened to the data connection, so a missing SYN proves
    /// nothing.
    ///
    /// Needs: a transfer with a readable endpoint, answered 2xx, and no segment of its data connection.
    ///
    /// What it changes: diagnoses that rest on a missing SYN are at most possible, and the causes of a 425 cannot be
    /// told apart.
    ///
    /// Remedy: capture again without a port filter: `tcpdump -i any -s 0 -w x.pcap 'tcp or arp or icmp or icmp6'`. Data
    /// connections use any port. If the file becomes too large, limit it to the two hosts (`host A and host B`), not to
    /// ports.
    "capture-control-only", Quality,
    "data connections were not captured",
    ["tcpdump(1)"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let bare: Vec<_> = case
        .all_concluded()
        .iter()
        .filter(|one| one.lacks_its_data())
        .filter_map(|one| one.transfer?.reply.as_ref())
        .map(crate::ftp::Reply::at)
        .collect();
    let count = bare.len();
    let message = if count == 1 {
        "a transfer succeeded but its data connection is not in the capture".to_owned()
    } else {
        format!("{count} transfers succeeded but none of their data connections is in the capture")
    };
    Evidence::seen_all(bare.into_iter().take(CITED).collect(), None, "transfer complete, data connection not captured")
        .map(|primary| DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done())
        .into_iter()
        .collect()
}
