//! `ftpwhy FILE...`: analyse captures.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::shared::{FailOnName, Looks, Reading, Settings, Target, Times, target};
use super::{Grouping, Options, Screen};
use crate::report::{Format, Verbosity};

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Analyse {
    /// Captures, directories of captures, or - for standard input; several files are one timeline sorted by time
    #[arg(value_name = "FILE", required_unless_present = "read", value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,

    /// Read FILE, as tcpdump and tshark take it; may be repeated
    #[arg(short = 'r', long = "read", value_name = "FILE", help_heading = "Input", value_hint = ValueHint::AnyPath)]
    read: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    /// Treat all inputs as one timeline
    #[arg(long, conflicts_with = "per_file", help_heading = "Input")]
    merge: bool,

    /// Judge each file alone
    #[arg(long, help_heading = "Input")]
    per_file: bool,

    /// How to write findings [default: full on a terminal, else concise]
    #[arg(long, value_name = "FORMAT", help_heading = "Output")]
    format: Option<FormatName>,

    /// Same as --format json
    #[arg(long, conflicts_with = "format", help_heading = "Output")]
    json: bool,

    /// Write the report to FILE; as FORMAT=FILE another report beside it, and may be repeated
    #[arg(
        short,
        long,
        value_name = "[FORMAT=]FILE",
        value_parser = target::<FormatName>(),
        help_heading = "Output",
        value_hint = ValueHint::FilePath
    )]
    output: Vec<Target<FormatName>>,

    #[command(flatten)]
    looks: Looks,

    #[command(flatten)]
    times: Times,

    /// Show findings alone: no totals, no table, no notes on the capture
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Show everything: no list is folded, and where each session was captured is explained
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// The least severity that makes the exit status 1; related and quality findings never do
    #[arg(long, value_name = "SEVERITY", default_value = "error", help_heading = "Result")]
    fail_on: FailOnName,

    /// Exit with status 1 when there is no transfer to judge
    #[arg(long, help_heading = "Result")]
    require_transfers: bool,

    /// Leave out the findings that FILE knows
    #[arg(long, value_name = "FILE", help_heading = "Result", value_hint = ValueHint::FilePath)]
    baseline: Option<PathBuf>,

    /// Write what is found to FILE, for --baseline; findings then leave the exit status 0
    #[arg(long, value_name = "FILE", help_heading = "Result", value_hint = ValueHint::FilePath)]
    write_baseline: Option<PathBuf>,

    #[command(flatten)]
    pub(super) settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum FormatName {
    /// A block per failed transfer, what else holds, and the table of transfers
    Full,
    /// One line per finding
    Concise,
    /// The table of transfers
    Table,
    /// One JSON object (see ftpwhy schema)
    Json,
    /// One JSON object a line, as it becomes known
    Ndjson,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// JUnit XML: each transfer is a test
    Junit,
    /// Annotations of GitHub Actions
    Github,
    /// GitLab code quality
    Gitlab,
    /// Markdown, for a job summary or an issue
    Markdown,
    /// One row per finding, for a spreadsheet
    Csv,
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
        }
    }
}

impl Analyse {
    /// What is left open is decided by what standard output is; a report that goes to a file is no terminal's.
    pub(super) fn into_options(self, screen: &Screen) -> Options {
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
        let screen = if output.is_some() { &Screen::NONE } else { screen };
        let format = match format {
            _ if self.json => Format::Json,
            Some(name) => name.into(),
            None if screen.terminal => Format::Full,
            None => Format::Concise,
        };
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        Options {
            inputs: self.read.into_iter().chain(self.files).collect(),
            filter: self.reading.filter,
            ports: self.reading.ports,
            time_wait: self.reading.time_wait,
            grouping: match (self.merge, self.per_file) {
                (true, _) => Grouping::Merge,
                (_, true) => Grouping::PerFile,
                _ => Grouping::Auto,
            },
            format,
            style: self.looks.style(&self.times, verbosity, screen),
            output,
            beside,
            fail_on: self.fail_on.into(),
            require_transfers: self.require_transfers,
            baseline: self.baseline,
            write_baseline: self.write_baseline,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{Format, Grouping, Options, Screen, Verbosity};
    use crate::cli::{FailOn, Invocation, read};
    use crate::report::TimeStyle;

    const TERMINAL: Screen = Screen { terminal: true, width: Some(132), color: true };
    const PIPE: Screen = Screen { terminal: false, width: None, color: false };

    fn options(line: &str, screen: &Screen) -> Options {
        match read(format!("ftpwhy {line}").split(' ').map(Into::into), screen) {
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
        assert_eq!(options.inputs, ["a.pcap", "b.pcap", "-"].map(PathBuf::from));
    }

    #[test]
    fn the_rest_is_taken_as_said() {
        let options = options(
            "--port 2121,2122 --port 990 --time-wait 30.5 --per-file --fail-on never --require-transfers -f tcp x",
            &PIPE,
        );
        assert_eq!(options.ports, [2121, 2122, 990]);
        assert_eq!(options.time_wait, Some(Duration::from_millis(30_500)));
        assert_eq!(options.grouping, Grouping::PerFile);
        assert_eq!(options.fail_on, FailOn::Never);
        assert!(options.require_transfers);
        assert_eq!(options.filter.as_deref(), Some("tcp"));
    }

    #[test]
    fn nonsense_is_refused() {
        for line in [
            "--port 0 x",
            "--port 70000 x",
            "--time-wait -1 x",
            "--time-wait nan x",
            "--width 59 x",
            "--merge --per-file x",
            "--utc --local x",
        ] {
            let read = read(format!("ftpwhy {line}").split(' ').map(Into::into), &PIPE);
            assert!(read.is_err(), "{line}");
        }
    }
}
