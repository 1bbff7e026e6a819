//! What the threads that capture hand to the one that judges, bounded in bytes: when the judge is slower they wait, the
//! kernel's buffer fills, and the kernel counts what it drops.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Counts;
use super::order::Batch;
use crate::frame::Timestamp;
use crate::source::Gaps;

/// Notices of one interface that wait; what is behind them repeats itself.
const NOTICES: usize = 64;

/// What is wanted of the threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To capture.
    Reading,
    /// To hand over what was captured up to this time, and no more.
    Ending(Timestamp),
    /// The same, but to count it only: nobody will look at it.
    Discarding(Timestamp),
    /// To stop at once.
    Closed,
}

impl Phase {
    /// Whether what comes is looked at.
    fn is_judged(self) -> bool {
        matches!(self, Self::Reading | Self::Ending(_))
    }
}

/// What a thread tells beside packets, since it was last asked.
#[derive(Clone, Debug)]
pub(super) struct Told {
    /// What was counted so far.
    pub(super) counts: Counts,
    /// Gaps that were noticed.
    pub(super) gaps: Gaps,
    /// Sentences for the user.
    pub(super) notices: Vec<String>,
    /// All that was captured before this time has been handed over.
    pub(super) read_to: Timestamp,
    /// It will hand over no more.
    pub(super) over: bool,
}

#[derive(Debug)]
struct Lane {
    batches: VecDeque<Batch>,
    /// Bytes of the batches, and of those that are being judged.
    held: usize,
    told: Told,
}

/// A lane for each interface.
#[derive(Debug)]
pub(super) struct Lanes {
    state: Mutex<State>,
    /// For the threads: there is room, or something else is wanted of them.
    room: Condvar,
    /// For the judge: a thread told something.
    news: Condvar,
    /// Bytes that one lane may hold.
    bound: usize,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    lanes: Vec<Lane>,
    /// A thread told something since it was last waited for.
    has_news: bool,
}

impl Lanes {
    /// As many lanes as there are interfaces, which together hold `bytes` at most, but one batch each.
    pub(super) fn new(count: usize, bytes: usize) -> Self {
        let told = || Told {
            counts: Counts::default(),
            gaps: Gaps::default(),
            notices: Vec::new(),
            read_to: Timestamp(0),
            over: false,
        };
        let lane = || Lane { batches: VecDeque::new(), held: 0, told: told() };
        let lanes = (0..count).map(|_| lane()).collect();
        let state = State { phase: Phase::Reading, lanes, has_news: false };
        Self { state: Mutex::new(state), room: Condvar::new(), news: Condvar::new(), bound: bytes / count.max(1) }
    }

    /// Bytes a batch should have, so that a lane holds some.
    pub(super) fn batch_bytes(&self) -> usize {
        (self.bound / 8).clamp(4 << 10, 256 << 10)
    }

    /// A thread that panics ends the program, so what it leaves is whole.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn phase(&self) -> Phase {
        self.lock().phase
    }

    /// Wants something else of the threads.
    pub(super) fn enter(&self, phase: Phase) {
        self.lock().phase = phase;
        self.room.notify_all();
    }

    /// Hands over a batch. It comes back where there is no room within `patience`, or nobody will look at it.
    pub(super) fn offer(&self, lane: usize, batch: Batch, patience: Duration) -> Result<(), Batch> {
        let weight = batch.weight();
        let is_full = |state: &mut State| {
            let held = state.lanes.get(lane).map_or(0, |lane| lane.held);
            held > 0 && held + weight > self.bound && state.phase.is_judged()
        };
        let waited = self.room.wait_timeout_while(self.lock(), patience, is_full);
        let (mut state, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        let is_taken = state.phase.is_judged() && !waited.timed_out();
        let Some(lane) = state.lanes.get_mut(lane).filter(|_| is_taken) else { return Err(batch) };
        lane.held += weight;
        lane.batches.push_back(batch);
        state.has_news = true;
        self.news.notify_one();
        Ok(())
    }

    /// Tells something beside packets.
    pub(super) fn tell(&self, lane: usize, tell: impl FnOnce(&mut Told)) {
        let mut state = self.lock();
        if let Some(lane) = state.lanes.get_mut(lane) {
            tell(&mut lane.told);
            lane.told.notices.truncate(NOTICES);
        }
        state.has_news = true;
        self.news.notify_one();
    }

    /// The next batch of a lane. It takes room until it is [`done`](Self::done).
    pub(super) fn take(&self, lane: usize) -> Option<Batch> {
        self.lock().lanes.get_mut(lane)?.batches.pop_front()
    }

    /// A batch of this weight has been judged.
    pub(super) fn done(&self, lane: usize, weight: usize) {
        if let Some(lane) = self.lock().lanes.get_mut(lane) {
            lane.held = lane.held.saturating_sub(weight);
        }
        self.room.notify_all();
    }

    /// What the thread of a lane has told since this was last asked; its counts and its state always.
    pub(super) fn told(&self, lane: usize) -> Option<Told> {
        let mut state = self.lock();
        let told = &mut state.lanes.get_mut(lane)?.told;
        let Told { counts, read_to, over, .. } = *told;
        let gaps = std::mem::take(&mut told.gaps);
        Some(Told { counts, gaps, notices: std::mem::take(&mut told.notices), read_to, over })
    }

    /// Waits until a thread has told something since this was last asked, but not for long.
    pub(super) fn wait(&self, patience: Duration) {
        let waited = self.news.wait_timeout_while(self.lock(), patience, |state| !state.has_news);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_news = false;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    const NO_TIME: Duration = Duration::ZERO;
    const AGES: Duration = Duration::from_secs(60);

    fn batch(packets: usize) -> Batch {
        let mut batch = Batch::default();
        for number in 0..packets {
            batch.push(Timestamp(0), 100, &[number.to_le_bytes()[0]; 100]);
        }
        batch
    }

    #[test]
    fn a_lane_holds_no_more_than_its_bound() {
        let lanes = Lanes::new(2, 100_000);
        let taken = |lane| (0..1_000).take_while(|_| lanes.offer(lane, batch(10), NO_TIME).is_ok()).count();
        let weight = batch(10).weight();
        assert_eq!(taken(0), 50_000 / weight);
        assert_eq!(taken(1), 50_000 / weight, "a full lane leaves the others their share");
        assert_eq!(taken(0), 0);
        // What is being judged takes room until that is done.
        let one = lanes.take(0).unwrap();
        assert_eq!(taken(0), 0);
        lanes.done(0, one.weight());
        assert_eq!(taken(0), 1);
    }

    #[test]
    fn what_is_larger_than_the_bound_goes_alone() {
        let lanes = Lanes::new(1, 10);
        assert!(lanes.offer(0, batch(100), NO_TIME).is_ok());
        assert!(lanes.offer(0, batch(1), NO_TIME).is_err());
    }

    #[test]
    fn a_thread_waits_for_room_and_for_what_is_wanted() {
        let lanes = Arc::new(Lanes::new(1, 1));
        assert!(lanes.offer(0, batch(1), NO_TIME).is_ok());
        let waiting = |lanes: &Arc<Lanes>| {
            let lanes = Arc::clone(lanes);
            thread::spawn(move || lanes.offer(0, batch(2), AGES).map_err(|batch| batch.left()))
        };
        let thread = waiting(&lanes);
        let first = lanes.take(0).unwrap();
        lanes.done(0, first.weight());
        assert_eq!(thread.join().unwrap(), Ok(()));
        let thread = waiting(&lanes);
        lanes.enter(Phase::Discarding(Timestamp(0)));
        // Whether it came before or behind the change, it is taken or comes back whole.
        match thread.join().unwrap() {
            Ok(()) => panic!("there was no room"),
            Err(left) => assert_eq!(left, 2),
        }
    }

    #[test]
    fn what_is_told_is_told_once_and_counts_stay() {
        let lanes = Lanes::new(1, 1_000);
        lanes.tell(0, |told| {
            told.counts.dropped = 7;
            told.notices.push("eth0 has no carrier".to_owned());
        });
        let told = lanes.told(0).unwrap();
        assert_eq!((told.counts.dropped, told.notices.len()), (7, 1));
        let again = lanes.told(0).unwrap();
        assert_eq!((again.counts.dropped, again.notices.len()), (7, 0));
    }
}
