//! A session as a sequence diagram: lanes of hosts, and rows in order of time.
//!
//! Turns traces and findings into one layout that `text` draws for a terminal, `svg` for a browser and `transcript`
//! writes as lines. Knows no colours and no coordinates.

mod bars;
mod moments;
mod rows;
mod svg;
mod text;
mod transcript;

use std::net::SocketAddr;

pub(super) use svg::{FIGURE_STYLE, Figure, file as svg_file};
pub(super) use text::write as write_text;
pub(super) use transcript::write as write_transcript;

use crate::finding::Severity;
use crate::frame::Stamp;

/// A diagram.
pub(super) struct Ladder {
    /// From left to right, at least two.
    pub(super) lanes: Vec<Lane>,
    /// In order of time.
    pub(super) rows: Vec<Row>,
    /// Spans in which a host holds a connection in TIME-WAIT.
    pub(super) bars: Vec<Bar>,
}

/// A host.
pub(super) struct Lane {
    /// `client`, `server`, or what else is known of it.
    pub(super) name: &'static str,
    pub(super) address: String,
}

/// A step of the diagram.
pub(super) struct Row {
    /// `None` where time is folded.
    pub(super) at: Option<Stamp>,
    pub(super) content: Content,
    pub(super) tone: Tone,
    /// Whether a finding cites it.
    pub(super) cited: bool,
}

/// What a row shows. Texts are not yet safe for any output.
pub(super) enum Content {
    /// A packet or a line.
    Arrow(Arrow),
    /// A sentence across all lanes.
    Note(String),
    /// What is not there.
    Missing(String),
    /// Time and rows that are not shown.
    Fold {
        /// How much later the next row is.
        seconds: f64,
        /// How many rows are left out.
        hidden: usize,
    },
}

/// From one lane to another.
pub(super) struct Arrow {
    pub(super) from: Hop,
    pub(super) to: Hop,
    pub(super) wire: Wire,
    pub(super) label: String,
    /// Whether the label is to be followed by the ports.
    pub(super) opens: bool,
    /// Lines of a reply before its last one.
    pub(super) more: Vec<String>,
}

impl Arrow {
    /// The label for a diagram, whose lanes name hosts only.
    fn caption(&self) -> String {
        let ports = if self.opens {
            format!(" :{} \u{2192} :{}", self.from.socket.port(), self.to.socket.port())
        } else {
            String::new()
        };
        let more = match self.more.len() {
            0 => String::new(),
            1 => " (and a line before it)".to_owned(),
            lines => format!(" (and {lines} lines before it)"),
        };
        format!("{}{ports}{more}", self.label)
    }
}

/// An end of an arrow.
#[derive(Clone, Copy)]
pub(super) struct Hop {
    /// An index into the lanes.
    pub(super) lane: usize,
    pub(super) socket: SocketAddr,
}

/// What an arrow stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wire {
    Control,
    Data,
    Icmp,
}

/// How a row is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    /// A refusal: 4yz and 5yz, RST, ICMP errors.
    Bad,
    /// What a finding says.
    Finding(Severity),
}

/// A TIME-WAIT.
pub(super) struct Bar {
    /// The holder's lane.
    pub(super) lane: usize,
    /// The first row.
    pub(super) first: usize,
    /// The last row in which every common system still holds it.
    pub(super) sure: usize,
    /// The last row in which some system may.
    pub(super) last: usize,
}

impl Bar {
    /// Whether the lane is held at `row`, and whether surely.
    fn holds(&self, lane: usize, row: usize) -> Option<bool> {
        (self.lane == lane && (self.first..=self.last).contains(&row)).then_some(row <= self.sure)
    }
}

impl Ladder {
    /// Whether a lane is held in TIME-WAIT at a row, and whether surely.
    fn held(&self, lane: usize, row: usize) -> Option<bool> {
        self.bars.iter().filter_map(|bar| bar.holds(lane, row)).max()
    }
}

/// `5.0 s, 12 rows left out`
fn fold_text(seconds: f64, hidden: usize) -> String {
    match hidden {
        0 => duration(seconds),
        1 => format!("{}, a row left out", duration(seconds)),
        rows => format!("{}, {rows} rows left out", duration(seconds)),
    }
}

/// `1,234 bytes`
fn bytes(count: u64) -> String {
    let digits = count.to_string();
    let mut grouped = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    format!("{grouped} byte{}", if count == 1 { "" } else { "s" })
}

/// `5.0 s`, `2 min 5 s`, `3 h 20 min`
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "packet times differ by less than 600 years"
)]
fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    match whole {
        0 => format!("{:.0} ms", seconds.max(0.0) * 1e3),
        1..=119 => format!("{seconds:.1} s"),
        120..=7199 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::{bytes, duration};

    #[test]
    fn counts_and_spans_read_well() {
        assert_eq!(bytes(1), "1 byte");
        assert_eq!(bytes(1_234_567), "1,234,567 bytes");
        assert_eq!(duration(0.25), "250 ms");
        assert_eq!(duration(5.04), "5.0 s");
        assert_eq!(duration(125.0), "2 min 5 s");
        assert_eq!(duration(12_000.0), "3 h 20 min");
        assert_eq!(duration(-1.0), "0 ms");
    }
}
