//! MACs that belong to a protocol and not to a card: first-hop redundancy, clusters.
//!
//! Such a MAC moves between hosts, answers for addresses that it never sends from, or the other way round, all by
//! design. The patterns are those of RFC 9568 7.3 (and RFC 5798), RFC 2281 and the vendors, and no wider: Docker too
//! writes the IPv4 address into the MACs of its containers (02:42 and the address), and those are plain hosts.

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

/// What a MAC is for, by its pattern alone; `None` for any other. NLB's MACs hold an address, so that they need
/// [`kind_for`].
pub(super) fn kind(mac: Mac) -> Option<VirtualKind> {
    match mac.0 {
        // A virtual router's number is never 0.
        [0x00, 0x00, 0x5e, 0x00, 0x01, router] if router != 0 => Some(VirtualKind::Vrrp),
        [0x00, 0x00, 0x5e, 0x00, 0x02, router] if router != 0 => Some(VirtualKind::Vrrp6),
        // A group of 8 bits in version 1, of 12 bits in version 2, for IPv6 under another vendor's number.
        [0x00, 0x00, 0x0c, 0x07, 0xac, _] => Some(VirtualKind::Hsrp),
        [0x00, 0x00, 0x0c, 0x9f, group, _] if group & 0xf0 == 0xf0 => Some(VirtualKind::Hsrp),
        [0x00, 0x05, 0x73, 0xa0, group, _] if group & 0xf0 == 0x00 => Some(VirtualKind::Hsrp),
        // A group of 10 bits and one of at most four forwarders.
        [0x00, 0x07, 0xb4, group, _, forwarder] if group & 0xfc == 0 && matches!(forwarder, 1..=4) => {
            Some(VirtualKind::Glbp)
        }
        _ => None,
    }
}

/// What a MAC is for when it goes with `ip`: NLB's MACs end in the address of the cluster. The cluster's own MAC begins
/// with 02:bf (unicast) or 03:bf (multicast); each host sends from 02 and its priority, 1 to 32.
pub(super) fn kind_for(mac: Mac, ip: IpAddr) -> Option<VirtualKind> {
    let IpAddr::V4(ip) = ip else { return kind(mac) };
    let [first, second, tail @ ..] = mac.0;
    let of_cluster = matches!((first, second), (0x02 | 0x03, 0xbf) | (0x02, 0x01..=0x20));
    if of_cluster && tail == ip.octets() { Some(VirtualKind::Nlb) } else { kind(mac) }
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
    fn a_glbp_group_has_ten_bits_and_four_forwarders() {
        assert_eq!(kind(Mac([0, 7, 0xb4, 3, 0xff, 4])), Some(VirtualKind::Glbp));
        assert_eq!(kind(Mac([0, 7, 0xb4, 4, 0, 1])), None);
        assert_eq!(kind(Mac([0, 7, 0xb4, 0, 1, 5])), None);
    }

    #[test]
    fn the_documentation_range_and_cards_are_not_virtual() {
        assert_eq!(kind(Mac([0, 0, 0x5e, 0, 0x53, 1])), None);
        assert_eq!(kind(Mac([0, 0, 0x5e, 0, 1, 0])), None);
        assert_eq!(kind(Mac([0, 0, 0x0c, 0x9f, 0x0f, 1])), None);
        assert_eq!(kind(Mac([0, 5, 0x73, 0xa0, 0x10, 1])), None);
        assert_eq!(kind(Mac([2, 0, 0, 0, 1, 0x10])), None);
    }

    #[test]
    fn nlb_is_known_by_the_address_in_it() {
        let ip = "10.0.0.5".parse().unwrap();
        for head in [[2, 0xbf], [3, 0xbf], [2, 1], [2, 0x20]] {
            let mac = Mac([head[0], head[1], 10, 0, 0, 5]);
            assert_eq!(kind_for(mac, ip), Some(VirtualKind::Nlb), "{mac}");
            assert_eq!(kind_for(mac, "10.0.0.6".parse().unwrap()), None, "{mac}");
        }
    }

    #[test]
    fn other_macs_with_the_address_in_them_are_cards() {
        // Docker's first; then no priority of NLB.
        for head in [[2, 0x42], [2, 0], [2, 0x21], [3, 1], [3, 0x42]] {
            let mac = Mac([head[0], head[1], 172, 17, 0, 2]);
            assert_eq!(kind_for(mac, "172.17.0.2".parse().unwrap()), None, "{mac}");
        }
    }
}
