//! Tells which segments of one 5-tuple are one connection although their tags or tunnels differ: the two directions of
//! a mirror port, of a routed network or of a cloud often bear different ones.
//!
//! Two directions are one connection where each complements the other: neither is there under the other's tags, and the
//! numbers fit. Two tenants that use one 5-tuple stay two: each has both directions, or the numbers do not fit.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::super::key::PerDirection;
use super::super::sighting::{Kind, Sighting};
use super::super::{Connection, FlowKey};
use super::Table;
use super::place::NEAR;
use crate::wire::Wrapping;

/// Tenants of one 5-tuple that are told apart; segments of further ones are taken for those of the last.
const TENANTS_KEPT: usize = 16;

/// The tenants of every 5-tuple, of a capture that has tags or tunnels at all.
#[derive(Debug, Default)]
pub(super) struct Tenants(HashMap<FlowKey, Vec<Tenant>, RandomState>);

/// Who uses a 5-tuple.
#[derive(Clone, Copy, Debug)]
struct Tenant {
    /// What was around its first segment; its connections are kept under this.
    wrapping: Wrapping,
    /// What is around the segments of each direction ([`FlowKey::way`]), as far as they were seen.
    ways: PerDirection<Option<Wrapping>>,
}

impl Tenants {
    /// The wrapping under which the connection of a segment is kept. `fits`: whether the segment's numbers go on where
    /// the connections under that wrapping stand.
    fn of(
        &mut self,
        seen: &Sighting<'_>,
        untagged: Option<PerDirection<bool>>,
        fits: impl Fn(Wrapping) -> bool,
    ) -> Wrapping {
        let (wrapping, way) = (seen.wrapping, seen.key.way(seen.source()));
        let tenants = self.0.entry(seen.key.within(Wrapping::NONE)).or_insert_with(|| {
            // Before the first tag of the capture nobody was booked here.
            let seen = |way: bool| way.then_some(Wrapping::NONE);
            untagged.map(|ways| Tenant { wrapping: Wrapping::NONE, ways: ways.map(seen) }).into_iter().collect()
        });
        let known = tenants.iter().position(|tenant| *tenant.ways.of(way) == Some(wrapping));
        let booked = known.and_then(|known| tenants.get(known)).copied();
        if let Some(whole) = booked.filter(|tenant| tenant.ways.all(Option::is_some)) {
            return whole.wrapping;
        }
        let lacks_it = |tenant: &&mut Tenant| tenant.ways.of(way).is_none();
        let is_own = |tenant: &Tenant| tenant.ways.of(way).is_none() && *tenant.ways.against(way) == Some(wrapping);
        let own = tenants.iter().position(is_own);
        let complemented = match own {
            Some(own) => tenants.get_mut(own),
            None => tenants.iter_mut().filter(lacks_it).find(|tenant| fits(tenant.wrapping)),
        };
        if let Some(complemented) = complemented {
            complemented.ways.set(way, Some(wrapping));
            let kept = complemented.wrapping;
            // What came before its other direction was known stays alone.
            if let Some(alone) = known.and_then(|known| tenants.get_mut(known)) {
                alone.ways.set(way, None);
            }
            return kept;
        }
        if let Some(booked) = booked {
            return booked.wrapping;
        }
        match tenants.last() {
            Some(last) if tenants.len() >= TENANTS_KEPT => last.wrapping,
            Some(_) | None => {
                let mut ways = PerDirection::default();
                ways.set(way, Some(wrapping));
                tenants.push(Tenant { wrapping, ways });
                wrapping
            }
        }
    }

    /// The wrappings under which connections of a 5-tuple are kept.
    pub fn wrappings(&self, key: &FlowKey) -> impl Iterator<Item = Wrapping> {
        let tenants = self.0.get(&key.within(Wrapping::NONE));
        tenants.into_iter().flatten().map(|tenant| tenant.wrapping)
    }

    /// No connection is kept under this key any more.
    pub fn forget(&mut self, key: &FlowKey) {
        let untagged = key.within(Wrapping::NONE);
        if let Some(tenants) = self.0.get_mut(&untagged) {
            tenants.retain(|tenant| tenant.wrapping != key.wrapping);
            if tenants.is_empty() {
                self.0.remove(&untagged);
            }
        }
    }
}

impl Table {
    /// The key under which the connection of a segment is kept: its own, or that of the direction it complements.
    pub(super) fn tenant(&mut self, seen: &Sighting<'_>) -> FlowKey {
        if self.highest_wrapping == Wrapping::NONE {
            return seen.key;
        }
        let Self { tenants, tuples, connections, .. } = self;
        let incarnations = |wrapping: Wrapping| {
            let tuple = tuples.get(&seen.key.within(wrapping));
            let ids = tuple.into_iter().flat_map(super::Tuple::newest_first).take(super::place::LOOK_BACK);
            ids.filter_map(|id| connections.get(&id))
        };
        let untagged = incarnations(Wrapping::NONE).next().map(|connection| {
            let mut ways = PerDirection::default();
            for (socket, half) in
                [(connection.origin, &connection.from_origin), (connection.target, &connection.from_target)]
            {
                ways.set(seen.key.way(socket), half.segments > 0);
            }
            ways
        });
        let fits = |wrapping| incarnations(wrapping).any(|connection| connection.fits(seen));
        seen.key.within(tenants.of(seen, untagged, fits))
    }
}

impl Connection {
    /// Whether a segment's numbers go on where this incarnation stands.
    fn fits(&self, seen: &Sighting<'_>) -> bool {
        let answers = || self.target == seen.source() && seen.ack().is_some_and(|ack| self.syn_is_acked_by(ack));
        match seen.kind() {
            Kind::Syn => self.origin == seen.source() && self.isn() == Some(seen.tcp.seq),
            Kind::SynAck => answers(),
            Kind::Rst | Kind::Later if self.is_unanswered() => answers(),
            Kind::Rst | Kind::Later => self.is_near(seen, NEAR),
        }
    }

    /// Whether a packet of both connections had the same tags and tunnels around it: one tenant's.
    pub fn shares_tags_with(&self, other: &Self) -> bool {
        let wrappings = |one: &Self| [&one.from_origin, &one.from_target].map(|half| half.first_wrapping);
        let others = wrappings(other);
        wrappings(self).iter().flatten().any(|wrapping| others.contains(&Some(*wrapping)))
    }
}

#[cfg(test)]
mod tests {
    use crate::flow::script::play;

    /// How many connections there are, and how many of them were established.
    fn connections(script: &str) -> (usize, usize) {
        let table = play(script).table;
        let established = table.connections().filter(|connection| connection.established.is_some()).count();
        (table.connections().count(), established)
    }

    #[test]
    fn directions_under_different_tags_are_one_connection_where_their_numbers_fit() {
        let session = |answer: u32, there: &str, back: &str| {
            connections(&format!(
                "=0.000s S:20 > C:5001 S seq=1000 {there}
                 =0.010s C:5001 > S:20 SA seq=900000 ack={answer} {back}
                 =0.011s S:20 > C:5001 A seq=1001 ack=900001 {there}
                 =0.012s C:5001 > S:20 A seq=900001 ack=1001 {back}"
            ))
        };
        for (there, back) in [("vlan=5", "vlan=6"), ("", "vlan=6"), ("vlan=5", ""), ("vlan=5", "vlan=5")] {
            assert_eq!(session(1001, there, back), (1, 1), "{there} {back}");
        }
        assert_eq!(session(700_001, "vlan=5", "vlan=6").0, 2, "an answer to another SYN");
    }

    #[test]
    fn a_direction_that_comes_first_is_found_by_the_other() {
        let crossed = "=0.000s C:5001 > S:20 SA seq=900000 ack=1001 vlan=6
             =0.0001s S:20 > C:5001 S seq=1000 vlan=5
             =0.011s S:20 > C:5001 A seq=1001 ack=900001 vlan=5";
        assert_eq!(connections(crossed), (1, 1));
        let midstream = "=0.000s C:5001 > S:20 A seq=900000 ack=1001 len=5 vlan=6
             =0.001s S:20 > C:5001 A seq=1001 ack=900005 len=9 vlan=5";
        assert_eq!(connections(midstream).0, 1);
        let strange = "=0.000s C:5001 > S:20 A seq=900000 ack=1001 len=5 vlan=6
             =0.001s S:20 > C:5001 A seq=5000001 ack=7900005 len=9 vlan=5";
        assert_eq!(connections(strange).0, 2);
    }

    #[test]
    fn two_tenants_with_one_5_tuple_stay_two() {
        // Even with the same numbers: both directions are there in each.
        let both = "=0.000s S:20 > C:5001 S seq=1000 vlan=5
             =0.100s S:20 > C:5001 S seq=1000 vlan=6
             =0.200s C:5001 > S:20 SA seq=9000 ack=1001 vlan=6
             =0.300s C:5001 > S:20 SA seq=9000 ack=1001 vlan=5
             =0.400s S:20 > C:5001 A seq=1001 ack=9001 vlan=5
             =0.500s S:20 > C:5001 A seq=1001 ack=9001 vlan=6";
        assert_eq!(connections(both), (2, 2));
    }
}
