//! `time-wait-default-port`

use super::case::{Case, cap};
use super::time_wait_tuple::{self, HeldTuple};
use super::{capture_midstream, lines, time_wait_challenge};
use crate::finding::{Cap, Confidence, Evidence, Finding};
use crate::flow::Connection;

diagnosis! {
    /// The client never sends PORT or PASV (or its PORT names its own control port), so every transfer uses the same
    /// 5-tuple: the server's data port and the client's control port. The second of two transfers then always finds the
    /// tuple in TIME-WAIT (RFC 959 3.3 says so).
    ///
    /// Needs: two or more transfers without an endpoint command, the first of them served from the server's data port
    /// to the client's control port; a later one that fails as `time-wait-collision` (the server holds the tuple and
    /// sends nothing) or as `time-wait-challenge` (the client has it and answers with the old connection's numbers).
    ///
    /// Helps: retries every 5 s, as BSD servers do for clients that know no PORT; a session without any PORT.
    ///
    /// Refuted by: a server that asks for PORT or PASV (`no-data-endpoint`); a data connection that stays open between
    /// transfers.
    ///
    /// Confidence: that of the collision or challenge; at most possible when the capture starts in the middle of the
    /// session, because a PORT may have been sent earlier.
    ///
    /// Remedy: at the client send PORT or PASV before each transfer (`sendport` on); at the server send data from a
    /// port other than 20, which RFC 959 does not provide for; in the network nothing.
    "time-wait-default-port", Error,
    "without PORT every transfer uses the same 5-tuple, which is still in TIME-WAIT",
    ["RFC 959 3.2", "RFC 959 3.3", "RFC 1123 4.1.2.5", "Microsoft KB Q129395"],
    verdict: HeldTuple,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    held_by_server(case).or_else(|| challenged_by_client(case))
}

fn held_by_server(case: &Case<'_>) -> Option<Finding> {
    let held = of(case)?;
    let transfer = case.transfer()?;
    let confidence = held.confidence(case);
    let message = format!("{}; {}", held.story(case), why_the_same(case));
    let finding = DIAGNOSIS
        .finding(confidence, message, lines::reply(case.session, transfer.reply.as_ref()?))
        .about(case)
        .support(case.dialogue())
        .support(case.no_syn())
        .support(held.evidence(case))
        .host(held.kernel.said())
        .caps(held.caps(case, confidence))
        .caps(midstream_cap(case))
        .all_ruled_out(time_wait_tuple::ruled_out(case));
    Some(with_remedies(finding).done())
}

fn challenged_by_client(case: &Case<'_>) -> Option<Finding> {
    if !case.failed() {
        return None;
    }
    let attempt = case.concluded.attempts.iter().find(|attempt| {
        attempt.to() == case.session.client && !attempt.is_established() && time_wait_challenge::in_time_wait(attempt).is_some()
    })?;
    let challenge = time_wait_challenge::in_time_wait(attempt)?;
    let message = format!(
        "{} still had {} -> {} in TIME-WAIT and answered the SYN with the old connection's ACK; {}",
        attempt.to().ip(),
        attempt.from(),
        attempt.to(),
        why_the_same(case),
    );
    let note = "bare ACK with the old connection's numbers";
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(challenge.ack.at, attempt.to(), attempt.from(), note))
        .about(case)
        .support(case.dialogue())
        .support(lines::syns(attempt))
        .support(lines::close(challenge.previous))
        .caps(midstream_cap(case));
    Some(with_remedies(finding).done())
}

fn with_remedies(finding: super::Draft) -> super::Draft {
    finding
        .client("Send PORT, EPRT, PASV or EPSV before every transfer (`sendport` on), with a new port.")
        .server("Send from a port other than 20: by RFC 959 the server has no other port to connect to.")
        .network("Nothing to change in the network: one of the two hosts has the 5-tuple in TIME-WAIT.")
}

fn why_the_same(case: &Case<'_>) -> &'static str {
    if case.active_offer().is_some() {
        "PORT names the client's own control port, so every transfer uses that 5-tuple"
    } else {
        "the client announces no port, so every transfer uses that 5-tuple"
    }
}

fn midstream_cap(case: &Case<'_>) -> Option<Cap> {
    let why = "the capture starts in the middle of the session: a PORT may have been sent earlier";
    (case.control.midstream && case.offer().is_none()).then(|| cap(capture_midstream::NAME, Confidence::Possible, why.to_owned()))
}

/// The tuple that the server holds, where nobody chose its port.
fn of<'a>(case: &Case<'a>) -> Option<HeldTuple<'a>> {
    time_wait_tuple::by_server(case).filter(|held| is_default(case, held.previous) && case.offer().is_none_or(|offer| !offer.is_refused()))
}

fn is_default(case: &Case<'_>, previous: &Connection) -> bool {
    previous.target == case.session.client
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    of(case).is_some()
}
