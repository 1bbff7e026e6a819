//! `ftpwhy FILE...`: analyse captures.

use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::{FailOn, Grouping, Options, Screen};
use crate::report::{Format, Style, TimeStyle, Verbosity};

/// Below this the table of transfers goes over the edge.
const MIN_WIDTH: u64 = 60;

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Analyse {
    /// Captures, directories of captures, or - for standard input; several files are one timeline sorted by time
    #[arg(value_name = "FILE", required_unless_present = "read", value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,

    /// Read FILE, as tcpdump and tshark take it; may be repeated
    #[arg(short = 'r', long = "read", value_name = "FILE", help_heading = "Input", value_hint = ValueHint::AnyPath)]
    read: Vec<PathBuf>,

    /// Look only at packets that match this BPF expression (tcpdump's syntax, not Wireshark's)
    #[arg(short, long, value_name = "BPF", help_heading = "Input")]
    filter: Option<String>,

    /// Take these ports for FTP control too, as in 2121,2122; port 21 and what looks like FTP always are
    #[arg(
        long = "port",
        value_name = "PORT",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Input"
    )]
    ports: Vec<u16>,

    /// How long TIME-WAIT lasts on the hosts in the capture, instead of the usual values of common systems
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Input")]
    time_wait: Option<Duration>,

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

    /// Write the report to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: Color,

    /// Write nothing but ASCII
    #[arg(long, help_heading = "Output")]
    ascii: bool,

    /// Wrap text at this many columns [default: the terminal's width, else 80]
    #[arg(
        long,
        value_name = "COLUMNS",
        value_parser = RangedU64ValueParser::<usize>::new().range(MIN_WIDTH..=10_000),
        help_heading = "Output"
    )]
    width: Option<usize>,

    /// Show times in UTC (the default)
    #[arg(long, group = "time", help_heading = "Output")]
    utc: bool,

    /// Show times in the local time zone
    #[arg(long, group = "time", help_heading = "Output")]
    local: bool,

    /// Show times as seconds since the first frame
    #[arg(long, group = "time", help_heading = "Output")]
    relative: bool,

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
}

#[derive(Clone, Copy, ValueEnum)]
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
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

#[derive(Clone, Copy, ValueEnum)]
enum FailOnName {
    Error,
    Warning,
    Info,
    Never,
}

impl Analyse {
    /// What is left open is decided by what standard output is; a report that goes to a file is no terminal's.
    pub(super) fn into_options(self, screen: &Screen) -> Options {
        let screen =
            if self.output.is_some() { &Screen { terminal: false, width: None, color: false } } else { screen };
        let format = match self.format {
            _ if self.json => Format::Json,
            Some(FormatName::Full) => Format::Full,
            Some(FormatName::Table) => Format::Table,
            Some(FormatName::Json) => Format::Json,
            Some(FormatName::Ndjson) => Format::Ndjson,
            None if screen.terminal => Format::Full,
            Some(FormatName::Concise) | None => Format::Concise,
        };
        let style = Style {
            color: match self.color {
                Color::Auto => screen.color,
                Color::Always => true,
                Color::Never => false,
            },
            ascii: self.ascii,
            width: self.width.or(screen.width).unwrap_or(80),
            time: match (self.local, self.relative) {
                (true, _) => TimeStyle::Local,
                (_, true) => TimeStyle::Relative,
                _ => TimeStyle::Utc,
            },
            verbosity: match (self.quiet, self.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
        };
        Options {
            inputs: self.read.into_iter().chain(self.files).collect(),
            filter: self.filter,
            ports: self.ports,
            time_wait: self.time_wait,
            grouping: match (self.merge, self.per_file) {
                (true, _) => Grouping::Merge,
                (_, true) => Grouping::PerFile,
                _ => Grouping::Auto,
            },
            format,
            style,
            output: self.output,
            fail_on: match self.fail_on {
                FailOnName::Error => FailOn::Error,
                FailOnName::Warning => FailOn::Warning,
                FailOnName::Info => FailOn::Info,
                FailOnName::Never => FailOn::Never,
            },
            require_transfers: self.require_transfers,
        }
    }
}

fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "not a positive number of seconds".to_owned())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{FailOn, Format, Grouping, Options, Screen, TimeStyle, Verbosity};
    use crate::cli::{Invocation, read};

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
