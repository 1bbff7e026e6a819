//! Keeps the repetitive bulk of a capture away from the books: hosts that no FTP is known of are booked once a second.
//!
//! A packet whose hosts, MACs, place and TTL were seen within the last second tells nothing new. Hosts that are
//! followed are booked packet by packet.

use std::net::IpAddr;

use super::Place;
use super::bounded::{Followed, Key as _};
use crate::frame::Stamp;
use crate::wire::{IpHeader, Link, Mac};

/// Slots, direct-mapped by the two addresses: a host that changes its MAC between two packets always shows.
const SLOTS: usize = 1 << 13;
/// For how long a packet stands for its likes, in nanoseconds.
const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Look {
    place: Place,
    source: Option<Mac>,
    destination: Option<Mac>,
    from: IpAddr,
    to: IpAddr,
    ttl: u8,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    look: Look,
    /// The time in nanoseconds within which a packet like that is a repetition.
    from: i64,
    until: i64,
    /// Whether either host is followed, when so many had ever been.
    followed: bool,
    asked: usize,
    /// Tells it from all that were in its place before.
    number: u64,
}

impl Slot {
    fn is_fresh(&self, at: Stamp) -> bool {
        (self.from..self.until).contains(&at.time.0)
    }

    /// Whether either host is followed by now.
    #[inline]
    fn is_followed(&mut self, followed: &Followed) -> bool {
        if self.asked != followed.added() {
            self.ask(followed);
        }
        self.followed
    }

    #[cold]
    fn ask(&mut self, followed: &Followed) {
        self.followed = (self.look.from, self.look.to).is_about(followed);
        self.asked = followed.added();
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
    slots: Vec<Option<Slot>>,
    /// The next slot's number.
    number: u64,
}

impl Glances {
    pub fn new() -> Self {
        Self { slots: vec![None; SLOTS], number: 0 }
    }

    /// Whether a packet repeats what was just seen of hosts that nobody follows.
    pub fn look(&mut self, at: Stamp, place: Place, link: &Link, ip: &IpHeader, followed: &Followed) -> Seen {
        let pair = (ip.source, ip.destination);
        let look = Look {
            place,
            source: link.source,
            destination: link.destination,
            from: ip.source,
            to: ip.destination,
            ttl: ip.ttl,
        };
        let index = pair.slot(SLOTS);
        let Some(slot) = self.slots.get_mut(index) else { return Seen::Followed };
        if let Some(known) = slot.as_mut().filter(|known| known.look == look) {
            if known.is_followed(followed) {
                return Seen::Followed;
            }
            if known.is_fresh(at) {
                return Seen::Repeat(Glance { slot: index, number: known.number });
            }
        }
        let (about, asked, number) = (pair.is_about(followed), followed.added(), self.number);
        self.number += 1;
        let (from, until) = (at.time.0, at.time.0.saturating_add(SECOND));
        *slot = Some(Slot { look, from, until, followed: about, asked, number });
        if about { Seen::Followed } else { Seen::New(Glance { slot: index, number }) }
    }

    /// Whether a packet like that of the glance would be a repetition.
    #[inline]
    pub fn holds(&mut self, glance: Glance, at: Stamp, followed: &Followed) -> bool {
        let slot = self.slots.get_mut(glance.slot).and_then(Option::as_mut);
        slot.is_some_and(|slot| slot.number == glance.number && slot.is_fresh(at) && !slot.is_followed(followed))
    }
}
