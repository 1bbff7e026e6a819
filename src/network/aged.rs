//! Addresses that were used lately: a set that stays within its bound by forgetting what was not used for longest.

use std::collections::HashMap;
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::key::{Key as _, Keyed};

/// The set, in two halves: when the younger one is full, the older one is forgotten and it takes its place. So at least
/// half of the bound is remembered, and what is used again in time stays.
#[derive(Debug)]
pub struct Aged {
    /// To which half each address belongs: the younger one has this number, the older one the one before.
    halves: HashMap<Keyed<IpAddr>, u64, RandomState>,
    number: u64,
    /// How many are in the younger half, and may be in each.
    young: usize,
    half: usize,
    /// Bits of those that may be in it: nearly all packets are of hosts that are not, which this tells at a look.
    maybe: Maybe,
    let_go: u64,
}

/// Bits of the addresses that may be in a set.
#[derive(Debug)]
pub(super) struct Maybe(Box<[u64; WORDS]>);

/// So many times 64 bits, one or two for each address that is usually in a set: 8 KiB, which stay at hand.
const WORDS: usize = 1 << 10;

impl Aged {
    /// An empty set of at most `most` addresses.
    pub fn new(most: usize) -> Self {
        Self {
            halves: HashMap::default(),
            number: 0,
            young: 0,
            half: (most / 2).max(1),
            maybe: Maybe::default(),
            let_go: 0,
        }
    }

    /// Uses an address; whether it is new.
    pub fn insert(&mut self, ip: IpAddr) -> bool {
        if self.halves.get(&Keyed(ip)) == Some(&self.number) {
            return false;
        }
        if self.young >= self.half {
            let before = self.halves.len();
            self.halves.retain(|known, number| *number == self.number || known.0 == ip);
            self.let_go += (before - self.halves.len()) as u64;
            self.number += 1;
            self.young = 0;
            self.maybe = Maybe::default();
            self.halves.keys().for_each(|known| self.maybe.mark(known.0));
        }
        self.young += 1;
        self.maybe.mark(ip);
        self.halves.insert(Keyed(ip), self.number).is_none()
    }

    /// Whether it was used lately.
    #[inline]
    pub fn contains(&self, ip: &IpAddr) -> bool {
        self.maybe.has(ip) && self.halves.contains_key(&Keyed(*ip))
    }

    /// All of them, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &IpAddr> {
        self.halves.keys().map(|known| &known.0)
    }

    /// How many were forgotten.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }
}

impl Default for Maybe {
    fn default() -> Self {
        Self(Box::new([0; WORDS]))
    }
}

impl Maybe {
    /// Adds an address.
    pub fn mark(&mut self, ip: IpAddr) {
        let (word, bit) = Self::bit(&ip);
        if let Some(word) = self.0.get_mut(word) {
            *word |= bit;
        }
    }

    /// Whether it may have been added.
    #[inline]
    pub fn has(&self, ip: &IpAddr) -> bool {
        let (word, bit) = Self::bit(ip);
        self.0.get(word).is_some_and(|word| word & bit != 0)
    }

    /// Where the bit of an address is.
    #[inline]
    fn bit(ip: &IpAddr) -> (usize, u64) {
        let slot = ip.slot(WORDS * 64);
        (slot / 64, 1 << (slot % 64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(n: u8) -> IpAddr {
        [10, 0, 0, n].into()
    }

    #[test]
    fn what_is_used_again_stays_and_the_rest_goes_by_and_by() {
        let mut aged = Aged::new(4);
        assert!(aged.insert(ip(0)));
        for n in 1..10 {
            assert!(aged.insert(ip(n)));
            assert!(!aged.insert(ip(0)), "after {n}");
            assert!(aged.iter().count() <= 4);
        }
        assert!(aged.contains(&ip(0)) && aged.contains(&ip(9)) && !aged.contains(&ip(3)));
        assert_eq!(aged.let_go() + aged.iter().count() as u64, 10);
    }
}
