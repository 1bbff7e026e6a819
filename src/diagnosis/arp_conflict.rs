//! `arp-conflict`

use super::case::{Case, NetworkCase, SessionCase};
use super::host_cause::Symptom;
use super::{Draft, neighbours};
use super::mac_changed;
use crate::frame::Interval;
use crate::finding::{Confidence, Finding};
use crate::network::{Conflict, Network};

/// What a peer was told last, it believes for about so long without being told again (Linux: base_reachable_time and
/// what follows).
const CACHED: Interval = Interval::seconds(60);

diagnosis! {
    /// Two hosts use one address at the same time.
    ///
    /// The host that sent last gets the packets. Connections to the address break: segments reach the wrong host, which
    /// sends a RST or does not answer.
    ///
    /// Needs: on one segment, ARP or ND of the address from two MACs, at least one of them by a reply or announcement,
    /// and either one request that both answer, or the address moves back and forth between them: one announces it and
    /// the other still uses it.
    ///
    /// Helps: resets of connections from the other MAC; a defence within 10 s.
    ///
    /// Refuted by: an address that moves once (`mac-changed`); a router or proxy that answers for many; redundancy
    /// protocols and clusters; two cards of one host, which answer for each other's addresses too.
    ///
    /// Confidence: proven if the address moved back at least twice; otherwise probable. As the cause of a failure (a
    /// SYN gets no answer or a connection stalls at that time) at most probable.
    ///
    /// Traps: the sender of a probe is 0.0.0.0 and claims nothing. Bonds with load balancing use several MACs, but
    /// announce none of them.
    ///
    /// Remedy: in the network find the host behind the unexpected MAC (switch tables); reserve the address in DHCP for
    /// the client or the server that it belongs to, and give the other host a free one.
    "arp-conflict", Error,
    "two hosts claim one address",
    ["RFC 5227 2.4", "RFC 4862 5.4", "Microsoft KB Q120599", "Microsoft KB Q174929"],
    verdict: HostFault,
    locus: Hosts,
    Network(check),
    Transfer(of_transfer),
    Session(of_session);
    reported_once: true,
    would_decide: "the switches' MAC tables show which host had the address"
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let conflicts = case.network.conflicts();
    conflicts.iter().filter(|conflict| neighbours::is_party(case.parties, conflict.ip)).filter_map(|conflict| Some(draft(conflict)?.done())).collect()
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let symptom = Symptom::of_transfer(case)?;
    Some(cause(case.network, &symptom)?.about(case).done())
}

fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let draft = Symptom::of_session(case).and_then(|symptom| cause(case.network, &symptom));
    draft.map(|draft| draft.in_session(case.session).done()).into_iter().collect()
}

/// The conflict as the cause of a silence, or of a refusal: the wrong host got the packets.
fn cause(network: &Network, symptom: &Symptom) -> Option<Draft> {
    let conflicts = network.conflicts_over(symptom.ends);
    let during = |conflict: &&Conflict| {
        let [(_, one), (_, other)] = &conflict.claims;
        let last = one.last().max(other.last());
        other.first().zip(last).is_some_and(|(rival, last)| symptom.meets(*rival, *last, CACHED))
    };
    Some(symptom.blame(draft(conflicts.iter().find(during)?)?))
}

fn draft(conflict: &Conflict) -> Option<Draft> {
    let Conflict { ip, claims: [(one, first), (other, second)], returns, .. } = conflict;
    let how = match conflict.answered_twice {
        Some([asked, ..]) => format!("both answer the request in frame {}", asked.number),
        None if *returns == 1 => format!("{one} defends it"),
        None => format!("the address changes between them {} times", returns + 1),
    };
    let message = format!("{one} and {other} both use {ip}: {how}");
    let (primary, rest) = neighbours::primary(neighbours::cite(second, &format!("{other} claims {ip}")))?;
    let twice = conflict.answered_twice.map(|frames| neighbours::cite(&frames, "one request, two answers"));
    let confidence = if conflict.certain { Confidence::Proven } else { Confidence::Probable };
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .hosts([*ip])
            .support(rest)
            .support(neighbours::cite(first, &format!("{one} claims {ip}")))
            .support(twice.into_iter().flatten())
            .rule_out(mac_changed::NAME, format!("{one} still uses {ip} at the same time as {other}"))
            .network(format!(
                "Find {one} and {other} in the switches' MAC tables and give one of them another address than {ip}."
            ))
            .client(format!("If {ip} belongs to the client: renew its lease, or give it a free address (arping -D checks that)."))
            .server(format!("If {ip} belongs to the server: exclude it from the DHCP range, or reserve it there.")),
    )
}
