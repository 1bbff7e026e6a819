//! Reads one open interface in a thread of its own.

use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::devices::links;
use super::lanes::{Lanes, Phase};
use super::order::Batch;
use super::presence::Presence;
use super::{Counts, SETTLED, Tap, now};
use crate::frame::Timestamp;
use crate::source::Gap;
use crate::text::printable_str;

/// Packets a thread collects at most before it hands them over.
const BATCH_PACKETS: usize = 2_048;
/// How long a thread sleeps without packets, before it tells that none have come.
const SLEEP: Duration = Duration::from_millis(40);
/// How often it asks for counts and for the state of its interface: as long as a loss may stay unnoticed.
const LOOK: Duration = Duration::from_millis(200);
/// Likewise while the interface is gone: what passes between its return and the next look is missed.
const LOOK_FOR_IT: Duration = Duration::from_millis(20);
/// What libpcap says when an interface is gone, and again and again of one that was renamed and went down and up.
const DISAPPEARED: &str = "disappeared";

/// What a thread is.
pub(super) struct Reader {
    place: usize,
    tap: Tap,
    lanes: Arc<Lanes>,
    /// What becomes of the interface; `any` stays.
    presence: Option<Presence>,
    statistics: Statistics,
    looked: (Instant, Timestamp),
}

/// What a look into the kernel's buffer gave.
enum Found {
    /// A full batch: there may be more.
    More,
    /// All there was.
    All,
    /// The interface is gone, for now.
    Away,
    /// A packet that was captured behind the end.
    Behind,
    /// There will be no more, and why.
    Failure(String),
}

impl Reader {
    pub(super) fn new(place: usize, tap: Tap, lanes: Arc<Lanes>) -> Self {
        let presence = tap.link.as_ref().map(|link| Presence::of(link, now()));
        Self { place, tap, lanes, presence, statistics: Statistics::default(), looked: (Instant::now(), now()) }
    }

    /// Reads until it is told to end.
    pub(super) fn read(mut self) {
        loop {
            match self.lanes.phase() {
                Phase::Reading => {}
                Phase::Ending(at) | Phase::Discarding(at) => break self.read_out(at),
                Phase::Closed => break,
            }
            let before = now();
            let (batch, found) = self.collect(Timestamp(i64::MAX));
            let is_quiet = batch.left() == 0;
            self.hand_over(batch);
            match found {
                Found::More | Found::Behind => {}
                Found::All | Found::Away => self.has_read_to(before),
                Found::Failure(why) => break self.fail(&why),
            }
            let is_away = self.presence.as_ref().is_some_and(Presence::is_away);
            if self.looked.0.elapsed() >= if is_away { LOOK_FOR_IT } else { LOOK } {
                self.look();
            }
            if is_away {
                // The socket would tell nothing but that.
                thread::sleep(LOOK_FOR_IT);
            } else if is_quiet {
                let mut fds = [PollFd::new(self.tap.handle.as_fd(), PollFlags::POLLIN)];
                // An error shows again, with its reason, when packets are asked for.
                let _ = poll(&mut fds, PollTimeout::try_from(SLEEP).unwrap_or(PollTimeout::ZERO));
            }
        }
        self.lanes.tell(self.place, |told| told.over = true);
    }

    /// Nothing will be captured any more, whatever comes back.
    fn fail(&mut self, why: &str) {
        let notice = format!("capturing on {} ended: {}", self.tap.name(), printable_str(why));
        let gap = Gap { from: self.looked.1, until: now(), packets: 0, away: true };
        self.lanes.tell(self.place, |told| {
            told.notices.push(notice);
            told.gaps.push(gap);
        });
    }

    /// What the kernel has handed over when nothing was left to read then.
    fn has_read_to(&self, then: Timestamp) {
        self.lanes.tell(self.place, |told| told.read_to = then.plus_seconds(-SETTLED.as_secs_f64()));
    }

    /// Hands over what was captured up to the end. Where nobody looks at it any more it is counted as dropped.
    fn read_out(&mut self, end: Timestamp) {
        let began = Instant::now();
        // What is dropped from now on is dropped behind the end.
        self.look();
        loop {
            let (batch, found) = self.collect(end);
            let is_quiet = batch.left() == 0;
            self.hand_over(batch);
            // A packet may take so long from its time stamp to here.
            let is_late = began.elapsed() >= SETTLED;
            match found {
                Found::More => {}
                Found::All | Found::Away if is_quiet && is_late => return,
                Found::All | Found::Away => thread::sleep(LOOK_FOR_IT),
                Found::Behind | Found::Failure(_) => return,
            }
            if self.lanes.phase() == Phase::Closed {
                return;
            }
        }
    }

    /// Waits until there is room for a batch, and goes on counting meanwhile.
    fn hand_over(&mut self, mut batch: Batch) {
        while batch.left() > 0 {
            match self.lanes.offer(self.place, batch, LOOK) {
                Ok(()) => return,
                Err(back) => batch = back,
            }
            match self.lanes.phase() {
                Phase::Reading => self.look(),
                Phase::Ending(_) => {}
                Phase::Discarding(_) | Phase::Closed => {
                    let left = batch.left() as u64;
                    return self.lanes.tell(self.place, |told| told.counts.dropped += left);
                }
            }
        }
    }

    /// What the kernel holds for this interface, up to a batch and up to a time.
    fn collect(&mut self, end: Timestamp) -> (Batch, Found) {
        let mut batch = Batch::default();
        let bytes = self.lanes.batch_bytes();
        while batch.weight() < bytes && batch.left() < BATCH_PACKETS {
            match self.tap.handle.next_packet() {
                Ok(packet) => {
                    // With nanosecond precision the field for microseconds holds nanoseconds.
                    let (seconds, nanos) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                    let time = Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos));
                    if time > end {
                        return (batch, Found::Behind);
                    }
                    batch.push(time, packet.header.len, packet.data);
                }
                Err(pcap::Error::TimeoutExpired) => return (batch, Found::All),
                Err(pcap::Error::PcapError(text)) if self.presence.is_some() && text.contains(DISAPPEARED) => {
                    return (batch, Found::Away);
                }
                Err(pcap::Error::PcapError(text)) => return (batch, Found::Failure(text)),
                Err(error) => return (batch, Found::Failure(error.to_string())),
            }
        }
        (batch, Found::More)
    }

    /// Asks for counts and for the state of the interface.
    fn look(&mut self) {
        let (then, now) = (self.looked.1, now());
        self.looked = (Instant::now(), now);
        if let Some((received, dropped)) = self.count() {
            self.lanes.tell(self.place, |told| {
                told.counts =
                    Counts { received: told.counts.received + received, dropped: told.counts.dropped + dropped };
                if dropped > 0 {
                    told.gaps.push(Gap { from: then, until: now, packets: dropped, away: false });
                }
            });
        }
        let (Some(presence), Some(links)) = (&mut self.presence, links()) else { return };
        let mut look = presence.look(&links, self.tap.is_bound(), now);
        if let Some(index) = look.bind {
            let was_promiscuous = self.tap.promiscuous;
            match self.tap.bind(index) {
                Ok(()) if was_promiscuous => look.notices.push(format!(
                    "{} is captured without promiscuous mode from now on: packets between other hosts may be missing; \
                     start ftpwhy again to see them",
                    self.tap.name()
                )),
                Ok(()) => {}
                // It is tried again at the next look.
                Err(_) => look.notices.clear(),
            }
        }
        self.lanes.tell(self.place, |told| {
            told.notices.extend(look.notices);
            look.gap.into_iter().for_each(|gap| told.gaps.push(gap));
        });
    }

    /// Packets received and dropped since this was last asked.
    fn count(&mut self) -> Option<(u64, u64)> {
        let stat = self.tap.handle.stats().ok()?;
        Some(self.statistics.since(stat.received, stat.dropped, stat.if_dropped))
    }
}

/// Counts of libpcap, which begin anew at 2^32.
#[derive(Debug, Default)]
struct Statistics {
    last: Option<[u32; 3]>,
}

impl Statistics {
    /// What was received and dropped since the last counts: by the kernel, and by the card, which never was this
    /// capture's to lose but is lost all the same.
    fn since(&mut self, received: u32, dropped: u32, by_the_card: u32) -> (u64, u64) {
        let now = [received, dropped, by_the_card];
        let last = self.last.replace(now).unwrap_or([0; 3]);
        let more: Vec<u32> = now.iter().zip(last).map(|(now, last)| now.wrapping_sub(last)).collect();
        // The card's counters run backwards when it is another card.
        let by_the_card = more.get(2).copied().filter(|more| *more < u32::MAX / 2).unwrap_or(0);
        let [received, dropped] = [0, 1].map(|place| u64::from(more.get(place).copied().unwrap_or(0)));
        (received, dropped + u64::from(by_the_card))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_go_on_behind_the_largest_number() {
        let mut statistics = Statistics::default();
        assert_eq!(statistics.since(10, 2, 0), (10, 2));
        assert_eq!(statistics.since(u32::MAX, 5, 0), (u64::from(u32::MAX) - 10, 3));
        assert_eq!(statistics.since(4, 6, 3), (5, 4));
    }

    #[test]
    fn another_card_takes_nothing_back() {
        let mut statistics = Statistics::default();
        statistics.since(0, 0, 900);
        assert_eq!(statistics.since(0, 1, 0), (0, 1));
        assert_eq!(statistics.since(0, 1, 2), (0, 2));
    }
}
