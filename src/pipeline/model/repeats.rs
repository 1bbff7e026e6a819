//! Recognises frames that a file holds again, as one does that was appended to itself: the same bytes on the same
//! interface at the very same moment, behind frames of later moments.
//!
//! A clock that was set back shows other packets at moments that have been; those are no repeats.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher};

use foldhash::fast::{FixedState, RandomState};

use crate::frame::{Frame, Stamp};

/// Frames that are remembered, the first ones that were decoded: what is appended begins with the first one.
const REMEMBERED: usize = 1 << 14;

/// Bytes of a frame that are compared: headers, those of tunnels too, and the beginning of the payload.
const COMPARED: usize = 192;

/// The first frames.
pub(super) struct Repeats {
    first: Vec<(u64, Stamp)>,
    /// Where they are by what they are known by, once the capture's clock has stepped back.
    places: HashMap<u64, u32, RandomState>,
    most: usize,
}

impl Repeats {
    /// None yet. `scaled` turns the bound into what it is to be.
    pub(super) fn holding(scaled: impl Fn(usize) -> usize) -> Self {
        Self { first: Vec::new(), places: HashMap::default(), most: scaled(REMEMBERED) }
    }

    /// Where a frame was recorded before. Only frames behind a step back in time are looked up.
    pub(super) fn original(&mut self, frame: &Frame<'_>) -> Option<Stamp> {
        let stepped_back = frame.at.epoch > 0;
        if !stepped_back && self.first.len() >= self.most {
            return None;
        }
        let identity = identity(frame);
        if stepped_back && self.places.is_empty() {
            self.places.extend((0..).zip(&self.first).map(|(place, (identity, _))| (*identity, place)));
        }
        let known =
            self.places.get(&identity).and_then(|place| self.first.get(*place as usize)).map(|(_, known)| *known);
        let known = known.filter(|known| known.epoch < frame.at.epoch);
        if known.is_none() && self.first.len() < self.most {
            if stepped_back && let Ok(place) = u32::try_from(self.first.len()) {
                self.places.insert(identity, place);
            }
            self.first.push((identity, frame.at));
        }
        known
    }
}

fn identity(frame: &Frame<'_>) -> u64 {
    let mut hasher = FixedState::default().build_hasher();
    hasher.write_i64(frame.at.time.0);
    hasher.write_u64(u64::from(frame.interface.0) << 32 | u64::from(frame.wire_len));
    hasher.write(frame.bytes.get(..COMPARED).unwrap_or(frame.bytes));
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, InterfaceId, LinkType, Timestamp};

    #[test]
    fn only_the_same_bytes_at_the_same_moment_behind_a_step_back_are_a_repeat() {
        let mut repeats = Repeats::holding(|bound| bound);
        let mut see = |number: u64, epoch: u32, time: i64, bytes: &[u8]| {
            let at = Stamp { epoch, ..Stamp::new(CaptureId(0), FrameNo(number), Timestamp(time)) };
            let wire_len = u32::try_from(bytes.len()).unwrap();
            let frame = Frame { at, interface: InterfaceId(0), link_type: LinkType::ETHERNET, bytes, wire_len };
            repeats.original(&frame).map(|first| first.number.0)
        };
        assert_eq!(see(1, 0, 10, b"one"), None);
        assert_eq!(see(2, 0, 10, b"one"), None, "a copy at the same moment is for others to tell");
        assert_eq!(see(3, 0, 11, b"two"), None);
        assert_eq!(see(4, 1, 10, b"one"), Some(2));
        assert_eq!(see(5, 1, 11, b"three"), None, "the clock was set back");
        assert_eq!(see(6, 1, 12, b"two"), None, "another moment");
    }
}
