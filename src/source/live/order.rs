//! Merges what several interfaces deliver into the order of time.

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

    /// Packets that have not been taken.
    pub(super) fn left(&self) -> usize {
        self.packets.len().saturating_sub(self.taken)
    }

    /// Bytes it takes, read or not.
    pub(super) fn weight(&self) -> usize {
        self.bytes.capacity() + self.packets.capacity() * size_of::<(Timestamp, u32, usize)>()
    }

    fn head(&self) -> Option<Packet<'_>> {
        let (time, wire_len, end) = *self.packets.get(self.taken)?;
        let before = self.taken.checked_sub(1).and_then(|before| self.packets.get(before));
        let start = before.map_or(0, |(_, _, end)| *end);
        Some(Packet { time, wire_len, bytes: self.bytes.get(start..end)? })
    }
}

/// The batches whose turn it is, one of each interface.
#[derive(Debug)]
pub(super) struct Order {
    taps: Vec<Turn>,
}

#[derive(Debug)]
struct Turn {
    batch: Option<Batch>,
    /// All that was captured before has been handed over.
    read_to: Timestamp,
}

impl Order {
    pub(super) fn new(taps: usize) -> Self {
        Self { taps: (0..taps).map(|_| Turn { batch: None, read_to: Timestamp(0) }).collect() }
    }

    /// The interfaces of which the next batch is wanted.
    pub(super) fn waiting(&self) -> impl Iterator<Item = usize> + use<> {
        let waiting: Vec<usize> =
            self.taps.iter().enumerate().filter(|(_, turn)| turn.batch.is_none()).map(|(tap, _)| tap).collect();
        waiting.into_iter()
    }

    pub(super) fn is_waiting(&self) -> bool {
        self.taps.iter().any(|turn| turn.batch.is_none())
    }

    /// The next batch of an interface that has none.
    pub(super) fn push(&mut self, tap: usize, batch: Batch) {
        if let Some(turn) = self.taps.get_mut(tap).filter(|_| batch.left() > 0) {
            turn.batch = Some(batch);
        }
    }

    /// What is handed over of an interface from now on is later than this; with the end of time it is over.
    pub(super) fn read_to(&mut self, tap: usize, time: Timestamp) {
        if let Some(turn) = self.taps.get_mut(tap) {
            turn.read_to = time;
        }
    }

    /// What is not here is later than this.
    pub(super) fn settled(&self) -> Option<Timestamp> {
        self.taps.iter().filter(|turn| turn.batch.is_none()).map(|turn| turn.read_to).min()
    }

    /// The interface whose packet is the next one, if no earlier one can come.
    pub(super) fn due(&self) -> Option<usize> {
        let (time, tap) = self.earliest()?;
        let is_earlier = self.settled().is_none_or(|settled| time <= settled);
        is_earlier.then_some(tap)
    }

    /// The earliest packet that is here, and its interface.
    pub(super) fn earliest(&self) -> Option<(Timestamp, usize)> {
        self.taps.iter().enumerate().filter_map(|(tap, turn)| Some((turn.batch.as_ref()?.head()?.time, tap))).min()
    }

    pub(super) fn head(&self, tap: usize) -> Option<Packet<'_>> {
        self.taps.get(tap)?.batch.as_ref()?.head()
    }

    /// Takes the next packet of an interface; gives the batch back when that was its last.
    pub(super) fn take(&mut self, tap: usize) -> Option<Batch> {
        let turn = self.taps.get_mut(tap)?;
        let batch = turn.batch.as_mut()?;
        batch.taken += 1;
        if batch.left() == 0 { turn.batch.take() } else { None }
    }

    /// Packets that are here and have not been taken.
    pub(super) fn left(&self, tap: usize) -> usize {
        self.taps.get(tap).and_then(|turn| turn.batch.as_ref()).map_or(0, Batch::left)
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

    fn drain(order: &mut Order) -> Vec<i64> {
        let mut seen = Vec::new();
        while let Some(tap) = order.due() {
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
        assert_eq!(drain(&mut order), [5, 6]);
        order.push(0, batch(&[7]));
        assert_eq!(drain(&mut order), [7]);
    }

    #[test]
    fn several_are_merged_as_far_as_all_have_spoken() {
        let mut order = Order::new(2);
        order.push(0, batch(&[1, 4, 9]));
        assert_eq!(drain(&mut order), [0; 0]);
        order.push(1, batch(&[2, 5]));
        assert_eq!(drain(&mut order), [1, 2, 4, 5]);
        assert_eq!(order.earliest(), Some((Timestamp(9), 0)));
        order.read_to(1, Timestamp(9));
        assert_eq!(drain(&mut order), [9], "the other one has nothing earlier");
    }

    #[test]
    fn one_that_is_gone_holds_back_nobody() {
        let mut order = Order::new(2);
        order.push(0, batch(&[1]));
        order.read_to(1, Timestamp(i64::MAX));
        assert_eq!(drain(&mut order), [1]);
    }

    #[test]
    fn a_batch_comes_back_when_it_has_been_taken() {
        let mut order = Order::new(1);
        order.push(0, batch(&[1, 2]));
        assert!(order.take(0).is_none());
        assert_eq!(order.left(0), 1);
        assert_eq!(order.take(0).map(|batch| batch.left()), Some(0));
        assert!(order.is_waiting() && order.left(0) == 0);
    }
}
