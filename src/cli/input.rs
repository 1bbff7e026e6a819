//! What is read, and what is judged: the options that every subcommand on captures shares.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::RangedI64ValueParser;
use clap::{Args, ValueEnum, ValueHint};

use super::{FailOn, Grouping, Input};
use crate::anonymize::Key;
use crate::diagnosis::selection::{Pattern, Selection, Unknown};
use crate::points::{Glob, NamedPoint};

/// The number of a cause, from 1.
pub(super) fn cause_number() -> RangedI64ValueParser<u32> {
    clap::value_parser!(u32).range(1..)
}

#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct InputArguments {
    /// Captures, directories of captures, or - for standard input; several files are capture points of one incident if
    /// they share connections, otherwise one timeline sorted by time
    #[arg(value_name = "FILE", required_unless_present_any = ["read", "points"], value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,

    /// Read FILE (as in tcpdump and tshark); may be repeated
    #[arg(short = 'r', long = "read", value_name = "FILE", help_heading = "Input", value_hint = ValueHint::AnyPath)]
    read: Vec<PathBuf>,

    /// FILE was captured at the point NAME (several files with commas: a rotated set); may be repeated. All points are
    /// analysed together as one incident; without this option that is done for files that share connections
    #[arg(
        long = "point",
        value_name = "NAME=FILE",
        value_parser = point,
        conflicts_with_all = ["merge", "per_file", "follow"],
        help_heading = "Input"
    )]
    points: Vec<NamedPoint>,

    #[command(flatten)]
    reading: ReadingArguments,

    /// Treat all inputs as one timeline
    #[arg(long, conflicts_with = "per_file", help_heading = "Input")]
    merge: bool,

    /// Analyse each file alone
    #[arg(long, help_heading = "Input")]
    per_file: bool,

    /// Replace addresses, names and passwords by pseudonyms, and data by zeros, in all output
    #[arg(long, conflicts_with = "follow", help_heading = "Input")]
    anonymize: bool,

    /// Make the pseudonyms from this key (32 hexadecimal digits) instead of a random one, so that they are the same
    /// next time
    #[arg(long, value_name = "HEX", requires = "anonymize", value_parser = Key::from_hex, help_heading = "Input")]
    anonymize_key: Option<Key>,

    /// Continue to read FILE while it is still being written, also after it is rotated, until ^C; findings are printed
    /// as from a pipe
    #[arg(long, conflicts_with_all = ["merge", "per_file"], help_heading = "Input")]
    follow: bool,
}

/// What packets are taken as.
#[derive(Args)]
pub(super) struct ReadingArguments {
    /// Use only packets that match this BPF expression (tcpdump's syntax, not Wireshark's)
    #[arg(short, long, value_name = "BPF", help_heading = "Input")]
    pub(super) filter: Option<String>,

    /// Also treat these ports as FTP control, as in 2121,2122; port 21 and whatever looks like FTP always are
    #[arg(
        long = "port",
        value_name = "PORT",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Input"
    )]
    pub(super) ports: Vec<u16>,

    /// How long TIME-WAIT lasts on the hosts in the capture, instead of the usual values of common systems
    #[arg(long, value_name = "SECONDS", value_parser = seconds, help_heading = "Input")]
    pub(super) time_wait: Option<Duration>,

    /// The capture was taken on the host that has this address; may be repeated
    #[arg(long, value_name = "ADDR", help_heading = "Input")]
    pub(super) here: Vec<IpAddr>,

    /// Decrypt FTPS with the keys in FILE, written by programs that use SSLKEYLOGFILE; may be repeated
    #[arg(long, value_name = "FILE", help_heading = "Input", value_hint = ValueHint::FilePath)]
    pub(super) keylog: Vec<PathBuf>,

    /// Use the facts that ftpwhy facts wrote on a host; may be repeated, once for each host
    #[arg(long, value_name = "FILE", help_heading = "Input", value_hint = ValueHint::FilePath)]
    pub(super) facts: Vec<PathBuf>,

    /// Do not fail because of unreadable captures whose name (or path, if GLOB has a /) matches GLOB; they are still
    /// reported; may be repeated
    #[arg(long, value_name = "GLOB", value_parser = Glob::parse, help_heading = "Input")]
    pub(super) allow_unreadable: Vec<Glob>,

    /// How many captures to analyse at the same time, which changes no result [default: one per processor]
    #[arg(short, long, value_name = "N", help_heading = "Input")]
    pub(super) jobs: Option<NonZeroUsize>,
}

impl ReadingArguments {
    pub(super) fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().ok();
        self.jobs.or_else(processors).map_or(1, NonZeroUsize::get)
    }
}

/// Where settings come from besides the command line.
#[derive(Args)]
pub(super) struct SettingsArguments {
    /// Read settings from FILE instead of .ftpwhy.toml in this directory
    #[arg(
        long,
        value_name = "FILE",
        global = true,
        conflicts_with = "isolated",
        help_heading = "Settings",
        value_hint = ValueHint::FilePath
    )]
    config: Option<PathBuf>,

    /// Ignore .ftpwhy.toml and FTPWHY_* variables
    #[arg(long, global = true, help_heading = "Settings")]
    isolated: bool,
}

/// The lowest severity that makes the exit status 1.
#[derive(Clone, Copy, ValueEnum)]
pub(super) enum FailOnName {
    Error,
    Warning,
    Info,
    Never,
}

impl From<FailOnName> for FailOn {
    fn from(name: FailOnName) -> Self {
        match name {
            FailOnName::Error => Self::Error,
            FailOnName::Warning => Self::Warning,
            FailOnName::Info => Self::Info,
            FailOnName::Never => Self::Never,
        }
    }
}

#[derive(Args)]
pub(super) struct SelectionArguments {
    /// Report only these diagnoses: names or globs as in port-*,data-syn-*; see ftpwhy rules
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = pattern, help_heading = "Result")]
    select: Vec<Pattern>,

    /// Report all diagnoses except these; the table of transfers still shows them as verdicts
    #[arg(long, value_name = "NAME", value_delimiter = ',', value_parser = pattern, help_heading = "Result")]
    ignore: Vec<Pattern>,
}

impl InputArguments {
    pub(super) fn into_input(self, config: Option<PathBuf>) -> Input {
        Input {
            config,
            jobs: self.reading.jobs(),
            anonymize: self.anonymize.then_some(self.anonymize_key).map(|key| key.unwrap_or_else(Key::random)),
            files: self.read.into_iter().chain(self.files).collect(),
            points: self.points,
            filter: self.reading.filter,
            ports: self.reading.ports,
            time_wait: self.reading.time_wait,
            here: self.reading.here,
            follow: self.follow,
            allow_unreadable: self.reading.allow_unreadable,
            keylog: self.reading.keylog,
            facts: self.reading.facts,
            grouping: match (self.merge, self.per_file) {
                (true, _) => Grouping::Merge,
                (_, true) => Grouping::PerFile,
                _ => Grouping::Auto,
            },
        }
    }
}

impl SelectionArguments {
    pub(super) fn into_selection(self) -> Selection {
        Selection { select: self.select, ignore: self.ignore }
    }
}

/// A name or glob of at least one diagnosis.
pub(super) fn pattern(text: &str) -> Result<Pattern, Unknown> {
    Pattern::parse(text)
}

/// `client=a.pcap` or `client=a.pcap1,a.pcap2`.
fn point(text: &str) -> Result<NamedPoint, String> {
    let (name, files) = text.split_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or("not NAME=FILE")?;
    let files: Vec<PathBuf> = files.split(',').filter(|file| !file.is_empty()).map(PathBuf::from).collect();
    if files.is_empty() {
        Err("no file name".to_owned())
    } else {
        Ok(NamedPoint { name: name.trim().to_owned(), files })
    }
}

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    let duration = text.parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    duration.filter(|duration| !duration.is_zero()).ok_or_else(|| "not a positive number of seconds".to_owned())
}
