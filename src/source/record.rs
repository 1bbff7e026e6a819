//! A packet's place in the window it was read into, before it becomes a frame.

use std::ops::Range;

use super::Damage;
use super::window::Window;
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
    };
}

/// The damage of a file that ends before `what` is complete.
pub(super) fn cut(window: &Window, what: &str) -> Damage {
    match window.failure() {
        Some(failure) => damaged(window, format!("reading failed in the middle of {what}: {failure}")),
        None => damaged(window, format!("the file ends in the middle of {what}")),
    }
}

/// Damage at the current position.
pub(super) fn damaged(window: &Window, what: impl Into<String>) -> Damage {
    Damage { offset: window.offset(), what: what.into() }
}

/// What an empty window at the start of a record means: the clean end, or a failed read.
pub(super) fn end_of(window: &Window) -> Result<(), Damage> {
    match window.failure() {
        Some(failure) => Err(damaged(window, format!("reading failed: {failure}"))),
        None => Ok(()),
    }
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

    pub(super) fn u64(self, bytes: &[u8], at: usize) -> Option<u64> {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(if self == Self::Big { u64::from_be_bytes(*bytes) } else { u64::from_le_bytes(*bytes) })
    }
}
