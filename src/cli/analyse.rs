//! `ftpwhy FILE...`: analyse captures.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use super::input::{InputArguments, SelectionArguments};
use super::layout::{PlainArguments, TimeArguments};
use super::{FailOn, Options, Screen};
use crate::report::{Format, Style, Verbosity};

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

    /// Write the report to FILE
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,

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

    #[command(flatten)]
    selection: SelectionArguments,
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
            time: self.time.style(),
            verbosity: match (self.quiet, self.verbose) {
                (true, _) => Verbosity::Quiet,
                (_, true) => Verbosity::Verbose,
                _ => Verbosity::Normal,
            },
            ..self.plain.into_style(screen)
        };
        Options {
            input: self.input.into_input(),
            selection: self.selection.into_selection(),
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::{FailOn, Format, Options, Screen, Verbosity};
    use crate::cli::{Grouping, Invocation, read};
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
            "--port 2121,2122 --port 990 --time-wait 30.5 --per-file --fail-on never --require-transfers -f tcp x",
            &PIPE,
        );
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
        let taken = ["port-low-port", "port-refused", "no-data-endpoint", "capture-gap"]
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
