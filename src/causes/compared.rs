//! What a cause is compared with: the transfers, or sessions, that could have failed alike.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use super::table::{Cell, Table, Tally};
use super::traits::{Host, Traits};
use crate::finding::CauseId;
use crate::record::CauseLocus;

/// A table, once it is complete, by what causes ask for.
pub(super) struct Compared<'a> {
    cells: Vec<(&'a Traits, &'a Cell)>,
    by_cause: BTreeMap<CauseId, Vec<usize>>,
    by_server: BTreeMap<SocketAddr, Vec<usize>>,
    by_client: BTreeMap<IpAddr, Vec<usize>>,
    by_host: BTreeMap<(Host, bool), Vec<usize>>,
}

/// Some of what is compared, alike in all traits.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) traits: &'a Traits,
    pub(super) failed: Option<Tally>,
    pub(super) worked: Option<Tally>,
    /// All that worked or failed, by whatever cause.
    pub(super) all: u64,
    /// Whether the locus of the cause takes part: what is elsewhere is compared by where it is alone.
    pub(super) is_at_locus: bool,
}

impl Row<'_> {
    pub(super) fn failures(&self) -> u64 {
        self.failed.map_or(0, |tally| tally.count)
    }

    pub(super) fn successes(&self) -> u64 {
        self.worked.map_or(0, |tally| tally.count)
    }
}

impl<'a> Compared<'a> {
    pub(super) fn of(table: &'a Table) -> Self {
        let mut all = Self {
            cells: table.cells().collect(),
            by_cause: BTreeMap::new(),
            by_server: BTreeMap::new(),
            by_client: BTreeMap::new(),
            by_host: BTreeMap::new(),
        };
        for (place, (traits, cell)) in all.cells.iter().enumerate() {
            cell.causes().for_each(|cause| all.by_cause.entry(cause).or_default().push(place));
            all.by_server.entry(traits.server).or_default().push(place);
            all.by_client.entry(traits.client).or_default().push(place);
            if let Some(host) = traits.host() {
                all.by_host.entry(host).or_default().push(place);
            }
        }
        all
    }

    /// Whether anything failed by a cause.
    pub(super) fn fails_by(&self, cause: CauseId) -> bool {
        self.by_cause.contains_key(&cause)
    }

    /// The servers of what failed by a cause.
    pub(super) fn servers(&self, cause: CauseId) -> BTreeSet<SocketAddr> {
        self.failed(cause).map(|(traits, _)| traits.server).collect()
    }

    /// The clients of what failed by a cause.
    pub(super) fn clients(&self, cause: CauseId) -> BTreeSet<IpAddr> {
        self.failed(cause).map(|(traits, _)| traits.client).collect()
    }

    fn failed(&self, cause: CauseId) -> impl Iterator<Item = (&'a Traits, &'a Cell)> {
        let places = self.by_cause.get(&cause).map(Vec::as_slice).unwrap_or_default();
        places.iter().filter_map(|place| self.cells.get(*place).copied())
    }

    /// What failed by a cause and what could have, in order of its traits. What is about a server is compared with all that
    /// was asked of it, by its address of the other family too, and with what its failing clients asked of others; likewise
    /// what is about a client.
    pub(super) fn rows(&self, cause: CauseId, locus: &CauseLocus) -> Vec<Row<'a>> {
        let all = |by: &[usize]| by.to_vec();
        let of_server = |server: &SocketAddr| self.by_server.get(server).map(|by| all(by)).unwrap_or_default();
        let of_client = |client: &IpAddr| self.by_client.get(client).map(|by| all(by)).unwrap_or_default();
        let mut places: Vec<usize> = match locus {
            CauseLocus::Capture | CauseLocus::Hosts(_) | CauseLocus::Station(_) => (0..self.cells.len()).collect(),
            CauseLocus::Server(_)
            | CauseLocus::Client(_)
            | CauseLocus::ClientAt { .. }
            | CauseLocus::Announced { .. }
            | CauseLocus::Account { .. } => {
                let servers = self.servers(cause);
                let clients = self.clients(cause);
                servers.iter().flat_map(of_server).chain(clients.iter().flat_map(of_client)).collect()
            }
        };
        let by_other_family = self.by_other_family(cause);
        places.extend(&by_other_family);
        places.sort_unstable();
        places.dedup();
        let cells = places.into_iter().filter_map(|place| Some((place, self.cells.get(place)?)));
        let row = |(place, (traits, cell)): (usize, &(&'a Traits, &'a Cell))| Row {
            traits,
            failed: cell.failed(cause),
            worked: cell.worked,
            all: cell.count(),
            is_at_locus: locus.concerns(traits.client, traits.server) || by_other_family.binary_search(&place).is_ok(),
        };
        cells.map(row).collect()
    }

    /// What was asked of the servers of a cause by their addresses of the other family, in order.
    fn by_other_family(&self, cause: CauseId) -> Vec<usize> {
        let hosts: BTreeSet<(Host, bool)> = self.failed(cause).filter_map(|(traits, _)| traits.host()).collect();
        let others = hosts.iter().filter_map(|(host, is_ipv4)| self.by_host.get(&(*host, !is_ipv4)));
        let mut places: Vec<usize> = others.flatten().copied().collect();
        places.sort_unstable();
        places
    }
}
