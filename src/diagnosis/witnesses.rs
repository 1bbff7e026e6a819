//! Data connections that are seen to cross between both sides of a capture: what one that got lost is held against.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use crate::finding::Route;
use crate::flow::{Connection, ConnectionId, FlowKey};
use crate::frame::Stamp;

/// Connections cited that cross.
const CITED: usize = 2;

/// What was lost on the way through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// The SYN.
    Syn,
    /// The SYN crossed, its SYN-ACK did not.
    SynAck,
}

/// Data connections that are seen on both sides, as far as anybody asks.
#[derive(Default)]
pub struct Witnesses {
    /// The last ones, and where the first packet of each came in and left.
    last: VecDeque<(Route, [Stamp; 2])>,
    /// The two that began last.
    latest: [Option<(Stamp, ConnectionId)>; 2],
    tuples: HashSet<FlowKey, RandomState>,
    /// Who sends the packets that get lost of others.
    senders: HashSet<IpAddr, RandomState>,
}

impl Witnesses {
    /// One more, with the frames at which what is asked about came in and left.
    pub(super) fn add(&mut self, one: &Connection, what: What, at: [Stamp; 2]) {
        self.last.push_back((Route { from: one.origin, to: one.target }, at));
        if self.last.len() > CITED {
            self.last.pop_front();
        }
        let own = Some((one.first, one.id));
        let [first, second] = self.latest;
        self.latest = if own > first { [own, first] } else { [first, second.max(own)] };
        self.tuples.insert(one.key);
        self.senders.insert(if what == What::Syn { one.origin.ip() } else { one.target.ip() });
    }

    /// Whether there is none.
    pub fn are_none(&self) -> bool {
        self.last.is_empty()
    }

    /// The last ones, the newest first, each with the frames at which what is asked about came in and left.
    pub fn last(&self) -> impl Iterator<Item = &(Route, [Stamp; 2])> {
        self.last.iter().rev()
    }

    /// Whether one of them has that 5-tuple.
    pub fn have_tuple(&self, key: &FlowKey) -> bool {
        self.tuples.contains(key)
    }

    /// Whether one other than `than` began behind that moment.
    pub fn any_behind(&self, since: Stamp, than: ConnectionId) -> bool {
        self.latest.iter().flatten().any(|(first, id)| *first > since && *id != than)
    }

    /// Whether what gets through of them is sent by that host.
    pub fn are_sent_by(&self, host: IpAddr) -> bool {
        self.senders.contains(&host)
    }
}
