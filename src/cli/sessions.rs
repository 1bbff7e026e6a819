//! `ftpwhy sessions`: list sessions and transfers.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum, ValueHint};

use super::shared::{Looks, Reading, Settings, Times};
use super::{Grouping, Screen};
use crate::finding::SessionId;
use crate::frame::Timestamp;
use crate::report::{Order, Selection, Style, Verbosity, parse_time};

/// List the sessions in captures and their transfers
#[derive(Args)]
pub(super) struct Sessions {
    /// Captures, directories of captures, or - for standard input
    #[arg(value_name = "FILE", required = true, value_hint = ValueHint::AnyPath)]
    files: Vec<PathBuf>,

    #[command(flatten)]
    reading: Reading,

    /// Treat all inputs as one timeline
    #[arg(long, conflicts_with = "per_file", help_heading = "Input")]
    merge: bool,

    /// Judge each file alone
    #[arg(long, help_heading = "Input")]
    per_file: bool,

    /// Show sessions of this client or server; may be repeated
    #[arg(long = "host", value_name = "ADDRESS", value_delimiter = ',', help_heading = "Selection")]
    hosts: Vec<IpAddr>,

    /// Show sessions that last until TIME or longer: 2024-03-01T12:00:00Z, or without the zone for UTC
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Selection")]
    since: Option<Timestamp>,

    /// Show sessions that began until TIME
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Selection")]
    until: Option<Timestamp>,

    /// Show these sessions, by number
    #[arg(long = "session", value_name = "NUMBER", value_delimiter = ',', help_heading = "Selection")]
    sessions: Vec<u32>,

    /// What to sort sessions by; durations and counts from the largest to the smallest
    #[arg(long, value_name = "COLUMN", default_value = "start", help_heading = "Output")]
    sort: Column,

    /// Turn the order round
    #[arg(long, help_heading = "Output")]
    reverse: bool,

    #[command(flatten)]
    looks: Looks,

    #[command(flatten)]
    times: Times,

    /// Show the tables alone
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,

    #[command(flatten)]
    pub(super) settings: Settings,
}

#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Column {
    Start,
    Duration,
    Client,
    Server,
    Software,
    Transfers,
    Failed,
}

impl From<Column> for Order {
    fn from(column: Column) -> Self {
        match column {
            Column::Start => Self::Start,
            Column::Duration => Self::Duration,
            Column::Client => Self::Client,
            Column::Server => Self::Server,
            Column::Software => Self::Software,
            Column::Transfers => Self::Transfers,
            Column::Failed => Self::Failed,
        }
    }
}

/// Everything `ftpwhy sessions` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct SessionsOptions {
    /// Files and directories, never empty; `-` is standard input.
    pub inputs: Vec<PathBuf>,
    /// A BPF expression, not yet compiled.
    pub filter: Option<String>,
    /// Control ports besides 21.
    pub ports: Vec<u16>,
    /// How long TIME-WAIT lasts.
    pub time_wait: Option<Duration>,
    /// Which inputs are one timeline.
    pub grouping: Grouping,
    /// Which sessions, in which order.
    pub selection: Selection,
    /// How the tables are laid out.
    pub style: Style,
}

impl Sessions {
    pub(super) fn into_options(self, screen: &Screen) -> SessionsOptions {
        let verbosity = if self.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        SessionsOptions {
            inputs: self.files,
            filter: self.reading.filter,
            ports: self.reading.ports,
            time_wait: self.reading.time_wait,
            grouping: match (self.merge, self.per_file) {
                (true, _) => Grouping::Merge,
                (_, true) => Grouping::PerFile,
                _ => Grouping::Auto,
            },
            selection: Selection {
                hosts: self.hosts,
                since: self.since,
                until: self.until,
                sessions: self.sessions.into_iter().map(SessionId).collect(),
                order: self.sort.into(),
                reverse: self.reverse,
            },
            style: self.looks.style(&self.times, verbosity, screen),
        }
    }
}

fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| "not a time like 2024-03-01T12:00:00Z or 2024-03-01 12:00".to_owned())
}
