//! What is to be done at which moment of packet time: one table of deadlines.

use std::collections::BTreeSet;

use super::settings::Judging;
use crate::finding::TransferId;
use crate::frame::Timestamp;
use crate::transfer::offers::OfferNumber;
use crate::transfer::sessions::SessionIndex;

/// Due as soon as the frame that set it has been booked, whatever its time.
pub(super) const AT_ONCE: Timestamp = Timestamp(i64::MIN);

/// What falls due. What is due at the same time is done in this order: each kind says more exactly what the next one
/// would say, and a host that is blamed for a failure is not told of again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deadline {
    /// An endpoint was announced: it may be known to fail before anybody has tried it.
    Announced(SessionIndex, OfferNumber),
    /// A session has grown long: what lies far back is judged for good and forgotten.
    Rollover(SessionIndex),
    /// What became of a transfer or offer is known by its replies, and data packets that were recorded behind those are in.
    Subject(SessionIndex, Subject),
    /// A control connection has closed, and whatever follows that is over too.
    Session(SessionIndex),
    /// The hosts and the capture itself are looked at again.
    HostReview,
}

/// A transfer or offer of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A transfer.
    Transfer(TransferId),
    /// An offer.
    Offer(OfferNumber),
}

/// The deadlines that are set, each once.
#[derive(Debug)]
pub(super) struct Schedule {
    judging: Judging,
    deadlines: BTreeSet<(Timestamp, Deadline)>,
    /// When the first of them is due: asked before every frame, so it is kept at hand.
    next: Timestamp,
}

impl Schedule {
    /// Nothing to do, but to look at the hosts if findings are told while a capture goes on.
    pub(super) fn new(judging: Judging) -> Self {
        let mut schedule = Self { judging, deadlines: BTreeSet::new(), next: Timestamp(i64::MAX) };
        schedule.set(AT_ONCE, Deadline::HostReview);
        schedule
    }

    /// Has something done at that moment. Where all is judged at the end, sessions alone have one: their end.
    pub(super) fn set(&mut self, at: Timestamp, deadline: Deadline) {
        let is_wanted = match deadline {
            Deadline::Session(_) => true,
            Deadline::Announced(..) | Deadline::Rollover(_) | Deadline::Subject(..) | Deadline::HostReview => {
                self.judging == Judging::Promptly
            }
        };
        if is_wanted {
            self.deadlines.insert((at, deadline));
            self.next = self.next.min(at);
        }
    }

    /// When the next deadline is; the end of time where none is set.
    #[inline]
    pub(super) fn next(&self) -> Timestamp {
        self.next
    }

    /// Takes out what is due at `now`, in the order in which it is to be done.
    pub(super) fn due(&mut self, now: Timestamp) -> Vec<(Timestamp, Deadline)> {
        let mut due = Vec::new();
        while let Some(first) = self.deadlines.first().copied().filter(|(at, _)| *at <= now) {
            self.deadlines.remove(&first);
            due.push(first);
        }
        self.next = self.deadlines.first().map_or(Timestamp(i64::MAX), |(at, _)| *at);
        due.sort_by_key(|(_, deadline)| deadline.kind());
        due
    }
}

impl Deadline {
    /// Its place among the kinds.
    fn kind(self) -> u8 {
        match self {
            Self::Announced(..) => 0,
            Self::Rollover(_) => 1,
            Self::Subject(..) => 2,
            Self::Session(_) => 3,
            Self::HostReview => 4,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(index: usize) -> Deadline {
        Deadline::Session(SessionIndex(index))
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    #[test]
    fn what_is_due_comes_once_by_kind_and_then_by_time() {
        let mut schedule = Schedule::new(Judging::Promptly);
        assert_eq!(schedule.next(), AT_ONCE);
        assert_eq!(schedule.due(AT_ONCE), [(AT_ONCE, Deadline::HostReview)]);
        assert_eq!(schedule.next(), Timestamp(i64::MAX));
        let transfer = Deadline::Subject(SessionIndex(1), Subject::Transfer(TransferId(1)));
        let all = [
            (second(1), Deadline::HostReview),
            (second(3), session(7)),
            (second(2), session(8)),
            (second(4), transfer),
            (second(9), session(9)),
        ];
        for (at, deadline) in all {
            schedule.set(at, deadline);
        }
        assert_eq!(schedule.due(second(0)), []);
        let due: Vec<Deadline> = schedule.due(second(5)).into_iter().map(|(_, deadline)| deadline).collect();
        assert_eq!(due, [transfer, session(8), session(7), Deadline::HostReview]);
        assert_eq!(schedule.next(), second(9));
        assert_eq!(schedule.due(second(5)), []);
    }

    #[test]
    fn a_session_that_closed_by_a_clock_set_forward_holds_up_no_other() {
        let mut schedule = Schedule::new(Judging::AtEnd);
        schedule.set(second(3_603), session(1));
        schedule.set(second(3), session(2));
        assert_eq!(schedule.next(), second(3));
        assert_eq!(schedule.due(second(10)), [(second(3), session(2))]);
        assert_eq!(schedule.next(), second(3_603));
    }

    #[test]
    fn where_all_is_judged_at_the_end_only_sessions_end() {
        let mut schedule = Schedule::new(Judging::AtEnd);
        schedule.set(AT_ONCE, Deadline::Announced(SessionIndex(1), OfferNumber(1)));
        schedule.set(second(1), Deadline::Subject(SessionIndex(1), Subject::Offer(OfferNumber(1))));
        assert_eq!(schedule.next(), Timestamp(i64::MAX));
        schedule.set(second(2), session(1));
        assert_eq!(schedule.due(second(2)), [(second(2), session(1))]);
    }
}
