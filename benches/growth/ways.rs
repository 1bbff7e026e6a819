//! The ways in which a capture is read: from a file and from a pipe, and into every report.

use std::path::Path;

use super::kinds::Kind;
use super::measure::{Run, program};

/// A subcommand with its arguments.
pub struct Way {
    pub name: &'static str,
    arguments: &'static [&'static str],
    /// Whether the capture comes through a pipe, so that each transfer is judged as soon as its outcome is known.
    piped: bool,
    /// Whether it is measured on every kind; else on those in [`REPORTED`].
    always: bool,
}

/// The kinds on which every report is measured: findings and sessions in numbers.
const REPORTED: [&str; 2] = ["all mixed", "data refused"];

const fn file(name: &'static str, arguments: &'static [&'static str]) -> Way {
    Way { name, arguments, piped: false, always: false }
}

const fn pipe(name: &'static str, arguments: &'static [&'static str]) -> Way {
    Way { name, arguments, piped: true, always: false }
}

pub const WAYS: &[Way] = &[
    Way { always: true, ..file("json", &["--fail-on", "never", "--format", "json"]) },
    Way { always: true, ..pipe("pipe ndjson", &["--fail-on", "never", "--format", "ndjson"]) },
    pipe("pipe json", &["--fail-on", "never", "--format", "json"]),
    pipe("pipe full", &["--fail-on", "never", "--format", "full"]),
    file("full", &["--fail-on", "never", "--format", "full"]),
    file("full -v", &["--fail-on", "never", "--format", "full", "-v"]),
    file("table", &["--fail-on", "never", "--format", "table"]),
    file("concise", &["--fail-on", "never", "--format", "concise"]),
    file("ndjson", &["--fail-on", "never", "--format", "ndjson"]),
    file("sarif", &["--fail-on", "never", "--format", "sarif"]),
    file("junit", &["--fail-on", "never", "--format", "junit"]),
    file("github", &["--fail-on", "never", "--format", "github"]),
    file("gitlab", &["--fail-on", "never", "--format", "gitlab"]),
    file("markdown", &["--fail-on", "never", "--format", "markdown"]),
    file("csv", &["--fail-on", "never", "--format", "csv"]),
    file("show", &["show"]),
    file("show --ladder", &["show", "--ladder"]),
    file("show --svg", &["show", "--svg", "/dev/null"]),
    file("show --html", &["show", "--html", "/dev/null"]),
    file("sessions", &["sessions"]),
    file("hosts", &["hosts"]),
    file("write-baseline", &["--fail-on", "never", "--write-baseline", "/dev/null"]),
    file("extract --slim", &["extract", "--slim", "-w", "/dev/null"]),
    file("extract finding", &["extract", "--finding", "*", "-w", "/dev/null"]),
    file("extract anon", &["extract", "--anonymize", "-w", "/dev/null"]),
    file("check", &["check", "--fail-on", "never"]),
];

impl Way {
    /// Whether it is measured on a kind.
    pub fn measures(&self, kind: &Kind) -> bool {
        self.always || REPORTED.contains(&kind.name)
    }

    /// Reads a capture in this way.
    pub fn run(&self, capture: &Path) -> Run {
        let mut command = program();
        command.args(self.arguments).arg("--isolated");
        if self.piped {
            command.arg("-");
            return Run { command, piped: Some(capture.into()) };
        }
        command.arg(capture);
        command.into()
    }
}
