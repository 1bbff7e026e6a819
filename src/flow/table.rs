//! Finds the incarnation that a segment or an ICMP error belongs to, and keeps the incarnations of every 5-tuple.
//!
//! Knows which numbers belong to which incarnation; what they mean is for [`super::connection`] and
//! [`super::close`].

use std::collections::VecDeque;

use foldhash::fast::RandomState;
use std::collections::HashMap;

use super::connection::{Kind, Sighting, Verify};
use super::copy::{Fingerprint, Recent};
use super::{Connection, ConnectionId, End, FlowKey};
use crate::frame::{InterfaceId, Stamp};
use crate::wire::{Flags, IcmpError, IpHeader, Link, Segment, Seq, Wrapping};

/// Incarnations kept: at about 1.2 KiB each some 40 MB.
pub const CONNECTIONS_KEPT: usize = 32_768;
/// Connections whose first payload bytes are kept: 8 MiB at most.
pub const HEADS_KEPT: usize = 8_192;
/// Incarnations kept of one tuple: more than collide within 2MSL when a transfer is tried again and again.
pub const INCARNATIONS_KEPT: usize = 64;
/// How long a closed incarnation can matter: the longest TIME-WAIT that is ever assumed (evidence ladder, 300 s).
pub const REMEMBERED_SECONDS: f64 = 300.0;
/// Incarnations that a segment is compared with, newest first.
const LOOK_BACK: usize = 8;
/// A SYN with the ISN of a connection that closed this long ago is no late copy but a new connection.
const ECHO_SECONDS: f64 = 1.0;
/// Crossing SYNs come within a round trip or a first retry.
const SIMULTANEOUS_SECONDS: f64 = 3.0;
/// A segment this near the numbers of one incarnation and not of the other belongs there: the largest window without
/// scaling.
const NEAR: u32 = 1 << 16;
/// A segment this far from all numbers of a connection does not belong to it: the largest windows in use.
const FAR: u32 = 1 << 24;
/// Wrappings that a quoted segment is looked for in, where its own is unknown.
const WRAPPINGS_TRIED: u32 = 64;

/// All connections that are still known.
#[derive(Debug)]
pub struct Table {
    verify: Verify,
    tuples: HashMap<FlowKey, Tuple, RandomState>,
    connections: HashMap<ConnectionId, Box<Connection>, RandomState>,
    recent: Recent,
    next_id: u64,
    highest_wrapping: Wrapping,
    heads: VecDeque<ConnectionId>,
    queues: Queues,
    evicted: Option<(u64, Stamp)>,
}

/// The incarnations of a tuple: the newest one, and those before it, oldest first.
#[derive(Debug)]
struct Tuple {
    current: ConnectionId,
    earlier: Vec<ConnectionId>,
}

/// The order in which connections are let go when the table is full.
#[derive(Debug, Default)]
struct Queues {
    /// In the order in which they closed.
    closed: VecDeque<ConnectionId>,
    /// Not known to be closed, in the order in which they were last looked at.
    open: VecDeque<(ConnectionId, Stamp)>,
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

/// What a segment did to its connection. A segment may carry payload whatever its event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// A new incarnation started with it.
    Opened,
    /// The SYN again.
    Retried,
    /// SYN-ACK.
    Answered,
    /// The handshake is complete.
    Established,
    /// Payload.
    Data,
    /// A FIN.
    Closing,
    /// An RST, acceptable or not.
    Reset,
    /// Anything else: acknowledgements, keep-alives, stale answers.
    Other,
}

/// Where a segment belongs.
enum Place {
    Existing(ConnectionId),
    New,
}

impl Table {
    /// An empty table. `verify` computes checksums; it is asked only for the first segments of a direction and those
    /// with SYN, FIN or RST.
    pub fn new(verify: Verify) -> Self {
        Self {
            verify,
            tuples: HashMap::default(),
            connections: HashMap::default(),
            recent: Recent::new(),
            next_id: 0,
            highest_wrapping: Wrapping::NONE,
            heads: VecDeque::new(),
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
        let seen = Sighting { at, interface, link, wrapping, ip, tcp };
        let fingerprint = Fingerprint::of(&seen);
        if let Some(original) = self.recent.original(fingerprint, &seen) {
            if let Some(connection) = self.connections.get_mut(&original.connection) {
                connection.half_mut(original.from).copied(original.at, at);
            }
            let (connection, from) = (original.connection, original.from);
            return Booked { connection, from, event: FlowEvent::Other, copy: true };
        }
        self.highest_wrapping = self.highest_wrapping.max(wrapping);
        let (connection, from, event) = self.book(&seen);
        self.recent.remember(fingerprint, &seen, connection, from);
        Booked { connection, from, event, copy: false }
    }

    /// Books an ICMP error on the incarnation whose segment it quotes, if that is known.
    pub fn icmp(&mut self, at: Stamp, wrapping: Wrapping, ip: &IpHeader, error: &IcmpError) -> Option<ConnectionId> {
        let quoted = error.quoted;
        let others =
            (0..=self.highest_wrapping.0.min(WRAPPINGS_TRIED)).map(Wrapping).filter(|other| *other != wrapping);
        let id = std::iter::once(wrapping).chain(others).find_map(|wrapping| {
            let tuple = self.tuples.get(&FlowKey::new(wrapping, quoted.source, quoted.destination))?;
            tuple.newest_first().find(|id| {
                self.connections.get(id).is_some_and(|connection| connection.may_have_sent(quoted.source, quoted.seq))
            })
        })?;
        let connection = self.connections.get_mut(&id)?;
        let about = connection.end_of(quoted.source)?;
        connection.book_icmp(at, ip, about, error);
        Some(id)
    }

    /// An incarnation, if it is still known.
    pub fn connection(&self, id: ConnectionId) -> Option<&Connection> {
        self.connections.get(&id).map(Box::as_ref)
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
        let had_head = !connection.from_origin.head.is_empty() || !connection.from_target.head.is_empty();
        let event = connection.book(seen, from, self.verify);
        if !was_closed && connection.is_closed() {
            self.queues.closed.push_back(id);
        }
        if !had_head && seen.tcp.payload_len > 0 {
            self.heads.push_back(id);
            self.forget_heads();
        }
        (id, from, if opened { FlowEvent::Opened } else { event })
    }

    /// Which incarnation a segment belongs to.
    fn place(&mut self, seen: &Sighting<'_>) -> Place {
        let Some(current) = self.tuples.get(&seen.key()).and_then(|tuple| self.connection(tuple.current)) else {
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
        let same = self.recent_incarnations(&seen.key()).find(|connection| {
            let idle = seen.at.seconds_since(connection.last);
            let over = connection.was_open() && connection.is_closed() && idle > ECHO_SECONDS;
            connection.origin == seen.source()
                && connection.isn() == Some(seen.tcp.seq)
                && !over
                && idle < REMEMBERED_SECONDS
        });
        if let Some(same) = same {
            return Place::Existing(same.id);
        }
        let crossing = current.target == seen.source()
            && current.is_unanswered()
            && !current.is_closed()
            && seen.at.seconds_since(current.last) < SIMULTANEOUS_SECONDS;
        if crossing { Place::Existing(current.id) } else { Place::New }
    }

    fn place_syn_ack(&self, seen: &Sighting<'_>, current: &Connection) -> Place {
        let ack = seen.tcp.ack;
        let answered = self.recent_incarnations(&seen.key()).find(|connection| {
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
            self.recent_incarnations(&seen.key()).find(|connection| {
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
        if current.is_near(seen, FAR) {
            let exact = current.end_of(seen.source()).is_some_and(|from| {
                let expected = current.half(from).next.or(current.half(from).acked);
                expected == Some(seen.tcp.seq)
            });
            if exact || !current.is_unanswered() {
                return Place::Existing(current.id);
            }
        }
        let previous = current.previous.and_then(|id| self.connection(id));
        if let Some(previous) = previous.filter(|previous| previous.is_near(seen, NEAR)) {
            return Place::Existing(previous.id);
        }
        let over = current.is_closed() || seen.at.seconds_since(current.last) > REMEMBERED_SECONDS;
        let speaks = seen.tcp.payload_len > 0 || seen.tcp.flags.has(Flags::FIN);
        if over && current.was_open() && speaks && seen.kind() == Kind::Later && !current.is_near(seen, FAR) {
            return Place::New;
        }
        Place::Existing(current.id)
    }

    fn recent_incarnations(&self, key: &FlowKey) -> impl Iterator<Item = &Connection> {
        let ids = self.tuples.get(key).into_iter().flat_map(Tuple::newest_first).take(LOOK_BACK);
        ids.filter_map(|id| self.connection(id))
    }

    /// Starts an incarnation.
    fn open(&mut self, seen: &Sighting<'_>) -> ConnectionId {
        if self.connections.len() >= CONNECTIONS_KEPT {
            self.evict(seen.at);
        }
        let id = ConnectionId(self.next_id);
        self.next_id += 1;
        let key = seen.key();
        let before = self.tuples.get(&key).and_then(|tuple| self.connection(tuple.current));
        let previous = before.and_then(|before| if before.was_open() { Some(before.id) } else { before.previous });
        self.connections.insert(id, Box::new(Connection::new(id, seen, previous)));
        self.queues.open.push_back((id, seen.at));
        let tuple = self.tuples.entry(key).and_modify(|tuple| {
            tuple.earlier.push(tuple.current);
            tuple.current = id;
        });
        let tuple = tuple.or_insert(Tuple { current: id, earlier: Vec::new() });
        if tuple.earlier.len() >= INCARNATIONS_KEPT {
            // The one that was open last explains the attempts behind it.
            let oldest = usize::from(tuple.earlier.first().copied() == previous);
            let gone = tuple.earlier.remove(oldest);
            self.connections.remove(&gone);
            self.count_evicted(seen.at);
        }
        id
    }

    /// Lets one connection go: the one that closed longest ago, else the one that has been silent longest.
    fn evict(&mut self, now: Stamp) {
        while let Some(id) = self.queues.closed.pop_front() {
            if let Some(connection) = self.connections.get(&id) {
                let matters = now.seconds_since(connection.last) < REMEMBERED_SECONDS;
                return self.remove(id, matters.then_some(now));
            }
        }
        while let Some((id, looked_at)) = self.queues.open.pop_front() {
            match self.connections.get(&id) {
                // It has spoken since: to the end of the queue.
                Some(connection) if connection.last > looked_at => self.queues.open.push_back((id, connection.last)),
                Some(_) => return self.remove(id, Some(now)),
                None => {}
            }
        }
    }

    fn remove(&mut self, id: ConnectionId, missed: Option<Stamp>) {
        let Some(connection) = self.connections.remove(&id) else { return };
        if let Some(tuple) = self.tuples.get_mut(&connection.key) {
            tuple.earlier.retain(|earlier| *earlier != id);
            if tuple.current == id {
                match tuple.earlier.pop() {
                    Some(earlier) => tuple.current = earlier,
                    None => drop(self.tuples.remove(&connection.key)),
                }
            }
        }
        if let Some(now) = missed {
            self.count_evicted(now);
        }
    }

    fn count_evicted(&mut self, now: Stamp) {
        let (count, first) = self.evicted.unwrap_or((0, now));
        self.evicted = Some((count + 1, first));
    }

    fn forget_heads(&mut self) {
        while self.heads.len() > HEADS_KEPT {
            let oldest = self.heads.pop_front().and_then(|id| self.connections.get_mut(&id));
            if let Some(connection) = oldest {
                connection.from_origin.forget_head();
                connection.from_target.forget_head();
            }
        }
    }
}

impl Tuple {
    fn newest_first(&self) -> impl Iterator<Item = ConnectionId> {
        std::iter::once(self.current).chain(self.earlier.iter().rev().copied())
    }
}

impl Connection {
    /// Whether a segment's numbers lie within `distance` of this incarnation's, as far as they are known.
    fn is_near(&self, seen: &Sighting<'_>, distance: u32) -> bool {
        let Some(from) = self.end_of(seen.source()) else { return false };
        let near = |half: &super::Half, seq: Seq| {
            half.next.or(half.acked).map(|known| known.distance_from(seq).unsigned_abs() <= distance)
        };
        let by_seq = near(self.half(from), seen.tcp.seq);
        let by_ack = seen.ack().and_then(|ack| near(self.half(from.peer()), ack));
        by_seq.unwrap_or(true) && by_ack.unwrap_or(true) && (by_seq.is_some() || by_ack.is_some())
    }

    /// Whether `source` may have sent a segment with this sequence number in this incarnation.
    fn may_have_sent(&self, source: std::net::SocketAddr, seq: Seq) -> bool {
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
mod tests {
    use super::super::script::{Played, data_key, frames, play, stamp};
    use super::super::{Close, ConnectionId, End, Holder};
    use super::{CONNECTIONS_KEPT, FlowEvent, INCARNATIONS_KEPT};

    /// The old incarnation of 9.2: the client closes first and holds TIME-WAIT with SND.NXT 10002, RCV.NXT 1002.
    const CLIENT_HOLDS: &str = "
        0.000 S:20>C:5001 S seq=1000
        0.001 C:5001>S:20 SA seq=9000 ack=1001
        0.002 S:20>C:5001 A seq=1001 ack=9001
        0.003 C:5001>S:20 A seq=9001 ack=1001 len=1000
        0.004 C:5001>S:20 F seq=10001 ack=1001
        0.005 S:20>C:5001 F seq=1001 ack=10002
        0.006 C:5001>S:20 A seq=10002 ack=1002";

    fn after_close(rest: &str) -> Played {
        play(&format!("{CLIENT_HOLDS}\n{rest}"))
    }

    fn events(played: &Played) -> Vec<FlowEvent> {
        played.booked.iter().map(|booked| booked.event).collect()
    }

    #[test]
    fn a_connection_runs_through_its_events() {
        let played = after_close("");
        assert_eq!(
            events(&played),
            [
                FlowEvent::Opened,
                FlowEvent::Answered,
                FlowEvent::Established,
                FlowEvent::Data,
                FlowEvent::Closing,
                FlowEvent::Closing,
                FlowEvent::Other
            ]
        );
        let connection = played.only();
        assert_eq!(connection.established, Some(stamp(3, 0.002)));
        assert_eq!(connection.from_target.bytes, 1000);
        assert_eq!(connection.from_target.head.len(), 512);
        assert!(!connection.midstream && connection.previous.is_none());
    }

    #[test]
    fn a_challenged_attempt_does_not_overwrite_the_closed_incarnation() {
        // 9.2, lessons 10.1 to 10.4
        let played = after_close(
            "3.000 S:20>C:5001 S seq=500
             3.001 C:5001>S:20 A seq=10002 ack=1002
             3.002 S:20>C:5001 R seq=1002
             3.013 S:20>C:5001 S seq=500
             3.014 C:5001>S:20 SA seq=777000 ack=501
             3.015 S:20>C:5001 A seq=501 ack=777001",
        );
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!(new.previous, Some(old.id));
        let [stale] = new.stale_acks[..] else { panic!("one challenge") };
        assert_eq!((stale.at, stale.from, stale.syn), (stamp(9, 3.001), End::Target, false));
        assert_eq!(stale.reset, Some(stamp(10, 3.002)));
        assert!(new.rsts.is_empty());
        assert_eq!((new.syn_count, new.established), (2, Some(stamp(13, 3.015))));
        assert_eq!(new.close(), Close::Open);
        assert_eq!(
            old.close(),
            Close::TimeWait {
                holder: Holder::One(End::Target),
                since: stamp(7, 0.006),
                assassinated: Some(stamp(10, 3.002)),
                gapless: true
            }
        );
        let found = old.close_before(new.first);
        assert!(matches!(found, Close::TimeWait { assassinated: None, .. }), "{found:?}");
        assert_eq!(played.booked[9].connection, old.id);
        assert_eq!(played.booked[10].event, FlowEvent::Retried);
        assert_eq!(new.isn_is_recycled(old), None);
    }

    #[test]
    fn a_later_attempt_still_knows_the_closed_incarnation() {
        // 9.3 behind a challenged attempt (lesson 10.1): 10002 + 65537
        let played = after_close(
            "3.0 S:20>C:5001 S seq=500
             3.1 C:5001>S:20 A seq=10002 ack=1002
             4.0 S:20>C:5001 S seq=5000
             4.1 C:5001>S:20 SA seq=75539 ack=5001
             4.2 S:20>C:5001 A seq=5001 ack=75540",
        );
        let [old, attempt, new] = played.data()[..] else { panic!("three incarnations") };
        assert_eq!((attempt.previous, new.previous), (Some(old.id), Some(old.id)));
        assert_eq!(new.isn_is_recycled(old), Some((stamp(11, 4.1), End::Target)));
        assert_eq!(attempt.isn_is_recycled(old), None);
    }

    #[test]
    fn the_syn_of_a_recycling_sender_bears_the_mark() {
        // S's FIN was 1001, so SND.NXT 1002; 1002 + 65537
        let played = after_close("3.0 S:20>C:5001 S seq=66539");
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!(new.isn_is_recycled(old), Some((stamp(8, 3.0), End::Origin)));
    }

    #[test]
    fn the_mark_follows_the_socket_and_not_the_role() {
        // The client opens in the other direction: it is the origin now.
        let played = after_close("3.0 C:5001>S:20 S seq=75539");
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!(new.isn_is_recycled(old), Some((stamp(8, 3.0), End::Origin)));
    }

    #[test]
    fn an_ack_of_unknown_state_is_stale_too() {
        let played = after_close("3.0 S:20>C:5001 S seq=500\n3.1 C:5001>S:20 A seq=12345 ack=678");
        let new = played.data()[1];
        assert_eq!(new.stale_acks[0].ack.0, 678);
        assert_eq!(new.established, None);
    }

    #[test]
    fn the_reset_of_a_challenge_without_known_owner_does_not_end_the_attempt() {
        let played = play(
            "3.0 S:20>C:5001 S seq=500
             3.1 C:5001>S:20 A seq=12345 ack=678
             3.2 S:20>C:5001 R seq=678
             3.3 S:20>C:5001 S seq=500
             3.4 C:5001>S:20 SA seq=1 ack=501",
        );
        let only = played.only();
        assert_eq!(only.stale_acks[0].reset, Some(stamp(3, 3.2)));
        assert_eq!((only.close(), only.syn_acks.len()), (Close::Open, 1));
    }

    #[test]
    fn the_challenge_of_a_half_open_connection_looks_alike_and_its_close_differs() {
        // Near miss of 9.2: the client never closed.
        let played = play(
            "0.000 S:20>C:5001 S seq=1000
             0.001 C:5001>S:20 SA seq=9000 ack=1001
             0.002 S:20>C:5001 A seq=1001 ack=9001
             0.005 S:20>C:5001 F seq=1001 ack=9001
             0.006 C:5001>S:20 A seq=9001 ack=1002
             3.000 S:20>C:5001 S seq=500
             3.001 C:5001>S:20 A seq=9001 ack=1002
             3.002 S:20>C:5001 R seq=1002",
        );
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!(new.stale_acks.len(), 1);
        assert_eq!(old.close(), Close::Reset { by: End::Origin, at: stamp(8, 3.002) });
        let found = old.close_before(new.first);
        assert_eq!(found, Close::Half { missing: End::Target, since: stamp(4, 0.005), gapless: true });
    }

    #[test]
    fn the_same_isn_is_a_repeat_and_another_one_an_attempt() {
        // Lesson 10.3
        let played = play(
            "0.0 S:20>C:5001 S seq=1000
             1.0 S:20>C:5001 S seq=1000
             3.0 S:20>C:5001 S seq=1000
             9.0 S:20>C:5001 S seq=2000",
        );
        assert_eq!(events(&played)[1..], [FlowEvent::Retried, FlowEvent::Retried, FlowEvent::Opened]);
        let [first, second] = played.data()[..] else { panic!("two attempts") };
        assert_eq!((first.syn_count, first.syns.len(), second.syn_count), (3, 3, 1));
        assert_eq!(second.previous, None);
    }

    #[test]
    fn a_stack_that_always_takes_the_same_isn_opens_anew() {
        let played = after_close("30.0 S:20>C:5001 S seq=1000");
        assert_eq!(played.data().len(), 2);
        let late_copy = after_close("0.5 S:20>C:5001 S seq=1000");
        assert_eq!(late_copy.data().len(), 1);
    }

    #[test]
    fn an_answer_to_an_earlier_attempt_goes_there() {
        let played = play(
            "0.0 S:20>C:5001 S seq=1000
             9.0 S:20>C:5001 S seq=2000
             9.1 C:5001>S:20 RA seq=0 ack=1001
             9.2 C:5001>S:20 SA seq=7 ack=2001",
        );
        let [first, second] = played.data()[..] else { panic!("two attempts") };
        assert_eq!(first.close(), Close::Reset { by: End::Target, at: stamp(3, 9.1) });
        assert_eq!(second.syn_acks.len(), 1);
    }

    #[test]
    fn a_syn_ack_for_another_syn_is_stale() {
        let played = play("0.0 S:20>C:5001 S seq=1000\n0.1 C:5001>S:20 SA seq=7 ack=55");
        let only = played.only();
        assert!(only.syn_acks.is_empty() && only.stale_acks[0].syn);
    }

    #[test]
    fn a_syn_ack_may_be_captured_before_its_syn() {
        let played = play(
            "0.0001 C:5001>S:20 SA seq=9000 ack=1001 if=1
             0.0002 S:20>C:5001 S seq=1000
             0.0003 S:20>C:5001 A seq=1001 ack=9001",
        );
        let only = played.only();
        assert_eq!((only.origin.port(), only.syns.len(), only.syn_acks.len()), (20, 1, 1));
        assert_eq!(only.established, Some(stamp(3, 0.0003)));
        assert!(!only.midstream);
    }

    #[test]
    fn crossing_syns_are_one_connection() {
        let played = play(
            "0.0 S:20>C:5001 S seq=1000
             0.0 C:5001>S:20 S seq=9000
             0.1 C:5001>S:20 SA seq=9000 ack=1001
             0.1 S:20>C:5001 SA seq=1000 ack=9001
             0.2 S:20>C:5001 A seq=1001 ack=9001",
        );
        assert_eq!(played.only().established, Some(stamp(5, 0.2)));
        assert_eq!(played.only().syn_count, 1);
    }

    #[test]
    fn a_syn_on_an_open_connection_is_an_attempt() {
        let played = play(
            "0.000 S:20>C:5001 S seq=1000
             0.001 C:5001>S:20 SA seq=9000 ack=1001
             0.002 S:20>C:5001 A seq=1001 ack=9001
             5.000 S:20>C:5001 S seq=2000000
             5.001 C:5001>S:20 A seq=9001 ack=1001",
        );
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!((new.previous, old.close()), (Some(old.id), Close::Open));
        assert_eq!(new.stale_acks.len(), 1);
    }

    #[test]
    fn repeats_of_the_old_incarnation_do_not_touch_the_new_one() {
        let played = after_close(
            "3.0 S:20>C:5001 S seq=500000
             3.1 C:5001>S:20 SA seq=70000000 ack=500001
             3.2 S:20>C:5001 A seq=500001 ack=70000001
             3.3 S:20>C:5001 F seq=1001 ack=10002",
        );
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert_eq!(new.close(), Close::Open);
        assert_eq!(old.from_origin.retransmissions, 1);
    }

    #[test]
    fn data_of_an_incarnation_never_seen_open_a_midstream_one() {
        let played = after_close("30.0 S:20>C:5001 A seq=3000000000 ack=2000000000 len=5");
        let [old, new] = played.data()[..] else { panic!("two incarnations") };
        assert!(new.midstream);
        assert_eq!((new.previous, new.from_origin.bytes), (Some(old.id), 5));
    }

    #[test]
    fn copies_are_not_counted() {
        let syn = |time: &str, rest: &str| format!("{time} S:20>C:5001 S seq=1000 id=0 {rest}\n");
        let mirrored = play(&(syn("0.0", "") + &syn("0.0002", "")));
        assert!(mirrored.booked[1].copy);
        assert_eq!(mirrored.only().syn_count, 1);
        assert_eq!(mirrored.only().from_origin.duplicates(), [(stamp(1, 0.0), stamp(2, 0.0002))]);
        let routed = play(&(syn("0.0", "") + &syn("0.003", "ttl=63")));
        assert!(routed.booked[1].copy);
        let bridged = play(&(syn("0.0", "") + &syn("0.003", "if=1")));
        assert!(bridged.booked[1].copy);
        let tagged = play(&(syn("0.0", "") + &syn("0.0001", "vlan=1")));
        assert!(tagged.booked[1].copy);
        assert_eq!(tagged.booked[0].connection, tagged.booked[1].connection);
    }

    #[test]
    fn what_is_sent_again_is_no_copy() {
        for again in [
            "0.011 S:20>C:5001 S seq=1000 id=0",  // no router in between, too late for a mirror
            "0.0002 S:20>C:5001 S seq=1000 id=8", // the sender gave it another identification
            "0.003 S:20>C:5001 S seq=1000 id=0 ttl=60", // not one hop
            "0.0002 S:20>C:5001 S seq=1000 id=0 ts=5/0", // another clock value
        ] {
            let played = play(&format!("0.0 S:20>C:5001 S seq=1000 id=0\n{again}"));
            assert!(!played.booked[1].copy, "{again}");
            assert_eq!(played.only().syn_count, 2, "{again}");
        }
    }

    #[test]
    fn a_reset_for_each_segment_is_no_copy() {
        let resets = "0.1 C:5001>S:20 R seq=10002 id=0\n0.1001 C:5001>S:20 R seq=10002 id=0";
        let played = after_close(resets);
        assert!(!played.booked[8].copy);
        let bridged = after_close(&format!("{resets} if=1"));
        assert!(bridged.booked[8].copy);
    }

    #[test]
    fn the_whole_script_twice_gives_the_same_facts() {
        // 9.11: every frame duplicated after 0.2 ms
        let once = after_close("");
        let mut twice = play("");
        for frame in frames(CLIENT_HOLDS) {
            let mut copy = frame.clone();
            copy.at.time = copy.at.time.plus_seconds(0.0002);
            twice.push(&frame);
            twice.push(&copy);
        }
        assert_eq!(twice.only().close(), once.only().close());
        assert_eq!(twice.only().from_target.bytes, 1000);
        assert_eq!(twice.only().segments(), 7);
    }

    #[test]
    fn an_icmp_error_finds_the_incarnation_by_its_number() {
        use crate::wire::{IcmpError, Quoted, Seq, Wrapping};
        let mut played = after_close("3.0 S:20>C:5001 S seq=500000");
        let frame = frames("3.1 S:20>C:5001 S seq=500000").remove(0);
        let quoted = |seq| Quoted {
            source: std::net::SocketAddr::new(frame.ip.source, 20),
            destination: std::net::SocketAddr::new(frame.ip.destination, 5001),
            seq: Seq(seq),
        };
        let error = |seq| IcmpError { kind: 3, code: 13, v6: false, quoted: quoted(seq) };
        let ids: Vec<ConnectionId> = played.data().iter().map(|connection| connection.id).collect();
        assert_eq!(played.table.icmp(stamp(9, 3.1), Wrapping(7), &frame.ip, &error(500_000)), Some(ids[1]));
        assert_eq!(played.table.icmp(stamp(10, 3.2), Wrapping(0), &frame.ip, &error(1001)), Some(ids[0]));
        assert_eq!(played.table.icmp(stamp(11, 3.3), Wrapping(0), &frame.ip, &error(77)), None);
        assert_eq!(played.data()[1].icmp[0].about, End::Origin);
    }

    #[test]
    fn the_table_is_bounded_and_lets_closed_ones_go_first() {
        let mut played = after_close("");
        let syn = |number: usize| {
            let (port, host) = (number % 60_000 + 1, number / 60_000);
            frames(&format!("1.0 10.1.{host}.1:{port}>S:80 S seq=1")).remove(0)
        };
        played.push(&syn(0));
        let open = played.booked.last().expect("pushed").connection;
        for number in 1..CONNECTIONS_KEPT {
            played.push(&syn(number));
        }
        assert_eq!(played.table.history(&data_key()).count(), 0);
        assert!(played.table.connection(open).is_some());
        assert_eq!(played.table.evicted().map(|(count, _)| count), Some(1));
        played.push(&syn(CONNECTIONS_KEPT));
        assert!(played.table.connection(open).is_none());
        assert_eq!(played.table.connections.len(), CONNECTIONS_KEPT);
    }

    #[test]
    fn the_incarnations_of_a_tuple_are_bounded_and_the_open_one_stays() {
        let attempts: Vec<String> =
            (0..100).map(|n| format!("{}.0 S:20>C:5001 S seq={}", n + 1, 1_000_000 + n)).collect();
        let played = after_close(&attempts.join("\n"));
        let all = played.data();
        assert_eq!(all.len(), INCARNATIONS_KEPT);
        assert_eq!(all[0].close(), after_close("").only().close());
        assert_eq!(all[INCARNATIONS_KEPT - 1].previous, Some(all[0].id));
        assert!(played.table.evicted().is_some());
    }
}
