//! A packet's place in the window it was read into, before it becomes a frame.

use std::ops::Range;

use super::Damage;
use super::window::{Failure, Window};
use crate::frame::{FrameNo, InterfaceId, LinkType, Timestamp};

/// The longest packet that is believed: beyond it, Wireshark and libpcap take the file for damaged as well.
pub(super) const MAX_PACKET: u32 = 262_144;

/// A packet of the file; its bytes stay in the window until that is filled again.
#[derive(Clone, Debug)]
pub(super) struct Record {
    pub number: FrameNo,
    pub time: Timestamp,
    /// The time is the file's own, not lent by the packet before.
    pub timed: bool,
    pub interface: InterfaceId,
    pub link_type: LinkType,
    pub wire_len: u32,
    pub bytes: Range<usize>,
    /// What is told behind them.
    pub options: Range<usize>,
    /// Captured bytes that thinning has removed behind them.
    pub removed: usize,
}

impl Record {
    /// What stands for a packet before the first one is read.
    pub const NONE: Self = Self {
        number: FrameNo(0),
        time: Timestamp(0),
        timed: false,
        interface: InterfaceId(0),
        link_type: LinkType(0),
        wire_len: 0,
        bytes: 0..0,
        options: 0..0,
        removed: 0,
    };
}

/// A packet at the front of the bytes at hand, with nothing about it that needs a second look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Plain<'a> {
    pub time: Timestamp,
    pub wire_len: u32,
    pub bytes: &'a [u8],
    /// How much stands before its bytes.
    pub header: usize,
    /// Its length with all that belongs to it.
    pub total: usize,
}

/// The damage of a file that ends before `what` is complete.
pub(super) fn cut(window: &Window, what: &str) -> Damage {
    match window.failure() {
        Some(failure) => failed(window, &format!("reading failed in the middle of {what}"), failure),
        None => damaged(window, format!("the file ends in the middle of {what}")),
    }
}

/// Damage at the current position.
pub(super) fn damaged(window: &Window, what: impl Into<String>) -> Damage {
    Damage::new(window.offset(), what)
}

/// What an empty window at the start of a record means: the clean end, or a failed read.
pub(super) fn end_of(window: &Window) -> Result<(), Damage> {
    match window.failure() {
        Some(failure) => Err(failed(window, "reading failed", failure)),
        None => Ok(()),
    }
}

fn failed(window: &Window, doing: &str, Failure { what, is_damage }: &Failure) -> Damage {
    Damage { failed: !is_damage, ..damaged(window, format!("{doing}: {what}")) }
}

/// Fields of either byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Endian {
    Little,
    Big,
}

impl Endian {
    pub(super) fn u16(self, bytes: &[u8], at: usize) -> Option<u16> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u16::from_be_bytes(*bytes) } else { u16::from_le_bytes(*bytes) })
    }

    #[inline]
    pub(super) fn u32(self, bytes: &[u8], at: usize) -> Option<u32> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) })
    }

    /// Four words in a row.
    #[inline]
    pub(super) fn words(self, bytes: [u8; 16]) -> [u32; 4] {
        let [a0, a1, a2, a3, b0, b1, b2, b3, c0, c1, c2, c3, d0, d1, d2, d3] = bytes;
        let words = [[a0, a1, a2, a3], [b0, b1, b2, b3], [c0, c1, c2, c3], [d0, d1, d2, d3]].map(u32::from_le_bytes);
        if self == Self::Big { swapped(words) } else { words }
    }

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) })
    }
}

/// A function of its own for the rarer order, so that the other has no more to do than to look which it is.
#[cold]
fn swapped(words: [u32; 4]) -> [u32; 4] {
    words.map(u32::swap_bytes)
}

/// Ends options, and records of names.
const END_OF_FIELDS: u16 = 0;

/// Codes and values up to the mark of the end, each padded to a multiple of four: options, and records of names.
pub(super) fn fields(mut bytes: &[u8], endian: Endian) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let code = endian.u16(bytes, 0).filter(|code| *code != END_OF_FIELDS)?;
        let len = usize::from(endian.u16(bytes, 2)?);
        let value = bytes.get(4..4 + len)?;
        bytes = bytes.get(4 + len.next_multiple_of(4)..).unwrap_or_default();
        Some((code, value))
    })
}
