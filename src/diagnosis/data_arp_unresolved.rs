//! `data-arp-unresolved`

use std::net::IpAddr;

use super::case::Case;
use super::{data_syn_refused, lines, neighbours, time_wait_collision, timers};
use crate::facts::Resolution;
use crate::finding::{Confidence, Finding};
use crate::transfer::Direction;

/// Questions after which a stack gives up (RFC 1122 2.3.2.1, Linux's `mcast_solicit`): nobody is there.
const GIVES_UP: usize = 3;
/// A second question follows only if the first got no answer.
const ASKED: usize = 2;

diagnosis! {
    /// The host or router that had to deliver the data SYN sent ARP or ND requests for the announced host, and got no
    /// answer.
    ///
    /// The SYN waits in that sender's queue and is dropped; a host gives up after about 3 s ("No route to host"), a
    /// router answers with ICMP host unreachable. It looks as if the server had never tried.
    ///
    /// Needs: two or more requests for the announced host between the transfer command and its final reply, by the
    /// server or a router on the path, no answer, and nothing from that host at that time.
    ///
    /// Helps: requests a second apart; a reply after 3 s that says so.
    ///
    /// Refuted by: an answer, or any packet from the host; the asker's own table of neighbours (`--facts`), read meanwhile,
    /// that has its MAC.
    ///
    /// Confidence: proven with three requests, because a host that gets an answer does not ask again; probable with
    /// two, or proven if the neighbour table of the host that asks (`--facts`) says that the entry failed.
    ///
    /// Traps: captures with a filter for TCP have no ARP. The answer goes only to the host that asked and need not be
    /// visible here, so one request proves nothing.
    ///
    /// Remedy: at the client announce the right address; at the server offer the right one in 227, check its mask and
    /// routes; in the network make the host reachable (cable, VLAN, proxy ARP).
    "data-arp-unresolved", Error,
    "no answer to ARP or ND for the announced host",
    ["RFC 826", "RFC 4861 7.2", "RFC 1122 2.3.2"],
    verdict: NoLinkAddress,
    locus: Server,
    Transfer(check)
}

/// Whether a SYN was waiting for an address: then nobody need ask where it went.
pub(super) fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() {
        return None;
    }
    let offer = case.concluded.in_force()?;
    let socket = offer.socket?;
    let target = socket.ip().to_canonical();
    let (_, until) = case.window()?;
    let from = offer.command.at();
    let query = case.network.unanswered_queries(target, from, until)?;
    let count = query.asked.len();
    let known = case.policy.facts.neighbour(query.asker, target, until.time);
    let answered =
        known.says().is_some_and(|one| matches!(one.state, Resolution::Resolved | Resolution::Permanent));
    // The answer goes to the asker alone: where its kernel got one, this capture has missed it.
    if answered && known.said().is_some_and(|said| said.at >= from.time && said.at <= until.time) {
        return None;
    }
    let has_failed = known.says().is_some_and(|neighbour| neighbour.state == Resolution::Unresolved);
    let confidence = match count {
        GIVES_UP.. => Confidence::Proven,
        ASKED.. if has_failed => Confidence::Proven,
        ASKED.. => Confidence::Probable,
        _ => return None,
    };
    let message = format!(
        "{} ({}) sent {count} ARP or ND requests for {target}, which {} announced, and got no answer: no SYN could be delivered",
        query.asker, query.asker_mac, offer.command.name,
    );
    let note = format!("who has {target}? asks {}", query.asker);
    let (primary, rest) = neighbours::primary(neighbours::cite(&query.asked, &note))?;
    let draft = DIAGNOSIS
        .finding(confidence, message, primary)
        .about(case)
        .hosts([target, query.asker])
        .support(rest)
        .support([lines::command(case.session, &offer.command)])
        .support(case.dialogue())
        .support(timers::evidence(case))
        .host(known.said())
        .rule_out(time_wait_collision::NAME, "the SYN had to wait for a MAC address, not for a 5-tuple")
        .rule_out(data_syn_refused::NAME, "nothing was delivered that could have been refused")
        .network(format!("Make {target} reachable on the link where {} looks for it (cable, VLAN, proxy ARP).", query.asker));
    Some(match offer.direction {
        Direction::Active => draft
            .client("Announce an address that is in use and reachable, or use EPSV/PASV.")
            .server(of_the_asker(query.asker, case.session.server.ip(), target))
            .done(),
        Direction::Passive => draft
            .client("Use EPSV, whose reply names no address, or connect to the control connection's (curl: --ftp-skip-pasv-ip).")
            .server("Offer an address that is in use and reachable in the 227 reply.")
            .done(),
    })
}

/// What the server can do where the announced host does not answer.
fn of_the_asker(asker: IpAddr, server: IpAddr, target: IpAddr) -> String {
    if asker.to_canonical() == server.to_canonical() {
        format!("If {target} is not on the server's own link, correct the server's mask or routes.")
    } else {
        "Allow passive mode (EPSV, PASV): the client then opens the data connection.".to_owned()
    }
}
