//! `time-wait-passive-reuse`

use super::case::Case;
use super::two_msl;
use super::{lines, pasv_client_never_connects, time_wait_challenge, timers, tuple_still_open};
use crate::finding::{Alternative, Confidence, Evidence, Finding};
use crate::flow::{Close, Connection, End};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;
use crate::transfer::{Direction, Offer};

/// Source ports that no system picks by itself: not 1024-5000 (old BSD, Windows to XP), 32768-60999 (Linux),
/// 49152-65535 (RFC 6335). Low ports need a program that asks for them.
const CHOSEN: [std::ops::RangeInclusive<u16>; 2] = [1..=1023, 5001..=32767];
/// The lowest port that a system picks whose range is not the old one: its client's control port shows which it is.
const LATER_RANGES: u16 = 32768;

diagnosis! {
    /// Passive mode: the client connects from the same source port to the same passive port as before, while one side
    /// still has that 5-tuple in TIME-WAIT.
    ///
    /// Needs: a 227 or 229; an earlier connection from the client to the same socket, completely closed within 2MSL;
    /// then either a SYN from the same source port that the server, which is in TIME-WAIT, answers with the old connection's
    /// ACK or not at all; or no SYN, because the client itself is in TIME-WAIT and its connect() fails, while the
    /// client was seen to use one fixed source port, or one that its system does not pick by itself.
    ///
    /// Helps: a server with a passive range of one or few ports.
    ///
    /// Refuted by: another source port; an old connection that was reset; a SYN that was refused; a handshake that
    /// completes (`time-wait-reuse-accepted`).
    ///
    /// Confidence: with an ACK of the old numbers proven; otherwise probable at the client, possible elsewhere.
    ///
    /// Remedy: at the client let the system pick the source port; at the server widen the passive range; in the network
    /// let no NAT give the client one fixed source port.
    "time-wait-passive-reuse", Error,
    "the client reuses its source port towards the same passive port within TIME-WAIT",
    ["RFC 1123 4.1.2.6", "RFC 6056"],
    verdict: HeldTuple,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    if !case.failed_for_want_of_data() {
        return None;
    }
    answered_by_server(case).or_else(|| refused_by_client(case, offer))
}

fn answered_by_server(case: &Case<'_>) -> Option<Finding> {
    let tried = case.concluded.announced_attempts().filter(|attempt| !attempt.is_established());
    let (attempt, previous, since, holder) = tried.into_iter().find_map(|attempt| {
        let previous = attempt.previous?;
        let Close::TimeWait { holder, since, .. } = previous.close_before(attempt.at()) else { return None };
        Some((attempt, previous, since, holder))
    })?;
    let age = attempt.at().age_of(since);
    let bite = two_msl::bite_of_server(case, age)?;
    let challenge = time_wait_challenge::in_time_wait(attempt);
    let unacceptable = time_wait_challenge::is_acceptable(attempt, previous) == Some(false);
    let silent = attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= 2;
    let (confidence, answer, primary) = match challenge {
        Some(challenge) => {
            let note = "bare ACK with the old connection's numbers";
            let ack = Evidence::sent(challenge.ack.at, attempt.to(), attempt.from(), note);
            (Confidence::Proven, "answered with the old connection's ACK", ack)
        }
        None if silent && unacceptable && holder.includes(previous.end_of(attempt.to())?) => {
            (Confidence::Probable, "ignored it", lines::syns(attempt)?)
        }
        None => return None,
    };
    let message = format!(
        "the client connected again from {} to {} {age:.1} s after it was closed (frame {}); the server is still in TIME-WAIT, which lasts {}, and {answer}",
        attempt.from(),
        attempt.to(),
        since.number,
        bite.lasts,
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .about(case)
            .support(case.dialogue())
            .support(lines::syns(attempt))
            .support(lines::close(previous))
            .caps(bite.cap(age))
            .rule_out(tuple_still_open::NAME, "both FINs of the earlier connection were acknowledged")
            .client("Let the system pick the source port of data connections.")
            .server("Widen the passive port range, so that no port repeats within 2MSL.")
            .network("If a NAT on the path gives the client one fixed source port, change that; otherwise nothing to change.")
            .done(),
    )
}

fn refused_by_client(case: &Case<'_>, offer: &Offer) -> Option<Finding> {
    let transfer = case.transfer()?;
    if case.was_tried() {
        return None;
    }
    let earlier = case.concluded.earlier.as_ref()?;
    let Close::TimeWait { holder, since, .. } = earlier.close else { return None };
    let previous = earlier.connection;
    let at = offer.at();
    let age = at.age_of(since);
    let bite = two_msl::bite_of_client(case, age)?;
    if !holder.includes(End::Origin) {
        return None;
    }
    let fixed = fixed_port(case, previous)?;
    let confidence = if case.vantage.sees_all_of_client() { Confidence::Probable } else { Confidence::Possible };
    let reply = transfer.reply.as_ref()?;
    let message = format!(
        "the client sent no SYN to {}: it has {} -> {} in TIME-WAIT since frame {}, {age:.1} s earlier ({}), and {fixed}",
        previous.target, previous.origin, previous.target, since.number, bite.lasts,
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .support([missing(at, reply.at())])
            .support(lines::close(previous))
            .support(timers::evidence(case))
            .caps(case.absence_caps())
            .caps(bite.cap(age))
            .or(pasv_client_never_connects::NAME, "the client's log names the error of its connect()")
            .client("Let the system pick the source port of data connections.")
            .server("Widen the passive port range, so that no port repeats within 2MSL.")
            .network("If a NAT on the path gives the client one fixed source port, change that; otherwise nothing to change.")
            .done(),
    )
}

/// As a cause that cannot be excluded: the client holds a connection to the same passive port in TIME-WAIT, and whether
/// it binds that source port again is not known.
pub(super) fn as_possible_cause(case: &Case<'_>) -> Option<Alternative> {
    let Close::TimeWait { holder, since, .. } = case.concluded.earlier.as_ref()?.close else { return None };
    let age = case.concluded.in_force()?.at().age_of(since);
    two_msl::bite_of_client(case, age)?;
    let would_decide = "check whether the client binds to a fixed source port that it used before towards this port";
    holder.includes(End::Origin).then(|| Alternative { diagnosis: DIAGNOSIS.name, would_decide: would_decide.to_owned() })
}

/// Why the client is taken to connect from the same source port again, a sentence part.
fn fixed_port(case: &Case<'_>, previous: &Connection) -> Option<String> {
    let port = previous.origin.port();
    let used = case.siblings.client_ports();
    if used.keys().any(|other| *other != port) {
        return None;
    }
    let control = case.session.client.port();
    if used.get(&port).is_some_and(|times| *times >= 2) {
        Some(format!("the client uses source port {port} every time"))
    } else if CHOSEN.iter().any(|range| range.contains(&port)) {
        Some(format!("source port {port} was set by hand: no system picks it by itself"))
    } else if port < LATER_RANGES && control >= LATER_RANGES {
        Some(format!("source port {port} was set by hand: the client's system picked {control} for the control connection"))
    } else {
        None
    }
}

fn missing(after: Stamp, until: Stamp) -> Evidence {
    Evidence::missing(after, until, "no SYN of the client to the passive port")
}
