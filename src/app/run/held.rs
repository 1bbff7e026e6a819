//! What was captured, until it is judged.

use std::collections::VecDeque;

use crate::frame::{Frame, InterfaceId, LinkType, Stamp};

/// Bytes that are kept; beyond it the oldest frames are judged while the command still runs. The bytes of data
/// connections are not captured, so this is some hundred thousand frames.
const ROOM: usize = 64 << 20;

/// What a kept frame takes beside its bytes.
const OVERHEAD: usize = 80;

/// A frame of one's own.
pub(super) struct Kept {
    at: Stamp,
    interface: InterfaceId,
    link_type: LinkType,
    bytes: Box<[u8]>,
    wire_len: u32,
}

impl Kept {
    pub(super) fn frame(&self) -> Frame<'_> {
        let Self { at, interface, link_type, wire_len, .. } = *self;
        Frame { at, interface, link_type, bytes: &self.bytes, wire_len }
    }
}

/// Frames in the order in which they came.
#[derive(Default)]
pub(super) struct Held {
    frames: VecDeque<Kept>,
    bytes: usize,
}

impl Held {
    pub(super) fn keep(&mut self, frame: &Frame<'_>) {
        let Frame { at, interface, link_type, bytes, wire_len } = *frame;
        self.bytes += bytes.len() + OVERHEAD;
        self.frames.push_back(Kept { at, interface, link_type, bytes: bytes.into(), wire_len });
    }

    /// The oldest frame, if there are too many.
    pub(super) fn overflow(&mut self) -> Option<Kept> {
        if self.bytes > ROOM { self.next() } else { None }
    }

    /// The oldest frame.
    pub(super) fn next(&mut self) -> Option<Kept> {
        let oldest = self.frames.pop_front()?;
        self.bytes -= oldest.bytes.len() + OVERHEAD;
        Some(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, Timestamp};

    #[test]
    fn frames_are_kept_in_order_within_bounds() {
        let mut held = Held::default();
        let bytes = vec![7; 1 << 20];
        for number in 1..=70 {
            let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
            let (interface, link_type) = (InterfaceId(0), LinkType(1));
            held.keep(&Frame { at, interface, link_type, bytes: &bytes, wire_len: 1 << 20 });
        }
        let mut early = 0;
        while let Some(kept) = held.overflow() {
            early += 1;
            assert_eq!(kept.frame().at.number.0, early);
        }
        assert_eq!(early, 7, "63 of them and what they take beside");
        assert_eq!(held.next().map(|kept| kept.frame().at.number.0), Some(8));
    }
}
