//! Keeps what all control sessions together hold within a bound: bytes that wait for earlier ones, lines that have not
//! ended, and the dialogues of sessions under way. Counting connections is not enough, for one may hold a thousand
//! times what another does.

use crate::ftp::Event;

/// Bytes that control sessions may hold together: 4 kB for each of the sixteen thousand that are followed.
const HELD: usize = 64 << 20;

/// What is added up between two measurements is at least one part of so many of the bound.
const PART: usize = 4;

/// What a segment may add beside its bytes.
const SEGMENT: usize = 128;

/// An estimate from above of what is held, and when it is to be measured.
#[derive(Debug)]
pub(super) struct MemoryBudget {
    limit: usize,
    estimate: usize,
    measure_at: usize,
}

impl MemoryBudget {
    /// `scaled` turns a bound into what it is within the memory that is allowed.
    pub(super) fn new(scaled: impl Fn(usize) -> usize) -> Self {
        let limit = scaled(HELD);
        Self { limit, estimate: 0, measure_at: limit }
    }

    /// A segment of a control connection came, and told this.
    pub(super) fn add(&mut self, payload: usize, events: &[Event]) {
        self.estimate += payload + SEGMENT + events.iter().map(Event::weight).sum::<usize>();
    }

    /// Whether the estimate may be above the bound: what is held is to be measured.
    pub(super) fn is_to_be_measured(&self) -> bool {
        self.estimate > self.measure_at
    }

    /// Whether so much is not well within the bound. Only what leaves room for a while is worth the measurement.
    pub(super) fn is_exceeded_by(&self, held: usize) -> bool {
        held > self.limit - self.limit / PART
    }

    /// So much is held.
    pub(super) fn measured(&mut self, held: usize) {
        self.estimate = held;
        self.measure_at = self.limit.max(held + self.limit / PART);
    }
}
