//! `control-unanswered`

use super::case::SessionCase;
use super::{capture_one_direction, data_syn_icmp_rejected};
use crate::finding::{Confidence, Evidence, Finding, Party, Route};
use crate::transfer::attempt::{Aim, Attempt};

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// The control connection was never established: its SYN got no answer, was refused or rejected, or the SYN-ACK
    /// never arrived.
    ///
    /// Needs: a SYN to the control port and no answer to two or more of them, a RST, an ICMP error, or SYN-ACKs that
    /// are repeated and never acknowledged.
    ///
    /// Helps: replies that leave with a foreign source address (`source-spoof-mismatch`); two MACs that answer for the
    /// server (`arp-conflict`).
    ///
    /// Refuted by: a connection whose other half was merely not captured; a port scan. A later connection of the client
    /// to the server that works shows that the server does listen and is not always filtered; the finding says so.
    ///
    /// Remedy: at the server check that it runs and listens, and its host's firewall; at the client check name, address
    /// and port; in the network check what filters port 21, in both directions.
    "control-unanswered", Error,
    "the control connection was not answered",
    ["RFC 9293 3.10.7", "RFC 959 2.3"],
    verdict: never("a finding of the session, which has no verdict"),
    locus: Server,
    Session(check);
    is_symptom: true
}

const HERE: &str = "On this host: see whether the server listens and its queue is full (ss -ltn), and look at the INPUT rules (nft list ruleset).";

/// Whether the control connection never came to be.
pub(super) fn holds(case: &SessionCase<'_>) -> bool {
    !check(case).is_empty()
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let control = case.control;
    if control.established.is_some() || control.midstream || case.client_scans || capture_one_direction::absent(control).is_some() {
        return Vec::new();
    }
    let attempt = Attempt { connection: control, previous: None, aim: Aim::Elsewhere };
    let (client, server) = (control.origin, control.target);
    let syns: Vec<_> = control.syns.iter().map(|syn| syn.at).take(CITED).collect();
    let found = if let Some(rst) = attempt.refusal() {
        Some((format!("{server} refused the control connection with a RST"), Some(Evidence::sent(rst.at, server, client, "RST"))))
    } else if let Some(icmp) = attempt.icmp() {
        let what = data_syn_icmp_rejected::meaning(&icmp.error);
        let text = format!("{} rejected the control connection to {server}: {what}", icmp.from);
        Some((text, Some(Evidence::seen(icmp.at, format!("ICMP {}/{} {what}", icmp.error.kind, icmp.error.code)))))
    } else if control.syn_acks.len() >= 2 {
        let frames = control.syn_acks.iter().map(|seen| seen.at).take(CITED).collect();
        let route = Some(Route { from: server, to: client });
        let text = format!("{server} answered the control SYN {} times and {client} never acknowledged it", control.syn_acks.len());
        Some((text, Evidence::seen_all(frames, route, "SYN-ACK, never acknowledged")))
    } else if control.syn_acks.is_empty() && control.syn_count >= 2 {
        let text = format!("{client} sent {} SYNs to {server} and got no answer", control.syn_count);
        Some((text, None))
    } else {
        None
    };
    let Some((message, answer)) = found else { return Vec::new() };
    let syn = Evidence::seen_all(syns, Some(Route { from: client, to: server }), "SYN of the control connection");
    let (Some(primary), support) = (match (answer, syn) {
        (Some(answer), syn) => (Some(answer), syn),
        (None, syn) => (syn, None),
    }) else {
        return Vec::new();
    };
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .in_session(case.session)
        .support(support);
    let Some(later) = case.reached_later else {
        let draft = draft
            .client("Check the server's name, address and port, and the client's own firewall.")
            .server(if case.vantage.is_here(Party::Server) {
                HERE
            } else {
                "Check that the server runs and listens on this address and port, and its host's firewall."
            })
            .network("Check filters and routes between the client and port 21 of the server, both ways.");
        return vec![draft.done()];
    };
    let after = later.age_of(control.last);
    let draft = draft
        .and(&format!("a later connection to it worked, {after:.1} s after this attempt (frame {})", later.number))
        .support([Evidence::seen(later, "the server greets a later control connection of this client")])
        .client("Nothing to change at the client, except a longer timeout: the same address and port worked later.")
        .server("Find out why the server did not answer at that time: a restart, a full backlog, a limit on new connections.")
        .network("Look for packets that were lost at that time, or a limit on new connections: other connections get through.");
    vec![draft.done()]
}
