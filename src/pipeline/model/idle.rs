//! Which control connections have been silent for so long that nobody will end them any more, while a capture goes on: what
//! is said of them comes when they are over, and a client that vanished never says so.

use std::collections::BTreeSet;

use crate::flow::ConnectionId;
use crate::frame::{Interval, Timestamp};

/// A SYN, or a handshake, that came to nothing is given up after this: Linux sends its last SYN after 63 s and waits as
/// long again (tcp(7), tcp_syn_retries).
const ATTEMPT: Interval = Interval::seconds(130);

/// Behind a segment that nobody acknowledges silence means more: repeats come 120 s apart at most (TCP_RTO_MAX).
const STALLED: Interval = Interval::seconds(300);

/// Servers end sessions that say nothing after minutes, an hour at most; keep-alives come every two (RFC 9293 3.8.4).
const IDLE: Interval = Interval::seconds(3 * 3600);

/// When each control connection is to be looked at, for it may have been silent for too long by then. None can have been
/// before: what it says puts its time off, and is seen when the time has come.
#[derive(Debug, Default)]
pub(super) struct IdleTimeouts(BTreeSet<(Timestamp, ConnectionId)>);

impl IdleTimeouts {
    /// A control connection has begun; when it is to be looked at.
    pub(super) fn begun(&mut self, id: ConnectionId, first: Timestamp) -> Timestamp {
        self.look_at(id, first.plus(ATTEMPT))
    }

    /// A control connection is to be looked at then.
    pub(super) fn look_at(&mut self, id: ConnectionId, due: Timestamp) -> Timestamp {
        self.0.insert((due, id));
        due
    }

    /// A control connection that was to be looked at then is over.
    pub(super) fn over(&mut self, id: ConnectionId, due: Timestamp) {
        self.0.remove(&(due, id));
    }

    /// One whose time has come.
    pub(super) fn next(&mut self, now: Timestamp) -> Option<ConnectionId> {
        let first = self.0.first().filter(|(due, _)| *due < now).copied()?;
        self.0.remove(&first);
        Some(first.1)
    }
}

/// How long a control connection has been silent.
#[derive(Clone, Copy)]
pub(super) struct Silence {
    /// Whether it ever carried anything.
    pub(super) alive: bool,
    /// Its last frame.
    pub(super) last: Timestamp,
    pub(super) now: Timestamp,
}

impl Silence {
    /// Whether nobody will end it any more. `is_stalled` tells whether something was sent that nobody acknowledged.
    pub(super) fn is_final(self, is_stalled: impl FnOnce() -> bool) -> bool {
        let silent = self.now.since(self.last);
        silent > IDLE || silent > ATTEMPT && !self.alive || silent > STALLED && is_stalled()
    }

    /// When to look again, if it is not.
    pub(super) fn look_again(self) -> Timestamp {
        let patience = if !self.alive {
            ATTEMPT
        } else if self.now.since(self.last) > STALLED {
            IDLE
        } else {
            STALLED
        };
        self.last.plus(patience)
    }
}
