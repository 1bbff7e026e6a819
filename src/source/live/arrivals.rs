//! Reads each open interface in a thread of its own and hands on what comes, in order of time.

use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::order::{Batch, Order, Packet};
use super::{ANY, Counts, SETTLED, Tap, described, devices, now};
use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
use crate::source::{Annotations, Capture};
use crate::text::printable_str;

/// Messages between the threads and their reader; behind that the kernel's own buffer fills and counts what it drops.
const MESSAGES: usize = 32;
/// Bytes a thread collects before it hands them over.
const BATCH_BYTES: usize = 256 << 10;
/// Packets likewise.
const BATCH_PACKETS: usize = 2_048;
/// How long a thread sleeps without packets, before it looks whether it is to end.
const SLEEP: Duration = Duration::from_millis(100);
/// How often it asks for counts and for the state of its interface.
const LOOK: Duration = Duration::from_millis(500);
/// How long the reader waits for a message.
const WAIT: Duration = Duration::from_millis(20);

/// What comes from the interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A frame, to be had from [`Arrivals::frame`]; never earlier than the one before, but for clocks that jump.
    Frame,
    /// Nothing is there; what comes will be later than this.
    Idle(Timestamp),
    /// Something happened to an interface: a sentence with its name.
    Notice(String),
    /// No interface is left.
    Ended,
}

/// What threads tell.
enum Word {
    Packets(Batch),
    Counts(Counts),
    Notice(String),
    Gone(String),
}

/// The frames of all interfaces.
pub struct Arrivals {
    captures: [Capture; 1],
    link_types: Vec<LinkType>,
    counts: Vec<Counts>,
    words: Receiver<(usize, Word)>,
    order: Order,
    /// The interface whose packet was given last.
    current: Option<usize>,
    /// That packet.
    latest: Option<Stamp>,
    stop: Arc<AtomicBool>,
}

impl Arrivals {
    /// Starts to read; the capture is called `path`.
    pub fn start(taps: Vec<Tap>, id: CaptureId, path: PathBuf) -> std::io::Result<Self> {
        let (send, words) = sync_channel(MESSAGES);
        let stop = Arc::new(AtomicBool::new(false));
        let interfaces = taps.iter().enumerate().map(|(place, tap)| described(place, tap));
        let capture = Capture {
            id,
            path,
            format: "live".to_owned(),
            packets: 0,
            first: None,
            last: None,
            damage: None,
            interfaces: interfaces.collect(),
            backwards: Vec::new(),
            annotations: Annotations::default(),
            timeline: id,
            unread: false,
        };
        let arrivals = Self {
            captures: [capture],
            link_types: taps.iter().map(|tap| tap.link_type).collect(),
            counts: vec![Counts::default(); taps.len()],
            words,
            order: Order::new(taps.len()),
            current: None,
            latest: None,
            stop: Arc::clone(&stop),
        };
        for (place, tap) in taps.into_iter().enumerate() {
            let reader = Reader { place, send: send.clone(), stop: Arc::clone(&stop), state: None };
            thread::Builder::new().name(format!("capture {}", tap.name())).spawn(move || reader.read(tap))?;
        }
        Ok(arrivals)
    }

    /// The one capture, with its interfaces in the order in which they were opened.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// What has been counted on each interface.
    pub fn counts(&self) -> &[Counts] {
        &self.counts
    }

    /// What comes next; waits a moment for it.
    #[expect(clippy::should_implement_trait, reason = "it never ends, and frames borrow from it")]
    pub fn next(&mut self) -> Arrival {
        if let Some(tap) = self.current.take() {
            self.order.take(tap);
        }
        let mut waited = false;
        loop {
            let settled = now().plus_seconds(-SETTLED.as_secs_f64());
            let due = self.order.due(settled);
            // What is already there must be in its place before anything is taken for the next.
            let word = match due {
                Some(_) => self.words.try_recv().ok(),
                None if waited => return Arrival::Idle(settled),
                None => {
                    waited = true;
                    match self.words.recv_timeout(WAIT) {
                        Ok(word) => Some(word),
                        Err(RecvTimeoutError::Timeout) => None,
                        Err(RecvTimeoutError::Disconnected) => return Arrival::Ended,
                    }
                }
            };
            match (word, due) {
                (Some((tap, word)), _) => {
                    if let Some(notice) = self.take(tap, word) {
                        return Arrival::Notice(notice);
                    }
                }
                (None, Some(tap)) => {
                    self.count(tap);
                    return Arrival::Frame;
                }
                (None, None) => {}
            }
        }
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

    fn take(&mut self, tap: usize, word: Word) -> Option<String> {
        match word {
            Word::Packets(batch) => self.order.push(tap, batch),
            Word::Counts(counts) => {
                let [capture] = &mut self.captures;
                if let (Some(slot), Some(interface)) = (self.counts.get_mut(tap), capture.interfaces.get_mut(tap)) {
                    *slot = counts;
                    interface.dropped = Some(counts.dropped);
                }
            }
            Word::Notice(notice) => return Some(notice),
            Word::Gone(notice) => {
                self.order.over(tap);
                return Some(notice);
            }
        }
        None
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
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// What a thread is.
struct Reader {
    place: usize,
    send: SyncSender<(usize, Word)>,
    stop: Arc<AtomicBool>,
    /// Whether the interface was up, and had a carrier, when last looked at.
    state: Option<(bool, bool)>,
}

impl Reader {
    /// Reads until the interface is gone, or nobody listens any more.
    fn read(mut self, mut tap: Tap) {
        let mut looked: Option<Instant> = None;
        while !self.stop.load(Ordering::Relaxed) {
            let (batch, failure) = collect(&mut tap);
            if batch.packets.is_empty() && failure.is_none() {
                let mut fds = [PollFd::new(tap.handle.as_fd(), PollFlags::POLLIN)];
                // An error shows again, with its reason, when packets are asked for.
                let _ = poll(&mut fds, PollTimeout::try_from(SLEEP).unwrap_or(PollTimeout::ZERO));
            } else if self.tell(Word::Packets(batch)).is_err() {
                return;
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK) || failure.is_some() {
                looked = Some(Instant::now());
                if self.look(&mut tap).is_err() {
                    return;
                }
            }
            if let Some(failure) = failure {
                let _ = self.tell(Word::Gone(format!("{} is gone: {}", tap.name(), printable_str(&failure))));
                return;
            }
        }
    }

    fn look(&mut self, tap: &mut Tap) -> Result<(), Over> {
        if let Ok(stat) = tap.handle.stats() {
            // What the card itself dropped never was this capture's to lose, but is lost all the same.
            let dropped = u64::from(stat.dropped) + u64::from(stat.if_dropped);
            self.tell(Word::Counts(Counts { received: u64::from(stat.received), dropped }))?;
        }
        if tap.name() == ANY {
            return Ok(());
        }
        let state = devices::state(tap.name());
        if let (Some(before), Some(state)) = (self.state, state)
            && before != state
        {
            let how = match state {
                (false, _) => "went down; capturing goes on when it comes up",
                (true, false) => "has no carrier",
                (true, true) => "is up again",
            };
            self.tell(Word::Notice(format!("{} {how}", tap.name())))?;
        }
        self.state = state.or(self.state);
        Ok(())
    }

    fn tell(&self, word: Word) -> Result<(), Over> {
        self.send.send((self.place, word)).map_err(|_| Over)
    }
}

/// Nobody listens any more.
struct Over;

/// What the kernel holds for this interface, up to a batch; and why there will be no more, if there will not.
fn collect(tap: &mut Tap) -> (Batch, Option<String>) {
    let mut batch = Batch::default();
    while batch.bytes.len() < BATCH_BYTES && batch.packets.len() < BATCH_PACKETS {
        match tap.handle.next_packet() {
            Ok(packet) => {
                // With nanosecond precision the field for microseconds holds nanoseconds.
                let (seconds, nanos) = (packet.header.ts.tv_sec, packet.header.ts.tv_usec);
                let time = Timestamp(seconds.saturating_mul(1_000_000_000).saturating_add(nanos));
                batch.push(time, packet.header.len, packet.data);
            }
            Err(pcap::Error::TimeoutExpired) => break,
            Err(pcap::Error::PcapError(text)) => return (batch, Some(text)),
            Err(error) => return (batch, Some(error.to_string())),
        }
    }
    (batch, None)
}
