//! Draws a ladder for a terminal: frame number, time, and lanes with arrows between them.

use std::io::{self, Write};

use super::{Arrow, Content, Gap, Ladder, Row, Tone, Wire, fold_text};
use crate::frame::Timestamp;
use crate::report::page::Page;
use crate::report::paint::Ink;
use crate::report::wrap::wrap;

/// Columns that a label may always take, however near its lanes are.
const MIN_LABEL: usize = 30;

/// Columns between two lanes at most: the eye loses its line on longer arrows.
const WIDEST: usize = 72;

/// Lines that a label may take.
const LABEL_LINES: usize = 4;

/// The characters of a drawing.
struct Pen {
    lane: char,
    held: char,
    perhaps: char,
    fold: char,
    control: char,
    data: char,
    icmp: char,
    missing: char,
    right: char,
    left: char,
    lost: char,
    added: char,
}

const UNICODE: Pen = Pen {
    lane: '\u{2502}',
    held: '\u{2588}',
    perhaps: '\u{2592}',
    fold: '\u{22ee}',
    control: '\u{2500}',
    data: '\u{2550}',
    icmp: '\u{2508}',
    missing: '\u{b7}',
    right: '\u{25b6}',
    left: '\u{25c0}',
    lost: '\u{2715}',
    added: '\u{25cb}',
};

const ASCII: Pen = Pen {
    lane: '|',
    held: '#',
    perhaps: '%',
    fold: ':',
    control: '-',
    data: '=',
    icmp: '~',
    missing: '.',
    right: '>',
    left: '<',
    lost: 'x',
    added: 'o',
};

/// Writes the diagram. `zero` is where relative times count from.
pub(in crate::report) fn write(
    page: &Page<'_>,
    ladder: &Ladder,
    zero: Timestamp,
    out: &mut dyn Write,
) -> io::Result<()> {
    let drawing = Drawing::new(page, ladder, zero);
    drawing.header(out)?;
    let mut day = None;
    for (index, row) in ladder.rows.iter().enumerate() {
        let on = row.at.and_then(|at| page.clock.day(at.time));
        if on.is_some() && on != day {
            writeln!(out, "{}", page.style.paint(Ink::Dim, on.as_deref().unwrap_or_default()))?;
            day = on;
        }
        drawing.row(index, row, out)?;
    }
    drawing.legend(out)
}

/// A cell of the drawing.
type Cell = (char, Option<Ink>);

struct Drawing<'a> {
    page: &'a Page<'a>,
    ladder: &'a Ladder,
    zero: Timestamp,
    pen: &'static Pen,
    /// Widths of the frame numbers and the times.
    number: usize,
    time: usize,
    /// Columns of the drawing, and of each lane in it.
    width: usize,
    columns: Vec<usize>,
}

impl<'a> Drawing<'a> {
    fn new(page: &'a Page<'a>, ladder: &'a Ladder, zero: Timestamp) -> Self {
        let stamps = || ladder.rows.iter().filter_map(|row| row.at);
        let number = stamps().map(|at| page.run.frame_at_point(at).chars().count()).max().unwrap_or(1);
        let time = stamps().map(|at| page.clock.milliseconds(at.time, zero).len()).max().unwrap_or(0);
        let width = page.style.width.saturating_sub(number + time + 4).max(MIN_LABEL);
        let pen = if page.style.ascii { &ASCII } else { &UNICODE };
        // Half of what stands above the outer lanes lies outside.
        let half = |lane: Option<&super::Lane>| lane.map_or(0, |lane| lane.address.len().clamp(6, 16) / 2);
        let (left, right) = (half(ladder.lanes.first()), half(ladder.lanes.last()) + 1);
        let gaps = ladder.lanes.len().saturating_sub(1).max(1);
        let inner = width.saturating_sub(left + right).clamp(1, gaps * WIDEST);
        let columns = (0..ladder.lanes.len()).map(|lane| left + inner * lane / gaps).collect();
        Self { page, ladder, zero, pen, number, time, width, columns }
    }

    fn column(&self, lane: usize) -> usize {
        self.columns.get(lane).copied().unwrap_or(0)
    }

    fn header(&self, out: &mut dyn Write) -> io::Result<()> {
        let gap = self.columns.windows(2).map(|pair| pair.iter().max().unwrap_or(&0) - pair.iter().min().unwrap_or(&0));
        let room = gap.min().unwrap_or(self.width).saturating_sub(1).max(6);
        let lines: [fn(&super::Lane) -> &str; 2] = [|lane| lane.name, |lane| &lane.address];
        for line in lines {
            let mut cells = vec![(' ', None); self.width];
            for (lane, column) in self.ladder.lanes.iter().zip(&self.columns) {
                let text = clipped(&self.page.safe(line(lane)), room, self.page.style.ascii);
                let from = column.saturating_sub(text.chars().count() / 2);
                print(&mut cells, from, &text, Some(Ink::Strong));
            }
            self.line("", "", false, &cells, out)?;
        }
        Ok(())
    }

    fn legend(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut parts = Vec::new();
        if !self.ladder.bars.is_empty() {
            parts.push(format!("{} TIME-WAIT", self.pen.held));
            if self.ladder.bars.iter().any(|bar| bar.last > bar.sure) {
                parts.push(format!("{} TIME-WAIT on some systems", self.pen.perhaps));
            }
        }
        if self.ladder.rows.iter().any(|row| row.cited) {
            parts.push("* cited by a finding".to_owned());
        }
        let arrows = || {
            self.ladder
                .rows
                .iter()
                .filter_map(|row| if let Content::Arrow(arrow) = &row.content { Some(arrow) } else { None })
        };
        if arrows().any(|arrow| arrow.lost.is_some()) {
            parts.push(format!("{} lost here", self.pen.lost));
        }
        if arrows().any(|arrow| arrow.added.is_some()) {
            parts.push(format!("{} sent by something here", self.pen.added));
        }
        if parts.is_empty() {
            return Ok(());
        }
        let lines = wrap(&parts.join("   "), self.page.style.width, self.page.style.width);
        lines.iter().try_for_each(|line| writeln!(out, "{}", self.page.style.paint(Ink::Dim, line.trim())))
    }

    /// The lanes alone.
    fn lanes(&self, row: usize) -> Vec<Cell> {
        let mut cells = vec![(' ', None); self.width];
        for (lane, column) in self.columns.iter().enumerate() {
            let cell = match self.ladder.held(lane, row) {
                Some(true) => (self.pen.held, Some(Ink::Warning)),
                Some(false) => (self.pen.perhaps, Some(Ink::Warning)),
                None => (self.pen.lane, Some(Ink::Gutter)),
            };
            if let Some(place) = cells.get_mut(*column) {
                *place = cell;
            }
        }
        cells
    }

    fn row(&self, index: usize, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        self.content(index, row, out)?;
        let first = self.column(0);
        let room = self.column(self.columns.len().saturating_sub(1)).saturating_sub(first + 3).max(MIN_LABEL);
        for line in row.remarks.iter().flat_map(|remark| wrap(&self.page.safe(remark), room, room)) {
            let mut cells = self.lanes(index);
            print(&mut cells, first + 2 + room.saturating_sub(line.chars().count()) / 2, &line, Some(Ink::Warning));
            self.line("", "", false, &cells, out)?;
        }
        Ok(())
    }

    fn content(&self, index: usize, row: &Row, out: &mut dyn Write) -> io::Result<()> {
        let number = row.frame().map(|at| self.page.run.frame_at_point(at)).unwrap_or_default();
        let time = row.frame().map(|at| self.page.clock.milliseconds(at.time, self.zero)).unwrap_or_default();
        match &row.content {
            Content::Arrow(arrow) => self.arrow(index, row, arrow, &number, &time, out),
            Content::Note(text) => {
                let ink = if let Tone::Finding(severity) = row.tone { Ink::of(severity) } else { Ink::Info };
                for (turn, line) in wrap(&self.page.safe(text), self.width, self.width).iter().enumerate() {
                    let mut cells = vec![(' ', None); self.width];
                    print(&mut cells, 0, line, Some(ink));
                    let (number, time) = if turn == 0 { (&*number, &*time) } else { ("", "") };
                    self.line(number, time, row.cited && turn == 0, &cells, out)?;
                }
                Ok(())
            }
            Content::Missing(text) => {
                let first = self.column(0);
                let room = self.column(self.columns.len().saturating_sub(1)).saturating_sub(first + 3).max(MIN_LABEL);
                for line in wrap(&self.page.safe(text), room, room) {
                    let mut cells = self.lanes(index);
                    for place in cells.iter_mut().skip(first + 1).take(room + 2) {
                        if place.0 == ' ' {
                            *place = (self.pen.missing, Some(Ink::Warning));
                        }
                    }
                    let length = line.chars().count();
                    let from = first + 1 + (room + 2).saturating_sub(length + 2) / 2;
                    print(&mut cells, from, &format!(" {line} "), Some(Ink::Warning));
                    self.line("", "", false, &cells, out)?;
                }
                Ok(())
            }
            Content::Fold { seconds, hidden } => {
                let mut cells = self.lanes(index);
                for (place, lane) in self.columns.iter().zip(0..) {
                    if self.ladder.held(lane, index).is_none()
                        && let Some(cell) = cells.get_mut(*place)
                    {
                        cell.0 = self.pen.fold;
                    }
                }
                let text = fold_text(*seconds, *hidden);
                let middle = usize::midpoint(self.column(0), self.column(self.columns.len().saturating_sub(1)));
                print(&mut cells, middle.saturating_sub(text.chars().count() / 2), &text, Some(Ink::Dim));
                self.line("", "", false, &cells, out)
            }
        }
    }

    fn arrow(
        &self,
        index: usize,
        row: &Row,
        arrow: &Arrow,
        number: &str,
        time: &str,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let half_way = |(one, other): Gap| usize::midpoint(self.column(one.into()), self.column(other.into()));
        let from = arrow.added.map_or_else(|| self.column(arrow.from.lane), half_way);
        let to = arrow.lost.map_or_else(|| self.column(arrow.to.lane), half_way);
        let (low, high) = (from.min(to), from.max(to));
        let inside = high.saturating_sub(low + 1);
        let label = self.page.safe(&arrow.caption());
        let ink = match (row.tone, arrow.wire) {
            (Tone::Bad, _) => Some(Ink::Error),
            (_, Wire::Data) => Some(Ink::Info),
            _ => None,
        };
        let length = label.chars().count();
        let embedded = length + 6 <= inside;
        if !embedded {
            let room = inside.saturating_sub(2).max(MIN_LABEL).min(self.width);
            let mut lines = wrap(&label, room, room);
            if lines.len() > LABEL_LINES {
                lines.truncate(LABEL_LINES);
                if let Some(last) = lines.last_mut() {
                    *last = clipped(&format!("{last} ..."), room, true);
                }
            }
            for line in lines {
                let length = line.chars().count();
                let from = match inside.checked_sub(length) {
                    Some(rest) => low + 1 + rest.div_ceil(2),
                    None => usize::midpoint(low, high).saturating_sub(length / 2),
                };
                let from = from.min(self.width.saturating_sub(length));
                let mut cells = self.lanes(index);
                print(&mut cells, from, &line, ink);
                self.line("", "", false, &cells, out)?;
            }
        }
        let mut cells = self.lanes(index);
        let stroke = match arrow.wire {
            Wire::Control => self.pen.control,
            Wire::Data => self.pen.data,
            Wire::Icmp => self.pen.icmp,
        };
        for place in cells.iter_mut().skip(low + 1).take(inside) {
            *place = (stroke, ink);
        }
        let head = if to > from { (high.saturating_sub(1), self.pen.right) } else { (low + 1, self.pen.left) };
        if inside > 0
            && let Some(place) = cells.get_mut(head.0)
        {
            *place = (head.1, ink);
        }
        for (mark, at) in [(arrow.lost.map(|_| self.pen.lost), to), (arrow.added.map(|_| self.pen.added), from)] {
            if let (Some(mark), Some(place)) = (mark, cells.get_mut(at)) {
                *place = (mark, Some(Ink::Error));
            }
        }
        if embedded {
            print(&mut cells, low + 1 + (inside - length - 2) / 2, &format!(" {label} "), ink);
        }
        self.line(number, time, row.cited, &cells, out)
    }

    /// One line: number, mark, time, drawing.
    fn line(&self, number: &str, time: &str, cited: bool, cells: &[Cell], out: &mut dyn Write) -> io::Result<()> {
        let style = self.page.style;
        let number = style.paint(Ink::Gutter, &format!("{number:>0$}", self.number));
        let mark = if cited { style.paint(Ink::Error, "*") } else { " ".to_owned() };
        let end = cells.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
        let cells = cells.get(..end).unwrap_or_default();
        let mut drawn = String::new();
        for run in cells.chunk_by(|(_, one), (_, other)| one == other) {
            let text: String = run.iter().map(|(c, _)| *c).collect();
            match run.first().and_then(|(_, ink)| *ink) {
                Some(ink) => drawn.push_str(&style.paint(ink, &text)),
                None => drawn.push_str(&text),
            }
        }
        let line = format!("{number}{mark} {time:>0$}  {drawn}", self.time);
        writeln!(out, "{}", line.trim_end())
    }
}

/// Puts text into cells; what goes over the edge is lost.
fn print(cells: &mut [Cell], from: usize, text: &str, ink: Option<Ink>) {
    for (place, c) in cells.iter_mut().skip(from).zip(text.chars()) {
        *place = (c, ink);
    }
}

/// At most `room` columns, the middle left out.
fn clipped(text: &str, room: usize, ascii: bool) -> String {
    let length = text.chars().count();
    if length <= room {
        return text.to_owned();
    }
    let mark = if ascii { ".." } else { "\u{2026}" };
    let kept = room.saturating_sub(mark.chars().count());
    let (head, tail) = (kept.div_ceil(2), kept / 2);
    let head: String = text.chars().take(head).collect();
    let tail: String = text.chars().skip(length - tail).collect();
    format!("{head}{mark}{tail}")
}
