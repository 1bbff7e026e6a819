//! `tuple-still-open`

use super::case::Case;
use super::{lines, time_wait_challenge};
use crate::finding::{Cap, Confidence, Evidence, Finding, Severity};
use crate::flow::{Close, Connection, End};
use crate::frame::Stamp;

diagnosis! {
    /// The previous connection on this 5-tuple was never fully closed: one FIN is missing or was never acknowledged. It
    /// is in FIN-WAIT-2, CLOSE-WAIT or established, not in TIME-WAIT.
    ///
    /// Needs: an earlier connection on the tuple that lacks one FIN (or its acknowledgement) and was not reset; then a
    /// 425 without any SYN, or a SYN answered by a bare ACK with the old connection's numbers.
    ///
    /// Helps: the side without FIN is a client that does not close its data socket after 226.
    ///
    /// Refuted by: a RST on the old connection; the missing FIN lying in a capture gap (then it is at most possible).
    ///
    /// Remedy: the client closes its data socket when it reads end of file; a new port for every transfer avoids it.
    "tuple-still-open", Error,
    "the previous connection on the 5-tuple was never fully closed",
    ["RFC 959 5.2", "RFC 5961 4.2", "RFC 9293 3.6"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    answered_by_the_old(case).or_else(|| refused_without_syn(case))
}

fn answered_by_the_old(case: &Case<'_>) -> Option<Finding> {
    let attempt = case.concluded.attempts.iter().find(|attempt| time_wait_challenge::old_numbers(attempt).is_some())?;
    let previous = attempt.previous?;
    let (ack, _) = time_wait_challenge::old_numbers(attempt)?;
    let missing = unfinished_at(previous, ack.at)?;
    let severity =
        if case.failed() && !attempt.is_established() { Severity::Error } else { Severity::Warning };
    let message = format!(
        "{} still had the previous connection {} -> {} open ({missing}) and answered the SYN with that connection's ACK",
        attempt.to().ip(),
        attempt.from(),
        attempt.to(),
    );
    let primary = Evidence::sent(ack.at, attempt.to(), attempt.from(), "bare ACK with the old connection's numbers");
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .about(case)
            .severity(severity)
            .support(lines::syns(attempt))
            .support(lines::close(previous))
            .caps(gap_cap(previous))
            .rule_out("time-wait-challenge", "the earlier connection was not fully closed, so nobody holds TIME-WAIT")
            .client("Close the data socket when end of file is read; use a new data port for every transfer.")
            .done(),
    )
}

fn refused_without_syn(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer?;
    let reply = transfer.reply.as_ref()?;
    if !case.is_data_failure() || !case.concluded.attempts.is_empty() || !case.reply_allows_local_cause() {
        return None;
    }
    let earlier = case.concluded.earlier.as_ref()?;
    let previous = earlier.connection;
    let missing = unfinished(previous)?;
    let confidence = if case.would_show_server_syn() { Confidence::Proven } else { Confidence::Possible };
    let message = format!(
        "the server did not open {} -> {} because the previous connection on that 5-tuple is still open: {missing}",
        previous.origin, previous.target
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .support(case.no_syn())
            .support(lines::close(previous))
            .support([Evidence::seen(last(previous), "last segment of the earlier connection")])
            .caps(gap_cap(previous))
            .caps(case.absence_caps())
            .rule_out("time-wait-collision", "the earlier connection was not fully closed, so nobody holds TIME-WAIT")
            .client("Close the data socket when end of file is read; use a new data port for every transfer.")
            .done(),
    )
}

/// What the earlier connection lacked at `at`; a RST behind that does not count.
fn unfinished_at(previous: &Connection, at: Stamp) -> Option<String> {
    match previous.close() {
        Close::Reset { at: reset, .. } if reset >= at && !previous.both_fins_acked() => {
            let open = [End::Origin, End::Target].into_iter().find(|end| previous.half(*end).fin.is_none());
            open.map(|end| format!("{} never closed it", previous.socket(end).ip()))
        }
        Close::Reset { .. } | Close::Open | Close::Half { .. } | Close::TimeWait { .. } => unfinished(previous),
    }
}

/// What the earlier connection lacks, if it was neither fully closed nor reset and both directions were captured.
fn unfinished(previous: &Connection) -> Option<String> {
    if previous.from_origin.segments == 0 || previous.from_target.segments == 0 {
        return None;
    }
    match previous.close() {
        Close::Half { missing, .. } => {
            Some(format!("{} never closed it", previous.socket(missing).ip()))
        }
        Close::Open => Some("neither side closed it".to_owned()),
        Close::Reset { .. } | Close::TimeWait { .. } => None,
    }
}

fn gap_cap(previous: &Connection) -> Option<Cap> {
    let holed = !previous.from_origin.gaps().is_empty() || !previous.from_target.gaps().is_empty();
    holed.then(|| Cap {
        diagnosis: "capture-gap",
        ceiling: Confidence::Possible,
        why: "bytes of the earlier connection were not captured; the missing FIN may be among them".to_owned(),
    })
}

fn last(connection: &Connection) -> Stamp {
    connection.last
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
