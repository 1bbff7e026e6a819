//! Transfers, or sessions, counted by their traits: what failed by which cause, and what worked.

use std::collections::BTreeMap;

use super::traits::Traits;
use crate::finding::CauseId;
use crate::frame::Timestamp;

/// Combinations of traits that are counted. Beyond it sizes and ports are not told apart, and twice as far what is new is
/// not compared.
const CELLS: usize = 32_768;

/// How often, when, and with which announced data ports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tally {
    pub(super) count: u64,
    pub(super) first: Timestamp,
    pub(super) last: Timestamp,
    /// The lowest and the highest.
    pub(super) ports: Option<(u16, u16)>,
}

impl Tally {
    /// Adds one to a tally that may not have begun.
    fn add(slot: &mut Option<Self>, at: Timestamp, port: Option<u16>) {
        let tally = slot.get_or_insert(Self { count: 0, first: at, last: at, ports: None });
        tally.count += 1;
        tally.first = tally.first.min(at);
        tally.last = tally.last.max(at);
        let ports = port.map(|port| tally.ports.map_or((port, port), |(low, high)| (low.min(port), high.max(port))));
        tally.ports = ports.or(tally.ports);
    }
}

/// What happened to those that are alike in all traits.
#[derive(Debug, Default)]
pub(super) struct Cell {
    pub(super) worked: Option<Tally>,
    /// By which cause; hardly ever more than one.
    failed: Vec<(CauseId, Option<Tally>)>,
    failed_otherwise: u64,
}

impl Cell {
    /// What failed by a cause.
    pub(super) fn failed(&self, cause: CauseId) -> Option<Tally> {
        self.failed.iter().find(|(by, _)| *by == cause).and_then(|(_, tally)| *tally)
    }

    /// The causes by which something failed.
    pub(super) fn causes(&self) -> impl Iterator<Item = CauseId> {
        self.failed.iter().map(|(by, _)| *by)
    }

    /// All of them.
    pub(super) fn count(&self) -> u64 {
        let failed: u64 = self.failed.iter().filter_map(|(_, tally)| *tally).map(|tally| tally.count).sum();
        failed + self.failed_otherwise + self.worked.map_or(0, |tally| tally.count)
    }
}

/// Transfers, or sessions, by their traits.
#[derive(Debug, Default)]
pub(super) struct Table {
    cells: BTreeMap<Traits, Cell>,
}

impl Table {
    fn cell(&mut self, traits: &Traits) -> Option<&mut Cell> {
        if self.cells.len() < CELLS || self.cells.contains_key(traits) {
            return Some(self.cells.entry(traits.clone()).or_default());
        }
        let wide = traits.without_numbers();
        if self.cells.len() >= 2 * CELLS && !self.cells.contains_key(&wide) {
            return None;
        }
        Some(self.cells.entry(wide).or_default())
    }

    pub(super) fn worked(&mut self, traits: &Traits, at: Timestamp, port: Option<u16>) {
        if let Some(cell) = self.cell(traits) {
            Tally::add(&mut cell.worked, at, port);
        }
    }

    pub(super) fn failed(&mut self, traits: &Traits, cause: CauseId, at: Timestamp, port: Option<u16>) {
        if let Some(cell) = self.cell(traits) {
            if !cell.causes().any(|by| by == cause) {
                cell.failed.reserve_exact(1);
                cell.failed.push((cause, None));
            }
            if let Some((_, tally)) = cell.failed.iter_mut().find(|(by, _)| *by == cause) {
                Tally::add(tally, at, port);
            }
        }
    }

    pub(super) fn failed_otherwise(&mut self, traits: &Traits) {
        if let Some(cell) = self.cell(traits) {
            cell.failed_otherwise += 1;
        }
    }

    pub(super) fn cells(&self) -> impl Iterator<Item = (&Traits, &Cell)> {
        self.cells.iter()
    }
}
