//! `ftpwhy check`: captures as regression tests.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::input::{FailOnName, ReadingArguments};
use super::layout::PlainArguments;
use super::target::{Target, target};
use super::{FailOn, Grouping, Input, Terminal};
use crate::check::Bless;
use crate::report::{CheckFormat, Style, Verbosity};

/// Compare captures with their expectations
///
/// Each capture is analysed alone and compared with NAME.expect.toml in the same directory: diagnoses that must be
/// found, with role, severity, lowest confidence, session and frames; diagnoses that must not be found; `clean = true`
/// for no error and no warning. With `[points] client = "a.pcap"` and so on, one expectation is for several captures of
/// one incident; with `captures = "dut-*.pcap"` it is for each of these captures that has none of its own; with
/// `facts = "host.json"` the captures are judged with what ftpwhy facts wrote there. A capture without an expectation
/// must have no finding at or above --fail-on.
#[derive(Args)]
pub(super) struct Check {
    /// Captures, and directories with captures
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,

    /// Write the expectations that are missing or differ, and show what changes; --bless=loose leaves out frame numbers,
    /// for captures that are taken again and again
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "exact",
        help_heading = "Result"
    )]
    bless: Option<BlessName>,

    /// The lowest severity that a capture without an expectation must not have
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Result")]
    fail_on: FailOnName,

    #[command(flatten)]
    reading: ReadingArguments,

    /// How to write the result
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: FormatName,

    /// Write the result as FORMAT to FILE, too; may be repeated
    #[arg(
        short,
        long,
        value_name = "FORMAT=FILE",
        value_parser = target::<FormatName>(),
        help_heading = "Output",
        value_hint = ValueHint::FilePath
    )]
    output: Vec<Target<FormatName>>,

    #[command(flatten)]
    plain: PlainArguments,

    /// Show only captures that are not as expected
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum BlessName {
    /// All that was found, with the numbers of the frames
    Exact,
    /// Without the numbers of the frames
    Loose,
}

impl From<BlessName> for Bless {
    fn from(name: BlessName) -> Self {
        match name {
            BlessName::Exact => Self::Exact,
            BlessName::Loose => Self::Loose,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum FormatName {
    /// One line per capture, with its differences below
    Text,
    /// JUnit XML: each capture is a test case
    Junit,
    /// Annotations of GitHub Actions for captures that are not as expected
    Github,
}

impl From<FormatName> for CheckFormat {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Text => Self::Text,
            FormatName::Junit => Self::Junit,
            FormatName::Github => Self::Github,
        }
    }
}

/// Everything `ftpwhy check` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckOptions {
    /// What is read; each file alone.
    pub input: Input,
    /// Whether expectations are written, and how.
    pub bless: Option<Bless>,
    /// What a capture without expectation must not have.
    pub fail_on: FailOn,
    /// How the result is written to standard output.
    pub format: CheckFormat,
    /// How it is laid out.
    pub style: Style,
    /// Further forms of the result, and the files they go to.
    pub beside: Vec<(CheckFormat, PathBuf)>,
}

impl Check {
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> CheckOptions {
        let mut format = self.format;
        let mut beside = Vec::new();
        for target in self.output {
            let is_stdout = target.is_stdout();
            match target.format.unwrap_or(FormatName::Text) {
                name if is_stdout => format = name,
                name => beside.push((CheckFormat::from(name), target.path)),
            }
        }
        let verbosity = if self.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        CheckOptions {
            input: Input {
                anonymize: None,
                jobs: self.reading.jobs(),
                files: self.files,
                points: Vec::new(),
                filter: self.reading.filter,
                ports: self.reading.ports,
                time_wait: self.reading.time_wait,
                here: self.reading.here,
                grouping: Grouping::PerFile,
                follow: false,
                config,
                allow_unreadable: self.reading.allow_unreadable,
                keylog: self.reading.keylog,
                facts: self.reading.facts,
            },
            bless: self.bless.map(Bless::from),
            fail_on: self.fail_on.into(),
            format: format.into(),
            style: Style { verbosity, ..self.plain.into_style(terminal) },
            beside,
        }
    }
}
