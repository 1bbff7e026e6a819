//! Which files of evidence are kept: the newest of each diagnosis and server, so that a fault that repeats fills no disk
//! and hides no other.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use crate::finding::DiagnosisName;
use crate::frame::Timestamp;

/// Seconds between two files of a kind of which there are as many as are kept: a flood is not worth writing.
const PAUSE: f64 = 1.0;

/// Files of one diagnosis at one server.
pub(super) const OF_A_KIND: usize = 10;

/// Files in all.
pub(super) const IN_ALL: usize = 10_000;

/// A diagnosis, and the server or host it is about.
pub(super) type Kind = (DiagnosisName, Option<IpAddr>);

/// Those of a kind, each with the turn in which it came.
#[derive(Debug)]
struct Files<T> {
    kept: VecDeque<(u64, T)>,
    /// The time of the newest.
    newest: Timestamp,
}

/// What is kept of the files that were put here, whatever they are.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    kinds: BTreeMap<DiagnosisName, BTreeMap<Option<IpAddr>, Files<T>>>,
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

    /// Whether a file of this kind and time is wanted.
    pub(super) fn wants(&self, (diagnosis, server): Kind, time: Timestamp) -> bool {
        let files = self.kinds.get(&diagnosis).and_then(|servers| servers.get(&server));
        files.is_none_or(|files| files.kept.len() < self.of_a_kind || time.seconds_since(files.newest) >= PAUSE)
    }

    /// Puts a file here; gives the one that has to go for it: the oldest of its kind, or where there are too many in all
    /// the oldest of the diagnosis that has most.
    pub(super) fn put(&mut self, (diagnosis, server): Kind, time: Timestamp, file: T) -> Option<T> {
        let none = || Files { kept: VecDeque::new(), newest: time };
        let files = self.kinds.entry(diagnosis).or_default().entry(server).or_insert_with(none);
        files.kept.push_back((self.next, file));
        files.newest = time;
        self.next += 1;
        self.count += 1;
        if files.kept.len() > self.of_a_kind {
            self.count -= 1;
            return files.kept.pop_front().map(|(_, oldest)| oldest);
        }
        if self.count > self.in_all { self.take_from_most() } else { None }
    }

    fn take_from_most(&mut self) -> Option<T> {
        let count = |servers: &BTreeMap<_, Files<T>>| servers.values().map(|files| files.kept.len()).sum::<usize>();
        let most = self.kinds.values_mut().max_by_key(|servers| count(servers))?;
        let oldest = most.iter().min_by_key(|(_, files)| files.kept.front().map_or(u64::MAX, |(turn, _)| *turn));
        let server = oldest.map(|(server, _)| *server)?;
        let files = most.get_mut(&server)?;
        let taken = files.kept.pop_front();
        if files.kept.is_empty() {
            most.remove(&server);
        }
        self.count -= 1;
        taken.map(|(_, file)| file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::{data_syn_refused, time_wait_collision};

    const REFUSED: DiagnosisName = data_syn_refused::NAME;
    const COLLISION: DiagnosisName = time_wait_collision::NAME;

    fn server(number: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, number])
    }

    fn second(number: u8) -> Timestamp {
        Timestamp(i64::from(number) * 1_000_000_000)
    }

    #[test]
    fn the_newest_of_a_kind_are_kept() {
        let mut shelf = Shelf::new(2, 100);
        let mut put = |diagnosis, server, number| shelf.put((diagnosis, server), second(number), number);
        let gone: Vec<_> = (0..5).filter_map(|number| put(REFUSED, Some(server(1)), number)).collect();
        assert_eq!(gone, [0, 1, 2]);
        assert_eq!(put(REFUSED, Some(server(2)), 9), None, "another server");
        assert_eq!(put(COLLISION, Some(server(1)), 9), None, "another diagnosis");
        assert_eq!(put(REFUSED, None, 9), None, "no server");
        assert_eq!(shelf.count, 5);
    }

    #[test]
    fn in_all_the_diagnosis_with_most_gives_way() {
        let mut shelf = Shelf::new(2, 5);
        let mut put = |diagnosis, host, number| shelf.put((diagnosis, Some(server(host))), second(number), number);
        assert_eq!(put(COLLISION, 1, 100), None);
        let gone: Vec<_> = (0..20).filter_map(|number| put(REFUSED, number, number)).collect();
        assert_eq!(gone, (0..16).collect::<Vec<_>>(), "the oldest of the flood");
        assert_eq!(put(COLLISION, 2, 101), Some(16), "a new one of the other is recorded");
        assert_eq!(shelf.count, 5);
    }

    #[test]
    fn of_a_flood_one_a_second_is_wanted() {
        let mut shelf = Shelf::new(2, 100);
        let kind = (REFUSED, Some(server(1)));
        for number in [1, 2] {
            assert!(shelf.wants(kind, second(1)));
            shelf.put(kind, second(1), number);
        }
        assert!(!shelf.wants(kind, second(1)));
        assert!(shelf.wants(kind, second(2)));
        assert!(shelf.wants((COLLISION, Some(server(1))), second(1)), "a new kind always");
    }
}
