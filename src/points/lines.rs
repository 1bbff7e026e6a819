//! The lines of a control connection as one point shows them: put together from its segments, each byte once.

use super::sampled::Sample;
use crate::frame::Stamp;
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

/// The lines of one direction: its segments in the order in which they came, with what was kept of their payload.
pub fn of<'a>(segments: impl Iterator<Item = (&'a Sample, &'a [u8])>) -> Vec<Line> {
    let mut all: Vec<(&Sample, &[u8])> = segments.filter(|(sample, _)| sample.len > 0 && !sample.is_rst()).collect();
    let Some(first) = all.first().map(|(sample, _)| sample.seq) else { return Vec::new() };
    // What came late is read in its place; the sort keeps copies in the order in which they came.
    all.sort_by_key(|(sample, _)| sample.seq.distance_from(first));
    let mut reader = Reader { next: None, line: None, lines: Vec::new(), gap: false };
    for (sample, payload) in all {
        reader.take(sample, payload);
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
    fn take(&mut self, sample: &Sample, payload: &[u8]) {
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
        for (offset, byte) in (0_u32..).zip(payload).skip(known as usize) {
            self.byte(sample.seq.plus(offset), *byte, sample.at);
        }
        if payload.len() < sample.len as usize {
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
