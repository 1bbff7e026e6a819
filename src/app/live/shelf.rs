//! Which files of evidence are kept: the newest of each diagnosis and server, so that a fault that repeats every second
//! fills no disk and hides no other.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

/// Files of one diagnosis at one server.
pub(super) const OF_A_KIND: usize = 10;

/// Files in all.
pub(super) const IN_ALL: usize = 10_000;

/// A diagnosis, and the server or host it is about.
pub(super) type Kind = (&'static str, Option<IpAddr>);

/// Those of a kind, each with the turn in which it came.
type Files<T> = VecDeque<(u64, T)>;

/// What is kept of the files that were put here, whatever they are.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    kinds: BTreeMap<&'static str, BTreeMap<Option<IpAddr>, Files<T>>>,
    next: u64,
    count: usize,
    of_a_kind: usize,
    in_all: usize,
}

impl<T> Shelf<T> {
    /// One that keeps so many of a kind, and so many in all.
    pub(super) fn new(of_a_kind: usize, in_all: usize) -> Self {
        Self { kinds: BTreeMap::new(), next: 0, count: 0, of_a_kind, in_all }
    }

    /// Puts a file here; gives the one that has to go for it: the oldest of its kind, or where there are too many in all
    /// the oldest of the diagnosis that has most.
    pub(super) fn put(&mut self, (diagnosis, server): Kind, file: T) -> Option<T> {
        let files = self.kinds.entry(diagnosis).or_default().entry(server).or_default();
        files.push_back((self.next, file));
        self.next += 1;
        self.count += 1;
        if files.len() > self.of_a_kind {
            self.count -= 1;
            return files.pop_front().map(|(_, oldest)| oldest);
        }
        if self.count > self.in_all { self.take_from_most() } else { None }
    }

    fn take_from_most(&mut self) -> Option<T> {
        let most = self.kinds.values_mut().max_by_key(|servers| servers.values().map(Files::len).sum::<usize>())?;
        let oldest = most.iter().min_by_key(|(_, files)| files.front().map_or(u64::MAX, |(turn, _)| *turn));
        let server = oldest.map(|(server, _)| *server)?;
        let files = most.get_mut(&server)?;
        let taken = files.pop_front();
        if files.is_empty() {
            most.remove(&server);
        }
        self.count -= 1;
        taken.map(|(_, file)| file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &str = "data-syn-refused";
    const COLLISION: &str = "time-wait-collision";

    fn server(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    #[test]
    fn the_newest_of_a_kind_are_kept() {
        let mut shelf = Shelf::new(2, 100);
        let gone: Vec<_> = (0..5).filter_map(|number| shelf.put((REFUSED, Some(server(1))), number)).collect();
        assert_eq!((gone, shelf.count), (vec![0, 1, 2], 2));
        assert_eq!(shelf.put((REFUSED, Some(server(2))), 9), None, "another server");
        assert_eq!(shelf.put((COLLISION, Some(server(1))), 9), None, "another diagnosis");
        assert_eq!(shelf.put((REFUSED, None), 9), None, "no server");
    }

    #[test]
    fn in_all_the_diagnosis_with_most_gives_way() {
        let mut shelf = Shelf::new(2, 5);
        assert_eq!(shelf.put((COLLISION, Some(server(1))), 100), None);
        let gone: Vec<_> = (0..20).filter_map(|number| shelf.put((REFUSED, Some(server(number))), number)).collect();
        assert_eq!(gone, (0..16).collect::<Vec<_>>(), "the oldest of the flood");
        assert_eq!(shelf.put((COLLISION, Some(server(2))), 101), Some(16), "a new one of the other is recorded");
        assert_eq!(shelf.count, 5);
    }
}
