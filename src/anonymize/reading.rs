//! A line of the dialogue while it is read, as the analysis reads it: its bytes, and which of them are text.

use super::veil::masked;
use crate::ftp::vocabulary::{LINE_BYTES, Text};

/// The first Telnet command (RFC 854): what stands beside text and is less is an option, or of a subnegotiation.
const TELNET: u8 = 236;

/// The bytes of a line so far.
#[derive(Debug, Default)]
pub(super) struct Line {
    reader: Text,
    /// As they were sent, with Telnet commands and the line end.
    pub raw: Vec<u8>,
    /// The text, without its line end.
    pub text: Vec<u8>,
    /// Where in `raw` each byte of it stands.
    pub places: Vec<usize>,
    /// It is the rest of a line of which the analysis reads no more.
    pub overlong: bool,
}

impl Line {
    /// Takes the next byte; whether the line ends with it.
    pub fn push(&mut self, byte: u8) -> bool {
        let taken = self.reader.take(byte);
        if self.overlong {
            return taken.is_some_and(|(_, ends)| ends);
        }
        self.raw.push(byte);
        match taken {
            Some((_, true)) => {
                if self.text.last() == Some(&b'\r') {
                    self.text.pop();
                    self.places.pop();
                }
                true
            }
            Some((byte, false)) => {
                self.text.push(byte);
                self.places.push(self.raw.len() - 1);
                false
            }
            None => false,
        }
    }

    /// Whether the analysis reads no more of it.
    pub fn is_full(&self) -> bool {
        self.text.len() >= LINE_BYTES
    }

    /// What has come of it; what comes goes on where that ends, as the rest of a line if it was full.
    pub fn take(&mut self) -> Self {
        let rest = Self { reader: self.reader, overlong: self.is_full(), ..Self::default() };
        std::mem::replace(self, rest)
    }

    /// Its bytes with another text of the same length. What a subnegotiation tells is masked.
    pub fn saying(&self, text: &[u8]) -> Vec<u8> {
        let command = |byte: &u8| if *byte < TELNET { masked(*byte) } else { *byte };
        let mut now: Vec<u8> = self.raw.iter().map(command).collect();
        for (place, byte) in self.places.iter().zip(text) {
            if let Some(slot) = now.get_mut(*place) {
                *slot = *byte;
            }
        }
        now
    }
}

#[cfg(test)]
mod tests {
    use super::Line;

    fn read(bytes: &[u8]) -> (Line, Vec<usize>) {
        let mut line = Line::default();
        let ends = (0..bytes.len()).filter(|at| line.push(bytes[*at])).collect();
        (line, ends)
    }

    #[test]
    fn lines_end_where_the_analysis_ends_them() {
        for (bytes, text) in [(&b"QUIT\r\n"[..], &b"QUIT"[..]), (b"QUIT\n", b"QUIT"), (b"QUIT\r\0", b"QUIT")] {
            let (line, ends) = read(bytes);
            assert_eq!((line.text.as_slice(), ends), (text, vec![bytes.len() - 1]));
        }
        assert!(read(b"a\0b\rc").1.is_empty());
    }

    #[test]
    fn telnet_commands_stay_and_what_they_tell_of_a_terminal_does_not() {
        let (line, _) = read(b"\xff\xf4AB\xff\xfb\x18\xff\xfa\x18\x00xterm\xff\xf0OR\r\n");
        assert_eq!(line.text, b"ABOR");
        assert_eq!(line.saying(b"WXYZ"), b"\xff\xf4WX\xff\xfb\x18\xff\xfa\x18\x00xxxxx\xff\xf0YZ\r\n");
    }

    #[test]
    fn the_rest_of_a_line_that_is_too_long_ends_with_it() {
        let mut line = Line::default();
        while !line.is_full() {
            assert!(!line.push(b'a'));
        }
        assert!(!line.take().overlong);
        assert!(line.overlong && !line.push(b'b') && !line.push(b'\r') && line.push(0));
        assert!(line.raw.is_empty());
    }
}
