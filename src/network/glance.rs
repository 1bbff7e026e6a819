//! Keeps the repetitive bulk of a capture away from the books: hosts that no FTP is known of are booked once a second.
//!
//! A packet whose hosts, MACs, place and TTL were seen within the last second tells nothing new. Hosts that are
//! followed are booked packet by packet.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::Place;
use super::bounded::{Followed, Key as _, Keyed};
use crate::frame::Stamp;
use crate::wire::{IpHeader, Link};

/// Slots, direct-mapped by the two addresses: a host that changes its MAC between two packets always shows.
const SLOTS: usize = 1 << 13;
/// For how long a packet stands for its likes, in nanoseconds.
const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    /// A hash of what was seen, far shorter than that and seeded anew in each run: what had the same one by chance would
    /// be taken for a repetition, for a second at most.
    look: u64,
    /// When, in nanoseconds.
    from: i64,
    /// Tells it from all that were in its place before; 0 if none ever was.
    number: u64,
}

impl Slot {
    #[inline]
    fn is_fresh(&self, at: Stamp) -> bool {
        (self.from..self.from.saturating_add(SECOND)).contains(&at.time.0)
    }
}

/// That a packet, and so each of its likes, tells nothing new for a while; [`Network::is_still_known`] says how long.
///
/// [`Network::is_still_known`]: super::Network::is_still_known
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    slot: usize,
    number: u64,
}

impl Glance {
    /// Of no packet.
    pub const NONE: Self = Self { slot: SLOTS, number: 0 };
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
        Self { slots: vec![Slot::default(); SLOTS], hasher: RandomState::default(), number: 0 }
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
        if slot.look == look && slot.number > 0 && slot.is_fresh(at) {
            return Seen::Repeat(Glance { slot: index, number: slot.number });
        }
        self.number += 1;
        *slot = Slot { look, from: at.time.0, number: self.number };
        Seen::New(Glance { slot: index, number: self.number })
    }

    /// Whether a packet like that of the glance would be a repetition, unless a host of it is followed by now.
    #[inline]
    pub fn holds(&self, glance: Glance, at: Stamp) -> bool {
        self.slots.get(glance.slot).is_some_and(|slot| slot.number == glance.number && slot.is_fresh(at))
    }
}
