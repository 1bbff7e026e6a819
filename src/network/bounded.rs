//! A map that never outgrows its bounds, in entries and in what they hold together: the entries unused for longest make
//! room, those of followed hosts last.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::aged::{Aged, Maybe};
use super::key::{Key, Keyed};

/// A full map lets one entry of so many go, so that the work is spread over many insertions.
const SHARE: usize = 4;

/// Addresses of which every packet is booked: those of FTP parties, and those that moved from one MAC to another.
#[derive(Debug)]
pub(super) struct Followed {
    parties: Aged,
    moved: Aged,
    /// All that ever were, the forgotten too.
    ever: Maybe,
}

impl Followed {
    /// `limit`: of each kind.
    pub fn new(limit: usize) -> Self {
        Self { parties: Aged::new(limit), moved: Aged::new(limit), ever: Maybe::default() }
    }

    #[inline]
    pub fn contains(&self, ip: &IpAddr) -> bool {
        self.parties.contains(ip) || self.moved.contains(ip)
    }

    /// Whether it may ever have been followed.
    #[inline]
    pub fn ever(&self, ip: &IpAddr) -> bool {
        self.ever.has(ip)
    }

    /// Follows a party.
    pub fn party(&mut self, ip: IpAddr) {
        self.ever.mark(ip);
        self.parties.insert(ip);
    }

    /// Follows an address that moved.
    pub fn moved(&mut self, ip: IpAddr) {
        self.ever.mark(ip);
        self.moved.insert(ip);
    }
}

/// What a bounded map can be keyed by: a key that may be about a followed host.
pub(super) trait About: Key {
    /// Whether it is.
    fn is_about(&self, followed: &Followed) -> bool;
}

impl About for IpAddr {
    fn is_about(&self, followed: &Followed) -> bool {
        followed.contains(self)
    }
}

impl About for (IpAddr, IpAddr) {
    fn is_about(&self, followed: &Followed) -> bool {
        followed.contains(&self.0) || followed.contains(&self.1)
    }
}

#[derive(Debug, Default)]
struct Entry<V> {
    value: V,
    used: u64,
}

/// The map. Iteration is in the order of insertion and so the same in every run.
#[derive(Debug)]
pub(super) struct Bounded<K, V> {
    entries: IndexMap<Keyed<K>, Entry<V>, RandomState>,
    limit: usize,
    /// What one value holds.
    weigh: fn(&V) -> usize,
    /// What all hold, and may hold.
    weight: usize,
    heaviest: usize,
    clock: u64,
    let_go: u64,
}

impl<K: About, V: Default> Bounded<K, V> {
    pub fn new(limit: usize) -> Self {
        Self {
            weigh: |_| 0,
            weight: 0,
            heaviest: usize::MAX,
            entries: IndexMap::default(),
            limit: limit.max(SHARE),
            clock: 0,
            let_go: 0,
        }
    }

    /// Bounds what all values hold together to `heaviest`.
    pub fn weighing(self, weigh: fn(&V) -> usize, heaviest: usize) -> Self {
        Self { weigh, heaviest: heaviest.max(SHARE), ..self }
    }

    /// A value holds this much more. What is too much goes when the next entry is made or grows.
    pub fn grew(&mut self, by: usize, followed: &Followed) {
        self.weight += by;
        while self.weight > self.heaviest && !self.entries.is_empty() {
            self.make_room(followed);
        }
    }

    /// The value of `key`, made if need be.
    pub fn touch(&mut self, key: K, followed: &Followed) -> &mut V {
        self.clock += 1;
        if self.entries.len() >= self.limit && !self.entries.contains_key(&Keyed(key)) {
            self.make_room(followed);
        }
        let entry = self.entries.entry(Keyed(key)).or_default();
        entry.used = self.clock;
        &mut entry.value
    }

    /// The value of `key`, if there is one.
    pub fn look(&self, key: &K) -> Option<&V> {
        self.entries.get(&Keyed(*key)).map(|entry| &entry.value)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// All entries, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.entries.iter().map(|(key, entry)| (&key.0, &entry.value))
    }

    /// How many entries had to make room.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    fn make_room(&mut self, followed: &Followed) {
        // Those of followed hosts behind all others, in one word.
        let rank = |(key, entry): (&Keyed<K>, &Entry<V>)| entry.used | u64::from(key.0.is_about(followed)) << 63;
        let ranks: Vec<u64> = self.entries.iter().map(rank).collect();
        let before = self.entries.len();
        let pivot = *ranks.clone().select_nth_unstable(before / SHARE).1;
        // Of less than four the first one goes.
        let few = before < SHARE;
        let mut stays = ranks.into_iter().map(|rank| rank > pivot || (rank == pivot && !few));
        self.entries.retain(|_, _| stays.next().unwrap_or(true));
        self.let_go += (before - self.entries.len()) as u64;
        self.weight = self.entries.values().map(|entry| (self.weigh)(&entry.value)).sum();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::{Bounded, Followed};

    fn ip(n: u32) -> IpAddr {
        Ipv4Addr::from_bits(n).into()
    }

    #[test]
    fn the_longest_unused_make_room_and_the_followed_stay() {
        let mut followed = Followed::new(4);
        followed.party(ip(0));
        let mut map: Bounded<IpAddr, u32> = Bounded::new(8);
        for n in 0..8 {
            *map.touch(ip(n), &followed) = n + 1;
        }
        *map.touch(ip(1), &followed) += 100;
        for n in 8..11 {
            map.touch(ip(n), &followed);
        }
        assert_eq!(map.look(&ip(0)), Some(&1), "followed");
        assert_eq!(map.look(&ip(1)), Some(&102), "used again");
        assert_eq!(map.look(&ip(2)), None);
        assert_eq!(map.look(&ip(3)), None);
        assert_eq!(map.look(&ip(6)), Some(&7));
        assert_eq!(map.let_go(), 4);
        assert_eq!(map.iter().count(), 7);
    }

    #[test]
    fn what_the_values_hold_is_bounded_too() {
        let followed = Followed::new(4);
        let mut map: Bounded<IpAddr, Vec<u8>> = Bounded::new(64).weighing(Vec::len, 100);
        for n in 0..3 {
            for _ in 0..40 {
                map.touch(ip(n), &followed).push(0);
                map.grew(1, &followed);
            }
        }
        let held: usize = map.iter().map(|(_, value)| value.len()).sum();
        assert!(held <= 100 && map.look(&ip(2)).is_some(), "{held}");
        assert_eq!(map.look(&ip(0)), None);
        assert_eq!(map.let_go(), 1);
    }

    #[test]
    fn a_flood_does_not_grow_it() {
        let followed = Followed::new(4);
        let mut map: Bounded<IpAddr, u32> = Bounded::new(64);
        for n in 0..10_000 {
            map.touch(ip(n), &followed);
        }
        assert!(map.iter().count() <= 64);
        assert_eq!(map.let_go() + map.iter().count() as u64, 10_000);
    }
}
