//! `pasv-syn-not-seen`

use std::net::SocketAddr;

use super::case::Case;
use super::{lines, pasv_client_never_connects, pasv_connect_failed, time_wait_passive_reuse, timers};
use crate::frame::Interval;
use crate::finding::{Alternative, Confidence, Evidence, Finding, Party};
use crate::transfer::Direction;

diagnosis! {
    /// After 227 or 229 no SYN of the client passed this capture point, which cannot tell whether one was sent.
    ///
    /// Needs: an announced passive endpoint; a transfer that failed because the data connection was missing, or a
    /// client that gave up: it left, aborted or asked for another endpoint more than a second later, or sooner by ABOR,
    /// another endpoint command or a new login; no SYN to that endpoint; a capture that does not show all that the
    /// client sends.
    ///
    /// Helps: a silence as long as a system tries to connect (127 s, 63 s, 21 s): a SYN was sent, and the client gave
    /// up.
    ///
    /// Refuted by: a SYN; a capture on the client (`pasv-client-never-connects`); a PORT of another session that names
    /// the endpoint (a server is to connect there); transfers of the server that succeed without any data connection in
    /// the capture.
    ///
    /// Traps: a client on the same link whose SYNs a switch in between drops.
    ///
    /// Remedy: at the client capture during one failing transfer; at the server open a small and fixed passive range in
    /// its firewall; in the network allow that range.
    "pasv-syn-not-seen", Error,
    "no SYN to the passive port reached this capture point",
    ["RFC 1579", "RFC 2428 3"],
    verdict: SynNotSeen,
    locus: Server,
    Transfer(check)
}

/// What a server can do whose host and filter are not at fault.
const NAT: &str =
    "If there is a NAT in front of this host, forward a small, fixed passive range there, and announce its address in 227.";

fn check(case: &Case<'_>) -> Option<Finding> {
    let Absent { socket, ended, primary, tried } = absent(case)?;
    if case.vantage.sees_all_of_client() && tried.is_none() {
        return None;
    }
    let why = match tried {
        Some((seconds, system)) => format!(
            "{seconds:.0} s is how long {system} tries to connect, so SYNs were probably sent and dropped before this point"
        ),
        None => "never sent, or dropped before this point".to_owned(),
    };
    let client_here = case.vantage.is_here(Party::Client);
    let message = format!("no SYN to the passive port {socket} was seen here before {ended}: {why}");
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, primary)
            .about(case)
            .support(case.no_syn())
            .support(case.dialogue())
            .support(timers::evidence(case))
            .caps(case.absence_caps())
            .all_or(elsewhere(case))
            .all_or(time_wait_passive_reuse::as_possible_cause(case))
            .client(if client_here { "Look at this host's OUTPUT rules (nft list ruleset): the SYNs were dropped before they left it." } else { "Capture at the client during one failing transfer." })
            .server(if case.vantage.is_here(Party::Server) { NAT } else { "Open the passive port range in the server's firewall, and keep it small and fixed." })
            .network("Let the passive port range through to the server.")
            .done(),
    )
}

/// Causes that a capture at the client would tell apart; on its host it is one.
fn elsewhere(case: &Case<'_>) -> Vec<Alternative> {
    if case.vantage.is_here(Party::Client) {
        let would_decide = "the client's log shows whether it tried".to_owned();
        return vec![Alternative { diagnosis: pasv_client_never_connects::NAME, would_decide }];
    }
    let shown = |diagnosis, what: &str| {
        Alternative { diagnosis, would_decide: format!("a capture at the client shows {what}") }
    };
    vec![
        shown(pasv_connect_failed::NAME, "SYNs that a device on the path drops or rejects"),
        shown(pasv_client_never_connects::NAME, "whether it tried"),
    ]
}

/// A passive endpoint to which no SYN was seen.
pub struct Absent {
    /// The endpoint.
    pub socket: SocketAddr,
    /// Who gave up, how and when.
    pub ended: String,
    /// Where that shows.
    pub primary: Evidence,
    /// The silence is as long as a system tries to connect, so that a SYN was probably sent: how long, and whose.
    pub tried: Option<(Interval, &'static str)>,
}

/// The case, when no SYN to an announced passive endpoint was seen before the transfer failed for want of a data
/// connection, or before the client gave up.
pub fn absent(case: &Case<'_>) -> Option<Absent> {
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let socket = offer.socket?;
    if case.gave_up {
        return given_up(case, socket).filter(|_| case.shows_data());
    }
    let (transfer, (_, reply)) = (case.transfer()?, case.report()?);
    let here = case.concluded.attempts.iter().any(|attempt| attempt.at() <= reply.at());
    let tried = here || (case.concluded.attempts.is_empty() && case.was_tried());
    (case.is_data_failure() && !tried && case.reply_allows_no_syn() && case.shows_data()).then(|| Absent {
        socket,
        ended: format!("the server gave up with {} after {:.1} s", reply.line(), transfer.delay().unwrap_or_default()),
        primary: lines::reply(case.session, reply),
        tried: None,
    })
}

fn given_up(case: &Case<'_>, socket: SocketAddr) -> Option<Absent> {
    let (left, waited) = (case.left()?, case.waited()?);
    let what = match case.transfer() {
        Some(transfer) => format!("{} up", transfer.command.name),
        None => "up without a transfer command".to_owned(),
    };
    let primary = case.departure()?;
    (!case.was_tried()).then(|| Absent {
        socket,
        ended: format!("the client gave {what} after {} ({})", seconds(waited), left.how),
        primary,
        tried: timers::connect_given_up(waited).map(|system| (waited, system)),
    })
}

/// A time, as short ones are told too.
fn seconds(waited: Interval) -> String {
    if waited < Interval::millis(100) { format!("{:.0} ms", waited.as_millis_f64()) } else { format!("{waited:.1} s") }
}
