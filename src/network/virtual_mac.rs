//! MACs that belong to a protocol and not to a card: first-hop redundancy, clusters.
//!
//! Such a MAC moves between hosts, answers for addresses that it never sends from, or the other way round, all by
//! design. The prefixes are those of RFC 9568 7.3 (and RFC 5798), RFC 2281 and the vendors.

use std::fmt;
use std::net::IpAddr;

use super::{Network, Place};
use crate::frame::Stamp;
use crate::wire::Mac;

/// What a virtual MAC is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VirtualKind {
    /// VRRP for IPv4, or CARP, which took over the prefix.
    Vrrp,
    /// VRRP for IPv6.
    Vrrp6,
    /// HSRP, any version.
    Hsrp,
    /// GLBP
    Glbp,
    /// Microsoft network load balancing.
    Nlb,
}

impl fmt::Display for VirtualKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vrrp => "VRRP or CARP",
            Self::Vrrp6 => "VRRP for IPv6",
            Self::Hsrp => "HSRP",
            Self::Glbp => "GLBP",
            Self::Nlb => "Network Load Balancing",
        })
    }
}

/// What a MAC is for, by its prefix alone; `None` for any other. NLB's prefix is locally administered, so that it
/// needs [`kind_for`].
pub(super) fn kind(mac: Mac) -> Option<VirtualKind> {
    match mac.0 {
        [0x00, 0x00, 0x5e, 0x00, 0x01, _] => Some(VirtualKind::Vrrp),
        [0x00, 0x00, 0x5e, 0x00, 0x02, _] => Some(VirtualKind::Vrrp6),
        [0x00, 0x00, 0x0c, 0x07, 0xac, _] => Some(VirtualKind::Hsrp),
        [0x00, 0x00, 0x0c, 0x9f, group, _] if group & 0xf0 == 0xf0 => Some(VirtualKind::Hsrp),
        [0x00, 0x05, 0x73, 0xa0, group, _] if group & 0xf0 == 0x00 => Some(VirtualKind::Hsrp),
        [0x00, 0x07, 0xb4, 0x00, _, _] => Some(VirtualKind::Glbp),
        _ => None,
    }
}

/// What a MAC is for when it goes with `ip`: NLB's MACs end in the address of the cluster, which begins with no zero.
pub(super) fn kind_for(mac: Mac, ip: IpAddr) -> Option<VirtualKind> {
    let IpAddr::V4(ip) = ip else { return kind(mac) };
    let [first, _, tail @ ..] = mac.0;
    let nlb = matches!(first, 0x02 | 0x03) && tail == ip.octets() && tail.first() != Some(&0);
    if nlb { Some(VirtualKind::Nlb) } else { kind(mac) }
}

/// A virtual MAC in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualUse {
    /// The host whose packets it carries, or whose address it has.
    pub ip: IpAddr,
    /// Where.
    pub place: Place,
    /// The MAC.
    pub mac: Mac,
    /// What it is for.
    pub kind: VirtualKind,
    /// The first frame from or to it.
    pub at: Stamp,
}

impl Network {
    /// The virtual MACs that carry packets of hosts or have their addresses, each once for a host, in order of the
    /// first frame.
    pub fn virtual_macs(&self) -> Vec<VirtualUse> {
        let mut uses: Vec<VirtualUse> = Vec::new();
        let mut note = |ip: IpAddr, place: Place, mac: Option<Mac>, at: Stamp| {
            if let Some((mac, kind)) = mac.and_then(|mac| Some((mac, kind_for(mac, ip)?))) {
                uses.push(VirtualUse { ip, place, mac, kind, at });
            }
        };
        for (from, to, lane) in self.pairs.iter() {
            for ip in [from, to] {
                note(ip, lane.place, Some(lane.from_mac), lane.trail.first);
                note(ip, lane.place, lane.to_mac, lane.trail.first);
            }
        }
        for (ip, holding) in self.holdings.iter() {
            for run in &holding.runs {
                note(ip, holding.place, Some(run.mac), run.trail.first);
            }
        }
        uses.sort_by_key(|used| (used.ip, used.mac, used.at));
        uses.dedup_by_key(|used| (used.ip, used.mac));
        uses.sort_by_key(|used| (used.at, used.ip));
        uses
    }
}

#[cfg(test)]
mod tests {
    use super::{VirtualKind, kind, kind_for};
    use crate::wire::Mac;

    #[test]
    fn prefixes_tell_what_a_mac_is_for() {
        assert_eq!(kind(Mac([0, 0, 0x5e, 0, 1, 5])), Some(VirtualKind::Vrrp));
        assert_eq!(kind(Mac([0, 0, 0x5e, 0, 2, 5])), Some(VirtualKind::Vrrp6));
        assert_eq!(kind(Mac([0, 0, 0x0c, 7, 0xac, 1])), Some(VirtualKind::Hsrp));
        assert_eq!(kind(Mac([0, 0, 0x0c, 0x9f, 0xf0, 1])), Some(VirtualKind::Hsrp));
        assert_eq!(kind(Mac([0, 5, 0x73, 0xa0, 0, 1])), Some(VirtualKind::Hsrp));
        assert_eq!(kind(Mac([0, 7, 0xb4, 0, 1, 1])), Some(VirtualKind::Glbp));
    }

    #[test]
    fn the_documentation_range_and_cards_are_not_virtual() {
        assert_eq!(kind(Mac([0, 0, 0x5e, 0, 0x53, 1])), None);
        assert_eq!(kind(Mac([0, 0, 0x0c, 0x9f, 0x0f, 1])), None);
        assert_eq!(kind(Mac([2, 0, 0, 0, 1, 0x10])), None);
    }

    #[test]
    fn nlb_is_known_by_the_address_in_it() {
        let mac = Mac([2, 0xbf, 10, 0, 0, 5]);
        assert_eq!(kind_for(mac, "10.0.0.5".parse().unwrap()), Some(VirtualKind::Nlb));
        assert_eq!(kind_for(Mac([2, 1, 10, 0, 0, 5]), "10.0.0.5".parse().unwrap()), Some(VirtualKind::Nlb));
        assert_eq!(kind_for(mac, "10.0.0.6".parse().unwrap()), None);
    }
}
