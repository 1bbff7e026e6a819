//! A session as a sequence diagram: lanes of hosts, and rows in order of time.
//!
//! Turns traces and findings into one layout that `text` draws for a terminal, `svg` for a browser and `transcript`
//! writes as lines. Knows no colours and no coordinates.

mod bars;
mod moments;
mod remarks;
mod rows;
#[cfg(test)]
pub(super) mod sample;
mod svg;
mod text;
mod traced;
mod transcript;

use std::net::SocketAddr;

pub(super) use svg::{FIGURE_STYLE, Figure, file as svg_file};
pub(super) use text::write as write_text;
pub(super) use traced::Traced;
pub(super) use transcript::write as write_transcript;

use crate::finding::{Evidence, Severity};
use crate::frame::Stamp;

/// A diagram.
pub(super) struct Ladder {
    /// From left to right, at least two.
    pub(super) lanes: Vec<Lane>,
    /// In order of time.
    pub(super) rows: Vec<Row>,
    /// Spans in which a host holds a connection in TIME-WAIT.
    pub(super) bars: Vec<Bar>,
    /// For each lane and row whether the lane is held, and whether surely.
    held: Vec<Vec<Option<bool>>>,
    /// Evidence of which no row shows a frame.
    pub(super) besides: Vec<Evidence>,
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
    /// What is said of it below: what evidence says beyond its label, and which TIME-WAIT begins.
    pub(super) remarks: Vec<String>,
}

impl Row {
    /// The frame that the row is about; a finding is about several.
    pub(super) fn frame(&self) -> Option<Stamp> {
        self.at.filter(|_| !matches!(self.tone, Tone::Finding(_)))
    }
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
    /// Between which lanes it was lost, if it was: it ends half-way from the first to the second.
    pub(super) lost: Option<Gap>,
    /// Between which lanes something sent it, if its apparent sender did not.
    pub(super) added: Option<Gap>,
}

/// Between two lanes.
pub(super) type Gap = (u8, u8);

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
    /// A refusal: 4xx and 5xx, RST, ICMP errors.
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
    /// Which connection: who opened it, and where to.
    pub(super) tuple: [SocketAddr; 2],
}

impl Ladder {
    fn new(lanes: Vec<Lane>, mut rows: Vec<Row>, bars: Vec<Bar>) -> Self {
        remarks::name_bars(&mut rows, &bars);
        let mut held = vec![vec![None; rows.len()]; lanes.len()];
        // The bars of a lane may be very many and lie upon each other: each row is written once or twice for all of them.
        for (lane, held) in held.iter_mut().enumerate() {
            let of_lane = || bars.iter().filter(move |bar| bar.lane == lane);
            fill(held, of_lane().map(|bar| (bar.first, bar.last)), Some(false));
            fill(held, of_lane().map(|bar| (bar.first, bar.sure.min(bar.last))), Some(true));
        }
        Self { lanes, rows, bars, held, besides: Vec::new() }
    }

    /// Whether a lane is held in TIME-WAIT at a row, and whether surely.
    fn held(&self, lane: usize, row: usize) -> Option<bool> {
        self.held.get(lane).and_then(|held| held.get(row)).copied().flatten()
    }
}

/// Writes `value` wherever one of the spans, both ends included, lies.
fn fill(places: &mut [Option<bool>], spans: impl Iterator<Item = (usize, usize)>, value: Option<bool>) {
    let mut spans: Vec<(usize, usize)> = spans.collect();
    spans.sort_unstable();
    let mut next = 0;
    for (first, last) in spans {
        let from = first.max(next);
        places.iter_mut().take(last + 1).skip(from).for_each(|place| *place = value);
        next = next.max(last + 1);
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
    use super::{Content, Ladder, Row, Traced, bytes, duration, sample};
    use crate::finding::{Finding, Role};
    use crate::record::trace::{DialogueEvent, DialogueLine, DialogueSide};
    use crate::report::testing::{Sample, at};

    /// The ladder of the sample's session.
    fn of_session(brief: bool) -> Ladder {
        let sample = Sample::traced();
        let findings: Vec<&Finding> = sample.findings.iter().filter(|finding| finding.session.is_some()).collect();
        Ladder::of_session(&Traced::of(&sample.sessions[0]), &findings, brief).expect("a trace")
    }

    fn labels(ladder: &Ladder) -> Vec<String> {
        let label = |row: &Row| match &row.content {
            Content::Arrow(arrow) => arrow.caption(),
            Content::Note(text) | Content::Missing(text) => text.clone(),
            Content::Fold { hidden, .. } => format!("fold {hidden}"),
        };
        ladder.rows.iter().map(label).collect()
    }

    #[test]
    fn hosts_that_are_neither_client_nor_server_get_lanes() {
        let ladder = of_session(true);
        let lanes: Vec<_> = ladder.lanes.iter().map(|lane| (lane.name, lane.address.as_str())).collect();
        let expected =
            [("client", "10.1.0.10"), ("other", "10.3.0.10"), ("ICMP sender", "10.1.0.1"), ("server", "10.2.0.20")];
        assert_eq!(lanes, expected);
    }

    #[test]
    fn time_wait_is_a_bar_until_it_is_no_longer_sure() {
        let ladder = of_session(true);
        let [bar] = ladder.bars.as_slice() else { panic!("one bar") };
        assert_eq!(ladder.lanes[bar.lane].name, "server");
        let number = |row: usize| ladder.rows[row].at.map(|at| at.number.0);
        assert_eq!((number(bar.first), number(bar.sure)), (Some(13), Some(15)));
        assert_eq!(bar.last, ladder.rows.len() - 1);
        assert_eq!(ladder.held(bar.lane, bar.first), Some(true));
        assert_eq!(ladder.held(bar.lane, bar.last), Some(false));
        assert_eq!(ladder.held(bar.lane, bar.first - 1), None);
    }

    #[test]
    fn repeats_are_left_out_of_a_brief_ladder_only() {
        let again = |ladder: &Ladder| labels(ladder).iter().filter(|label| label.starts_with("SYN again")).count();
        assert_eq!((again(&of_session(true)), again(&of_session(false))), (3, 6));
        assert!(labels(&of_session(true)).contains(&"fold 3".to_owned()));
    }

    #[test]
    fn a_finding_shows_its_transfer_and_what_it_cites() {
        let sample = Sample::traced();
        let verdict = sample.findings.iter().find(|finding| finding.role == Role::Verdict).expect("a verdict");
        let session = Traced::of(&sample.sessions[0]);
        let ladder = Ladder::of_finding(verdict, Some(&session)).expect("arrows");
        let numbers: Vec<u64> = ladder.rows.iter().filter_map(|row| row.at).map(|at| at.number.0).collect();
        assert_eq!(numbers, [11, 12, 13, 16, 17, 18, 20, 20]);
        let uncited: Vec<u64> =
            ladder.rows.iter().filter(|row| !row.cited).filter_map(|row| row.at).map(|at| at.number.0).collect();
        assert_eq!(uncited, [17, 20], "the reply that nobody cites, and what is missing before the 425");
    }

    #[test]
    fn a_finding_without_a_trace_shows_its_evidence() {
        let sample = Sample::collision();
        let verdict = sample.findings.iter().find(|finding| finding.role == Role::Verdict).expect("a verdict");
        let session = Traced::of(&sample.sessions[0]);
        let ladder = Ladder::of_finding(verdict, Some(&session)).expect("arrows");
        assert!(labels(&ladder).contains(&"PORT 10,1,0,10,19,136".to_owned()));
        let context = sample.findings.iter().find(|finding| finding.session.is_none()).expect("one about hosts");
        assert!(Ladder::of_finding(context, None).is_none(), "nothing goes from one host to another");
    }

    #[test]
    fn a_very_long_session_is_folded_but_for_what_is_cited() {
        let mut sample = Sample::traced();
        let mut trace = sample::trace(None);
        let line = |number: i64| DialogueLine {
            at: at(100 + number.unsigned_abs(), 2_000_000 + number),
            by: Some(DialogueSide::Client),
            said: DialogueEvent::Command("NOOP".to_owned()),
        };
        trace.lines.extend((0..2000).map(line));
        sample.sessions[0].trace = Some(Box::new(trace));
        let findings: Vec<&Finding> = sample.findings.iter().filter(|finding| finding.session.is_some()).collect();
        let session = Traced::of(&sample.sessions[0]);
        let ladder = |brief| Ladder::of_session(&session, &findings, brief).expect("a trace");
        assert!(ladder(true).rows.len() < 450);
        assert!(ladder(false).rows.len() > 2000);
        let shown = labels(&ladder(true));
        assert!(shown.iter().any(|label| label.starts_with("time-wait-collision")), "{shown:?}");
    }

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
