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
const SLOTS: usize = 1 << 10;
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
    at: Stamp,
    followed: bool,
}

/// What was seen last.
#[derive(Debug)]
pub(super) struct Glances {
    slots: Vec<Option<Slot>>,
}

impl Glances {
    pub fn new() -> Self {
        Self { slots: vec![None; SLOTS] }
    }

    /// Forgets all, because somebody is followed from now on.
    pub fn clear(&mut self) {
        self.slots.fill(None);
    }

    /// Whether a packet repeats what was just seen of hosts that nobody follows.
    pub fn is_repeat(&mut self, at: Stamp, place: Place, link: &Link, ip: &IpHeader, followed: &Followed) -> bool {
        let pair = (ip.source, ip.destination);
        let look = Look {
            place,
            source: link.source,
            destination: link.destination,
            from: ip.source,
            to: ip.destination,
            ttl: ip.ttl,
        };
        let Some(slot) = self.slots.get_mut(pair.slot(SLOTS)) else { return false };
        if let Some(known) = slot.filter(|known| known.look == look) {
            if known.followed {
                return false;
            }
            let age = at.time.0.saturating_sub(known.at.time.0);
            if (0..SECOND).contains(&age) {
                return true;
            }
        }
        *slot = Some(Slot { look, at, followed: pair.is_about(followed) });
        false
    }
}
