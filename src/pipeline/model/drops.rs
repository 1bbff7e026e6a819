//! When a capture that goes on lost packets: a loss limits what is claimed of its time, not of the week around it.
//!
//! An interface tells by itself when ([`Capture::gaps`]). Of a file that is being written the statistics tell how many,
//! and the time at which they are read has to do.

use std::collections::VecDeque;

use crate::frame::{Interval, Timestamp};
use crate::source::Capture;

/// Changes of the count that are kept; beyond it the oldest two become one.
const CHANGES: usize = 1_024;

/// A count is taken at times, so a loss may lie this much before it shows, and what it hides this much behind. Seconds.
const AROUND: Interval = Interval::seconds(1);

/// How the count of lost packets grew.
#[derive(Debug, Default)]
pub(super) struct Drops {
    /// When it changed, and how many more there were.
    changes: VecDeque<(Timestamp, u64)>,
    total: u64,
}

impl Drops {
    /// Looks at the counts of the captures, as far as they do not tell when it was.
    pub(super) fn look(&mut self, now: Timestamp, captures: &[Capture]) {
        let total: u64 = captures.iter().map(|one| dropped(one).saturating_sub(one.gaps.packets())).sum();
        if total <= self.total {
            return;
        }
        let more = total - std::mem::replace(&mut self.total, total);
        self.changes.push_back((now, more));
        if self.changes.len() > CHANGES
            && let Some((_, oldest)) = self.changes.pop_front()
            && let Some((_, next)) = self.changes.front_mut()
        {
            *next += oldest;
        }
    }

    /// The captures as they concern what lies between two times: with the packets lost then. `None` where that makes
    /// no difference.
    pub(super) fn captures(&self, from: Timestamp, until: Timestamp, captures: &[Capture]) -> Option<Vec<Capture>> {
        if self.total == 0 && captures.iter().all(|capture| capture.gaps.is_empty()) {
            return None;
        }
        let (from, until) = (from.plus(-AROUND), until.plus(AROUND));
        let changed: u64 =
            self.changes.iter().filter(|(at, _)| from <= *at && *at <= until).map(|(_, more)| more).sum();
        let mut captures = captures.to_vec();
        for capture in &mut captures {
            capture.gaps.limit_to(from, until);
        }
        let lost = changed + captures.iter().map(|capture| capture.gaps.packets()).sum::<u64>();
        let mut interfaces = captures.iter_mut().flat_map(|capture| &mut capture.interfaces);
        if let Some(first) = interfaces.next() {
            first.dropped = Some(lost);
        }
        for other in interfaces {
            other.dropped = Some(0);
        }
        Some(captures)
    }
}

fn dropped(capture: &Capture) -> u64 {
    capture.interfaces.iter().filter_map(|interface| interface.dropped).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, InterfaceId, LinkType};
    use crate::source::{Gap, Gaps, Interface};

    fn capture(dropped: u64) -> [Capture; 1] {
        let interface = Interface { dropped: Some(dropped), ..Interface::new(InterfaceId(0), LinkType::ETHERNET) };
        [Capture {
            id: CaptureId(0),
            path: "eth0".into(),
            format: "live".to_owned(),
            packets: 0,
            first: None,
            last: None,
            damage: None,
            interfaces: vec![interface],
            backwards: Vec::new(),
            annotations: crate::source::Annotations::default(),
            timeline: CaptureId(0),
            unread: false,
            gaps: Gaps::default(),
            keys: std::sync::Arc::default(),
        }]
    }

    #[test]
    fn a_loss_concerns_its_own_time() {
        let second = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let mut drops = Drops::default();
        drops.look(second(1), &capture(0));
        assert!(drops.captures(second(0), second(9), &capture(0)).is_none());
        drops.look(second(10), &capture(7));
        drops.look(second(11), &capture(7));
        drops.look(second(50), &capture(9));
        let lost =
            |from, until| drops.captures(second(from), second(until), &capture(9)).unwrap()[0].interfaces[0].dropped;
        assert_eq!([lost(0, 5), lost(9, 20), lost(30, 60), lost(0, 60)], [Some(0), Some(7), Some(2), Some(9)]);
    }

    #[test]
    fn what_tells_when_packets_were_lost_limits_that_time_whenever_it_is_heard_of() {
        let second = |seconds: i64| Timestamp(seconds * 1_000_000_000);
        let mut captures = capture(7);
        captures[0].gaps.push(Gap { from: second(30), until: second(31), packets: 7, away: false });
        captures[0].gaps.push(Gap { from: second(60), until: second(65), packets: 0, away: true });
        let mut drops = Drops::default();
        // The judge is behind: what was dropped at second 30 is heard of before its packets are looked at.
        drops.look(second(20), &captures);
        let lost = |from, until| {
            let [capture] = drops.captures(second(from), second(until), &captures).unwrap().try_into().unwrap();
            (capture.interfaces[0].dropped, capture.gaps.seconds_away())
        };
        assert_eq!([lost(15, 25), lost(28, 29), lost(32, 40)], [(Some(0), 0.0), (Some(7), 0.0), (Some(7), 0.0)]);
        assert_eq!([lost(50, 58), lost(61, 62)], [(Some(0), 0.0), (Some(0), 5.0)]);
    }
}
