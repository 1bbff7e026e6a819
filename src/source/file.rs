//! One capture file or standard input as a stream of frames.
//!
//! Frames of a single interface are handed out where they were read; those of several go through the reorder window.

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
    /// Opens a file and reads its header.
    pub(super) fn open(path: &Path, id: CaptureId) -> Result<(Self, Capture), OpenError> {
        Self::new(Input::open(path)?, path, id)
    }

    /// Reads the header of an opened input.
    pub(super) fn new(input: Input, path: &Path, id: CaptureId) -> Result<(Self, Capture), OpenError> {
        let mut window = Window::new(input.reader);
        // Four bytes name a capture; only what is none needs a longer look, for which a growing file may not have enough.
        window.fill(4);
        if !matches!(sniff(window.data()), Looks::Like(_)) {
            window.fill(SNIFF);
        }
        let looks = sniff(window.data());
        if let Some(what) = refusal(path, &looks) {
            return Err(refused(&window, path, what));
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
            Pcapng::open(&mut window, &mut capture).map(|pcapng| (Reader::Pcapng(pcapng), "pcapng"))
        };
        let (format, name) = opened.map_err(|what| refused(&window, path, what))?;
        capture.format = match input.compression {
            Some(compression) => format!("{name} + {compression}"),
            None => name.to_owned(),
        };
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
        };
        Ok((source, capture))
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
        self.go_on(capture, filter)
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
            *before = at;
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
            bytes: self.window.pass(total, bytes),
        };
        self.current = Current::InWindow;
        Some(at.time)
    }

    /// Moves to the next frame that passes the filter.
    #[inline]
    fn go_on(&mut self, capture: &mut Capture, filter: &mut Option<Filter>) -> Option<Timestamp> {
        if !matches!(self.current, Current::InWindow)
            && let Current::Held(held) = std::mem::replace(&mut self.current, Current::None)
        {
            self.reorder.recycle(held);
        }
        while !self.ended && !self.reorder.is_full() {
            if !self.read(capture, filter) {
                break;
            }
            if capture.interfaces.len() <= 1 {
                self.current = Current::InWindow;
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
            Reader::Pcapng(pcapng) => pcapng.remarks(self.window.passed(&self.record.options)),
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
        let what = format!("it was cut from {size} to {read} bytes while it was read");
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
fn refused(window: &Window, path: &Path, what: String) -> OpenError {
    OpenError::new(path, window.failure().map_or(what, |failure| failure.what.clone()))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::super::written::{
        Big, Little, block, fields, interface, option, packet, pcap_header, pcap_record, read, section, simple_packet,
    };
    use super::*;

    /// A small file of each format with everything in it.
    fn samples() -> [Vec<u8>; 2] {
        let pcap = [
            pcap_header(Little, 0xa1b2_c3d4, 1),
            pcap_record(Little, 10, 0, &[1; 60]),
            pcap_record(Little, 11, 5, &[2; 61]),
        ];
        let pcapng = [
            section(Little),
            interface(Little, 1, 0, &option(Little, 9, &[9])),
            packet(Little, 0, 10_000_000_000, &[1; 60]),
            interface(Little, 101, 40, &option(Little, 2, b"eth1")),
            packet(Little, 1, 9_000_000, &[2; 40]),
            simple_packet(Little, 20, &[3; 20]),
            block(Little, 5, &[0; 32]),
            block(Little, 0xbad, &[0; 8]),
            section(Big),
            interface(Big, 113, 0, &[]),
            packet(Big, 0, 12_000_000, &[4; 33]),
            block(Big, 2, &[0; 20]),
        ];
        [pcap.concat(), pcapng.concat()]
    }

    #[test]
    fn two_interfaces_are_put_in_time_order_with_their_numbers() {
        let file = [
            section(Little),
            interface(Little, 1, 0, &[]),
            interface(Little, 1, 0, &[]),
            packet(Little, 0, 20, b"a"),
            packet(Little, 0, 40, b"b"),
            packet(Little, 1, 10, b"c"),
            packet(Little, 1, 30, b"d"),
        ];
        let (frames, capture) = read(&file.concat()).unwrap();
        let seen: Vec<_> = frames.iter().map(|frame| (frame.0, frame.3.as_slice())).collect();
        assert_eq!(seen, [(3, &b"c"[..]), (1, b"a"), (4, b"d"), (2, b"b")]);
        assert_eq!((capture.first, capture.last), (Some(Timestamp(10_000)), Some(Timestamp(40_000))));
        assert!(capture.backwards.is_empty(), "each interface runs forwards");
    }

    #[test]
    fn a_clock_that_steps_back_is_told_with_its_frames() {
        let mut file = pcap_header(Little, 0xa1b2_c3d4, 1);
        for (seconds, micros) in [(10, 0), (9, 999_500), (9, 998_000), (20, 0)] {
            file.extend(pcap_record(Little, seconds, micros, b"x"));
        }
        let (frames, capture) = read(&file).unwrap();
        assert_eq!(frames.iter().map(|frame| frame.0).collect::<Vec<_>>(), [1, 2, 3, 4]);
        let steps: Vec<_> = capture.backwards.iter().map(|(a, b)| (a.number.0, b.number.0)).collect();
        assert_eq!(steps, [(2, 3)]);
        assert_eq!(capture.first, Some(Timestamp(9_998_000_000)));
    }

    #[test]
    fn compressed_files_say_so_and_a_cut_one_is_damaged() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(&samples()[0]).unwrap();
        let packed = encoder.finish().unwrap();
        let (frames, capture) = read(&packed).unwrap();
        assert_eq!((frames.len(), capture.format.as_str(), capture.damage), (2, "pcap + gzip", None));
        let (frames, capture) = read(&packed[..packed.len() - 8]).unwrap();
        assert_eq!(frames.len(), 2);
        let what = capture.damage.unwrap().what;
        assert!(what.starts_with("reading failed: "), "{what}");
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        assert!(read(b"").unwrap_err().to_string().starts_with("could not read test: it is empty (0 bytes)"));
        let error = read(b"snoop\0\0\0\0\0\0\x02").unwrap_err().to_string();
        assert_eq!(
            error,
            "could not read test: it is a snoop capture; convert it with `editcap -F pcapng test out.pcapng`"
        );
    }

    #[test]
    fn every_cut_of_a_file_gives_the_packets_before_it() {
        for (whole, boundaries) in samples().into_iter().zip([2, 11]) {
            let (all, _) = read(&whole).unwrap();
            let mut clean = 0;
            for len in 0..whole.len() {
                let Ok((frames, capture)) = read(&whole[..len]) else { continue };
                clean += usize::from(capture.damage.is_none());
                assert!(frames.len() <= all.len() && frames.iter().all(|frame| all.contains(frame)), "{len}");
            }
            assert_eq!(clean, boundaries, "only a cut between two packets or blocks cannot be seen");
        }
    }

    /// A file of each format whose packets can be plain to see: of one interface, some with options, one cut short.
    fn plain_samples() -> [Vec<u8>; 2] {
        let cut = fields(Little).u32(&[12, 7, 40, 90]).bytes(&[3; 40]).0;
        let pcap = [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, 10, 0, &[1; 60]), cut];
        let noted = [&packet(Little, 0, 11_000_000, &[2; 32])[8..60], &option(Little, 1, b"note")].concat();
        let pcapng = [
            section(Little),
            interface(Little, 1, 0, &[]),
            packet(Little, 0, 10_000_000, &[1; 61]),
            block(Little, 6, &noted),
        ];
        let rest = [(13, &[4; 70][..]), (14, &[]), (14, &[5; 3])];
        let pcap =
            pcap.concat().into_iter().chain(rest.iter().flat_map(|(at, bytes)| pcap_record(Little, *at, 0, bytes)));
        let later = rest.iter().flat_map(|(at, bytes)| packet(Little, 0, u64::from(*at) * 1_000_000, bytes));
        [pcap.collect(), pcapng.concat().into_iter().chain(later).collect()]
    }

    /// Reads a file packet by packet, and holds what is plain to see of each to what the general way reads; how many
    /// packets there are, and how many of them are plain to see.
    fn compared(file: &[u8]) -> (usize, usize) {
        let reader = Box::new(std::io::Cursor::new(file.to_vec()));
        let input = Input::from_reader(Path::new("test"), reader, None).unwrap();
        let Ok((mut source, mut capture)) = FileSource::new(input, Path::new("test"), CaptureId(0)) else {
            return (0, 0);
        };
        let (mut all, mut plain) = (0, 0);
        loop {
            let FileSource { window, format, record, .. } = &mut source;
            window.fill(1 << 16);
            let (number, offset) = (format.number(), window.offset());
            let seen =
                format.plain(window.data()).map(|seen| (seen.time, seen.wire_len, seen.bytes.to_vec(), seen.total));
            let read = match format {
                Reader::Pcap(pcap) => pcap.next(window, record),
                Reader::Pcapng(pcapng) => pcapng.next(window, &mut capture, record),
            };
            let is_read = matches!(read, Ok(true));
            if let Some((time, wire_len, bytes, total)) = seen {
                assert!(is_read, "{read:?}");
                let packet = (record.time, record.wire_len, window.passed(&record.bytes).to_vec());
                assert_eq!((time, wire_len, bytes), packet);
                assert_eq!((record.number.0, window.offset()), (number + 1, offset + total as u64));
                assert!(record.timed && record.interface.0 == 0);
                plain += 1;
            }
            if !is_read {
                return (all, plain);
            }
            all += 1;
        }
    }

    #[test]
    fn packets_of_one_interface_are_plain_to_see() {
        assert_eq!(
            plain_samples().map(|file| compared(&file)),
            [(5, 5), (5, 4)],
            "before one an interface is described"
        );
        let [pcap, pcapng] = samples().map(|file| compared(&file));
        assert_eq!(pcap, (2, 2));
        assert!(pcapng.1 < pcapng.0, "those of several interfaces are not: {pcapng:?}");
    }

    proptest! {
        /// Whatever is changed and cut, what is plain to see is what the general way reads.
        #[test]
        fn what_is_plain_to_see_is_what_the_general_way_reads(
            (which, plain) in (0..2_usize, any::<bool>()),
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = if plain { plain_samples() } else { samples() }[which].clone();
            for (at, value) in edits {
                let at = at.index(file.len());
                file[at] = value;
            }
            file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
            compared(&file);
        }

        #[test]
        fn no_bytes_make_the_reader_panic_or_run_forever(
            which in 0..2_usize,
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..12),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut file = samples()[which].clone();
            for (at, value) in edits {
                let at = at.index(file.len());
                file[at] = value;
            }
            file.truncate(cut.index(file.len() + 1).max(file.len() / 2));
            if let Ok((frames, capture)) = read(&file) {
                // No packet without its sixteen bytes of header.
                prop_assert!(frames.len() <= file.len() / 16);
                prop_assert!(capture.packets >= frames.len() as u64);
            }
        }
    }
}
