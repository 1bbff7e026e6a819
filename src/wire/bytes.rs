//! The bytes of one layer: what was captured of them and how many more were on the wire.
//!
//! Every read is checked; a read behind the captured end is `None`, whatever the reason.

/// The bytes from some header on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bytes<'a> {
    /// What was captured.
    pub captured: &'a [u8],
    /// How many bytes followed on the wire and were not captured.
    pub missing: usize,
}

impl<'a> Bytes<'a> {
    /// Bytes that were captured whole.
    pub fn whole(captured: &'a [u8]) -> Self {
        Self { captured, missing: 0 }
    }

    /// Length on the wire.
    pub fn wire_len(self) -> usize {
        self.captured.len() + self.missing
    }

    /// `N` bytes at an offset.
    pub fn array<const N: usize>(self, at: usize) -> Option<[u8; N]> {
        self.captured.get(at..)?.first_chunk().copied()
    }

    /// The byte at an offset.
    pub fn u8(self, at: usize) -> Option<u8> {
        self.captured.get(at).copied()
    }

    /// The big-endian number at an offset.
    pub fn u16(self, at: usize) -> Option<u16> {
        self.array(at).map(u16::from_be_bytes)
    }

    /// The big-endian number at an offset.
    pub fn u32(self, at: usize) -> Option<u32> {
        self.array(at).map(u32::from_be_bytes)
    }

    /// What follows the first `len` bytes; `None` if not all of these were captured.
    pub fn skip(self, len: usize) -> Option<Self> {
        Some(Self { captured: self.captured.get(len..)?, ..self })
    }

    /// The first `len` bytes, as a length field says; what the field promises beyond the captured bytes is missing.
    pub fn limit(self, len: usize) -> Self {
        match self.captured.get(..len) {
            Some(captured) => Self { captured, missing: 0 },
            None => Self { captured: self.captured, missing: len - self.captured.len() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bytes;

    #[test]
    fn reading_stops_at_the_captured_end() {
        let bytes = Bytes { captured: &[1, 2, 3], missing: 5 };
        assert_eq!(bytes.u16(1), Some(0x0203));
        assert_eq!(bytes.u16(2), None);
        assert_eq!(bytes.u8(usize::MAX), None);
        assert_eq!(bytes.skip(4).map(|rest| rest.missing), None);
        assert_eq!(bytes.skip(3).map(Bytes::wire_len), Some(5));
    }

    #[test]
    fn a_length_field_cuts_padding_and_promises_missing_bytes() {
        let bytes = Bytes::whole(&[1, 2, 3]);
        assert_eq!(bytes.limit(2).captured, [1, 2]);
        assert_eq!((bytes.limit(9).captured.len(), bytes.limit(9).missing), (3, 6));
    }
}
