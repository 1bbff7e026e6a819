//! Hosts that send, through one interface, packets whose source is the address of another (Q175396).
//!
//! Such a host is a weak end system (RFC 1122 3.3.4.2). It takes two places to see one: where the address is owned,
//! and where its packets come from another MAC. What a router, a proxy or a bridge does looks alike and is told
//! apart by what else it does.

use std::net::IpAddr;

use super::holdings::{Claim, How};
use super::pairs::Lane;
use super::trail::Trail;
use super::{Network, Place};
use crate::frame::Stamp;
use crate::wire::Mac;

/// Destinations named; more of them add nothing.
const DESTINATIONS: usize = 8;
/// Frames cited.
const FRAMES: usize = 12;

/// Packets with a source address that belongs elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoof {
    /// The source address.
    pub ip: IpAddr,
    /// Where the packets are.
    pub place: Place,
    /// The MAC that sends them.
    pub mac: Mac,
    /// Other addresses which that MAC uses there.
    pub own: Vec<IpAddr>,
    /// Where the address is at home.
    pub home: Place,
    /// The MAC that has it there; `None` if only the capture file says so.
    pub owner: Option<Mac>,
    /// How that is known, and the frame that tells; `None` if only the capture file says so.
    pub owned: Option<(How, Stamp)>,
    /// Some of the packets.
    pub sent: Vec<Stamp>,
    /// How many there are.
    pub count: u64,
    /// To whom, the first few.
    pub to: Vec<IpAddr>,
    /// A packet of the same conversation that arrives at home while the others leave: the host at home is the sender.
    pub returned: Option<Stamp>,
    /// The capturing host itself sent them (SLL2).
    pub local: bool,
}

impl Spoof {
    /// Whether sender and owner are shown to be one host.
    pub fn is_certain(&self) -> bool {
        self.returned.is_some() || self.local
    }
}

/// Where an address is at home, and how that is known.
#[derive(Clone, Copy)]
struct Home {
    place: Place,
    mac: Option<Mac>,
    known: Option<(How, Stamp)>,
    local: bool,
}

impl Home {
    /// Whether a lane brings packets to the address at home.
    fn receives(&self, lane: &Lane) -> bool {
        match self.mac {
            Some(mac) => lane.place == self.place && lane.to_mac.map_or(lane.outgoing == Some(false), |to| to == mac),
            None => lane.place.same_interface(self.place),
        }
    }

    /// Whether a lane carries packets of the address away from home, as they should be.
    fn sends(&self, lane: &Lane) -> bool {
        match self.mac {
            Some(mac) => lane.place == self.place && lane.from_mac == mac,
            None => lane.place.same_interface(self.place),
        }
    }
}

impl Network {
    /// Hosts that send with an address of their other interface, in order of the first such packet.
    pub fn spoofs(&self) -> Vec<Spoof> {
        self.spoofs_among(self.pairs.iter())
    }

    /// Those of two hosts, in what they send to each other.
    pub fn spoofs_between(&self, one: IpAddr, other: IpAddr) -> Vec<Spoof> {
        self.spoofs_among(self.pairs.between(one, other))
    }

    fn spoofs_among<'a>(&self, ways: impl Iterator<Item = (IpAddr, IpAddr, &'a Lane)>) -> Vec<Spoof> {
        let mut spoofs: Vec<Spoof> = Vec::new();
        for (ip, to, lane) in ways.filter(|(_, _, lane)| lane.initial && !lane.is_mixed()) {
            let Some(home) = self.homes(ip).into_iter().find(|home| self.is_foreign(ip, lane, home)) else { continue };
            let native =
                self.pairs.lanes(ip, to).iter().any(|other| home.sends(other) && other.trail.overlaps(&lane.trail));
            if native {
                continue;
            }
            let is_this = |spoof: &Spoof| (spoof.ip, spoof.place, spoof.mac) == (ip, lane.place, lane.from_mac);
            if !spoofs.iter().any(is_this) {
                spoofs.push(self.spoof(ip, lane, &home));
            }
            let Some(spoof) = spoofs.iter_mut().find(|spoof| is_this(spoof)) else { continue };
            spoof.sent.extend(lane.trail.frames());
            spoof.count += lane.trail.count;
            if spoof.to.len() < DESTINATIONS {
                spoof.to.push(to);
            }
            let returned =
                self.pairs.lanes(to, ip).iter().find(|back| home.receives(back) && back.trail.overlaps(&lane.trail));
            spoof.returned = spoof.returned.or(returned.map(|back| frame_during(&back.trail, &lane.trail)));
        }
        for spoof in &mut spoofs {
            spoof.sent.sort_unstable();
            spoof.sent.dedup();
            spoof.sent.truncate(FRAMES);
        }
        spoofs.sort_by_key(|spoof| (spoof.sent.first().copied(), spoof.ip));
        spoofs
    }

    fn spoof(&self, ip: IpAddr, lane: &Lane, home: &Home) -> Spoof {
        let histories = self.holdings.iter();
        let known = histories.filter(|(_, holding)| holding.place == lane.place && holding.has(lane.from_mac));
        let mut own: Vec<IpAddr> = known.map(|(other, _)| other).collect();
        let bound = self.addresses_of(lane.place, lane.from_mac).into_iter().filter(|other| !own.contains(other));
        own.extend(bound.collect::<Vec<_>>());
        own.retain(|other| *other != ip);
        Spoof {
            ip,
            place: lane.place,
            mac: lane.from_mac,
            own,
            home: home.place,
            owner: home.mac,
            owned: home.known,
            sent: Vec::new(),
            count: 0,
            to: Vec::new(),
            returned: None,
            local: home.local && lane.outgoing == Some(true),
        }
    }

    /// Where an address is owned by a plain host.
    fn homes(&self, ip: IpAddr) -> Vec<Home> {
        let mut homes: Vec<Home> = Vec::new();
        for claim in self.owners(ip).into_iter().filter(|claim| claim.how.is_strong()) {
            let mixed = self.holdings.at(claim.place, ip).is_some_and(|holding| holding.mixed);
            let router = self.is_router(claim.place, claim.mac).is_some();
            if !mixed && !router {
                let Claim { place, mac, how, at, local, .. } = claim;
                homes.push(Home { place, mac: Some(mac), known: Some((how, at)), local });
            }
        }
        let named = self.interfaces.get(&ip);
        homes.extend(named.map(|place| Home { place: *place, mac: None, known: None, local: false }));
        homes
    }

    /// Whether packets of `ip` on this lane come from a MAC that is neither its own nor one that lends it a hand.
    fn is_foreign(&self, ip: IpAddr, lane: &Lane, home: &Home) -> bool {
        let (place, mac) = (lane.place, lane.from_mac);
        let elsewhere = match home.mac {
            Some(owner) => place != home.place && mac != owner,
            None => !place.same_interface(home.place),
        };
        elsewhere && self.is_plain_sender(place, mac, ip) && !self.is_at_home(ip, place, mac, home)
    }

    fn is_plain_sender(&self, place: Place, mac: Mac, ip: IpAddr) -> bool {
        self.is_router(place, mac).is_none() && super::virtual_mac::kind_for(mac, ip).is_none()
    }

    /// Whether the address lives at `place` too, by a secondary address or a bridge: its MAC there answers for it or
    /// receives its packets, or either MAC is seen with it on both sides.
    fn is_at_home(&self, ip: IpAddr, place: Place, mac: Mac, home: &Home) -> bool {
        let here = self.holdings.at(place, ip);
        let answers = || here.is_some_and(|here| here.runs.iter().any(|run| run.mac == mac && run.how.is_strong()));
        let owner_here = || home.mac.is_some_and(|owner| here.is_some_and(|here| here.has(owner)));
        let there = || self.holdings.at(home.place, ip).is_some_and(|holding| holding.has(mac));
        let receives = || {
            self.pairs.iter().any(|(_, to, back)| {
                let arrives = back.to_mac.map_or(back.outgoing == Some(false), |to| to == mac);
                to == ip && back.place == place && arrives
            })
        };
        answers() || owner_here() || there() || receives()
    }
}

/// A frame of `trail` from the time in which `other` went on, if one was kept.
fn frame_during(trail: &Trail, other: &Trail) -> Stamp {
    let frames = trail.frames();
    frames.iter().copied().find(|at| *at >= other.first && *at <= other.last).unwrap_or(trail.last)
}
