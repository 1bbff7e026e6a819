//! Merges one or several captures by time into one stream of frames.
//!
//! Each frame keeps the number it has in its own file. Of a rotated set only the files that are due are open, and of
//! those so many; beyond that, files are read without being kept open (see [`super::lean`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::error::{OpenError, words};
use super::file::{FileSource, Order};
use super::filter::Filter;
use super::frames::Codec;
use super::identity::Identity;
use super::input::{Input, is_cut};
use super::reorder::Room;
use super::spool::{Spool, is_spooled};
use super::{Capture, Damage, Remarks};
use crate::frame::{CaptureId, Frame, FrameNo, Stamp, Timestamp};

/// The captures of one timeline.
pub struct Timeline {
    captures: Vec<Capture>,
    /// The source of each capture.
    slots: Vec<Slot>,
    /// The capture whose frame was given last.
    current: Option<usize>,
    /// That frame, or the last one that was skipped behind it.
    latest: Stamp,
    /// All others that have frames left: the time of the next one and the place of the capture.
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    filter: Option<Filter>,
    /// Bytes read of the files that are closed for good.
    finished: u64,
    total: Option<u64>,
    open: OpenFiles,
    /// Whether there are more that are read without being kept open.
    crowded: bool,
    /// Where frames wait to be put into the order of time.
    waiting: Arc<Room>,
    /// What is unpacked of compressed files beyond those that are open.
    spool: Option<Spool>,
    order: Order,
}

/// Later than any frame.
const ALWAYS: Timestamp = Timestamp(i64::MAX);
/// Before any frame.
const BEGINNING: Stamp = Stamp::new(CaptureId(0), FrameNo(0), Timestamp(i64::MIN));

/// Files that are kept open at once: more than usually overlap, less than systems allow a process (often 256 at least).
pub const MAX_OPEN: usize = 64;

/// zstd files among them: one takes up to 128 MiB to unpack.
const MAX_OPEN_ZSTD: usize = 16;

/// Bytes at hand of all files that are not kept open, but at least [`MIN_LEAN`] each.
const ALL_LEAN: usize = 32 << 20;
const MIN_LEAN: usize = 1 << 10;
const MAX_LEAN: usize = 64 << 10;

/// A capture's place in the timeline.
enum Slot {
    /// Looked at and closed again: it stands on no frame until it is due.
    Waiting(Identity),
    /// Being read, standing on its next frame.
    Open(Box<FileSource>),
    /// Read to its end.
    Done,
}

/// How many files are kept open.
#[derive(Default)]
struct OpenFiles {
    all: usize,
    zstd: usize,
}

impl OpenFiles {
    fn have_room_for(&self, compression: Option<&str>) -> bool {
        self.all < MAX_OPEN && (!is_zstd(compression) || self.zstd < MAX_OPEN_ZSTD)
    }

    fn add(&mut self, source: &FileSource) {
        let kept_open = usize::from(!source.is_lean());
        self.all += kept_open;
        self.zstd += kept_open * usize::from(is_zstd(source.compression()));
    }

    fn remove(&mut self, source: &FileSource) {
        let kept_open = usize::from(!source.is_lean());
        self.all -= kept_open;
        self.zstd -= kept_open * usize::from(is_zstd(source.compression()));
    }
}

fn is_zstd(compression: Option<&str>) -> bool {
    compression == Some(Codec::Zstd.name())
}

impl Timeline {
    /// Opens files (`-` is standard input), whose captures are numbered from `first_id` on. Those that cannot be
    /// opened are reported one by one and left out; those that were not waited for any more (see [`super::stop_when`]) are
    /// left out alone. `filter` is a capture filter (see [`super::check_filter`]).
    pub fn open(files: &[PathBuf], first_id: CaptureId, filter: Option<&str>) -> (Self, Vec<OpenError>) {
        Self::empty(filter).with(files, first_id)
    }

    /// The same, but the frames of each file come as they stand in it, whatever their times: to be written again.
    pub fn open_as_stored(files: &[PathBuf], first_id: CaptureId, filter: Option<&str>) -> (Self, Vec<OpenError>) {
        Self { order: Order::File, ..Self::empty(filter) }.with(files, first_id)
    }

    fn with(mut self, files: &[PathBuf], first_id: CaptureId) -> (Self, Vec<OpenError>) {
        let mut errors = Vec::new();
        for path in files {
            let added = self.add_file(path, first_id, files.len() > 1);
            errors.extend(added.err().filter(|_| !is_cut(path)));
        }
        (self, errors)
    }

    /// Adds the capture of a file; of a thinned one all captures, each by a reading of its own. Among others a file is not
    /// kept open.
    fn add_file(&mut self, path: &Path, first_id: CaptureId, among_others: bool) -> Result<(), OpenError> {
        let (mut part, mut parts) = (0, 1);
        while part < parts {
            let input = Input::open(path)?;
            let (mut source, capture) = FileSource::new(input, path, self.next_id(first_id), part)?;
            parts = capture.parts();
            if parts > 1 && path == Path::new("-") && !is_spooled() {
                let what =
                    format!("it is a thinned file of {parts} captures, which takes {parts} readings: save it first");
                return Err(OpenError::new(path, what));
            }
            source.set_order(self.order);
            let again = source.identity().filter(|_| among_others || parts > 1);
            self.add(source, capture, again)?;
            part += 1;
        }
        Ok(())
    }

    /// A timeline of a single byte stream; `name` is what the capture is called.
    pub fn from_reader(name: &Path, reader: Box<dyn Read + Send>, id: CaptureId) -> Result<Self, OpenError> {
        Self::filtered(name, reader, id, None)
    }

    /// Likewise, of the frames that pass a capture filter.
    pub(super) fn filtered(
        name: &Path,
        reader: Box<dyn Read + Send>,
        id: CaptureId,
        filter: Option<&str>,
    ) -> Result<Self, OpenError> {
        let mut timeline = Self::empty(filter);
        let (source, capture) = FileSource::new(Input::from_reader(name, reader, None)?, name, id, 0)?;
        timeline.add(source, capture, None)?;
        Ok(timeline)
    }

    fn empty(filter: Option<&str>) -> Self {
        Self {
            captures: Vec::new(),
            slots: Vec::new(),
            current: None,
            latest: BEGINNING,
            due: BinaryHeap::new(),
            filter: filter.map(Filter::new),
            finished: 0,
            total: Some(0),
            open: OpenFiles::default(),
            crowded: false,
            waiting: Arc::default(),
            spool: None,
            order: Order::default(),
        }
    }

    fn next_id(&self, first_id: CaptureId) -> CaptureId {
        CaptureId(first_id.0.saturating_add(u32::try_from(self.captures.len()).unwrap_or(u32::MAX)))
    }

    /// Moves a source to its first frame and puts it in its place. It is closed until it is due, if it can be opened
    /// again.
    fn add(&mut self, mut source: FileSource, mut capture: Capture, again: Option<Identity>) -> Result<(), OpenError> {
        if let Some(filter) = &mut self.filter {
            for interface in &capture.interfaces {
                let prepared = filter.prepare(interface.link_type);
                prepared.map_err(|error| OpenError::new(&capture.path, error.to_string()))?;
            }
        }
        capture.timeline = self.captures.first().map_or(capture.id, |first| first.id);
        let first = source.advance(&mut capture, &mut self.filter, ALWAYS, &mut self.latest, &mut |_| false);
        let (read, size) = source.progress();
        self.total = self.total.zip(size).map(|(total, size)| total.saturating_add(size));
        let place = self.captures.len();
        let slot = match first {
            None => {
                self.finished += read;
                Slot::Done
            }
            Some(_) => match again {
                Some(identity) => Slot::Waiting(identity),
                None => self.keep(source),
            },
        };
        self.due.extend(first.map(|time| Reverse((time, place))));
        self.captures.push(capture);
        self.slots.push(slot);
        Ok(())
    }

    /// The captures as far as they have been read.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// The same for whoever must not show them as they are.
    pub fn captures_mut(&mut self) -> &mut [Capture] {
        &mut self.captures
    }

    /// Nobody wants the rest of the frames: marks the captures that are not read to their end.
    pub fn break_off(&mut self) {
        for (capture, slot) in self.captures.iter_mut().zip(&self.slots) {
            if !matches!(slot, Slot::Done) {
                capture.unread = true;
            }
        }
    }

    /// What could not be read of the captures, to be asked for at the end: those that are unreadable, and those of which
    /// packets were left out because the filter cannot be used on their link type.
    pub fn unreadable(&self) -> Vec<OpenError> {
        let refusals = self.filter.as_ref().map_or(&[][..], Filter::refusals);
        let refused = |capture: &Capture| {
            let of = |link_type| capture.interfaces.iter().any(|interface| interface.link_type == link_type);
            let (_, error) = refusals.iter().find(|(link_type, _)| of(*link_type))?;
            Some(OpenError::new(&capture.path, format!("packets were left out: {error}")))
        };
        self.captures.iter().flat_map(|capture| [capture.unreadable(), refused(capture)]).flatten().collect()
    }

    /// Bytes read of the raw files, and their size where all of them have one.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let open = self.slots.iter().map(|slot| match slot {
            Slot::Open(source) => source.progress().0,
            Slot::Waiting(_) | Slot::Done => 0,
        });
        (self.finished.saturating_add(open.sum()), self.total)
    }

    /// The next frame in the order of time; of frames with the same time, that of the earlier capture.
    #[expect(clippy::should_implement_trait, reason = "the frame borrows from the timeline, which no iterator allows")]
    pub fn next(&mut self) -> Option<Frame<'_>> {
        if self.step() { self.frame() } else { None }
    }

    /// Goes to the next frame; whether there is one.
    pub fn step(&mut self) -> bool {
        self.step_over(&mut |_| false)
    }

    /// Goes to the next frame that is not skipped; whether there is one.
    #[inline]
    pub fn step_over(&mut self, skips: &mut impl FnMut(&Frame<'_>) -> bool) -> bool {
        if let Some(place) = self.current.take()
            && let Some(time) = self.advance(place, skips)
        {
            match self.due.peek() {
                Some(Reverse(earliest)) if *earliest < (time, place) => {
                    self.set_aside(place);
                    self.due.push(Reverse((time, place)));
                }
                _ => self.current = Some(place),
            }
        }
        while self.current.is_none() {
            let Some(Reverse((_, place))) = self.due.pop() else { return false };
            if self.wake(place) {
                self.current = Some(place);
            }
        }
        if let Some(frame) = self.current_frame() {
            self.latest = frame.at.behind(self.latest);
        }
        true
    }

    /// The frame that the last step went to.
    #[inline]
    pub fn frame(&self) -> Option<Frame<'_>> {
        Some(Frame { at: self.latest, ..self.current_frame()? })
    }

    /// The same as its file has it.
    #[inline]
    fn current_frame(&self) -> Option<Frame<'_>> {
        let place = self.current?;
        let id = self.captures.get(place)?.id;
        match self.slots.get(place)? {
            Slot::Open(source) => source.frame(id),
            Slot::Waiting(_) | Slot::Done => None,
        }
    }

    /// What is told of that frame besides.
    pub fn remarks(&self) -> Remarks {
        match self.current.and_then(|place| self.slots.get(place)) {
            Some(Slot::Open(source)) => source.remarks(),
            Some(Slot::Waiting(_) | Slot::Done) | None => Remarks::default(),
        }
    }

    /// The time of the capture's next frame that is not skipped; without one, the capture is closed.
    #[inline]
    fn advance(&mut self, place: usize, skips: &mut impl FnMut(&Frame<'_>) -> bool) -> Option<Timestamp> {
        let (Some(slot), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
            return None;
        };
        let Slot::Open(source) = slot else { return None };
        // What another capture has before it comes first.
        let limit = match self.due.peek() {
            Some(Reverse((time, other))) => Timestamp(time.0.saturating_add(i64::from(place < *other))),
            None => ALWAYS,
        };
        let time = source.advance(capture, &mut self.filter, limit, &mut self.latest, skips);
        if time.is_none() {
            self.finished = self.finished.saturating_add(source.progress().0);
            self.open.remove(source);
            *slot = Slot::Done;
        }
        time
    }

    fn keep(&mut self, source: FileSource) -> Slot {
        self.open.add(&source);
        self.crowded |= source.is_lean();
        Slot::Open(Box::new(source))
    }

    /// Another capture comes first now.
    #[inline]
    fn set_aside(&mut self, place: usize) {
        if self.crowded
            && let Some(Slot::Open(source)) = self.slots.get_mut(place)
        {
            source.set_aside();
        }
    }

    /// What had been told of a capture before it was opened again stays as somebody may have changed it to be shown.
    fn keep_shown(&mut self, place: usize, shown: Capture) {
        let Some(capture) = self.captures.get_mut(place) else { return };
        for (again, shown) in capture.interfaces.iter_mut().zip(shown.interfaces) {
            *again = shown;
        }
        for (again, shown) in capture.annotations.names.iter_mut().zip(shown.annotations.names) {
            *again = shown;
        }
        capture.annotations.section = shown.annotations.section;
    }

    /// Makes ready a capture that is due: one that waits is opened again, on its first frame. Whether it stands on one.
    fn wake(&mut self, place: usize) -> bool {
        let (Some(slot), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
            return false;
        };
        match slot {
            Slot::Done => false,
            Slot::Open(source) if self.crowded => {
                let Err(error) = source.take_up() else { return true };
                capture.spoil(Damage::failed(source.offset(), format!("reading failed: {}", words(&error))));
                self.open.remove(source);
                *slot = Slot::Done;
                false
            }
            Slot::Open(_) => true,
            Slot::Waiting(identity) => {
                let identity = *identity;
                *slot = Slot::Done;
                self.open_again(place, identity)
            }
        }
    }

    fn open_again(&mut self, place: usize, identity: Identity) -> bool {
        let Some(capture) = self.captures.get(place) else { return false };
        let (path, id, timeline) = (capture.file().to_owned(), capture.id, capture.timeline);
        let part = capture.annotations.thinned.as_ref().map_or(0, |thinned| thinned.part);
        match self.opened_again(&path, id, part, identity) {
            Ok((source, fresh)) => {
                let slot = self.keep(source);
                let (Some(old), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
                    return false;
                };
                *old = slot;
                let shown = std::mem::replace(capture, Capture { timeline, ..fresh });
                let stands = self.advance(place, &mut |_| false).is_some();
                self.keep_shown(place, shown);
                stands
            }
            Err(error) => {
                if let Some(capture) = self.captures.get_mut(place) {
                    capture.lose(format!("it could be opened once, but not again: {}", error.what));
                }
                false
            }
        }
    }

    fn opened_again(
        &mut self,
        path: &Path,
        id: CaptureId,
        part: u32,
        identity: Identity,
    ) -> Result<(FileSource, Capture), OpenError> {
        let mut input = Input::open_again(path, &identity)?;
        if !self.open.have_room_for(input.compression) {
            let window = (ALL_LEAN / self.slots.len().max(1)).clamp(MIN_LEAN, MAX_LEAN);
            input = input.lean(path, &mut self.spool, window)?;
        }
        let (mut source, capture) = FileSource::new(input, path, id, part)?;
        source.set_order(self.order);
        source.share(&self.waiting);
        Ok((source, capture))
    }
}

#[cfg(test)]
mod tests;
