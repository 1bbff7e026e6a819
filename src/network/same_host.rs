//! Whether two addresses belong to one host.

use std::net::IpAddr;

use super::holdings::Claim;
use super::{How, Network, Place, virtual_mac};
use crate::frame::Stamp;
use crate::wire::Mac;

/// What the capture tells of two addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SameHost {
    /// One host has both.
    Proven {
        /// The frames that show it; empty when the capture file itself names both.
        frames: Vec<Stamp>,
        /// Why, a sentence part.
        why: String,
    },
    /// One host has both, unless the capture misleads.
    Probable {
        /// The frames that show it.
        frames: Vec<Stamp>,
        /// Why, a sentence part.
        why: String,
    },
    /// Nothing is known.
    Unknown,
    /// Two hosts of one segment have them.
    Refuted {
        /// The frames that show it.
        frames: Vec<Stamp>,
        /// Why, a sentence part.
        why: String,
    },
}

impl Network {
    /// Whether `a` and `b` belong to one host.
    pub fn same_host(&self, a: IpAddr, b: IpAddr) -> SameHost {
        let (of_a, of_b) = (self.owners(a), self.owners(b));
        self.by_one_mac(a, &of_a, b, &of_b)
            .or_else(|| self.by_interfaces(a, b))
            .or_else(|| by_local_host(&of_a, &of_b))
            .or_else(|| self.by_different_macs(a, &of_a, b, &of_b))
            .unwrap_or(SameHost::Unknown)
    }

    /// One MAC of one segment has or uses both.
    fn by_one_mac(&self, a: IpAddr, of_a: &[Claim], b: IpAddr, of_b: &[Claim]) -> Option<SameHost> {
        let both = of_a.iter().flat_map(|one| of_b.iter().map(move |other| (one, other)));
        let mut candidates = both.filter(|(one, other)| {
            one.place == other.place
                && one.mac == other.mac
                && one.how > How::RequestSpa
                && other.how > How::RequestSpa
                && one.mac.is_some_and(|mac| self.stands_for_one_host(one.place, mac, a, b))
        });
        let (one, other) = candidates.next()?;
        let why = format!("{} has both addresses", one.mac.map(super::mac_text)?);
        let frames = in_order([one.at, other.at]);
        // Who merely answers for both might be a proxy; who also sends with both, as a host does, is none.
        let sends = self.sends(a, one.place, one.mac?) || self.sends(b, one.place, one.mac?);
        Some(if sends { SameHost::Proven { frames, why } } else { SameHost::Probable { frames, why } })
    }

    fn stands_for_one_host(&self, place: Place, mac: Mac, a: IpAddr, b: IpAddr) -> bool {
        let is_virtual = [a, b].iter().any(|ip| virtual_mac::kind_for(mac, *ip).is_some());
        !is_virtual && self.is_router(place, mac).is_none()
    }

    fn sends(&self, ip: IpAddr, place: Place, mac: Mac) -> bool {
        let mut lanes = self.pairs.lanes_of(ip);
        lanes.any(|(from, _, lane)| from == ip && lane.place == place && lane.from_mac == mac && lane.initial)
    }

    /// The capture file names both as addresses of its interfaces. Those of two interfaces may come from two hosts
    /// whose captures were merged.
    fn by_interfaces(&self, a: IpAddr, b: IpAddr) -> Option<SameHost> {
        let (one, other) = (self.interfaces.get(&a)?, self.interfaces.get(&b)?);
        let (frames, why) = (Vec::new(), "the capture file names both as addresses of the capturing host".to_owned());
        Some(if one == other { SameHost::Proven { frames, why } } else { SameHost::Probable { frames, why } })
    }

    /// Two MACs of one segment have one each.
    fn by_different_macs(&self, a: IpAddr, of_a: &[Claim], b: IpAddr, of_b: &[Claim]) -> Option<SameHost> {
        let both = of_a.iter().flat_map(|one| of_b.iter().map(move |other| (one, other)));
        let mut candidates = both.filter(|(one, other)| {
            let plain = |claim: &Claim| claim.mac.is_some_and(|mac| self.stands_for_one_host(claim.place, mac, a, b));
            let mixed = self.holdings.at(one.place, a).is_none_or(|holding| holding.mixed);
            one.place == other.place
                && one.mac != other.mac
                && one.how.is_strong()
                && other.how.is_strong()
                && plain(one)
                && plain(other)
                && !mixed
        });
        let (one, other) = candidates.next()?;
        let why = format!(
            "{} has one and {} the other on one segment",
            one.mac.map(super::mac_text)?,
            other.mac.map(super::mac_text)?
        );
        Some(SameHost::Refuted { frames: in_order([one.at, other.at]), why })
    }
}

/// The capturing host itself sends with both (SLL and SLL2 mark what it sends).
fn by_local_host(of_a: &[Claim], of_b: &[Claim]) -> Option<SameHost> {
    let local = |claims: &[Claim]| {
        let all_local = claims.iter().all(|claim| claim.local);
        claims.iter().find(|claim| all_local && claim.how > How::RequestSpa).map(|claim| claim.at)
    };
    let frames = in_order([local(of_a)?, local(of_b)?]);
    Some(SameHost::Proven { frames, why: "the capturing host sends with both addresses".to_owned() })
}

fn in_order(mut frames: [Stamp; 2]) -> Vec<Stamp> {
    frames.sort_unstable();
    let [first, second] = frames;
    if first == second { vec![first] } else { vec![first, second] }
}
