//! Which control connection is let go when there are too many: first one that never carried anything, so that a flood
//! of SYNs pushes out no session, then the one that has been silent longest.

use std::collections::VecDeque;

use crate::flow::ConnectionId;
use crate::frame::Stamp;

/// Control connections in the order of their turn to go, each with its last frame when it was looked at.
#[derive(Debug, Default)]
pub(super) struct EvictionQueue {
    silent: VecDeque<(ConnectionId, Stamp)>,
    speaking: VecDeque<(ConnectionId, Stamp)>,
}

/// What a control connection has come to.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    /// Whether it ever carried anything.
    pub(super) alive: bool,
    /// Its last frame.
    pub(super) last: Stamp,
}

impl EvictionQueue {
    /// A control connection has begun. `most` is how many there can be: the queues stay within twice of it.
    pub(super) fn begun(
        &mut self,
        id: ConnectionId,
        at: Stamp,
        most: usize,
        of: impl Fn(ConnectionId) -> Option<Progress>,
    ) {
        self.silent.push_back((id, at));
        for queue in [&mut self.silent, &mut self.speaking] {
            if queue.len() > most.saturating_mul(2) {
                queue.retain(|(id, _)| of(*id).is_some());
            }
        }
    }

    /// Takes out the one whose turn it is.
    pub(super) fn next(&mut self, of: impl Fn(ConnectionId) -> Option<Progress>) -> Option<ConnectionId> {
        while let Some((id, _)) = self.silent.pop_front() {
            match of(id) {
                Some(progress) if progress.alive => self.speaking.push_back((id, progress.last)),
                Some(_) => return Some(id),
                None => {}
            }
        }
        while let Some((id, looked_at)) = self.speaking.pop_front() {
            match of(id) {
                Some(progress) if progress.last > looked_at => self.speaking.push_back((id, progress.last)),
                Some(_) => return Some(id),
                None => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, Timestamp};

    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0))
    }

    #[test]
    fn the_silent_go_before_the_speaking_and_those_before_the_busy() {
        let mut queue = EvictionQueue::default();
        for number in 0..4 {
            queue.begun(ConnectionId(number), at(number), 8, |_| None);
        }
        // 0 and 1 speak, 1 was heard of later; 2 is over; 3 never spoke.
        let progress = |last| {
            move |id: ConnectionId| match id.0 {
                0 => Some(Progress { alive: true, last: at(last) }),
                1 => Some(Progress { alive: true, last: at(20) }),
                3 => Some(Progress { alive: false, last: at(3) }),
                _ => None,
            }
        };
        assert_eq!(queue.next(progress(10)), Some(ConnectionId(3)));
        assert_eq!(queue.next(progress(30)), Some(ConnectionId(1)), "0 has spoken since");
        assert_eq!(queue.next(progress(30)), Some(ConnectionId(0)));
        assert_eq!(queue.next(progress(30)), None);
    }

    #[test]
    fn what_is_over_takes_no_room() {
        let mut queue = EvictionQueue::default();
        for number in 0..1000 {
            queue.begun(ConnectionId(number), at(number), 8, |_| None);
        }
        assert!(queue.silent.len() <= 17);
    }
}
