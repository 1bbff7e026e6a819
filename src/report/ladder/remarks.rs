//! What is said of rows beside their labels: which TIME-WAIT begins there, and what the evidence says of them.

use std::collections::{BTreeMap, HashMap};

use super::moments::key;
use super::{Bar, Content, Row};
use crate::finding::{Evidence, Finding};
use crate::frame::Stamp;
use crate::report::evidence::in_order;

/// Connections that are named where several TIME-WAITs begin at one row.
const NAMED: usize = 2;

/// Frames of one piece of evidence that are named where no row shows them.
const MAX_FRAMES: usize = 6;

/// Names the 5-tuple of each TIME-WAIT where its bar begins.
pub(super) fn name_bars(rows: &mut [Row], bars: &[Bar]) {
    let mut begun: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for bar in bars {
        let [from, to] = bar.tuple;
        let name = format!("TCP {from} \u{2192} {to}");
        let names = begun.entry(bar.first).or_default();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for (first, mut names) in begun {
        let more = names.len().saturating_sub(NAMED);
        names.truncate(NAMED);
        if more > 0 {
            names.push(format!("and {more} more"));
        }
        if let Some(row) = rows.get_mut(first) {
            row.remarks.push(format!("TIME-WAIT of {}", names.join(", ")));
        }
    }
}

/// Tells the evidence of a finding at the rows of its frames; `drawn` is where a frame is drawn, for a line that several
/// points have is one row. The evidence of which no row shows a frame.
pub(super) fn tell(rows: &mut [Row], finding: &Finding, drawn: impl Fn(Stamp) -> Stamp) -> Vec<Evidence> {
    let drawn = |at: &Stamp| key(drawn(*at));
    let frames = rows.iter().enumerate().filter(|(_, row)| row.cited);
    let mut places = HashMap::new();
    for (place, at) in frames.filter_map(|(place, row)| Some((place, row.at?))) {
        places.entry(key(at)).or_insert(place);
    }
    let mut besides = Vec::new();
    for evidence in in_order(finding) {
        // What is missing has a row of its own.
        let Evidence::Seen { frames, note, .. } = evidence else { continue };
        let Some(first) = frames.iter().find_map(|at| places.get(&drawn(at))) else {
            besides.push(evidence.clone());
            continue;
        };
        let hidden: Vec<String> =
            frames.iter().filter(|at| !places.contains_key(&drawn(at))).map(|at| at.number.to_string()).collect();
        if let Some(row) = rows.get_mut(*first) {
            remark(row, note, &also(&hidden));
        }
    }
    besides
}

/// Says what evidence says of a row, unless its label does.
fn remark(row: &mut Row, note: &str, also: &str) {
    let label = match &mut row.content {
        Content::Arrow(arrow) if !arrow.opens => Some(&mut arrow.label),
        Content::Note(text) => Some(text),
        Content::Arrow(_) | Content::Missing(_) | Content::Fold { .. } => None,
    };
    match label {
        Some(label) if note.starts_with(label.as_str()) => *label = format!("{note}{also}"),
        _ => {
            let said = format!("{note}{also}");
            if !row.remarks.contains(&said) {
                row.remarks.push(said);
            }
        }
    }
}

/// ` (also frames 12, 13)`
fn also(hidden: &[String]) -> String {
    let named = hidden.iter().take(MAX_FRAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match hidden.len() {
        0 => String::new(),
        1 => format!(" (also frame {named})"),
        count if count <= MAX_FRAMES => format!(" (also frames {named})"),
        count => format!(" (also frames {named} and {} more)", count - MAX_FRAMES),
    }
}
