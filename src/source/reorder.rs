//! Puts the frames of a capture with several interfaces into time order.
//!
//! Capture programs drain one interface after the other, so the file holds packets out of order by up to a kernel
//! buffer. Frames wait in a bounded window until nothing earlier can be expected. Frames of one interface keep their
//! order even if its clock steps back.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::record::Record;
use super::remarks::Remarks;
use crate::frame::{FrameNo, Timestamp};

/// Frames that wait at most: a kernel buffer of 2 MiB (dumpcap's default) holds some 20 000 small packets.
const WINDOW_FRAMES: usize = 32_768;

/// Bytes that wait at most: several such buffers.
const WINDOW_BYTES: usize = 8 << 20;

/// So many captures of a timeline have a window of their own; more of them share what follows.
const UNSHARED: usize = 8;

/// Memory that waiting frames may take in all captures that share it; each may have one frame at least.
const SHARED_MEMORY: usize = 64 << 20;

/// Memory of a frame beside its bytes; a queue may have room for as many again.
const FRAME: usize = 2 * size_of::<Held>();

/// Emptied byte vectors that are kept for use again.
const SPARE: usize = 64;

/// A frame that waits, with a copy of its bytes.
pub(super) struct Held {
    pub record: Record,
    pub bytes: Vec<u8>,
    pub remarks: Remarks,
}

/// The waiting frames.
#[derive(Default)]
pub(super) struct Reorder {
    /// In the order of the file, for each interface.
    queues: Vec<VecDeque<Held>>,
    /// The first of each queue: time, number in the file, interface.
    heads: BinaryHeap<Reverse<(Timestamp, FrameNo, usize)>>,
    frames: usize,
    bytes: usize,
    room: Arc<Room>,
    /// What of that is booked for this one.
    memory: usize,
    /// Whether this one is counted there.
    is_counted: bool,
    spare: Vec<Vec<u8>>,
}

/// What the captures of a timeline take together.
#[derive(Default)]
pub(super) struct Room {
    /// Captures with frames that have waited.
    captures: AtomicUsize,
    /// Memory of frames that wait.
    memory: AtomicUsize,
}

impl Room {
    /// Whether a capture whose frames take so much memory has its share.
    fn is_full_for(&self, memory: usize) -> bool {
        let captures = self.captures.load(Ordering::Relaxed);
        captures > UNSHARED
            && (memory >= SHARED_MEMORY / captures || self.memory.load(Ordering::Relaxed) >= SHARED_MEMORY)
    }
}

impl Drop for Reorder {
    fn drop(&mut self) {
        self.book(0);
        self.room.captures.fetch_sub(usize::from(self.is_counted), Ordering::Relaxed);
    }
}

impl Reorder {
    /// Shares the room with the other captures of a timeline.
    pub(super) fn sharing(room: &Arc<Room>) -> Self {
        let mut reorder = Self::default();
        reorder.room = Arc::clone(room);
        reorder
    }

    /// Whether a frame has to leave before another may enter.
    pub(super) fn is_full(&self) -> bool {
        self.frames >= WINDOW_FRAMES
            || self.bytes >= WINDOW_BYTES
            || (self.frames > 0 && self.room.is_full_for(self.memory))
    }

    /// Books how much memory the frames take now.
    fn book(&mut self, memory: usize) {
        // One thread reads a timeline.
        let others = self.room.memory.load(Ordering::Relaxed) - self.memory;
        self.room.memory.store(others + memory, Ordering::Relaxed);
        self.memory = memory;
    }

    /// A frame with a copy of its bytes, and zeros in the place of those that thinning has removed.
    pub(super) fn hold(&mut self, record: Record, bytes: &[u8], remarks: Remarks) -> Held {
        let mut copy = self.spare.pop().unwrap_or_default();
        copy.reserve(bytes.len() + record.removed);
        copy.extend_from_slice(bytes);
        copy.resize(bytes.len() + record.removed, 0);
        Held { record, bytes: copy, remarks }
    }

    pub(super) fn push(&mut self, record: Record, bytes: &[u8], remarks: Remarks) {
        let interface = record.interface.0 as usize;
        if self.queues.len() <= interface {
            self.queues.resize_with(interface + 1, VecDeque::new);
        }
        if !self.is_counted {
            self.is_counted = true;
            self.room.captures.fetch_add(1, Ordering::Relaxed);
        }
        let held = self.hold(record, bytes, remarks);
        let Some(queue) = self.queues.get_mut(interface) else { return };
        if queue.is_empty() {
            self.heads.push(Reverse((held.record.time, held.record.number, interface)));
        }
        let size = held.bytes.len() + held.remarks.size();
        queue.push_back(held);
        self.frames += 1;
        self.bytes += size;
        self.book(self.bytes + self.frames * FRAME);
    }

    /// The earliest of the first frames of all interfaces.
    pub(super) fn pop(&mut self) -> Option<Held> {
        let Reverse((_, _, interface)) = self.heads.pop()?;
        let queue = self.queues.get_mut(interface)?;
        let held = queue.pop_front()?;
        if let Some(next) = queue.front() {
            self.heads.push(Reverse((next.record.time, next.record.number, interface)));
        }
        self.frames -= 1;
        self.bytes -= held.bytes.len() + held.remarks.size();
        self.book(self.bytes + self.frames * FRAME);
        Some(held)
    }

    /// Gives back the memory that is kept for frames to come.
    pub(super) fn forget_spare(&mut self) {
        self.spare = Vec::new();
    }

    /// Takes a delivered frame's memory back.
    pub(super) fn recycle(&mut self, mut held: Held) {
        if self.spare.len() < SPARE {
            held.bytes.clear();
            self.spare.push(held.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, InterfaceId, LinkType};

    fn order(frames: &[(u32, i64)]) -> Vec<u64> {
        let mut reorder = Reorder::default();
        for (number, (interface, time)) in (1..).zip(frames) {
            let record = Record {
                number: FrameNo(number),
                time: Timestamp(*time),
                timed: true,
                interface: InterfaceId(*interface),
                link_type: LinkType::ETHERNET,
                wire_len: 0,
                bytes: 0..0,
                options: 0..0,
                removed: 0,
            };
            reorder.push(record, &[], Remarks::default());
        }
        std::iter::from_fn(|| reorder.pop()).map(|held| held.record.number.0).collect()
    }

    #[test]
    fn interfaces_are_interleaved_by_time() {
        assert_eq!(order(&[(0, 10), (0, 30), (1, 5), (1, 20), (0, 40)]), [3, 1, 4, 2, 5]);
    }

    #[test]
    fn equal_times_keep_the_order_of_the_file() {
        assert_eq!(order(&[(1, 10), (0, 10), (1, 10)]), [1, 2, 3]);
    }

    #[test]
    fn one_interface_keeps_its_order_when_its_clock_steps_back() {
        assert_eq!(order(&[(0, 10), (0, 3), (1, 7), (0, 4)]), [3, 1, 2, 4]);
    }

    #[test]
    fn a_single_time_from_the_future_does_not_delay_what_follows_for_good() {
        let frames = [(0, 99), (0, 1), (1, 2), (0, 3), (1, 4)];
        assert_eq!(order(&frames), [3, 5, 1, 2, 4]);
    }

    #[test]
    fn the_window_is_bounded_in_bytes() {
        let mut reorder = Reorder::default();
        let mut frames = 0;
        while !reorder.is_full() {
            let record = Record {
                number: FrameNo(1),
                time: Timestamp(0),
                timed: true,
                interface: InterfaceId(0),
                link_type: LinkType::ETHERNET,
                wire_len: 0,
                bytes: 0..0,
                options: 0..0,
                removed: 0,
            };
            reorder.push(record, &vec![0; 65_536], Remarks::default());
            frames += 1;
        }
        assert_eq!(frames * 65_536, WINDOW_BYTES);
        reorder.pop();
        assert!(!reorder.is_full());
    }

    #[test]
    fn many_captures_of_a_timeline_share_their_room_and_each_has_a_frame() {
        let room = Arc::default();
        let record = |number| Record {
            number: FrameNo(number),
            time: Timestamp(0),
            timed: true,
            interface: InterfaceId(0),
            link_type: LinkType::ETHERNET,
            wire_len: 0,
            bytes: 0..0,
            options: 0..0,
            removed: 0,
        };
        let fill = |reorder: &mut Reorder| {
            while !reorder.is_full() {
                reorder.push(record(1), &vec![0; 65_536], Remarks::default());
            }
        };
        let mut few: Vec<Reorder> = (0..UNSHARED).map(|_| Reorder::sharing(&room)).collect();
        few.iter_mut().for_each(fill);
        assert!(few.iter().all(|reorder| reorder.bytes == WINDOW_BYTES), "as if each were alone");
        let mut many: Vec<Reorder> = (0..1000).map(|_| Reorder::sharing(&room)).collect();
        many.iter_mut().for_each(fill);
        assert!(many.iter().all(|reorder| reorder.frames == 1), "the others have not given back their share yet");
        few.clear();
        many.truncate(100);
        many.iter_mut().for_each(fill);
        assert!(many.iter().all(|reorder| reorder.bytes <= SHARED_MEMORY / 100 + 65_536));
        assert!(many[0].frames > 9 && room.memory.load(Ordering::Relaxed) >= SHARED_MEMORY, "there is room again");
        drop(many);
        let left = (room.captures.load(Ordering::Relaxed), room.memory.load(Ordering::Relaxed));
        assert_eq!(left, (0, 0));
    }
}
