//! Which MAC sends with which address, of hosts that do no FTP: one table of entries of fixed size.
//!
//! Turns the headers of IP packets into bindings. A packet that says what another one said within the last second costs
//! one look-up and tells nothing. What a host was before it took part in FTP is read from its bindings when it does
//! ([`Bindings::of`]); from then on the neighbour table has its history.
//!
//! A packet that a router forwarded tells of the router alone: its source is not on this segment. And a MAC that sends
//! with many addresses is a router, or shared by hosts of which nothing is said: its addresses are not booked one by one.
//! Both are for [`Stations`] to know.

use std::net::IpAddr;

use super::key::Key as _;
use super::stations::{self, Sign, Stations};
use super::table::{self, Slot, Table};
use super::ttl::{is_forwarded_ttl, is_initial_ttl};
use super::{Packet, Place};
use crate::frame::Stamp;
use crate::wire::Mac;

/// An address in use from one MAC.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub ip: IpAddr,
    pub mac: Mac,
    pub place: Place,
    /// Its packets have an initial TTL, and so come from its owner.
    pub own: bool,
    /// The capturing host sent some.
    pub outgoing: bool,
    /// It received some.
    pub incoming: bool,
    pub first: Stamp,
    pub last: Stamp,
    /// How many packets were booked, one a second at most.
    pub count: u32,
}

/// The bindings.
#[derive(Debug)]
pub(super) struct Bindings {
    table: Table<Binding>,
    let_go: u64,
}

/// A bridge forgets whom it has not heard for 300 s (IEEE 802.1D 7.9.2, Ageing Time): that such a binding makes room is in
/// order.
const AGEING: u32 = 300 * table::SECOND;

/// The bits of a key that are the hash of an address.
const OF_ADDRESS: u64 = 0xffff_ffff << 32;
/// The bit of a key that says whether packets have an initial TTL.
const OWN: u64 = 2;

/// Bindings of one address have one set, whatever their MAC. The key is shorter than what it is of: of what had the same
/// one by chance, once in a billion times, nothing would be booked.
#[inline]
fn slot(ip: IpAddr, place: Place, mac: Mac, own: bool) -> Slot {
    let set = ip.hash();
    let of_mac = stations::hash(place, mac) & !OF_ADDRESS & !7;
    let own = if own { OWN } else { 0 };
    Slot { set, key: ((set << 16) & OF_ADDRESS) | of_mac | own | 4 }
}

impl Bindings {
    /// Of at most `most`.
    pub fn new(most: usize) -> Self {
        Self { table: Table::new(most), let_go: 0 }
    }

    /// How many had to make room before their time.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// Whether a packet tells nothing new.
    #[inline]
    pub fn knows(&self, packet: &Packet<'_>, stations: &Stations) -> bool {
        let Packet { at, place, mac, ip, .. } = *packet;
        if is_forwarded_ttl(ip.ttl) {
            return stations.forwards(place, mac);
        }
        let fresh = self.table.is_fresh(at, slot(ip.source, place, mac, is_initial_ttl(ip.ttl)));
        fresh.unwrap_or_else(|| stations.get(place, mac).is_some_and(stations::Station::is_crowded))
    }

    /// Notes a packet; whether it tells who has its source address.
    pub fn note(&mut self, packet: &Packet<'_>, stations: &mut Stations) -> bool {
        let Packet { at, place, mac, link, ip } = *packet;
        if is_forwarded_ttl(ip.ttl) {
            if !stations.forwards(place, mac) {
                stations.sign(at, place, mac, Sign::Forwards);
            }
            return false;
        }
        let own = is_initial_ttl(ip.ttl);
        let slot = slot(ip.source, place, mac, own);
        let (outgoing, incoming) = (link.outgoing == Some(true), link.outgoing == Some(false));
        if let Some(is_fresh) = self.table.is_fresh(at, slot) {
            if is_fresh {
                return false;
            }
            if let Some(binding) = self.table.note(at, slot) {
                binding.last = binding.last.max(at);
                binding.count = binding.count.saturating_add(1);
                binding.outgoing |= outgoing;
                binding.incoming |= incoming;
            }
            return own;
        }
        if let Some(station) = stations.get(place, mac) {
            if station.is_crowded() {
                return false;
            }
            if station.sign.0 < Sign::BothEnds && self.sends_for(ip.destination, place, mac) {
                stations.sign(at, place, mac, Sign::BothEnds);
            }
        }
        // From the MAC that the address had, it will tell something again.
        self.table.stale(slot, OF_ADDRESS);
        let binding = Binding { ip: ip.source, mac, place, own, outgoing, incoming, first: at, last: at, count: 1 };
        // An address with more MACs than a set holds is short of nothing.
        let has_others = self.table.alike(slot, OF_ADDRESS) >= table::WAYS / 2;
        let gone = self.table.put(at, slot, binding).is_some_and(|silent| silent < AGEING && !has_others);
        self.let_go += u64::from(gone);
        if own {
            stations.uses(at, place, mac, ip.source);
        }
        own
    }

    /// The bindings of an address by which its owner is known, the oldest first.
    pub fn of(&self, ip: IpAddr) -> Vec<Binding> {
        let mut all: Vec<Binding> = self.all_of(ip).filter(|binding| binding.own).copied().collect();
        all.sort_unstable_by_key(|binding| binding.first);
        all
    }

    /// Whether an address sent anything between two frames.
    pub fn seen_between(&self, ip: IpAddr, from: Stamp, until: Stamp) -> bool {
        self.all_of(ip).any(|binding| binding.first <= until && binding.last >= from)
    }

    /// All bindings by which an owner is known, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.table.iter().filter(|binding| binding.own)
    }

    fn all_of(&self, ip: IpAddr) -> impl Iterator<Item = &Binding> {
        self.table.in_set(Slot { set: ip.hash(), key: 0 }).filter(move |binding| binding.ip == ip)
    }

    fn sends_for(&self, ip: IpAddr, place: Place, mac: Mac) -> bool {
        [true, false].into_iter().any(|own| self.table.get(slot(ip, place, mac, own)).is_some())
    }
}
