//! TIME-WAIT as spans of rows: only of the 5-tuples that somebody wanted again, for every connection ends in one.

use std::net::SocketAddr;

use super::moments::Lanes;
use super::{Bar, Row};
use crate::frame::{Stamp, Timestamp};
use crate::record::SessionRecord;
use crate::record::trace::{ConnectionTrace, Does, TimeWait};

/// The bars of the rows of a session.
pub(super) fn of(session: &SessionRecord, rows: &[Row], lanes: &Lanes) -> Vec<Bar> {
    let connections = session.trace.as_deref().map(|trace| trace.connections.as_slice()).unwrap_or_default();
    let mut bars = Vec::new();
    for connection in connections {
        let Some(held) = connection.time_wait.filter(|held| held.wanted_again) else { continue };
        let reopened = connections.iter().filter_map(|later| reopened(connection, &held, later)).min();
        let holders = [(held.by_origin, connection.origin), (held.by_target, connection.target)];
        for (_, holder) in holders.iter().filter(|(holds, _)| *holds) {
            bars.extend(bar(rows, &held, reopened, lanes.of_peer(*holder)));
        }
    }
    bars
}

/// When a later connection on the same 5-tuple was accepted: TIME-WAIT was over, or gave way.
fn reopened(connection: &ConnectionTrace, held: &TimeWait, later: &ConnectionTrace) -> Option<Timestamp> {
    let tuple = |of: &ConnectionTrace| -> [SocketAddr; 2] {
        let mut ends = [of.origin.socket, of.target.socket];
        ends.sort_unstable();
        ends
    };
    let opened = later.packets.iter().any(|packet| matches!(packet.does, Does::SynAck | Does::Established));
    let first = later.packets.first()?.at;
    (opened && tuple(connection) == tuple(later) && first > held.since).then_some(first.time)
}

fn bar(rows: &[Row], held: &TimeWait, reopened: Option<Timestamp>, lane: usize) -> Option<Bar> {
    let first = rows.iter().position(|row| row.at.is_some_and(|at| at >= held.since))?;
    let until = |limit: Timestamp| {
        let limit = reopened.map_or(limit, |reopened| limit.min(reopened));
        rows.iter().rposition(|row| row.at.is_some_and(|at: Stamp| at.time <= limit))
    };
    let last = until(held.at_most).filter(|last| *last >= first)?;
    Some(Bar { lane, first, sure: until(held.at_least)?, last })
}
