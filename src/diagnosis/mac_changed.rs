//! `mac-changed`

use super::case::NetworkCase;
use super::{arp_conflict, neighbours};
use crate::finding::{Confidence, Finding};
use crate::network::{How, Move};

diagnosis! {
    /// An address on this link moved from one MAC to another: another card, a failover, a virtual machine that moved,
    /// or another host that took over the address.
    ///
    /// Peers that keep the old MAC in their ARP cache send to nobody until the entry expires or they learn the new one.
    /// Any ARP packet from the new MAC to them updates it (RFC 826), an announcement updates all of them at once.
    /// Windows NT before 4.0 SP4 did not even notice the change of its own card's address.
    ///
    /// Needs: frames or ARP of the address from the old MAC, then ARP or ND with it from the new MAC, and no further
    /// use by the old one; all on one segment.
    ///
    /// Helps: an announcement (the finding says whether there was one); peers that switch their destination MAC.
    ///
    /// Refuted by: the old MAC still using it (`arp-conflict`); a router's, redundancy protocol's or cluster's MAC; an
    /// address behind a router, whose MAC is the router's and changes with the route.
    ///
    /// Confidence: proven if the old MAC used the address in more than the sender field of one request; otherwise
    /// possible, because a move and the beginning of a conflict look the same.
    ///
    /// Traps: captures joined from two segments; bonds that spread their traffic over several MACs; a lease given to
    /// another host.
    ///
    /// Remedy: at the client or the server, whichever moved, announce the address after the change (gratuitous ARP,
    /// `arp_notify`; Windows NT 4.0: Service Pack 4); in the network clear the peers' ARP caches.
    "mac-changed", Warning,
    "an address moved from one MAC to another",
    ["Microsoft KB Q193157", "Microsoft KB Q166750", "RFC 826", "RFC 5227 3"],
    verdict: never("a fact about hosts: mac-stale-peer and arp-conflict are what fails by it"),
    locus: Hosts,
    Network(check)
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let moves = case.network.moves();
    moves.iter().filter(|moved| neighbours::is_party(case.parties, moved.ip)).filter_map(finding).collect()
}

fn finding(moved: &Move) -> Option<Finding> {
    let Move { ip, old: (old, before), new: (new, after), .. } = moved;
    let announced = match moved.announced {
        Some(at) => format!("announced in frame {}", at.number),
        None => "not announced".to_owned(),
    };
    let message = format!("{ip} moved from {old} to {new} in frame {} ({announced})", moved.at().number);
    let confidence = if moved.is_certain() {
        Confidence::Proven
    } else if moved.old_how == How::RequestSpa {
        // Linux puts any local address into its requests: the old MAC may never have had this one.
        Confidence::Possible
    } else {
        Confidence::Probable
    };
    let (primary, rest) = neighbours::primary(neighbours::cite(&after.frames(), &format!("{ip} from {new}")))?;
    let draft = DIAGNOSIS
        .finding(confidence, message, primary)
        .hosts([*ip])
        .support(rest)
        .support(neighbours::cite(&[before.first, before.last], &format!("{ip} from {old}, first and last")))
        .network(format!("Clear {ip} from the ARP caches of its peers, or announce it from {new} (arping -U)."))
        .client(format!("If {ip} is the client's: announce it after such a change (Linux: arp_notify=1), and log in again."))
        .server(format!("If {ip} is the server's: announce it after such a change (Linux: arp_notify=1; Windows NT 4.0: Service Pack 4)."));
    Some(if confidence == Confidence::Proven {
        draft.rule_out(arp_conflict::NAME, format!("{old} does not use {ip} after frame {}", before.last.number)).done()
    } else {
        draft.or(arp_conflict::NAME, format!("check in a capture that shows both hosts whether {old} still uses {ip}")).done()
    })
}
