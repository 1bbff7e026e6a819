//! A stream whose reading can be told to stop while nothing comes.
//!
//! A read that waits for bytes cannot be broken off, so a thread of its own waits for them. The ^C that tells us to stop
//! tells a tcpdump before us the same, which then writes what it still holds: that is read to its end.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Bytes that are read at once.
const PIECE: usize = 64 << 10;
/// Pieces that wait for whoever reads them.
const PIECES: usize = 4;
/// How long nothing comes before it is asked whether to stop.
const PAUSE: Duration = Duration::from_millis(200);
/// How long it is read on for a writer that does not stop.
const LINGER: Duration = Duration::from_secs(1);

/// The stream that `open` gives, until `stop` is set: then it ends as soon as nothing comes. It is opened by the thread,
/// too, for a FIFO opens only when somebody writes to it; why it could not be is told by the first read.
pub(super) fn until<R: Read>(
    stop: &Arc<AtomicBool>,
    open: impl FnOnce() -> io::Result<R> + Send + 'static,
) -> io::Result<Box<dyn Read + Send>> {
    Ok(Box::new(Pipe::read(open, Arc::clone(stop))?))
}

struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    stop: Arc<AtomicBool>,
    /// When that was found to be set.
    stopped: Option<Instant>,
}

impl Pipe {
    fn read<R: Read>(open: impl FnOnce() -> io::Result<R> + Send + 'static, stop: Arc<AtomicBool>) -> io::Result<Self> {
        let (send, pieces) = sync_channel(PIECES);
        thread::Builder::new().name("pipe".to_owned()).spawn(move || {
            let mut raw = match open() {
                Ok(raw) => raw,
                // When nobody listens any more there is nothing left to do.
                Err(error) => return drop(send.send(Err(error))),
            };
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
        Ok(Self { pieces, piece: Cursor::new(Vec::new()), stop, stopped: None })
    }
}

impl Read for Pipe {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.stop.load(Ordering::Relaxed) && self.stopped.get_or_insert_with(Instant::now).elapsed() > LINGER {
                return Ok(0);
            }
            let read = self.piece.read(buf)?;
            if read > 0 || buf.is_empty() {
                return Ok(read);
            }
            match self.pieces.recv_timeout(PAUSE) {
                Ok(piece) => self.piece = Cursor::new(piece?),
                Err(RecvTimeoutError::Timeout) if self.stopped.is_none() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return Ok(0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_all_it_gets_even_when_told_to_stop() {
        let expected: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for stopped in [false, true] {
            let stop = Arc::new(AtomicBool::new(stopped));
            let mut all = Vec::new();
            let bytes = expected.clone();
            until(&stop, || Ok(Cursor::new(bytes))).unwrap().read_to_end(&mut all).unwrap();
            assert!(all == expected, "{stopped}: {} bytes", all.len());
        }
    }

    #[cfg(unix)]
    #[test]
    fn it_stops_when_told_while_nothing_comes_and_when_all_too_much_does() {
        use std::io::Write;
        let stop = Arc::new(AtomicBool::new(false));
        let (mut theirs, ours) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"abc").unwrap();
        let mut pipe = until(&stop, || Ok(ours)).unwrap();
        let mut first = [0; 3];
        pipe.read_exact(&mut first).unwrap();
        let telling = thread::spawn(move || pipe.read(&mut [0; 8]).unwrap());
        stop.store(true, Ordering::Relaxed);
        assert_eq!((first, telling.join().unwrap()), (*b"abc", 0));
        let read = io::copy(&mut until(&stop, || Ok(io::repeat(7))).unwrap(), &mut io::sink()).unwrap();
        assert!(read > 0, "it has ended");
    }

    #[test]
    fn it_stops_while_the_stream_is_being_opened_and_tells_why_it_cannot_be() {
        let stop = Arc::new(AtomicBool::new(true));
        let (_open, never) = std::sync::mpsc::channel::<io::Result<io::Empty>>();
        let mut pipe = until(&stop, move || never.recv().unwrap()).unwrap();
        assert_eq!(pipe.read(&mut [0; 8]).unwrap(), 0);
        let refused = || Err::<io::Empty, _>(io::ErrorKind::PermissionDenied.into());
        let error = until(&stop, refused).unwrap().read(&mut [0; 8]).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
    }
}
