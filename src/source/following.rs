//! Reads a capture that is still being written, a pipe or a growing file, in a thread of its own, so that whoever
//! waits for frames notices when none come.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::timeline::Timeline;
use super::{Capture, Interface};
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
            let _ = read(&path, id, filter.as_deref(), stop, &send);
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
    stop: Arc<AtomicBool>,
    send: &SyncSender<Word>,
) -> Result<(), Over> {
    let tell = |word| send.send(word).map_err(|_| Over);
    let opened = if path == Path::new("-") {
        Pipe::open(io::stdin(), Arc::clone(&stop)).map(|pipe| Box::new(pipe) as Box<dyn Read + Send>)
    } else {
        let stop = Arc::clone(&stop);
        File::open(path).map(|file| Box::new(Growing { file, stop }) as Box<dyn Read + Send>)
    };
    let reader = match opened {
        Ok(reader) => reader,
        Err(error) => return tell(Word::Failed(OpenError::io(path, &error))),
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

/// Bytes of a pipe that are read at once, and how many such pieces wait for whoever reads them.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// A stream that is read in a thread of its own, because a read that waits for bytes cannot be told to stop.
struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Pipe {
    fn open(mut raw: impl Read + Send + 'static, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let (send, pieces) = sync_channel(PIECES);
        thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            loop {
                let mut piece = vec![0; PIECE];
                let read = match raw.read(&mut piece) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Ok(read) => {
                        piece.truncate(read);
                        Ok(piece)
                    }
                    Err(error) => Err(error),
                };
                let ended = !read.as_ref().is_ok_and(|piece| !piece.is_empty());
                if send.send(read).is_err() || ended {
                    return;
                }
            }
        })?;
        Ok(Self { pieces, piece: Cursor::new(Vec::new()), stop })
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(0);
            }
            let read = self.piece.read(buf)?;
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            match self.pieces.recv_timeout(PAUSE) {
                Ok(piece) => self.piece = Cursor::new(piece?),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
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
    fn a_pipe_gives_all_it_gets_and_stops_when_told_even_while_nothing_comes() {
        let stop = Arc::new(AtomicBool::new(false));
        let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        let mut all = Vec::new();
        Pipe::open(Cursor::new(bytes.clone()), Arc::clone(&stop)).unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all, bytes);

        let (mut theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"abc").unwrap();
        let mut pipe = Pipe::open(ours, Arc::clone(&stop)).unwrap();
        let mut first = [0; 3];
        pipe.read_exact(&mut first).unwrap();
        let (telling, told) = (thread::spawn(move || pipe.read(&mut [0; 8]).unwrap()), Arc::clone(&stop));
        told.store(true, Ordering::Relaxed);
        assert_eq!((first, telling.join().unwrap()), (*b"abc", 0));
    }

    #[test]
    fn what_is_no_capture_is_a_failure() {
        let stop = Arc::new(AtomicBool::new(true));
        let mut following = Following::start(Path::new("/no/such/file"), CaptureId(0), None, &stop).unwrap();
        while following.wait() != Came::End {}
        assert_eq!(following.failure().unwrap().what, "there is no such file");
    }
}
