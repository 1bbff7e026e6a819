//! `ftpwhy FILE...`: analyse captures.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::input::{FailOnName, InputArguments, SelectionArguments, cause_number};
use super::layout::{PlainArguments, TimeArguments};
use super::sessions::time;
use super::target::{Target, target};
use super::{AnalyseOptions, Terminal};
use crate::finding::CauseId;
use crate::frame::Timestamp;
use crate::record::Window;
use crate::report::{By, Format, Style, Verbosity};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Analyse {
    #[command(flatten)]
    input: InputArguments,

    /// How to write findings [default: full on a terminal, else concise]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<FormatName>,

    /// Same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,

    /// Write the report to FILE; FORMAT=FILE writes another report in addition and may be repeated
    #[arg(
        short,
        long,
        value_name = "[FORMAT=]FILE",
        value_parser = target::<FormatName>(),
        help_heading = "Output",
        value_hint = ValueHint::FilePath
    )]
    output: Vec<Target<FormatName>>,

    /// What gets a line in concise
    #[arg(long, value_name = "WHAT", default_value = "finding", help_heading = "Output")]
    by: ByName,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,

    /// Report only cause N (as numbered in reports): its findings, their sessions and related findings
    #[arg(long, value_name = "N", value_parser = cause_number(), conflicts_with = "follow", help_heading = "Output")]
    cause: Option<u32>,

    /// Write at most N findings, and how many are left out; from a pipe and with --follow, as soon as they are certain
    #[arg(long, value_name = "N", help_heading = "Output")]
    max_findings: Option<u64>,

    /// Show only findings: no totals, no table, no notes on the capture
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Show everything: complete lists, and why ftpwhy believes where each session was captured
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// The lowest severity that makes the exit status 1; related and quality findings never do
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Result")]
    fail_on: FailOnName,

    /// Exit with status 1 if the captures have no transfer
    #[arg(long, help_heading = "Result")]
    require_transfers: bool,

    /// Leave out the findings that are listed in FILE
    #[arg(long, value_name = "FILE", help_heading = "Result", value_hint = ValueHint::FilePath)]
    baseline: Option<PathBuf>,

    /// Write the findings to FILE, for --baseline; the exit status is then 0
    #[arg(long, value_name = "FILE", help_heading = "Result", value_hint = ValueHint::FilePath)]
    write_baseline: Option<PathBuf>,

    /// Judge everything that is given and report what belongs to the time from FROM until before TO, as 2024-03-01T12:00:00Z:
    /// a transfer with its findings by its final reply, other findings by the last frame that shows them
    #[arg(
        long,
        value_names = ["FROM", "TO"],
        num_args = 2,
        value_parser = time,
        conflicts_with = "follow",
        help_heading = "Result"
    )]
    report_between: Vec<Timestamp>,

    #[command(flatten)]
    selection: SelectionArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum ByName {
    /// Each finding
    Finding,
    /// Each cause, with its counts
    Cause,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum FormatName {
    /// A block per cause with one failed transfer as an example, other findings, and the table of transfers
    Full,
    /// One line per finding
    Concise,
    /// The table of transfers
    Table,
    /// One JSON object (see ftpwhy schema)
    Json,
    /// One JSON object per line, written as soon as it is known
    Ndjson,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML: each transfer is a test case
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab code quality
    Gitlab,
    /// Markdown, for a job summary or an issue
    Markdown,
    /// One row per finding, for a spreadsheet
    Csv,
    /// An HTML page with everything, for a browser
    Html,
}

impl From<FormatName> for Format {
    fn from(name: FormatName) -> Self {
        match name {
            FormatName::Full => Self::Full,
            FormatName::Concise => Self::Concise,
            FormatName::Table => Self::Table,
            FormatName::Json => Self::Json,
            FormatName::Ndjson => Self::Ndjson,
            FormatName::Sarif => Self::Sarif,
            FormatName::Junit => Self::Junit,
            FormatName::Github => Self::Github,
            FormatName::Gitlab => Self::Gitlab,
            FormatName::Markdown => Self::Markdown,
            FormatName::Csv => Self::Csv,
            FormatName::Html => Self::Html,
        }
    }
}

impl Analyse {
    /// What is left open is decided by what standard output is; a report that goes to a file is no terminal's.
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> AnalyseOptions {
        let (mut format, mut output) = (self.format, None);
        let mut beside = Vec::new();
        for target in self.output {
            let is_stdout = target.is_stdout();
            match target.format {
                None => output = Some(target.path).filter(|_| !is_stdout),
                Some(name) if is_stdout => format = Some(name),
                Some(name) => beside.push((Format::from(name), target.path)),
            }
        }
        let terminal = if output.is_some() { &Terminal::NONE } else { terminal };
        let format = match format {
            _ if self.json => Format::Json,
            Some(name) => name.into(),
            None if terminal.terminal => Format::Full,
            None => Format::Concise,
        };
        let style = Style {
            time: self.time.style(),
            by: match self.by {
                ByName::Finding => By::Finding,
                ByName::Cause => By::Cause,
            },
            // Of one cause all is wanted.
            verbosity: match (self.quiet, self.verbose || self.cause.is_some()) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            ..self.plain.into_style(terminal)
        };
        AnalyseOptions {
            input: self.input.into_input(config),
            selection: self.selection.into_selection(),
            format,
            style,
            output,
            beside,
            fail_on: self.fail_on.into(),
            require_transfers: self.require_transfers,
            baseline: self.baseline,
            write_baseline: self.write_baseline,
            cause: self.cause.map(CauseId),
            max_findings: self.max_findings,
            between: match self.report_between[..] {
                [from, to] => Some(Window { from, to }),
                _ => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{AnalyseOptions, Format, Terminal, Verbosity};
    use crate::cli::{FailOn, Grouping, Invocation, read};
    use crate::diagnosis::{capture_gap, no_data_endpoint, port_low_port, port_refused};
    use crate::report::TimeStyle;

    const TERMINAL: Terminal = Terminal { terminal: true, width: Some(132), color: true, links: true };
    const PIPE: Terminal = Terminal::NONE;

    fn options(line: &str, terminal: &Terminal) -> AnalyseOptions {
        match read(format!("ftpwhy {line}").split(' ').map(Into::into), terminal) {
            Ok(Invocation::Analyse(options)) => *options,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn a_terminal_gets_blocks_and_a_pipe_lines() {
        let terminal = options("x.pcap", &TERMINAL);
        assert_eq!((terminal.format, terminal.style.width, terminal.style.color), (Format::Full, 132, true));
        let pipe = options("x.pcap", &PIPE);
        assert_eq!((pipe.format, pipe.style.width, pipe.style.color), (Format::Concise, 80, false));
        let file = options("x.pcap -o report.txt", &TERMINAL);
        assert_eq!((file.format, file.style.width, file.style.color), (Format::Concise, 80, false));
    }

    #[test]
    fn one_run_feeds_several_files() {
        let options = options("-o sarif=a.json -o junit=b.xml -o c.txt x.pcap", &TERMINAL);
        assert_eq!(options.beside, [(Format::Sarif, "a.json".into()), (Format::Junit, "b.xml".into())]);
        assert_eq!((options.format, options.output), (Format::Concise, Some("c.txt".into())));
    }

    #[test]
    fn a_dash_is_standard_output() {
        let options = options("-o csv=- x.pcap", &TERMINAL);
        assert_eq!((options.format, options.output, options.beside), (Format::Csv, None, Vec::new()));
    }

    #[test]
    fn what_is_said_beats_what_is_found() {
        let options = options("--json --color always --width 100 --ascii --relative -v x.pcap", &PIPE);
        assert_eq!(options.format, Format::Json);
        assert!(options.style.color && options.style.ascii);
        assert_eq!(options.style.width, 100);
        assert_eq!(options.style.time, TimeStyle::Relative);
        assert_eq!(options.style.verbosity, Verbosity::Verbose);
    }

    #[test]
    fn inputs_come_from_both_places() {
        let options = options("-r a.pcap b.pcap -", &PIPE);
        assert_eq!(options.input.files, ["a.pcap", "b.pcap", "-"].map(PathBuf::from));
    }

    #[test]
    fn the_rest_is_taken_as_said() {
        let options = options(
            "--port 2121,2122 --port 990 --time-wait 30.5 --per-file --fail-on never --require-transfers -f tcp --here 10.0.0.1 \
             --here 2001:db8::1 x",
            &PIPE,
        );
        assert_eq!(options.input.here.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1", "2001:db8::1"]);
        assert_eq!(options.input.ports, [2121, 2122, 990]);
        assert_eq!(options.input.time_wait, Some(Duration::from_millis(30_500)));
        assert_eq!(options.input.grouping, Grouping::PerFile);
        assert_eq!(options.fail_on, FailOn::Never);
        assert!(options.require_transfers);
        assert_eq!(options.input.filter.as_deref(), Some("tcp"));
    }

    #[test]
    fn diagnoses_are_named_or_globbed() {
        let options = options("--select port-*,data-* --ignore port-refused --select no-data-endpoint x", &PIPE);
        let taken = [port_low_port::NAME, port_refused::NAME, no_data_endpoint::NAME, capture_gap::NAME]
            .map(|name| options.selection.takes(name));
        assert_eq!(taken, [true, false, true, false]);
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--port 0 x",
            "--port 70000 x",
            "--time-wait -1 x",
            "--time-wait nan x",
            "--here eth0 x",
            "--width 59 x",
            "--merge --per-file x",
            "--utc --local x",
            "--ignore time-wait-colision x",
        ] {
            let read = read(format!("ftpwhy {line}").split(' ').map(Into::into), &PIPE);
            assert!(read.is_err(), "{line}");
        }
    }
}
