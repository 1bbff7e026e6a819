//! `--format gitlab`: a code quality report for merge requests. Its "line" is the frame.

use std::collections::HashMap;
use std::io::{self, Write};

use serde::Serialize;

use super::collect::Run;
use super::entry::{Entry, grouped, worst_first};
use super::escape::safe_json;
use super::identity::stands_alone;
use super::interrupted::NAME;
use super::page::Page;
use super::words::Confidence;
use super::{Style, causes, unread};
use crate::finding::{self, CauseId, Finding};
use crate::fingerprint;
use crate::record::{Cause, Unreadable};
use crate::text::printable_str;

#[derive(Serialize)]
struct Issue {
    description: String,
    check_name: &'static str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u64,
}

pub(super) fn write(run: &Run, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let findings: Vec<&Finding> = run.findings.iter().filter(|finding| stands_alone(finding)).collect();
    let entries = worst_first(grouped(run, &findings));
    let page = &Page::new(run, style);
    let mut issues: Vec<Issue> = run.summary.unreadable.iter().map(unreadable).collect();
    let causes: HashMap<CauseId, &Cause> = run.causes.iter().map(|cause| (cause.id, cause)).collect();
    issues.extend(entries.iter().filter_map(|entry| issue(page, entry, &causes)));
    issues.extend(run.interrupted().map(|why| interrupted(run, &why)));
    writeln!(out, "{}", safe_json(serde_json::to_string_pretty(&issues)?))
}

/// A cause where its example is, or its only finding. Its identity is that of the cause, however often it is found.
fn issue(page: &Page<'_>, entry: &Entry<'_>, causes: &HashMap<CauseId, &Cause>) -> Option<Issue> {
    let (finding, told) = match entry {
        Entry::Alone(finding) => (*finding, printable_str(&finding.message)),
        Entry::Cause(cause, findings) => {
            let counts = causes::sentences(page, cause).join("; ");
            (causes::example(cause, findings)?, format!("{}: {counts}", printable_str(&cause.message)))
        }
    };
    let cause = causes.get(&finding.cause?)?;
    let fingerprint = fingerprint::of_cause(cause.diagnosis, &cause.locus).to_string();
    let at = finding.primary.first();
    let confidence = Confidence::from(finding.confidence);
    Some(Issue {
        description: format!("{told} ({confidence}, frame {})", at.number),
        check_name: finding.diagnosis.as_str(),
        fingerprint,
        severity: severity(finding.severity),
        location: Location { path: page.run.path(at.capture), lines: Lines { begin: at.number.0 } },
    })
}

/// What stands for an incomplete run.
fn interrupted(run: &Run, why: &str) -> Issue {
    Issue {
        description: printable_str(why),
        check_name: NAME,
        fingerprint: NAME.to_owned(),
        severity: "blocker",
        location: Location { path: run.interrupted_in(), lines: Lines { begin: 1 } },
    }
}

/// The whole file is meant.
fn unreadable(input: &Unreadable) -> Issue {
    Issue {
        description: input.sentence(),
        check_name: unread::NAME,
        fingerprint: fingerprint::of_path(&input.path).to_string(),
        severity: if input.allowed { "info" } else { "blocker" },
        location: Location { path: input.path(), lines: Lines { begin: 1 } },
    }
}

fn severity(severity: finding::Severity) -> &'static str {
    match severity {
        finding::Severity::Error => "critical",
        finding::Severity::Warning => "minor",
        finding::Severity::Info | finding::Severity::Quality => "info",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use crate::finding::Locus;
    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn a_cause_is_an_issue() {
        expect("collision.gitlab.json", &Sample::collision().render(Format::Gitlab, &narrow()));
    }

    #[test]
    fn failures_of_one_cause_are_one_issue_with_their_counts() {
        let issues: Value =
            serde_json::from_str(&Sample::failing(300).render(Format::Gitlab, &narrow())).expect("JSON");
        assert_eq!(issues.as_array().map(Vec::len), Some(1), "{issues}");
        let text = issues[0]["description"].as_str().expect("text");
        assert!(text.contains("300 of 600 comparable transfers failed"), "{text}");
    }

    #[test]
    fn fingerprints_are_unique() {
        let mut sample = Sample::collision();
        // Of one cause each, though the diagnosis is the same.
        for (number, mut finding) in (1..=3).zip(std::iter::repeat(sample.findings[3].clone())) {
            finding.locus = Locus::Client([10, 7, 0, number].into());
            sample.findings.push(finding);
        }
        let issues: Value = serde_json::from_str(&sample.render(Format::Gitlab, &narrow())).expect("JSON");
        let issues = issues.as_array().expect("a list");
        let names: BTreeSet<&str> = issues.iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
        assert_eq!((issues.len(), names.len()), (5, 5));
    }
}
