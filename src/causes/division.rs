//! A line between what failed and what worked: one trait, and which values of it lie on the side of the failures.

use std::collections::{BTreeMap, BTreeSet};

use super::compared::Row;
use super::prefix::{common as common_prefix, holds, is_same_family, narrowest};
use super::traits::{Names, Traits, Value};
use crate::record::{Prefix, Trait};

/// Of 100 failures as many at least lie on one side, and at most the rest on the other.
const NEARLY_ALL: u64 = 95;

/// Values that are named of the side that worked.
const NAMED: usize = 3;

/// Which side something is on.
#[derive(Clone, Debug)]
pub(super) enum Division {
    /// A value, and all others.
    Is(Trait, Value),
    /// A MAC by which packets of the client, or of the server, came, and all others.
    Mac { of_client: bool, value: Value },
    /// Clients of a network, and others of the same family.
    Within(Prefix),
    /// Sizes that reach a power of two, or that do not.
    Size { from: u8, above: bool },
    /// Announced data ports, by their upper bytes.
    Ports { from: u8, until: u8 },
}

/// How both sides fared.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sides {
    pub(super) failed_here: u64,
    pub(super) worked_here: u64,
    pub(super) failed_there: u64,
    pub(super) worked_there: u64,
    /// What failed there by other causes.
    pub(super) otherwise_there: u64,
}

impl Sides {
    /// All there that worked or failed, by whatever cause.
    pub(super) fn beyond(&self) -> u64 {
        self.worked_there + self.failed_there + self.otherwise_there
    }
}

impl Division {
    pub(super) fn by(&self) -> Trait {
        match self {
            Self::Is(by, _) => *by,
            Self::Mac { .. } => Trait::GatewayMac,
            Self::Within(_) => Trait::ClientNetwork,
            Self::Size { .. } => Trait::Size,
            Self::Ports { .. } => Trait::PortRange,
        }
    }

    /// Whether it lies on the side of the failures; `None` where it lies on none.
    pub(super) fn is_here(&self, traits: &Traits) -> Option<bool> {
        match self {
            Self::Is(by, value) => Some(traits.value(*by)? == *value),
            Self::Mac { of_client, value } => Some(traits.mac(*of_client)? == *value),
            Self::Within(network) => {
                is_same_family(network.address, traits.client).then(|| holds(*network, traits.client))
            }
            Self::Size { from, above } => Some((traits.size? >= *from) == *above),
            Self::Ports { from, until } => Some((*from..=*until).contains(&traits.ports?)),
        }
    }

    /// What belongs to the network may change while a capture goes on: then it is a matter of time. What was asked for, and
    /// by whom, may not.
    pub(super) fn may_change(&self) -> bool {
        match self.by() {
            Trait::PortRange | Trait::ServerSoftware | Trait::GatewayMac | Trait::Vlan | Trait::Point => true,
            Trait::Mode
            | Trait::Server
            | Trait::Client
            | Trait::ClientNetwork
            | Trait::Family
            | Trait::Protection
            | Trait::Direction
            | Trait::Size
            | Trait::ClientSoftware => false,
        }
    }

    /// How both sides fare among these.
    pub(super) fn sides(&self, rows: &[Row<'_>]) -> Sides {
        let mut sides = Sides::default();
        for row in rows {
            match self.is_here(row.traits) {
                Some(true) => {
                    sides.failed_here += row.failures();
                    sides.worked_here += row.successes();
                }
                Some(false) => {
                    sides.failed_there += row.failures();
                    sides.worked_there += row.successes();
                    sides.otherwise_there += row.all.saturating_sub(row.failures() + row.successes());
                }
                None => {}
            }
        }
        sides
    }

    /// The values of both sides, as they are told.
    pub(super) fn values(&self, rows: &[Row<'_>], names: &Names) -> (String, String) {
        let others = |value: &dyn Fn(&Traits) -> Option<Value>| {
            let there = rows.iter().filter(|row| row.worked.is_some() && self.is_here(row.traits) == Some(false));
            let all: BTreeSet<Value> = there.filter_map(|row| value(row.traits)).collect();
            let first: Vec<String> = all.iter().take(NAMED).map(|value| value.text(names)).collect();
            let more = all.len().saturating_sub(NAMED);
            let first = first.join(", ");
            if more > 0 { format!("{first} and {more} more") } else { first }
        };
        match self {
            Self::Is(by, value) => (value.text(names), others(&|traits| traits.value(*by))),
            Self::Mac { of_client, value } => (value.text(names), others(&|traits| traits.mac(*of_client))),
            Self::Within(network) => {
                let there = rows.iter().filter(|row| row.worked.is_some() && self.is_here(row.traits) == Some(false));
                let other = common_prefix(there.map(|row| row.traits.client));
                let apart = other.filter(|other| !holds(*other, network.address));
                let worked = apart.map(|other| other.to_string());
                (network.to_string(), worked.unwrap_or_else(|| others(&|traits| traits.value(Trait::Client))))
            }
            Self::Size { from, above } => {
                let (small, large) = (format!("below {}", bytes(*from)), format!("{} and more", bytes(*from)));
                if *above { (large, small) } else { (small, large) }
            }
            Self::Ports { .. } => {
                let side = |here, tally: fn(&Row<'_>) -> Option<super::table::Tally>| {
                    let rows = rows.iter().filter(|row| self.is_here(row.traits) == Some(here));
                    span(rows.filter_map(|row| tally(row)?.ports))
                };
                (side(true, |row| row.failed), side(false, |row| row.worked))
            }
        }
    }
}

/// `50000-50100`
fn span(ports: impl Iterator<Item = (u16, u16)>) -> String {
    let whole = ports.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    whole.map_or_else(String::new, |(low, high)| if low == high { low.to_string() } else { format!("{low}-{high}") })
}

/// The least size that reaches a power: `64 KiB`.
fn bytes(power: u8) -> String {
    let least = 1_u64.checked_shl(u32::from(power.saturating_sub(1))).unwrap_or(u64::MAX);
    match least {
        0..1024 => format!("{least} bytes"),
        1024..1_048_576 => format!("{} KiB", least >> 10),
        1_048_576..1_073_741_824 => format!("{} MiB", least >> 20),
        _ => format!("{} GiB", least >> 30),
    }
}

/// The lines that may be drawn by a trait, the best first: nearly all failures lie on one side.
pub(super) fn candidates(by: Trait, rows: &[Row<'_>]) -> Vec<Division> {
    match by {
        Trait::ClientNetwork => {
            let clients: BTreeMap<_, u64> = failing(rows, |row| Some(row.traits.client));
            if clients.len() < 2 {
                return Vec::new();
            }
            narrowest(&clients, NEARLY_ALL).into_iter().map(Division::Within).collect()
        }
        Trait::GatewayMac => [true, false]
            .into_iter()
            .filter_map(|of_client| {
                let value = common(rows, |row| row.traits.mac(of_client))?;
                // Of one client it is that client's own.
                let clients: BTreeSet<_> =
                    rows.iter().filter(|row| row.failed.is_some()).map(|row| row.traits.client).collect();
                (!of_client || clients.len() > 1).then_some(Division::Mac { of_client, value })
            })
            .collect(),
        Trait::Size => {
            let sizes = failing(rows, |row| row.traits.size);
            let (low, high) = (sizes.keys().next(), sizes.keys().next_back());
            let large = low
                .filter(|_| is_known(rows, |row| row.traits.size))
                .map(|from| Division::Size { from: *from, above: true });
            let small = high
                .filter(|_| large.is_some())
                .map(|high| Division::Size { from: high.saturating_add(1), above: false });
            large.into_iter().chain(small).collect()
        }
        Trait::PortRange => {
            let ports = failing(rows, |row| row.traits.ports);
            let range =
                ports.keys().next().zip(ports.keys().next_back()).filter(|_| is_known(rows, |row| row.traits.ports));
            range.map(|(from, until)| Division::Ports { from: *from, until: *until }).into_iter().collect()
        }
        Trait::Mode
        | Trait::Server
        | Trait::Client
        | Trait::Family
        | Trait::Protection
        | Trait::Direction
        | Trait::ClientSoftware
        | Trait::ServerSoftware
        | Trait::Vlan
        | Trait::Point => {
            common(rows, |row| row.traits.value(by)).map(|value| Division::Is(by, value)).into_iter().collect()
        }
    }
}

/// How many failures have each value.
fn failing<V: Ord>(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<V>) -> BTreeMap<V, u64> {
    let mut counts = BTreeMap::new();
    for row in rows.iter().filter(|row| row.failed.is_some()) {
        if let Some(value) = value(row) {
            *counts.entry(value).or_default() += row.failures();
        }
    }
    counts
}

/// The value that nearly all failures have.
fn common<V: Ord>(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<V>) -> Option<V> {
    let all: u64 = rows.iter().map(Row::failures).sum();
    let (value, count) = failing(rows, value).into_iter().max_by_key(|(_, count)| *count)?;
    is_nearly_all(count, all).then_some(value)
}

/// Whether nearly all failures have a value.
fn is_known<V>(rows: &[Row<'_>], value: impl Fn(&Row<'_>) -> Option<V>) -> bool {
    let all: u64 = rows.iter().map(Row::failures).sum();
    is_nearly_all(rows.iter().filter(|row| value(row).is_some()).map(Row::failures).sum(), all)
}

/// Whether a count is nearly all.
pub(super) fn is_nearly_all(count: u64, all: u64) -> bool {
    all > 0 && count.saturating_mul(100) >= all.saturating_mul(NEARLY_ALL)
}
