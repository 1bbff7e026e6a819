//! A map that never outgrows its bounds, in entries and in what they hold together: the entries unused for longest make
//! room, those of followed hosts last.

use std::net::IpAddr;

use foldhash::fast::RandomState;
use indexmap::IndexMap;

use super::aged::Aged;
use super::key::{Key, Keyed};

/// Slots of the direct-mapped cache in front of the map; consecutive packets mostly belong to few conversations.
const SLOTS: usize = 1 << 8;

/// A full map lets one entry of so many go, so that the work is spread over many insertions.
const SHARE: usize = 4;

/// Addresses of FTP parties.
#[derive(Debug)]
pub(super) struct Followed {
    set: Option<Aged>,
}

impl Followed {
    pub fn new(limit: usize) -> Self {
        Self { set: (limit > 0).then(|| Aged::new(limit)) }
    }

    pub fn contains(&self, ip: &IpAddr) -> bool {
        self.set.as_ref().is_some_and(|set| set.contains(ip))
    }

    /// Follows one more.
    pub fn insert(&mut self, ip: IpAddr) {
        if let Some(set) = &mut self.set {
            set.insert(ip);
        }
    }

    /// How many were ever followed: who remembers the number knows whether one has come since.
    #[inline]
    pub fn added(&self) -> usize {
        self.set.as_ref().map_or(0, Aged::added)
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

impl About for (super::Place, crate::wire::Mac) {
    fn is_about(&self, _: &Followed) -> bool {
        false
    }
}

/// Where in the map the entry of a key is that was used last, of those that share a slot; what the key folds to tells
/// without a look at the entry that it is another's.
#[derive(Clone, Copy, Debug)]
struct Recent {
    fold: u64,
    at: usize,
}

impl Recent {
    const NONE: Self = Self { fold: 0, at: usize::MAX };
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
    recent: Vec<Recent>,
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
            recent: vec![Recent::NONE; SLOTS],
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
    #[expect(clippy::indexing_slicing, reason = "the place was found or made just before")]
    pub fn touch(&mut self, key: K, followed: &Followed) -> &mut V {
        self.clock += 1;
        let (slot, fold) = (key.slot(SLOTS), key.fold());
        let cached = self.recent.get(slot).filter(|recent| recent.fold == fold).map(|recent| recent.at);
        let cached = cached.filter(|at| self.entries.get_index(*at).is_some_and(|(known, _)| known.0 == key));
        let at = cached.unwrap_or_else(|| self.find_or_make(key, followed));
        if let Some(recent) = self.recent.get_mut(slot) {
            *recent = Recent { fold, at };
        }
        let entry = &mut self.entries[at];
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

    fn find_or_make(&mut self, key: K, followed: &Followed) -> usize {
        if self.entries.len() >= self.limit && !self.entries.contains_key(&Keyed(key)) {
            self.make_room(followed);
        }
        let entry = self.entries.entry(Keyed(key));
        let at = entry.index();
        entry.or_default();
        at
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
        self.recent.fill(Recent::NONE);
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
        followed.insert(ip(0));
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
