//! Recognises a packet that was captured more than once: by a mirror port that sees both sides, on a bridge and on
//! its port, or before and behind a router.
//!
//! Knows only the last few milliseconds, and nothing of connections but their names. What sets a copy apart from a
//! packet sent again: all that the sender chose is the same, and time, TTL or interface are as forwarding leaves them.

use std::hash::{BuildHasher, Hasher};

use foldhash::fast::FixedState;

use super::crossing::Sight;
use super::sighting::{Kind, Sighting};
use super::{ConnectionId, End, Side};
use crate::frame::{Interval, Stamp};

/// Copies on one interface with one TTL come from mirroring, which takes less than this.
pub const MIRRORED: Interval = Interval::millis(1);
/// Copies that a router or bridge in between made; a packet sent again takes at least a round trip or a timer.
pub const FORWARDED: Interval = Interval::millis(5);
/// Payload bytes that are compared; a packet sent again with other content is no copy.
const PAYLOAD_COMPARED: usize = 256;
/// How far a file that is not sorted may go back, and its copies are still recognised.
const UNSORTED: Interval = FORWARDED.times(10);
/// The newest packets.
const NEWEST: usize = 16;
/// Those before them are `SETS * WAYS`: more than pass within [`FORWARDED`] at 10 Gbit/s in full-size frames.
const SETS: usize = 2048;
const WAYS: usize = 4;

/// The first sight of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Original {
    pub at: Stamp,
    pub connection: ConnectionId,
    pub from: End,
    side: Side,
    ttl: u8,
}

/// What a packet is recognised by; made once for each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fingerprint(u64);

impl Fingerprint {
    /// Everything the sender chose. Not the MACs, TTL, checksums and wrapping, which change on the way.
    pub fn of(seen: &Sighting<'_>) -> Self {
        let tcp = seen.tcp;
        let mut hasher = FixedState::default().build_hasher();
        for socket in [seen.source(), seen.destination()] {
            match socket.ip() {
                std::net::IpAddr::V4(ip) => hasher.write_u32(ip.to_bits()),
                std::net::IpAddr::V6(ip) => hasher.write_u128(ip.to_bits()),
            }
            hasher.write_u16(socket.port());
        }
        hasher.write_u64(u64::from(tcp.seq.0) << 32 | u64::from(tcp.ack.0));
        hasher.write_u64(
            u64::from(tcp.payload_len) << 32
                | u64::from(tcp.window) << 16
                | u64::from(tcp.flags.0) << 8
                | u64::from(seen.ip.identification.is_some()),
        );
        hasher.write_u32(u32::from(seen.ip.identification.unwrap_or(0)));
        // Options as they stand: SACK blocks tell repeated ACKs apart.
        let header = tcp.raw.len().saturating_sub(tcp.payload.len());
        hasher.write(tcp.raw.get(20..header).unwrap_or_default());
        let (val, echo) = tcp.options.timestamps.unwrap_or_default();
        hasher.write_u64(u64::from(val) << 32 | u64::from(echo));
        hasher.write(tcp.payload.get(..PAYLOAD_COMPARED).unwrap_or(tcp.payload));
        Self(hasher.finish())
    }
}

/// The packets of the last few milliseconds. The newest few are looked through one by one; only of a busy connection there
/// are more of them than that in so short a time.
#[derive(Debug)]
pub(super) struct Recent {
    newest: Ring<NEWEST>,
    earlier: Vec<Ring<WAYS>>,
    /// The latest of the earlier ones.
    left: Option<Stamp>,
    /// The packet of the latest time.
    latest: Option<Stamp>,
    /// How far the file has gone back so far: in one that is sorted, older packets than copies can have need
    /// not be kept.
    back: Interval,
}

/// The newest `N` packets of some kind. What is asked for each packet lies apart from what is read of few.
#[derive(Clone, Copy, Debug)]
struct Ring<const N: usize> {
    fingerprints: [u64; N],
    originals: [Option<Original>; N],
    oldest: usize,
}

impl Recent {
    pub fn new() -> Self {
        Self { newest: Ring::new(), earlier: Vec::new(), left: None, latest: None, back: Interval::ZERO }
    }

    /// The packet of which this one is a copy; the newest, if there are several.
    pub fn original(&self, fingerprint: Fingerprint, seen: &Sighting<'_>) -> Option<Original> {
        let may_be_earlier = || self.left.filter(|left| seen.at.since(*left) <= FORWARDED);
        let among_earlier = |_| self.earlier.get(fingerprint.set())?.original(fingerprint, seen);
        self.newest.original(fingerprint, seen).or_else(|| may_be_earlier().and_then(among_earlier))
    }

    /// Remembers a packet that is no copy.
    pub fn remember(&mut self, fingerprint: Fingerprint, seen: &Sighting<'_>, connection: ConnectionId, from: End) {
        if let Some(latest) = self.latest {
            self.back = self.back.max(latest.since(seen.at)).min(UNSORTED);
        }
        self.latest = self.latest.filter(|latest| latest.time > seen.at.time).or(Some(seen.at));
        let original = Original { at: seen.at, connection, from, side: Side::of(seen), ttl: seen.ip.ttl };
        if let Some((fingerprint, original)) = self.newest.push(fingerprint, original)
            && seen.at.since(original.at).abs() <= FORWARDED + self.back
        {
            self.left = self.left.filter(|left| left.time > original.at.time).or(Some(original.at));
            // Of few connections so many packets come so soon.
            if self.earlier.is_empty() {
                self.earlier = vec![Ring::new(); SETS];
            }
            if let Some(set) = self.earlier.get_mut(fingerprint.set()) {
                set.push(fingerprint, original);
            }
        }
    }
}

impl<const N: usize> Ring<N> {
    fn new() -> Self {
        Self { fingerprints: [0; N], originals: [None; N], oldest: 0 }
    }

    fn original(&self, fingerprint: Fingerprint, seen: &Sighting<'_>) -> Option<Original> {
        let newest_first = (1..=N).map(|back| (self.oldest + N - back) % N);
        let alike = newest_first.filter(|at| self.fingerprints.get(*at) == Some(&fingerprint.0));
        alike.filter_map(|at| *self.originals.get(at)?).find(|known| known.is_original_of(seen))
    }

    /// Takes one more; gives the one that has to go.
    fn push(&mut self, fingerprint: Fingerprint, original: Original) -> Option<(Fingerprint, Original)> {
        let at = self.oldest;
        self.oldest = (at + 1) % N;
        let before = std::mem::replace(self.fingerprints.get_mut(at)?, fingerprint.0);
        Some((Fingerprint(before), self.originals.get_mut(at)?.replace(original)?))
    }
}

impl Fingerprint {
    #[expect(clippy::cast_possible_truncation, reason = "any bits of a hash will do")]
    fn set(self) -> usize {
        self.0 as usize % SETS
    }
}

impl Original {
    /// Where it was seen, and where its copy was.
    pub fn sights(&self, copy: &Sighting<'_>) -> [Sight; 2] {
        let first = Sight { at: self.at, side: self.side, ttl: self.ttl };
        [first, Sight { at: copy.at, side: Side::of(copy), ttl: copy.ip.ttl }]
    }

    /// Whether a packet with the same fingerprint is a copy of this one.
    fn is_original_of(&self, seen: &Sighting<'_>) -> bool {
        let apart = seen.at.since(self.at).abs();
        let hops = self.ttl.abs_diff(seen.ip.ttl);
        let elsewhere = self.side.interface != seen.interface || self.side.wrapping != seen.wrapping;
        match hops {
            0 if !elsewhere => apart <= MIRRORED && !is_often_repeated(seen),
            0 | 1 => apart <= FORWARDED,
            _ => false,
        }
    }
}

/// Whether stacks send such packets several times over within a millisecond with nothing to tell them apart: without IP
/// identification an RST or an acknowledgement for each segment that comes in, and a SYN-ACK by timer and one for a
/// SYN that comes in just then.
fn is_often_repeated(seen: &Sighting<'_>) -> bool {
    let repeated = matches!(seen.kind(), Kind::Rst | Kind::SynAck) || seen.is_bare_ack();
    repeated && seen.ip.identification.is_none_or(|id| id == 0)
}
