//! Bytes of a packet of which the snap length may have cut some off.

/// What was captured of some bytes, and how many they were.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut<'a> {
    pub captured: &'a [u8],
    /// Length on the wire; never less than captured.
    pub len: usize,
}

impl<'a> Cut<'a> {
    /// A header of `len` bytes and what follows; `None` if it was not captured whole.
    pub fn split(self, len: usize) -> Option<(&'a [u8], Self)> {
        let (head, captured) = self.captured.split_at_checked(len)?;
        Some((head, Self { captured, len: self.len - len }))
    }

    /// The first `len` bytes, as a length field says, and the trailer behind them; what the field promises beyond the
    /// captured bytes was not captured.
    pub fn limit(self, len: usize) -> (Self, Self) {
        let (inside, outside) = self.captured.split_at(len.min(self.captured.len()));
        (Self { captured: inside, len }, Self { captured: outside, len: self.len.saturating_sub(len) })
    }

    /// How long these bytes are when those `inside` have become `now` bytes.
    pub fn with(self, inside: Self, now: usize) -> usize {
        (self.len + now).saturating_sub(inside.len)
    }

    pub fn u8(self, at: usize) -> Option<u8> {
        self.captured.get(at).copied()
    }

    pub fn u16(self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes(*self.captured.get(at..)?.first_chunk()?))
    }

    pub fn u32(self, at: usize) -> Option<u32> {
        Some(u32::from_be_bytes(*self.captured.get(at..)?.first_chunk()?))
    }
}

/// The number at a place of a buffer; 0 beyond its end.
pub(super) fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |field| u16::from_be_bytes(*field))
}

/// Writes over a part of a buffer; does nothing where it is too short.
pub(super) fn set(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(slot) = bytes.get_mut(at..at + value.len()) {
        slot.copy_from_slice(value);
    }
}

/// A 16-bit length that changed by as much as `old` to `new`; 0 stays, as it means that the length is said elsewhere.
pub(super) fn adjust(bytes: &mut [u8], at: usize, old: usize, new: usize) {
    let length = u16_at(bytes, at);
    if length != 0 {
        let changed = (usize::from(length) + new).saturating_sub(old);
        set(bytes, at, &u16::try_from(changed).unwrap_or(u16::MAX).to_be_bytes());
    }
}
