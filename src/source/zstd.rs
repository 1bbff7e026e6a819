//! How much memory a zstd frame asks for: its header, before anything is unpacked. And what each decoder of frames can do.
//!
//! The decoder keeps a window of what it has unpacked and takes any size for it, so a file of a few kilobytes could
//! make it keep gigabytes.

use std::io::{self, Read};

/// The largest window that is unpacked: what the zstd program allows without being asked for more (`--long`).
pub(super) const MAX_WINDOW: u64 = 128 << 20;

/// What a frame begins with.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// What unpacks one zstd frame: everything before damage, and then the error.
pub(super) trait ZstdFrame<R>: Read + Sized {
    /// Begins with a frame whose header has been read, the rest of which is next in `rest`.
    fn begin(header: Header, rest: R) -> io::Result<Self>;
    /// What is behind the frame, once that has been read to its end.
    fn into_rest(self) -> R;
}

/// A bit of the descriptor that is never set.
const RESERVED: u8 = 0x08;

/// The header of a frame (RFC 8878 3.1.1.1), as it stands there.
pub(super) struct Header {
    magic: [u8; 4],
    /// What is behind it.
    bytes: Vec<u8>,
}

impl Header {
    /// Reads what is behind the magic number.
    pub(super) fn read(magic: [u8; 4], reader: &mut impl Read) -> io::Result<Self> {
        let mut descriptor = [0];
        reader.read_exact(&mut descriptor)?;
        if descriptor[0] & RESERVED != 0 {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut header = Self { magic, bytes: descriptor.to_vec() };
        let rest = header.window_len() + header.dictionary_len() + header.content_size_len();
        header.bytes.resize(1 + rest, 0);
        reader.read_exact(header.bytes.get_mut(1..).unwrap_or_default())?;
        Ok(header)
    }

    /// Bytes that must be kept while the frame is unpacked.
    pub(super) fn window(&self) -> u64 {
        let bytes = &self.bytes;
        if self.is_single_segment() {
            let from = 1 + self.dictionary_len();
            let size = bytes.iter().skip(from).rev().fold(0, |size, byte| size << 8 | u64::from(*byte));
            return if self.content_size_len() == 2 { size + 256 } else { size };
        }
        let descriptor = bytes.get(1).copied().unwrap_or(0);
        let base = 1_u64 << (10 + (descriptor >> 3));
        base + base / 8 * u64::from(descriptor & 7)
    }

    /// All of it, with the magic number.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        [&self.magic[..], &self.bytes].concat()
    }

    /// Whether a checksum of four bytes follows the last block.
    #[cfg(feature = "fast-decompression")]
    pub(super) fn has_checksum(&self) -> bool {
        self.descriptor() & 0x04 != 0
    }

    fn descriptor(&self) -> u8 {
        self.bytes.first().copied().unwrap_or(0)
    }

    /// The content is one window, and its size takes the place of the window's.
    fn is_single_segment(&self) -> bool {
        self.descriptor() & 0x20 != 0
    }

    fn window_len(&self) -> usize {
        usize::from(!self.is_single_segment())
    }

    fn dictionary_len(&self) -> usize {
        [0, 1, 2, 4].get(usize::from(self.descriptor() & 3)).copied().unwrap_or(0)
    }

    fn content_size_len(&self) -> usize {
        match self.descriptor() >> 6 {
            0 => usize::from(self.is_single_segment()),
            1 => 2,
            2 => 4,
            _ => 8,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The window, and how many bytes the header has.
    fn header(bytes: &[u8]) -> (u64, usize) {
        let mut rest = bytes;
        let header = Header::read(MAGIC, &mut rest).unwrap();
        (header.window(), bytes.len() - rest.len())
    }

    #[test]
    fn the_window_is_said_or_is_the_content() {
        assert_eq!(header(&[0x00, 0x58, 9, 9]), (2 << 20, 2));
        assert_eq!(header(&[0x00, 0x59, 9, 9]), ((2 << 20) + (256 << 10), 2));
        assert_eq!(header(&[0x84, 0x88, 1, 2, 3, 4, 9]), (128 << 20, 6), "a size of four bytes, and a checksum");
        assert_eq!(header(&[0x20, 200, 9]), (200, 2));
        assert_eq!(header(&[0x60, 1, 1, 9]), (256 + 257, 3));
        assert_eq!(
            header(&[0xe3, 1, 2, 3, 4, 0, 0, 0, 0, 1, 0, 0, 0, 9]),
            (1 << 32, 13),
            "behind a dictionary's number"
        );
        assert!(header(&[0x00, 0xff]).0 > MAX_WINDOW);
        assert!(Header::read(MAGIC, &mut &[0xe3, 1][..]).is_err());
        assert!(Header::read(MAGIC, &mut &[0x08, 0x58][..]).is_err(), "a reserved bit");
    }
}
