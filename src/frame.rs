//! What a captured frame is, before anybody looks into it: number, time, link type, bytes.
//!
//! Knows nothing of files, protocols or FTP. Everything later in the program cites these values.

use std::fmt;

/// Which of the inputs a frame comes from: an index into the run's captures, in the order in which they were opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaptureId(pub u32);

/// A frame's number in its file, from 1, counted as Wireshark counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FrameNo(pub u64);

/// An interface of a capture: for pcapng the index Wireshark shows, 0 for formats that know only one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

/// Packet time in nanoseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Seconds from `earlier` to `self`; negative when `earlier` is the later one.
    #[expect(clippy::cast_precision_loss, reason = "intervals are printed and compared with slack, never added up")]
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.0.saturating_sub(earlier.0) as f64 / 1e9
    }

    /// This time moved by `seconds`, stopping at the ends of the representable range.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "float to integer casts saturate")]
    pub fn plus_seconds(self, seconds: f64) -> Self {
        Self(self.0.saturating_add((seconds * 1e9) as i64))
    }
}

/// The number of a link type in the tcpdump registry (`LINKTYPE_*`), as pcapng files carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u32);

/// A frame's name and time: what evidence cites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stamp {
    /// The capture the frame is in.
    pub capture: CaptureId,
    /// Its number there.
    pub number: FrameNo,
    /// Its time.
    pub time: Timestamp,
}

impl Stamp {
    /// Seconds from `earlier` to `self`.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        self.time.seconds_since(earlier.time)
    }
}

/// By time first, so that stamps of several captures sort into one timeline.
impl Ord for Stamp {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.time, self.capture, self.number).cmp(&(other.time, other.capture, other.number))
    }
}

impl PartialOrd for Stamp {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

/// One captured frame, borrowed from the buffer it was read into.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Name and time.
    pub at: Stamp,
    /// The interface it was captured on.
    pub interface: InterfaceId,
    /// How its first header is to be read.
    pub link_type: LinkType,
    /// The captured bytes.
    pub bytes: &'a [u8],
    /// Length on the wire; larger than `bytes.len()` when the snap length cut it.
    pub wire_len: u32,
}

impl Frame<'_> {
    /// Whether the snap length cut bytes off.
    pub fn is_cut(&self) -> bool {
        self.wire_len as usize > self.bytes.len()
    }
}

impl fmt::Display for FrameNo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
