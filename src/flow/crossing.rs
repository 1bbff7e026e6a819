//! Recognises on which sides of a forwarding host packets were captured: the same packet again on another interface, or
//! the same SYN again under translated addresses.
//!
//! Knows sightings and their order; what it means that one is missing is for a diagnosis to say.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::sighting::Sighting;
use super::{Connection, ConnectionId, Crossing, Half, Side, SynSeen};
use crate::frame::{Interval, Stamp};
use crate::wire::{Seq, Wrapping};

/// The two sights of one SYN, before and behind a NAT, are at most this far apart.
pub const TRANSLATED: Interval = Interval::millis(500);

/// SYNs of one such moment that are compared; what is forwarded leaves after a few others.
const PASSING_KEPT: usize = 128;

impl Side {
    pub(super) fn of(seen: &Sighting<'_>) -> Self {
        Self { interface: seen.interface, if_index: seen.link.if_index, wrapping: seen.wrapping }
    }
}

/// The first or the second sight of one packet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight {
    pub at: Stamp,
    pub side: Side,
    pub ttl: u8,
}

impl Crossing {
    /// A packet was seen on two sides: where it came in and where it left. `None` when both sights are of one side.
    pub(super) fn of(one: Sight, other: Sight) -> Option<Self> {
        if one.side == other.side {
            return None;
        }
        // Routers count the TTL down; bridges do not, and then the clock of the host decides.
        let (came, left) = if (std::cmp::Reverse(one.ttl), one.at) <= (std::cmp::Reverse(other.ttl), other.at) {
            (one, other)
        } else {
            (other, one)
        };
        Some(Self { from: came.side, to: left.side, first: [came.at, left.at], last: [came.at, left.at] })
    }

    /// Takes one more packet that was seen on both sides.
    pub(super) fn again(&mut self, other: &Self) {
        if (self.from, self.to) == (other.from, other.to) {
            self.last = other.last;
        }
    }

    /// Whether packets are seen to cross before and behind that time.
    pub fn spans(&self, from: Stamp, until: Stamp) -> bool {
        self.first[0] <= from && self.last[0] >= until
    }
}

impl Connection {
    /// Whether two connections are one on both sides of a NAT: one equal number may be chance, or a stack that always
    /// begins with it, so packet after packet is there on both sides, in one moment and with the same numbers.
    pub fn is_other_side_of(&self, other: &Self) -> bool {
        let alike = |one: &SynSeen, other: &SynSeen| {
            one.isn == other.isn
                && one.options.timestamps == other.options.timestamps
                && one.at.since(other.at).abs() < TRANSLATED
        };
        let same = |one: &Half, other: &Half| Some(one.first_seq? == other.first_seq?);
        let from_origin = same(&self.from_origin, &other.from_origin);
        let from_target = same(&self.from_target, &other.from_target);
        // Of a peer that was not captured at all, what was said to it counts as a second packet.
        let said = || {
            let [own, its] = [self, other].map(|one| one.from_origin.next.filter(|_| one.from_origin.bytes > 0));
            from_target.is_none() && own.is_some() && own == its
        };
        let again = from_target == Some(true) || said();
        // A SYN alone that is sent again may go to two hosts; what is forwarded keeps its identification.
        let forwarded = |one: &SynSeen, other: &SynSeen| again || one.identification == other.identification;
        let syns = self.syns.iter().zip(&other.syns);
        let pairs = syns.filter(|(one, other)| alike(one, other) && forwarded(one, other)).count();
        // Picked up mid-stream, both directions begin with the same number at the same moment.
        let begun = self.midstream && other.midstream && [from_origin, from_target] == [Some(true); 2];
        let at_once = self.first.since(other.first).abs() < TRANSLATED;
        let shown = pairs + usize::from(again) >= 2 || begun && at_once;
        // What begins when the other one is over is a copy that was played again under other addresses.
        let meanwhile = if self.first <= other.first { other.first <= self.last } else { self.first <= other.last };
        meanwhile && from_origin != Some(false) && from_target != Some(false) && shown
    }
}

/// The SYNs of the last moment.
#[derive(Debug, Default)]
pub(super) struct Passing(VecDeque<Passed>);

#[derive(Clone, Copy, Debug)]
struct Passed {
    at: Stamp,
    isn: Seq,
    timestamp: Option<u32>,
    ends: [SocketAddr; 2],
    wrapping: Wrapping,
    connection: ConnectionId,
}

impl Passing {
    /// The connection to which the same SYN, under other addresses, was booked just now. By what its sender chose: the
    /// initial sequence number and the timestamp; a NAT leaves at least one address or port as it is.
    pub fn twin(&mut self, seen: &Sighting<'_>, connection: ConnectionId) -> Option<ConnectionId> {
        let new = Passed {
            at: seen.at,
            isn: seen.tcp.seq,
            timestamp: seen.tcp.options.timestamps.map(|(val, _)| val),
            ends: [seen.source(), seen.destination()],
            wrapping: seen.wrapping,
            connection,
        };
        let twin = self.0.iter().rev().find(|known| known.is_same_syn(&new)).map(|known| known.connection);
        if self.0.len() >= PASSING_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(new);
        twin
    }
}

impl Passed {
    fn is_same_syn(&self, other: &Self) -> bool {
        let shares = |one: &SocketAddr, other: &SocketAddr| one.ip() == other.ip() || one.port() == other.port();
        self.connection != other.connection
            && (self.isn, self.timestamp) == (other.isn, other.timestamp)
            && (self.ends, self.wrapping) != (other.ends, other.wrapping)
            && self.ends.iter().zip(&other.ends).any(|(one, other)| shares(one, other))
            && other.at.since(self.at).abs() < TRANSLATED
    }
}

#[cfg(test)]
mod tests {
    use crate::flow::script::play;
    use crate::frame::InterfaceId;

    #[test]
    fn what_a_router_forwards_crosses_from_where_its_ttl_is_higher() {
        let routed = play(
            "=0.0001s S:20 > C:5001 S seq=1000 id=7 ttl=63 on=if0
             =0.0001s S:20 > C:5001 S seq=1000 id=7 ttl=64 on=if1
             =2.0s S:20 > C:5001 S seq=1000 id=8 ttl=64 on=if1",
        );
        let crossing = routed.only().from_origin.crossing().expect("seen twice");
        assert_eq!((crossing.from.interface, crossing.to.interface), (InterfaceId(1), InterfaceId(0)));
        assert_eq!(crossing.last, crossing.first, "only one was seen twice");
        assert!(routed.only().from_target.crossing().is_none());
    }

    #[test]
    fn a_copy_on_the_same_interface_does_not_cross() {
        let mirrored = play(
            "=0.0001s S:20 > C:5001 S seq=1000 id=7
             =0.0002s S:20 > C:5001 S seq=1000 id=7",
        );
        assert!(mirrored.only().from_origin.crossing().is_none());
    }

    #[test]
    fn one_equal_number_makes_no_other_side() {
        let is_pair = |second: &str| {
            let played =
                play(&format!("=0.0s C:1050 > S:21 S seq=1000\n=0.001s S:21 > C:1050 SA seq=9000 ack=1001\n{second}"));
            let all: Vec<_> = played.table.connections().collect();
            all[0].is_other_side_of(all[1])
        };
        let syn = "=0.0002s 10.9.9.9:1050 > S:21 S seq=1000";
        assert!(is_pair(&format!("{syn}\n=0.001s S:21 > 10.9.9.9:1050 SA seq=9000 ack=1001")));
        assert!(!is_pair(&format!("{syn}\n=0.001s S:21 > 10.9.9.9:1050 SA seq=7000 ack=1001")));
        assert!(!is_pair(syn));
    }

    #[test]
    fn a_copy_behind_the_end_of_the_other_is_no_other_side() {
        let is_pair = |at: f64| {
            let first = "=0.0s C:1050 > S:21 S seq=1000\n=0.001s S:21 > C:1050 SA seq=9000 ack=1001\n=0.010s C:1050 > S:21 R seq=1001";
            let again = format!(
                "={at}s 10.9.9.9:1050 > 10.8.8.8:21 S seq=1000\n={at}s 10.8.8.8:21 > 10.9.9.9:1050 SA seq=9000 ack=1001"
            );
            let played = play(&format!("{first}\n{again}"));
            let all: Vec<_> = played.table.connections().collect();
            all[0].is_other_side_of(all[1])
        };
        assert!(is_pair(0.0005) && !is_pair(0.011));
    }

    #[test]
    fn what_was_picked_up_mid_stream_is_known_by_both_numbers() {
        let is_pair = |second: &str| {
            let played = play(&format!(
                "=0.0s C:1050 > S:21 A seq=1000 ack=9000 len=5\n=0.001s S:21 > C:1050 A seq=9000 ack=1005 len=9\n{second}"
            ));
            let all: Vec<_> = played.table.connections().collect();
            all[0].is_other_side_of(all[1])
        };
        let said = "=0.0002s 10.9.9.9:1050 > S:21 A seq=1000 ack=9000 len=5";
        assert!(is_pair(&format!("{said}\n=0.0008s S:21 > 10.9.9.9:1050 A seq=9000 ack=1005 len=9")));
        assert!(!is_pair(&format!("{said}\n=0.0008s S:21 > 10.9.9.9:1050 A seq=9009 ack=1005 len=9")));
        assert!(!is_pair(said), "one number may be chance");
    }

    #[test]
    fn a_syn_under_other_addresses_is_known_by_its_numbers() {
        let pair = |second: &str| {
            let played = play(&format!("=0.0s S:20 > C:5001 S seq=1000 ts=5/0\n{second}"));
            played.table.connections().filter(|connection| connection.elsewhere().is_some()).count()
        };
        assert_eq!(pair("=0.001s S:20 > C:6001 S seq=1000 ts=5/0"), 2);
        assert_eq!(pair("=0.001s S:20 > C:6001 S seq=1001 ts=5/0"), 0);
        assert_eq!(pair("=0.001s S:20 > C:6001 S seq=1000 ts=6/0"), 0);
        assert_eq!(pair("=0.9s S:20 > C:6001 S seq=1000 ts=5/0"), 0);
    }
}
