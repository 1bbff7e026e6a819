//! One capture file or standard input as a stream of frames.
//!
//! Frames of a single interface are handed out where they were read; those of several go through the reorder window.

use std::fmt::Display;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::OpenError;
use super::filter::Filter;
use super::identity::Identity;
use super::input::Input;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Plain, Record};
use super::reorder::{Held, Reorder, Room};
use super::sniff::{Format, Looks, SNIFF, refusal, sniff};
use super::window::Window;
use super::{Annotations, Capture, Damage, Gaps, Remarks};
use crate::frame::{CaptureId, Frame, FrameNo, Stamp, Timestamp};

/// A step back of an interface's clock that is worth telling, in nanoseconds.
const BACKWARDS: i64 = 1_000_000;

/// Steps back that are kept of a capture: enough to cite.
const MAX_BACKWARDS: usize = 16;

/// A capture being read. What it tells of itself goes into a [`Capture`], which the owner keeps.
pub(super) struct FileSource {
    window: Window,
    format: Reader,
    /// The packet read last.
    record: Record,
    current: Current,
    reorder: Reorder,
    /// The format has no more.
    ended: bool,
    /// The last frame of each interface.
    before: Vec<Option<Stamp>>,
    read: Arc<AtomicU64>,
    size: Option<u64>,
    /// Whether its end may not be its end.
    is_cut: fn() -> bool,
    identity: Option<Identity>,
    compression: Option<&'static str>,
    order: Order,
    /// Whether bytes were removed of its packets.
    is_thinned: bool,
}

/// In which order the frames of a capture with several interfaces are given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    /// In that of time, as far as the reorder window reaches.
    #[default]
    Time,
    /// As they stand in the file.
    File,
}

enum Reader {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

impl Reader {
    /// The packet at the front of `data`, if that is plain to see.
    #[inline]
    fn plain<'a>(&self, data: &'a [u8]) -> Option<Plain<'a>> {
        match self {
            Self::Pcap(pcap) => pcap.plain(data),
            Self::Pcapng(pcapng) => pcapng.plain(data),
        }
    }

    /// The number of the packet read last.
    fn number(&self) -> u64 {
        match self {
            Self::Pcap(pcap) => pcap.number(),
            Self::Pcapng(pcapng) => pcapng.number(),
        }
    }

    /// So many plain packets have been read, the last one of this time.
    fn passed(&mut self, count: u64, last: Timestamp) {
        match self {
            Self::Pcap(pcap) => pcap.passed(count),
            Self::Pcapng(pcapng) => pcapng.passed(count, last),
        }
    }
}

/// The frame that is to be looked at now.
enum Current {
    None,
    /// The packet read last, whose bytes are in the window.
    InWindow,
    Held(Held),
}

impl FileSource {
    /// Reads the header of an opened input. Of a thinned file of several captures, `part` is the one to be read, from 0.
    pub(super) fn new(input: Input, path: &Path, id: CaptureId, part: u32) -> Result<(Self, Capture), OpenError> {
        let mut window = Window::new(input.reader);
        // Four bytes name a capture; only what is none needs a longer look, for which a growing file may not have enough.
        window.fill(4);
        if !matches!(sniff(window.data()), Looks::Like(_)) {
            window.fill(SNIFF);
        }
        let looks = sniff(window.data());
        if let Some(what) = refusal(path, &looks) {
            return Err(refused(&window, path, &what));
        }
        let mut capture = Capture {
            id,
            path: path.to_owned(),
            format: String::new(),
            packets: 0,
            first: None,
            last: None,
            damage: None,
            interfaces: Vec::new(),
            backwards: Vec::new(),
            annotations: Annotations::default(),
            timeline: id,
            unread: false,
            gaps: Gaps::default(),
            keys: std::sync::Arc::default(),
        };
        let opened = if looks == Looks::Like(Format::Pcap) {
            Pcap::open(&mut window).map(|(pcap, interface, name)| {
                capture.interfaces.push(interface);
                (Reader::Pcap(pcap), name)
            })
        } else {
            Pcapng::open(&mut window, &mut capture, part).map(|pcapng| (Reader::Pcapng(pcapng), "pcapng"))
        };
        let (format, name) = opened.map_err(|wrong| refused(&window, path, &wrong))?;
        capture.format = match input.compression {
            Some(compression) => format!("{name} + {compression}"),
            None => name.to_owned(),
        };
        let is_thinned = capture.annotations.thinned.is_some();
        if let Some(thinned) = &mut capture.annotations.thinned {
            path.clone_into(&mut thinned.file);
            thinned.part = part;
            let own = usize::try_from(part).ok().and_then(|part| thinned.sources.get(part)?.clone());
            capture.path = own.unwrap_or(capture.path);
        }
        let source = Self {
            window,
            format,
            record: Record::NONE,
            current: Current::None,
            reorder: Reorder::default(),
            ended: false,
            before: Vec::new(),
            read: input.read,
            size: input.size,
            is_cut: input.is_cut,
            identity: input.identity,
            compression: input.compression,
            order: Order::default(),
            is_thinned,
        };
        Ok((source, capture))
    }

    /// Gives the frames in this order.
    pub(super) fn set_order(&mut self, order: Order) {
        self.order = order;
    }

    /// Shares the room for frames that wait with the other captures of a timeline.
    pub(super) fn share(&mut self, room: &Arc<Room>) {
        self.reorder = Reorder::sharing(room);
    }

    /// What its file can be known by when it is opened again; `None` for pipes.
    pub(super) fn identity(&self) -> Option<Identity> {
        self.identity
    }

    /// How the file is compressed.
    pub(super) fn compression(&self) -> Option<&'static str> {
        self.compression
    }

    /// Whether it holds no file open.
    pub(super) fn is_lean(&self) -> bool {
        self.window.is_lean()
    }

    /// Others come first now: a lean source gives memory back, until [`FileSource::take_up`].
    pub(super) fn set_aside(&mut self) {
        self.reorder.forget_spare();
        self.window.let_go(match self.current {
            Current::InWindow => self.record.bytes.start,
            Current::None | Current::Held(_) => usize::MAX,
        });
    }

    /// Where reading is in the (decompressed) file.
    pub(super) fn offset(&self) -> u64 {
        self.window.offset()
    }

    /// Goes on after [`FileSource::set_aside`]. The error says why the file cannot be read any more.
    pub(super) fn take_up(&mut self) -> io::Result<()> {
        self.window.take_up()
    }

    /// Bytes of the raw file read so far, and how many there are.
    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.size)
    }

    /// Moves to the next frame that passes the filter; its time, or `None` at the end. Frames before it that are earlier
    /// than `limit` and of which `skips` is true are passed over; it is asked of plain ones only. `latest` is the frame of
    /// the timeline that was handed out or passed over last.
    #[inline]
    pub(super) fn advance(
        &mut self,
        capture: &mut Capture,
        filter: &mut Option<Filter>,
        limit: Timestamp,
        latest: &mut Stamp,
        skips: &mut impl FnMut(&Frame<'_>) -> bool,
    ) -> Option<Timestamp> {
        if filter.is_none()
            && let Some(time) = self.pass_over(capture, limit, latest, skips)
        {
            return Some(time);
        }
        self.go_on(capture, filter, limit, latest, skips)
    }

    /// Passes over the packets at hand as long as they are skipped, with no more ado than that takes, and moves to the
    /// first that is not. Leaves all but the plainest to [`FileSource::go_on`]: the first packet, the one that ends behind
    /// the window, a clock that steps back, captures of several interfaces, whatever is no packet.
    #[inline]
    fn pass_over(
        &mut self,
        capture: &mut Capture,
        limit: Timestamp,
        latest: &mut Stamp,
        skips: &mut impl FnMut(&Frame<'_>) -> bool,
    ) -> Option<Timestamp> {
        let ([interface], [Some(before)], false) = (capture.interfaces.as_slice(), &mut self.before[..], self.ended)
        else {
            return None;
        };
        let first = FrameNo(self.format.number());
        let mut last = Frame {
            at: Stamp { epoch: latest.epoch, ..Stamp::new(capture.id, first, before.time) },
            interface: interface.id,
            link_type: interface.link_type,
            bytes: &[],
            wire_len: 0,
        };
        let mut rest = self.window.data();
        let at_hand = rest.len();
        let stays = loop {
            let Some((frame, plain)) = next(&last, rest, &self.format, limit) else { break None };
            last = frame;
            if !skips(&frame) {
                break Some((plain.header..plain.header + plain.bytes.len(), plain.total));
            }
            *latest = frame.at;
            rest = rest.get(plain.total..).unwrap_or_default();
        };
        let Frame { at, interface, link_type, wire_len, .. } = last;
        let passed = at_hand - rest.len();
        let count = at.number.0 - first.0;
        if count > 0 {
            // As the file has it: only the timeline knows how often its clock has stepped back.
            *before = Stamp { epoch: 0, ..at };
        }
        capture.last = capture.last.max(Some(at.time));
        capture.packets += count;
        self.format.passed(count, at.time);
        self.window.skip(passed);
        let (bytes, total) = stays?;
        let options = match self.format {
            Reader::Pcap(_) => 0..0,
            Reader::Pcapng(_) => bytes.end.next_multiple_of(4)..total,
        };
        self.record = Record {
            number: at.number,
            time: at.time,
            timed: true,
            interface,
            link_type,
            wire_len,
            options: self.window.pass(0, options),
            removed: 0,
            bytes: self.window.pass(total, bytes),
        };
        self.current = Current::InWindow;
        Some(at.time)
    }

    /// Moves to the next frame that passes the filter.
    #[inline]
    fn go_on(
        &mut self,
        capture: &mut Capture,
        filter: &mut Option<Filter>,
        limit: Timestamp,
        latest: &mut Stamp,
        skips: &mut impl FnMut(&Frame<'_>) -> bool,
    ) -> Option<Timestamp> {
        if !matches!(self.current, Current::InWindow)
            && let Current::Held(held) = std::mem::replace(&mut self.current, Current::None)
        {
            self.reorder.recycle(held);
        }
        while !self.ended && !self.reorder.is_full() {
            if !self.read(capture, filter) {
                break;
            }
            if capture.interfaces.len() <= 1 || self.order == Order::File {
                if !self.is_thinned {
                    self.current = Current::InWindow;
                } else if self.restore(capture, limit, latest, skips) {
                    continue;
                }
                return Some(self.record.time);
            }
            let remarks = self.remarks_in_window();
            self.reorder.push(self.record.clone(), self.window.passed(&self.record.bytes), remarks);
        }
        let Some(held) = self.reorder.pop() else {
            self.current = Current::None;
            return None;
        };
        let time = held.record.time;
        self.current = Current::Held(held);
        Some(time)
    }

    /// Moves to the packet read last of a thinned file, with zeros for what is removed. Whether it was passed over instead, as
    /// by [`FileSource::pass_over`].
    fn restore(
        &mut self,
        capture: &Capture,
        limit: Timestamp,
        latest: &mut Stamp,
        skips: &mut impl FnMut(&Frame<'_>) -> bool,
    ) -> bool {
        let record = self.record.clone();
        let remarks = self.remarks_in_window();
        let held = self.reorder.hold(record, self.window.passed(&self.record.bytes), remarks);
        let frame = frame(capture.id, &held.record, &held.bytes);
        let at = Stamp { epoch: latest.epoch, ..frame.at };
        let is_plain = held.record.timed && *latest < at && at.time < limit;
        if is_plain && skips(&Frame { at, ..frame }) {
            *latest = at;
            self.reorder.recycle(held);
            return true;
        }
        self.current = Current::Held(held);
        false
    }

    /// The frame that [`FileSource::advance`] moved to, as if its file were all there is.
    #[inline]
    pub(super) fn frame(&self, id: CaptureId) -> Option<Frame<'_>> {
        match &self.current {
            Current::None => None,
            Current::InWindow => Some(frame(id, &self.record, self.window.passed(&self.record.bytes))),
            Current::Held(held) => Some(frame(id, &held.record, &held.bytes)),
        }
    }

    /// What is told of that frame.
    pub(super) fn remarks(&self) -> Remarks {
        match &self.current {
            Current::None => Remarks::default(),
            Current::InWindow => self.remarks_in_window(),
            Current::Held(held) => held.remarks.clone(),
        }
    }

    fn remarks_in_window(&self) -> Remarks {
        match &self.format {
            Reader::Pcap(_) => Remarks::default(),
            Reader::Pcapng(pcapng) => {
                let mut remarks = pcapng.remarks(self.window.passed(&self.record.options));
                remarks.is_untimed = !self.record.timed;
                remarks
            }
        }
    }

    /// Reads the next packet of the file that passes the filter; whether there is one.
    #[inline]
    fn read(&mut self, capture: &mut Capture, filter: &mut Option<Filter>) -> bool {
        loop {
            let read = match &mut self.format {
                Reader::Pcap(pcap) => pcap.next(&mut self.window, &mut self.record),
                Reader::Pcapng(pcapng) => pcapng.next(&mut self.window, capture, &mut self.record),
            };
            match read {
                Ok(true) => {}
                Ok(false) => return self.end(capture, None),
                Err(damage) => return self.end(capture, Some(damage)),
            }
            self.note(capture);
            let Some(filter) = filter else { return true };
            filter.prepare_late(self.record.link_type);
            if filter.passes(&frame(capture.id, &self.record, self.window.passed(&self.record.bytes))) {
                return true;
            }
        }
    }

    #[cold]
    fn end(&mut self, capture: &mut Capture, damage: Option<Damage>) -> bool {
        self.ended = true;
        capture.unread = (self.is_cut)();
        // Told to stop, it stops anywhere: that is no damage.
        if !capture.unread
            && let Some(damage) = damage.or_else(|| self.cut_while_read())
        {
            capture.spoil(damage);
        }
        let last = self.before.iter().flatten().max_by_key(|at| at.number).copied();
        if let Some(damage) = &mut capture.damage {
            damage.after = damage.after.or(last);
        }
        false
    }

    /// What a clean end means that comes earlier than the file's size.
    fn cut_while_read(&self) -> Option<Damage> {
        let (read, size) = self.progress();
        let size = size.filter(|size| read < *size)?;
        let what = format!("it was truncated from {size} to {read} bytes while it was read");
        Some(Damage::failed(self.window.offset(), what))
    }

    /// Adds a packet to what the capture tells of itself.
    #[inline]
    fn note(&mut self, capture: &mut Capture) {
        let record = &self.record;
        capture.packets += 1;
        if !record.timed {
            return;
        }
        let at = Stamp::new(capture.id, record.number, record.time);
        capture.last = capture.last.max(Some(at.time));
        let interface = record.interface.0 as usize;
        match self.before.get_mut(interface) {
            // Clocks run forwards, nearly always.
            Some(Some(before)) if before.time <= at.time => *before = at,
            _ => self.note_step(capture, interface, at),
        }
    }

    /// Notes the first packet of an interface, or one that is earlier than the one before.
    #[cold]
    fn note_step(&mut self, capture: &mut Capture, interface: usize, at: Stamp) {
        capture.first = Some(capture.first.map_or(at.time, |first| first.min(at.time)));
        if self.before.len() <= interface {
            self.before.resize(interface + 1, None);
        }
        let Some(slot) = self.before.get_mut(interface) else { return };
        if let Some(before) = slot.replace(at)
            && before.time.0.saturating_sub(at.time.0) > BACKWARDS
            && capture.backwards.len() < MAX_BACKWARDS
        {
            capture.backwards.push((before, at));
        }
    }
}

/// The packet at the front of `rest` as the frame after `before` and like it, if it is plain to see, and its time between
/// that of `before` and `limit`.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
fn next<'a>(before: &Frame<'_>, rest: &'a [u8], format: &Reader, limit: Timestamp) -> Option<(Frame<'a>, Plain<'a>)> {
    let plain = format.plain(rest)?;
    if plain.time < before.at.time || plain.time >= limit {
        return None;
    }
    let at = Stamp { number: FrameNo(before.at.number.0 + 1), time: plain.time, ..before.at };
    let Frame { interface, link_type, .. } = *before;
    Some((Frame { at, interface, link_type, bytes: plain.bytes, wire_len: plain.wire_len }, plain))
}

fn frame<'a>(capture: CaptureId, record: &Record, bytes: &'a [u8]) -> Frame<'a> {
    Frame {
        at: Stamp::new(capture, record.number, record.time),
        interface: record.interface,
        link_type: record.link_type,
        bytes,
        wire_len: record.wire_len,
    }
}

/// Why a file is refused: for what it is, unless that is all that could be read of it.
fn refused(window: &Window, path: &Path, wrong: &impl Display) -> OpenError {
    OpenError::new(path, window.failure().map_or_else(|| wrong.to_string(), |failure| failure.what.clone()))
}

#[cfg(test)]
mod tests;
