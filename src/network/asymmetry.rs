//! Conversations whose two directions take different ways.

use std::net::IpAddr;

use super::holdings::Holding;
use super::pairs::Lane;
use super::trail::Trail;
use super::{Network, Place, virtual_mac};
use crate::wire::Mac;

/// Packets each way that make a way stable; capture files with invented MACs have one.
const STABLE: u64 = 3;

/// Two directions that take different ways at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asymmetry {
    /// One end.
    pub a: IpAddr,
    /// The other end.
    pub b: IpAddr,
    /// The way from `a` to `b`.
    pub there: Way,
    /// The way from `b` to `a`.
    pub back: Way,
}

/// The way of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where.
    pub place: Place,
    /// Sender.
    pub from_mac: Mac,
    /// Receiver; `None` where the link type does not tell.
    pub to_mac: Option<Mac>,
    /// The packets.
    pub trail: Trail,
}

impl Network {
    /// Whether the two directions between `a` and `b` take different ways, with the first ones that do.
    pub fn asymmetric(&self, a: IpAddr, b: IpAddr) -> Option<Asymmetry> {
        self.bent(a, b).or_else(|| self.bent(b, a))
    }

    /// A way from `a` to `b` that no packet from `b` to `a` takes back.
    fn bent(&self, a: IpAddr, b: IpAddr) -> Option<Asymmetry> {
        let (there, back) = (self.pairs.lanes(a, b), self.pairs.lanes(b, a));
        let stable = |lane: &&Lane| lane.trail.count >= STABLE && !lane.is_mixed();
        for lane in there.iter().filter(stable) {
            if self.moved_about(lane.place, a) || self.moved_about(lane.place, b) {
                continue;
            }
            // Another leg of the same packets may be the one with a way back.
            let mut legs = there.iter().filter(|other| other.trail.overlaps(&lane.trail));
            let straight = legs.any(|leg| back.iter().any(|other| is_way_back(leg, other)));
            let answers: Vec<&Lane> =
                back.iter().filter(stable).filter(|other| other.trail.overlaps(&lane.trail)).collect();
            let Some(answer) = answers.first().filter(|_| !straight) else { continue };
            if answers.iter().all(|answer| goes_elsewhere(lane, answer)) {
                return Some(Asymmetry { a, b, there: way(lane), back: way(answer) });
            }
        }
        None
    }

    /// Whether the address has changed its MAC at the place: then directions differ for that reason.
    fn moved_about(&self, place: Place, ip: IpAddr) -> bool {
        self.holdings.at(place, ip).is_some_and(|holding: &Holding| holding.runs.len() > 1)
    }
}

fn way(lane: &Lane) -> Way {
    Way { place: lane.place, from_mac: lane.from_mac, to_mac: lane.to_mac, trail: lane.trail.clone() }
}

/// Whether a lane is the exact way back of another. SLL2 has no destination MAC: there the interface decides.
fn is_way_back(lane: &Lane, back: &Lane) -> bool {
    match (lane.to_mac, back.to_mac) {
        (Some(to), Some(back_to)) => to == back.from_mac && back_to == lane.from_mac,
        _ => lane.place == back.place,
    }
}

/// Whether a lane ends or begins elsewhere than the other one. That a redundancy protocol's MAC receives and a
/// router's own MAC sends is how it works; one station that sends both directions is no path at all.
fn goes_elsewhere(lane: &Lane, back: &Lane) -> bool {
    let differ =
        |one: Mac, other: Mac| one != other && virtual_mac::kind(one).is_none() && virtual_mac::kind(other).is_none();
    if lane.place == back.place && lane.from_mac == back.from_mac {
        return false;
    }
    match (lane.to_mac, back.to_mac) {
        (Some(to), Some(back_to)) => differ(to, back.from_mac) || differ(lane.from_mac, back_to),
        _ => lane.place != back.place && lane.outgoing.is_some() && back.outgoing.is_some(),
    }
}
