//! `pasv-syn-not-seen`

use std::net::SocketAddr;

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding};
use crate::ftp::Reply;
use crate::transfer::Direction;

diagnosis! {
    /// After 227 or 229 no SYN of the client passed this capture point, which cannot tell whether one was sent.
    ///
    /// Needs: an announced passive endpoint; a transfer that failed by a missing data connection; no SYN to that endpoint;
    /// a capture that is not at or near the client.
    ///
    /// Refuted by: a SYN; a capture at the client (`pasv-client-never-connects`).
    ///
    /// Remedy: capture at the client during one failing transfer; check that the firewall lets the passive range in.
    "pasv-syn-not-seen", Error,
    "no SYN to the passive port reached this capture point",
    ["RFC 1579", "RFC 2428 3"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if case.vantage.sees_all_of_client() {
        return None;
    }
    let (socket, reply, waited) = absent(case)?;
    let message = format!(
        "no SYN to the passive port {socket} was seen here before the server gave up with {} after {waited:.1} s: never sent, or stopped before this point",
        reply.line()
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.no_syn())
            .support(case.dialogue())
            .caps(case.absence_caps())
            .or("pasv-connect-failed", "a capture at the client shows SYNs that something on the way drops or rejects")
            .or("pasv-client-never-connects", "a capture at the client shows whether it tried")
            .client("Capture at the client during one failing transfer.")
            .network("Let the passive port range through to the server.")
            .done(),
    )
}

/// The passive endpoint, the failing reply and the seconds it took, when a passive transfer failed for want of a data
/// connection and no SYN to it was seen.
pub fn absent<'a>(case: &Case<'a>) -> Option<(SocketAddr, &'a Reply, f64)> {
    let transfer = case.transfer?;
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let reply = transfer.reply.as_ref()?;
    let ended = reply.at();
    let tried = case.concluded.attempts.iter().any(|attempt| attempt.at() <= ended);
    (case.is_data_failure() && case.shows_data() && !tried && case.reply_allows_no_syn())
        .then(|| Some((offer.socket?, reply, transfer.delay().unwrap_or_default())))
        .flatten()
}
