//! TIME-WAIT as spans of rows: only of the 5-tuples that somebody wanted again, for every connection ends in one.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::moments::Lanes;
use super::{Bar, Row};
use crate::frame::{Stamp, Timestamp};
use crate::record::SessionRecord;
use crate::record::trace::{ConnectionTrace, Does, Peer};

/// A TIME-WAIT of a session.
pub(super) struct Span {
    holder: Peer,
    /// The connection, from who opened it.
    tuple: [SocketAddr; 2],
    since: Stamp,
    /// Until here on every common system, and on some; no longer than until the tuple was opened again.
    at_least: Timestamp,
    at_most: Timestamp,
}

/// The TIME-WAITs of a session.
pub(super) fn spans(session: &SessionRecord) -> Vec<Span> {
    let connections = session.trace.as_deref().map(|trace| trace.connections.as_slice()).unwrap_or_default();
    // When connections on each 5-tuple were accepted: TIME-WAIT was over, or gave way.
    let mut accepted: BTreeMap<[SocketAddr; 2], Vec<Stamp>> = BTreeMap::new();
    for connection in connections {
        let opened = connection.packets.iter().any(|packet| matches!(packet.does, Does::SynAck | Does::Established));
        if let Some(first) = connection.packets.first().filter(|_| opened) {
            accepted.entry(tuple(connection)).or_default().push(first.at);
        }
    }
    for stamps in accepted.values_mut() {
        stamps.sort_unstable();
    }
    let mut spans = Vec::new();
    for connection in connections {
        let Some(held) = connection.time_wait.filter(|held| held.wanted_again) else { continue };
        let stamps = accepted.get(&tuple(connection)).map_or(&[][..], Vec::as_slice);
        let reopened = stamps.get(stamps.partition_point(|at| *at <= held.since)).map(|at| at.time);
        let limited = |limit: Timestamp| reopened.map_or(limit, |reopened| limit.min(reopened));
        let (at_least, at_most) = (limited(held.at_least), limited(held.at_most));
        let holders = [(held.by_origin, connection.origin), (held.by_target, connection.target)];
        for (_, holder) in holders.into_iter().filter(|(holds, _)| *holds) {
            let tuple = [connection.origin.socket, connection.target.socket];
            spans.push(Span { holder, tuple, since: held.since, at_least, at_most });
        }
    }
    spans
}

fn tuple(of: &ConnectionTrace) -> [SocketAddr; 2] {
    let mut ends = [of.origin.socket, of.target.socket];
    ends.sort_unstable();
    ends
}

/// The bars of rows, which are in order of time.
pub(super) fn of(spans: &[Span], rows: &[Row], lanes: &Lanes) -> Vec<Bar> {
    let timed: Vec<(Stamp, usize)> =
        (0..).zip(rows).filter_map(|(place, row): (usize, &Row)| Some((row.at?, place))).collect();
    let bar = |span: &Span| {
        let (_, first) = *timed.get(timed.partition_point(|(at, _)| *at < span.since))?;
        let until = |limit: Timestamp| {
            let behind = timed.partition_point(|(at, _)| at.time <= limit);
            Some(timed.get(behind.checked_sub(1)?)?.1)
        };
        let last = until(span.at_most).filter(|last| *last >= first)?;
        Some(Bar { lane: lanes.of_peer(span.holder), first, sure: until(span.at_least)?, last, tuple: span.tuple })
    };
    spans.iter().filter_map(bar).collect()
}
