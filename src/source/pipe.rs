//! Turns a stream whose reads cannot be told to stop into one whose reads can: the bytes come from a thread of their own.

use std::io::{self, Cursor, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;

use super::following::PAUSE;

/// Bytes of a pipe that are read at once, and how many such pieces wait for whoever reads them.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

/// A stream that is read in a thread of its own, because a read that waits for bytes cannot be told to stop.
pub(super) struct Pipe {
    pieces: Receiver<io::Result<Vec<u8>>>,
    piece: Cursor<Vec<u8>>,
    stop: Arc<AtomicBool>,
}

impl Pipe {
    /// Reads `raw` until its end, or until `stop` is set.
    pub(super) fn open(mut raw: impl Read + Send + 'static, stop: Arc<AtomicBool>) -> io::Result<Self> {
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

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

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
}
