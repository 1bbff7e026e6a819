//! A table of fixed size, for what every packet of a capture is looked up in.
//!
//! Entries lie in sets of five, which one line of the processor's cache tells apart; who comes later takes the place of the
//! one of its set that was silent for longest.

use crate::frame::Stamp;

/// Entries of one set.
pub(super) const WAYS: usize = 5;

/// A second in [`ticks`]: for so long what was noted stays fresh.
pub(super) const SECOND: u32 = 953;

/// Where an entry is, or is to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    /// A hash that chooses the set.
    pub set: u64,
    /// A hash that tells the entry from all others of its set, but for [`PINNED`], and never 0.
    pub key: u64,
}

/// The bit of a key that says that the entry goes behind all others of its set.
pub(super) const PINNED: u64 = 1;

/// The keys of a set, and when each entry was noted last.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Tags {
    /// 0 where there is no entry.
    keys: [u64; WAYS],
    /// In [`ticks`].
    noted: [u32; WAYS],
    /// Which of the blocks has the entries, from 1; 0 where there were none yet.
    block: u32,
}

impl Tags {
    #[inline]
    fn way(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|known| *known | PINNED == key | PINNED)
    }

    /// The place of its block.
    #[inline]
    fn place(&self) -> Option<usize> {
        (self.block as usize).checked_sub(1)
    }

    /// The way that is free, or whose entry was silent for longest. What was noted in the future was noted by a clock that
    /// was set back: it goes before all others.
    fn silent(&self, now: u32) -> usize {
        let rank = |(key, noted): (&u64, &u32)| match key {
            0 => u64::MAX,
            key => (!key & PINNED) << 32 | u64::from(now.wrapping_sub(*noted)),
        };
        let ranks = self.keys.iter().zip(&self.noted).map(rank).enumerate();
        ranks.max_by_key(|(_, rank)| *rank).map_or(0, |(way, _)| way)
    }
}

/// The table. Most captures have few hosts, so that memory is taken a set at a time.
#[derive(Debug)]
pub(super) struct Table<V> {
    tags: Vec<Tags>,
    blocks: Vec<[Option<V>; WAYS]>,
}

impl<V: Copy> Table<V> {
    /// An empty one of at most `most` entries, but of two sets at least.
    pub fn new(most: usize) -> Self {
        let sets = 1 << (most / WAYS).max(2).ilog2();
        let free = Tags { keys: [0; WAYS], noted: [0; WAYS], block: 0 };
        Self { tags: vec![free; sets], blocks: Vec::new() }
    }

    /// Whether an entry was noted within the last second; `None` if there is none.
    #[inline]
    pub fn is_fresh(&self, at: Stamp, slot: Slot) -> Option<bool> {
        let tags = self.tags.get(self.set(slot))?;
        let noted = tags.way(slot.key).and_then(|way| tags.noted.get(way))?;
        Some(ticks(at).wrapping_sub(*noted) < SECOND)
    }

    /// An entry.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&V> {
        let tags = self.tags.get(self.set(slot))?;
        self.blocks.get(tags.place()?)?.get(tags.way(slot.key)?)?.as_ref()
    }

    /// An entry, noted now; from now on it is pinned if `slot` is.
    pub fn note(&mut self, at: Stamp, slot: Slot) -> Option<&mut V> {
        let set = self.set(slot);
        let tags = self.tags.get_mut(set)?;
        let way = tags.way(slot.key)?;
        *tags.keys.get_mut(way)? |= slot.key;
        *tags.noted.get_mut(way)? = ticks(at);
        self.blocks.get_mut(tags.place()?)?.get_mut(way)?.as_mut()
    }

    /// Makes an entry, noted now; how long the one had been silent that had to make room, in [`ticks`].
    pub fn put(&mut self, at: Stamp, slot: Slot, value: V) -> Option<u32> {
        let set = self.set(slot);
        let tags = self.tags.get_mut(set)?;
        if tags.block == 0 {
            self.blocks.push([None; WAYS]);
            tags.block = u32::try_from(self.blocks.len()).ok()?;
        }
        let entries = self.blocks.get_mut(tags.place()?)?;
        let way = tags.silent(ticks(at));
        let (key, noted) = (tags.keys.get_mut(way)?, tags.noted.get_mut(way)?);
        let silent = (*key != 0).then(|| ticks(at).wrapping_sub(*noted));
        (*key, *noted, *entries.get_mut(way)?) = (slot.key, ticks(at), Some(value));
        silent
    }

    /// How many entries of a set have keys with the bits of `key` under `mask`.
    pub fn alike(&self, slot: Slot, mask: u64) -> usize {
        let tags = self.tags.get(self.set(slot));
        tags.map_or(0, |tags| tags.keys.iter().filter(|known| (*known ^ slot.key) & mask == 0).count())
    }

    /// Makes the entries of a set whose keys have the bits of `key` under `mask` tell something again.
    pub fn stale(&mut self, Slot { set, key }: Slot, mask: u64) {
        let set = self.set(Slot { set, key });
        let Some(tags) = self.tags.get_mut(set) else { return };
        for (known, noted) in tags.keys.iter().zip(&mut tags.noted) {
            if (known ^ key) & mask == 0 {
                *noted = noted.wrapping_sub(SECOND);
            }
        }
    }

    /// The entries of a set.
    pub fn in_set(&self, slot: Slot) -> impl Iterator<Item = &V> {
        let block = self.tags.get(self.set(slot)).and_then(|tags| self.blocks.get(tags.place()?));
        block.into_iter().flatten().flatten()
    }

    /// All entries, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &V> {
        self.blocks.iter().flatten().flatten()
    }

    #[inline]
    fn set(&self, slot: Slot) -> usize {
        usize::try_from(slot.set >> (u64::BITS - self.tags.len().trailing_zeros())).unwrap_or(0)
    }
}

/// The time in 2^20 nanoseconds, a little more than milliseconds; it begins anew every 52 days.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its lower bits")]
fn ticks(at: Stamp) -> u32 {
    (at.time.0 >> 20) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, Timestamp};

    fn second(seconds: i64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(1), Timestamp(seconds * 1_000_000_000))
    }

    fn slot(key: u64) -> Slot {
        Slot { set: 0, key: key << 1 }
    }

    #[test]
    fn the_longest_silent_makes_room_and_the_pinned_last() {
        let mut table: Table<u64> = Table::new(10);
        for n in 1..=5 {
            let pinned = if n == 1 { PINNED } else { 0 };
            let at = second(i64::try_from(n).unwrap());
            assert_eq!(table.put(at, Slot { key: n << 1 | pinned, ..slot(n) }, n), None);
        }
        table.note(second(6), slot(2));
        assert!(table.put(second(7), slot(6), 6).is_some_and(|silent| silent / SECOND == 4));
        assert!(table.put(second(8), slot(7), 7).is_some());
        let mut left: Vec<u64> = table.iter().copied().collect();
        left.sort_unstable();
        assert_eq!(left, [1, 2, 5, 6, 7]);
        // The clock is set back: what was noted before goes first, but not what is pinned.
        assert!(table.put(second(1), slot(8), 8).is_some());
        assert!(table.get(slot(8)).is_some() && table.get(slot(1)).is_some());
    }

    #[test]
    fn what_was_noted_is_fresh_for_a_second() {
        let mut table: Table<u64> = Table::new(10);
        assert_eq!(table.is_fresh(second(5), slot(1)), None);
        table.put(second(5), slot(1), 1);
        assert_eq!([5, 6, 4].map(|at| table.is_fresh(second(at), slot(1))), [Some(true), Some(false), Some(false)]);
        table.stale(slot(1), u64::MAX);
        assert_eq!(table.is_fresh(second(5), slot(1)), Some(false));
    }
}
