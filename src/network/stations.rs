//! What MACs do that no plain host does: forward, or send with many addresses.
//!
//! In a table of fixed size, as it is asked for nearly every address that is new. A MAC that was found to be no plain
//! host's goes behind all others; most others are seen once.

use std::net::IpAddr;

use super::Place;
use super::key::Key as _;
use super::table::{PINNED, Slot, Table};
use crate::frame::Stamp;
use crate::wire::Mac;

/// A MAC with more addresses than this at one place is taken for a router, a proxy or a hotel of virtual hosts.
pub(super) const MANY_ADDRESSES: usize = 16;

/// Addresses of one MAC that are booked: more of them tell nothing more of it.
pub(super) const ADDRESSES_OF_ONE: u32 = 64;

/// What a MAC does, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// Nothing that tells.
    None,
    /// It sends the packets of both ends of a conversation.
    BothEnds,
    /// Its neighbour advertisements carry the router flag.
    Advertises,
    /// It sends packets whose TTL others have counted down.
    Forwards,
}

/// A MAC that sends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    mac: Mac,
    place: Place,
    /// The strongest sign, and the first packet that shows it.
    pub sign: (Sign, Stamp),
    /// How many addresses it sends with, or says to have.
    pub addresses: u32,
    /// The first ones by a part of their hash, each once.
    known: [u32; MANY_ADDRESSES],
}

impl Station {
    /// Whether it has more addresses than a host has.
    pub fn has_many(&self) -> bool {
        self.addresses as usize > MANY_ADDRESSES
    }

    /// Whether no more of its addresses are booked.
    #[inline]
    pub fn is_crowded(&self) -> bool {
        self.addresses >= ADDRESSES_OF_ONE
    }

    fn is_plain(&self) -> bool {
        self.sign.0 == Sign::None && !self.has_many()
    }

    /// Counts an address, if it is new as far as that is known.
    fn uses(&mut self, ip: IpAddr) {
        let hash = (ip.hash() >> 32) as u32;
        let counted = self.known.get(..self.addresses as usize).unwrap_or(&self.known);
        if counted.contains(&hash) {
            return;
        }
        if let Some(slot) = self.known.get_mut(self.addresses as usize) {
            *slot = hash;
        }
        self.addresses = self.addresses.saturating_add(1);
    }
}

/// The MACs.
#[derive(Debug)]
pub(super) struct Stations(Table<Station>);

impl Stations {
    /// Of at most `most` MACs.
    pub fn new(most: usize) -> Self {
        Self(Table::new(most))
    }

    /// Whether a packet that it forwards would tell nothing new of a MAC.
    #[inline]
    pub fn forwards(&self, place: Place, mac: Mac) -> bool {
        self.get(place, mac).is_some_and(|station| station.sign.0 == Sign::Forwards)
    }

    /// What is known of a MAC.
    #[inline]
    pub fn get(&self, place: Place, mac: Mac) -> Option<&Station> {
        self.0.get(slot(place, mac)).filter(|station| station.mac == mac && station.place == place)
    }

    /// Books that a MAC uses an address.
    pub fn uses(&mut self, at: Stamp, place: Place, mac: Mac, ip: IpAddr) {
        self.change(at, place, mac, |station| station.uses(ip));
    }

    /// Books what a MAC does.
    pub fn sign(&mut self, at: Stamp, place: Place, mac: Mac, sign: Sign) {
        self.change(at, place, mac, |station| {
            if station.sign.0 < sign {
                station.sign = (sign, at);
            }
        });
    }

    fn change(&mut self, at: Stamp, place: Place, mac: Mac, change: impl FnOnce(&mut Station)) {
        let slot = slot(place, mac);
        if let Some(station) = self.0.note(at, slot) {
            change(station);
            let pinned = !station.is_plain();
            if pinned {
                self.0.note(at, Slot { key: slot.key | PINNED, ..slot });
            }
            return;
        }
        let mut station = Station { mac, place, sign: (Sign::None, at), addresses: 0, known: [0; MANY_ADDRESSES] };
        change(&mut station);
        let pinned = if station.is_plain() { 0 } else { PINNED };
        self.0.put(at, Slot { key: slot.key | pinned, ..slot }, station);
    }
}

#[inline]
fn slot(place: Place, mac: Mac) -> Slot {
    let hash = hash(place, mac);
    Slot { set: hash, key: hash << 20 | 2 }
}

/// A hash of a MAC and its place: both halves of a product, each bit of which depends on all that is hashed.
#[inline]
pub(super) fn hash(place: Place, mac: Mac) -> u64 {
    let Place { capture, interface, wrapping, if_index } = place;
    let octets = mac.0.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
    let mac = octets ^ u64::from(interface.0) << 40;
    let index = u64::from(if_index.map_or(0, |index| !index)) << 20;
    let place = u64::from(wrapping.0) ^ index ^ u64::from(capture.0) << 44;
    let product = u128::from(mac ^ 0x243f_6a88_85a3_08d3) * u128::from(place ^ 0x1319_8a2e_0370_7344);
    #[expect(clippy::cast_possible_truncation, reason = "its halves")]
    let (high, low) = ((product >> 64) as u64, product as u64);
    (high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
