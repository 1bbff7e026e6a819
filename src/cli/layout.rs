//! How text is laid out: the options that every output for people shares.

use clap::builder::RangedU64ValueParser;
use clap::{Args, ValueEnum};

use super::Terminal;
use crate::report::{By, Style, TimeStyle, Verbosity};

/// Below this the table of transfers goes over the edge.
const MIN_WIDTH: u64 = 60;

/// What is said, and to whom.
#[derive(Args)]
pub(super) struct PlainArguments {
    /// When to use colours
    #[arg(long, value_name = "WHEN", default_value = "auto", help_heading = "Output")]
    color: Color,

    /// Write only ASCII
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
}

/// How packet times are shown.
#[derive(Args)]
pub(super) struct TimeArguments {
    /// Show times in UTC (the default)
    #[arg(long, group = "time", help_heading = "Output")]
    utc: bool,

    /// Show times in the local time zone
    #[arg(long, group = "time", help_heading = "Output")]
    local: bool,

    /// Show times as seconds since the first frame
    #[arg(long, group = "time", help_heading = "Output")]
    relative: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// The formats of what is no report.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum TextOrJson {
    Text,
    Json,
}

impl PlainArguments {
    /// What is left open is decided by what the output is.
    pub(super) fn into_style(self, terminal: &Terminal) -> Style {
        Style {
            color: match self.color {
                Color::Auto => terminal.color,
                Color::Always => true,
                Color::Never => false,
            },
            links: terminal.links,
            ascii: self.ascii,
            width: self.width.or(terminal.width).unwrap_or(80),
            time: TimeStyle::Utc,
            verbosity: Verbosity::Normal,
            by: By::Finding,
        }
    }
}

impl TimeArguments {
    pub(super) fn style(&self) -> TimeStyle {
        match (self.local, self.relative) {
            (true, _) => TimeStyle::Local,
            (_, true) => TimeStyle::Relative,
            _ => TimeStyle::Utc,
        }
    }
}
