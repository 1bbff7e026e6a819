//! `ftpwhy sessions`: list sessions and transfers.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::input::{InputArguments, cause_number};
use super::layout::{PlainArguments, TimeArguments};
use super::{Input, Terminal};
use crate::finding::{CauseId, SessionId};
use crate::frame::Timestamp;
use crate::report::{Order, SessionChoice, Style, Verbosity, parse_time};

/// List the sessions in captures, and their transfers
#[derive(Args)]
pub(super) struct Sessions {
    #[command(flatten)]
    input: InputArguments,

    /// Show only sessions of this client or server; may be repeated
    #[arg(long = "host", value_name = "ADDRESS", value_delimiter = ',', help_heading = "Selection")]
    hosts: Vec<IpAddr>,

    /// Show only sessions that were still open at TIME or later: 2024-03-01T12:00:00Z, or without the zone for UTC
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Selection")]
    since: Option<Timestamp>,

    /// Show only sessions that began at TIME or earlier
    #[arg(long, value_name = "TIME", value_parser = time, help_heading = "Selection")]
    until: Option<Timestamp>,

    /// Show only these sessions, by number
    #[arg(long = "session", value_name = "NUMBER", value_delimiter = ',', help_heading = "Selection")]
    numbers: Vec<u32>,

    /// Show only the sessions of cause N (as numbered in reports)
    #[arg(long, value_name = "N", value_parser = cause_number(), help_heading = "Selection")]
    cause: Option<u32>,

    /// How to sort sessions; durations and counts from the largest to the smallest
    #[arg(long, value_name = "COLUMN", default_value = "start", help_heading = "Output")]
    sort: Column,

    /// Reverse the order
    #[arg(long, help_heading = "Output")]
    reverse: bool,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,

    /// Show only the tables
    #[arg(short, long, help_heading = "Output")]
    quiet: bool,
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
    /// What is read.
    pub input: Input,
    /// Which sessions, in which order.
    pub choice: SessionChoice,
    /// Of this cause alone.
    pub cause: Option<CauseId>,
    /// How the tables are laid out.
    pub style: Style,
}

impl Sessions {
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> SessionsOptions {
        let verbosity = if self.quiet { Verbosity::Quiet } else { Verbosity::Normal };
        SessionsOptions {
            input: self.input.into_input(config),
            choice: SessionChoice {
                hosts: self.hosts,
                since: self.since,
                until: self.until,
                sessions: self.numbers.into_iter().map(SessionId).collect(),
                order: self.sort.into(),
                reverse: self.reverse,
            },
            cause: self.cause.map(CauseId),
            style: Style { time: self.time.style(), verbosity, ..self.plain.into_style(terminal) },
        }
    }
}

/// A moment as people write it.
pub(super) fn time(text: &str) -> Result<Timestamp, String> {
    parse_time(text).ok_or_else(|| "not a time like 2024-03-01T12:00:00Z or 2024-03-01 12:00".to_owned())
}
