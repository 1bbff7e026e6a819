//! Transfers, or sessions, counted by their traits: what failed by which cause, and what worked.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::traits::Traits;
use crate::finding::CauseId;
use crate::frame::Timestamp;
use crate::record::CauseLocus;

/// Combinations of traits that are counted. What is new beyond it is not compared: a capture with so many clients has
/// enough of others.
const CELLS: usize = 65_536;

/// How often, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
}

impl Tally {
    fn add(slot: &mut Option<Self>, at: Timestamp) {
        let tally = slot.get_or_insert(Self { count: 0, first: at, last: at });
        tally.count += 1;
        tally.first = tally.first.min(at);
        tally.last = tally.last.max(at);
    }
}

/// What happened to those that are alike in all traits.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) worked: Option<Tally>,
    pub(super) failed: BTreeMap<CauseId, Option<Tally>>,
    pub(super) failed_otherwise: u64,
}

/// Transfers, or sessions, by their traits.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: BTreeMap<Traits, Cell>,
}

/// How many of what a cause is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) failed: u64,
    /// What could have failed alike, what failed with it.
    pub(super) comparable: u64,
}

/// Who had to do with what failed.
#[derive(Debug, Default)]
pub(super) struct Ends {
    pub(super) servers: BTreeSet<SocketAddr>,
    pub(super) clients: BTreeSet<IpAddr>,
}

impl Table {
    fn cell(&mut self, traits: &Traits) -> Option<&mut Cell> {
        if self.cells.len() >= CELLS && !self.cells.contains_key(traits) {
            return None;
        }
        Some(self.cells.entry(traits.clone()).or_default())
    }

    pub(super) fn worked(&mut self, traits: &Traits, at: Timestamp) {
        if let Some(cell) = self.cell(traits) {
            Tally::add(&mut cell.worked, at);
        }
    }

    pub(super) fn failed(&mut self, traits: &Traits, cause: CauseId, at: Timestamp) {
        if let Some(cell) = self.cell(traits) {
            Tally::add(cell.failed.entry(cause).or_default(), at);
        }
    }

    pub(super) fn failed_otherwise(&mut self, traits: &Traits) {
        if let Some(cell) = self.cell(traits) {
            cell.failed_otherwise += 1;
        }
    }

    /// Whether anything in it failed by this.
    pub(super) fn fails_by(&self, cause: CauseId) -> bool {
        self.cells.values().any(|cell| cell.failed.contains_key(&cause))
    }

    /// The servers and clients of what failed by this.
    pub(super) fn ends(&self, cause: CauseId) -> Ends {
        let failed = self.cells.iter().filter(|(_, cell)| cell.failed.contains_key(&cause)).map(|(traits, _)| traits);
        let mut ends = Ends::default();
        for traits in failed {
            ends.servers.insert(traits.server);
            ends.clients.insert(traits.client);
        }
        ends
    }

    /// What failed by this, among all that its locus could make fail.
    pub(super) fn counts(&self, cause: CauseId, locus: &CauseLocus) -> Counts {
        let mut counts = Counts::default();
        for (_, cell) in self.cells.iter().filter(|(traits, _)| is_within(locus, traits)) {
            counts.failed += cell.failed.get(&cause).map_or(0, |tally| tally.map_or(0, |tally| tally.count));
            let failed: u64 = cell.failed.values().flatten().map(|tally| tally.count).sum();
            counts.comparable += failed + cell.failed_otherwise + cell.worked.map_or(0, |tally| tally.count);
        }
        if counts.failed == 0 { Counts::default() } else { counts }
    }
}

/// Whether a locus has to do with what has these traits.
fn is_within(locus: &CauseLocus, traits: &Traits) -> bool {
    match locus {
        CauseLocus::Server(server) | CauseLocus::Announced { server, .. } | CauseLocus::Account { server, .. } => {
            traits.server == *server
        }
        CauseLocus::Client(client) => traits.client == *client,
        CauseLocus::Hosts(_) | CauseLocus::Station(_) | CauseLocus::Capture => true,
    }
}
