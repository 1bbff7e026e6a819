//! Joins the two directions of a connection where each was captured on another side of a NAT: the receive or transmit
//! stage of a firewall shows one direction with the addresses before and the other with those behind the translation.
//!
//! Two half connections are one where they share an end, neither has the other's direction, and the numbers fit: one
//! answers exactly the SYN of the other, or each goes on where the other stands.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::super::half::OVERTAKEN;
use super::super::key::TupleDirection;
use super::super::sighting::{Kind, Sighting};
use super::super::{Connection, ConnectionId, End, FlowKey, Half};
use super::Table;
use super::place::NEAR;
use crate::frame::{InterfaceId, Interval, Stamp};
use crate::wire::{IpHeader, Link, Segment, Seq, Wrapping};

/// Half connections that may find their other direction, the newest: those that begin within a round trip.
const HALVES_KEPT: usize = 1_024;
/// Those of them that began before the capture: they are compared one by one.
const MIDSTREAM_KEPT: usize = 64;
/// A half connection whose other direction did not come within this time has none here.
const APART: Interval = Interval::seconds(5);

/// SYN-ACKs that may have overtaken the SYN they answer, the newest.
const ANSWERS_KEPT: usize = 16;

/// Acknowledgements that show by how much numbers differ: what is under way makes others.
const SHIFT_SHOWN: u32 = 3;
/// An endpoint takes at most so many bytes more or less on the other side of a NAT.
const LINE_GROWS: i32 = 64;

/// The sockets that one direction bears, where a NAT stands between it and the other one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translated {
    /// Whose segments those are.
    pub from: End,
    /// The origin there.
    pub origin: SocketAddr,
    /// The target there.
    pub target: SocketAddr,
    /// By how much what the other side acknowledges differs from what the origin, and the target, sent here.
    shift_of_origin: Option<Shift>,
    shift_of_target: Option<Shift>,
}

/// A constant difference between the numbers of a direction on both sides: a line was made shorter or longer on the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// By how many bytes the line became longer on the way.
    pub by: i32,
    /// The first acknowledgement that shows it.
    pub since: Stamp,
    /// How many acknowledgements in a row show it.
    times: u32,
}

impl Translated {
    /// By how much the lines of one end became longer on the way, if they did.
    pub fn shift(&self, of: End) -> Option<Shift> {
        let shift = match of {
            End::Origin => self.shift_of_origin,
            End::Target => self.shift_of_target,
        };
        shift.filter(|shift| shift.by != 0 && shift.times >= SHIFT_SHOWN)
    }

    /// An acknowledgement of what one end sent, which is `ahead` of that.
    pub(in crate::flow) fn acknowledges(&mut self, of: End, ahead: i32, at: Stamp) {
        let slot = match of {
            End::Origin => &mut self.shift_of_origin,
            End::Target => &mut self.shift_of_target,
        };
        match slot {
            Some(shift) if shift.by == ahead => shift.times = shift.times.saturating_add(1),
            Some(_) | None if ahead.abs() > LINE_GROWS => {}
            Some(_) | None => *slot = Some(Shift { by: ahead, since: at, times: 1 }),
        }
    }
}

/// Half connections that were joined, and those that may be.
#[derive(Debug, Default)]
pub(super) struct Translations {
    /// By key and direction as captured: under which key, from whom and to whom a segment is booked.
    joined: HashMap<(FlowKey, TupleDirection), (FlowKey, [SocketAddr; 2]), RandomState>,
    /// The newest connection that begins with this number.
    by_isn: HashMap<Seq, ConnectionId, RandomState>,
    isns: VecDeque<Seq>,
    midstream: VecDeque<ConnectionId>,
    /// The SYN-ACKs by which connections were joined.
    answers: VecDeque<Answer>,
}

/// A SYN-ACK as it was captured, and the half connection it was taken to answer.
#[derive(Debug)]
pub(super) struct Answer {
    half: ConnectionId,
    at: Stamp,
    interface: InterfaceId,
    link: Link,
    wrapping: Wrapping,
    ip: IpHeader,
    tcp: Segment<'static>,
    key: FlowKey,
    from: SocketAddr,
    to: SocketAddr,
}

impl Answer {
    fn new(half: ConnectionId, seen: &Sighting<'_>) -> Self {
        let Sighting { at, interface, wrapping, key, from, to, .. } = *seen;
        let tcp = Segment { payload: &[], payload_len: 0, raw: &[], ..*seen.tcp };
        Self { half, at, interface, link: *seen.link, wrapping, ip: *seen.ip, tcp, key, from, to }
    }

    pub fn seen(&self) -> Sighting<'_> {
        let Self { at, interface, wrapping, key, from, to, .. } = *self;
        Sighting { at, interface, link: &self.link, wrapping, ip: &self.ip, tcp: &self.tcp, key, from, to }
    }

    fn is_of(&self, syn: &Sighting<'_>) -> bool {
        syn.kind() == Kind::Syn
            && self.key.within(Wrapping::NONE) == syn.key.within(Wrapping::NONE)
            && self.to == syn.from
            && self.tcp.ack == syn.tcp.seq.plus(1)
            && syn.at.since(self.at).abs() <= OVERTAKEN
    }
}

impl Translations {
    /// Under which key, from whom and to whom what `source` sends under that key is booked, if it was joined.
    pub fn of(&self, key: FlowKey, source: SocketAddr) -> Option<(FlowKey, [SocketAddr; 2])> {
        self.joined.get(&(key, key.way(source))).copied()
    }

    /// The connection is gone.
    pub fn forget(&mut self, connection: &Connection) {
        if let Some(key) = joined_key(connection) {
            self.joined.remove(&key);
        }
    }
}

fn joined_key(connection: &Connection) -> Option<(FlowKey, TupleDirection)> {
    let Translated { from, origin, target, .. } = **connection.translated.as_ref()?;
    let key = FlowKey::new(connection.key.wrapping, origin, target);
    Some((key, key.way(if from == End::Origin { origin } else { target })))
}

impl Table {
    /// A segment as one of the connection that it is joined with, if it is of such a one.
    pub(super) fn translate<'a>(&self, seen: Sighting<'a>) -> Sighting<'a> {
        if self.translations.joined.is_empty() {
            return seen;
        }
        match self.translations.of(seen.key, seen.source()) {
            Some((key, [from, to])) => Sighting { key, from, to, ..seen },
            None => seen,
        }
    }

    /// Joins a segment that nothing is known of with the half connection it complements, if there is one.
    pub(super) fn join<'a>(&mut self, seen: Sighting<'a>) -> Sighting<'a> {
        let Self { translations, connections, .. } = self;
        let by_isn = |isn| translations.by_isn.get(&isn).copied();
        let found = |id| {
            let half: &Connection = connections.get(&id)?;
            Some((id, half.complemented_by(&seen)?))
        };
        let complemented = match seen.kind() {
            Kind::Syn => by_isn(seen.tcp.seq).and_then(found),
            Kind::SynAck => by_isn(seen.tcp.ack.plus(u32::MAX)).and_then(found),
            Kind::Rst => None,
            Kind::Later => translations.midstream.iter().rev().copied().find_map(found),
        };
        let Some((id, from)) = complemented else { return seen };
        let Some(half) = connections.get_mut(&id) else { return seen };
        let (own, sockets) = ([seen.from, seen.to], [half.socket(from), half.socket(from.peer())]);
        let [origin, target] = if from == End::Origin { own } else { [seen.to, seen.from] };
        half.translated =
            Some(Box::new(Translated { from, origin, target, shift_of_origin: None, shift_of_target: None }));
        let key = half.key;
        if seen.kind() == Kind::SynAck {
            if translations.answers.len() >= ANSWERS_KEPT {
                translations.answers.pop_front();
            }
            translations.answers.push_back(Answer::new(id, &seen));
        }
        translations.joined.insert((seen.key, seen.key.way(seen.from)), (key, sockets));
        Sighting { key, from: sockets[0], to: sockets[1], ..seen }
    }

    /// The SYN-ACK that overtook this SYN and was booked as of the connection on the other side of the NAT: taken back from
    /// there, as both sides were captured.
    pub(super) fn overtaken_by(&mut self, syn: &Sighting<'_>) -> Option<Answer> {
        let place = self.translations.answers.iter().position(|answer| answer.is_of(syn))?;
        let answer = self.translations.answers.remove(place)?;
        let half = self.connections.get_mut(&answer.half)?;
        self.translations.forget(half);
        half.take_back_answer().then_some(answer)
    }

    /// A connection begins with this segment, which is of one direction.
    pub(super) fn begins_half(&mut self, id: ConnectionId, seen: &Sighting<'_>) {
        let Translations { by_isn, isns, midstream, .. } = &mut self.translations;
        let isn = match seen.kind() {
            Kind::Syn => seen.tcp.seq,
            Kind::SynAck => seen.tcp.ack.plus(u32::MAX),
            Kind::Rst | Kind::Later => {
                if midstream.len() >= MIDSTREAM_KEPT {
                    midstream.pop_front();
                }
                midstream.push_back(id);
                return;
            }
        };
        if isns.len() >= HALVES_KEPT
            && let Some(oldest) = isns.pop_front()
        {
            by_isn.remove(&oldest);
        }
        isns.push_back(isn);
        by_isn.insert(isn, id);
    }
}

impl Connection {
    /// The end whose direction is missing here and which a segment of another tuple complements: its numbers fit and it
    /// goes from or to the same socket.
    fn complemented_by(&self, seen: &Sighting<'_>) -> Option<End> {
        let from = if seen.destination() == self.origin || seen.source() == self.target {
            End::Target
        } else if seen.destination() == self.target || seen.source() == self.origin {
            End::Origin
        } else {
            return None;
        };
        let fits = match seen.kind() {
            Kind::SynAck => from == End::Target && self.isn().is_some_and(|isn| seen.tcp.ack == isn.plus(1)),
            Kind::Syn => from == End::Origin && self.isn() == Some(seen.tcp.seq),
            Kind::Rst => false,
            Kind::Later => self.goes_on_with(from, seen),
        };
        let is_half = self.half(from).segments == 0 && self.half(from.peer()).segments > 0;
        let is_recent = seen.at.since(self.last).abs() <= APART;
        (is_half && is_recent && fits).then_some(from)
    }

    /// Forgets the one segment of the target; whether it was one, a SYN-ACK.
    fn take_back_answer(&mut self) -> bool {
        let only = self.from_target.segments == 1 && self.syn_acks.len() == 1;
        if only {
            self.translated = None;
            self.from_target = Half::default();
            self.from_origin.acked = None;
            self.syn_acks.clear();
        }
        only
    }

    /// Whether a segment of the missing direction goes on where the other one stands, by both numbers.
    fn goes_on_with(&self, from: End, seen: &Sighting<'_>) -> bool {
        let near = |known: Option<_>, number| {
            known.is_some_and(|known: Seq| known.distance_from(number).unsigned_abs() <= NEAR)
        };
        let other: &Half = self.half(from.peer());
        self.midstream
            && near(self.half(from).acked, seen.tcp.seq)
            && seen.ack().is_some_and(|ack| near(other.next, ack))
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
    fn directions_on_different_sides_of_a_nat_are_one_connection() {
        let source = "=0.000s 10.0.0.5:1050 > S:21 S seq=1000
             =0.010s S:21 > 198.51.100.7:40000 SA seq=900000 ack=1001
             =0.011s 10.0.0.5:1050 > S:21 A seq=1001 ack=900001
             =0.012s S:21 > 198.51.100.7:40000 A seq=900001 ack=1001 len=9";
        assert_eq!(connections(source), (1, 1));
        let destination = "=0.000s C:1050 > 198.51.100.7:21 S seq=1000
             =0.010s 10.0.0.5:21 > C:1050 SA seq=900000 ack=1001
             =0.011s C:1050 > 198.51.100.7:21 A seq=1001 ack=900001";
        assert_eq!(connections(destination), (1, 1));
        let late = "=0.000s 10.0.0.5:1050 > S:21 A seq=1001 ack=900001 len=5
             =0.012s S:21 > 198.51.100.7:40000 A seq=900001 ack=1006 len=9
             =0.013s 10.0.0.5:1050 > S:21 A seq=1006 ack=900010";
        assert_eq!(connections(late).0, 1);
    }

    #[test]
    fn a_syn_ack_that_overtook_its_syn_is_of_its_own_side() {
        let both_sides = "=0.000s 10.0.0.5:1050 > S:21 S seq=1000
             =0.001s S:21 > 198.51.100.7:1050 SA seq=900000 ack=1001
             =0.001s 198.51.100.7:1050 > S:21 S seq=1000
             =0.001s S:21 > 10.0.0.5:1050 SA seq=900000 ack=1001
             =0.002s 10.0.0.5:1050 > S:21 A seq=1001 ack=900001
             =0.002s 198.51.100.7:1050 > S:21 A seq=1001 ack=900001";
        assert_eq!(connections(both_sides), (2, 2));
    }

    #[test]
    fn half_connections_whose_numbers_do_not_fit_stay_two() {
        let other_syn = "=0.000s 10.0.0.5:1050 > S:21 S seq=1000
             =0.010s S:21 > 198.51.100.7:40000 SA seq=900000 ack=5001";
        assert_eq!(connections(other_syn).0, 2);
        let whole = "=0.000s 10.0.0.5:1050 > S:21 S seq=1000
             =0.010s S:21 > 10.0.0.5:1050 SA seq=900000 ack=1001
             =0.011s S:21 > 198.51.100.7:40000 SA seq=900000 ack=1001 ttl=60";
        assert_eq!(connections(whole).0, 2, "the first one has both directions");
        let nothing_shared = "=0.000s 10.0.0.5:1050 > S:21 S seq=1000
             =0.010s 203.0.113.1:2121 > 198.51.100.7:40000 SA seq=900000 ack=1001";
        assert_eq!(connections(nothing_shared).0, 2);
    }
}
