//! `time-wait-silent-drop`

use super::case::Case;
use super::two_msl;
use super::{data_syn_refused, data_syn_unanswered, lines, time_wait_challenge, timers};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, Connection};
use crate::frame::{Interval, Stamp};
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

/// SYNs without answer that make silence: one may be lost.
const SYNS: u32 = 2;

diagnosis! {
    /// The server's SYNs reached a client that still has the 5-tuple in TIME-WAIT and ignores them, as the BSDs do,
    /// and stacks by RFC 6191 or RFC 1337.
    ///
    /// Such a stack drops a SYN for a tuple in TIME-WAIT unless its sequence number is above the old connection's or
    /// its TCP timestamp is newer. Linux answers instead (`time-wait-challenge`).
    ///
    /// Needs: a capture at or near the client; an earlier connection on the 5-tuple, completely closed, the client
    /// holding TIME-WAIT; an age within 2MSL; two or more SYNs of one sequence number, not above the old one and
    /// without TCP timestamps on both connections, and nothing back; a client that is alive during that time.
    ///
    /// Helps: a SYN with a higher number that is accepted at once; the same SYN, repeated, that is answered as soon as
    /// one of the usual lengths of TIME-WAIT (or `--time-wait`) has passed.
    ///
    /// Refuted by: a capture only at the server; a SYN that was acceptable; any answer, including an ACK.
    ///
    /// Confidence: probable, because silence has many causes; proven when the same SYN is answered after 2MSL, when
    /// nothing else changed.
    ///
    /// Remedy: at the client do not listen on the same port again within 2MSL, or use passive mode; at the server send
    /// data from ports that change; in the network nothing, the SYNs arrive.
    "time-wait-silent-drop", Error,
    "the SYNs were ignored by a client that still has the 5-tuple in TIME-WAIT",
    ["RFC 6191 2", "RFC 1337", "RFC 9293 3.10.7.4"],
    verdict: TimeWaitAnswer,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !(case.failed() || case.failed_for_want_of_data()) || !case.vantage.sees_all_of_client() {
        return None;
    }
    let Dropped { attempt, previous, since, at_last } = case.server_attempts().find_map(|attempt| dropped(case, attempt))?;
    let age = attempt.at().age_of(since);
    let bite = two_msl::bite_of_client(case, age)?;
    let alive = case.control.half(case.client_end()).last.filter(|last| *last >= attempt.at())?;
    let ignored = attempt.connection.syn_count - u32::from(at_last.is_some());
    let outcome = at_last.map_or(String::new(), |at| {
        format!("; the same SYN was answered {:.1} s after the close, when TIME-WAIT had ended", at.age_of(since))
    });
    let message = format!(
        "{} ignored {ignored} SYNs of {} to port {}: it has that 5-tuple in TIME-WAIT since frame {}, {age:.1} s earlier, and their sequence number is not above the old one's{outcome}",
        attempt.to().ip(),
        attempt.from(),
        attempt.to().port(),
        since.number,
    );
    let confidence = if at_last.is_some() { Confidence::Proven } else { Confidence::Probable };
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::syns(attempt)?)
            .about(case)
            .support(case.dialogue())
            .support(lines::close(previous))
            .support([Evidence::seen(alive, "the client is alive during that time")])
            .support(at_last.map(|at| Evidence::sent(at, attempt.to(), attempt.from(), "SYN-ACK, at last")))
            .support(timers::evidence(case))
            .caps(bite.cap(age))
            .caps(case.scene_caps(attempt.at()))
            .rule_out(time_wait_challenge::NAME, "the client did not answer the SYN with an ACK")
            .rule_out(data_syn_refused::NAME, "no RST came back")
            .or(data_syn_unanswered::NAME, "check the client's firewall log, or try a transfer with a new port")
            .client("Do not listen on the same data port again within 2MSL: let the system pick a new one for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), so that the 5-tuple differs, or allow passive mode.")
            .network("Nothing to change in the network: the SYNs arrived at the client.")
            .done(),
    )
}

/// SYNs that a holder of TIME-WAIT ignored.
struct Dropped<'a> {
    attempt: &'a Attempt<'a>,
    /// The closed connection that left it.
    previous: &'a Connection,
    /// When it began.
    since: Stamp,
    /// When the same SYN was answered after all, TIME-WAIT being over.
    at_last: Option<Stamp>,
}

fn dropped<'a>(case: &Case<'_>, attempt: &'a Attempt<'a>) -> Option<Dropped<'a>> {
    let previous = attempt.previous?;
    let Close::TimeWait { holder, since, .. } = previous.close_before(attempt.at()) else { return None };
    let silent = attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= SYNS;
    let at_last = answered_at_last(case, attempt, since);
    let wanted = (silent && case.failed_for_want_of_data()) || at_last.is_some();
    let to_holder = attempt.to().ip() == case.session.client.ip() && holder.includes(previous.end_of(attempt.to())?);
    let low = time_wait_challenge::is_acceptable(attempt, previous) == Some(false);
    let stamped = attempt.connection.from_origin.timestamps && previous.half(previous.end_of(attempt.from())?).timestamps;
    (wanted && to_holder && low && !stamped).then_some(Dropped { attempt, previous, since, at_last })
}

/// When the SYN was answered, if that was at the first repeat behind the end of a TIME-WAIT.
fn answered_at_last(case: &Case<'_>, attempt: &Attempt<'_>, since: Stamp) -> Option<Stamp> {
    let answer = attempt.connection.syn_acks.first()?.at;
    let ages = attempt.connection.syns.iter().filter(|syn| syn.at < answer).map(|syn| syn.at.age_of(since));
    let ages: Vec<Interval> = ages.collect();
    let [.., ignored, answered] = ages.as_slice() else { return None };
    let between = |limit: Interval| *ignored <= limit + two_msl::COARSE && *answered >= limit - two_msl::COARSE;
    let ended = case.policy.time_wait.map_or_else(|| two_msl::DEFAULTS.iter().any(|(limit, _)| between(*limit)), between);
    let repeated = ages.len() > SYNS as usize && attempt.connection.stale_acks.is_empty();
    (ended && repeated).then_some(answer)
}
