//! `capture-clock-step`

use super::case::SessionCase;
use crate::frame::Interval;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// The clock of the capture was set while it ran: its times leap, and the TCP timestamps of both ends of a control
    /// connection do not.
    ///
    /// Needs: TCP timestamps of both ends whose rate is known, and a leap of the capture's time by more than 2 s that
    /// neither of them makes.
    ///
    /// Refuted by: TCP timestamps that leap as well (the session was merely idle); one end alone (that host slept).
    ///
    /// Ages and delays across the step mean nothing.
    ///
    /// Remedy: let the capturing host's clock be steered slowly (NTP slewing) instead of set.
    "capture-clock-step", Quality,
    "the clock of the capture was set while it ran",
    ["RFC 7323 5.4"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let Some(step) = case.session.clock_steps.first() else { return Vec::new() };
    let more = match case.session.clock_steps.len() {
        0 | 1 => String::new(),
        count => format!(", the first of {count} such steps"),
    };
    let way = if step.by > Interval::ZERO { "forward" } else { "back" };
    let message = format!(
        "the capture's clock was set {way} by {:.1} s between frames {} and {}{more}: ages and delays across it are not valid",
        step.by.abs(),
        step.before.number,
        step.after.number,
    );
    let primary = Evidence::seen(step.after, "the TCP timestamps of both ends went on as before");
    let before = Evidence::seen(step.before, "before the step");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).support([before]).done()]
}
