//! `pasv-client-never-connects`

use super::case::Case;
use super::pasv_syn_not_seen::{self, Absent};
use super::{pasv_connect_failed, time_wait_passive_reuse, timers};
use crate::finding::{Confidence, Finding, Party};

diagnosis! {
    /// After 227 or 229 the client sent no SYN to the passive port, and the server, or the client itself, gave up.
    ///
    /// Needs: an announced passive endpoint; a transfer that failed because the data connection was missing, or a
    /// client that gave up (see `pasv-syn-not-seen`); no SYN of the client to that endpoint; a capture that shows all
    /// that the client sends: on its host, next to it by its MAC and by the timing of the handshake, or next to it with
    /// other connections to passive ports of the server.
    ///
    /// Helps: a reply delay that is the server's accept timeout (60 s for vsftpd); a 227 address that cannot be reached
    /// (0.0.0.0, loopback): the SYN then never leaves the client.
    ///
    /// Refuted by: a SYN; a capture elsewhere, even on the same link, or a silence as long as a system tries to connect
    /// (`pasv-syn-not-seen`).
    ///
    /// Traps: a client that binds to a fixed source port that is still in TIME-WAIT towards that passive port cannot
    /// connect either (`time-wait-passive-reuse`); a client that waits for 150 before it connects while the server
    /// waits for the connection before it sends 150.
    ///
    /// Remedy: at the client look at the log and the host's firewall; at the server offer EPSV, and an address in 227
    /// that clients accept; in the network nothing, no SYN left the client.
    "pasv-client-never-connects", Error,
    "the client never connected to the passive port",
    ["RFC 959 3.3", "RFC 1123 4.1.2.6"],
    verdict: ClientNeverConnects,
    locus: Server,
    Transfer(check)
}

const CLIENT: &str = "Look at the client's log and its host's firewall: it did not try to connect.";

const HERE: &str = "On this host: read the client's log, look at the route to the server (ip route get) and at the OUTPUT rules (nft list ruleset).";

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.vantage.sees_all_of_client() {
        return None;
    }
    let Absent { socket, ended, primary, tried } = pasv_syn_not_seen::absent(case)?;
    if tried.is_some() {
        return None;
    }
    let message = format!("the client never connected to {socket}; {ended}");
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, primary)
            .about(case)
            .support(case.no_syn())
            .support(case.dialogue())
            .support(timers::evidence(case))
            .caps(case.absence_caps())
            .or(time_wait_passive_reuse::NAME, "check whether the client binds to a fixed source port that it used before towards this port")
            .rule_out(pasv_connect_failed::NAME, "no SYN to the passive port was sent")
            .client(if case.vantage.is_here(Party::Client) { HERE } else { CLIENT })
            .server("Nothing to change, unless the client rejects the address in 227: offer EPSV too.")
            .network("Nothing to change in the network: the client sent no SYN.")
            .done(),
    )
}
