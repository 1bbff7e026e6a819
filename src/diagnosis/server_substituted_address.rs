//! `server-substituted-address`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding};
use crate::transfer::Direction;
use crate::transfer::attempt::Aim;

diagnosis! {
    /// The server connected to the control connection's client instead of the announced address: proftpd does so for
    /// private addresses, busybox always, others by setting.
    ///
    /// Needs: an announced address that is not the client's; a SYN of the server to the client's address with the
    /// announced port.
    ///
    /// Refuted by: a NAT helper that rewrote the command beyond this point.
    ///
    /// Remedy: none needed at the server or in the network; at the client fix the announcement anyway, because other
    /// servers refuse it or connect to the announced address.
    "server-substituted-address", Info,
    "the server connected to the client's own address instead of the announced one",
    ["RFC 2577 3"],
    verdict: never("a habit of the server: what became of its SYN explains the failure"),
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Active)?;
    let announced = offer.socket?;
    let attempt = case
        .server_attempts()
        .find(|attempt| attempt.aim == Aim::ControlPeer && attempt.to().ip() != announced.ip())?;
    let message = format!("the server connected to {} instead of the announced {announced}", attempt.to());
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::syns(attempt)?)
            .about(case)
            .support([lines::command(case.session, &offer.command)])
            .done(),
    )
}
