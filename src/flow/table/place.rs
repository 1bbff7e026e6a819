//! Finds the incarnation that a segment belongs to, by its flags and numbers.

use super::super::sighting::{Kind, Sighting};
use super::super::{Connection, ConnectionId, FlowKey, Half};
use super::{REMEMBERED, Table, Tuple};
use crate::frame::Interval;
use crate::wire::{Flags, Seq};

/// Incarnations that a segment is compared with, newest first.
pub(super) const LOOK_BACK: usize = 8;
/// A SYN with the ISN of a connection that closed this long ago is no late copy but a new connection.
const ECHO: Interval = Interval::seconds(1);
/// Crossing SYNs come within a round trip or a first retry.
const SIMULTANEOUS: Interval = Interval::seconds(3);
/// A segment this near the numbers of one incarnation and not of the other belongs there: the largest window without
/// scaling.
pub(super) const NEAR: u32 = 1 << 16;
/// A segment this far from all numbers of a connection does not belong to it: the largest windows in use.
const FAR: u32 = 1 << 24;

/// Where a segment belongs.
pub(super) enum Place {
    Existing(ConnectionId),
    New,
}

impl Table {
    /// Which incarnation a segment belongs to.
    pub(super) fn place(&mut self, seen: &Sighting<'_>) -> Place {
        let Some(current) = self.tuples.get(&seen.key).and_then(|tuple| self.connection(tuple.current)) else {
            return Place::New;
        };
        // Almost every segment continues the only incarnation that is open.
        match seen.kind() {
            Kind::Syn => self.place_syn(seen, current),
            Kind::SynAck => self.place_syn_ack(seen, current),
            Kind::Rst => self.place_rst(seen, current.id),
            Kind::Later => self.place_later(seen, current),
        }
    }

    fn place_syn(&self, seen: &Sighting<'_>, current: &Connection) -> Place {
        let same = self.recent_incarnations(&seen.key).find(|connection| {
            // A repeated SYN bears the same ISN; so does a new connection of a stack that always begins with it.
            let idle = seen.at.since(connection.last);
            let over = connection.was_open() && connection.is_closed() && idle > ECHO;
            connection.origin == seen.source() && connection.isn() == Some(seen.tcp.seq) && !over && idle < REMEMBERED
        });
        if let Some(same) = same {
            return Place::Existing(same.id);
        }
        // Both ends may open at once: the two SYNs are one connection (RFC 9293 3.5).
        let crossing = current.target == seen.source()
            && current.is_unanswered()
            && !current.is_closed()
            && seen.at.since(current.last).abs() < SIMULTANEOUS;
        if crossing { Place::Existing(current.id) } else { Place::New }
    }

    fn place_syn_ack(&self, seen: &Sighting<'_>, current: &Connection) -> Place {
        let ack = seen.tcp.ack;
        let answered = self.recent_incarnations(&seen.key).find(|connection| {
            let syn = connection.target == seen.source() && connection.syn_is_acked_by(ack);
            let crossing = connection.origin == seen.source()
                && connection.from_target.first_seq.is_some_and(|isn| ack == isn.plus(1))
                && connection.isn() == Some(seen.tcp.seq);
            syn || crossing
        });
        if let Some(answered) = answered {
            return Place::Existing(answered.id);
        }
        // To a SYN that is waiting for its answer it is a stale one; else its own SYN was not captured.
        let waiting = current.target == seen.source() && current.is_unanswered();
        if waiting { Place::Existing(current.id) } else { Place::New }
    }

    fn place_rst(&mut self, seen: &Sighting<'_>, current: ConnectionId) -> Place {
        let answered = self.answered_stale_ack(seen, current);
        if let Some(place) = answered {
            return place;
        }
        let refused = seen.ack().and_then(|ack| {
            self.recent_incarnations(&seen.key).find(|connection| {
                connection.target == seen.source() && connection.is_unanswered() && connection.syn_is_acked_by(ack)
            })
        });
        if let Some(refused) = refused {
            return Place::Existing(refused.id);
        }
        match self.connection(current) {
            Some(current) => self.nearest(seen, current),
            None => Place::New,
        }
    }

    /// An RST that answers a stale ACK bears the numbers of the old incarnation and ends that one, not the attempt
    /// (RFC 9293 3.10.7.3, RFC 1337). The attempt's stale ACK keeps its frame.
    fn answered_stale_ack(&mut self, seen: &Sighting<'_>, current: ConnectionId) -> Option<Place> {
        let attempt = self.connections.get_mut(&current)?;
        let from = attempt.end_of(seen.source())?;
        if attempt.half(from).next == Some(seen.tcp.seq) && attempt.established.is_some() {
            return None;
        }
        let stale = attempt
            .stale_acks
            .iter_mut()
            .rev()
            .find(|stale| stale.from == from.peer() && stale.ack == seen.tcp.seq && stale.reset.is_none())?;
        stale.reset = Some(seen.at);
        let previous = attempt.previous;
        let owner = previous.and_then(|id| self.connection(id)).filter(|old| old.is_near(seen, NEAR));
        Some(Place::Existing(owner.map_or(current, |old| old.id)))
    }

    fn place_later(&self, seen: &Sighting<'_>, current: &Connection) -> Place {
        if current.is_unanswered()
            && current.target == seen.source()
            && seen.ack().is_some_and(|ack| current.syn_is_acked_by(ack))
        {
            // The SYN-ACK was not captured.
            return Place::Existing(current.id);
        }
        if current.is_unanswered() && current.target == seen.source() && seen.is_bare_ack() {
            // The answer to the SYN, with whatever numbers.
            return Place::Existing(current.id);
        }
        self.nearest(seen, current)
    }

    /// The current incarnation, unless the numbers clearly are those of the one before, or of one not seen yet.
    fn nearest(&self, seen: &Sighting<'_>, current: &Connection) -> Place {
        if current.is_near(seen, FAR) && !current.begins_behind(seen) {
            let exact = current.end_of(seen.source()).is_some_and(|from| {
                let expected = current.half(from).next.or(current.half(from).acked);
                expected == Some(seen.tcp.seq)
            });
            // Of a SYN without an answer the peer's numbers are not known: only the very next number is its own.
            if exact || !current.is_unanswered() {
                return Place::Existing(current.id);
            }
        }
        let previous = current.previous.and_then(|id| self.connection(id));
        if let Some(previous) = previous.filter(|previous| previous.is_near(seen, NEAR)) {
            return Place::Existing(previous.id);
        }
        let over = current.is_closed() || seen.at.since(current.last) > REMEMBERED;
        let speaks = seen.tcp.payload_len > 0 || seen.tcp.flags.has(Flags::FIN);
        // Bytes with numbers that fit nothing known, behind the end of it: of a connection whose SYN was not captured.
        if over && current.was_open() && speaks && seen.kind() == Kind::Later && !current.is_near(seen, FAR) {
            return Place::New;
        }
        Place::Existing(current.id)
    }

    fn recent_incarnations(&self, key: &FlowKey) -> impl Iterator<Item = &Connection> {
        let ids = self.tuples.get(key).into_iter().flat_map(Tuple::newest_first).take(LOOK_BACK);
        ids.filter_map(|id| self.connection(id))
    }
}

impl Connection {
    /// Whether a segment lies before this incarnation's first number of that end.
    fn begins_behind(&self, seen: &Sighting<'_>) -> bool {
        let start = self.end_of(seen.source()).and_then(|from| self.half(from).first_seq);
        !self.midstream && start.is_some_and(|start| seen.tcp.seq.is_before(start))
    }

    /// Whether a segment's numbers lie within `distance` of this incarnation's, as far as they are known.
    pub(super) fn is_near(&self, seen: &Sighting<'_>, distance: u32) -> bool {
        let Some(from) = self.end_of(seen.source()) else { return false };
        let near = |half: &Half, seq: Seq| {
            half.next.or(half.acked).map(|known| known.distance_from(seq).unsigned_abs() <= distance)
        };
        let by_seq = near(self.half(from), seen.tcp.seq);
        let by_ack = seen.ack().and_then(|ack| near(self.half(from.peer()), ack));
        by_seq.unwrap_or(true) && by_ack.unwrap_or(true) && (by_seq.is_some() || by_ack.is_some())
    }
}
