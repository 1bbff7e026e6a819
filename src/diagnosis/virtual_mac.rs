//! `virtual-mac`

use super::case::NetworkCase;
use super::neighbours;
use crate::finding::{Confidence, Finding};

diagnosis! {
    /// A MAC in this capture belongs to a redundancy protocol or a cluster, not to a network card.
    ///
    /// Such a MAC moves between hosts, and packets may leave from another MAC than the one that receives. All of this
    /// is normal: ftpwhy concludes no change of MAC, conflict or asymmetric path from it.
    ///
    /// Needs: a MAC of VRRP and CARP (00:00:5e:00:01, :02), HSRP (00:00:0c:07:ac, 00:00:0c:9f:f, 00:05:73:a0:0), GLBP
    /// (00:07:b4:00 to :03, with forwarder 1 to 4 at the end), or Network Load Balancing: 02:bf or 03:bf, or 02:01 to
    /// 02:20 for one host of the cluster, each followed by the IPv4 address of the cluster.
    ///
    /// Refuted by: any other pattern. 00:00:5e:00:53 is for documentation; 02:42 with an IPv4 address is the MAC of a
    /// Docker container, which is an ordinary host.
    ///
    /// Confidence: proven, by the pattern.
    ///
    /// Remedy: none.
    "virtual-mac", Info,
    "the packets use the MAC of a redundancy protocol or cluster",
    ["RFC 9568 7.3", "RFC 2281"],
    verdict: never("a fact about hosts, no fault"),
    locus: Hosts,
    Network(check)
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let uses = case.network.virtual_macs();
    let concerned = uses.iter().filter(|used| neighbours::is_party(case.parties, used.ip));
    let findings = concerned.filter_map(|used| {
        let message =
            format!("{} is {}'s: MACs around {} may differ and change; that is normal", used.mac, used.kind, used.ip);
        let (primary, _) =
            neighbours::primary(neighbours::cite(&[used.at], &format!("{} with {}", used.mac, used.ip)))?;
        Some(DIAGNOSIS.finding(Confidence::Proven, message, primary).hosts([used.ip]).done())
    });
    findings.collect()
}
