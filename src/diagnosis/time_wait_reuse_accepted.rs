//! `time-wait-reuse-accepted`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::Close;

/// Reuse is remarkable while every common system would still hold TIME-WAIT; later it is nothing.
const REMARKABLE: f64 = 60.0;

diagnosis! {
    /// A 5-tuple still inside 2MSL was used again and the handshake completed: TIME-WAIT is not the problem here.
    ///
    /// Linux accepts a new SYN for a tuple in TIME-WAIT when its sequence number or TCP timestamp is newer, and
    /// recycles its own TIME-WAIT when the old connection used timestamps. It shows: the new initial sequence number is
    /// the old one plus 65537.
    ///
    /// Needs: an earlier connection on the 5-tuple, completely closed less than 60 s before (or `--time-wait`); a
    /// handshake that completes. Proven with the +65537 mark, else probable.
    ///
    /// Refuted by: an old connection that was reset (then nobody held TIME-WAIT); a challenge before it
    /// (`time-wait-challenge`).
    ///
    /// Remedy: none needed; should TCP timestamps be switched off on either side, the same client will collide.
    "time-wait-reuse-accepted", Info,
    "a 5-tuple in TIME-WAIT was reused and accepted",
    ["RFC 1122 4.2.2.13", "RFC 6191", "RFC 9293 3.10.7.4"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let attempt = case.concluded.attempts.iter().find(|attempt| {
        attempt.connection.established.is_some() && attempt.connection.stale_acks.is_empty() && attempt.previous.is_some()
    })?;
    let previous = attempt.previous?;
    let Close::TimeWait { since, .. } = previous.close() else { return None };
    let age = attempt.at().seconds_since(since);
    if !(0.0..=case.policy.time_wait.unwrap_or(REMARKABLE)).contains(&age) {
        return None;
    }
    let mark = attempt.connection.isn_is_recycled(previous);
    let (confidence, how) = match mark {
        Some(_) => (Confidence::Proven, "; the new initial sequence number is the old one + 65537, as Linux recycles TIME-WAIT"),
        None => (Confidence::Probable, ""),
    };
    let message =
        format!("{} -> {} was used again {age:.1} s after it was closed and was accepted{how}", attempt.from(), attempt.to());
    let primary = match mark {
        Some((at, _)) => Evidence::seen(at, "initial sequence number = old one + 65537"),
        None => lines::syns(attempt)?,
    };
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .about(case)
            .support(lines::syns(attempt))
            .support(
                attempt
                    .connection
                    .syn_acks
                    .first()
                    .map(|seen| Evidence::sent(seen.at, attempt.to(), attempt.from(), "SYN-ACK")),
            )
            .support(lines::close(previous))
            .rule_out("time-wait-collision", "the handshake on the reused 5-tuple completed")
            .done(),
    )
}
