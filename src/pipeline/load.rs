//! Keeps what all control sessions together hold within a bound: bytes that wait for earlier ones, lines that have not
//! ended, and the dialogues of sessions under way. Counting connections is not enough, for one may hold a thousand
//! times what another does.

use super::Pipeline;
use crate::ftp::Event;
use crate::transfer::session::Session;

/// Bytes that control sessions may hold together: 4 kB for each of the sixteen thousand that are followed.
const HELD: usize = 64 << 20;

/// What is added up between two weighings is at least one part of so many of the bound.
const PART: usize = 4;

/// What a segment may add beside its bytes.
const SEGMENT: usize = 128;

/// An estimate from above of what is held, and when it is to be weighed.
#[derive(Debug)]
pub(super) struct Load {
    limit: usize,
    estimate: usize,
    weigh_at: usize,
}

impl Load {
    /// `scaled` turns a bound into what it is within the memory that is allowed.
    pub(super) fn new(scaled: impl Fn(usize) -> usize) -> Self {
        let limit = scaled(HELD);
        Self { limit, estimate: 0, weigh_at: limit }
    }

    /// A segment of a control connection came, and told this.
    pub(super) fn add(&mut self, payload: usize, events: &[Event]) {
        self.estimate += payload + SEGMENT + events.iter().map(Event::weight).sum::<usize>();
    }

    pub(super) fn is_to_be_weighed(&self) -> bool {
        self.estimate > self.weigh_at
    }
}

impl Pipeline {
    /// Weighs what is held, and lets go of control connections, the longest silent first, until it is well within the
    /// bound.
    pub(super) fn lighten(&mut self) {
        let controls: usize = self.controls.values().map(super::control::Control::weight).sum();
        let sessions: usize = self.sessions.iter().map(Session::weight).sum();
        let mut held = controls + sessions;
        let limit = self.load.limit;
        while held > limit - limit / PART
            && let Some(weight) = self.let_one_control_go()
        {
            held = held.saturating_sub(weight);
        }
        self.load.estimate = held;
        self.load.weigh_at = limit.max(held + limit / PART);
    }
}
