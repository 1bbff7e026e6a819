//! Pseudonyms of addresses: prefix-preserving, and each of the class of its original.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use super::key::Key;
use super::tree::{Class, Tree};
use crate::wire::Mac;

/// Pseudonyms remembered: they cost a hash for each bit. All are forgotten when there are more, and made again.
const REMEMBERED: usize = 1 << 16;

const fn v4(a: u8, b: u8, c: u8, len: u32, kept: bool) -> Class {
    Class { prefix: (u32::from_be_bytes([a, b, c, 0]) as u128) << 96, len, kept }
}

const fn v6(high: u64, len: u32, kept: bool) -> Class {
    Class { prefix: (high as u128) << 64, len, kept }
}

const fn mac(octets: [u8; 6], len: u32, kept: bool) -> Class {
    let [o1, o2, o3, o4, o5, o6] = octets;
    Class { prefix: (u64::from_be_bytes([o1, o2, o3, o4, o5, o6, 0, 0]) as u128) << 64, len, kept }
}

/// The special-purpose registry (RFC 6890) as far as it matters to anybody here.
const V4: Tree = Tree {
    purpose: 4,
    bits: 32,
    classes: &[
        v4(0, 0, 0, 8, true),
        v4(10, 0, 0, 8, false),
        v4(100, 64, 0, 10, false),
        v4(127, 0, 0, 8, true),
        v4(169, 254, 0, 16, false),
        v4(172, 16, 0, 12, false),
        v4(192, 0, 2, 24, false),
        v4(192, 168, 0, 16, false),
        v4(198, 18, 0, 15, false),
        v4(198, 51, 100, 24, false),
        v4(203, 0, 113, 24, false),
        v4(224, 0, 0, 24, true),
        v4(224, 0, 0, 4, false),
        v4(240, 0, 0, 4, false),
        Class { prefix: 0xffff_ffff << 96, len: 32, kept: true },
    ],
};

const V6: Tree = Tree {
    purpose: 6,
    bits: 128,
    classes: &[
        Class { prefix: 0, len: 128, kept: true },
        Class { prefix: 1, len: 128, kept: true },
        v6(0x2001_0db8_0000_0000, 32, false),
        v6(0x2001_0000_0000_0000, 32, false),
        v6(0x2002_0000_0000_0000, 16, false),
        v6(0x2000_0000_0000_0000, 3, false),
        v6(0xfc00_0000_0000_0000, 8, false),
        v6(0xfd00_0000_0000_0000, 8, false),
        v6(0xfe80_0000_0000_0000, 64, false),
        v6(0xfe80_0000_0000_0000, 10, false),
        // Solicited-node groups (RFC 4291 2.7.1) end in a part of an address.
        Class { prefix: 0xff02_0000_0000_0000_0000_0001_ff00_0000, len: 104, kept: false },
        v6(0xff00_0000_0000_0000, 8, false),
    ],
};

/// IPv4-mapped addresses, and those of NAT64 (RFC 6052): the IPv4 address is what counts.
const V4_IN_V6: [u128; 2] = [0xffff << 32, 0x0064_ff9b << 96];

/// Redundancy protocols keep their addresses, which name groups and no cards; so do bridges (IEEE 802.1D).
const MAC: Tree = Tree {
    purpose: 48,
    bits: 48,
    classes: &[
        mac([0x00, 0x00, 0x5e, 0, 1, 0], 40, true),
        mac([0x00, 0x00, 0x5e, 0, 2, 0], 40, true),
        mac([0x00, 0x00, 0x0c, 0x07, 0xac, 0], 40, true),
        mac([0x00, 0x00, 0x0c, 0x9f, 0xf0, 0], 36, true),
        mac([0x00, 0x05, 0x73, 0xa0, 0, 0], 36, true),
        mac([0x00, 0x07, 0xb4, 0, 0, 0], 32, true),
        mac([0x01, 0x00, 0x5e, 0, 0, 0], 24, false),
        mac([0x01, 0x80, 0xc2, 0, 0, 0], 24, true),
        mac([0x33, 0x33, 0, 0, 0, 0], 16, false),
    ],
};
/// Of nobody and of everybody: kept, each alone.
const NO_CARD: [[u8; 6]; 2] = [[0; 6], [0xff; 6]];
/// Multicast and locally administered: the low bits of the first byte.
const MAC_CLASS: u8 = 0x03;

/// Gives addresses their pseudonyms.
#[derive(Debug)]
pub struct Addresses {
    key: Key,
    known: HashMap<(u8, u128), u128, RandomState>,
}

impl Addresses {
    /// Pseudonyms of this key.
    pub fn new(key: Key) -> Self {
        Self { key, known: HashMap::default() }
    }

    /// The pseudonym of an IP address.
    pub fn ip(&mut self, address: IpAddr) -> IpAddr {
        match address {
            IpAddr::V4(address) => IpAddr::V4(self.v4(address)),
            IpAddr::V6(address) => IpAddr::V6(self.v6(address)),
        }
    }

    /// The pseudonym of an IPv4 address.
    pub fn v4(&mut self, address: Ipv4Addr) -> Ipv4Addr {
        let pseudonym = self.permuted(&V4, u128::from(address.to_bits()) << 96);
        let [a, b, c, d, ..] = pseudonym.to_be_bytes();
        Ipv4Addr::new(a, b, c, d)
    }

    /// The pseudonym of an IPv6 address.
    pub fn v6(&mut self, address: Ipv6Addr) -> Ipv6Addr {
        let bits = address.to_bits();
        let [.., a, b, c, d] = address.octets();
        let head = bits >> 32 << 32;
        if V4_IN_V6.contains(&head) {
            return Ipv6Addr::from_bits(head | u128::from(self.v4(Ipv4Addr::new(a, b, c, d)).to_bits()));
        }
        // Well-known groups are small numbers within a scope (RFC 4291 2.7).
        if bits >> 120 == 0xff && (bits << 16 >> 16) < 1 << 20 {
            return address;
        }
        Ipv6Addr::from_bits(self.permuted(&V6, bits))
    }

    /// The pseudonym of a link-layer address.
    pub fn mac(&mut self, Mac(octets): Mac) -> Mac {
        let [first, second, tail @ ..] = octets;
        // Network load balancing writes the cluster's IPv4 address behind 02:bf, 03:bf or 02 and the host's number, and
        // Docker the container's behind 02:42.
        if matches!((first, second), (0x02 | 0x03, 0xbf | 0x42 | 0x01..=0x20)) {
            let [third, fourth, fifth, sixth] = self.v4(Ipv4Addr::from(tail)).octets();
            return Mac([first, second, third, fourth, fifth, sixth]);
        }
        let mut pseudonym = octets;
        if !NO_CARD.contains(&octets) {
            // Whom one of these two would be the pseudonym of gets what theirs would be, so that all stay apart.
            loop {
                pseudonym = self.permuted_mac(pseudonym);
                if !NO_CARD.contains(&pseudonym) {
                    break;
                }
            }
        }
        Mac(pseudonym)
    }

    fn permuted_mac(&mut self, octets: [u8; 6]) -> [u8; 6] {
        let value = octets.iter().fold(0_u128, |value, octet| value << 8 | u128::from(*octet)) << 80;
        let [other, second, third, fourth, fifth, sixth, ..] = self.permuted(&MAC, value).to_be_bytes();
        [other & !MAC_CLASS | octets[0] & MAC_CLASS, second, third, fourth, fifth, sixth]
    }

    fn permuted(&mut self, tree: &Tree, value: u128) -> u128 {
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        let key = &self.key;
        *self.known.entry((tree.purpose, value)).or_insert_with(|| tree.permute(key, value))
    }

    /// The key, for pseudonyms of other things.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn addresses(key: u8) -> Addresses {
        Addresses::new(Key::from_hex(&format!("{key:02x}").repeat(16)).unwrap())
    }

    fn class_v4(address: Ipv4Addr) -> Vec<usize> {
        let bits = u128::from(address.to_bits()) << 96;
        (0..V4.classes.len()).filter(|index| V4.classes[*index].holds(bits)).collect()
    }

    fn common(one: u128, other: u128) -> u32 {
        (one ^ other).leading_zeros()
    }

    #[test]
    fn what_names_no_host_is_kept() {
        let mut addresses = addresses(1);
        for text in ["0.0.0.0", "127.0.0.1", "255.255.255.255", "224.0.0.1", "::", "::1", "ff02::1", "ff02::fb"] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(addresses.ip(address), address);
        }
        for mac in [[0; 6], [0xff; 6], [0, 0, 0x5e, 0, 1, 7], [0, 0, 0x0c, 7, 0xac, 3], [0, 7, 0xb4, 0, 1, 2]] {
            assert_eq!(addresses.mac(Mac(mac)), Mac(mac));
        }
    }

    #[test]
    fn addresses_in_addresses_follow_them() {
        let mut addresses = addresses(2);
        let inner = addresses.v4(Ipv4Addr::new(10, 1, 0, 10));
        assert_eq!(addresses.v6("::ffff:10.1.0.10".parse().unwrap()), inner.to_ipv6_mapped());
        let [a, b, c, d] = inner.octets();
        assert_eq!(addresses.mac(Mac([2, 0xbf, 10, 1, 0, 10])), Mac([2, 0xbf, a, b, c, d]));
        let nat64 = addresses.v6("64:ff9b::10.1.0.10".parse().unwrap());
        assert_eq!(
            nat64.to_string(),
            format!("64:ff9b::{:x}:{:x}", u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        );
    }

    #[test]
    fn pseudonyms_depend_on_the_key_alone() {
        let address = Ipv4Addr::new(192, 0, 9, 17);
        assert_eq!(addresses(3).v4(address), addresses(3).v4(address));
        let different = (0..20).filter(|key| addresses(*key).v4(address) != address).count();
        assert!(different > 15);
    }

    proptest! {
        #[test]
        fn common_prefixes_stay_as_long_as_they_are(one: u32, other: u32, shared in 0u32..33, key: u8) {
            let other = if shared == 0 { other } else { one & (u32::MAX << (32 - shared)) | other & !(u32::MAX << (32 - shared)) };
            let mut addresses = addresses(key);
            let (p, q) = (addresses.v4(Ipv4Addr::from_bits(one)), addresses.v4(Ipv4Addr::from_bits(other)));
            let kept = |bits: u32| V4.classes.iter().any(|class| class.kept && class.holds(u128::from(bits) << 96));
            if !kept(one) && !kept(other) {
                prop_assert_eq!((p.to_bits() ^ q.to_bits()).leading_zeros(), (one ^ other).leading_zeros());
            }
            prop_assert_eq!(p == q, one == other);
        }

        #[test]
        fn ipv6_prefixes_stay_as_long_as_they_are(one: u128, other: u128, shared in 0u32..128, key: u8) {
            let mask = u128::MAX.checked_shl(128 - shared).unwrap_or(0);
            let (one, other) = (one | 1 << 125, (one & mask | other & !mask) | 1 << 125);
            let mut addresses = addresses(key);
            let [p, q] = [one, other].map(|bits| addresses.v6(Ipv6Addr::from_bits(bits)).to_bits());
            let kept = |bits: u128| bits >> 120 == 0xff;
            if !kept(one) && !kept(other) {
                prop_assert_eq!(common(p, q), common(one, other));
            }
        }

        #[test]
        fn classes_stay(bits: u32, class in 0..V4.classes.len(), key: u8) {
            let class = V4.classes[class];
            let inside = (class.prefix >> 96) as u32 | bits & u32::MAX.checked_shr(class.len).unwrap_or(0);
            let mut addresses = addresses(key);
            for address in [bits, inside].map(Ipv4Addr::from_bits) {
                prop_assert_eq!(class_v4(address), class_v4(addresses.v4(address)));
            }
        }

        #[test]
        fn a_card_of_small_number_does_not_keep_it(number in 1_u8..8, key: u8) {
            // A permutation may keep an octet by chance, hardly three.
            let mut addresses = addresses(key);
            let Mac(pseudonym) = addresses.mac(Mac([0, 0, 0, 0, 0, number]));
            prop_assert_ne!(&pseudonym[2..5], &[0_u8; 3][..]);
        }

        #[test]
        fn macs_stay_apart_and_of_their_kind(one: [u8; 6], other: [u8; 6], key: u8) {
            let mut addresses = addresses(key);
            let (p, q) = (addresses.mac(Mac(one)), addresses.mac(Mac(other)));
            prop_assert_eq!(p.0[0] & 3, one[0] & 3);
            prop_assert_eq!(p == q, one == other);
        }
    }
}
