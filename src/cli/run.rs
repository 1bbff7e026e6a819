//! `ftpwhy run`: capture while a command runs, and tell why its transfers failed.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::input::{FailOnName, seconds};
use super::layout::{PlainArguments, TimeArguments};
use super::scope::ScopeArguments;
use super::{FailOn, Terminal};
use crate::report::{Format, Style, Verbosity};
use crate::source::live::{ANY, Scope};

/// Run a command, and say on standard error why its FTP transfers failed
///
/// Captures on all interfaces from before the command starts until one second after its end. Input and output of the
/// command are not changed. Needs CAP_NET_RAW, which the command does not get; with sudo, name the user for the command
/// with -Z. Only the command's own connections are analysed. SSLKEYLOGFILE is set for the command to a private file,
/// which is removed at the end: if the command writes its TLS keys there, FTPS is decrypted.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Run {
    /// Capture on IFACE; may be repeated
    #[arg(short, long = "interface", value_name = "IFACE", default_value = ANY, help_heading = "Capture")]
    interfaces: Vec<String>,

    #[command(flatten)]
    scope: ScopeArguments,

    /// Do not read this host's sockets, routes and neighbours (see ftpwhy facts)
    #[arg(long, help_heading = "Capture")]
    no_facts: bool,

    /// Write the captured packets to FILE (pcapng), without TLS keys
    #[arg(short, long, value_name = "FILE", help_heading = "Capture", value_hint = ValueHint::FilePath)]
    write: Option<PathBuf>,

    /// Run the command as USER (only as root)
    #[arg(short = 'Z', long, value_name = "USER", help_heading = "Command")]
    user: Option<String>,

    /// End the command after SECONDS with SIGTERM, and two seconds later with SIGKILL
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Command")]
    timeout: Option<Duration>,

    /// How to write the report
    #[arg(long, value_name = "FORMAT", default_value = "full", help_heading = "Output")]
    format: RunFormat,

    /// Write the report to FILE instead of standard error
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,

    /// Show only findings: no totals, no notes on the capture
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Output")]
    quiet: bool,

    /// Show everything
    #[arg(short, long, help_heading = "Output")]
    verbose: bool,

    /// Exit with 0, 1 or 2 as for a capture, instead of the command's status
    #[arg(long, help_heading = "Result")]
    exit_verdict: bool,

    /// The lowest severity that makes the exit status 1 with --exit-verdict
    #[arg(long, value_name = "SEVERITY", default_value = "error", requires = "exit_verdict", help_heading = "Result")]
    fail_on: FailOnName,

    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND", value_hint = ValueHint::CommandWithArguments)]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, ValueEnum)]
enum RunFormat {
    /// A block per failed transfer, then the table of transfers
    Full,
    /// One line per finding
    Concise,
    /// One JSON object (see ftpwhy schema)
    Json,
}

/// Everything `ftpwhy run` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct RunOptions {
    /// Interfaces, never empty.
    pub interfaces: Vec<String>,
    /// What is captured.
    pub scope: Scope,
    /// Whether findings rest on what this host's kernel says, too.
    pub facts: bool,
    /// Where frames go.
    pub write: Option<PathBuf>,
    /// Who runs the command.
    pub user: Option<String>,
    /// How long the command may take.
    pub timeout: Option<Duration>,
    /// How the report is written: full, concise or json.
    pub format: Format,
    /// How the formats for people are laid out.
    pub style: Style,
    /// Where the report goes; standard error if `None`.
    pub output: Option<PathBuf>,
    /// Which findings make the exit status 1; `None` where it is the command's.
    pub verdict: Option<FailOn>,
    /// The command and its arguments, never empty.
    pub command: Vec<OsString>,
    /// The file that settings were read from.
    pub config: Option<PathBuf>,
}

impl Run {
    pub(super) fn into_options(self, config: Option<PathBuf>) -> RunOptions {
        let terminal = if self.output.is_some() { Terminal::NONE } else { Terminal::of_stderr() };
        let verbosity = match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (_, true) => Verbosity::Verbose,
            _ => Verbosity::Normal,
        };
        RunOptions {
            interfaces: self.interfaces,
            scope: self.scope.into(),
            facts: !self.no_facts,
            write: self.write,
            user: self.user,
            timeout: self.timeout,
            format: match self.format {
                RunFormat::Full => Format::Full,
                RunFormat::Concise => Format::Concise,
                RunFormat::Json => Format::Json,
            },
            style: Style { time: self.time.style(), verbosity, ..self.plain.into_style(&terminal) },
            output: self.output,
            verdict: self.exit_verdict.then(|| self.fail_on.into()),
            command: self.command,
            config,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{Invocation, read};

    fn options(line: &str) -> Option<RunOptions> {
        match read(format!("ftpwhy run {line}").split(' ').map(Into::into), &Terminal::NONE) {
            Ok(Invocation::Run(options)) => Some(*options),
            _ => None,
        }
    }

    #[test]
    fn what_follows_the_dashes_is_the_commands() {
        let options = options("--port 2121 -- curl -v -o x --timeout 3").expect("read");
        assert_eq!(options.command, ["curl", "-v", "-o", "x", "--timeout", "3"]);
        assert_eq!((options.scope.ports, options.timeout, options.output), (vec![2121], None, None));
        assert_eq!((options.interfaces, options.verdict), (vec!["any".to_owned()], None));
    }

    #[test]
    fn a_verdict_is_asked_for() {
        assert_eq!(options("--exit-verdict -- x").and_then(|options| options.verdict), Some(FailOn::Error));
        assert!(options("--fail-on info -- x").is_none());
        for line in ["", "--", "curl x", "--timeout 0 -- x"] {
            assert!(options(line).is_none(), "{line}");
        }
    }
}
