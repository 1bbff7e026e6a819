//! `pasv-syn-not-seen`

use std::net::SocketAddr;

use super::case::Case;
use super::{lines, time_wait_passive_reuse, timers};
use crate::finding::{Confidence, Evidence, Finding};
use crate::transfer::{Direction, Offer};

diagnosis! {
    /// After 227 or 229 no SYN of the client passed this capture point, which cannot tell whether one was sent.
    ///
    /// Needs: an announced passive endpoint; a transfer that failed by a missing data connection, or a client that was
    /// silent for seconds after the announcement and gave up; no SYN to that endpoint; a capture that is not at or near
    /// the client.
    ///
    /// Refuted by: a SYN; a capture at the client (`pasv-client-never-connects`); a PORT of another session that names
    /// the endpoint (a server is to connect there).
    ///
    /// Remedy: at the client capture during one failing transfer; at the server open a small and fixed passive range in
    /// its firewall; in the network let that range through.
    "pasv-syn-not-seen", Error,
    "no SYN to the passive port reached this capture point",
    ["RFC 1579", "RFC 2428 3"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if case.vantage.sees_all_of_client() {
        return None;
    }
    let Absent { socket, ended, primary } = absent(case)?;
    let message = format!(
        "no SYN to the passive port {socket} was seen here before {ended}: never sent, or stopped before this point"
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, primary)
            .about(case)
            .support(case.no_syn())
            .support(case.dialogue())
            .support(timers::evidence(case))
            .caps(case.absence_caps())
            .or("pasv-connect-failed", "a capture at the client shows SYNs that something on the way drops or rejects")
            .or("pasv-client-never-connects", "a capture at the client shows whether it tried")
            .all_or(time_wait_passive_reuse::as_possible_cause(case))
            .client("Capture at the client during one failing transfer.")
            .server("Open the passive port range in the server's firewall, and keep it small and fixed.")
            .network("Let the passive port range through to the server.")
            .done(),
    )
}

/// A client that wants the passive connection tries for longer than this many seconds before it gives up.
const SILENCE: f64 = 5.0;

/// A passive endpoint to which no SYN was seen.
pub struct Absent {
    /// The endpoint.
    pub socket: SocketAddr,
    /// Who gave up, how and when.
    pub ended: String,
    /// Where that shows.
    pub primary: Evidence,
}

/// The case, when no SYN to an announced passive endpoint was seen before the transfer failed for want of a data
/// connection, or before the client, silent since the announcement, gave up.
pub fn absent(case: &Case<'_>) -> Option<Absent> {
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let socket = offer.socket?;
    let Some(transfer) = case.transfer else {
        return given_up(case, offer, socket).filter(|_| case.shows_data());
    };
    let reply = transfer.reply.as_ref()?;
    let here = case.concluded.attempts.iter().any(|attempt| attempt.at() <= reply.at());
    let tried = here || (case.concluded.attempts.is_empty() && case.was_tried());
    (case.is_data_failure() && !tried && case.reply_allows_no_syn() && case.shows_data()).then(|| Absent {
        socket,
        ended: format!("the server gave up with {} after {:.1} s", reply.line(), transfer.delay().unwrap_or_default()),
        primary: lines::reply(case.session, reply),
    })
}

fn given_up(case: &Case<'_>, offer: &Offer, socket: SocketAddr) -> Option<Absent> {
    let announced = offer.reply.as_ref()?.at();
    let (_, until) = case.window()?;
    let waited = until.seconds_since(announced);
    let left = offer.superseded.is_some() || case.session.left_at().is_some();
    if case.concluded.for_a_server {
        return None;
    }
    (left && waited >= SILENCE && !case.was_tried() && !case.fell_back()).then(|| Absent {
        socket,
        ended: format!("the client gave up after {waited:.1} s without a transfer command"),
        primary: lines::command(case.session, &offer.command),
    })
}
