//! The bytes of one pcapng block: fields, options, padding and the length at both ends.
//!
//! Always little-endian, as every reader accepts it and files stay the same on every machine.

use crate::source::remarks::COMMENT;

/// Ends the options of a block.
const END_OF_OPTIONS: u16 = 0;

/// The longest option value that is written: the format's 65,535, less what padding may add.
const MAX_VALUE: usize = 65_532;

/// Type and length.
const HEAD: usize = 8;

/// A block that is being put together, in a buffer that the next block uses again.
pub(super) struct Block<'a> {
    buffer: &'a mut Vec<u8>,
    has_options: bool,
}

impl<'a> Block<'a> {
    pub(super) fn new(buffer: &'a mut Vec<u8>, kind: u32) -> Self {
        buffer.clear();
        buffer.extend(kind.to_le_bytes());
        buffer.extend([0; 4]);
        Self { buffer, has_options: false }
    }

    pub(super) fn u16(self, value: u16) -> Self {
        self.buffer.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u32(self, value: u32) -> Self {
        self.buffer.extend(value.to_le_bytes());
        self
    }

    pub(super) fn u64(self, value: u64) -> Self {
        self.buffer.extend(value.to_le_bytes());
        self
    }

    /// The upper half of a time first, whatever the byte order (pcapng draft, section 4.3).
    #[expect(clippy::cast_possible_truncation, reason = "each half is what is meant")]
    pub(super) fn time(self, ticks: u64) -> Self {
        self.u32((ticks >> 32) as u32).u32(ticks as u32)
    }

    /// Bytes, filled up with zeros to a multiple of four.
    pub(super) fn padded(self, bytes: &[u8]) -> Self {
        self.buffer.extend(bytes);
        self.buffer.resize(self.buffer.len().next_multiple_of(4), 0);
        self
    }

    /// An option; what does not fit is cut off.
    pub(super) fn option(mut self, code: u16, value: &[u8]) -> Self {
        let value = value.get(..MAX_VALUE).unwrap_or(value);
        self.has_options = true;
        self.u16(code).u16(u16::try_from(value.len()).unwrap_or(u16::MAX)).padded(value)
    }

    /// A text option; a text that does not fit is cut between two characters.
    pub(super) fn text(self, code: u16, text: &str) -> Self {
        let len = (0..=text.len().min(MAX_VALUE)).rev().find(|len| text.is_char_boundary(*len)).unwrap_or(0);
        self.option(code, text.get(..len).unwrap_or_default().as_bytes())
    }

    /// Every item as an option of its own.
    pub(super) fn options<T>(self, items: impl IntoIterator<Item = T>, one: impl Fn(Self, T) -> Self) -> Self {
        items.into_iter().fold(self, one)
    }

    /// Comments, and other options as they were read.
    pub(super) fn remarks(self, comments: &[String], others: &[(u16, Vec<u8>)]) -> Self {
        let commented = self.options(comments, |block, comment| block.text(COMMENT, comment));
        commented.options(others, |block, (code, value)| block.option(*code, value))
    }

    /// The whole block.
    pub(super) fn end(self) -> &'a [u8] {
        let block = if self.has_options { self.u16(END_OF_OPTIONS).u16(0) } else { self };
        let total = u32::try_from(block.buffer.len() + 4).unwrap_or(u32::MAX);
        let block = block.u32(total);
        if let Some(length) = block.buffer.get_mut(4..HEAD) {
            length.copy_from_slice(&total.to_le_bytes());
        }
        block.buffer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_stands_at_both_ends() {
        let mut buffer = vec![9; 40];
        let block = Block::new(&mut buffer, 0x0bad).u32(7).end();
        assert_eq!(block, [0xad, 0x0b, 0, 0, 16, 0, 0, 0, 7, 0, 0, 0, 16, 0, 0, 0]);
    }

    #[test]
    fn options_are_padded_and_ended() {
        let mut buffer = Vec::new();
        let block = Block::new(&mut buffer, 1).text(2, "ab!cd").end();
        assert_eq!(block.get(8..24), Some(&b"\x02\x00\x05\x00ab!cd\0\0\0\0\0\0\0"[..]));
        assert_eq!(block.len(), 28);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let mut buffer = Vec::new();
        let text = format!("a{}", "é".repeat(40_000));
        let block = Block::new(&mut buffer, 1).text(1, &text).end();
        let len = usize::from(u16::from_le_bytes([block[10], block[11]]));
        assert_eq!(len, 65_531);
        assert!(std::str::from_utf8(&block[12..12 + len]).is_ok());
    }
}
