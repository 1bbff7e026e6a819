//! Finds the incarnation that a segment or an ICMP error belongs to, and keeps the incarnations of every 5-tuple.
//!
//! Knows which numbers belong to which incarnation; what they mean is for [`super::connection`] and
//! [`super::close`].

mod keep;
mod place;
mod tenants;
mod translation;

pub use keep::CONNECTIONS_KEPT;

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use self::keep::Queues;
use self::place::Place;
use self::tenants::Tenants;
use self::translation::Translations;
pub use self::translation::{Shift, Translated};
use super::connection::{FlowEvent, Verify};
use super::copy::{Fingerprint, Recent};
use super::crossing::Passing;
use super::half::OVERTAKEN;
use super::sighting::{Kind, Sighting};
use super::{Connection, ConnectionId, End, FlowKey, RstSeen};
use crate::decrypt::{Lookup, Opener};
use crate::frame::{InterfaceId, Interval, Stamp};
use crate::wire::{IcmpError, IpHeader, Link, Segment, Seq, Wrapping, hello};

/// Incarnations kept of one tuple: more than collide within 2MSL when a transfer is tried again and again.
pub const INCARNATIONS_KEPT: usize = 64;
/// How long a closed incarnation can matter: the longest TIME-WAIT that is ever assumed (evidence ladder, 300 s).
pub const REMEMBERED: Interval = Interval::seconds(300);

/// All connections that are still known.
#[derive(Debug)]
pub struct Table {
    verify: Verify,
    /// Incarnations kept.
    limit: usize,
    tuples: HashMap<FlowKey, Tuple, RandomState>,
    tenants: Tenants,
    translations: Translations,
    connections: HashMap<ConnectionId, Box<Connection>, RandomState>,
    recent: Recent,
    passing: Passing,
    next_id: u64,
    highest_wrapping: Wrapping,
    heads: VecDeque<ConnectionId>,
    heads_kept: usize,
    queues: Queues,
    evicted: Option<(u64, Stamp)>,
}

/// The incarnations of a tuple: the newest one, and those before it, oldest first.
#[derive(Debug)]
struct Tuple {
    current: ConnectionId,
    earlier: Vec<ConnectionId>,
}

/// Where a segment was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The incarnation.
    pub connection: ConnectionId,
    /// Who sent it.
    pub from: End,
    /// What it did there.
    pub event: FlowEvent,
    /// The same packet was captured before: nothing was counted.
    pub copy: bool,
}

impl Table {
    /// An empty table. `verify` computes checksums; it is asked only for the first segments of a direction and those
    /// with SYN, FIN or RST.
    pub fn new(verify: Verify) -> Self {
        Self {
            verify,
            limit: keep::CONNECTIONS_KEPT,
            tuples: HashMap::default(),
            tenants: Tenants::default(),
            translations: Translations::default(),
            connections: HashMap::default(),
            recent: Recent::new(),
            passing: Passing::default(),
            next_id: 0,
            highest_wrapping: Wrapping::NONE,
            heads: VecDeque::new(),
            heads_kept: keep::HEADS_KEPT,
            queues: Queues::default(),
            evicted: None,
        }
    }

    /// Books a segment on its incarnation.
    pub fn push(
        &mut self,
        at: Stamp,
        interface: InterfaceId,
        link: &Link,
        wrapping: Wrapping,
        ip: &IpHeader,
        tcp: &Segment<'_>,
    ) -> Booked {
        let key = FlowKey::of(wrapping, ip, tcp);
        let from = SocketAddr::new(ip.source, tcp.source_port);
        let to = SocketAddr::new(ip.destination, tcp.destination_port);
        let mut seen = Sighting { at, interface, link, wrapping, ip, tcp, key, from, to };
        let fingerprint = Fingerprint::of(&seen);
        if let Some(original) = self.recent.original(fingerprint, &seen) {
            if let Some(connection) = self.connections.get_mut(&original.connection) {
                connection.half_mut(original.from).copied(original.sights(&seen), &seen);
            }
            let (connection, from) = (original.connection, original.from);
            return Booked { connection, from, event: FlowEvent::Other, copy: true };
        }
        self.highest_wrapping = self.highest_wrapping.max(wrapping);
        seen.key = self.tenant(&seen);
        let overtaken = self.overtaken_by(&seen);
        seen = self.translate(seen);
        if overtaken.is_none() && !self.tuples.contains_key(&seen.key) {
            seen = self.join(seen);
        }
        let (connection, from, event) = self.book(&seen);
        if let Some(answer) = overtaken {
            let mut answer = answer.seen();
            answer.key = self.tenant(&answer);
            self.book(&answer);
        }
        if seen.kind() == Kind::Syn {
            self.pair(&seen, connection);
        }
        self.recent.remember(fingerprint, &seen, connection, from);
        Booked { connection, from, event, copy: false }
    }

    /// Books that the packet of the frame `original` was recorded again, and nothing else; on which incarnation.
    #[expect(clippy::too_many_arguments, reason = "the same as a segment, and where it was recorded before")]
    pub fn again(
        &mut self,
        original: Stamp,
        at: Stamp,
        interface: InterfaceId,
        link: &Link,
        wrapping: Wrapping,
        ip: &IpHeader,
        tcp: &Segment<'_>,
    ) -> Option<ConnectionId> {
        let key = FlowKey::of(wrapping, ip, tcp);
        let from = SocketAddr::new(ip.source, tcp.source_port);
        let to = SocketAddr::new(ip.destination, tcp.destination_port);
        let mut seen = Sighting { at, interface, link, wrapping, ip, tcp, key, from, to };
        seen.key = self.tenant(&seen);
        let seen = self.translate(seen);
        let lasts = |one: &&Connection| one.first <= original && original <= one.last;
        let id = self.history(&seen.key).find(lasts)?.id;
        let connection = self.connections.get_mut(&id)?;
        let end = connection.end_of(seen.source())?;
        connection.half_mut(end).recorded_again(original, at);
        Some(id)
    }

    /// Books an ICMP error on the incarnation whose segment it quotes, if that is known.
    pub fn icmp(&mut self, at: Stamp, wrapping: Wrapping, ip: &IpHeader, error: &IcmpError) -> Option<ConnectionId> {
        let quoted = error.quoted;
        let key = FlowKey::new(wrapping, quoted.source, quoted.destination);
        let others = self.tenants.wrappings(&key).chain([Wrapping::NONE]).filter(|other| *other != wrapping);
        let (id, source) = std::iter::once(wrapping).chain(others).find_map(|wrapping| {
            let key = key.within(wrapping);
            let joined = self.translations.of(key, quoted.source);
            let (key, source) = joined.map_or((key, quoted.source), |(key, [from, _])| (key, from));
            let may_have_sent = |one: &Connection| one.may_have_sent(source, quoted.seq);
            let mut incarnations = self.tuples.get(&key)?.newest_first();
            let id = incarnations.find(|id| self.connections.get(id).is_some_and(|one| may_have_sent(one)))?;
            Some((id, source))
        })?;
        let connection = self.connections.get_mut(&id)?;
        let about = connection.end_of(source)?;
        connection.book_icmp(at, ip, about, error);
        Some(id)
    }

    /// An incarnation, if it is still known.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id).map(Box::as_ref)
    }

    /// The capture leaves out what carries nothing but payload of this connection.
    pub fn hide_payload(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.payload_hidden = true;
        }
    }

    /// Reads the alerts that TLS hides on a connection, where its keys are known.
    pub fn open_alerts(&mut self, id: ConnectionId, keys: Lookup<'_>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let ends = [End::Origin, End::Target];
        let Some(client) = ends.into_iter().find(|end| hello::is_client(&connection.half(*end).head)) else { return };
        let (of_client, of_server) = (connection.half(client), connection.half(client.peer()));
        let Some(opener) = Opener::of(&of_client.head, &of_server.head, keys) else { return };
        for end in ends {
            connection.half_mut(end).open_records(&|sealed| opener.open(end == client, sealed));
        }
    }

    /// Keeps this many incarnations instead of [`CONNECTIONS_KEPT`].
    #[must_use]
    pub fn holding(mut self, incarnations: usize) -> Self {
        self.limit = incarnations;
        self.heads_kept = keep::HEADS_KEPT * incarnations / keep::CONNECTIONS_KEPT;
        self
    }

    /// All connections that are still known, in no order.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.connections.values().map(Box::as_ref)
    }

    /// All incarnations of a tuple that are still known, oldest first.
    pub fn history(&self, key: &FlowKey) -> impl Iterator<Item = &Connection> {
        let tuple = self.tuples.get(key);
        let ids = tuple.into_iter().flat_map(|tuple| tuple.earlier.iter().chain(std::iter::once(&tuple.current)));
        ids.filter_map(|id| self.connection(*id))
    }

    /// How many connections had to be let go while they could still matter, and when first.
    pub fn evicted(&self) -> Option<(u64, Stamp)> {
        self.evicted
    }

    /// Ties two connections together that began with the same SYN.
    fn pair(&mut self, seen: &Sighting<'_>, id: ConnectionId) {
        let Some(twin) = self.passing.twin(seen, id) else { return };
        for (one, other) in [(id, twin), (twin, id)] {
            if let Some(connection) = self.connections.get_mut(&one) {
                connection.seen_as(other);
            }
        }
    }

    fn book(&mut self, seen: &Sighting<'_>) -> (ConnectionId, End, FlowEvent) {
        let id = match self.place(seen) {
            Place::Existing(id) => id,
            Place::New => self.open(seen),
        };
        let Some(connection) = self.connections.get_mut(&id) else {
            // `place` and `open` name only connections that are there.
            return (id, End::Origin, FlowEvent::Other);
        };
        let from = connection.end_of(seen.source()).unwrap_or(End::Origin);
        let was_closed = connection.is_closed();
        let opened = connection.segments() == 0;
        let had_head = connection.has_head();
        let event = connection.book(seen, from, self.verify);
        let begins_head = !had_head && connection.has_head();
        if !was_closed && connection.is_closed() {
            self.queues.closed.push_back(id);
        }
        if begins_head {
            self.keep_head(id);
        }
        (id, from, if opened { FlowEvent::Opened } else { event })
    }

    /// Starts an incarnation.
    fn open(&mut self, seen: &Sighting<'_>) -> ConnectionId {
        self.make_room(seen.at);
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let key = seen.key;
        let before = self.tuples.get(&key).and_then(|tuple| self.connection(tuple.current));
        let previous = before.and_then(|before| if before.was_open() { Some(before.id) } else { before.previous });
        let refusal = before.and_then(|before| before.refusal_before(seen));
        let mut connection = Connection::new(id, seen, previous);
        connection.rsts.extend(refusal);
        self.connections.insert(id, Box::new(connection));
        self.queues.started.push_back(id);
        self.begins_half(id, seen);
        let tuple = self.tuples.entry(key).and_modify(|tuple| {
            tuple.earlier.push(tuple.current);
            tuple.current = id;
        });
        let tuple = tuple.or_insert(Tuple { current: id, earlier: Vec::new() });
        if tuple.earlier.len() >= INCARNATIONS_KEPT {
            // The one that was open last explains the attempts behind it.
            let oldest = usize::from(tuple.earlier.first().copied() == previous);
            let gone = tuple.earlier.remove(oldest);
            if let Some(gone) = self.connections.remove(&gone) {
                self.translations.forget(&gone);
            }
            self.count_evicted(seen.at);
        }
        id
    }
}

impl Tuple {
    fn newest_first(&self) -> impl Iterator<Item = ConnectionId> {
        std::iter::once(self.current).chain(self.earlier.iter().rev().copied())
    }
}

impl Connection {
    /// The RST that refuses this SYN, where it was recorded just before it: it can have come only behind it.
    fn refusal_before(&self, syn: &Sighting<'_>) -> Option<RstSeen> {
        let rst = self.rsts.last().filter(|_| syn.kind() == Kind::Syn)?;
        let soon = syn.at.since(rst.at).abs() <= OVERTAKEN;
        let refuses = self.socket(rst.from) == syn.destination() && rst.ack == Some(syn.tcp.seq.plus(1));
        (soon && refuses).then_some(RstSeen { from: End::Target, acceptable: true, after_close: false, ..*rst })
    }

    fn has_head(&self) -> bool {
        !self.from_origin.head.is_empty() || !self.from_target.head.is_empty()
    }

    /// Whether `source` may have sent a segment with this sequence number in this incarnation.
    fn may_have_sent(&self, source: SocketAddr, seq: Seq) -> bool {
        let Some(end) = self.end_of(source) else { return false };
        let half = self.half(end);
        match (half.first_seq, half.next) {
            (Some(start), Some(next)) => {
                let sent = next.0.wrapping_sub(start.0);
                seq == start || seq.0.wrapping_sub(start.0) <= sent
            }
            // That direction was not captured.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests;
