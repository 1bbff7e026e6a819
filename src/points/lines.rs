//! The lines of a control connection as one point shows them: put together from its segments, each byte once.

use crate::frame::Stamp;
use crate::ftp::{Endpoint, endpoint};
use crate::wire::Seq;

/// Bytes of a line that are kept.
const LONGEST: usize = 512;

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its bytes, without the end of line.
    pub text: Vec<u8>,
    /// The frame that completed it.
    pub at: Stamp,
    /// The sequence number of its first byte.
    pub seq: Seq,
    /// Behind its end of line.
    pub end: Seq,
    /// Whether bytes are missing right before it, or in it.
    pub after_gap: bool,
}

/// Whether payload may begin the dialogue of FTP: a greeting or another reply.
pub fn begins_dialogue(payload: &[u8]) -> bool {
    matches!(payload, [b'1'..=b'5', b'0'..=b'5', b'0'..=b'9', b' ' | b'-', ..])
}

/// A segment of one direction.
#[derive(Clone, Copy)]
pub(in crate::points) struct Segment<'a> {
    /// The frame.
    pub at: Stamp,
    /// The number of its first byte.
    pub seq: Seq,
    /// Payload bytes on the wire.
    pub len: u32,
    /// What was kept of them.
    pub payload: &'a [u8],
}

/// The lines of one direction: its segments in the order in which they came.
pub fn of<'a>(segments: impl Iterator<Item = Segment<'a>>) -> Vec<Line> {
    let mut all: Vec<Segment<'_>> = segments.filter(|segment| segment.len > 0).collect();
    let Some(first) = all.first().map(|segment| segment.seq) else { return Vec::new() };
    // What came late is read in its place; the sort keeps copies in the order in which they came.
    all.sort_by_key(|segment| segment.seq.distance_from(first));
    let mut reader = Reader { next: None, line: None, lines: Vec::new(), gap: false };
    for segment in &all {
        reader.take(segment);
    }
    reader.lines
}

struct Reader {
    next: Option<Seq>,
    line: Option<Line>,
    lines: Vec<Line>,
    gap: bool,
}

impl Reader {
    fn take(&mut self, sample: &Segment<'_>) {
        let end = sample.seq.plus(sample.len);
        let next = *self.next.get_or_insert(sample.seq);
        if !end.is_after(next) {
            return;
        }
        let known = u32::try_from(next.distance_from(sample.seq)).unwrap_or(0);
        if next.is_before(sample.seq) {
            self.gap = true;
            self.line = None;
        }
        for (offset, byte) in (0_u32..).zip(sample.payload).skip(known as usize) {
            self.byte(sample.seq.plus(offset), *byte, sample.at);
        }
        if sample.payload.len() < sample.len as usize {
            self.gap = true;
            self.line = None;
        }
        self.next = Some(end);
    }

    fn byte(&mut self, seq: Seq, byte: u8, at: Stamp) {
        let gap = std::mem::take(&mut self.gap);
        let line = self.line.get_or_insert_with(|| Line { text: Vec::new(), at, seq, end: seq, after_gap: false });
        line.after_gap |= gap;
        line.at = line.at.max(at);
        line.end = seq.plus(1);
        match byte {
            b'\n' => self.lines.extend(self.line.take()),
            b'\r' => {}
            _ if line.text.len() < LONGEST => line.text.push(byte),
            _ => {}
        }
    }
}

/// The code of a reply.
pub fn code(line: &[u8]) -> Option<u16> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || line.get(3).is_some_and(|byte| !matches!(byte, b' ' | b'-')) {
        return None;
    }
    Some(digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0')))
}

/// The verb of a command, in capitals.
pub fn verb(line: &[u8]) -> Vec<u8> {
    let end = line.iter().position(|byte| *byte == b' ').unwrap_or(line.len());
    line.get(..end).unwrap_or_default().to_ascii_uppercase()
}

/// The endpoint that a line announces.
pub fn announced(line: &[u8]) -> Option<Endpoint> {
    let argument = || line.get(verb(line).len() + 1..).unwrap_or_default();
    match code(line) {
        Some(227) => endpoint::parse_227(line.get(4..)?)?.ok(),
        Some(229) => endpoint::parse_229(line.get(4..)?)?.ok(),
        Some(_) => None,
        None => match verb(line).as_slice() {
            b"PORT" => endpoint::parse_port(argument()).ok(),
            b"EPRT" => endpoint::parse_eprt(argument()).ok(),
            _ => None,
        },
    }
}
