//! `--format gitlab`: a code quality report for merge requests. Its "line" is the frame.

use std::io::{self, Write};

use serde::Serialize;

use super::collect::Run;
use super::escape::safe_json;
use super::identity::{identities, stands_alone};
use super::interrupted::NAME;
use super::words::Confidence;
use super::{Style, unread};
use crate::finding;
use crate::fingerprint;
use crate::record::Unreadable;
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

pub(super) fn write(run: &Run, _: &Style, out: &mut dyn Write) -> io::Result<()> {
    let named = run.findings.iter().zip(identities(run));
    let mut issues: Vec<Issue> = run.summary.unreadable.iter().map(unreadable).collect();
    let found = named.filter(|(finding, _)| stands_alone(finding)).map(|(finding, fingerprint)| {
        let at = finding.primary.first();
        let confidence = Confidence::from(finding.confidence);
        Issue {
            description: format!("{} ({confidence}, frame {})", printable_str(&finding.message), at.number),
            check_name: finding.diagnosis.as_str(),
            fingerprint,
            severity: severity(finding.severity),
            location: Location { path: run.path(at.capture), lines: Lines { begin: at.number.0 } },
        }
    });
    issues.extend(found);
    issues.extend(run.interrupted().map(|why| interrupted(run, &why)));
    writeln!(out, "{}", safe_json(serde_json::to_string_pretty(&issues)?))
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

    use crate::report::Format;
    use crate::report::testing::{Sample, expect, narrow};

    #[test]
    fn a_finding_is_an_issue() {
        expect("collision.gitlab.json", &Sample::collision().render(Format::Gitlab, &narrow()));
    }

    #[test]
    fn fingerprints_are_unique() {
        let mut sample = Sample::collision();
        sample.findings.extend(sample.findings.clone());
        let issues: Value = serde_json::from_str(&sample.render(Format::Gitlab, &narrow())).expect("JSON");
        let issues = issues.as_array().expect("a list");
        let names: BTreeSet<&str> = issues.iter().filter_map(|issue| issue["fingerprint"].as_str()).collect();
        assert_eq!((issues.len(), names.len()), (4, 4));
    }
}
