//! `mac-stale-peer`

use super::case::{Case, NetworkCase, Policy, SessionCase};
use super::host_cause::Symptom;
use super::{Draft, neighbours};
use crate::facts::Resolution;
use crate::frame::Interval;
use crate::finding::{Confidence, Finding};
use crate::network::{Network, Stale};

diagnosis! {
    /// A peer still sends to the old MAC of an address that has moved to a new one; what it sends is lost.
    ///
    /// The peer's ARP cache still has the old MAC. Connections to the address stall until the entry expires (2 to 10
    /// minutes on Windows NT, less on others), the peer asks again, or the new MAC is announced.
    ///
    /// Needs: the address moved on this segment (`mac-changed`), and at least two frames for it to the old MAC, a
    /// second or more later.
    ///
    /// Helps: retransmissions; unicast ARP requests to the old MAC without an answer; the peer's first frame to the new
    /// MAC, which ends it.
    ///
    /// Refuted by: the old MAC using the address too (`arp-conflict`); a few frames that were already being sent.
    ///
    /// Confidence: that of the move, or proven if the peer's own neighbour table (`--facts`) has the old MAC as a
    /// permanent entry; as the cause of a failure (a SYN between the two gets no answer, or a connection stalls at that
    /// time) at most probable.
    ///
    /// Traps: a switch shows these frames only by flooding them; a link type without destination MAC (SLL) cannot show
    /// them. If the peer is a router, it is the router's cache that is stale, not the remote host's.
    ///
    /// Remedy: in the network delete the peer's ARP entry, and remove static ones; at the client or the server,
    /// whichever moved, announce the address after such a change (gratuitous ARP, `arp_notify`).
    "mac-stale-peer", Error,
    "a peer keeps sending to the old MAC of an address that moved",
    ["Microsoft KB Q166750", "Microsoft KB Q138362", "Microsoft KB Q193157", "RFC 826"],
    verdict: HostFault,
    locus: Station,
    Network(check),
    Transfer(of_transfer),
    Session(of_session);
    reported_once: true,
    would_decide: "the peer's ARP cache at the time of the failure shows the MAC it used"
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let stale = case.network.stale_peers();
    let concerned = stale.iter().filter(|stale| neighbours::is_party(case.parties, stale.moved.ip));
    concerned.filter_map(|stale| Some(draft(case.network, case.policy, stale)?.done())).collect()
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let symptom = Symptom::of_transfer(case)?;
    Some(cause(case, &symptom)?.about(case).done())
}

fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let draft = Symptom::of_session(case).and_then(|symptom| cause(case, &symptom));
    draft.map(|draft| draft.in_session(case.session).done()).into_iter().collect()
}

/// The stale peer as the cause of a silence.
fn cause(case: &SessionCase<'_>, symptom: &Symptom) -> Option<Draft> {
    let [one, other] = symptom.ends;
    let all = case.network.stale_between(one, other);
    let stale = all.iter().find(|stale| symptom.meets(stale.sent.first, stale.sent.last, Interval::ZERO)).filter(|_| !symptom.answered)?;
    Some(symptom.blame(draft(case.network, case.policy, stale)?))
}

fn draft(network: &Network, policy: &Policy, stale: &Stale) -> Option<Draft> {
    let Stale { moved, peer, peer_mac, sent, learnt } = stale;
    let (ip, old, new) = (moved.ip, moved.old.0, moved.new.0);
    let sender = match network.is_router(moved.place, *peer_mac) {
        Some(_) => format!("the router {peer_mac} (for {peer})"),
        None => format!("{peer} ({peer_mac})"),
    };
    let until = match learnt.filter(|at| *at > sent.first) {
        Some(at) => format!("until it learned {new} in frame {}", at.number),
        None => format!("and did not learn {new} in this capture"),
    };
    let message = format!(
        "{sender} sent {} frames for {ip} to the old MAC {old}, up to {:.1} s after {ip} had moved to {new} in frame {}, {until}",
        sent.count,
        stale.seconds(),
        moved.at().number,
    );
    let entry = policy.facts.neighbour(*peer, ip, sent.last.time);
    let by_hand = entry.says().is_some_and(|one| {
        one.state == Resolution::Permanent && one.mac.as_deref().is_some_and(|mac| mac.eq_ignore_ascii_case(&old.to_string()))
    });
    let message = if by_hand { format!("{message}; its entry was set by hand (PERMANENT), which no ARP changes") } else { message };
    let confidence = if moved.is_certain() || by_hand { Confidence::Proven } else { Confidence::Probable };
    let (primary, rest) = neighbours::primary(neighbours::cite(&sent.frames(), &format!("for {ip}, to {old}")))?;
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .hosts([*peer, ip])
            .station(*peer_mac)
            .support(rest)
            .host(entry.said())
            .support(neighbours::cite(&[moved.at()], &format!("{ip} from {new}")))
            .support(neighbours::cite(&[moved.old.1.last], &format!("the last of {ip} from {old}")))
            .network(format!("Delete {ip} from the ARP cache of {peer_mac} (arp -d), remove static entries for it, and announce {ip} from {new}."))
            .client(format!("If {ip} is the client's: announce it after such a change (arping -U; Linux: arp_notify=1)."))
            .server(format!("If {ip} is the server's: announce it whenever a card, bond, cluster or virtual machine moves it (arping -U).")),
    )
}
