//! `virtual-mac`

use super::case::NetworkCase;
use super::neighbours;
use crate::finding::{Confidence, Finding};

diagnosis! {
    /// A MAC on the way belongs to a redundancy protocol or a cluster, not to a card.
    ///
    /// Such a MAC moves between hosts, and packets may leave from another MAC than the one that receives. All of this is
    /// by design: no change of MAC, conflict or asymmetry is concluded from it.
    ///
    /// Needs: a prefix of VRRP and CARP (00:00:5e:00:01, :02), HSRP (00:00:0c:07:ac, 00:00:0c:9f:f, 00:05:73:a0:0), GLBP
    /// (00:07:b4:00), or Network Load Balancing's MAC that ends in the address it serves (02:bf and 03:bf).
    ///
    /// Refuted by: any other prefix. 00:00:5e:00:53 is for documentation.
    ///
    /// Confidence: proven, by the prefix.
    ///
    /// Remedy: none.
    "virtual-mac", Info,
    "a redundancy protocol's or cluster's MAC carries the packets",
    ["RFC 9568 7.3", "RFC 2281"],
    Network(check)
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let uses = case.network.virtual_macs();
    let concerned = uses.iter().filter(|used| neighbours::is_party(case.parties, used.ip));
    let findings = concerned.filter_map(|used| {
        let message =
            format!("{} is {}'s: MACs around {} may differ and change by design", used.mac, used.kind, used.ip);
        let (primary, _) =
            neighbours::primary(neighbours::cite(&[used.at], &format!("{} with {}", used.mac, used.ip)))?;
        Some(DIAGNOSIS.finding(Confidence::Proven, message, primary).hosts([used.ip]).done())
    });
    findings.collect()
}
