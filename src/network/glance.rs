//! Keeps the repetitive bulk of a capture away from the books: hosts that no FTP is known of are booked once a second.
//!
//! A packet whose hosts, MACs, place and TTL were seen within the last second tells nothing new. Hosts that are
//! followed are booked packet by packet.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::Place;
use super::bounded::{About as _, Followed};
use super::key::{Key as _, Keyed};
use crate::frame::Stamp;
use crate::wire::{IpHeader, Link};

/// Slots, direct-mapped by the two addresses: a host that changes its MAC between two packets always shows.
const SLOTS: usize = 1 << 13;
/// For how long a packet stands for its likes, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// A hash of what was seen, far shorter than that and seeded anew in each run: what had the same one by chance would
    /// be taken for a repetition, for a second at most.
    look: u64,
    glance: Glance,
}

/// That a packet, and so each of its likes, tells nothing new for a while; [`Network::is_still_known`] says how long.
///
/// [`Network::is_still_known`]: super::Network::is_still_known
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    mark: Mark,
    /// When it was, in nanoseconds.
    from: i64,
}

/// A slot, and what tells it from all that were in its place before: a number that goes up, and the place in its lower
/// bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mark(u64);

impl Mark {
    const NONE: Self = Self(u64::MAX);

    #[inline]
    fn place(self) -> usize {
        usize::try_from(self.0 % SLOTS as u64).unwrap_or(0)
    }
}

impl Glance {
    /// Of no packet.
    pub const NONE: Self = Self { mark: Mark::NONE, from: 0 };

    /// Whether it stands for a packet of this time.
    #[inline]
    fn is_fresh(self, at: Stamp) -> bool {
        // One comparison: what is before it is far behind it, without a sign.
        at.time.0.wrapping_sub(self.from).cast_unsigned() < SECOND
    }
}

/// What a packet is, compared with those before it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seen {
    /// Of a host that is followed: each one counts.
    Followed,
    /// The first of its kind for some time.
    New(Glance),
    /// A repetition.
    Repeat(Glance),
}

/// What was seen last.
#[derive(Debug)]
pub(super) struct Glances {
    slots: Vec<Slot>,
    hasher: RandomState,
    /// The last slot's number.
    number: u64,
}

impl Glances {
    pub fn new() -> Self {
        let slots = vec![Slot { look: 0, glance: Glance::NONE }; SLOTS];
        Self { slots, hasher: RandomState::default(), number: 0 }
    }

    /// Whether a packet repeats what was just seen of hosts that nobody follows.
    pub fn look(&mut self, at: Stamp, place: Place, link: &Link, ip: &IpHeader, followed: &Followed) -> Seen {
        let pair = (ip.source, ip.destination);
        if pair.is_about(followed) {
            return Seen::Followed;
        }
        let look = self.hasher.hash_one((Keyed(pair), place, link.source, link.destination, ip.ttl));
        let index = pair.slot(SLOTS);
        let Some(slot) = self.slots.get_mut(index) else { return Seen::Followed };
        if slot.look == look && slot.glance.mark != Mark::NONE && slot.glance.is_fresh(at) {
            return Seen::Repeat(slot.glance);
        }
        self.number += 1;
        let glance = Glance { mark: Mark(self.number * SLOTS as u64 + index as u64), from: at.time.0 };
        *slot = Slot { look, glance };
        Seen::New(glance)
    }

    /// Whether a packet like that of the glance would be a repetition, unless a host of it is followed by now.
    #[inline]
    pub fn holds(&self, glance: Glance, at: Stamp) -> bool {
        self.slots.get(glance.mark.place()).is_some_and(|slot| slot.glance.mark == glance.mark) && glance.is_fresh(at)
    }
}
