//! `--format junit`: each capture a suite, each transfer a test, for whatever shows test results.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::collect::Run;
use super::concise;
use super::escape::safe;
use super::identity::subject_of;
use super::interrupted::NAME;
use super::words::Party;
use super::{Style, unread};
use crate::finding::{Finding, Role, SessionId, Severity, TransferId};
use crate::fingerprint::{Subjects, about};
use crate::frame::CaptureId;
use crate::record::{Outcome, SessionRecord, TransferRecord, Unreadable};
use crate::source::Capture;

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut report = Report::new("ftpwhy");
    let mut cases = Cases::of(run);
    for capture in &run.captures {
        report.add_test_suite(suite(run, capture, &mut cases, style));
    }
    for input in &run.summary.unreadable {
        report.add_test_suite(unreadable(input, style));
    }
    if let Some(why) = run.interrupted() {
        report.add_test_suite(interrupted(&why, style));
    }
    write_report(&report, out)
}

/// Writes a whole report. Serialized straight to `out`, its errors would not say why it could not be written.
pub(super) fn write_report(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(report.to_string().map_err(io::Error::other)?.as_bytes())
}

/// A suite with the error that a run was incomplete.
pub(super) fn interrupted(why: &str, style: &Style) -> TestSuite {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
    status.set_type(NAME).set_message(xml(&safe(why, style.ascii)));
    let mut suite = TestSuite::new("ftpwhy");
    suite.add_test_case(TestCase::new(NAME, status));
    suite
}

/// Where everything belongs.
#[derive(Default)]
struct Cases<'a> {
    sessions: HashMap<CaptureId, Vec<&'a SessionRecord>>,
    findings: HashMap<CaptureId, Vec<&'a Finding>>,
    /// The first finding that counts of each transfer.
    failures: HashMap<(SessionId, TransferId), &'a Finding>,
    subjects: Subjects,
}

impl<'a> Cases<'a> {
    fn of(run: &'a Run) -> Self {
        let mut cases = Self::default();
        for (session, capture) in run.sessions.iter().filter_map(|one| Some((one, *one.captures.first()?))) {
            cases.sessions.entry(capture).or_default().push(session);
        }
        for finding in &run.findings {
            cases.findings.entry(finding.capture).or_default().push(finding);
            if let (Some(session), Some(transfer), true) = (finding.session, finding.transfer, counts(finding)) {
                cases.failures.entry((session, transfer)).or_insert(finding);
            }
        }
        cases
    }
}

fn suite(run: &Run, capture: &Capture, cases: &mut Cases<'_>, style: &Style) -> TestSuite {
    let path = xml(&safe(&run.path(capture.id), style.ascii));
    let mut suite = TestSuite::new(&path);
    for session in cases.sessions.get(&capture.id).into_iter().flatten() {
        for transfer in &session.transfers {
            let failure = cases.failures.get(&(session.id, transfer.id)).copied();
            let mut case = TestCase::new(name(session, transfer, style), status(transfer, failure, run, style));
            case.set_classname(&path);
            if let Some(reply) = &transfer.reply {
                let seconds = reply.at.seconds_since(transfer.at).max(0.0);
                case.set_time(Duration::try_from_secs_f64(seconds).unwrap_or_default());
            }
            suite.add_test_case(case);
        }
    }
    let mut notes = String::new();
    for finding in cases.findings.get(&capture.id).into_iter().flatten() {
        let subject = subject_of(run, finding, &mut cases.subjects);
        let told = counts(finding) && subject.is_some_and(|subject| subject.transfer.is_some());
        if counts(finding) && !told {
            let status = failed(finding, run, style);
            let mut case = TestCase::new(xml(&format!("{} {}", finding.diagnosis, about(finding, subject))), status);
            case.set_classname(&path);
            suite.add_test_case(case);
        } else if !told {
            notes += &line(run, finding, style);
        }
    }
    if !notes.is_empty() {
        suite.set_system_out(xml(&notes));
    }
    suite
}

/// An input that could not be read is a suite whose only test has an error, or is skipped if that is allowed.
fn unreadable(input: &Unreadable, style: &Style) -> TestSuite {
    let path = xml(&safe(&input.path(), style.ascii));
    let mut status =
        if input.allowed { TestCaseStatus::skipped() } else { TestCaseStatus::non_success(NonSuccessKind::Error) };
    status.set_type(unread::NAME).set_message(xml(&safe(&input.sentence(), style.ascii)));
    let mut case = TestCase::new("is read", status);
    case.set_classname(&path);
    let mut suite = TestSuite::new(&path);
    suite.add_test_case(case);
    suite
}

/// Whether a finding makes a test fail.
fn counts(finding: &Finding) -> bool {
    finding.role != Role::Related && finding.severity == Severity::Error
}

fn name(session: &SessionRecord, transfer: &TransferRecord, style: &Style) -> String {
    let (session_id, id, command) = (session.id.0, transfer.id.0, &transfer.command);
    xml(&safe(&format!("{session_id}.{id} {command} {} to {}", session.client.ip(), session.server), style.ascii))
}

fn status(transfer: &TransferRecord, failure: Option<&Finding>, run: &Run, style: &Style) -> TestCaseStatus {
    match (failure, transfer.outcome) {
        (Some(finding), _) => failed(finding, run, style),
        (None, Outcome::Unknown) => {
            let mut status = TestCaseStatus::skipped();
            status.set_message("the capture does not show how it ended");
            status
        }
        (None, Outcome::Completed | Outcome::Failed | Outcome::Aborted) => TestCaseStatus::success(),
    }
}

fn failed(finding: &Finding, run: &Run, style: &Style) -> TestCaseStatus {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    let mut text = line(run, finding, style);
    for remedy in &finding.remedies {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}: {}", Party::from(remedy.side), safe(&remedy.text, style.ascii));
    }
    status
        .set_type(finding.diagnosis.as_str())
        .set_message(xml(&safe(&finding.message, style.ascii)))
        .set_description(xml(&text));
    status
}

/// The line of `--format concise`.
fn line(run: &Run, finding: &Finding, style: &Style) -> String {
    let mut line = Vec::new();
    // Writing to a vector cannot fail.
    let _ = concise::line(run, finding, &Style { color: false, links: false, ..style.clone() }, &mut line);
    String::from_utf8(line).unwrap_or_default()
}

/// XML has no way to write some characters; the control characters among them are spelled out before, two are left.
pub(super) fn xml(text: &str) -> String {
    text.replace('\u{fffe}', "\\u{fffe}").replace('\u{ffff}', "\\u{ffff}")
}

#[cfg(test)]
mod tests {
    use quick_junit::Report;

    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn a_transfer_is_a_test() {
        expect("collision.junit.xml", &Sample::collision().render(Format::Junit, &narrow()));
    }

    #[test]
    fn a_failed_transfer_fails_and_others_do_not() {
        let read = |sample: &Sample| {
            let text = sample.render(Format::Junit, &narrow());
            Report::deserialize_from_str(&text).expect("JUnit XML")
        };
        let report = read(&Sample::collision());
        assert_eq!((report.tests, report.failures), (2, 1));
        assert_eq!(read(&Sample::clean()).failures, 0);
    }

    #[test]
    fn what_strangers_wrote_is_text() {
        let mut sample = Sample::hostile();
        let evil = "]]><x a=\"'&\u{ffff}\u{fffe}\x00\x1b";
        sample.sessions[0].transfers[1].command = evil.into();
        sample.findings.iter_mut().for_each(|finding| finding.message = evil.into());
        let text = sample.render(Format::Junit, &narrow());
        let report = Report::deserialize_from_str(&text).expect("JUnit XML");
        assert_eq!(report.tests, 2);
        let legal = |c: char| matches!(c, '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..);
        assert!(text.chars().all(legal), "{text}");
        assert!(!text.contains("<x"));
    }
}
