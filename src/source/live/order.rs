//! Merges what several interfaces deliver into the order of time.

use std::collections::VecDeque;

use crate::frame::Timestamp;

/// Packets that one interface delivered at once, in its order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// Their bytes, one behind the other.
    pub(super) bytes: Vec<u8>,
    /// Time, length on the wire, and the end of its bytes, of each.
    pub(super) packets: Vec<(Timestamp, u32, usize)>,
    /// How many have been taken.
    taken: usize,
}

/// A packet of a batch.
pub(super) struct Packet<'a> {
    pub(super) time: Timestamp,
    pub(super) wire_len: u32,
    pub(super) bytes: &'a [u8],
}

impl Batch {
    pub(super) fn push(&mut self, time: Timestamp, wire_len: u32, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.packets.push((time, wire_len, self.bytes.len()));
    }

    /// Bytes it takes, read or not.
    fn weight(&self) -> usize {
        self.bytes.capacity() + self.packets.capacity() * size_of::<(Timestamp, u32, usize)>()
    }

    fn head(&self) -> Option<Packet<'_>> {
        let (time, wire_len, end) = *self.packets.get(self.taken)?;
        let before = self.taken.checked_sub(1).and_then(|before| self.packets.get(before));
        let start = before.map_or(0, |(_, _, end)| *end);
        Some(Packet { time, wire_len, bytes: self.bytes.get(start..end)? })
    }
}

/// Bytes held at most: a silent interface may hold back the others for a moment, not their memory for long.
const BYTES_HELD: usize = 16 << 20;

/// The batches of all interfaces that wait for their turn.
#[derive(Debug)]
pub(super) struct Order {
    taps: Vec<Queue>,
    /// Bytes of all batches.
    held: usize,
}

#[derive(Debug, Default)]
struct Queue {
    batches: VecDeque<Batch>,
    /// It will deliver no more and so holds back nobody.
    over: bool,
}

impl Order {
    pub(super) fn new(taps: usize) -> Self {
        Self { taps: (0..taps).map(|_| Queue::default()).collect(), held: 0 }
    }

    pub(super) fn push(&mut self, tap: usize, batch: Batch) {
        if let Some(queue) = self.taps.get_mut(tap).filter(|_| !batch.packets.is_empty()) {
            self.held += batch.weight();
            queue.batches.push_back(batch);
        }
    }

    pub(super) fn over(&mut self, tap: usize) {
        if let Some(queue) = self.taps.get_mut(tap) {
            queue.over = true;
        }
    }

    /// The interface whose packet is the next one, if no earlier one can come: every interface shows a later packet,
    /// or what lies before `settled` has arrived.
    pub(super) fn due(&self, settled: Timestamp) -> Option<usize> {
        let heads = self.taps.iter().enumerate().filter_map(|(tap, queue)| Some((queue.head()?.time, tap)));
        let (time, tap) = heads.min()?;
        let complete = self.taps.iter().all(|queue| queue.over || !queue.batches.is_empty());
        (complete || time <= settled || self.held > BYTES_HELD).then_some(tap)
    }

    pub(super) fn head(&self, tap: usize) -> Option<Packet<'_>> {
        self.taps.get(tap)?.head()
    }

    /// Takes the next packet of an interface.
    pub(super) fn take(&mut self, tap: usize) {
        let Some(queue) = self.taps.get_mut(tap) else { return };
        let Some(batch) = queue.batches.front_mut() else { return };
        batch.taken += 1;
        if batch.taken >= batch.packets.len() {
            self.held -= batch.weight();
            queue.batches.pop_front();
        }
    }
}

impl Queue {
    fn head(&self) -> Option<Packet<'_>> {
        self.batches.front()?.head()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(times: &[i64]) -> Batch {
        let mut batch = Batch::default();
        for time in times {
            batch.push(Timestamp(*time), 100, &time.to_be_bytes());
        }
        batch
    }

    fn drain(order: &mut Order, settled: i64) -> Vec<i64> {
        let mut seen = Vec::new();
        while let Some(tap) = order.due(Timestamp(settled)) {
            let packet = order.head(tap).unwrap();
            assert_eq!(packet.bytes, packet.time.0.to_be_bytes());
            seen.push(packet.time.0);
            order.take(tap);
        }
        seen
    }

    #[test]
    fn one_interface_waits_for_nobody() {
        let mut order = Order::new(1);
        order.push(0, batch(&[5, 6]));
        order.push(0, batch(&[7]));
        assert_eq!(drain(&mut order, 0), [5, 6, 7]);
    }

    #[test]
    fn several_are_merged_as_far_as_all_have_spoken() {
        let mut order = Order::new(2);
        order.push(0, batch(&[1, 4, 9]));
        assert_eq!(drain(&mut order, 0), [0; 0]);
        order.push(1, batch(&[2, 5]));
        assert_eq!(drain(&mut order, 0), [1, 2, 4, 5]);
        assert_eq!(drain(&mut order, 9), [9], "what has settled waits no longer");
    }

    #[test]
    fn one_that_is_gone_holds_back_nobody() {
        let mut order = Order::new(2);
        order.push(0, batch(&[1]));
        order.over(1);
        assert_eq!(drain(&mut order, 0), [1]);
    }
}
