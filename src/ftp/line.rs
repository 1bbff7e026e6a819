//! Turns the bytes of one speaker into lines, each with the frames its bytes came from.
//!
//! Knows line ends and Telnet; knows neither commands nor replies.

use super::telnet::{IAC, Telnet};
use crate::frame::Stamp;
use crate::text::printable;

/// Bytes of a line that are kept. Real lines end at a few hundred; servers refuse them from 512 to 8192 on.
pub const LINE_BYTES: usize = 8192;
/// Frames a line or reply remembers: enough for a PORT at one byte a segment, few enough for a reply of 120 kB.
pub(super) const LINE_FRAMES: usize = 128;
/// Bytes of a line's text that leave the parser: one screen line of a file name or a reply.
pub(super) const TEXT_BYTES: usize = 512;

/// Whether a line is known to begin where it seems to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Start {
    /// Behind a line end, or at the first byte of the connection.
    #[default]
    Sure,
    /// Behind lost bytes, or where the capture picked the connection up. Stays so until a line makes sense.
    Unsure,
    /// Within a line that may hold a password: the rest of it must not be taken for anything.
    Secret,
}

/// A line without its line end.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) frames: Vec<Stamp>,
    /// Longer than [`LINE_BYTES`].
    pub(super) cut: bool,
    /// Whether its end was seen; otherwise the capture lacks its last part.
    pub(super) ended: bool,
    pub(super) unreliable: bool,
    pub(super) start: Start,
}

/// Tells which bytes of a control stream are text and which of them end a line. Survives segment boundaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Text {
    telnet: Telnet,
    after_cr: bool,
}

impl Text {
    /// Takes a byte and gives it back if it is text, and whether a line ends with it: at LF or CR NUL, a CR before LF
    /// belonging to the line end.
    pub fn take(&mut self, byte: u8) -> Option<(u8, bool)> {
        let byte = self.telnet.take(byte)?;
        let ends = byte == b'\n' || (byte == 0 && self.after_cr);
        self.after_cr = byte == b'\r';
        Some((byte, ends))
    }
}

/// The line that is being read. Holds passwords, so it has no `Debug`.
#[derive(Default)]
pub(super) struct LineReader {
    text: Text,
    bytes: Vec<u8>,
    frames: Vec<Stamp>,
    cut: bool,
    unreliable: bool,
    start: Start,
}

impl LineReader {
    /// A reader that may begin within a line.
    pub(super) fn picked_up() -> Self {
        Self { start: Start::Unsure, ..Self::default() }
    }

    /// Takes a byte; gives the line that it ends.
    pub(super) fn take(&mut self, byte: u8, at: Stamp, unreliable: bool) -> Option<Line> {
        let (byte, ends) = self.text.take(byte)?;
        push_frame(&mut self.frames, at);
        self.unreliable |= unreliable;
        if ends {
            if self.bytes.last() == Some(&b'\r') && !self.cut {
                self.bytes.pop();
            }
            return Some(self.finish());
        }
        if self.bytes.len() < LINE_BYTES {
            self.bytes.push(byte);
        } else {
            self.cut = true;
        }
        None
    }

    /// Takes the bytes at the beginning that are text and neither end a line nor may; how many.
    pub(super) fn take_text(&mut self, bytes: &[u8], at: Stamp, unreliable: bool) -> usize {
        let is_text = |byte: &u8| !matches!(*byte, b'\n' | b'\r' | 0 | IAC);
        let text = bytes.iter().take_while(|byte| is_text(byte)).count();
        if text == 0 || self.text.telnet != Telnet::Data {
            return 0;
        }
        self.text.after_cr = false;
        push_frame(&mut self.frames, at);
        self.unreliable |= unreliable;
        let kept = text.min(LINE_BYTES - self.bytes.len());
        self.bytes.extend_from_slice(bytes.get(..kept).unwrap_or_default());
        self.cut |= kept < text;
        text
    }

    /// Whether the next byte is the end of a Telnet interrupt.
    pub(super) fn is_interrupted_by(&self, byte: u8) -> bool {
        self.text.telnet.is_interrupted_by(byte)
    }

    /// Whether the next byte begins a line.
    pub(super) fn at_line_start(&self) -> bool {
        self.frames.is_empty() && self.text.telnet == Telnet::Data
    }

    /// Bytes that wait for the line's end.
    pub(super) fn held(&self) -> usize {
        self.bytes.capacity() + self.frames.capacity() * size_of::<Stamp>()
    }

    /// Whether it is not known where lines begin.
    pub(super) fn is_unsure(&self) -> bool {
        self.start == Start::Unsure
    }

    /// Bytes are missing here: gives the line that was begun, as far as it was seen. What follows may be its rest, or
    /// begin anywhere; `secret` says of its bytes whether it may hold a password.
    pub(super) fn lost(&mut self, secret: impl Fn(&[u8]) -> bool) -> Option<Line> {
        let start = if secret(&self.bytes) { Start::Secret } else { Start::Unsure };
        let line = self.close().map(|line| Line { ended: false, ..line });
        *self = Self { start, ..Self::default() };
        line
    }

    /// The last line of a connection, which no line end follows.
    pub(super) fn close(&mut self) -> Option<Line> {
        (!self.frames.is_empty()).then(|| self.finish())
    }

    /// The line that was unsure made sense: its successors begin where they seem to.
    pub(super) fn trust(&mut self) {
        self.start = Start::Sure;
    }

    fn finish(&mut self) -> Line {
        let line = Line {
            bytes: std::mem::take(&mut self.bytes),
            frames: std::mem::take(&mut self.frames),
            cut: self.cut,
            ended: true,
            unreliable: self.unreliable,
            start: self.start,
        };
        if self.start == Start::Secret {
            self.start = Start::Unsure;
        }
        (self.cut, self.unreliable, self.text.after_cr) = (false, false, false);
        line
    }
}

/// Adds a frame to those of a line; beyond [`LINE_FRAMES`] only the last one is kept up to date.
pub(super) fn push_frame(frames: &mut Vec<Stamp>, at: Stamp) {
    if frames.last() == Some(&at) {
        return;
    }
    if frames.len() == LINE_FRAMES {
        frames.pop();
    }
    if frames.is_empty() {
        // Nearly all lines have one, and are kept.
        frames.reserve_exact(1);
    }
    frames.push(at);
}

/// The text as it is shown: printable, and cut with an ellipsis behind [`TEXT_BYTES`].
pub(super) fn shown(bytes: &[u8]) -> String {
    match bytes.get(..TEXT_BYTES) {
        Some(head) if bytes.len() > TEXT_BYTES => printable(head) + "\u{2026}",
        Some(_) | None => printable(bytes),
    }
}

/// The bytes without blanks and tabs around them.
pub(super) fn trimmed(bytes: &[u8]) -> &[u8] {
    bytes.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES, LINE_FRAMES, Line, LineReader, Start, shown};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0))
    }

    fn read(reader: &mut LineReader, number: u64, bytes: &[u8]) -> Vec<Line> {
        bytes.iter().filter_map(|byte| reader.take(*byte, at(number), false)).collect()
    }

    fn texts(bytes: &[u8]) -> Vec<Vec<u8>> {
        read(&mut LineReader::default(), 1, bytes).into_iter().map(|line| line.bytes).collect()
    }

    #[test]
    fn lines_end_at_crlf_lf_and_cr_nul() {
        assert_eq!(texts(b"a\r\nb\nc\r\0d\0e\rf\r\n"), [&b"a"[..], b"b", b"c", b"d\0e\rf"]);
    }

    #[test]
    fn a_line_knows_its_frames() {
        let mut reader = LineReader::default();
        assert!(read(&mut reader, 1, b"PO").is_empty());
        assert!(read(&mut reader, 2, b"\xff\xf1").is_empty());
        assert!(read(&mut reader, 3, b"RT\r").is_empty());
        let lines = read(&mut reader, 4, b"\nQUIT\n");
        assert_eq!(lines[0].frames, [at(1), at(3), at(4)]);
        assert_eq!(lines[1].frames, [at(4)]);
    }

    #[test]
    fn text_at_a_time_is_the_same_as_byte_by_byte() {
        let told = b"USER a\xff\xf1b\rc\r\0PASS\0x\xff\xfa\x25text\xff\xf0\r\n\xff\xf4text\n";
        for from in 0..told.len() {
            let (mut one, mut other) = (LineReader::default(), LineReader::default());
            let lines = |reader: &mut LineReader, by_text: bool| {
                let (mut rest, mut lines) = (&told[from..], Vec::new());
                while let Some((byte, behind)) = rest.split_first() {
                    let text = if by_text { reader.take_text(rest, at(1), false) } else { 0 };
                    if text > 0 {
                        rest = &rest[text..];
                        continue;
                    }
                    rest = behind;
                    lines.extend(reader.take(*byte, at(1), false).map(|line| (line.bytes, line.frames, line.cut)));
                }
                (lines, reader.bytes.clone(), reader.at_line_start())
            };
            assert_eq!(lines(&mut one, true), lines(&mut other, false));
        }
        let mut long = LineReader::default();
        assert_eq!(long.take_text(&[b'A'; LINE_BYTES + 10], at(1), false), LINE_BYTES + 10);
        assert!(long.cut && long.bytes.len() == LINE_BYTES);
    }

    #[test]
    fn a_long_line_is_cut_and_the_next_one_whole() {
        let mut bytes = vec![b'A'; LINE_BYTES + 10];
        bytes.extend(b"\r\nNOOP\r\n");
        let lines = read(&mut LineReader::default(), 1, &bytes);
        assert!(lines[0].cut && lines[0].bytes.len() == LINE_BYTES);
        assert!(!lines[1].cut && lines[1].bytes == b"NOOP");
    }

    #[test]
    fn frames_are_bounded_and_end_with_the_last() {
        let mut reader = LineReader::default();
        for number in 1..1000 {
            read(&mut reader, number, b"x");
        }
        let line = read(&mut reader, 1000, b"\n").remove(0);
        assert_eq!(line.frames.len(), LINE_FRAMES);
        assert_eq!(line.frames.last(), Some(&at(1000)));
    }

    #[test]
    fn a_loss_within_a_line_gives_its_beginning() {
        let mut reader = LineReader::default();
        read(&mut reader, 1, b"PASS se");
        let line = reader.lost(|bytes| bytes.starts_with(b"PASS")).unwrap();
        assert!(line.bytes == b"PASS se" && !line.ended && line.frames == [at(1)]);
        assert_eq!(read(&mut reader, 2, b"list\n")[0].start, Start::Secret);
        assert_eq!(read(&mut reader, 2, b"list\n")[0].start, Start::Unsure);
        reader.trust();
        assert_eq!(read(&mut reader, 2, b"list\n")[0].start, Start::Sure);
        assert!(reader.lost(|_| false).is_none());
        assert_eq!(read(&mut reader, 2, b"list\n")[0].start, Start::Unsure);
    }

    #[test]
    fn text_is_bounded() {
        assert_eq!(shown(&[b'a'; 512]).len(), 512);
        assert!(shown(&[b'a'; 513]).ends_with('\u{2026}'));
    }
}
