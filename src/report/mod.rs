//! Renders what a run concluded: one file a format, all of them [`Sink`]s.
//!
//! Turns records and findings into text; knows nothing of how they were found. Text from the wire passes `escape`
//! on its way to a terminal and the types of `shape` on its way to JSON. Uses `schemars`, `comfy-table`, `csv`,
//! `quick-junit`, `jiff` and `anstyle`, which no other module does.

mod block;
mod capped;
mod causes;
mod checked;
mod collect;
mod concise;
mod counted;
mod csv;
mod entry;
mod escape;
mod evidence;
mod filter;
mod findings;
mod full;
mod github;
mod gitlab;
#[cfg(test)]
mod hostile;
mod hosts;
mod html;
mod identity;
mod interrupted;
mod json;
mod junit;
mod ladder;
mod lasting;
mod link_type;
mod manifest;
mod markdown;
mod ndjson;
mod packed;
mod page;
mod paint;
mod path;
mod place;
mod reference;
pub mod replies;
pub mod rules;
mod sarif;
mod schema;
mod sessions;
mod shape;
mod show;
mod stream;
mod table;
mod tee;
#[cfg(test)]
pub(crate) mod testing;
mod thinned;
mod time;
pub mod time_wait_table;
mod totals;
mod unread;
pub(crate) mod words;
mod wrap;

use std::io::{self, Write};

pub use capped::Capped;
pub use checked::{CheckFormat, CheckResult, Checked, Comparison, write_checked};
pub use collect::in_order;
pub use interrupted::interrupted_by;
pub use manifest::Manifest;
pub use schema::schema;
pub use sessions::{Order, SessionChoice, sessions};
pub use show::View;
pub use tee::{Tee, keep_worst};
pub use time::parse_time;

use collect::{Collecting, Run};
use show::Showing;
use thinned::Thinned;

use crate::finding::SessionId;
use crate::record::{Redacted, Sink};

/// How findings are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A block per failed transfer, then context, then the table of transfers: for people at a terminal.
    Full,
    /// One line per finding: for grep and for logs.
    Concise,
    /// The table of transfers alone.
    Table,
    /// One JSON object at the end.
    Json,
    /// One JSON object a line, as it becomes known.
    Ndjson,
    /// SARIF 2.1.0: for code scanning.
    Sarif,
    /// JUnit XML: each transfer is a test.
    Junit,
    /// Workflow commands that GitHub Actions shows as annotations.
    Github,
    /// GitLab code quality.
    Gitlab,
    /// Markdown: for a job summary or an issue.
    Markdown,
    /// One row per finding: for a spreadsheet.
    Csv,
    /// A page with everything, as `ftpwhy show --html` writes it. Needs a run in full.
    Html,
}

impl Format {
    /// Whether [`live_sink`] writes findings as they come.
    pub fn is_streamed(self) -> bool {
        matches!(self, Self::Full | Self::Concise | Self::Ndjson)
    }

    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Full,
        Self::Concise,
        Self::Table,
        Self::Json,
        Self::Ndjson,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::Gitlab,
        Self::Markdown,
        Self::Csv,
        Self::Html,
    ];

    /// Whether it shows more of a run than findings and transfers: what was said, and the hosts.
    pub fn needs_all(self) -> bool {
        self == Self::Html
    }

    /// Whether a person is to read it, so that remarks beside it do no harm.
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Full | Self::Concise | Self::Table)
    }
}

/// How the formats for people are laid out. The JSON formats do not look at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to write ANSI colours.
    pub color: bool,
    /// Whether to write links that a terminal shows (OSC 8).
    pub links: bool,
    /// Whether to write nothing but ASCII.
    pub ascii: bool,
    /// Columns to wrap at.
    pub width: usize,
    /// How packet times are shown.
    pub time: TimeStyle,
    /// How much is shown.
    pub verbosity: Verbosity,
    /// What has a line in `concise`.
    pub by: By,
}

/// What has a line in `concise`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Each finding.
    #[default]
    Finding,
    /// Each cause; what is of no cause has a line of its own.
    Cause,
}

/// How packet times are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeStyle {
    /// Time of day, UTC.
    Utc,
    /// Time of day where the program runs.
    Local,
    /// Seconds since the first frame of the captures the session is in, as Wireshark's default column.
    Relative,
}

/// How much is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Findings alone: no totals, no table, no notes on the capture.
    Quiet,
    /// Long lists are folded.
    Normal,
    /// Everything.
    Verbose,
}

/// Where a report goes. Each sink of this module calls [`Out::finish`] once, when it has written all of its report.
pub trait Out: Write {
    /// The report is whole. An error means that it is not where it should be.
    fn finish(&mut self) -> io::Result<()> {
        self.flush()
    }
}

/// A report in `format`, written to `out`. `grouping` says in sentences without full stop how several inputs were
/// taken ("a.pcap, b.pcap: one timeline"); it is empty for a single file.
///
/// An error is `out`'s; only `ndjson` writes before the first record.
pub fn sink(format: Format, style: Style, grouping: Vec<String>, out: Box<dyn Out>) -> io::Result<Box<dyn Sink>> {
    let write = match format {
        Format::Full => full::write,
        Format::Concise => concise::write,
        Format::Table => table::write,
        Format::Json => json::write,
        Format::Sarif => sarif::write,
        Format::Junit => junit::write,
        Format::Github => github::write,
        Format::Gitlab => gitlab::write,
        Format::Markdown => markdown::write,
        Format::Csv => csv::write,
        Format::Html => show::page,
        Format::Ndjson => return Ok(Box::new(Redacted::new(ndjson::Lines::start(&grouping, out)?))),
    };
    let run = Run { grouping, ..Run::default() };
    let tells_all = style.verbosity == Verbosity::Verbose;
    let collecting = Collecting::new(write, format != Format::Concise, run, style, out);
    Ok(if format == Format::Full && !tells_all { Box::new(Thinned::new(collecting)) } else { Box::new(collecting) })
}

/// A report on a capture that goes on: `full` and `concise` write each finding as it comes, `ndjson` as always. The
/// other formats need the end and write then.
pub fn live_sink(format: Format, style: Style, out: Box<dyn Out>) -> io::Result<Box<dyn Sink>> {
    match format {
        Format::Full => Ok(Box::new(stream::Stream::full(style, out))),
        Format::Concise => Ok(Box::new(stream::Stream::concise(style, out))),
        Format::Table
        | Format::Json
        | Format::Ndjson
        | Format::Sarif
        | Format::Junit
        | Format::Github
        | Format::Gitlab
        | Format::Markdown
        | Format::Csv
        | Format::Html => sink(format, style, Vec::new(), out),
    }
}

/// The inventory of hosts, as a table or as JSON. Needs a run in full.
pub fn hosts(json: bool, style: Style, out: Box<dyn Out>) -> Box<dyn Sink> {
    let write = if json { hosts::write_json } else { hosts::write };
    Box::new(Collecting::new(write, true, Run::default(), style, out))
}

/// Views of what happened, each written to its own output at the end; `wanted`: of these sessions, or of those that
/// matter if it is empty. `grouping` as in [`sink`]. Needs a run in full.
pub fn show(
    views: Vec<(View, Box<dyn Out>)>,
    wanted: Vec<SessionId>,
    style: Style,
    grouping: Vec<String>,
) -> Box<dyn Sink> {
    Box::new(Showing { views, wanted, run: Run { grouping, ..Run::default() }, style })
}
