//! A strip of time: when something failed by a cause, and when what could have failed alike worked; or when it was found,
//! where nothing failed by it.

use std::fmt::Write as _;

use super::super::collect::Run;
use super::super::counted::counted;
use super::super::escape::markup;
use super::super::page::Page;
use crate::finding::Finding;
use crate::frame::Timestamp;
use crate::record::{Cause, Outcome, SessionRecord};

/// Spans of time that are told apart.
const SPANS: usize = 60;
/// The width of a span and the height of each half, in units of the drawing.
const WIDTH: usize = 10;
const HEIGHT: usize = 24;

/// The strip of a cause with the findings of it; `None` where all is one moment.
pub(super) fn of(page: &Page<'_>, cause: &Cause, findings: &[&Finding]) -> Option<String> {
    let (shown, what) = shown(findings);
    // As the cause's own span of time is counted, which stands beside it in words.
    let found: Vec<Timestamp> = shown.iter().map(|finding| finding.primary.first().time).collect();
    // Where nothing failed, there is nothing to compare with what worked.
    let worked = if what == FAILURE { worked(page.run, cause) } else { Vec::new() };
    let all = || found.iter().chain(&worked).copied();
    let (first, last) = (all().min()?, all().max()?);
    if first == last {
        return None;
    }
    let (above, below) = (spans(&found, first, last), spans(&worked, first, last));
    let most = above.iter().chain(&below).copied().max().unwrap_or(1);
    let zero = page.run.captures.iter().filter_map(|capture| capture.first).min().unwrap_or(first);
    let time = |at| markup(&page.clock.milliseconds(at, zero));
    let unit = if cause.of_sessions { "session" } else { "transfer" };
    let (bad, good) = (counted(found.len() as u64, what), counted(worked.len() as u64, unit));
    let (from, until) = (time(first), time(last));
    let (width, axis) = (SPANS * WIDTH, HEIGHT);
    let (height, key, spoken) = if worked.is_empty() {
        (HEIGHT + 1, String::new(), String::new())
    } else {
        (2 * HEIGHT, format!(" <b class=\"good\">\u{25bc}</b> {good} worked"), format!(" and {good} that worked"))
    };
    let colour = if what == FAILURE { "bad" } else { "other" };
    Some(format!(
        "<figure class=\"strip\"><svg role=\"img\" aria-label=\"{bad}{spoken}, {from} to {until}\" \
         width=\"100%\" height=\"{height}\" viewBox=\"0 0 {width} {height}\" preserveAspectRatio=\"none\">\
         <path class=\"axis\" d=\"M0 {axis}H{width}\"/><path class=\"{colour}\" d=\"{}\"/><path class=\"good\" d=\"{}\"/></svg>\n\
         <figcaption><span>{from}</span> <span class=\"key\"><b class=\"{colour}\">\u{25b2}</b> {bad}{key}</span> <span>{until}</span></figcaption></figure>\n",
        bars(&above, most, true),
        bars(&below, most, false),
    ))
}

/// What the bars above the axis count.
const FAILURE: &str = "failure";

/// The findings by which something failed, or all of them where nothing did: a warning of what worked is no failure.
fn shown<'a>(findings: &[&'a Finding]) -> (Vec<&'a Finding>, &'static str) {
    let failures: Vec<&Finding> = findings.iter().copied().filter(|finding| finding.is_of_failure()).collect();
    if failures.is_empty() { (findings.to_vec(), "finding") } else { (failures, FAILURE) }
}

/// When what a cause could have made fail worked.
fn worked(run: &Run, cause: &Cause) -> Vec<Timestamp> {
    let concerned = |session: &&SessionRecord| cause.locus.concerns(session.client.ip(), session.server);
    let sessions = run.sessions.iter().filter(concerned);
    if !cause.of_sessions {
        return sessions.flat_map(completed).collect();
    }
    let has_failed = |session: &SessionRecord| {
        run.findings_of(session.id).iter().any(|finding| finding.cause.is_some() && finding.transfer.is_none())
    };
    sessions.filter(|session| !has_failed(session)).map(|session| session.first.time).collect()
}

fn completed(session: &SessionRecord) -> impl Iterator<Item = Timestamp> {
    let asked = session.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Completed);
    let inferred = session.inferred.iter().filter(|one| one.outcome == Outcome::Completed);
    asked.map(|transfer| transfer.at.time).chain(inferred.map(|one| one.attempt.syn.time))
}

/// How many there are in each span.
fn spans(times: &[Timestamp], first: Timestamp, last: Timestamp) -> [usize; SPANS] {
    let mut counts = [0; SPANS];
    let length = i128::from(last.0) - i128::from(first.0) + 1;
    for time in times {
        let place = (i128::from(time.0) - i128::from(first.0)) * SPANS as i128 / length.max(1);
        if let Some(count) = usize::try_from(place).ok().and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    counts
}

/// A path of one bar a span, above or below the axis; one is seen beside many.
fn bars(counts: &[usize; SPANS], most: usize, above: bool) -> String {
    const LEAST: usize = 4;
    let mut path = String::new();
    for (place, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = LEAST + (HEIGHT - LEAST) * count / most.max(1);
        let (x, sign, width) = (place * WIDTH + 1, if above { "-" } else { "" }, WIDTH - 2);
        // Writing to a string cannot fail.
        let _ = write!(path, "M{x} {HEIGHT}v{sign}{height}h{width}V{HEIGHT}z");
    }
    path
}

#[cfg(test)]
mod tests {
    use super::{FAILURE, SPANS, bars, shown, spans};
    use crate::finding::{Finding, Role, Severity};
    use crate::frame::Timestamp;
    use crate::report::testing::Sample;

    #[test]
    fn a_warning_of_what_worked_is_no_failure() {
        let verdict = Sample::collision().findings.into_iter().find(|one| one.role == Role::Verdict).expect("one");
        let warning = Finding { role: Role::Context, severity: Severity::Warning, ..verdict.clone() };
        let (failures, what) = shown(&[&verdict, &warning]);
        assert_eq!((failures.len(), what), (1, FAILURE));
        let (found, what) = shown(&[&warning, &warning]);
        assert_eq!((found.len(), what), (2, "finding"));
    }

    #[test]
    fn each_time_is_in_one_span() {
        let times: Vec<Timestamp> = (0..=1000).map(Timestamp).collect();
        let counts = spans(&times, Timestamp(0), Timestamp(1000));
        assert_eq!(counts.iter().sum::<usize>(), 1001);
        assert!(counts.iter().all(|count| (16..=17).contains(count)), "{counts:?}");
        let ends = spans(&[Timestamp(i64::MIN), Timestamp(i64::MAX)], Timestamp(i64::MIN), Timestamp(i64::MAX));
        assert_eq!((ends[0], ends[SPANS - 1]), (1, 1));
    }

    #[test]
    fn failures_rise_and_successes_hang() {
        let mut counts = [0; SPANS];
        (counts[0], counts[1]) = (10, 1);
        assert_eq!(bars(&counts, 10, true), "M1 24v-24h8V24zM11 24v-6h8V24z");
        assert_eq!(bars(&counts, 20, false), "M1 24v14h8V24zM11 24v5h8V24z");
    }
}
