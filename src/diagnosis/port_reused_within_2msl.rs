//! `port-reused-within-2msl`

use super::case::Case;
use super::{lines, two_msl};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, End, Holder};
use crate::record::Outcome;

diagnosis! {
    /// The client announces a data port whose 5-tuple was closed less than 2MSL ago: a collision waiting to happen,
    /// said before the server answers.
    ///
    /// Needs: a PORT or EPRT that was not refused; an earlier connection from the server's data port to that endpoint,
    /// completely closed and so held in TIME-WAIT by one end; no outcome yet. Probable when the server holds it, for its
    /// own connect() is then refused; possible when the client does, or when both ends use TCP timestamps, with which
    /// Linux recycles TIME-WAIT.
    ///
    /// Refuted by: a RST on the old connection; a server that sends data from ephemeral ports, for then the 5-tuple is
    /// another one. Once the outcome is known, what came of it (`time-wait-collision`, `time-wait-challenge`,
    /// `time-wait-reuse-accepted`) takes its place.
    ///
    /// Remedy: the client lets its system pick the data port and sends a new one with every PORT, or uses EPSV/PASV.
    "port-reused-within-2msl", Warning,
    "the client announces a data port whose 5-tuple is still in TIME-WAIT",
    ["Q129395", "RFC 9293 3.6.1"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.active_offer()?;
    let socket = offer.socket?;
    let lost = case.transfer.is_some_and(|transfer| transfer.lost.is_some());
    if case.concluded.outcome() != Outcome::Unknown || lost || !case.concluded.attempts.is_empty() {
        return None;
    }
    let earlier = case.concluded.earlier.as_ref()?;
    let Close::TimeWait { holder, since, assassinated: None, .. } = earlier.close else { return None };
    let age = offer.at().seconds_since(since);
    let bite = two_msl::bite(age, case.policy.time_wait, two_msl::System::of_server(case))?;

    let previous = earlier.connection;
    let recycled = previous.from_origin.timestamps && previous.from_target.timestamps;
    let confidence = match holder {
        Holder::One(End::Target) => Confidence::Possible,
        Holder::One(End::Origin) | Holder::Both if recycled => Confidence::Possible,
        Holder::One(End::Origin) | Holder::Both => Confidence::Probable,
    };
    let who = match holder {
        Holder::One(End::Origin) => "the server holds",
        Holder::One(End::Target) => "the client holds",
        Holder::Both => "both ends hold",
    };
    let message = format!(
        "the client announces {socket} again {age:.1} s after {} -> {socket} was closed: {who} it in TIME-WAIT, and the next data connection may collide with it",
        previous.origin
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::command(case.session, &offer.command))
            .about(case)
            .support(lines::close(previous))
            .support([Evidence::sent(since, previous.origin, socket, "last ACK of the earlier connection: TIME-WAIT begins")])
            .caps(bite.cap(age))
            .client("Let the system pick the data port and announce a new one with every PORT, or use passive mode (EPSV, PASV).")
            .done(),
    )
}
