//! `time-wait-challenge`

use super::case::Case;
use super::{lines, two_msl};
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::{Close, End, StaleAck};
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// The receiver of the data SYN still holds TIME-WAIT for the 5-tuple and answered with an ACK that belongs to
    /// the old connection.
    ///
    /// After STOR the client closes first and so holds TIME-WAIT. When the server then connects to the same port, a
    /// Linux client answers a SYN it may not accept (sequence number not above the old one) with the last ACK of the
    /// old connection. The server, in SYN-SENT, resets that; on Linux the RST ends TIME-WAIT, and the next SYN gets
    /// through: the transfer is delayed or, with other stacks, fails.
    ///
    /// Needs: an earlier connection on the 5-tuple, completely closed, the receiver of the SYN holding TIME-WAIT; a SYN
    /// answered by a bare ACK whose numbers are exactly the old connection's.
    ///
    /// Helps: the RST that carries that acknowledgement number; a later SYN that is accepted.
    ///
    /// Refuted by: an old connection that was never fully closed (`tuple-still-open`); an ACK with other numbers.
    ///
    /// Remedy: the client must not listen on the same port again within 2MSL; or passive mode.
    "time-wait-challenge", Error,
    "the SYN was answered by the ACK of an old connection that is still in TIME-WAIT at its receiver",
    ["RFC 9293 3.10.7.4", "RFC 5961 4.2", "RFC 1337"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    case.concluded.attempts.iter().find_map(|attempt| challenged(case, attempt))
}

fn challenged(case: &Case<'_>, attempt: &Attempt<'_>) -> Option<Finding> {
    let previous = attempt.previous?;
    let Close::TimeWait { holder, since, .. } = previous.close() else { return None };
    let receiver = previous.end_of(attempt.to())?;
    if !holder.includes(receiver) {
        return None;
    }
    let (ack, _) = old_numbers(attempt)?;
    let age = attempt.at().seconds_since(since);
    two_msl::bite(age, case.policy.time_wait, None)?;
    let failed = case.failed();
    let outcome = match attempt.outcome() {
        AttemptOutcome::Established => "a later SYN was accepted",
        AttemptOutcome::Refused => "a later SYN was refused: nobody listens there",
        _ => "no later SYN was accepted",
    };
    let message = format!(
        "{} still held {} -> {} in TIME-WAIT, closed {age:.1} s before, and answered the SYN with the old connection's ACK; {outcome}",
        attempt.to().ip(),
        attempt.from(),
        attempt.to(),
    );
    let primary = Evidence::sent(ack.at, attempt.to(), attempt.from(), "bare ACK with the old connection's numbers");
    let rsts = attempt.connection.rsts.iter().chain(&previous.rsts).filter(|rst| rst.at >= ack.at);
    let rst = rsts.filter(|rst| rst.seq == ack.ack).map(|rst| {
        Evidence::sent(rst.at, attempt.from(), attempt.to(), "RST that answers it; ends TIME-WAIT on Linux")
    });
    let established = attempt.connection.syn_acks.first();
    let severity = if failed && !attempt.is_established() { Severity::Error } else { Severity::Warning };
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .about(case)
            .severity(severity)
            .support(lines::syns(attempt))
            .support(rst)
            .support(established.map(|seen| Evidence::sent(seen.at, attempt.to(), attempt.from(), "SYN-ACK")))
            .support(lines::close(previous))
            .rule_out("tuple-still-open", "both FINs of the earlier connection were acknowledged")
            .client("Do not listen on the same data port again within 2MSL: let the system pick a new one for every transfer, or use passive mode.")
            .done(),
    )
}

/// The bare ACK that repeats exactly the old connection's numbers, and who sent it.
pub fn old_numbers<'a>(attempt: &Attempt<'a>) -> Option<(&'a StaleAck, End)> {
    let previous = attempt.previous?;
    let receiver = previous.end_of(attempt.to())?;
    let (own, peer) = (previous.half(receiver), previous.half(receiver.peer()));
    attempt
        .connection
        .stale_acks
        .iter()
        .find(|ack| ack.from == End::Target && Some(ack.seq) == own.next && Some(ack.ack) == peer.next)
        .map(|ack| (ack, receiver))
}
