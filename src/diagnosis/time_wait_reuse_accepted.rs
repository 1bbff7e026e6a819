//! `time-wait-reuse-accepted`

use super::case::Case;
use super::{lines, time_wait_challenge, time_wait_collision};
use super::two_msl::MINUTE;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, Connection, Holder};
use crate::frame::{Interval, Stamp};
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// A 5-tuple was used again within 2MSL and the handshake completed: TIME-WAIT is not the problem here.
    ///
    /// Linux accepts a new SYN for a tuple in TIME-WAIT when its sequence number or TCP timestamp is newer, and
    /// recycles its own TIME-WAIT when the old connection used timestamps. The mark of that: the new initial sequence
    /// number is the old one plus 65537.
    ///
    /// Needs: an earlier connection on the 5-tuple, completely closed less than 60 s before (or `--time-wait`); a
    /// handshake that completes. Proven with the +65537 mark, otherwise probable.
    ///
    /// Refuted by: an old connection that was reset, while it was open or after its close (then nobody is in TIME-WAIT
    /// any more); one that was never fully closed (an orphan in FIN-WAIT-2 is recycled with the same mark); a challenge
    /// before it (`time-wait-challenge`).
    ///
    /// Remedy: none needed in the network or at the server; at the client let the system pick new ports anyway: if TCP
    /// timestamps are switched off on either side, the tuple will collide.
    "time-wait-reuse-accepted", Info,
    "a 5-tuple in TIME-WAIT was reused and accepted",
    ["RFC 1122 4.2.2.13", "RFC 6191", "RFC 9293 3.10.7.4"],
    verdict: never("the handshake completed: this refutes a suspicion"),
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let Reuse { attempt, previous, holder, since } = case.concluded.attempts.iter().find_map(|one| of(case, one))?;
    let age = attempt.at().age_of(since);
    let mark = attempt.connection.isn_is_recycled(previous);
    let (confidence, how) = match mark {
        Some(_) => (Confidence::Proven, "; the new initial sequence number is the old one + 65537, as Linux recycles TIME-WAIT"),
        None => (Confidence::Probable, ""),
    };
    let who = match holder {
        Holder::One(end) => previous.socket(end).ip().to_string(),
        Holder::Both => "both ends".to_owned(),
    };
    let message = format!(
        "{} -> {} was used again {age:.1} s after it was closed, while {who} was still in TIME-WAIT, and was accepted{how}: TIME-WAIT is not the problem here",
        attempt.from(),
        attempt.to()
    );
    let primary = match mark {
        Some((at, _)) => Evidence::seen(at, "initial sequence number = old one + 65537"),
        None => lines::syns(attempt)?,
    };
    let syn_ack = attempt.connection.syn_acks.first();
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .about(case)
            .support(lines::syns(attempt))
            .support(syn_ack.map(|seen| Evidence::sent(seen.at, attempt.to(), attempt.from(), "SYN-ACK")))
            .support(lines::close(previous))
            .rule_out(time_wait_collision::NAME, "the handshake on the reused 5-tuple completed")
            .rule_out(time_wait_challenge::NAME, "the SYN was accepted without a challenge")
            .done(),
    )
}

/// A tuple that was used again with success while somebody held TIME-WAIT for it.
struct Reuse<'a> {
    attempt: &'a Attempt<'a>,
    previous: &'a Connection,
    holder: Holder,
    since: Stamp,
}

fn of<'a>(case: &Case<'a>, attempt: &'a Attempt<'a>) -> Option<Reuse<'a>> {
    let previous = attempt.previous?;
    let Close::TimeWait { holder, since, assassinated, .. } = previous.close_before(attempt.at()) else { return None };
    let age = attempt.at().age_of(since);
    let remarkable = (Interval::ZERO..=case.policy.time_wait.unwrap_or(MINUTE)).contains(&age);
    let accepted = attempt.connection.established.is_some() && attempt.connection.stale_acks.is_empty();
    (remarkable && accepted && assassinated.is_none()).then_some(Reuse { attempt, previous, holder, since })
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    case.concluded.attempts.iter().any(|attempt| of(case, attempt).is_some())
}
