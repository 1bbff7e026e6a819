//! Merges one or several captures by time into one stream of frames.
//!
//! Each frame keeps the number it has in its own file. Of a rotated set only the files that are due are open.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::file::FileSource;
use super::filter::Filter;
use super::input::Input;
use super::{Capture, Damage};
use crate::frame::{CaptureId, Frame, Timestamp};

/// The captures of one timeline.
pub struct Timeline {
    captures: Vec<Capture>,
    /// The source of each capture.
    slots: Vec<Slot>,
    /// The capture whose frame was given last.
    current: Option<usize>,
    /// All others that have frames left: the time of the next one and the place of the capture.
    due: BinaryHeap<Reverse<(Timestamp, usize)>>,
    filter: Option<Filter>,
    /// Bytes read of the files that are closed for good.
    finished: u64,
    total: Option<u64>,
}

/// A capture's place in the timeline.
enum Slot {
    /// Looked at and closed again: it stands on no frame until it is due.
    Waiting,
    /// Open, standing on its next frame.
    Open(Box<FileSource>),
    /// Read to its end.
    Done,
}

impl Timeline {
    /// Opens files (`-` is standard input), whose captures are numbered from `first_id` on. Those that cannot be
    /// opened are reported one by one and left out. `filter` is a capture filter (see [`super::check_filter`]).
    pub fn open(files: &[PathBuf], first_id: CaptureId, filter: Option<&str>) -> (Self, Vec<OpenError>) {
        let mut timeline = Self::empty(filter);
        let mut errors = Vec::new();
        for path in files {
            let id = timeline.next_id(first_id);
            let added = FileSource::open(path, id).and_then(|(source, capture)| {
                let reopenable = files.len() > 1 && source.progress().1.is_some();
                timeline.add(source, capture, reopenable)
            });
            errors.extend(added.err());
        }
        (timeline, errors)
    }

    /// A timeline of a single byte stream; `name` is what the capture is called.
    pub fn from_reader(name: &Path, reader: Box<dyn Read + Send>, id: CaptureId) -> Result<Self, OpenError> {
        let mut timeline = Self::empty(None);
        let (source, capture) = FileSource::new(Input::from_reader(name, reader, None)?, name, id)?;
        timeline.add(source, capture, false)?;
        Ok(timeline)
    }

    fn empty(filter: Option<&str>) -> Self {
        Self {
            captures: Vec::new(),
            slots: Vec::new(),
            current: None,
            due: BinaryHeap::new(),
            filter: filter.map(Filter::new),
            finished: 0,
            total: Some(0),
        }
    }

    fn next_id(&self, first_id: CaptureId) -> CaptureId {
        CaptureId(first_id.0.saturating_add(u32::try_from(self.captures.len()).unwrap_or(u32::MAX)))
    }

    /// Moves a source to its first frame and puts it in its place.
    fn add(&mut self, mut source: FileSource, mut capture: Capture, reopenable: bool) -> Result<(), OpenError> {
        if let Some(filter) = &mut self.filter {
            for interface in &capture.interfaces {
                let prepared = filter.prepare(interface.link_type);
                prepared.map_err(|error| OpenError::new(&capture.path, error.to_string()))?;
            }
        }
        let first = source.advance(&mut capture, &mut self.filter);
        let (read, size) = source.progress();
        self.total = self.total.zip(size).map(|(total, size)| total.saturating_add(size));
        let place = self.captures.len();
        let slot = match first {
            None => {
                self.finished += read;
                Slot::Done
            }
            Some(_) if reopenable => Slot::Waiting,
            Some(_) => Slot::Open(Box::new(source)),
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

    /// Bytes read of the raw files, and their size where all of them have one.
    pub fn progress(&self) -> (u64, Option<u64>) {
        let open = self.slots.iter().map(|slot| match slot {
            Slot::Open(source) => source.progress().0,
            Slot::Waiting | Slot::Done => 0,
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
        if let Some(place) = self.current.take() {
            if let Some(time) = self.advance(place) {
                match self.due.peek() {
                    Some(Reverse(earliest)) if *earliest < (time, place) => self.due.push(Reverse((time, place))),
                    _ => self.current = Some(place),
                }
            }
        }
        while self.current.is_none() {
            let Some(Reverse((_, place))) = self.due.pop() else { return false };
            if self.wake(place) {
                self.current = Some(place);
            }
        }
        true
    }

    /// The frame that the last step went to.
    pub fn frame(&self) -> Option<Frame<'_>> {
        let place = self.current?;
        let id = self.captures.get(place)?.id;
        match self.slots.get(place)? {
            Slot::Open(source) => source.frame(id),
            Slot::Waiting | Slot::Done => None,
        }
    }

    /// The time of the capture's next frame; without one, the capture is closed.
    fn advance(&mut self, place: usize) -> Option<Timestamp> {
        let (Some(slot), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
            return None;
        };
        let Slot::Open(source) = slot else { return None };
        let time = source.advance(capture, &mut self.filter);
        if time.is_none() {
            self.finished = self.finished.saturating_add(source.progress().0);
            *slot = Slot::Done;
        }
        time
    }

    /// Opens a waiting capture again, on its first frame; whether the capture stands on a frame.
    fn wake(&mut self, place: usize) -> bool {
        let (Some(slot), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
            return false;
        };
        if matches!(slot, Slot::Waiting) {
            *slot = Slot::Done;
            match FileSource::open(&capture.path, capture.id) {
                Ok((source, fresh)) => {
                    *capture = fresh;
                    *slot = Slot::Open(Box::new(source));
                    return self.advance(place).is_some();
                }
                Err(error) => {
                    capture.damage =
                        Some(Damage { offset: 0, what: format!("it changed while it waited: {}", error.what) });
                }
            }
        }
        matches!(self.slots.get(place), Some(Slot::Open(_)))
    }
}
