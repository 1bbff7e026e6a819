//! `source-spoof-mismatch`

use std::net::IpAddr;

use super::case::{Case, NetworkCase, Policy, SessionCase};
use super::host_cause::Symptom;
use super::{Draft, crossing, neighbours};
use super::{antispoof_drop, mac_changed};
use crate::facts::{Answer, Facts};
use crate::finding::{Confidence, Finding};
use crate::source::Capture;
use crate::network::Spoof;

/// Addresses named in a message.
const NAMED: usize = 3;

diagnosis! {
    /// A host with several interfaces sends packets through one of them with the source address of another.
    ///
    /// By default many systems choose the interface only by the destination (weak end system model, RFC 1122 3.3.4.2).
    /// A program that binds its socket to an address does not choose the interface, so packets can leave with a source
    /// address that does not belong there. Firewalls and routers that check source addresses (reverse path filter,
    /// anti-spoofing) drop them, often silently; the connection then hangs as if the network were down.
    ///
    /// Needs: frames with an initial TTL (64, 128, 255) and the source address A from a MAC at one interface or
    /// segment, and evidence that A belongs to another MAC elsewhere: an ARP or ND reply, an announcement, the defence
    /// against a probe, or the interface's address in the capture file.
    ///
    /// Helps: packets of the same conversation arrive at the interface of A while the others leave here: then both MACs
    /// belong to one host, and the finding is proven. In captures of Linux's `any` device (SLL2) the host itself marks
    /// what it sends.
    ///
    /// Refuted by: the MAC answering for A here too (a secondary address), or receiving A's packets here; a router's or
    /// virtual MAC; facts of A's host (`--facts`) that do not list the MAC; A's own frames to the same peer that leave
    /// through A's interface at the same time (a bridge or a proxy).
    ///
    /// Confidence: proven as above, or by the routes of A's host (`--facts`) that lead to the peer through the interface
    /// with that MAC; otherwise probable: another host could have forged the source. As the cause of a failure (a SYN
    /// gets no answer or a connection stalls at that time) at most probable.
    ///
    /// Traps: the sender address in an ARP request proves nothing, Linux uses any local address there (ARP flux). Lower
    /// TTLs come from behind routers. SLL without interface indexes mixes all segments and is not judged.
    ///
    /// Severity: error when the silence of a failed transfer or session begins with such packets, otherwise warning.
    ///
    /// Remedy: at the client or the server, whichever host it is, add source routing (`ip rule add from A`), or bind
    /// the program to the address of the interface that it uses; in the network make an exception for the host in the
    /// filter (loose instead of strict reverse path check).
    "source-spoof-mismatch", Warning,
    "a host sends packets with the source address of another interface",
    ["Microsoft KB Q175396", "RFC 1122 3.3.4.2", "RFC 3704"],
    verdict: HostFault,
    locus: Hosts,
    Network(check),
    Transfer(of_transfer),
    Session(of_session);
    reported_once: true,
    would_decide: "a capture behind the next router shows whether it drops packets with the foreign source address"
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let concerns = |spoof: &Spoof| {
        let party = |ip: &IpAddr| neighbours::is_party(case.parties, *ip);
        party(&spoof.ip) || (spoof.own.iter().any(party) && spoof.to.iter().any(party))
    };
    let told = |spoof: &Spoof| Some(draft(spoof, case.scene.captures, case.policy)?.done());
    case.network.spoofs().iter().filter(|spoof| concerns(spoof)).filter_map(told).collect()
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let symptom = Symptom::of_transfer(case)?;
    let draft = cause(case, &symptom)?.about(case);
    // With both sides in the capture, whether it is dropped there is told for itself.
    Some(if crossing::lost(case).is_some() { draft } else { filtered(draft) }.done())
}

fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let draft = Symptom::of_session(case).and_then(|symptom| cause(case, &symptom));
    draft.map(|draft| filtered(draft).in_session(case.session).done()).into_iter().collect()
}

/// The foreign source as the cause of a silence: what comes back tells that such packets get through.
fn cause(case: &SessionCase<'_>, symptom: &Symptom) -> Option<Draft> {
    let [one, other] = symptom.ends;
    let spoofs = case.network.spoofs_between(one, other);
    let begins = |spoof: &&Spoof| spoof.sent.first().is_some_and(|first| symptom.begins_with(*first));
    let spoof = spoofs.iter().find(begins).filter(|_| !symptom.answered)?;
    Some(symptom.blame(draft(spoof, case.scene.captures, case.policy)?))
}

/// A filter on the way may be why the packets get no answer: one capture point alone cannot tell.
fn filtered(draft: Draft) -> Draft {
    let behind = "a capture behind the next router shows whether only packets with this source address are dropped there";
    draft.or(antispoof_drop::NAME, behind)
}

/// The route by which the host with the foreign source sends, and whether that leaves by another interface than the
/// address is at: its own kernel then says what it does.
fn sends_by_route(spoof: &Spoof, facts: &Facts) -> (Answer<()>, bool) {
    let (Some(to), Some(sent)) = (spoof.to.first(), spoof.sent.first()) else { return (Answer::Silent, false) };
    let answer = facts.route(spoof.ip, *to, sent.time);
    let out = answer.says().copied().flatten().map(|route| route.interface.as_str());
    let mut hosts = facts.hosts().filter(|host| host.has(spoof.ip));
    let is_elsewhere = hosts.any(|host| {
        let home = host.addresses.iter().find(|own| own.address == spoof.ip).map(|own| own.interface.as_str());
        let mac = |name: &str| host.addresses.iter().find(|own| own.interface == name).and_then(|own| own.mac.clone());
        out.is_some_and(|out| home != Some(out) && mac(out) == Some(spoof.mac.to_string()))
    });
    (answer.map(|_| ()), is_elsewhere)
}

fn draft(spoof: &Spoof, captures: &[Capture], policy: &Policy) -> Option<Draft> {
    let Spoof { ip, mac, .. } = spoof;
    let sent = spoof.sent.first()?;
    // Another host forges the source: the one that has it says so.
    if policy.facts.has_mac(*ip, &mac.to_string(), sent.time).says() == Some(&false) {
        return None;
    }
    let [place, home] = [spoof.place, spoof.home].map(|place| neighbours::interface(captures, place));
    let whose = spoof.owner.map_or_else(|| format!("that address belongs to {home}"), |mac| format!("that address belongs to {mac} on {home}"));
    let own =
        if spoof.own.is_empty() { String::new() } else { format!(" (also {})", neighbours::list(&spoof.own, NAMED)) };
    let packets = if spoof.count == 1 { "1 packet".to_owned() } else { format!("{} packets", spoof.count) };
    let message = format!(
        "{mac}{own} sends {packets} to {} on {place} with the source address {ip}, but {whose}{}",
        neighbours::list(&spoof.to, NAMED),
        if spoof.is_certain() { ": the host sends from the wrong interface" } else { "" },
    );
    let (primary, rest) =
        neighbours::primary(neighbours::cite(&spoof.sent, &format!("source {ip} from {mac} on {place}")))?;
    let owned = spoof.owned.map(|(how, at)| neighbours::cite(&[at], &format!("{} for {ip} on {home}", how.text())));
    let returned = spoof.returned.map(|at| {
        neighbours::cite(&[at], &format!("a packet of the same conversation arrives on {home}, the interface of {ip}"))
    });
    let (route, is_routed) = sends_by_route(spoof, &policy.facts);
    let confidence = if spoof.is_certain() || is_routed { Confidence::Proven } else { Confidence::Probable };
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .hosts([*ip])
            .support(rest)
            .support(owned.into_iter().flatten())
            .support(returned.into_iter().flatten())
            .host(route.said())
            .rule_out(mac_changed::NAME, format!("{ip} is seen with different MACs on different segments, not with a new MAC on one segment"))
            .client(format!("If {ip} is the client's: bind to the address of the interface that leads to the server, or add a source routing rule (ip rule add from {ip})."))
            .server(format!("If {ip} is the server's: make replies leave through the interface that has {ip} (source routing rules, strong host model)."))
            .network("Check anti-spoofing and reverse path filters on the path; a loose check (Linux: rp_filter=2) or an exception lets such packets pass."),
    )
}
