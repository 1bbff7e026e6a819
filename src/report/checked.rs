//! What `ftpwhy check` says: a line per capture and its differences, or the same as JUnit XML or annotations.

use std::io::{self, Write};

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Style;
use super::Verbosity;
use super::counted::counted;
use super::escape::safe;
use super::github::{Annotation, write_interrupted};
use super::junit::{interrupted, write_report, xml};
use super::paint::Ink;
use crate::record::Signal;

/// How a capture compares with what is expected of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// All is as expected; or nothing is expected and nothing serious was found.
    AsExpected,
    /// It differs from its expectation.
    Failed,
    /// It has no expectation, and something at or above `--fail-on` was found.
    Unexpected,
    /// Its expectation was written or rewritten.
    Blessed,
    /// It, or its expectation, could not be read.
    Unreadable,
    /// It could not be read, which is known and does not count.
    Allowed,
    /// The run was interrupted before it was checked.
    Unchecked,
}

impl Comparison {
    fn word(self) -> &'static str {
        match self {
            Self::AsExpected => "ok",
            Self::Failed => "failed",
            Self::Unexpected => "unexpected",
            Self::Blessed => "blessed",
            Self::Unreadable => "unreadable",
            Self::Allowed => "allowed",
            Self::Unchecked => "unchecked",
        }
    }

    fn is_fine(self) -> bool {
        matches!(self, Self::AsExpected | Self::Blessed | Self::Allowed)
    }
}

/// A capture that was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checked {
    /// The capture as it was named or found, printable.
    pub path: String,
    /// How it compares.
    pub comparison: Comparison,
    /// The differences, or the changes of its expectation: a line each.
    pub lines: Vec<String>,
}

/// How the result of a check is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFormat {
    /// A line per capture, its differences below.
    Text,
    /// JUnit XML: each capture is a test.
    Junit,
    /// Annotations of GitHub Actions for what is not as expected.
    Github,
}

/// The result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckResult {
    /// The captures, in the order in which they were named or found.
    pub checked: Vec<Checked>,
    /// Expectations without a capture, printable.
    pub orphans: Vec<String>,
    /// What ended the check before all captures were found and checked.
    pub interrupted: Option<Signal>,
}

impl CheckResult {
    /// Whether a capture compares like this.
    pub fn has(&self, comparison: Comparison) -> bool {
        self.checked.iter().any(|one| one.comparison == comparison)
    }

    /// `interrupted by SIGINT; 3 of 10 captures were checked`, if it was.
    pub fn interrupted(&self) -> Option<String> {
        let signal = self.interrupted?;
        let all = self.checked.len();
        let done = self.checked.iter().filter(|one| one.comparison != Comparison::Unchecked).count();
        let by = format!("interrupted by {}", signal.name());
        if done == all {
            // There is none, for directories were still being looked through.
            return Some(format!("{by} before all captures were found"));
        }
        Some(format!("{by}; {done} of {all} captures were checked"))
    }
}

/// Writes the result of a check.
pub fn write_checked(format: CheckFormat, result: &CheckResult, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        CheckFormat::Text => text(result, style, out),
        CheckFormat::Junit => junit(result, style, out),
        CheckFormat::Github => github(result, style, out),
    }
}

/// Expectations without a capture that are named.
const NAMED: usize = 5;

/// The width of the first column.
const WORDS: usize = 12;

fn text(result: &CheckResult, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    for one in &result.checked {
        let ink = match one.comparison {
            Comparison::AsExpected | Comparison::Blessed => Ink::Good,
            Comparison::Allowed => Ink::Dim,
            Comparison::Failed | Comparison::Unreadable | Comparison::Unexpected => Ink::Error,
            Comparison::Unchecked => Ink::Warning,
        };
        if style.verbosity == Verbosity::Quiet && one.comparison == Comparison::AsExpected {
            continue;
        }
        let word = style.paint(ink, &format!("{:WORDS$}", one.comparison.word()));
        writeln!(out, "{word}{}", safe(&one.path, style.ascii))?;
        for line in &one.lines {
            writeln!(out, "{:WORDS$}{}", "", safe(line, style.ascii))?;
        }
    }
    if style.verbosity > Verbosity::Quiet {
        writeln!(out, "{}", totals(&result.checked, &result.orphans, style.ascii))?;
    }
    if let Some(why) = result.interrupted() {
        writeln!(out, "{} {why}", style.paint(Ink::Error, "incomplete:"))?;
    }
    Ok(())
}

/// `4 captures: 2 ok, 1 failed, 1 unexpected; 3 expectations have no capture`
fn totals(checked: &[Checked], orphans: &[String], ascii: bool) -> String {
    use Comparison::{Allowed, AsExpected, Blessed, Failed, Unchecked, Unexpected, Unreadable};
    let count = |comparison| checked.iter().filter(|one| one.comparison == comparison).count();
    let counts: Vec<String> = [AsExpected, Failed, Unexpected, Blessed, Unreadable, Allowed, Unchecked]
        .into_iter()
        .map(|comparison| (count(comparison), comparison.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let mut line = counted(checked.len() as u64, "capture");
    if !counts.is_empty() {
        line = format!("{line}: {}", counts.join(", "));
    }
    if !orphans.is_empty() {
        let have = if orphans.len() == 1 { "has" } else { "have" };
        line = format!("{line}; {} {have} no capture", counted(orphans.len() as u64, "expectation"));
        // A few are files that were renamed or lost; many belong to something else.
        if orphans.len() <= NAMED {
            let names: Vec<String> = orphans.iter().map(|orphan| safe(orphan, ascii)).collect();
            line = format!("{line}: {}", names.join(", "));
        }
    }
    line
}

fn junit(result: &CheckResult, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new("ftpwhy check");
    for one in &result.checked {
        let lines: Vec<String> = one.lines.iter().map(|line| safe(line, style.ascii)).collect();
        let status = if one.comparison == Comparison::Allowed {
            let mut status = TestCaseStatus::skipped();
            status.set_type(one.comparison.word()).set_message(xml(&lines.join("\n")));
            status
        } else if one.comparison.is_fine() {
            TestCaseStatus::success()
        } else if one.comparison == Comparison::Unchecked {
            TestCaseStatus::skipped()
        } else {
            let unreadable = one.comparison == Comparison::Unreadable;
            let kind = if unreadable { NonSuccessKind::Error } else { NonSuccessKind::Failure };
            let mut status = TestCaseStatus::non_success(kind);
            status
                .set_type(one.comparison.word())
                .set_message(xml(lines.first().map_or("", String::as_str)))
                .set_description(xml(&lines.join("\n")));
            status
        };
        suite.add_test_case(TestCase::new(xml(&safe(&one.path, style.ascii)), status));
    }
    let mut report = Report::new("ftpwhy check");
    report.add_test_suite(suite);
    if let Some(why) = result.interrupted() {
        report.add_test_suite(interrupted(&why, style));
    }
    write_report(&report, out)
}

fn github(result: &CheckResult, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    // One for all of them: GitHub keeps ten of a step.
    if let Some(why) = result.interrupted() {
        write_interrupted(&why, style, out)?;
    }
    let told = |one: &&Checked| match one.comparison {
        Comparison::Allowed => true,
        Comparison::Unchecked => false,
        other => !other.is_fine(),
    };
    for one in result.checked.iter().filter(told) {
        let level = if one.comparison.is_fine() { "notice" } else { "error" };
        let title = format!("ftpwhy check: {}", one.comparison.word());
        let lines: Vec<String> = one.lines.iter().map(|line| safe(line, style.ascii)).collect();
        // An annotation needs a line; the whole file is meant.
        Annotation { level, file: &one.path, line: 1, title: &title }.write(&lines.join("\n"), style, out)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CheckFormat, CheckResult, Checked, Comparison, write_checked};
    use crate::record::Signal;
    use crate::report::testing::narrow;
    use crate::report::{Style, Verbosity};

    fn result() -> CheckResult {
        let one = |path: &str, comparison, lines: &[&str]| Checked {
            path: path.into(),
            comparison,
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
        };
        let checked = vec![
            one("a.pcap", Comparison::AsExpected, &[]),
            one("b.pcap", Comparison::Failed, &["x: role is related, not verdict", "missing: y\n::error::forged"]),
            one("c.pcap", Comparison::Unexpected, &["error z"]),
        ];
        CheckResult { checked, orphans: vec!["d.expect.toml".to_owned()], interrupted: None }
    }

    /// The same, ended by ^C before the last capture was checked.
    fn interrupted() -> CheckResult {
        let mut result = CheckResult { interrupted: Some(Signal::Interrupt), ..result() };
        (result.checked[2].comparison, result.checked[2].lines) = (Comparison::Unchecked, Vec::new());
        result
    }

    fn write(format: CheckFormat, result: &CheckResult, style: &Style) -> String {
        let mut out = Vec::new();
        write_checked(format, result, style, &mut out).expect("a vector takes everything");
        String::from_utf8(out).expect("UTF-8")
    }

    fn written(format: CheckFormat, style: &Style) -> String {
        write(format, &result(), style)
    }

    #[test]
    fn a_capture_is_a_line_with_its_differences_below() {
        let expected = "\
            ok          a.pcap\n\
            failed      b.pcap\n\
            \x20           x: role is related, not verdict\n\
            \x20           missing: y\\x0a::error::forged\n\
            unexpected  c.pcap\n\
            \x20           error z\n\
            3 captures: 1 ok, 1 failed, 1 unexpected; 1 expectation has no capture: d.expect.toml\n";
        assert_eq!(written(CheckFormat::Text, &narrow()), expected);
    }

    #[test]
    fn quiet_shows_what_is_not_as_expected() {
        let text = written(CheckFormat::Text, &Style { verbosity: Verbosity::Quiet, ..narrow() });
        assert!(!text.contains("a.pcap") && !text.contains("captures"), "{text}");
    }

    #[test]
    fn a_capture_is_a_test() {
        let text = written(CheckFormat::Junit, &narrow());
        let report = quick_junit::Report::deserialize_from_str(&text).expect("JUnit XML");
        assert_eq!((report.tests, report.failures, report.errors), (3, 2, 0));
    }

    #[test]
    fn what_failed_is_an_annotation() {
        let text = written(CheckFormat::Github, &narrow());
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.lines().all(|line| line.starts_with("::error file=")), "{text}");
    }

    #[test]
    fn an_interrupted_check_says_what_was_not_checked() {
        let why = "interrupted by SIGINT; 2 of 3 captures were checked";
        let text = write(CheckFormat::Text, &interrupted(), &narrow());
        assert!(text.contains("\nunchecked   c.pcap\n3 captures: 1 ok, 1 failed, 1 unchecked;"), "{text}");
        assert!(text.ends_with(&format!("\nincomplete: {why}\n")), "{text}");
        let quiet = Style { verbosity: Verbosity::Quiet, ..narrow() };
        assert!(write(CheckFormat::Text, &interrupted(), &quiet).ends_with(&format!("incomplete: {why}\n")));
        let junit = write(CheckFormat::Junit, &interrupted(), &narrow());
        let report = quick_junit::Report::deserialize_from_str(&junit).expect("JUnit XML");
        assert_eq!((report.tests, report.failures, report.errors), (4, 1, 1));
        assert!(junit.contains(why) && junit.contains("<skipped"), "{junit}");
        let github = write(CheckFormat::Github, &interrupted(), &narrow());
        assert!(github.starts_with(&format!("::error title=ftpwhy%3A interrupted::{why}\n")), "{github}");
        assert_eq!(github.lines().count(), 2, "{github}");
        let listing = CheckResult { interrupted: Some(Signal::Terminate), ..CheckResult::default() };
        let text = write(CheckFormat::Text, &listing, &narrow());
        assert!(text.ends_with("incomplete: interrupted by SIGTERM before all captures were found\n"), "{text}");
    }
}
