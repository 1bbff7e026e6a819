//! Times for which a capture that goes on lacks packets.

use std::collections::VecDeque;

use crate::frame::Timestamp;

/// Gaps that are kept; beyond it the oldest two become one, with all that lies between them.
const KEPT: usize = 256;

/// How many of the newest are looked at for the one that goes on: as many interfaces may lack packets at once.
const GOING_ON: usize = 8;

/// A time for which packets are missing. Where they were not counted, an interface was away and nothing could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// What came before is there.
    pub from: Timestamp,
    /// What came behind is there.
    pub until: Timestamp,
    /// Packets that were counted as dropped.
    pub packets: u64,
    /// Whether an interface was away for some of the time.
    pub away: bool,
}

impl Gap {
    /// Seconds from its beginning to its end.
    pub fn seconds(&self) -> f64 {
        self.until.seconds_since(self.from)
    }

    fn join(&mut self, next: &Self) {
        self.from = self.from.min(next.from);
        self.until = self.until.max(next.until);
        self.packets += next.packets;
        self.away |= next.away;
    }
}

/// The gaps of a capture, in the order in which they were noticed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Gaps(VecDeque<Gap>);

impl Gaps {
    /// Adds a gap; one that goes on where the last one ended is the same.
    pub fn push(&mut self, gap: Gap) {
        let mut newest = self.0.iter_mut().rev().take(GOING_ON);
        if let Some(same) = newest.find(|one| one.until == gap.from && one.away == gap.away) {
            return same.join(&gap);
        }
        self.0.push_back(gap);
        if self.0.len() > KEPT
            && let Some(oldest) = self.0.pop_front()
            && let Some(next) = self.0.front_mut()
        {
            next.join(&oldest);
        }
    }

    /// Those in the order in which they were noticed.
    pub fn iter(&self) -> impl Iterator<Item = &Gap> {
        self.0.iter()
    }

    /// Takes all out.
    pub fn take(&mut self) -> impl Iterator<Item = Gap> + use<> {
        std::mem::take(&mut self.0).into_iter()
    }

    /// Whether no packet is missing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps those that touch what lies between two times.
    pub fn limit_to(&mut self, from: Timestamp, until: Timestamp) {
        self.0.retain(|gap| gap.from <= until && from <= gap.until);
    }

    /// Packets that were counted in all of them.
    pub fn packets(&self) -> u64 {
        self.0.iter().map(|gap| gap.packets).sum()
    }

    /// Seconds for which an interface was away.
    pub fn seconds_away(&self) -> f64 {
        self.0.iter().filter(|gap| gap.away).map(Gap::seconds).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dropped(from: i64, until: i64, packets: u64) -> Gap {
        Gap { from: Timestamp(from), until: Timestamp(until), packets, away: false }
    }

    #[test]
    fn a_loss_that_goes_on_is_one_gap() {
        let mut gaps = Gaps::default();
        for gap in [dropped(0, 5, 3), dropped(5, 9, 4), Gap { away: true, ..dropped(9, 10, 0) }, dropped(20, 21, 1)] {
            gaps.push(gap);
        }
        let all: Vec<Gap> = gaps.iter().copied().collect();
        assert_eq!(all, [dropped(0, 9, 7), Gap { away: true, ..dropped(9, 10, 0) }, dropped(20, 21, 1)]);
        assert_eq!(gaps.packets(), 8);
    }

    #[test]
    fn their_number_is_bounded_and_no_packet_is_forgotten() {
        let mut gaps = Gaps::default();
        for second in 0..1_000 {
            gaps.push(dropped(second * 10, second * 10 + 1, 2));
        }
        assert_eq!((gaps.iter().count(), gaps.packets()), (KEPT, 2_000));
        assert_eq!(gaps.iter().next().map(|gap| gap.from), Some(Timestamp(0)), "the oldest are one");
    }

    #[test]
    fn what_lies_elsewhere_does_not_touch() {
        let touching = |from, until| {
            let mut gaps = Gaps::default();
            gaps.push(dropped(10, 20, 1));
            gaps.limit_to(Timestamp(from), Timestamp(until));
            !gaps.is_empty()
        };
        assert_eq!(
            [touching(0, 9), touching(0, 10), touching(12, 13), touching(20, 30), touching(21, 30)],
            [false, true, true, true, false]
        );
    }
}
