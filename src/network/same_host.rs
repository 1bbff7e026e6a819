//! Whether two addresses belong to one host.

use std::collections::BTreeSet;
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
        /// Why, a sentence part.
        why: String,
        /// The frames that show it; none when the capture file itself names both.
        frames: Vec<Stamp>,
    },
    /// One host has both, unless the capture misleads.
    Probable {
        /// Why, a sentence part.
        why: String,
        /// The frames that show it; none when the capture file itself names both.
        frames: Vec<Stamp>,
    },
    /// Nothing is known.
    Unknown,
    /// Two hosts of one segment have them.
    Refuted {
        /// Why, a sentence part.
        why: String,
        /// The frames that show it.
        frames: Vec<Stamp>,
    },
}

impl Network {
    /// Whether `a` and `b` belong to one host.
    pub fn same_host(&self, a: IpAddr, b: IpAddr) -> SameHost {
        self.compare(a, b, &self.owners(b))
    }

    /// The other addresses that are proven to be those of the host that has `ip`, in order: why, and the frames.
    pub fn other_addresses(&self, ip: IpAddr) -> Vec<(IpAddr, String, Vec<Stamp>)> {
        let own = self.owners(ip);
        // Of any other address nothing can be proven: it shares no MAC, no file and no host with this one.
        let by_mac = own.iter().filter(|claim| self.stands_for_one_host(claim));
        let mut others: BTreeSet<IpAddr> = by_mac.flat_map(|claim| self.addresses_of(claim.place, claim.mac)).collect();
        if self.interfaces.contains_key(&ip) {
            others.extend(self.interfaces.keys());
        }
        if !own.is_empty() && own.iter().all(|claim| claim.local) {
            others.extend(self.holdings.sent_here());
        }
        let others = others.into_iter().filter(|other| *other != ip);
        let proven = others.filter_map(|other| match self.compare(other, ip, &own) {
            SameHost::Proven { why, frames } => Some((other, why, frames)),
            SameHost::Probable { .. } | SameHost::Unknown | SameHost::Refuted { .. } => None,
        });
        proven.collect()
    }

    fn compare(&self, a: IpAddr, b: IpAddr, of_b: &[Claim]) -> SameHost {
        let of_a = self.owners(a);
        self.by_one_mac(&of_a, of_b)
            .or_else(|| self.by_interfaces(a, b))
            .or_else(|| by_local_host(&of_a, of_b))
            .or_else(|| self.by_different_macs(&of_a, of_b))
            .unwrap_or(SameHost::Unknown)
    }

    /// One MAC of one segment has or uses both. Who merely answers for both might be a proxy; who also sends, as a
    /// host does, is none.
    fn by_one_mac(&self, of_a: &[Claim], of_b: &[Claim]) -> Option<SameHost> {
        let (one, other) = pairs_at_one_place(of_a, of_b).find(|(one, other)| {
            one.mac == other.mac
                && one.how > How::RequestSpa
                && other.how > How::RequestSpa
                && self.stands_for_one_host(one)
                && self.stands_for_one_host(other)
        })?;
        let mac = one.mac;
        let (why, frames) = (format!("{mac} has both addresses"), shown_by(one, other));
        let sends = [one.ip, other.ip].iter().any(|ip| self.sends(*ip, one.place, mac));
        Some(if sends { SameHost::Proven { why, frames } } else { SameHost::Probable { why, frames } })
    }

    /// Whether a MAC sends with the address as its owner would.
    fn sends(&self, ip: IpAddr, place: Place, mac: Mac) -> bool {
        let is_bound = || self.bindings.of(ip).iter().any(|binding| binding.place == place && binding.mac == mac);
        self.pairs.sends(ip, place, mac) || is_bound()
    }

    fn stands_for_one_host(&self, claim: &Claim) -> bool {
        let is_virtual = virtual_mac::kind_for(claim.mac, claim.ip).is_some();
        !is_virtual && self.is_router(claim.place, claim.mac).is_none()
    }

    /// The capture file names both as addresses of its interfaces. Those of two interfaces may come from two hosts
    /// whose captures were merged.
    fn by_interfaces(&self, a: IpAddr, b: IpAddr) -> Option<SameHost> {
        let (one, other) = (self.interfaces.get(&a)?, self.interfaces.get(&b)?);
        let why = "the capture file names both as addresses of the capturing host".to_owned();
        let frames = Vec::new();
        Some(if one == other { SameHost::Proven { why, frames } } else { SameHost::Probable { why, frames } })
    }

    /// Two MACs of one segment have one each.
    fn by_different_macs(&self, of_a: &[Claim], of_b: &[Claim]) -> Option<SameHost> {
        let (one, other) = pairs_at_one_place(of_a, of_b).find(|(one, other)| {
            let mixed = self.holdings.at(one.place, one.ip).is_none_or(|holding| holding.mixed);
            one.mac != other.mac
                && one.how.is_strong()
                && other.how.is_strong()
                && self.stands_for_one_host(one)
                && self.stands_for_one_host(other)
                && !mixed
        })?;
        let why = format!("{} has {} and {} has {} on one segment", one.mac, one.ip, other.mac, other.ip);
        Some(SameHost::Refuted { why, frames: shown_by(one, other) })
    }
}

fn pairs_at_one_place<'a>(of_a: &'a [Claim], of_b: &'a [Claim]) -> impl Iterator<Item = (&'a Claim, &'a Claim)> {
    let all = of_a.iter().flat_map(|one| of_b.iter().map(move |other| (one, other)));
    all.filter(|(one, other)| one.place == other.place)
}

/// The capturing host itself sends with both (SLL and SLL2 mark what it sends).
fn by_local_host(of_a: &[Claim], of_b: &[Claim]) -> Option<SameHost> {
    let local = |claims: &'_ [Claim]| {
        let all = claims.iter().all(|claim| claim.local);
        claims.iter().position(|claim| all && claim.how > How::RequestSpa)
    };
    let (one, other) = (of_a.get(local(of_a)?)?, of_b.get(local(of_b)?)?);
    Some(SameHost::Proven {
        why: "the capturing host sends with both addresses".to_owned(),
        frames: shown_by(one, other),
    })
}

fn shown_by(one: &Claim, other: &Claim) -> Vec<Stamp> {
    let mut frames = vec![one.at, other.at];
    frames.sort_unstable();
    frames.dedup();
    frames
}
