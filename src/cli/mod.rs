//! Turns the command line into plain [`AnalyseOptions`]: one file a subcommand.
//!
//! The only user of `clap`, `anstream`, `terminal_size` and `indicatif`. Knows nothing of captures.

mod analyse;
mod check;
mod completions;
mod demo;
mod explain;
mod extract;
mod facts;
mod hosts;
mod input;
mod layout;
#[cfg(all(feature = "live", target_os = "linux"))]
mod live;
mod message;
mod progress;
pub mod prose;
#[cfg(all(feature = "live", target_os = "linux"))]
mod run;
mod schema;
#[cfg(all(feature = "live", target_os = "linux"))]
mod scope;
mod sessions;
mod settings;
mod show;
mod spelling;
mod status;
mod target;
mod terminal;

use std::ffi::OsString;
use std::io::{Write, stderr};
use std::iter;
use std::path::PathBuf;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use crate::options::{
    AnalyseOptions, ExplainOptions, ExtractOptions, FailOn, Grouping, HostsOptions, Input, RulesOptions, ShowOptions,
};
pub use check::CheckOptions;
pub use facts::FactsOptions;
#[cfg(all(feature = "live", target_os = "linux"))]
pub use live::{LiveOptions, StopAt};
pub use message::{write_error, write_note};
pub use progress::Progress;
#[cfg(all(feature = "live", target_os = "linux"))]
pub use run::RunOptions;
pub use schema::Document;
pub use sessions::SessionsOptions;
pub use settings::Environment;
pub use terminal::Terminal;

use crate::report::Style;
use crate::text::printable_str;
pub use status::StatusLine;

/// Says from a packet capture why an FTP transfer failed.
///
/// Reads pcap and pcapng files (also gzip, zstd and lz4) and names, for each failed transfer, the cause, the frames
/// that show it, how certain it is, and what to do about it. For a file with the name of a subcommand write ./NAME.
#[derive(Parser)]
#[command(name = "ftpwhy", version, disable_help_subcommand = true)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(override_usage = "ftpwhy [OPTIONS] FILE...\n       ftpwhy COMMAND")]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    analyse: analyse::Analyse,
    #[command(flatten)]
    _settings: input::SettingsArguments,
}

#[derive(Subcommand)]
enum Command {
    Demo(demo::Demo),
    Show(show::Show),
    Explain(explain::Explain),
    Rules(explain::Rules),
    Hosts(hosts::Hosts),
    Extract(Box<extract::Extract>),
    Sessions(Box<sessions::Sessions>),
    Check(Box<check::Check>),
    #[cfg(all(feature = "live", target_os = "linux"))]
    Interfaces(live::Interfaces),
    #[cfg(all(feature = "live", target_os = "linux"))]
    Live(Box<live::Live>),
    #[cfg(all(feature = "live", target_os = "linux"))]
    Run(Box<run::Run>),
    Facts(facts::Facts),
    Schema(schema::Schema),
    Completions(completions::Completions),
}

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Invocation {
    /// Analyse captures.
    Analyse(Box<AnalyseOptions>),
    /// Analyse the example capture.
    Demo(Style),
    /// Show what happened.
    Show(ShowOptions),
    /// Explain diagnoses.
    Explain(ExplainOptions),
    /// List the diagnoses.
    Rules(RulesOptions),
    /// List the hosts of captures.
    Hosts(HostsOptions),
    /// Write packets to a file.
    Extract(Box<ExtractOptions>),
    /// List sessions and transfers.
    Sessions(Box<SessionsOptions>),
    /// Compare captures with their expectations.
    Check(Box<CheckOptions>),
    /// Capture.
    #[cfg(all(feature = "live", target_os = "linux"))]
    Live(Box<LiveOptions>),
    /// Run a command and judge its transfers.
    #[cfg(all(feature = "live", target_os = "linux"))]
    Run(Box<RunOptions>),
    /// List the interfaces.
    #[cfg(all(feature = "live", target_os = "linux"))]
    Interfaces,
    /// Write down the facts of this host.
    Facts(FactsOptions),
    /// Print a JSON Schema.
    Schema(Document),
    /// Print this text.
    Print(Vec<u8>),
    /// Nothing more: a usage error was printed. The exit status.
    Done(u8),
}

/// The command line as clap knows it, for the man page.
pub fn command() -> clap::Command {
    let with_prose = |command: clap::Command, name: &str| match prose::page(name) {
        Some(page) => command.after_long_help(prose::after_help(page)),
        None => command,
    };
    let command = with_prose(Arguments::command(), "");
    command.mut_subcommands(|subcommand| {
        let name = subcommand.get_name().to_owned();
        with_prose(subcommand, &name)
    })
}

/// Reads the arguments (the program's name first) and the settings around them; prints help and usage errors itself.
pub fn parse(
    arguments: impl IntoIterator<Item = OsString>,
    terminal: &Terminal,
    environment: &Environment,
) -> Invocation {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_run = arguments.get(1).is_some_and(|word| word == "run");
    match read_in(arguments, terminal, environment) {
        Ok((invocation, remarks)) => {
            for remark in remarks {
                // Nobody is left to be told when the terminal or pipe has gone.
                let _ = writeln!(stderr(), "warning: {}", printable_str(&remark));
            }
            invocation
        }
        // Help and version are what was asked for: whether they could be written counts.
        Err(said) if !said.use_stderr() => Invocation::Print(shown(&said, terminal).into_bytes()),
        Err(said) => {
            let _ = said.print();
            // Where the status is another command's, it says by 125 that this one was not run.
            Invocation::Done(if is_run { 125 } else { status(&said) })
        }
    }
}

/// The same without printing: what to do, and remarks.
fn read_in(
    arguments: Vec<OsString>,
    terminal: &Terminal,
    environment: &Environment,
) -> Result<(Invocation, Vec<String>), clap::Error> {
    let command = command().version(version());
    misspelt_command(&command, &arguments, environment).map_or(Ok(()), Err)?;
    let mut settled = settings::settle(command, arguments, environment)?;
    let Arguments { command, analyse, .. } = Arguments::from_arg_matches_mut(&mut settled.matches)?;
    let config = settled.config;
    let invocation = match command {
        Some(Command::Demo(demo)) => Invocation::Demo(demo.into_style(terminal)),
        Some(Command::Show(show)) => Invocation::Show(show.into_options(terminal, config)),
        Some(Command::Explain(explain)) => Invocation::Explain(explain.into_options(terminal)?),
        Some(Command::Rules(rules)) => Invocation::Rules(rules.into_options(terminal)),
        Some(Command::Hosts(hosts)) => Invocation::Hosts(hosts.into_options(terminal, config)),
        Some(Command::Extract(extract)) => Invocation::Extract(Box::new(extract.into_options(config))),
        Some(Command::Sessions(sessions)) => Invocation::Sessions(Box::new(sessions.into_options(terminal, config))),
        Some(Command::Check(check)) => Invocation::Check(Box::new(check.into_options(terminal, config))),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Some(Command::Interfaces(_)) => Invocation::Interfaces,
        #[cfg(all(feature = "live", target_os = "linux"))]
        Some(Command::Live(live)) => Invocation::Live(Box::new(live.into_options(terminal, config))),
        #[cfg(all(feature = "live", target_os = "linux"))]
        Some(Command::Run(run)) => Invocation::Run(Box::new(run.into_options(config))),
        Some(Command::Facts(facts)) => Invocation::Facts(facts.into_options(config)),
        Some(Command::Schema(schema)) => Invocation::Schema(schema.document()),
        Some(Command::Completions(completions)) => Invocation::Print(completions.script()),
        None => Invocation::Analyse(Box::new(analyse.into_options(terminal, config))),
    };
    Ok((invocation, settled.remarks))
}

/// The same without an environment.
#[cfg(test)]
fn read(arguments: impl IntoIterator<Item = OsString>, terminal: &Terminal) -> Result<Invocation, clap::Error> {
    read_in(arguments.into_iter().collect(), terminal, &Environment::default()).map(|(invocation, _)| invocation)
}

/// Refuses what would be read as a file, is none, and is spelt nearly like a subcommand.
fn misspelt_command(command: &clap::Command, arguments: &[OsString], environment: &Environment) -> Option<clap::Error> {
    let lenient = command.clone().ignore_errors(true).disable_help_flag(true);
    let matches = lenient.try_get_matches_from(arguments).ok()?;
    let file = matches.try_get_many::<PathBuf>("files").ok()??.next()?;
    let commands = command.get_subcommands().flat_map(|one| iter::once(one.get_name()).chain(one.get_all_aliases()));
    let meant = spelling::nearest(file.to_str()?, commands)?;
    let is_path = file.as_os_str().as_encoded_bytes().iter().any(|byte| matches!(byte, b'/' | b'.'));
    if is_path || environment.directory.join(file).exists() {
        return None;
    }
    if file.as_os_str() == meant {
        return Some(settings::wrong(&format!("{meant} is a subcommand, so it comes first: ftpwhy {meant} ...")));
    }
    Some(settings::wrong(&format!("there is no file and no subcommand {}, did you mean {meant}?", file.display())))
}

/// What clap says, with its colours where standard output wants them.
fn shown(said: &clap::Error, terminal: &Terminal) -> String {
    let text = said.render();
    if terminal.color { text.ansi().to_string() } else { text.to_string() }
}

/// 0 for help and version, 2 for wrong usage.
fn status(said: &clap::Error) -> u8 {
    if said.use_stderr() { 2 } else { 0 }
}

/// `0.1.0 (libpcap 1.10.3)`
fn version() -> String {
    let libpcap = match crate::source::libpcap_version() {
        Some(version) => format!("libpcap {version}"),
        None if cfg!(feature = "live") => "libpcap of unknown version".to_owned(),
        None => "without libpcap".to_owned(),
    };
    let features = [
        (cfg!(feature = "fast-decompression"), "fast-decompression"),
        (cfg!(feature = "live"), "live"),
        (cfg!(feature = "tls"), "tls"),
    ];
    let with: Vec<&str> = features.iter().filter(|(built, _)| *built).map(|(_, name)| *name).collect();
    let with = if with.is_empty() { "none".to_owned() } else { with.join(", ") };
    format!("{} ({libpcap}; features: {with})", env!("CARGO_PKG_VERSION"))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Document, Environment, Invocation, Terminal, command, read, read_in, status};

    fn run(line: &str) -> Result<Invocation, u8> {
        let terminal = Terminal::NONE;
        read(line.split(' ').map(Into::into), &terminal).map_err(|said| status(&said))
    }

    #[test]
    fn the_arguments_are_consistent() {
        command().debug_assert();
    }

    #[test]
    fn files_need_no_subcommand_and_subcommands_no_files() {
        assert!(matches!(run("ftpwhy x.pcap"), Ok(Invocation::Analyse(_))));
        assert_eq!(run("ftpwhy schema"), Ok(Invocation::Schema(Document::Report)));
        assert_eq!(run("ftpwhy schema facts"), Ok(Invocation::Schema(Document::Facts)));
    }

    #[test]
    fn a_file_called_like_a_subcommand_has_a_path() {
        let Ok(Invocation::Analyse(options)) = run("ftpwhy ./schema") else { panic!("not taken as a file") };
        assert_eq!(options.input.files, [PathBuf::from("./schema")]);
    }

    #[test]
    fn a_misspelt_subcommand_is_told_unless_a_file_is_called_so() {
        let folder = tempfile::tempdir().expect("a directory");
        let environment = Environment { directory: folder.path().into(), ..Environment::default() };
        let said = |line: &str| {
            let arguments = line.split(' ').map(Into::into).collect();
            read_in(arguments, &Terminal::NONE, &environment).map_err(|said| said.to_string())
        };
        let text = said("ftpwhy --isolated hosts x").expect_err("refused");
        assert!(text.contains("hosts is a subcommand, so it comes first"), "{text}");
        for line in ["ftpwhy hosst x", "ftpwhy --isolated -q hosst", "ftpwhy hosst --help", "ftpwhy hosst -w x"] {
            let text = said(line).expect_err("refused");
            assert!(text.contains("no file and no subcommand hosst, did you mean hosts?"), "{line}: {text}");
        }
        for line in ["ftpwhy ./hosst", "ftpwhy x.pcap hosst", "ftpwhy capture", "ftpwhy -r hosst"] {
            assert!(said(line).is_ok(), "{line}");
        }
        std::fs::write(folder.path().join("hosst"), "").expect("written");
        assert!(matches!(said("ftpwhy hosst"), Ok((Invocation::Analyse(_), _))));
    }

    #[test]
    fn usage_errors_are_2_and_help_is_0() {
        assert_eq!(run("ftpwhy"), Err(2));
        assert_eq!(run("ftpwhy --fail-on sometimes x.pcap"), Err(2));
        assert_eq!(run("ftpwhy -q -v x.pcap"), Err(2));
        assert_eq!(run("ftpwhy --help"), Err(0));
        assert_eq!(run("ftpwhy --version"), Err(0));
    }
}
