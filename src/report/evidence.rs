//! Evidence as lines: frame number, time, direction, text.

use std::io::{self, Write};
use std::net::SocketAddr;

use super::Verbosity;
use super::page::Page;
use super::paint::Ink;
use super::wrap::{MIN_COLUMN, wrap};
use crate::finding::{Evidence, Finding, Route};
use crate::frame::{CaptureId, Stamp, Timestamp};
use crate::record::SessionRecord;

/// How many lines of evidence a block shows before it is folded.
const MAX_EXHIBITS: usize = 24;

/// How many further frames of one line are numbered before they are folded.
const MAX_FRAMES: usize = 6;

/// When the text would get fewer columns than this, it goes below instead of beside the time and the direction.
const MIN_TEXT: usize = 28;

/// All evidence in order of time, each once; a gap stands behind the frame that opens it.
pub(super) fn in_order(finding: &Finding) -> Vec<&Evidence> {
    let mut evidence: Vec<&Evidence> = Vec::new();
    for one in finding.evidence() {
        if !evidence.contains(&one) {
            evidence.push(one);
        }
    }
    evidence.sort_by_key(|evidence| (evidence.first(), matches!(evidence, Evidence::Missing { .. })));
    evidence
}

/// A piece of evidence in columns.
pub(super) struct Exhibit {
    pub(super) capture: CaptureId,
    /// The frame number; empty for what is missing.
    pub(super) number: String,
    /// The day it was on; `None` for what is missing, and when times are relative.
    pub(super) day: Option<String>,
    /// The time, or the span in which something is missing.
    pub(super) when: String,
    /// Empty when there is none.
    pub(super) direction: String,
    pub(super) text: String,
}

impl Exhibit {
    /// The exhibits for `evidence` of a finding, in its order.
    pub(super) fn of(page: &Page<'_>, finding: &Finding, evidence: &[&Evidence]) -> Vec<Self> {
        let session = finding.session.and_then(|id| page.run.session(id));
        let zero = page.zero(session, finding.primary.first().capture);
        evidence.iter().map(|evidence| Self::new(page, evidence, session, zero)).collect()
    }

    /// A line of a dialogue; `text` must be safe already.
    pub(super) fn at(page: &Page<'_>, at: Stamp, zero: Timestamp, direction: String, text: String) -> Self {
        Self {
            capture: at.capture,
            number: at.number.to_string(),
            day: page.clock.day(at.time),
            when: page.clock.time(at.time, zero),
            direction,
            text,
        }
    }

    /// A line without a frame, likewise.
    pub(super) fn aside(capture: CaptureId, text: String) -> Self {
        Self { capture, number: String::new(), day: None, when: String::new(), direction: String::new(), text }
    }

    fn new(page: &Page<'_>, evidence: &Evidence, session: Option<&SessionRecord>, zero: Timestamp) -> Self {
        let first = evidence.first();
        match evidence {
            Evidence::Seen { frames, route, note } => {
                let others: Vec<String> = frames.iter().skip(1).map(|stamp| stamp.number.to_string()).collect();
                Self {
                    capture: first.capture,
                    number: first.number.to_string(),
                    day: page.clock.day(first.time),
                    when: page.clock.time(first.time, zero),
                    direction: route.map_or_else(String::new, |route| direction(route, session)),
                    text: format!("{}{}", page.safe(note), also(&others, page.style.verbosity)),
                }
            }
            Evidence::Missing { after, until, note } => {
                let elsewhere = if until.capture == after.capture {
                    String::new()
                } else {
                    format!(" (until frame {} of {})", until.number, page.path(until.capture))
                };
                let end = if elsewhere.is_empty() { until.number.to_string() } else { String::new() };
                Self {
                    capture: first.capture,
                    number: String::new(),
                    day: None,
                    when: format!("{}..{end}", after.number),
                    direction: String::new(),
                    text: format!("{}{elsewhere}", page.safe(note)),
                }
            }
        }
    }
}

/// ` (also 12, 13)`
fn also(others: &[String], verbosity: Verbosity) -> String {
    if others.is_empty() {
        return String::new();
    }
    let shown = if verbosity == Verbosity::Verbose { others.len() } else { others.len().min(MAX_FRAMES) };
    let listed = others.iter().take(shown).map(String::as_str).collect::<Vec<_>>().join(", ");
    match others.len() - shown {
        0 => format!(" (also {listed})"),
        more => format!(" (also {listed} and {more} more)"),
    }
}

/// `client -> server` on the control connection, `server:20 -> client:5000` on others of the two hosts; any other
/// socket as it is.
pub(super) fn direction(route: Route, session: Option<&SessionRecord>) -> String {
    format!("{} -> {}", socket(route.from, session), socket(route.to, session))
}

fn socket(socket: SocketAddr, session: Option<&SessionRecord>) -> String {
    let Some(SessionRecord { client, server, .. }) = session else { return socket.to_string() };
    // On one host the address does not tell who is who.
    let told_apart = client.ip() != server.ip();
    match socket {
        _ if socket == *client => "client".to_owned(),
        _ if socket == *server => "server".to_owned(),
        _ if told_apart && socket.ip() == client.ip() => format!("client:{}", socket.port()),
        _ if told_apart && socket.ip() == server.ip() => format!("server:{}", socket.port()),
        _ => socket.to_string(),
    }
}

/// Writes the lines between the bars. `gutter` is the width of the frame numbers; `folded`: long lists are.
pub(super) fn write_exhibits(
    page: &Page<'_>,
    exhibits: &[Exhibit],
    gutter: usize,
    folded: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let columns = Columns::of(exhibits, gutter, page.style.width);
    let bar = page.style.paint(Ink::Gutter, "|");
    let blank = " ".repeat(gutter);
    let fold = folded && page.style.verbosity < Verbosity::Verbose && exhibits.len() > MAX_EXHIBITS;
    let hidden = if fold { MAX_EXHIBITS / 2..exhibits.len() - MAX_EXHIBITS / 2 } else { 0..0 };
    let (mut capture, mut day) = (exhibits.first().map(|first| first.capture), None);
    for (index, exhibit) in exhibits.iter().enumerate() {
        if hidden.contains(&index) {
            if index == hidden.start {
                writeln!(out, "{blank} {bar} and {} more (-v shows all)", hidden.len())?;
            }
            continue;
        }
        if capture != Some(exhibit.capture) {
            capture = Some(exhibit.capture);
            writeln!(out, "{blank}{} {}", page.style.paint(Ink::Gutter, ":::"), page.path(exhibit.capture))?;
        }
        if exhibit.day.is_some() && exhibit.day != day {
            day.clone_from(&exhibit.day);
            writeln!(out, "{blank} {bar} {}", page.style.paint(Ink::Dim, exhibit.day.as_deref().unwrap_or_default()))?;
        }
        columns.write(page, exhibit, out)?;
    }
    Ok(())
}

/// The widths of the columns of one block.
struct Columns {
    gutter: usize,
    when: usize,
    direction: usize,
    /// What is left for the text; `None` when that is too little.
    text: Option<usize>,
    width: usize,
}

impl Columns {
    fn of(exhibits: &[Exhibit], gutter: usize, width: usize) -> Self {
        let widest = |column: fn(&Exhibit) -> &str| {
            exhibits.iter().map(|exhibit| column(exhibit).chars().count()).max().unwrap_or(0)
        };
        let (when, direction) = (widest(|exhibit| &exhibit.when), widest(|exhibit| &exhibit.direction));
        let before_text = gutter + 3 + when + 2 + if direction == 0 { 0 } else { direction + 2 };
        let text = width.checked_sub(before_text).filter(|text| *text >= MIN_TEXT);
        Self { gutter, when, direction, text, width }
    }

    fn write(&self, page: &Page<'_>, exhibit: &Exhibit, out: &mut dyn Write) -> io::Result<()> {
        let number = page.style.paint(Ink::Gutter, &format!("{:>1$}", exhibit.number, self.gutter));
        let bar = page.style.paint(Ink::Gutter, "|");
        let head = format!("{:1$}", exhibit.when, self.when);
        // What is missing has no direction: its text uses that column.
        let aside = exhibit.direction.is_empty();
        let head = if aside { head } else { format!("{head}  {:1$}", exhibit.direction, self.direction) };
        let width = self.width.saturating_sub(self.gutter + 3).max(MIN_COLUMN);
        let length = head.chars().count() + 2;
        let beside = if aside { width.checked_sub(length).filter(|text| *text >= MIN_TEXT) } else { self.text };
        let lines: Vec<String> = if let Some(room) = beside {
            let heads = std::iter::once(head).chain(std::iter::repeat(" ".repeat(length - 2)));
            heads.zip(wrap(&exhibit.text, room, room)).map(|(head, text)| format!("{head}  {text}")).collect()
        } else {
            let below = wrap(&exhibit.text, width - 4, width - 4).into_iter().map(|text| format!("    {text}"));
            wrap(head.trim_end(), width, width).into_iter().chain(below).collect()
        };
        let numbers = std::iter::once(number).chain(std::iter::repeat(" ".repeat(self.gutter)));
        numbers.zip(lines).try_for_each(|(number, line)| writeln!(out, "{number} {bar} {line}"))
    }
}
