//! Reads a capture that is still being written, a pipe or a growing file, in a thread of its own, so that whoever
//! waits for frames notices when none come.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
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
/// Time without a frame counts up to this, in seconds: a pipe that stalls longer tells nothing of the network.
const QUIET: f64 = 2.0;

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

/// The frames of one capture.
pub struct Following {
    words: Receiver<Word>,
    captures: Vec<Capture>,
    current: Option<Owned>,
    /// The time of the last frame, and when it came.
    heard: Option<(Timestamp, Instant)>,
    failure: Option<OpenError>,
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
        Ok(Self { words, captures: Vec::new(), current: None, heard: None, failure: None })
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
                Ok(Word::Failed(error)) => self.failure = Some(error),
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

    /// The capture as far as it is known: complete at its end, its interfaces before their first frame.
    pub fn captures(&self) -> &[Capture] {
        &self.captures
    }

    /// Why it could not be read.
    pub fn failure(&self) -> Option<&OpenError> {
        self.failure.as_ref()
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
    let tell = |word| send.send(word).map_err(|_| Over);
    let reader: Box<dyn Read + Send> = if path == Path::new("-") {
        pipe::until(stop, io::stdin)
    } else {
        match File::open(path) {
            Ok(file) => Box::new(Growing { file, stop: Arc::clone(stop) }),
            Err(error) => return tell(Word::Failed(OpenError::io(path, &error))),
        }
    };
    let mut timeline = match Timeline::filtered(path, reader, id, filter) {
        Ok(timeline) => timeline,
        Err(error) => return tell(Word::Failed(error)),
    };
    let mut known: Vec<Interface> = Vec::new();
    while timeline.step() {
        let interfaces = timeline.captures().iter().flat_map(|capture| &capture.interfaces);
        if !interfaces.clone().eq(&known) {
            known = interfaces.cloned().collect();
            tell(Word::Captures(timeline.captures().to_vec()))?;
        }
        let Some(frame) = timeline.frame() else { break };
        tell(Word::Frame(Owned {
            at: frame.at,
            interface: frame.interface,
            link_type: frame.link_type,
            wire_len: frame.wire_len,
            bytes: frame.bytes.into(),
        }))?;
    }
    if stop.load(Ordering::Relaxed) {
        // Told to stop, it stops anywhere: that is no damage.
        timeline.captures_mut().iter_mut().for_each(|capture| capture.damage = None);
    }
    for error in timeline.filter_refusals() {
        tell(Word::Failed(OpenError::new(path, error.to_string())))?;
    }
    tell(Word::Captures(timeline.captures().to_vec()))
}

/// A file whose end is not its end.
struct Growing {
    file: File,
    stop: Arc<AtomicBool>,
}

impl Read for Growing {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.file.read(buf)?;
            if read > 0 || buf.is_empty() || self.stop.load(Ordering::Relaxed) {
                return Ok(read);
            }
            thread::sleep(PAUSE);
        }
    }
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
    fn what_is_no_capture_is_a_failure() {
        let stop = Arc::new(AtomicBool::new(true));
        let mut following = Following::start(Path::new("/no/such/file"), CaptureId(0), None, &stop).unwrap();
        while following.wait() != Came::End {}
        assert_eq!(following.failure().unwrap().what, "there is no such file");
    }
}
