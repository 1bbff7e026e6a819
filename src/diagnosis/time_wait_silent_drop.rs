//! `time-wait-silent-drop`

use super::case::Case;
use super::two_msl::{self, System};
use super::{lines, time_wait_challenge, timers};
use crate::finding::{Confidence, Finding};
use crate::flow::{Close, Connection};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

/// SYNs without answer that make silence: one may be lost.
const SYNS: u32 = 2;

diagnosis! {
    /// The server's SYNs reached a client that still holds TIME-WAIT for the 5-tuple and ignores them, as the BSDs do,
    /// and stacks by RFC 6191 or RFC 1337.
    ///
    /// Such a stack drops a SYN for a tuple in TIME-WAIT unless its sequence number is above the old connection's or its
    /// TCP timestamp is newer. Linux answers instead (`time-wait-challenge`).
    ///
    /// Needs: a capture at or near the client; an earlier connection on the 5-tuple, completely closed, the client holding
    /// TIME-WAIT; an age inside 2MSL; two or more SYNs of one sequence number, not above the old one and without TCP
    /// timestamps on both connections, and nothing back; a client that is alive meanwhile.
    ///
    /// Helps: a SYN with a higher number that is accepted at once.
    ///
    /// Refuted by: a capture at the server alone; a SYN that was acceptable; any answer, an ACK too.
    ///
    /// Confidence: probable at best, for silence has many causes.
    ///
    /// Remedy: the client must not listen on the same port again within 2MSL; or passive mode.
    "time-wait-silent-drop", Error,
    "the SYNs were ignored by a client that still holds TIME-WAIT for the 5-tuple",
    ["RFC 6191 2", "RFC 1337", "RFC 9293 3.10.7.4"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() || !case.vantage.sees_all_of_client() {
        return None;
    }
    let (attempt, previous, since) = case.server_attempts().find_map(|attempt| {
        let (previous, since) = dropped(case, attempt)?;
        Some((attempt, previous, since))
    })?;
    let age = attempt.at().seconds_since(since);
    let bite = two_msl::bite(age, case.policy.time_wait, System::of_end(case, case.client_end()))?;
    let alive = case.control.half(case.client_end()).last.filter(|last| *last >= attempt.at())?;
    let message = format!(
        "{} ignored {} SYNs of {} to port {}: it has held that 5-tuple in TIME-WAIT since frame {}, {age:.1} s before, and their sequence number is not above the old one's",
        attempt.to().ip(),
        attempt.connection.syn_count,
        attempt.from(),
        attempt.to().port(),
        since.number,
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, lines::syns(attempt)?)
            .about(case)
            .support(case.dialogue())
            .support(lines::close(previous))
            .support([crate::finding::Evidence::seen(alive, "the client is alive meanwhile")])
            .support(timers::evidence(case))
            .caps(bite.cap(age))
            .caps(case.scene_caps(attempt.at()))
            .rule_out("time-wait-challenge", "the client did not answer the SYN with an ACK")
            .rule_out("data-syn-refused", "no RST came back")
            .or("data-syn-unanswered", "the client's firewall log, or a transfer with a fresh port")
            .client("Do not listen on the same data port again within 2MSL: let the system pick a new one for every transfer, or use passive mode.")
            .done(),
    )
}

/// The closed connection whose TIME-WAIT makes its holder drop these SYNs, and since when it lasts.
fn dropped<'a>(case: &Case<'_>, attempt: &Attempt<'a>) -> Option<(&'a Connection, Stamp)> {
    let previous = attempt.previous?;
    let Close::TimeWait { holder, since, .. } = previous.close_before(attempt.at()) else { return None };
    let silent = attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= SYNS;
    let to_holder = attempt.to().ip() == case.session.client.ip() && holder.includes(previous.end_of(attempt.to())?);
    let low = time_wait_challenge::is_acceptable(attempt, previous) == Some(false);
    let stamped = attempt.connection.from_origin.timestamps && previous.half(previous.end_of(attempt.from())?).timestamps;
    (silent && to_holder && low && !stamped).then_some((previous, since))
}
