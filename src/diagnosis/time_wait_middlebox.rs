//! `time-wait-middlebox`

use super::case::Case;
use super::crossing::{self, Lost, What};
use super::{data_syn_unanswered, lines, two_msl};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, Connection};
use crate::frame::Stamp;
use crate::record::AttemptOutcome;
use crate::transfer::attempt::Attempt;

diagnosis! {
    /// A NAT or firewall between this capture point and the client may still have the session of the previous
    /// connection on the same 5-tuple in its table, and drop the new SYN because of that.
    ///
    /// Needs: both sides of the device in one capture (two interfaces of one host), the SYNs seen on the side of their
    /// sender and never on the other, the previous connection of that 5-tuple, completely closed less than 240 s
    /// before, and another data connection seen on both (`data-syn-lost-in-transit`). The sides are matched by sequence
    /// numbers and timestamps, not by addresses.
    ///
    /// Or, from one side: a capture that is not at the client; two or more unanswered SYNs on a 5-tuple whose previous
    /// connection was completely closed less than 240 s before (netfilter keeps such a session for 120 s, others for
    /// 240 s); and after them a SYN that is answered, to a new port or later on the same tuple: so only the old tuple
    /// was blocked.
    ///
    /// Refuted by: any answer to the SYN; SYNs to new ports that get no answer either; the SYN seen on both sides.
    ///
    /// Confidence: probable with both sides of the device, possible from one; never proven, because only the device's
    /// own table shows what it had.
    ///
    /// Remedy: at the client use a new port for every transfer, or passive mode; at the server send data from ports
    /// that change; in the network shorten the timers for closed sessions on the device in between (Linux:
    /// nf_conntrack_tcp_timeout_time_wait).
    "time-wait-middlebox", Warning,
    "a NAT or firewall on the path may still have the closed session of the 5-tuple in its table",
    ["RFC 5382 5", "RFC 6056"],
    verdict: never("the capture shows only that nobody answered, not who still has the old session"),
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let lost = crossing::lost(case).filter(|lost| lost.what == What::Syn);
    if let Some(finding) = lost.and_then(|lost| from_both_sides(case, &lost)) {
        return Some(finding);
    }
    if !case.failed_for_want_of_data() || case.vantage.sees_all_of_client() {
        return None;
    }
    let (attempt, (previous, since)) =
        case.server_attempts().find_map(|attempt| Some((attempt, vanished(attempt)?)))?;
    let works = case.siblings.answered_behind(attempt.from(), attempt.at())?;
    if fresh_fail_too(case, attempt) || crossing::crossed(attempt.connection) {
        return None;
    }
    let age = attempt.at().age_of(since);
    let message = format!(
        "the SYNs of {} to {} vanish {age:.1} s after the previous connection on that 5-tuple was closed: a NAT or firewall on the path may still have its session",
        attempt.from(),
        attempt.to(),
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Possible, message, lines::syns(attempt)?)
            .about(case)
            .support(lines::close(previous))
            .support([Evidence::sent(works.at, works.from, works.to, "this one is answered")])
            .or(data_syn_unanswered::NAME, "a capture on the client's side shows whether the SYNs arrive there")
            .client("Announce a new port for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), or allow passive mode.")
            .network("Look for the old session in the NAT's or firewall's table (conntrack -L); shorten its timer (nf_conntrack_tcp_timeout_time_wait).")
            .done(),
    )
}

/// The device lies between two sides of this capture: it had let the connection before through, and others since.
fn from_both_sides(case: &Case<'_>, lost: &Lost<'_>) -> Option<Finding> {
    let attempt = &lost.attempt;
    let (previous, since) = vanished(attempt)?;
    if !crossing::crossed(previous)
        || !lost.witnesses.any_behind(since, previous.id)
        || fresh_fail_too(case, attempt)
    {
        return None;
    }
    let age = attempt.at().age_of(since);
    let message = format!(
        "{}, {age:.1} s after the previous connection on that 5-tuple, which had got through, was closed: the device in between may still have its session",
        lost.told(case),
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, lost.came_in()?)
            .about(case)
            .support(lines::close(previous))
            .support(lost.did_not_leave(case))
            .client("Announce a new port for every transfer, or use passive mode.")
            .server("Send data from ports that change (not always 20), or allow passive mode.")
            .network("Look for the old session in the table of the device between both interfaces (conntrack -L); shorten its timer (nf_conntrack_tcp_timeout_time_wait).")
            .done(),
    )
}

/// Whether SYNs of the same socket on a 5-tuple without history go unanswered, too, here or on the other side: then it is
/// not the tuple.
fn fresh_fail_too(case: &Case<'_>, attempt: &Attempt<'_>) -> bool {
    let fail = |other: &Attempt<'_>| other.previous.is_none() && other.outcome() == AttemptOutcome::Unanswered;
    let there = || crossing::seen_there(case).filter(fail).map(|other| other.from()).collect();
    case.siblings.fresh_fail(attempt.from()) || case.siblings.fresh_fail_there(attempt.from(), there)
}

/// The closed connection before SYNs that nothing came back to, and when it ended.
fn vanished<'a>(attempt: &Attempt<'a>) -> Option<(&'a Connection, Stamp)> {
    let previous = attempt.previous?;
    let Close::TimeWait { since, .. } = previous.close_before(attempt.at()) else { return None };
    let silent = attempt.outcome() == AttemptOutcome::Unanswered && attempt.connection.syn_count >= 2;
    let young = attempt.at().age_of(since) <= two_msl::NOMINAL;
    (silent && young).then_some((previous, since))
}
