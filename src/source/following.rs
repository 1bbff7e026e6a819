//! Reads a capture that is still being written, a pipe or a growing file, in a thread of its own, so that whoever
//! waits for frames notices when none come.
//!
//! A file that is moved away and written anew under its name is read to its end, and then the new one, as a further
//! capture of the same point. What has its name then and is no capture is told at once: it will not become one.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::error::{OpenError, shown};
use super::input::is_packed;
use super::sniff::{Looks, sniff};
use super::timeline::Timeline;
use super::{Capture, Interface, pipe};
use crate::frame::{CaptureId, Frame, InterfaceId, LinkType, Stamp, Timestamp};

/// Frames between the thread and its reader; behind that the pipe fills and its writer waits.
const FRAMES: usize = 4_096;
/// How long a file that has not grown is left alone.
const PAUSE: Duration = Duration::from_millis(100);
/// How long a file may be gone, or have less than a capture begins with, before that is told.
const PATIENCE: Duration = Duration::from_secs(2);
/// Bytes by which a capture is known. The first record is among them: no other capture begins with the same.
const HEAD: usize = 64;
/// Bytes that name a format.
const MAGIC: usize = 4;
/// How long the reader waits for a frame before it is told that none came.
const WAIT: Duration = Duration::from_millis(50);
/// Time without a frame counts up to this, longer than a judgement waits: a pipe that stalls longer tells
/// nothing of the network.
const QUIET: Duration = Duration::from_secs(12);

/// What comes of a capture that is still being written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Came {
    /// A frame, to be had from [`Following::frame`].
    Frame,
    /// None; by the clock of the packets it is at least this late.
    Nothing(Timestamp),
    /// None for a while, and none before.
    NothingYet,
    /// The end.
    End,
}

enum Word {
    Frame(Owned),
    Captures(Vec<Capture>),
    Failed(OpenError),
    Notice(String),
}

struct Owned {
    at: Stamp,
    interface: InterfaceId,
    link_type: LinkType,
    wire_len: u32,
    bytes: Box<[u8]>,
}

/// The frames of one capture, and of those that take its place.
pub struct Following {
    words: Receiver<Word>,
    captures: Vec<Capture>,
    current: Option<Owned>,
    /// The time of the last frame, and when it came.
    heard: Option<(Timestamp, Instant)>,
    failures: Vec<OpenError>,
    notices: Vec<String>,
}

impl Following {
    /// Starts to read `path` (`-` is standard input). A file is read on behind its end until `stop` is set.
    pub fn start(path: &Path, id: CaptureId, filter: Option<&str>, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let (send, words) = sync_channel(FRAMES);
        let (path, filter, stop) = (path.to_owned(), filter.map(str::to_owned), Arc::clone(stop));
        thread::Builder::new().name("capture".to_owned()).spawn(move || {
            // When nobody listens any more there is nothing left to do.
            let _ = read(&path, id, filter.as_deref(), &stop, &send);
        })?;
        Ok(Self { words, captures: Vec::new(), current: None, heard: None, failures: Vec::new(), notices: Vec::new() })
    }

    /// What comes next; waits a moment for it.
    pub fn wait(&mut self) -> Came {
        self.current = None;
        loop {
            match self.words.recv_timeout(WAIT) {
                Ok(Word::Frame(frame)) => {
                    self.heard = Some((frame.at.time, Instant::now()));
                    self.current = Some(frame);
                    return Came::Frame;
                }
                Ok(Word::Captures(captures)) => self.captures = captures,
                Ok(Word::Failed(error)) => self.failures.push(error),
                Ok(Word::Notice(notice)) => self.notices.push(notice),
                Err(RecvTimeoutError::Disconnected) => return Came::End,
                Err(RecvTimeoutError::Timeout) => {
                    return self.heard.map_or(Came::NothingYet, |(time, since)| {
                        Came::Nothing(time.plus_seconds(since.elapsed().min(QUIET).as_secs_f64()))
                    });
                }
            }
        }
    }

    /// The frame that has come.
    pub fn frame(&self) -> Option<Frame<'_>> {
        self.current.as_ref().map(|Owned { at, interface, link_type, wire_len, bytes }| Frame {
            at: *at,
            interface: *interface,
            link_type: *link_type,
            bytes,
            wire_len: *wire_len,
        })
    }

    /// The captures as far as they are known: complete at their end, their interfaces before their first frame.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// What happened to the file since this was last asked, sentences with its name.
    pub fn take_notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    /// What of it could not be read, and why.
    pub fn failures(&self) -> &[OpenError] {
        &self.failures
    }
}

/// Nobody listens any more.
struct Over;

fn read(
    path: &Path,
    id: CaptureId,
    filter: Option<&str>,
    stop: &Arc<AtomicBool>,
    send: &SyncSender<Word>,
) -> Result<(), Over> {
    let mut teller = Teller { send, stop: Arc::clone(stop), over: Vec::new(), latest: None };
    if path == Path::new("-") {
        return teller.tell_pipe(path, id, filter, || Ok(io::stdin()));
    }
    if path.metadata().is_ok_and(|metadata| !metadata.is_file() && !metadata.is_dir()) {
        let (own, stop) = (path.to_owned(), Arc::clone(stop));
        let open = move || {
            Followed::open(&own, &stop).map(|file| Growing { file: Arc::new(file), send: None, is_finite: false })
        };
        return teller.tell_pipe(path, id, filter, open);
    }
    loop {
        let id = CaptureId(id.0.saturating_add(u32::try_from(teller.over.len()).unwrap_or(u32::MAX)));
        let followed = match Followed::open(path, stop) {
            Ok(file) => Arc::new(file),
            Err(error) => return teller.tell(Word::Failed(OpenError::io(path, &error))),
        };
        let (file, send) = (Arc::clone(&followed), Some(send.clone()));
        // What is no capture is read as it is: that gives the reason.
        let growing = Growing { file, send, is_finite: !followed.begins_as_capture() };
        teller.tell_all(Timeline::filtered(path, Box::new(growing), id, filter))?;
        if stop.load(Ordering::Relaxed) || !followed.is_replaced() {
            return Ok(());
        }
    }
}

/// Tells the reader of one capture after the other.
struct Teller<'a> {
    send: &'a SyncSender<Word>,
    stop: Arc<AtomicBool>,
    /// The captures that have been read to their end.
    over: Vec<Capture>,
    /// The last frame of all of them.
    latest: Option<Stamp>,
}

impl Teller<'_> {
    fn tell(&self, word: Word) -> Result<(), Over> {
        self.send.send(word).map_err(|_| Over)
    }

    fn tell_captures(&self, current: &[Capture]) -> Result<(), Over> {
        self.tell(Word::Captures(self.over.iter().chain(current).cloned().collect()))
    }

    /// Tells all of a capture whose reader may have to wait without end.
    fn tell_pipe<R: Read>(
        &mut self,
        path: &Path,
        id: CaptureId,
        filter: Option<&str>,
        open: impl FnOnce() -> io::Result<R> + Send + 'static,
    ) -> Result<(), Over> {
        let pipe = pipe::until(&self.stop, open).map_err(|error| OpenError::io(path, &error));
        self.tell_all(pipe.and_then(|pipe| Timeline::filtered(path, pipe, id, filter)))
    }

    /// Tells all of a capture.
    fn tell_all(&mut self, opened: Result<Timeline, OpenError>) -> Result<(), Over> {
        let mut timeline = match opened {
            Ok(timeline) => timeline,
            // Told to stop before there was enough to tell what it is.
            Err(_) if self.stop.load(Ordering::Relaxed) => return Ok(()),
            Err(error) => return self.tell(Word::Failed(error)),
        };
        let mut known: Vec<Interface> = Vec::new();
        while timeline.step() {
            let interfaces = timeline.captures().iter().flat_map(|capture| &capture.interfaces);
            if !interfaces.clone().eq(&known) {
                known = interfaces.cloned().collect();
                self.tell_captures(timeline.captures())?;
            }
            let Some(frame) = timeline.frame() else { break };
            let at = self.latest.map_or(frame.at, |latest| frame.at.behind(latest));
            self.latest = Some(at);
            self.tell(Word::Frame(Owned {
                at,
                interface: frame.interface,
                link_type: frame.link_type,
                wire_len: frame.wire_len,
                bytes: frame.bytes.into(),
            }))?;
        }
        if self.stop.load(Ordering::Relaxed) {
            // Told to stop, it stops anywhere: that is no damage.
            for capture in timeline.captures_mut() {
                (capture.damage, capture.unread) = (None, true);
            }
        }
        for error in timeline.unreadable() {
            self.tell(Word::Failed(error))?;
        }
        self.tell_captures(timeline.captures())?;
        self.over.extend_from_slice(timeline.captures());
        Ok(())
    }
}

/// What has become of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// Nothing.
    Itself,
    /// Another file has its name. What was written before that comes first.
    Moved,
    /// Another one's bytes have taken the place of its own.
    Overwritten,
}

/// A file that is being written.
struct Followed {
    path: PathBuf,
    file: File,
    /// What it begins with, as it was read.
    head: Mutex<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Followed {
    fn open(path: &Path, stop: &Arc<AtomicBool>) -> io::Result<Self> {
        let file = File::open(path)?;
        Ok(Self { path: path.to_owned(), file, head: Mutex::default(), stop: Arc::clone(stop) })
    }

    /// Waits for the bytes that name a format; whether they do.
    fn begins_as_capture(&self) -> bool {
        let mut since = Instant::now();
        while cfg!(unix) {
            let is_over = self.stop.load(Ordering::Relaxed) || self.is_replaced();
            let head = self.peek(MAGIC);
            if head.is_empty() {
                since = Instant::now();
            }
            if head.len() >= MAGIC || is_over || since.elapsed() >= PATIENCE {
                return is_packed(&head) || matches!(sniff(&head), Looks::Like(_));
            }
            thread::sleep(PAUSE);
        }
        true
    }

    fn is_replaced(&self) -> bool {
        self.fate() != Fate::Itself
    }

    fn fate(&self) -> Fate {
        let Ok(position) = (&self.file).stream_position() else { return Fate::Itself };
        let Ok(own) = self.file.metadata() else { return Fate::Itself };
        let head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        if position > own.len() || self.peek(head.len()) != *head {
            return Fate::Overwritten;
        }
        let is_moved = self.path.metadata().is_ok_and(|named| is_another(&named, &own));
        if is_moved { Fate::Moved } else { Fate::Itself }
    }

    /// The first bytes, as many as there are.
    fn peek(&self, len: usize) -> Vec<u8> {
        let mut head = vec![0; len];
        let mut read = 0;
        while let Some(free) = head.get_mut(read..).filter(|free| !free.is_empty()) {
            match read_at(&self.file, free, read as u64) {
                Ok(more) if more > 0 => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                _ => break,
            }
        }
        head.truncate(read);
        head
    }
}

/// Its end is not its end, unless another one has taken its place.
struct Growing {
    file: Arc<Followed>,
    /// Who is told that it is gone. Not of a pipe: whoever waits to open it would keep the listener waiting.
    send: Option<SyncSender<Word>>,
    /// It is not waited for more than there is.
    is_finite: bool,
}

impl Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let mut gone: Option<Instant> = None;
        let mut is_told = false;
        loop {
            let fate = self.file.fate();
            let is_over = self.is_finite || self.file.stop.load(Ordering::Relaxed) || fate != Fate::Itself;
            let read = if fate == Fate::Overwritten { 0 } else { (&self.file.file).read(buf)? };
            if read > 0 || buf.is_empty() || is_over {
                let mut head = self.file.head.lock().unwrap_or_else(PoisonError::into_inner);
                let missing = HEAD.saturating_sub(head.len()).min(read);
                head.extend_from_slice(buf.get(..missing).unwrap_or_default());
                return Ok(read);
            }
            gone = if self.file.path.exists() { None } else { gone.or_else(|| Some(Instant::now())) };
            if !is_told && gone.is_some_and(|since| since.elapsed() >= PATIENCE) {
                is_told = true;
                let notice = format!("{} was removed; reading continues when it is back", shown(&self.file.path));
                // When nobody listens any more there is nobody to be told.
                let _ = self.send.as_ref().map(|send| send.send(Word::Notice(notice)));
            }
            thread::sleep(PAUSE);
        }
    }
}

#[cfg(unix)]
fn is_another(one: &Metadata, other: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    (one.dev(), one.ino()) != (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_another(_: &Metadata, _: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn read_at(file: &File, buf: &mut [u8], offset: u64) -> io::Result<usize> {
    use std::os::unix::fs::FileExt;
    file.read_at(buf, offset)
}

/// Elsewhere a file is taken for what it is at first.
#[cfg(not(unix))]
fn read_at(_: &File, _: &mut [u8], _: u64) -> io::Result<usize> {
    Ok(0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::written::{Little, pcap_header, pcap_record};
    use super::*;

    #[test]
    fn a_growing_file_gives_frames_as_they_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        let mut file = File::create(&path).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(3), None, &stop).unwrap();
        assert_eq!(following.wait(), Came::NothingYet);
        file.write_all(&pcap_header(Little, 0xa1b2_c3d4, 1)).unwrap();
        let record = pcap_record(Little, 7, 0, &[1; 60]);
        for half in [&record[..30], &record[30..]] {
            file.write_all(half).unwrap();
        }
        let came = std::iter::repeat_with(|| following.wait()).find(|came| *came != Came::NothingYet).unwrap();
        assert_eq!(came, Came::Frame);
        assert_eq!(following.frame().unwrap().at.time, Timestamp(7_000_000_000));
        assert_eq!(following.captures()[0].interfaces.len(), 1, "known before the frame");
        assert!(matches!(following.wait(), Came::Nothing(time) if time > Timestamp(7_000_000_000)));
        stop.store(true, Ordering::Relaxed);
        while following.wait() != Came::End {}
        assert_eq!(following.captures()[0].packets, 1);
    }

    #[test]
    fn a_file_that_is_moved_away_goes_on_under_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        let one = |second| [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, second, 0, &[1; 60])].concat();
        std::fs::write(&path, one(7)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(3), None, &stop).unwrap();
        let next = |following: &mut Following| {
            while following.wait() != Came::Frame {}
            let at = following.frame().unwrap().at;
            (at.capture.0, at.number.0, at.time.0 / 1_000_000_000)
        };
        assert_eq!(next(&mut following), (3, 1, 7));
        std::fs::rename(&path, folder.path().join("old.pcap")).unwrap();
        std::fs::write(&path, one(8)).unwrap();
        assert_eq!(next(&mut following), (4, 1, 8));
        // Cut short and written anew in place.
        std::fs::write(&path, pcap_header(Little, 0xa1b2_c3d4, 1)).unwrap();
        thread::sleep(3 * PAUSE);
        File::options().append(true).open(&path).unwrap().write_all(&pcap_record(Little, 9, 0, &[1; 60])).unwrap();
        assert_eq!(next(&mut following), (5, 1, 9));
        stop.store(true, Ordering::Relaxed);
        while following.wait() != Came::End {}
        assert_eq!(following.captures().iter().map(|capture| capture.packets).collect::<Vec<_>>(), [1, 1, 1]);
    }

    #[test]
    fn the_next_file_comes_behind_the_one_before_whatever_its_clock_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        let one = |second| [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, second, 0, &[1; 60])].concat();
        std::fs::write(&path, one(7)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(0), None, &stop).unwrap();
        let next = |following: &mut Following| {
            while following.wait() != Came::Frame {}
            following.frame().unwrap().at
        };
        let before = next(&mut following);
        std::fs::rename(&path, folder.path().join("old.pcap")).unwrap();
        std::fs::write(&path, one(2)).unwrap();
        let behind = next(&mut following);
        assert!(before < behind && before.time > behind.time, "{before:?} {behind:?}");
        stop.store(true, Ordering::Relaxed);
        while following.wait() != Came::End {}
    }

    #[test]
    fn what_is_no_capture_is_a_failure() {
        let stop = Arc::new(AtomicBool::new(true));
        let mut following = Following::start(Path::new("/no/such/file"), CaptureId(0), None, &stop).unwrap();
        while following.wait() != Came::End {}
        assert_eq!(following.failures()[0].what, "there is no such file");
    }

    /// What the file at `path` gives, once `change` has been made to it, until the end.
    fn failure_after(change: impl FnOnce(&Path)) -> (usize, Option<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        std::fs::write(&path, [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, 7, 0, &[1; 60])].concat())
            .unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(0), None, &stop).unwrap();
        while following.wait() != Came::Frame {}
        change(&path);
        // It ends by itself: nobody sets `stop`.
        let mut frames = 1;
        loop {
            match following.wait() {
                Came::End => break,
                Came::Frame => frames += 1,
                Came::Nothing(_) | Came::NothingYet => {}
            }
        }
        (frames, following.failures().first().map(|error| error.what.clone()))
    }

    #[test]
    fn what_takes_its_place_and_is_no_capture_is_told_at_once() {
        let garbage = |bytes: Vec<u8>| {
            move |path: &Path| {
                let other = path.with_extension("other");
                std::fs::write(&other, bytes).unwrap();
                std::fs::rename(other, path).unwrap();
            }
        };
        for bytes in [b"hello".to_vec(), vec![0x80; 200], vec![0; 5_000], b"x".to_vec()] {
            let (frames, failure) = failure_after(garbage(bytes.clone()));
            assert!(frames == 1 && failure.is_some(), "{} bytes: {failure:?}", bytes.len());
        }
    }

    #[test]
    fn what_is_written_over_it_and_is_no_capture_is_told_at_once() {
        // Shorter, and longer: the bytes behind the place of reading would be taken for packets.
        for bytes in [vec![0; 30], vec![0; 5_000]] {
            let (frames, failure) = failure_after(|path| std::fs::write(path, &bytes).unwrap());
            assert!(frames == 1 && failure.is_some(), "{} bytes: {failure:?}", bytes.len());
        }
    }

    #[test]
    fn another_capture_that_is_written_over_it_is_read_from_its_beginning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        let written = |seconds: &[u32]| {
            let records = seconds.iter().flat_map(|second| pcap_record(Little, *second, 0, &[1; 60]));
            let bytes: Vec<u8> = pcap_header(Little, 0xa1b2_c3d4, 1).into_iter().chain(records).collect();
            std::fs::write(&path, bytes).unwrap();
        };
        written(&[7]);
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(3), None, &stop).unwrap();
        let next = |following: &mut Following| {
            while following.wait() != Came::Frame {}
            following.frame().unwrap().at.time.0 / 1_000_000_000
        };
        assert_eq!(next(&mut following), 7);
        written(&[20, 21, 22]);
        assert_eq!([next(&mut following), next(&mut following), next(&mut following)], [20, 21, 22]);
        stop.store(true, Ordering::Relaxed);
        while following.wait() != Came::End {}
        assert!(following.failures().is_empty());
    }

    #[test]
    fn a_file_that_is_gone_is_told_and_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("growing.pcap");
        let one = |second| [pcap_header(Little, 0xa1b2_c3d4, 1), pcap_record(Little, second, 0, &[1; 60])].concat();
        std::fs::write(&path, one(7)).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let mut following = Following::start(&path, CaptureId(3), None, &stop).unwrap();
        while following.wait() != Came::Frame {}
        std::fs::remove_file(&path).unwrap();
        let notices = loop {
            following.wait();
            let notices = following.take_notices();
            if !notices.is_empty() {
                break notices;
            }
        };
        assert!(notices.len() == 1 && notices[0].ends_with("was removed; reading continues when it is back"));
        std::fs::write(&path, one(8)).unwrap();
        while following.wait() != Came::Frame {}
        stop.store(true, Ordering::Relaxed);
        while following.wait() != Came::End {}
    }
}
