//! `antispoof-drop`

use super::case::Case;
use super::crossing::{self, What};
use super::neighbours;
use crate::finding::{Confidence, Finding};

diagnosis! {
    /// Packets with a foreign source address disappear between the two sides of this capture, while those with the
    /// host's own address get through: probably a reverse path filter or another anti-spoofing rule drops them.
    ///
    /// Needs: a data SYN, or the SYN-ACK that answers it, whose source is the address of another interface of its
    /// sender (`source-spoof-mismatch`), seen on one side of a router or firewall and not on the other
    /// (`data-syn-lost-in-transit`); and a data connection with the host's own source address that is seen on both.
    ///
    /// Helps: an ICMP error 3/13, or a line in the log of the firewall.
    ///
    /// Refuted by: a packet with the foreign source on the far side; packets with the host's own source address that
    /// are lost, too.
    ///
    /// Confidence: probable; proven if the facts of a host on the path (`--facts`, read before and after it) count as many
    /// packets that its reverse path filter dropped. Seen from one side only, it is named as a possible cause in another
    /// verdict.
    ///
    /// Remedy: at the client or at the server, whichever has the foreign address, use source routing, or bind the
    /// socket to the address of the interface in use; in the network, a loose reverse path filter (RFC 3704 2.4), or an
    /// exception for the host.
    "antispoof-drop", Warning,
    "only packets with a foreign source address are lost in the network",
    ["RFC 3704", "Microsoft KB Q175396"],
    verdict: never("one capture point shows the loss but not who dropped the packets"),
    locus: Hosts,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let lost = crossing::lost(case)?;
    let connection = lost.attempt.connection;
    let (from, to) = (connection.origin.ip(), connection.target.ip());
    let (source, peer) = if lost.what == What::Syn { (from, to) } else { (to, from) };
    let spoof = case.network.spoofs_between(source, peer).into_iter().find(|spoof| spoof.ip == source)?;
    if lost.witnesses.are_sent_by(source) {
        return None;
    }
    let message = format!(
        "of the packets of {}, only those with the foreign source address {source} are lost; those with its own address get through: {}",
        spoof.mac,
        lost.told(case),
    );
    let dropped = case.policy.facts.reverse_path_drops(source, connection.first.time, connection.last.time);
    let is_counted = dropped.as_ref().is_some_and(|(packets, _)| *packets >= u64::from(connection.syn_count));
    let confidence = if is_counted { Confidence::Proven } else { Confidence::Probable };
    let (sent, _) = neighbours::primary(neighbours::cite(&spoof.sent, &format!("source {source} from {}", spoof.mac)))?;
    Some(
        DIAGNOSIS
            .finding(confidence, message, lost.came_in()?)
            .about(case)
            .hosts([source])
            .support(lost.did_not_leave(case))
            .support([sent])
            .host(dropped.as_ref().map(|(_, said)| said))
            .network("Set the reverse path filter to loose (Linux: rp_filter=2), or add an anti-spoofing exception for this host.")
            .server(format!("If {source} is the server's: send from the address of the interface in use, or route by source."))
            .client(format!("If {source} is the client's: send from the address of the interface in use, or route by source."))
            .done(),
    )
}
