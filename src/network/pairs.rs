//! Which MACs carry the packets from one address to another, and which MACs forward.
//!
//! Turns IP headers into lanes: one way of a conversation through one place, from one MAC to one MAC.

use std::net::IpAddr;

use smallvec::SmallVec;

use super::bounded::{Bounded, Followed};
use super::holdings::{Holdings, is_host, is_mixed};
#[cfg(doc)]
use super::stations::ADDRESSES_OF_ONE;
use super::stations::Sign;
use super::trail::{self, Trail};
use super::ttl::{is_forwarded_ttl, is_initial_ttl};
use super::virtual_mac::VirtualKind;
use super::{Packet, Place};
use crate::frame::Stamp;
use crate::wire::{Link, Mac};

/// Lanes kept for one pair of addresses: both legs through a router on several interfaces, before and after a
/// change. Invented MACs make one for each packet.
const LANES: usize = 16;
/// Why a MAC does not stand for one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouterSign {
    /// The prefix is that of a redundancy protocol.
    Virtual(VirtualKind),
    /// It sends packets whose TTL others have counted down; the first one.
    Forwards(Stamp),
    /// Its neighbour advertisements carry the router flag; the first one.
    Advertises(Stamp),
    /// It sends the packets of both ends of a conversation: a router on a stick, or a capture made up or replayed by
    /// one station. The first one.
    BothEnds(Stamp),
    /// It uses so many addresses; from [`ADDRESSES_OF_ONE`] on, at least.
    ManyAddresses(u32),
}

/// One way of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Lane {
    pub place: Place,
    pub from_mac: Mac,
    pub to_mac: Option<Mac>,
    pub outgoing: Option<bool>,
    pub trail: Trail,
    /// No packet came over a router.
    pub initial: bool,
    forwarded: bool,
    /// Number of changes in the neighbour history when `left` was worked out.
    changes: u64,
    /// The destination has left `to_mac`.
    left: bool,
    /// What was sent here after that.
    pub late: Option<Box<Trail>>,
}

impl Lane {
    fn new(at: Stamp, place: Place, from_mac: Mac, link: &Link) -> Self {
        Self {
            place,
            from_mac,
            to_mac: link.destination,
            outgoing: link.outgoing,
            trail: Trail::new(at),
            initial: true,
            forwarded: false,
            changes: 0,
            left: false,
            late: None,
        }
    }

    /// Whether its MACs can be compared with others of its place.
    pub fn is_mixed(&self) -> bool {
        is_mixed(self.place, self.outgoing)
    }

    fn is(&self, place: Place, from_mac: Mac, to_mac: Option<Mac>) -> bool {
        self.from_mac == from_mac && self.to_mac == to_mac && self.place == place
    }
}

/// The conversations of hosts that are followed.
#[derive(Debug)]
pub(super) struct Pairs {
    /// Most pairs have one lane for ever.
    map: Bounded<(IpAddr, IpAddr), SmallVec<[Lane; 1]>>,
}

impl Pairs {
    /// `lanes`: how many all pairs may have together.
    pub fn new(pairs: usize, lanes: usize) -> Self {
        Self { map: Bounded::new(pairs).weighing(SmallVec::len, lanes) }
    }

    pub fn len(&self) -> usize {
        self.map.len()
    }

    pub fn let_go(&self) -> u64 {
        self.map.let_go()
    }

    /// Books a packet; what it tells of the MAC that sends it.
    pub fn packet(&mut self, packet: &Packet<'_>, holdings: &Holdings, followed: &Followed) -> Sign {
        let Packet { at, place, mac, link, ip } = *packet;
        if !is_host(ip.destination) || link.destination == Some(Mac([0xff; 6])) {
            return Sign::None;
        }
        let lanes = self.map.touch((ip.source, ip.destination), followed);
        let known = lanes.iter().position(|lane| lane.is(place, mac, link.destination));
        if known.is_none() {
            if lanes.len() >= LANES {
                return Sign::None;
            }
            lanes.push(Lane::new(at, place, mac, link));
        }
        let last = lanes.len() - 1;
        let Some(lane) = lanes.get_mut(known.unwrap_or(last)) else { return Sign::None };
        if known.is_some() {
            lane.trail.push(at);
        }
        lane.initial &= is_initial_ttl(ip.ttl);
        if lane.changes != holdings.changes() {
            lane.changes = holdings.changes();
            lane.left = lane.to_mac.is_some_and(|mac| holdings.has_left(place, ip.destination, mac));
        }
        if lane.left {
            trail::push(&mut lane.late, at);
        }
        let forwards = !lane.forwarded && is_forwarded_ttl(ip.ttl);
        lane.forwarded |= forwards;
        if known.is_none() {
            self.map.grew(1, followed);
        }
        if forwards || known.is_some() {
            return if forwards { Sign::Forwards } else { Sign::None };
        }
        let mut back = self.lanes(ip.destination, ip.source).iter();
        let both_ends = back.any(|lane| lane.place == place && lane.from_mac == mac);
        if both_ends { Sign::BothEnds } else { Sign::None }
    }

    /// The ways from one address to another.
    pub fn lanes(&self, from: IpAddr, to: IpAddr) -> &[Lane] {
        self.map.look(&(from, to)).map_or(&[], SmallVec::as_slice)
    }

    /// All ways, in the order in which pairs appeared.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, IpAddr, &Lane)> {
        self.map.iter().flat_map(|((from, to), lanes)| lanes.iter().map(|lane| (*from, *to, lane)))
    }

    /// The ways between two addresses, in both directions.
    pub fn between(&self, one: IpAddr, other: IpAddr) -> impl Iterator<Item = (IpAddr, IpAddr, &Lane)> {
        let ways = [(one, other), (other, one)].into_iter();
        ways.flat_map(|(from, to)| self.lanes(from, to).iter().map(move |lane| (from, to, lane)))
    }

    /// All pairs, in the order in which they appeared.
    pub fn pairs(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        self.map.iter().map(|(pair, _)| *pair)
    }

    /// Whether a MAC sends with the address as its owner would.
    pub fn sends(&self, ip: IpAddr, place: Place, mac: Mac) -> bool {
        let mut all = self.iter();
        all.any(|(from, _, lane)| from == ip && lane.place == place && lane.from_mac == mac && lane.initial)
    }

    /// Whether the address sent anything between two frames.
    pub fn seen_between(&self, ip: IpAddr, from: Stamp, until: Stamp) -> bool {
        self.iter().any(|(source, _, lane)| source == ip && lane.trail.first <= until && lane.trail.last >= from)
    }
}
