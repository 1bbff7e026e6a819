//! One capture file or standard input as a stream of frames.
//!
//! Frames of a single interface are handed out where they were read; those of several go through the reorder window.

use std::path::Path;
use std::sync::atomic::Ordering;

use super::error::OpenError;
use super::filter::Filter;
use super::input::Input;
use super::pcap::Pcap;
use super::pcapng::Pcapng;
use super::record::{Record, damaged};
use super::reorder::{Held, Reorder};
use super::sniff::{Format, Looks, SNIFF, refusal, sniff};
use super::window::Window;
use super::{Capture, Damage};
use crate::frame::{CaptureId, Frame, Stamp, Timestamp};

/// A step back of an interface's clock that is worth telling, in nanoseconds.
const BACKWARDS: i64 = 1_000_000;

/// Steps back that are kept of a capture: enough to cite.
const MAX_BACKWARDS: usize = 16;

/// A capture being read. What it tells of itself goes into a [`Capture`], which the owner keeps.
pub(super) struct FileSource {
    window: Window,
    format: Reader,
    current: Current,
    reorder: Reorder,
    /// The format has no more.
    ended: bool,
    /// The last frame of each interface.
    before: Vec<Option<Stamp>>,
    read: std::sync::Arc<std::sync::atomic::AtomicU64>,
    size: Option<u64>,
}

enum Reader {
    Pcap(Pcap),
    Pcapng(Pcapng),
}

/// The frame that is to be looked at now.
enum Current {
    None,
    InWindow(Record),
    Held(Held),
}

impl FileSource {
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, id: CaptureId) -> Result<(Self, Capture), OpenError> {
        Self::new(Input::open(path)?, path, id)
    }

    /// Reads the header of an opened input.
    pub(super) fn new(input: Input, path: &Path, id: CaptureId) -> Result<(Self, Capture), OpenError> {
        let mut window = Window::new(input.reader);
        window.fill(SNIFF);
        let looks = sniff(window.data());
        if let (Some(failure), Looks::NoCapture(_)) = (window.failure(), &looks) {
            return Err(OpenError::new(path, failure));
        }
        if let Some(what) = refusal(path, &looks) {
            return Err(OpenError::new(path, what));
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
        };
        let opened = if looks == Looks::Like(Format::Pcap) {
            Pcap::open(&mut window).map(|(pcap, interface, name)| {
                capture.interfaces.push(interface);
                (Reader::Pcap(pcap), name)
            })
        } else {
            Pcapng::open(&mut window).map(|pcapng| (Reader::Pcapng(pcapng), "pcapng"))
        };
        let (format, name) = opened.map_err(|what| OpenError::new(path, what))?;
        capture.format = match input.compression {
            Some(compression) => format!("{name} + {compression}"),
            None => name.to_owned(),
        };
        let source = Self {
            window,
            format,
            current: Current::None,
            reorder: Reorder::default(),
            ended: false,
            before: Vec::new(),
            read: input.read,
            size: input.size,
        };
        Ok((source, capture))
    }

    /// Bytes of the raw file read so far, and how many there are.
    pub(super) fn progress(&self) -> (u64, Option<u64>) {
        (self.read.load(Ordering::Relaxed), self.size)
    }

    /// Moves to the next frame that passes the filter; its time, or `None` at the end.
    pub(super) fn advance(&mut self, capture: &mut Capture, filter: &mut Option<Filter>) -> Option<Timestamp> {
        if let Current::Held(held) = std::mem::replace(&mut self.current, Current::None) {
            self.reorder.recycle(held);
        }
        while !self.ended && !self.reorder.is_full() {
            let Some(record) = self.read(capture, filter) else { break };
            if capture.interfaces.len() <= 1 {
                let time = record.time;
                self.current = Current::InWindow(record);
                return Some(time);
            }
            self.reorder.push(record.clone(), self.window.passed(&record.bytes));
        }
        let held = self.reorder.pop()?;
        let time = held.record.time;
        self.current = Current::Held(held);
        Some(time)
    }

    /// The frame that [`FileSource::advance`] moved to.
    pub(super) fn frame(&self, id: CaptureId) -> Option<Frame<'_>> {
        match &self.current {
            Current::None => None,
            Current::InWindow(record) => Some(frame(id, record, self.window.passed(&record.bytes))),
            Current::Held(held) => Some(frame(id, &held.record, &held.bytes)),
        }
    }

    /// The next packet of the file that passes the filter.
    fn read(&mut self, capture: &mut Capture, filter: &mut Option<Filter>) -> Option<Record> {
        loop {
            let read = match &mut self.format {
                Reader::Pcap(pcap) => pcap.next(&mut self.window),
                Reader::Pcapng(pcapng) => pcapng.next(&mut self.window, capture),
            };
            let record = match read {
                Ok(Some(record)) => record,
                Ok(None) => return self.end(capture, None),
                Err(damage) => return self.end(capture, Some(damage)),
            };
            self.note(capture, &record);
            let Some(filter) = filter else { return Some(record) };
            if let Err(error) = filter.prepare(record.link_type) {
                let damage = damaged(&self.window, error.to_string());
                return self.end(capture, Some(damage));
            }
            if filter.passes(&frame(capture.id, &record, self.window.passed(&record.bytes))) {
                return Some(record);
            }
        }
    }

    fn end(&mut self, capture: &mut Capture, damage: Option<Damage>) -> Option<Record> {
        self.ended = true;
        capture.damage = capture.damage.take().or(damage);
        None
    }

    /// Adds a packet to what the capture tells of itself.
    fn note(&mut self, capture: &mut Capture, record: &Record) {
        capture.packets += 1;
        if !record.timed {
            return;
        }
        let at = Stamp { capture: capture.id, number: record.number, time: record.time };
        capture.first = Some(capture.first.map_or(at.time, |first| first.min(at.time)));
        capture.last = Some(capture.last.map_or(at.time, |last| last.max(at.time)));
        let interface = record.interface.0 as usize;
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

fn frame<'a>(capture: CaptureId, record: &Record, bytes: &'a [u8]) -> Frame<'a> {
    Frame {
        at: Stamp { capture, number: record.number, time: record.time },
        interface: record.interface,
        link_type: record.link_type,
        bytes,
        wire_len: record.wire_len,
    }
}

/// See [`super::is_capture`].
pub(super) fn is_capture(path: &Path) -> bool {
    let Ok(input) = Input::open(path) else { return false };
    let mut head = Vec::with_capacity(SNIFF);
    let read = std::io::Read::take(input.reader, SNIFF as u64);
    let _ = std::io::copy(&mut { read }, &mut head);
    matches!(sniff(&head), Looks::Like(_) | Looks::Foreign(_))
}
