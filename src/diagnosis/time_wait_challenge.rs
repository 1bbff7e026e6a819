//! `time-wait-challenge`

use super::case::{Case, cap_of_rule};
use super::two_msl::{self, System};
use super::{data_syn_unanswered, lines, tuple_still_open};
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::{Close, Connection, End, StaleAck};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// The receiver of the data SYN still has the 5-tuple in TIME-WAIT and answered with an ACK that belongs to the
    /// old connection.
    ///
    /// After STOR the client closes first, so the client is in TIME-WAIT. When the server then connects to the same
    /// port, a Linux client answers a SYN it may not accept (sequence number not above the old one) with the last ACK
    /// of the old connection. The server, in SYN-SENT, resets that; on Linux the RST ends TIME-WAIT, and the next SYN
    /// gets through: the transfer is delayed or, with other stacks, fails.
    ///
    /// Needs: an earlier connection on the 5-tuple, completely closed, with the receiver of the SYN in TIME-WAIT; a SYN
    /// answered by a bare ACK whose numbers are exactly the old connection's.
    ///
    /// Helps: the RST that carries that acknowledgement number; a later SYN that is accepted. Where the SYN was
    /// acceptable (its number is above the old ones) and an ACK came anyway, nothing listens there: Linux answers for
    /// the old connection only in that case.
    ///
    /// Refuted by: an old connection that was never fully closed (`tuple-still-open`); a SYN-ACK.
    ///
    /// Confidence: proven when both numbers are the old connection's. An ACK with other numbers, or of an old
    /// connection that is not in the capture, shows only that there is old state: possible, and reported only for a
    /// failed transfer.
    ///
    /// Remedy: at the client do not listen on the same port again within 2MSL, or use passive mode; at the server send
    /// data from ports that change; in the network nothing, unless a firewall there answers SYNs itself.
    "time-wait-challenge", Error,
    "the SYN was answered by the ACK of an old connection that is still in TIME-WAIT at its receiver",
    ["RFC 9293 3.10.7.4", "RFC 5961 4.2", "RFC 1337"],
    verdict: TimeWaitAnswer,
    locus: Server,
    Transfer(check)
}

/// A SYN that a TIME-WAIT answered.
pub struct Challenge<'a> {
    /// The answer: exactly the old connection's numbers.
    pub ack: &'a StaleAck,
    /// The old connection.
    pub previous: &'a Connection,
    /// When TIME-WAIT began.
    since: Stamp,
}

fn check(case: &Case<'_>) -> Option<Finding> {
    case.concluded.attempts.iter().find_map(|attempt| challenged(case, attempt).or_else(|| stale(case, attempt)))
}

fn challenged(case: &Case<'_>, attempt: &Attempt<'_>) -> Option<Finding> {
    let Challenge { ack, previous, since } = in_time_wait(attempt)?;
    let age = attempt.at().age_of(since);
    let receiver = case.control.end_of(attempt.to()).map_or(System::Unknown, |end| System::of_end(case, end));
    let bite = two_msl::bite(age, two_msl::known(case, attempt.to().ip()), receiver)?;
    let outcome = match attempt.outcome() {
        AttemptOutcome::Established => "a later SYN was accepted",
        AttemptOutcome::Refused => "a later SYN was refused: the port is closed (nothing listens there, or a firewall rejects)",
        _ if is_acceptable(attempt, previous) == Some(true) => {
            "TIME-WAIT would have allowed this SYN, so probably nothing listens there"
        }
        _ => "no later SYN was accepted",
    };
    let message = format!(
        "{} has {} -> {} in TIME-WAIT since frame {}, {age:.1} s earlier ({}), and answered the SYN with the old connection's ACK; {outcome}",
        attempt.to().ip(),
        attempt.from(),
        attempt.to(),
        since.number,
        bite.lasts,
    );
    let primary = Evidence::sent(ack.at, attempt.to(), attempt.from(), "bare ACK with the old connection's numbers");
    let rsts = attempt.connection.rsts.iter().chain(&previous.rsts).filter(|rst| rst.at >= ack.at);
    let rst = rsts.filter(|rst| rst.seq == ack.ack).map(|rst| {
        Evidence::sent(rst.at, attempt.from(), attempt.to(), "RST that answers it; ends TIME-WAIT on Linux")
    });
    let unacceptable = (is_acceptable(attempt, previous) == Some(false)).then(|| {
        Evidence::sent(attempt.at(), attempt.from(), attempt.to(), "its sequence number is not above the old connection's")
    });
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .about(case)
            .severity(severity(case, attempt))
            .support(lines::syns(attempt))
            .support(unacceptable)
            .support(rst)
            .support(syn_ack(attempt))
            .support(lines::close(previous))
            .rule_out(tuple_still_open::NAME, "both FINs of the earlier connection were acknowledged")
            .rule_out(data_syn_unanswered::NAME, "the SYN was answered, with the old connection's ACK")
            .client("Do not listen on the same data port again within 2MSL: let the system pick a new one for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), so that the 5-tuple differs, or allow passive mode.")
            .network("Nothing to change in the network: both the SYN and its answer got through.")
            .done(),
    )
}

/// An answer with numbers that the capture cannot place.
fn stale(case: &Case<'_>, attempt: &Attempt<'_>) -> Option<Finding> {
    let ack = attempt.connection.stale_acks.iter().find(|ack| ack.from == End::Target && !ack.syn)?;
    if old_numbers(attempt).is_some() || severity(case, attempt) != Severity::Error {
        return None;
    }
    let message = format!(
        "{} answered the SYN of {} with an ACK of another connection: it still has old state for that 5-tuple",
        attempt.to(),
        attempt.from(),
    );
    let note = "bare ACK whose numbers fit no connection of this capture";
    let why = "the connection with these numbers is not in this capture";
    Some(
        DIAGNOSIS
            .finding(Confidence::Possible, message, Evidence::sent(ack.at, attempt.to(), attempt.from(), note))
            .about(case)
            .severity(severity(case, attempt))
            .support(lines::syns(attempt))
            .support(syn_ack(attempt))
            .caps([cap_of_rule(Confidence::Possible, why.to_owned())])
            .or(tuple_still_open::NAME, "a capture that includes the earlier connection shows whether it was closed")
            .client("Let the system pick a new data port for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), or allow passive mode.")
            .network("Look for a firewall or SYN proxy on the path that still has the old session in its table.")
            .done(),
    )
}

fn severity(case: &Case<'_>, attempt: &Attempt<'_>) -> Severity {
    if case.failed() && !attempt.is_established() { Severity::Error } else { Severity::Warning }
}

fn syn_ack(attempt: &Attempt<'_>) -> Option<Evidence> {
    attempt.connection.syn_acks.first().map(|seen| Evidence::sent(seen.at, attempt.to(), attempt.from(), "SYN-ACK"))
}

/// Whether a TIME-WAIT of `previous` may accept the SYN by its sequence number (RFC 1122 4.2.2.13); `None` when the
/// numbers are not known.
pub fn is_acceptable(attempt: &Attempt<'_>, previous: &Connection) -> Option<bool> {
    let sender = previous.end_of(attempt.from())?;
    let fin = previous.half(sender).fin?;
    Some(attempt.connection.syns.first()?.isn.is_after(fin.seq))
}

/// The answer of a receiver that holds TIME-WAIT for the attempt's tuple.
pub fn in_time_wait<'a>(attempt: &Attempt<'a>) -> Option<Challenge<'a>> {
    let previous = attempt.previous?;
    let Close::TimeWait { holder, since, .. } = previous.close_before(attempt.at()) else { return None };
    let (ack, receiver) = old_numbers(attempt)?;
    holder.includes(receiver).then_some(Challenge { ack, previous, since })
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
        .find(|ack| ack.from == End::Target && !ack.syn && Some(ack.seq) == own.next && Some(ack.ack) == peer.next)
        .map(|ack| (ack, receiver))
}
