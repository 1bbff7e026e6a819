//! The frames of all interfaces, in order of time.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::lanes::{Lanes, Phase};
use super::order::{Order, Packet};
use super::reader::Reader;
use super::{Counts, Tap, now};
use crate::decrypt::Keys;
use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use crate::source::{Annotations, Capture, Gap, Gaps, Interface};

/// How long it is waited for a packet, before it is told that none has come.
const WAIT: Duration = Duration::from_millis(20);
/// How long a packet waits for what another interface may have captured before it: longer only where a clock was set.
const PATIENCE: Duration = Duration::from_secs(1);

/// What comes from the interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A frame, to be had from [`Arrivals::frame`]; never earlier than the one before, but for clocks that jump.
    Frame,
    /// Nothing is there; what comes will be later than this.
    Idle(Timestamp),
    /// Something happened to an interface: a sentence with its name.
    Notice(String),
    /// There will be no more.
    Ended,
}

/// The frames of all interfaces.
pub struct Arrivals {
    captures: [Capture; 1],
    link_types: Vec<LinkType>,
    counts: Vec<Counts>,
    lanes: Arc<Lanes>,
    order: Order,
    notices: VecDeque<String>,
    /// The interface whose packet was given last.
    current: Option<usize>,
    /// That packet.
    latest: Option<Stamp>,
    /// Interfaces that deliver no more.
    over: Vec<bool>,
    /// Since when packets wait for those of other interfaces.
    waiting: Option<Instant>,
}

impl Arrivals {
    /// Starts to read; the capture is called `path`. What was captured and waits to be looked at takes `bytes` at most;
    /// beyond it the kernel keeps it, and drops what it cannot keep.
    pub fn start(taps: Vec<Tap>, id: CaptureId, path: PathBuf, bytes: usize) -> std::io::Result<Self> {
        let lanes = Arc::new(Lanes::new(taps.len(), bytes));
        let interfaces = (0..).zip(&taps).map(|(number, tap)| tap.described(number));
        let arrivals = Self::of(Arc::clone(&lanes), id, path, interfaces.collect());
        for (place, tap) in taps.into_iter().enumerate() {
            let name = format!("capture {}", tap.name());
            let reader = Reader::new(place, tap, Arc::clone(&lanes));
            thread::Builder::new().name(name).spawn(move || reader.read())?;
        }
        Ok(arrivals)
    }

    /// What comes by the lanes, one of each interface.
    fn of(lanes: Arc<Lanes>, id: CaptureId, path: PathBuf, interfaces: Vec<Interface>) -> Self {
        let (count, link_types) = (interfaces.len(), interfaces.iter().map(|interface| interface.link_type).collect());
        let capture = Capture {
            id,
            path,
            format: "live".to_owned(),
            packets: 0,
            first: None,
            last: None,
            damage: None,
            interfaces,
            backwards: Vec::new(),
            annotations: Annotations::default(),
            timeline: id,
            unread: false,
            gaps: Gaps::default(),
            keys: std::sync::Arc::default(),
        };
        Self {
            captures: [capture],
            link_types,
            counts: vec![Counts::default(); count],
            lanes,
            order: Order::new(count),
            notices: VecDeque::new(),
            current: None,
            latest: None,
            over: vec![false; count],
            waiting: None,
        }
    }

    /// The one capture, with its interfaces in the order in which they were opened.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// From now on the capture says that it carries these keys of TLS.
    pub fn carry(&mut self, keys: Arc<Keys>) {
        let [capture] = &mut self.captures;
        capture.keys = keys;
    }

    /// What has been counted on each interface.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// What comes next; waits a moment for it.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and frames borrow from it")]
    pub fn next(&mut self) -> Arrival {
        self.release();
        for wait in [Some(WAIT), None] {
            if self.order.is_waiting() {
                self.receive();
            }
            if let Some(notice) = self.notices.pop_front() {
                return Arrival::Notice(notice);
            }
            if let Some(tap) = self.due() {
                self.count(tap);
                return Arrival::Frame;
            }
            if self.over.iter().all(|over| *over) {
                return Arrival::Ended;
            }
            if let Some(patience) = wait {
                self.lanes.wait(patience);
            }
        }
        Arrival::Idle(self.order.settled().unwrap_or(Timestamp(0)))
    }

    /// The frame that has come.
    pub fn frame(&self) -> Option<Frame<'_>> {
        let tap = self.current?;
        let packet = self.order.head(tap)?;
        Some(Frame {
            at: self.latest?,
            interface: InterfaceId(u32::try_from(tap).unwrap_or(u32::MAX)),
            link_type: *self.link_types.get(tap)?,
            bytes: packet.bytes,
            wire_len: packet.wire_len,
        })
    }

    /// Captures no more. What was captured up to now still comes, then the end.
    pub fn end(&mut self) {
        self.lanes.enter(Phase::Ending(now()));
    }

    /// Gives up what was captured and has not been looked at: counts it as dropped.
    pub fn abandon(&mut self) {
        self.release();
        let (from, until) = (self.captures[0].last, now());
        self.lanes.enter(Phase::Discarding(until));
        let mut left = vec![0; self.counts.len()];
        loop {
            for (tap, left) in left.iter_mut().enumerate() {
                while let Some(batch) = self.lanes.take(tap) {
                    *left += batch.left() as u64;
                    self.lanes.done(tap, batch.weight());
                }
                self.hear(tap);
            }
            if self.over.iter().all(|over| *over) {
                break;
            }
            self.lanes.wait(WAIT);
        }
        for (tap, left) in left.into_iter().enumerate() {
            self.drop_unseen(tap, left + self.order.left(tap) as u64);
        }
        let [capture] = &mut self.captures;
        let counted: u64 = self.counts.iter().map(|counts| counts.dropped).sum();
        let packets = counted.saturating_sub(capture.gaps.packets());
        if packets > 0 {
            capture.gaps.push(Gap { from: from.unwrap_or(until).min(until), until, packets, away: false });
        }
    }

    fn drop_unseen(&mut self, tap: usize, packets: u64) {
        let [capture] = &mut self.captures;
        if let (Some(counts), Some(interface)) = (self.counts.get_mut(tap), capture.interfaces.get_mut(tap)) {
            counts.dropped += packets;
            interface.dropped = Some(counts.dropped);
        }
    }

    /// The packet that was given last has been looked at.
    fn release(&mut self) {
        if let Some(tap) = self.current.take()
            && let Some(batch) = self.order.take(tap)
        {
            self.lanes.done(tap, batch.weight());
        }
    }

    /// The interface whose packet is next.
    fn due(&mut self) -> Option<usize> {
        let due = self.order.due();
        if due.is_some() {
            self.waiting = None;
            return due;
        }
        let (_, earliest) = self.order.earliest()?;
        let since = *self.waiting.get_or_insert_with(Instant::now);
        (since.elapsed() >= PATIENCE).then_some(earliest)
    }

    /// Takes the next batch of each interface that has none here, and what its thread tells.
    fn receive(&mut self) {
        for tap in self.order.waiting() {
            // What was captured before the time it tells of lies in its lane already.
            let read_to = self.hear(tap);
            match self.lanes.take(tap) {
                Some(batch) => self.order.push(tap, batch),
                None => self.order.read_to(tap, read_to),
            }
        }
    }

    /// Hears what the thread of an interface tells; how far it has read.
    fn hear(&mut self, tap: usize) -> Timestamp {
        let Some(mut told) = self.lanes.told(tap) else { return Timestamp(0) };
        self.notices.extend(told.notices);
        if let Some(counts) = self.counts.get_mut(tap) {
            *counts = told.counts;
        }
        self.drop_unseen(tap, 0);
        let [capture] = &mut self.captures;
        told.gaps.take().for_each(|gap| capture.gaps.push(gap));
        if let Some(over) = self.over.get_mut(tap).filter(|_| told.over) {
            *over = true;
            return Timestamp(i64::MAX);
        }
        told.read_to
    }

    /// Makes a packet the current one.
    fn count(&mut self, tap: usize) {
        self.current = Some(tap);
        let [capture] = &mut self.captures;
        let Some(Packet { time, .. }) = self.order.head(tap) else { return };
        capture.packets += 1;
        capture.first = Some(capture.first.map_or(time, |first| first.min(time)));
        capture.last = Some(capture.last.map_or(time, |last| last.max(time)));
        let at = Stamp::new(capture.id, FrameNo(capture.packets), time);
        self.latest = Some(self.latest.map_or(at, |latest| at.behind(latest)));
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.lanes.enter(Phase::Closed);
    }
}

#[cfg(test)]
mod tests {
    use super::super::order::Batch;
    use super::*;

    /// Two interfaces without threads: the lanes, and what comes by them.
    fn two() -> (Arc<Lanes>, Arrivals) {
        let lanes = Arc::new(Lanes::new(2, 1 << 20));
        let interface = |number| Interface::new(InterfaceId(number), LinkType::ETHERNET);
        let arrivals = Arrivals::of(Arc::clone(&lanes), CaptureId(0), "two".into(), vec![interface(0), interface(1)]);
        (lanes, arrivals)
    }

    fn offer(lanes: &Lanes, lane: usize, times: &[i64]) {
        let mut batch = Batch::default();
        for time in times {
            batch.push(Timestamp(*time), 60, &[7; 60]);
        }
        lanes.offer(lane, batch, Duration::ZERO).unwrap();
    }

    /// The times of the frames that come before anything else does.
    fn frames(arrivals: &mut Arrivals, most: usize) -> Vec<i64> {
        let mut times = Vec::new();
        while times.len() < most && arrivals.next() == Arrival::Frame {
            times.push(arrivals.frame().unwrap().at.time.0);
        }
        times
    }

    #[test]
    fn what_is_captured_comes_in_order_of_time_until_the_end() {
        let (lanes, mut arrivals) = two();
        offer(&lanes, 0, &[1, 4]);
        offer(&lanes, 1, &[2]);
        offer(&lanes, 0, &[5]);
        assert_eq!(frames(&mut arrivals, 9), [1, 2], "the second one may still have an earlier one than 4");
        lanes.tell(1, |told| told.read_to = Timestamp(4));
        assert_eq!(frames(&mut arrivals, 9), [4]);
        for lane in [0, 1] {
            lanes.tell(lane, |told| told.over = true);
        }
        assert_eq!(frames(&mut arrivals, 9), [5]);
        assert_eq!(arrivals.next(), Arrival::Ended);
        assert!(arrivals.captures()[0].is_complete());
    }

    #[test]
    fn an_interface_without_packets_holds_back_the_others_only_as_far_as_it_was_read() {
        let (lanes, mut arrivals) = two();
        for lane in [0, 1] {
            lanes.tell(lane, |told| told.read_to = Timestamp(10));
        }
        assert_eq!(arrivals.next(), Arrival::Idle(Timestamp(10)));
        lanes.tell(0, |told| told.read_to = Timestamp(20));
        assert_eq!(arrivals.next(), Arrival::Idle(Timestamp(10)), "what comes may be of the second one");
    }

    #[test]
    fn what_is_left_at_the_end_is_counted_as_dropped() {
        let (lanes, mut arrivals) = two();
        offer(&lanes, 0, &[1, 2, 3, 4]);
        offer(&lanes, 0, &[5, 6]);
        offer(&lanes, 1, &[1, 2, 3]);
        // The kernel dropped some before, and a thread still holds some.
        lanes.tell(0, |told| {
            told.counts = Counts { received: 16, dropped: 10 };
            told.gaps.push(Gap { from: Timestamp(3), until: Timestamp(4), packets: 10, away: false });
        });
        assert_eq!(frames(&mut arrivals, 3).len(), 3);
        arrivals.end();
        lanes.tell(1, |told| told.counts.dropped += 5);
        for lane in [0, 1] {
            lanes.tell(lane, |told| told.over = true);
        }
        arrivals.abandon();
        let [capture] = arrivals.captures() else { panic!("one capture") };
        let dropped: u64 = capture.interfaces.iter().filter_map(|interface| interface.dropped).sum();
        let offered = 4 + 2 + 3;
        assert_eq!((capture.packets, dropped), (3, offered - 3 + 10 + 5));
        assert_eq!(capture.gaps.packets(), dropped, "each has its time");
        assert!(!capture.is_complete());
        let last = capture.gaps.iter().last().unwrap();
        assert_eq!(Some(last.from), capture.last, "what was not looked at came behind the last frame");
    }
}
