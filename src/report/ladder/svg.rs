//! Draws a ladder as SVG that fits any width: what is horizontal is in percent, what is vertical in pixels.

use std::collections::HashSet;
use std::fmt::Write as _;

use super::{Arrow, Content, Gap, Ladder, Row, Tone, Wire, fold_text};
use crate::finding::Severity;
use crate::frame::{Stamp, Timestamp};
use crate::report::escape::markup;
use crate::report::page::Page;
use crate::report::wrap::wrap;

/// The width of a file, in pixels.
const ALONE: usize = 760;
/// Where the first lane, at least, and the last one are, in percent; frame numbers and times stand before them.
const LANES: (f64, f64) = (26.0, 85.0);
/// What is left free before the first lane for half a label, in percent.
const BEFORE: f64 = 6.0;
/// Characters of a frame number with the name of its point; a longer one takes two lines.
const STAMP: usize = 12;
/// The narrowest a diagram is looked at, in pixels: a phone's screen without margins.
const NARROWEST: f64 = 300.0;
/// A character's width and a line's height, in pixels.
const CHARACTER: f64 = 7.25;
const LINE: usize = 15;
/// Characters in a line of a label: what fits beside the times on the narrowest screen.
const LABEL: usize = 29;
/// Characters in a line of a remark: the width of a file.
const REMARK: usize = 100;
/// Lines that a label may take.
const LABEL_LINES: usize = 8;

/// Characters in a line of the note above all figures.
const NOTE: usize = 100;

/// The style of the figures, light, dark and in print.
pub(in crate::report) const FIGURE_STYLE: &str = "\
.ladder{--paper:#fff;--ink:#1f2328;--dim:#59636e;--lane:#afb8c1;--bad:#c31c28;--data:#0a5cb8;--held:#e0a800;--mark:#fff3c4;--warn:#8a5a00;\
font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,\"DejaVu Sans Mono\",monospace;display:block;max-width:100%;background:var(--paper)}\
@media screen and (prefers-color-scheme:dark){.ladder{--paper:#0d1117;--ink:#e6edf3;--dim:#9198a1;--lane:#444c56;--bad:#ff7b72;--data:#6cb6ff;--held:#bb8009;--mark:#3a2f0b;--warn:#e3b341}}\
.ladder text{fill:var(--ink);stroke:var(--paper);stroke-width:3px;stroke-linejoin:round;paint-order:stroke}\
.ladder .cited text{stroke:var(--mark)}\
.ladder .cited>rect{fill:var(--mark)}\
.ladder .paper{fill:var(--paper)}\
.ladder .name{font-weight:700}\
.ladder .time,.ladder .address,.ladder .fold{fill:var(--dim)}\
.ladder .frame{font-weight:700}\
.ladder .lane{stroke:var(--lane);stroke-width:1.5}\
.ladder .held{stroke:var(--held);stroke-width:8}\
.ladder .perhaps{stroke:var(--held);stroke-width:8;stroke-dasharray:2 4}\
.ladder .wire{stroke:var(--ink);stroke-width:1.5}\
.ladder .head{fill:var(--ink)}\
.ladder .data .wire{stroke:var(--data);stroke-width:2.5}\
.ladder .data .head,.ladder .data .label{fill:var(--data)}\
.ladder .icmp .wire{stroke-dasharray:4 3}\
.ladder .bad .wire{stroke:var(--bad)}\
.ladder .bad .head,.ladder .bad .label,.ladder .error{fill:var(--bad)}\
.ladder .warning,.ladder .remark,.ladder .absent text{fill:var(--warn)}\
.ladder .absent line{stroke:var(--warn);stroke-width:1.5;stroke-dasharray:1 4}\
.ladder .mark{stroke:var(--bad);stroke-width:2;fill:none}\
.ladder .note{font-weight:700}";

/// A cross where a packet was lost, a ring where something on the way sent one.
const LOST: &str = "M-5-5L5 5M-5 5L5-5";
const ADDED: &str = "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0";

/// A drawn ladder.
pub(in crate::report) struct Figure {
    /// What it shows.
    title: String,
    body: String,
    /// In pixels.
    height: usize,
}

impl Figure {
    /// Draws a ladder. `title` says what it shows.
    pub(in crate::report) fn of(page: &Page<'_>, ladder: &Ladder, title: &str) -> Self {
        let zero = ladder.rows.iter().find_map(|row| row.at).map_or(Timestamp(0), |at| at.time);
        let mut drawing = Drawing { page, ladder, zero, first: first_lane(page, ladder), y: 0, out: String::new() };
        drawing.names();
        let top = drawing.y;
        let drawn = drawing.rows();
        let mut body = marks(ladder, &drawn);
        drawing.lanes(top, &drawn, &mut body);
        body.push_str(&drawing.out);
        Self { title: markup(title), body, height: drawing.y + 6 }
    }

    /// A remark in the place of a ladder.
    pub(in crate::report) fn of_text(text: &str) -> Self {
        let lines = wrap(text, REMARK, REMARK);
        let (mut title, mut y, mut body) = (String::new(), 0, String::new());
        for (index, line) in lines.iter().enumerate() {
            if index == 0 {
                title = markup(line);
            } else {
                let _ = write!(body, "<text x=\"2\" y=\"{y}\">{}</text>", markup(line));
            }
            y += LINE;
        }
        Self { title, body, height: y - LINE }
    }

    /// As an element of a page that has [`FIGURE_STYLE`].
    pub(in crate::report) fn element(&self) -> String {
        let Self { title, body, height } = self;
        format!(
            "<svg class=\"ladder\" role=\"group\" aria-label=\"{title}\" width=\"100%\" height=\"{height}\">{body}</svg>\n"
        )
    }
}

/// Figures one below the other under a note, as a file that needs nothing else.
pub(in crate::report) fn file(figures: &[Figure], note: Option<&str>) -> String {
    let (mut y, mut body) = (0, String::new());
    for line in note.map(|note| wrap(note, NOTE, NOTE)).unwrap_or_default() {
        y += LINE;
        let _ = write!(body, "<text class=\"note error\" x=\"2\" y=\"{y}\">{}</text>", markup(&line));
    }
    for Figure { title, body: figure, height } in figures {
        // Writing to a string cannot fail, here and below.
        let _ = write!(body, "<text class=\"name\" x=\"2\" y=\"{}\">{title}</text>", y + LINE);
        y += 2 * LINE;
        let _ = write!(body, "<svg y=\"{y}\" width=\"100%\" height=\"{height}\">{figure}</svg>");
        y += height + LINE;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"ladder\" width=\"{ALONE}\" height=\"{y}\">\
         <style>{FIGURE_STYLE}</style><rect class=\"paper\" width=\"100%\" height=\"100%\"/>{body}</svg>\n"
    )
}

/// What lies under the rows that are cited.
fn marks(ladder: &Ladder, drawn: &[Drawn]) -> String {
    let mut out = String::new();
    for (row, Drawn { top, height, .. }) in ladder.rows.iter().zip(drawn) {
        if row.cited {
            let _ = write!(out, "<g class=\"cited\"><rect y=\"{top}\" width=\"100%\" height=\"{height}\"/></g>");
        }
    }
    out
}

/// Where a row was drawn.
struct Drawn {
    top: usize,
    height: usize,
    /// From the top to where its remarks begin.
    arrow: usize,
}

struct Drawing<'a> {
    page: &'a Page<'a>,
    ladder: &'a Ladder,
    zero: Timestamp,
    /// Where the first lane is, in percent.
    first: f64,
    /// Where the next row begins.
    y: usize,
    out: String,
}

impl Drawing<'_> {
    /// A lane's place in percent.
    #[expect(clippy::cast_precision_loss, reason = "a handful of lanes")]
    fn x(&self, lane: usize) -> f64 {
        let gaps = self.ladder.lanes.len().saturating_sub(1).max(1);
        self.first + (LANES.1 - self.first) * lane as f64 / gaps as f64
    }

    /// Names and addresses above the lanes; long addresses one below the other.
    #[expect(clippy::cast_precision_loss, reason = "addresses are short")]
    fn names(&mut self) {
        let longest = self.ladder.lanes.iter().map(|lane| lane.address.len()).max().unwrap_or(0);
        let crowded = longest as f64 * CHARACTER > (self.x(1) - self.x(0)) * NARROWEST / 100.0 - CHARACTER;
        for (index, lane) in self.ladder.lanes.iter().enumerate() {
            let drop = if crowded { LINE * index } else { 0 };
            self.heading("name", index, 12, lane.name);
            self.heading("address", index, 12 + LINE + drop, &lane.address);
        }
        let lines = if crowded { self.ladder.lanes.len() } else { 1 };
        self.y = 18 + LINE * lines;
    }

    fn heading(&mut self, class: &str, lane: usize, y: usize, text: &str) {
        let (x, anchor) = placed(self.x(lane), text.chars().count(), 0.0);
        let text = markup(text);
        let _ =
            write!(self.out, "<text class=\"{class}\" x=\"{x:.1}%\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>");
    }

    /// Draws the rows, each with its remarks below.
    fn rows(&mut self) -> Vec<Drawn> {
        let ladder = self.ladder;
        let mut drawn = Vec::with_capacity(ladder.rows.len());
        for row in &ladder.rows {
            let top = self.y;
            self.row(row);
            let arrow = self.y - top;
            if !row.remarks.is_empty() {
                let _ = write!(self.out, "<g class=\"words{}\">", if row.cited { " cited" } else { "" });
                row.remarks.iter().for_each(|remark| self.across(remark, "remark", 1));
                self.out.push_str("</g>");
            }
            drawn.push(Drawn { top, height: self.y - top, arrow });
        }
        drawn
    }

    fn row(&mut self, row: &Row) {
        let cited = if row.cited { " cited" } else { "" };
        match &row.content {
            Content::Arrow(arrow) => {
                let class = match (row.tone, arrow.wire) {
                    (Tone::Bad, Wire::Icmp) => "icmp bad",
                    (Tone::Bad, _) => "bad",
                    (_, Wire::Data) => "data",
                    (_, Wire::Icmp) => "icmp",
                    (_, Wire::Control) => "control",
                };
                let _ = write!(self.out, "<g class=\"{class}{cited}\">");
                let next = self.stamp(row);
                self.arrow(arrow);
                self.y = self.y.max(next);
                self.out.push_str("</g>");
            }
            Content::Note(text) => {
                let class = match row.tone {
                    Tone::Finding(Severity::Error) | Tone::Bad => " error",
                    Tone::Finding(Severity::Warning) => " warning",
                    Tone::Finding(Severity::Info | Severity::Quality) | Tone::Plain => "",
                };
                let class = format!("note{class}");
                let _ = write!(self.out, "<g class=\"words{cited}\">");
                let next = self.stamp(row);
                self.across(text, &class, 2);
                self.y = self.y.max(next);
                self.out.push_str("</g>");
            }
            Content::Missing(text) => {
                let _ = write!(self.out, "<g class=\"absent\">");
                let top = self.y;
                self.across(text, "label", 8);
                for y in [top + 3, self.y - 3] {
                    let (from, to) = (self.x(0), self.x(self.ladder.lanes.len().saturating_sub(1)));
                    let _ = write!(self.out, "<line x1=\"{from:.1}%\" x2=\"{to:.1}%\" y1=\"{y}\" y2=\"{y}\"/>");
                }
                self.out.push_str("</g>");
            }
            Content::Fold { seconds, hidden } => {
                let text = format!("\u{22ee} {} \u{22ee}", fold_text(*seconds, *hidden));
                self.across(&text, "fold", 2);
            }
        }
    }

    /// Lines of text in the middle of the lanes.
    fn across(&mut self, text: &str, class: &str, padding: usize) {
        let lines = wrap(&self.page.safe(text), LABEL, LABEL);
        self.text(class, f64::midpoint(self.first, LANES.1), self.y + padding + LINE - 3, &lines);
        self.y += 2 * padding + LINE * lines.len();
    }

    /// Lines around a place in percent; `y` is that of the first one.
    fn text(&mut self, class: &str, x: f64, y: usize, lines: &[String]) {
        let (x, anchor) =
            placed(x, lines.iter().map(|line| line.chars().count()).max().unwrap_or(0), self.first - BEFORE);
        for (line, y) in lines.iter().zip((y..).step_by(LINE)) {
            let line = markup(line);
            let _ = write!(
                self.out,
                "<text class=\"{class}\" x=\"{x:.1}%\" y=\"{y}\" text-anchor=\"{anchor}\">{line}</text>"
            );
        }
    }

    /// Frame number and seconds since the first row; where they end.
    fn stamp(&mut self, row: &Row) -> usize {
        let Some(at) = row.frame() else { return self.y };
        let mut y = self.y + LINE - 2;
        for line in stamp_lines(self.page, at) {
            let _ = write!(self.out, "<text class=\"frame\" x=\"2\" y=\"{y}\">{}</text>", markup(&line));
            y += LINE;
        }
        y -= 1;
        let seconds = at.time.seconds_since(self.zero);
        let _ = write!(self.out, "<text class=\"time\" x=\"2\" y=\"{y}\">+{seconds:.3}</text>");
        y + 6
    }

    fn arrow(&mut self, arrow: &Arrow) {
        let half_way = |(one, other): Gap| f64::midpoint(self.x(one.into()), self.x(other.into()));
        let from = arrow.added.map_or_else(|| self.x(arrow.from.lane), half_way);
        let to = arrow.lost.map_or_else(|| self.x(arrow.to.lane), half_way);
        let mut lines = wrap(&self.page.safe(&arrow.caption()), LABEL, LABEL);
        if lines.len() > LABEL_LINES {
            lines.truncate(LABEL_LINES);
            lines.push("\u{2026}".to_owned());
        }
        let top = self.y;
        self.text("label", f64::midpoint(from, to), top + LINE - 2, &lines);
        let y = top + LINE * lines.len() + 5;
        let _ = write!(self.out, "<line class=\"wire\" x1=\"{from:.1}%\" x2=\"{to:.1}%\" y1=\"{y}\" y2=\"{y}\"/>");
        let head = if to > from { "M0 0L-9-4.5V4.5z" } else { "M0 0L9-4.5V4.5z" };
        // A nested drawing puts the head at a place in percent.
        let _ = write!(
            self.out,
            "<svg x=\"{to:.1}%\" y=\"{y}\" overflow=\"visible\"><path class=\"head\" d=\"{head}\"/></svg>"
        );
        for (mark, at) in [(arrow.lost.map(|_| LOST), to), (arrow.added.map(|_| ADDED), from)] {
            if let Some(mark) = mark {
                let _ = write!(
                    self.out,
                    "<svg x=\"{at:.1}%\" y=\"{y}\" overflow=\"visible\"><path class=\"mark\" d=\"{mark}\"/></svg>"
                );
            }
        }
        self.y = y + 7;
    }

    fn lanes(&self, top: usize, drawn: &[Drawn], out: &mut String) {
        let begins: HashSet<(usize, usize)> = self.ladder.bars.iter().map(|bar| (bar.lane, bar.first)).collect();
        for lane in 0..self.ladder.lanes.len() {
            let x = self.x(lane);
            let _ = write!(out, "<line class=\"lane\" x1=\"{x:.1}%\" x2=\"{x:.1}%\" y1=\"{top}\" y2=\"{}\"/>", self.y);
            for (index, Drawn { top, height, arrow }) in drawn.iter().enumerate() {
                let class = match self.ladder.held(lane, index) {
                    Some(true) => "held",
                    Some(false) => "perhaps",
                    None => continue,
                };
                // It begins with the arrow of its first row.
                let from = if begins.contains(&(lane, index)) { top + arrow - 8 } else { *top };
                let until = top + height;
                let _ =
                    write!(out, "<line class=\"{class}\" x1=\"{x:.1}%\" x2=\"{x:.1}%\" y1=\"{from}\" y2=\"{until}\"/>");
            }
        }
    }
}

/// A frame number behind the name of its point, or below it.
fn stamp_lines(page: &Page<'_>, at: Stamp) -> Vec<String> {
    let stamp = page.run.frame_at_point(at);
    match stamp.rsplit_once(' ') {
        Some((point, number)) if stamp.chars().count() > STAMP => {
            vec![point.to_owned(), number.to_owned()]
        }
        _ => vec![stamp],
    }
}

/// Where the first lane is, so that what stands before it has room on the narrowest screen, in percent.
#[expect(clippy::cast_precision_loss, reason = "stamps are short")]
fn first_lane(page: &Page<'_>, ladder: &Ladder) -> f64 {
    let stamps = ladder.rows.iter().filter_map(Row::frame).flat_map(|at| stamp_lines(page, at));
    let longest = stamps.map(|line| line.chars().count()).max().unwrap_or(0);
    LANES.0.max((longest as f64 + 0.5) * CHARACTER / NARROWEST * 100.0 + BEFORE)
}

/// Where a text goes that is to stand around `x`, so that it stays between `least` and the right edge of the narrowest
/// screen: place and anchor.
#[expect(clippy::cast_precision_loss, reason = "texts are short")]
fn placed(x: f64, characters: usize, least: f64) -> (f64, &'static str) {
    let half = characters as f64 * CHARACTER / 2.0 / NARROWEST * 100.0;
    if x + half > 100.0 && 100.0 - 2.0 * half >= least {
        (100.0, "end")
    } else if x - half < least || x + half > 100.0 {
        (least, "start")
    } else {
        (x, "middle")
    }
}
