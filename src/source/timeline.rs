//! Merges one or several captures by time into one stream of frames.
//!
//! Each frame keeps the number it has in its own file. Of a rotated set only the files that are due are open, and of
//! those so many; beyond that, files are read without being kept open (see [`super::lean`]).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::error::{OpenError, words};
use super::file::FileSource;
use super::filter::{Filter, FilterError};
use super::frames::Codec;
use super::identity::Identity;
use super::input::Input;
use super::sieve::{Everything, Sieve};
use super::spool::Spool;
use super::{Capture, Damage, Remarks};
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
    open: OpenFiles,
    /// Whether there are more that are read without being kept open.
    crowded: bool,
    /// Bytes of frames that wait to be put into the order of time.
    waiting: Arc<AtomicUsize>,
    /// What is unpacked of compressed files beyond those that are open.
    spool: Option<Spool>,
}

/// Later than any frame.
const ALWAYS: Timestamp = Timestamp(i64::MAX);

/// Files that are kept open at once: more than usually overlap, less than systems allow a process (often 256 at least).
const MAX_OPEN: usize = 64;

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
    /// opened are reported one by one and left out. `filter` is a capture filter (see [`super::check_filter`]).
    pub fn open(files: &[PathBuf], first_id: CaptureId, filter: Option<&str>) -> (Self, Vec<OpenError>) {
        let mut timeline = Self::empty(filter);
        let mut errors = Vec::new();
        for path in files {
            let id = timeline.next_id(first_id);
            let added = FileSource::open(path, id).and_then(|(source, capture)| {
                let again = source.identity().filter(|_| files.len() > 1);
                timeline.add(source, capture, again)
            });
            errors.extend(added.err());
        }
        (timeline, errors)
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
        let (source, capture) = FileSource::new(Input::from_reader(name, reader, None)?, name, id)?;
        timeline.add(source, capture, None)?;
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
            open: OpenFiles::default(),
            crowded: false,
            waiting: Arc::default(),
            spool: None,
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
        let first = source.advance(&mut capture, &mut self.filter, ALWAYS, &mut Everything);
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
            capture.unread = !matches!(slot, Slot::Done);
        }
    }

    /// Why frames were left out that the filter could not be applied to: once for each link type.
    pub fn filter_refusals(&self) -> &[FilterError] {
        self.filter.as_ref().map_or(&[], Filter::refusals)
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
        self.step_over(&mut Everything)
    }

    /// Goes to the next frame that is not dismissed; whether there is one.
    #[inline]
    pub fn step_over(&mut self, sieve: &mut impl Sieve) -> bool {
        if let Some(place) = self.current.take()
            && let Some(time) = self.advance(place, sieve)
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
        true
    }

    /// The frame that the last step went to.
    #[inline]
    pub fn frame(&self) -> Option<Frame<'_>> {
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

    /// The time of the capture's next frame that is not dismissed; without one, the capture is closed.
    #[inline]
    fn advance(&mut self, place: usize, sieve: &mut impl Sieve) -> Option<Timestamp> {
        let (Some(slot), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
            return None;
        };
        let Slot::Open(source) = slot else { return None };
        // What another capture has before it comes first.
        let limit = match self.due.peek() {
            Some(Reverse((time, other))) => Timestamp(time.0.saturating_add(i64::from(place < *other))),
            None => ALWAYS,
        };
        let time = source.advance(capture, &mut self.filter, limit, sieve);
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
        let (path, id, timeline) = (capture.path.clone(), capture.id, capture.timeline);
        match self.opened_again(&path, id, identity) {
            Ok((source, fresh)) => {
                let slot = self.keep(source);
                let (Some(old), Some(capture)) = (self.slots.get_mut(place), self.captures.get_mut(place)) else {
                    return false;
                };
                *old = slot;
                let shown = std::mem::replace(capture, Capture { timeline, ..fresh });
                let stands = self.advance(place, &mut Everything).is_some();
                self.keep_shown(place, shown);
                stands
            }
            Err(error) => {
                if let Some(capture) = self.captures.get_mut(place) {
                    capture.lose(format!("it could be opened at first, but not again: {}", error.what));
                }
                false
            }
        }
    }

    fn opened_again(
        &mut self,
        path: &Path,
        id: CaptureId,
        identity: Identity,
    ) -> Result<(FileSource, Capture), OpenError> {
        let mut input = Input::open_again(path, &identity)?;
        if !self.open.have_room_for(input.compression) {
            let window = (ALL_LEAN / self.slots.len().max(1)).clamp(MIN_LEAN, MAX_LEAN);
            input = input.lean(path, &mut self.spool, window)?;
        }
        let (mut source, capture) = FileSource::new(input, path, id)?;
        source.share(&self.waiting);
        Ok((source, capture))
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::{Little, pcap_header, pcap_record};
    use super::*;
    use crate::frame::Stamp;

    /// A file of packets with these seconds; the packet's byte is the second.
    fn file(folder: &tempfile::TempDir, name: &str, seconds: &[u8]) -> PathBuf {
        let mut bytes = pcap_header(Little, 0xa1b2_c3d4, 1);
        for second in seconds {
            bytes.extend(pcap_record(Little, u32::from(*second), 0, &[*second; 20]));
        }
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    fn order(timeline: &mut Timeline) -> Vec<(u32, u64, u8)> {
        let mut seen = Vec::new();
        while let Some(frame) = timeline.next() {
            seen.push((frame.at.capture.0, frame.at.number.0, frame.bytes[0]));
        }
        seen
    }

    #[test]
    fn files_are_merged_by_time_and_keep_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "b", &[3, 5, 9]), file(&folder, "a", &[1, 5, 6]), file(&folder, "c", &[])];
        let (mut timeline, errors) = Timeline::open(&files, CaptureId(4), None);
        assert_eq!(errors, []);
        assert_eq!(order(&mut timeline), [(5, 1, 1), (4, 1, 3), (4, 2, 5), (5, 2, 5), (5, 3, 6), (4, 3, 9)]);
        assert!(timeline.next().is_none(), "the end stays the end");
        let captures = timeline.captures();
        assert_eq!(captures.iter().map(|capture| capture.packets).collect::<Vec<_>>(), [3, 3, 0]);
        let (read, total) = timeline.progress();
        assert_eq!(Some(read), total);
    }

    /// Dismisses all it is asked of, at one look or the other, and notes the order.
    struct Dismissing {
        at_first_sight: bool,
        seen: Vec<Stamp>,
        past: Vec<Stamp>,
    }

    impl Sieve for Dismissing {
        fn lets_pass(&mut self, frame: &Frame<'_>) -> bool {
            self.seen.extend(self.at_first_sight.then_some(frame.at));
            self.at_first_sight
        }

        fn dismisses(&mut self, frame: &Frame<'_>) -> bool {
            assert!(!self.at_first_sight, "it has passed");
            self.seen.push(frame.at);
            true
        }

        fn is_past(&mut self, last: Stamp) {
            self.past.push(last);
        }
    }

    #[test]
    fn what_is_dismissed_comes_in_the_order_of_time_too() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "b", &[1, 2, 5, 5, 6, 9]), file(&folder, "a", &[1, 3, 5, 5, 7, 8])];
        for at_first_sight in [true, false] {
            let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
            let mut sieve = Dismissing { at_first_sight, seen: Vec::new(), past: Vec::new() };
            let (mut dismissed, mut handed_out) = (0, 0);
            while timeline.step_over(&mut sieve) {
                dismissed = sieve.seen.len() - handed_out;
                handed_out += 1;
                assert!(sieve.past.last() <= sieve.seen.last(), "past what was not dismissed");
                sieve.seen.extend(timeline.frame().map(|frame| frame.at));
            }
            let order: Vec<_> = sieve.seen.iter().map(|at| (at.time, at.capture.0, at.number.0)).collect();
            assert!(order.is_sorted(), "{order:?}");
            assert_eq!(order.len(), 12, "each once");
            assert!(dismissed > 0 && !sieve.past.is_empty(), "some were dismissed, and it was told");
            assert_eq!(timeline.captures().iter().map(|capture| capture.packets).collect::<Vec<_>>(), [6, 6]);
        }
    }

    #[test]
    fn only_files_that_are_due_are_open() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "1", &[1, 2]), file(&folder, "2", &[3, 4]), file(&folder, "3", &[5])];
        let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
        let open = |timeline: &Timeline| timeline.slots.iter().filter(|slot| matches!(slot, Slot::Open(_))).count();
        assert_eq!(open(&timeline), 0);
        while timeline.next().is_some() {
            assert_eq!(open(&timeline), 1);
        }
        assert_eq!(open(&timeline), 0);
    }

    #[test]
    fn what_is_broken_off_is_incomplete() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "1", &[1]), file(&folder, "2", &[2, 3]), file(&folder, "3", &[4])];
        let (mut timeline, _) = Timeline::open(&files, CaptureId(7), None);
        let complete = |timeline: &Timeline| timeline.captures().iter().map(Capture::is_complete).collect::<Vec<_>>();
        assert!(timeline.step() && timeline.step());
        timeline.break_off();
        assert_eq!(complete(&timeline), [true, false, false]);
        while timeline.step() {}
        timeline.break_off();
        assert_eq!(complete(&timeline), [true; 3]);
        assert!(timeline.captures().iter().all(|capture| capture.timeline == CaptureId(7)));
    }

    #[test]
    fn files_that_cannot_be_opened_are_reported_and_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, b"").unwrap();
        let files = [folder.path().join("missing"), file(&folder, "good", &[1]), empty];
        let (mut timeline, errors) = Timeline::open(&files, CaptureId(0), None);
        let errors: Vec<&str> = errors.iter().map(|error| error.what.split(':').next().unwrap()).collect();
        assert_eq!(errors, ["there is no such file", "it is empty (0 bytes)"]);
        assert_eq!(order(&mut timeline), [(0, 1, 1)]);
    }

    #[test]
    fn a_file_that_vanishes_while_it_waits_is_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let files = [file(&folder, "1", &[1]), file(&folder, "2", &[2])];
        let (mut timeline, _) = Timeline::open(&files, CaptureId(0), None);
        std::fs::remove_file(&files[1]).unwrap();
        assert_eq!(order(&mut timeline), [(0, 1, 1)]);
        let damage = timeline.captures()[1].damage.clone().unwrap();
        assert_eq!(damage.what, "it could be opened at first, but not again: there is no such file");
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_filter_leaves_frames_out_but_counts_them() {
        let folder = tempfile::tempdir().unwrap();
        let (mut timeline, errors) =
            Timeline::open(&[file(&folder, "1", &[1, 2, 3])], CaptureId(0), Some("ether[0] = 2"));
        assert_eq!(errors, []);
        assert_eq!(order(&mut timeline), [(0, 2, 2)]);
        assert_eq!(timeline.captures()[0].packets, 3);
    }

    #[cfg(feature = "live")]
    #[test]
    fn a_filter_that_one_link_type_of_a_file_does_not_know_leaves_its_frames_out() {
        use super::super::written::{interface, packet, section};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("two.pcapng");
        let mut ether = [0; 40];
        (ether[12], ether[14], ether[23]) = (8, 0x45, 6);
        let blocks = [
            section(Little),
            interface(Little, 1, 0, &[]),
            interface(Little, 101, 0, &[]),
            packet(Little, 1, 1, &[0x45; 40]),
            packet(Little, 0, 2, &ether),
        ];
        std::fs::write(&path, blocks.concat()).unwrap();
        for (filter, refusals) in [("ip or vlan", 1), ("arp or tcp", 0)] {
            let (mut timeline, errors) = Timeline::open(std::slice::from_ref(&path), CaptureId(0), Some(filter));
            assert_eq!(errors, []);
            assert_eq!(order(&mut timeline).last().map(|(_, number, _)| *number), Some(2), "{filter}");
            assert_eq!(timeline.filter_refusals().len(), refusals, "{filter}");
            assert!(timeline.captures()[0].is_complete(), "the file is not damaged");
        }
    }

    #[test]
    fn a_filter_that_does_not_compile_is_an_error_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let (timeline, errors) = Timeline::open(&[file(&folder, "1", &[1])], CaptureId(0), Some("tcp.port == 21"));
        assert!(timeline.captures().is_empty());
        assert!(errors[0].what.starts_with("the filter `tcp.port == 21` cannot be used: "), "{}", errors[0].what);
    }
}
