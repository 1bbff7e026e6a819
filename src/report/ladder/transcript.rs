//! Writes a ladder as lines: number, time, direction, what was said or sent.

use std::io::{self, Write};

use super::{Content, Ladder, Row, Wire, fold_text};
use crate::finding::Route;
use crate::frame::Timestamp;
use crate::record::SessionRecord;
use crate::report::evidence::{Exhibit, direction, write_exhibits};
use crate::report::page::Page;

/// Columns of the frame numbers at least.
const MIN_GUTTER: usize = 3;

/// Writes the lines. `zero` is where relative times count from.
pub(in crate::report) fn write(
    page: &Page<'_>,
    session: &SessionRecord,
    ladder: &Ladder,
    zero: Timestamp,
    out: &mut dyn Write,
) -> io::Result<()> {
    let exhibits: Vec<Exhibit> = ladder.rows.iter().flat_map(|row| lines(page, session, row, zero)).collect();
    let gutter = exhibits.iter().map(|exhibit| exhibit.number.len()).max().unwrap_or(0).max(MIN_GUTTER);
    write_exhibits(page, &exhibits, gutter, false, out)
}

fn lines(page: &Page<'_>, session: &SessionRecord, row: &Row, zero: Timestamp) -> Vec<Exhibit> {
    let aside = |text: String| vec![Exhibit::aside(session.first.capture, text)];
    match (&row.content, row.at) {
        (Content::Arrow(arrow), Some(at)) => {
            let direction = match arrow.wire {
                // ICMP has no ports.
                Wire::Icmp => format!("{} -> {}", arrow.from.socket.ip(), arrow.to.socket.ip()),
                Wire::Control | Wire::Data => {
                    direction(Route { from: arrow.from.socket, to: arrow.to.socket }, Some(session))
                }
            };
            let more = arrow.more.iter().map(|text| format!("| {text}"));
            let texts = more.chain([arrow.label.clone()]);
            texts.map(|text| Exhibit::at(page, at, zero, direction.clone(), page.safe(&text))).collect()
        }
        (Content::Note(text), Some(at)) => vec![Exhibit::at(page, at, zero, String::new(), page.safe(text))],
        (Content::Missing(text), _) => aside(format!("({})", page.safe(text))),
        (Content::Fold { seconds, hidden }, _) => aside(format!("... {}", fold_text(*seconds, *hidden))),
        (Content::Arrow(_) | Content::Note(_), None) => Vec::new(),
    }
}
