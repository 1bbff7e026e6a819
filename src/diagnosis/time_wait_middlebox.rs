//! `time-wait-middlebox`

use super::case::Case;
use super::{lines, two_msl};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, Connection};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// A NAT or firewall between this capture point and the client may still hold the session of the previous connection
    /// on the same 5-tuple, and drop the new SYN for it.
    ///
    /// Needs: a capture that is not at the client; two or more unanswered SYNs on a 5-tuple whose previous connection was
    /// completely closed less than 240 s before (netfilter keeps such a session for 120 s, others for 240 s); and behind
    /// them a SYN that is answered, to a fresh port or later on the same tuple: only the old tuple was stuck.
    ///
    /// Refuted by: any answer to the SYN; SYNs to fresh ports that go unanswered too; the SYN seen on the client's side.
    ///
    /// Confidence: possible from one point; a second capture on the client's side would show that the SYN does not come
    /// through.
    ///
    /// Remedy: at the client use fresh ports for every transfer, or passive mode; at the server send data from ports
    /// that change; in the network shorten the timers for closed sessions on the device between (Linux:
    /// nf_conntrack_tcp_timeout_time_wait).
    "time-wait-middlebox", Warning,
    "a NAT or firewall on the way may still hold the closed session of the 5-tuple",
    ["RFC 5382 5", "RFC 6056"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if !case.failed_for_want_of_data() || case.vantage.sees_all_of_client() {
        return None;
    }
    let (attempt, (previous, since)) =
        case.server_attempts().find_map(|attempt| Some((attempt, vanished(attempt)?)))?;
    let mut behind = case.siblings.iter().flat_map(|one| &one.attempts).filter(|other| other.at() > attempt.at());
    let fresh_fail_too = case.siblings.iter().flat_map(|one| &one.attempts).any(|other| {
        other.previous.is_none() && other.outcome() == AttemptOutcome::Unanswered && other.from() == attempt.from()
    });
    let works = behind.find(|other| other.is_established() && other.from() == attempt.from())?;
    if fresh_fail_too {
        return None;
    }
    let age = attempt.at().seconds_since(since);
    let message = format!(
        "the SYNs of {} to {} vanish {age:.1} s after the previous connection on that 5-tuple was closed: a NAT or firewall on the way may still hold its session",
        attempt.from(),
        attempt.to(),
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Possible, message, lines::syns(attempt)?)
            .about(case)
            .support(lines::close(previous))
            .support([Evidence::sent(works.at(), works.from(), works.to(), "this one is answered")])
            .or("data-syn-unanswered", "a capture on the client's side shows whether the SYNs arrive there")
            .client("Announce a fresh port for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), or allow passive mode.")
            .network("Look for the old session in the NAT's or firewall's table (conntrack -L); shorten its timer (nf_conntrack_tcp_timeout_time_wait).")
            .done(),
    )
}

/// The closed connection before SYNs that nothing came back to, and when it ended.
fn vanished<'a>(attempt: &Attempt<'a>) -> Option<(&'a Connection, Stamp)> {
    let previous = attempt.previous?;
    let Close::TimeWait { since, .. } = previous.close_before(attempt.at()) else { return None };
    let silent = attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= 2;
    let young = attempt.at().seconds_since(since) <= two_msl::NOMINAL;
    (silent && young).then_some((previous, since))
}
