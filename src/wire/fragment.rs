//! Puts IP fragments together again (RFC 791 3.2, RFC 8200 4.5), in bounded memory.
//!
//! Where fragments overlap, the first one wins. What never becomes whole is remembered as lost. Times are packet
//! times.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::frame::{Interval, Stamp, Timestamp};

use super::bytes::Bytes;
use super::step::Fragment;
use super::{Flags, IpHeader, Wrapping, ip, tcp};

/// Datagrams waiting at a time: far more than any host keeps.
const DATAGRAMS: usize = 1024;
/// Bytes held for all of them together, the limit of Linux (`ipfrag_high_thresh`).
const BYTES: usize = 4 << 20;
/// Seconds a datagram waits for its siblings, as on Linux (`ipfrag_time`).
const AGE: Interval = Interval::seconds(30);
/// Fragments of one datagram: 64 KiB in the smallest packets that occur (576 bytes) are 119.
const FRAGMENTS: usize = 128;
/// What a piece costs besides its bytes, about.
const PIECE_OVERHEAD: usize = 64;
/// Longest datagram.
const LENGTH: u32 = 65_535;
/// Lost datagrams that are described; the others are counted.
const LOST: usize = 256;
/// Frames remembered of a lost datagram.
const LOST_FRAMES: usize = 4;

/// Datagrams that never became whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LostFragments {
    /// How many.
    pub count: u64,
    /// The oldest of them, at most 256.
    pub datagrams: Vec<LostDatagram>,
}

/// A datagram of which fragments are missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LostDatagram {
    /// VLANs and tunnels around it.
    pub wrapping: Wrapping,
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// Protocol number.
    pub protocol: u8,
    /// The first frames with fragments of it.
    pub frames: Vec<Stamp>,
    /// Source port, destination port and flags, if the first fragment is there and shows them.
    pub tcp: Option<(u16, u16, Flags)>,
}

/// A whole datagram.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// Protocol of its payload.
    pub protocol: u8,
    /// Its payload up to the first byte that a snap length cut.
    pub bytes: Vec<u8>,
    /// How many bytes follow these.
    pub missing: usize,
    /// The frames of its fragments but for the one that completed it, oldest first.
    pub frames: Vec<Stamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    wrapping: Wrapping,
    source: IpAddr,
    destination: IpAddr,
    /// IPv4 only: in IPv6 the fragments may disagree and the first one counts (RFC 8200 4.5).
    protocol: Option<u8>,
    identification: u32,
}

/// A piece of a datagram: where it ends on the wire, and what was captured of it.
#[derive(Debug)]
struct Piece {
    end: u32,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Datagram {
    key: Key,
    opened: Timestamp,
    protocol: u8,
    /// By offset, without overlap.
    pieces: BTreeMap<u32, Piece>,
    len: Option<u32>,
    held: usize,
    frames: Vec<Stamp>,
    /// Already delivered: kept only to know repeated fragments.
    delivered: bool,
    /// A datagram of this key was delivered just before: these are copies of its fragments.
    repeated: bool,
}

/// The datagrams that wait for fragments.
#[derive(Debug, Default)]
pub(super) struct FragmentPool {
    /// Where each key waits.
    places: HashMap<Key, u64, RandomState>,
    /// By age, the oldest first.
    waiting: BTreeMap<u64, Datagram>,
    next_place: u64,
    held: usize,
    lost: LostFragments,
}

impl FragmentPool {
    /// Takes a fragment; gives the datagram if this one completes it.
    pub fn push(&mut self, at: Stamp, wrapping: Wrapping, header: &IpHeader, fragment: &Fragment<'_>) -> Option<Whole> {
        self.expire(at.time);
        let key = Key {
            wrapping,
            source: header.source,
            destination: header.destination,
            protocol: header.source.is_ipv4().then_some(fragment.protocol),
            identification: fragment.identification,
        };
        let place = self.place(key, at.time, fragment.protocol);
        let datagram = self.waiting.get_mut(&place)?;
        self.held += datagram.add(at, fragment);
        let whole = datagram.whole();
        if whole.is_some() {
            self.held -= datagram.clear();
        }
        self.make_room();
        whole
    }

    /// What never became whole, with what is waiting now: to be asked at the end of a capture.
    pub fn lost(&self) -> LostFragments {
        let mut lost = self.lost.clone();
        for datagram in self.waiting.values() {
            lost.add(datagram);
        }
        lost
    }

    /// Where the fragments of this key wait, in a new place if need be.
    fn place(&mut self, key: Key, now: Timestamp, protocol: u8) -> u64 {
        let mut repeated = false;
        if let Some(place) = self.places.get(&key).copied() {
            match self.waiting.get(&place) {
                Some(known) if known.is_old(now) => self.remove(place),
                Some(known) if known.delivered => {
                    repeated = true;
                    self.remove(place);
                }
                _ => return place,
            }
        }
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(key, place);
        let datagram = Datagram {
            key,
            opened: now,
            protocol,
            pieces: BTreeMap::new(),
            len: None,
            held: 0,
            frames: Vec::new(),
            delivered: false,
            repeated,
        };
        self.waiting.insert(place, datagram);
        place
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((&place, _)) = self.waiting.first_key_value().filter(|(_, oldest)| oldest.is_old(now)) {
            self.remove(place);
        }
    }

    fn make_room(&mut self) {
        while self.held > BYTES || self.waiting.len() > DATAGRAMS {
            let Some((&oldest, _)) = self.waiting.first_key_value() else { return };
            self.remove(oldest);
        }
    }

    fn remove(&mut self, place: u64) {
        if let Some(datagram) = self.waiting.remove(&place) {
            self.places.remove(&datagram.key);
            self.held -= datagram.held;
            self.lost.add(&datagram);
        }
    }
}

impl Datagram {
    fn is_old(&self, now: Timestamp) -> bool {
        now.since(self.opened) > AGE
    }

    /// Adds those bytes of a fragment that are not there yet; gives how many are held more.
    fn add(&mut self, at: Stamp, fragment: &Fragment<'_>) -> usize {
        let wire_len = u32::try_from(fragment.bytes.wire_len()).unwrap_or(u32::MAX);
        let end = fragment.offset.saturating_add(wire_len);
        if self.frames.len() >= FRAGMENTS {
            return 0;
        }
        self.frames.push(at);
        if end > LENGTH {
            return 0;
        }
        if fragment.offset == 0 {
            self.protocol = fragment.protocol;
        }
        if !fragment.more && self.len.is_none() {
            self.len = Some(end);
        }
        let mut gaps = Vec::new();
        let mut from = fragment.offset;
        for (&start, piece) in self.pieces.range(..end) {
            if start > from {
                gaps.push((from, start));
            }
            from = from.max(piece.end);
        }
        if from < end {
            gaps.push((from, end));
        }
        let held_before = self.held;
        for (start, end) in gaps {
            let range = (start - fragment.offset) as usize..(end - fragment.offset) as usize;
            let captured = fragment.bytes.captured;
            let bytes = captured.get(range.start..range.end.min(captured.len())).unwrap_or_default().to_vec();
            self.held += bytes.len() + PIECE_OVERHEAD;
            self.pieces.insert(start, Piece { end, bytes });
        }
        self.held - held_before
    }

    /// The datagram, if no piece is missing.
    fn whole(&self) -> Option<Whole> {
        let len = self.len?;
        let mut reached = 0;
        let mut bytes = Vec::new();
        for (&start, piece) in &self.pieces {
            if start > reached {
                return None;
            }
            // Bytes behind a hole that a snap length cut are out of reach.
            if bytes.len() == start as usize {
                bytes.extend_from_slice(&piece.bytes);
            }
            reached = piece.end;
            if reached >= len {
                break;
            }
        }
        if reached < len {
            return None;
        }
        bytes.truncate(len as usize);
        let missing = len as usize - bytes.len();
        let frames = self.frames.split_last().map(|(_, earlier)| earlier.to_vec()).unwrap_or_default();
        Some(Whole { protocol: self.protocol, bytes, missing, frames })
    }

    /// Lets go of the bytes of a delivered datagram; gives how many.
    fn clear(&mut self) -> usize {
        self.delivered = true;
        self.pieces.clear();
        self.frames.clear();
        std::mem::take(&mut self.held)
    }

    /// Ports and flags, if the first piece shows them.
    fn tcp(&self) -> Option<(u16, u16, Flags)> {
        let piece = self.pieces.get(&0).filter(|_| self.protocol == ip::TCP)?;
        let segment = tcp::segment(Bytes { captured: &piece.bytes, missing: LENGTH as usize })?;
        Some((segment.source_port, segment.destination_port, segment.flags))
    }
}

impl LostFragments {
    fn add(&mut self, datagram: &Datagram) {
        if datagram.delivered || datagram.repeated {
            return;
        }
        self.count += 1;
        if self.datagrams.len() < LOST {
            self.datagrams.push(LostDatagram {
                wrapping: datagram.key.wrapping,
                source: datagram.key.source,
                destination: datagram.key.destination,
                protocol: datagram.protocol,
                frames: datagram.frames.iter().copied().take(LOST_FRAMES).collect(),
                tcp: datagram.tcp(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BYTES, DATAGRAMS, FRAGMENTS, Fragment, FragmentPool, LENGTH, LOST, Whole};
    use crate::wire::bytes::Bytes;
    use crate::wire::samples::{SYN, at, hex};
    use crate::wire::{Flags, IpHeader, Wrapping};

    fn header() -> IpHeader {
        IpHeader {
            source: "192.0.2.1".parse().unwrap(),
            destination: "192.0.2.2".parse().unwrap(),
            ttl: 64,
            identification: Some(1),
            tunnelled: false,
        }
    }

    fn push(pool: &mut FragmentPool, number: u64, seconds: i64, id: u32, part: (usize, &[u8], bool)) -> Option<Whole> {
        push_cut(pool, number, seconds, id, part, 0)
    }

    fn push_cut(
        pool: &mut FragmentPool,
        number: u64,
        seconds: i64,
        id: u32,
        (offset, captured, more): (usize, &[u8], bool),
        missing: usize,
    ) -> Option<Whole> {
        let offset = u32::try_from(offset).unwrap();
        let bytes = Bytes { captured, missing };
        let fragment = Fragment { identification: id, protocol: 6, offset, more, bytes };
        pool.push(at(number, seconds), Wrapping::NONE, &header(), &fragment)
    }

    #[test]
    fn overlapping_bytes_are_those_that_came_first() {
        let mut pool = FragmentPool::default();
        assert!(push(&mut pool, 1, 0, 1, (8, b"BBBBBBBB", true)).is_none());
        assert!(push(&mut pool, 2, 0, 1, (0, b"aaaaaaaaaaaaaaaacccc", true)).is_none());
        let whole = push(&mut pool, 3, 0, 1, (16, b"ddddDD", false)).unwrap();
        assert_eq!(whole.bytes, b"aaaaaaaaBBBBBBBBccccDD");
        assert_eq!(whole.frames, [at(1, 0), at(2, 0)]);
    }

    #[test]
    fn a_cut_fragment_ends_the_bytes_but_not_the_length() {
        let mut pool = FragmentPool::default();
        assert!(push_cut(&mut pool, 1, 0, 1, (0, b"aaaa", true), 4).is_none());
        let whole = push(&mut pool, 2, 0, 1, (8, b"bbbb", false)).unwrap();
        assert_eq!((whole.bytes, whole.missing), (b"aaaa".to_vec(), 8));
    }

    #[test]
    fn copies_of_fragments_are_not_lost_ones() {
        let mut pool = FragmentPool::default();
        push(&mut pool, 1, 0, 1, (0, b"aaaaaaaa", true));
        push(&mut pool, 2, 0, 1, (0, b"aaaaaaaa", true));
        assert!(push(&mut pool, 3, 0, 1, (8, b"b", false)).is_some());
        assert!(push(&mut pool, 4, 0, 1, (8, b"b", false)).is_none());
        assert_eq!(pool.lost().count, 0);
        // A later datagram may use the identification again.
        assert!(push(&mut pool, 5, 1, 1, (0, b"cccccccc", true)).is_some());
    }

    #[test]
    fn what_waits_too_long_is_lost_and_shows_its_ports() {
        let mut pool = FragmentPool::default();
        let syn = hex(SYN);
        push(&mut pool, 1, 0, 1, (0, &syn[..16], true));
        assert_eq!(pool.lost().count, 1);
        assert!(push(&mut pool, 2, 31, 1, (16, &syn[16..], false)).is_none());
        let lost = pool.lost();
        assert_eq!((lost.count, lost.datagrams.len()), (2, 2));
        assert_eq!(lost.datagrams[0].tcp, Some((20, 50000, Flags(Flags::SYN))));
        assert_eq!(lost.datagrams[0].frames, [at(1, 0)]);
        assert_eq!((lost.datagrams[1].tcp, lost.datagrams[1].protocol), (None, 6));
    }

    #[test]
    fn memory_is_bounded_whatever_comes() {
        let mut pool = FragmentPool::default();
        let part = [0; 1400];
        for id in 0..10_000 {
            push(&mut pool, 1, 0, id, (0, &part, true));
        }
        assert!(pool.held <= BYTES && pool.waiting.len() <= DATAGRAMS && pool.places.len() == pool.waiting.len());
        for n in 0..10_000 {
            push(&mut pool, 1, 0, 7, (n % 4000 * 16, &part[..8], true));
        }
        assert!(pool.waiting.values().all(|datagram| datagram.frames.len() <= FRAGMENTS));
        assert_eq!(pool.held, pool.waiting.values().map(|datagram| datagram.held).sum::<usize>());
        assert_eq!(pool.lost().datagrams.len(), LOST);
        assert!(push(&mut pool, 1, 0, 8, (LENGTH as usize - 7, &part, false)).is_none());
    }

    proptest! {
        #[test]
        fn any_order_and_overlap_of_a_datagram_gives_its_bytes(
            len in 9_usize..400,
            mut cuts in proptest::collection::vec((0_usize..50, 1_usize..60), 0..20),
            seed in any::<u64>(),
        ) {
            let bytes: Vec<u8> = (0..len).map(|n| u8::try_from(n % 251).unwrap()).collect();
            // Whatever overlaps, these two alone would do.
            cuts.extend([(0, 8), (1, len)]);
            let mut order = seed;
            cuts.sort_by_cached_key(|cut| {
                order = order.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (order >> 33, *cut)
            });
            let mut pool = FragmentPool::default();
            let mut wholes = Vec::new();
            for (number, (at, size)) in cuts.into_iter().enumerate() {
                let from = (at * 8).min(len);
                let to = (from + size).min(len);
                let part = (from, &bytes[from..to], to < len);
                wholes.extend(push(&mut pool, number as u64, 0, 1, part));
            }
            prop_assert!(!wholes.is_empty());
            prop_assert!(wholes.iter().all(|whole| whole.bytes == bytes && whole.missing == 0));
        }
    }
}
