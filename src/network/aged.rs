//! Addresses that were used lately: a set that stays within its bound by forgetting what was not used for longest.

use std::collections::HashSet;
use std::net::IpAddr;

use foldhash::fast::RandomState;

/// The set, in two halves: when the younger one is full, the older one is forgotten and it takes its place. So at least
/// half of the bound is remembered, and what is used again in time stays.
#[derive(Debug)]
pub struct Aged {
    young: HashSet<IpAddr, RandomState>,
    old: HashSet<IpAddr, RandomState>,
    half: usize,
    added: usize,
    let_go: u64,
}

impl Aged {
    /// An empty set of at most `most` addresses.
    pub fn new(most: usize) -> Self {
        let half = (most / 2).max(1);
        Self { young: HashSet::default(), old: HashSet::default(), half, added: 0, let_go: 0 }
    }

    /// Uses an address; whether it is new.
    pub fn insert(&mut self, ip: IpAddr) -> bool {
        if self.young.contains(&ip) {
            return false;
        }
        if self.young.len() >= self.half {
            let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            self.let_go += forgotten.iter().filter(|one| **one != ip).count() as u64;
            self.young.insert(ip);
            let newly = !self.old.remove(&ip) && !forgotten.contains(&ip);
            self.added += usize::from(newly);
            return newly;
        }
        self.young.insert(ip);
        let newly = !self.old.remove(&ip);
        self.added += usize::from(newly);
        newly
    }

    /// Whether it was used lately.
    #[inline]
    pub fn contains(&self, ip: &IpAddr) -> bool {
        self.young.contains(ip) || self.old.contains(ip)
    }

    /// All of them, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &IpAddr> {
        self.young.iter().chain(&self.old)
    }

    /// How many were ever new: who remembers the number knows whether one has come since.
    pub fn added(&self) -> usize {
        self.added
    }

    /// How many were forgotten.
    pub fn let_go(&self) -> u64 {
        self.let_go
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
        assert_eq!(aged.added(), 10);
        assert_eq!(aged.let_go() + aged.iter().count() as u64, 10);
    }
}
