//! Ends control connections that nobody will end any more, while a capture goes on: what is said of them comes when
//! they are over, and a client that vanished never says so.

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

impl Pipeline {
    /// Has the control connections judged that have been silent for too long, and forgets whom nobody asks for.
    pub(super) fn age(&mut self, now: Timestamp) {
        let mut over: Vec<ConnectionId> =
            self.controls.iter().filter(|(id, control)| self.is_over(**id, control, now)).map(|(id, _)| *id).collect();
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
