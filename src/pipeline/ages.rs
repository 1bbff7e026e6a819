//! Ends control connections that nobody will end any more, while a capture goes on: what is said of them comes when
//! they are over, and a client that vanished never says so.

use std::collections::BTreeSet;

use super::control::Control;
use super::{BLAMED, Pipeline};
use crate::flow::{ConnectionId, End};
use crate::frame::Timestamp;

/// A SYN, or a handshake, that came to nothing is given up after this: Linux sends its last SYN after 63 s and waits as
/// long again (tcp(7), tcp_syn_retries). Seconds.
const ATTEMPT: f64 = 130.0;

/// Behind a segment that nobody acknowledges silence means more: repeats come 120 s apart at most (TCP_RTO_MAX). Seconds.
const STALLED: f64 = 300.0;

/// Servers end sessions that say nothing after minutes, an hour at most; keep-alives come every two (RFC 9293 3.8.4).
/// Seconds.
const IDLE: f64 = 3.0 * 3600.0;

/// When each control connection is to be looked at, for it may have been silent for too long by then. None can have been
/// before: what it says puts its time off, and is seen when the time has come.
#[derive(Debug, Default)]
pub(super) struct Silences(BTreeSet<(Timestamp, ConnectionId)>);

impl Silences {
    /// A control connection has begun; when it is to be looked at.
    pub(super) fn begun(&mut self, id: ConnectionId, first: Timestamp) -> Timestamp {
        self.look_at(id, first.plus_seconds(ATTEMPT))
    }

    fn look_at(&mut self, id: ConnectionId, due: Timestamp) -> Timestamp {
        self.0.insert((due, id));
        due
    }

    /// A control connection that was to be looked at then is over.
    pub(super) fn over(&mut self, id: ConnectionId, due: Timestamp) {
        self.0.remove(&(due, id));
    }

    /// One whose time has come.
    fn next(&mut self, now: Timestamp) -> Option<ConnectionId> {
        let first = self.0.first().filter(|(due, _)| *due < now).copied()?;
        self.0.remove(&first);
        Some(first.1)
    }
}

impl Pipeline {
    /// Has the control connections judged that have been silent for too long, and forgets whom nobody asks for.
    pub(super) fn age(&mut self, now: Timestamp) {
        let mut over: Vec<ConnectionId> = Vec::new();
        while let Some(id) = self.silences.next(now) {
            let Some(control) = self.controls.get(&id) else { continue };
            if self.is_over(id, control, now) {
                over.push(id);
                continue;
            }
            let last = control.last().time;
            let patience = if !control.is_alive() {
                ATTEMPT
            } else if now.seconds_since(last) > STALLED {
                IDLE
            } else {
                STALLED
            };
            let due = self.silences.look_at(id, last.plus_seconds(patience));
            if let Some(control) = self.controls.get_mut(&id) {
                control.look_at(due);
            }
        }
        // Those in front are judged first.
        over.sort_unstable_by(|one, other| other.cmp(one));
        for id in over {
            if let Some(closing) = self.controls.get_mut(&id).and_then(Control::close_for_silence) {
                self.closing.push_front(closing);
            }
        }
        while self.blamed.len() > BLAMED {
            self.blamed.pop_first();
        }
    }

    fn is_over(&self, id: ConnectionId, control: &Control, now: Timestamp) -> bool {
        let silent = now.seconds_since(control.last().time);
        let stalled = || {
            let connection = self.flows.connection(id);
            connection.is_some_and(|one| {
                [End::Origin, End::Target].into_iter().any(|end| !one.half(end).unacknowledged().is_empty())
            })
        };
        silent > IDLE || silent > ATTEMPT && !control.is_alive() || silent > STALLED && stalled()
    }
}
