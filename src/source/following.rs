//! Reads a capture that is still being written, a pipe or a growing file, in a thread of its own, so that whoever
//! waits for frames notices when none come.
//!
//! A file that is moved away and written anew under its name is read to its end, and then the new one, as a further
//! capture of the same point.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::timeline::Timeline;
use super::{Capture, Interface, pipe};
use crate::frame::{CaptureId, Frame, InterfaceId, LinkType, Stamp, Timestamp};

/// Frames between the thread and its reader; behind that the pipe fills and its writer waits.
const FRAMES: usize = 4_096;
/// How long a file that has not grown is left alone.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the reader waits for a frame before it is told that none came.
const WAIT: Duration = Duration::from_millis(50);
/// Time without a frame counts up to this, in seconds, longer than a judgement waits: a pipe that stalls longer tells
/// nothing of the network.
const QUIET: f64 = 12.0;

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
        Ok(Self { words, captures: Vec::new(), current: None, heard: None, failures: Vec::new() })
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
                Err(RecvTimeoutError::Disconnected) => return Came::End,
                Err(RecvTimeoutError::Timeout) => {
                    return self.heard.map_or(Came::NothingYet, |(time, since)| {
                        Came::Nothing(time.plus_seconds(since.elapsed().as_secs_f64().min(QUIET)))
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
    let mut teller = Teller { send, stop: Arc::clone(stop), over: Vec::new() };
    if path == Path::new("-") {
        return teller.tell_all(path, Timeline::filtered(path, pipe::until(stop, io::stdin), id, filter));
    }
    loop {
        let id = CaptureId(id.0.saturating_add(u32::try_from(teller.over.len()).unwrap_or(u32::MAX)));
        let file = match File::open(path) {
            Ok(file) => Arc::new(file),
            Err(error) => return teller.tell(Word::Failed(OpenError::io(path, &error))),
        };
        let growing = Growing { path: path.to_owned(), file: Arc::clone(&file), stop: Arc::clone(stop) };
        teller.tell_all(path, Timeline::filtered(path, Box::new(growing), id, filter))?;
        if stop.load(Ordering::Relaxed) || !is_replaced(path, &file) {
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
}

impl Teller<'_> {
    fn tell(&self, word: Word) -> Result<(), Over> {
        self.send.send(word).map_err(|_| Over)
    }

    fn tell_captures(&self, current: &[Capture]) -> Result<(), Over> {
        self.tell(Word::Captures(self.over.iter().chain(current).cloned().collect()))
    }

    /// Tells all of a capture.
    fn tell_all(&mut self, path: &Path, opened: Result<Timeline, OpenError>) -> Result<(), Over> {
        let mut timeline = match opened {
            Ok(timeline) => timeline,
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
            self.tell(Word::Frame(Owned {
                at: frame.at,
                interface: frame.interface,
                link_type: frame.link_type,
                wire_len: frame.wire_len,
                bytes: frame.bytes.into(),
            }))?;
        }
        if self.stop.load(Ordering::Relaxed) {
            // Told to stop, it stops anywhere: that is no damage.
            timeline.captures_mut().iter_mut().for_each(|capture| capture.damage = None);
        }
        for error in timeline.filter_refusals() {
            self.tell(Word::Failed(OpenError::new(path, error.to_string())))?;
        }
        self.tell_captures(timeline.captures())?;
        self.over.extend_from_slice(timeline.captures());
        Ok(())
    }
}

/// A file whose end is not its end, unless another one has taken its place.
struct Growing {
    path: PathBuf,
    file: Arc<File>,
    stop: Arc<AtomicBool>,
}

impl Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            // What was written before it was moved away comes first.
            let is_over = self.stop.load(Ordering::Relaxed) || is_replaced(&self.path, &self.file);
            let read = (&*self.file).read(buf)?;
            if read > 0 || buf.is_empty() || is_over {
                return Ok(read);
            }
            thread::sleep(PAUSE);
        }
    }
}

/// Whether another file has the name of the open one, or that has been cut short and is written from its beginning.
#[cfg(unix)]
fn is_replaced(path: &Path, open: &File) -> bool {
    use std::io::Seek;
    use std::os::unix::fs::MetadataExt;
    let (Ok(named), Ok(own)) = (path.metadata(), open.metadata()) else { return false };
    let cut = (&*open).stream_position().is_ok_and(|position| position > own.len());
    (named.dev(), named.ino()) != (own.dev(), own.ino()) || cut
}

#[cfg(not(unix))]
fn is_replaced(_: &Path, _: &File) -> bool {
    false
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
    fn what_is_no_capture_is_a_failure() {
        let stop = Arc::new(AtomicBool::new(true));
        let mut following = Following::start(Path::new("/no/such/file"), CaptureId(0), None, &stop).unwrap();
        while following.wait() != Came::End {}
        assert_eq!(following.failures()[0].what, "there is no such file");
    }
}
