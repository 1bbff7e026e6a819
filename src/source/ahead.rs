//! Unpacks a compressed file on a thread of its own, ahead of whoever reads it.
//!
//! Only files have one: a pipe's reader may have to wait without end, and nothing could end its thread. One thread belongs
//! to an open file and ends with it, so the number of open files (see [`super::timeline`]) bounds theirs. It begins with
//! the second MiB: whoever only looks at what a file is, or reads a small one, needs none.

use std::io::{self, Read};
use std::mem;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

/// Bytes that are read before a thread begins.
const AT_FIRST: usize = 1 << 20;
/// Bytes that are unpacked at once.
const PIECE: usize = 256 << 10;
/// Pieces that wait for their reader.
const PIECES: usize = 4;

/// Bytes in the order in which they were unpacked.
pub(super) struct Ahead(State);

enum State {
    /// Without a thread, so many bytes until there is one.
    AtFirst(Box<dyn Read + Send>, usize),
    OnThread(Pieces),
    /// Without a thread for good: the system gives none.
    Alone(Box<dyn Read + Send>),
    Ended,
}

/// What a thread gives.
struct Pieces {
    filled: Option<Receiver<io::Result<Piece>>>,
    /// Where pieces go that have been read, to be filled again.
    emptied: Sender<Piece>,
    piece: Piece,
    thread: Option<JoinHandle<()>>,
}

/// Some bytes, and which of them are still to be read.
#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Ahead {
    pub(super) fn new(unpacked: Box<dyn Read + Send>) -> Self {
        Self(State::AtFirst(unpacked, AT_FIRST))
    }
}

impl Read for Ahead {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if let State::AtFirst(_, 0) = self.0
            && let State::AtFirst(unpacked, _) = mem::replace(&mut self.0, State::Ended)
        {
            self.0 = begin(unpacked);
        }
        match &mut self.0 {
            State::AtFirst(unpacked, left) => {
                let read = unpacked.read(buf)?;
                *left = left.saturating_sub(read);
                Ok(read)
            }
            State::OnThread(pieces) => pieces.read(buf),
            State::Alone(unpacked) => unpacked.read(buf),
            State::Ended => Ok(0),
        }
    }
}

fn begin(unpacked: Box<dyn Read + Send>) -> State {
    let (send, filled) = sync_channel(PIECES);
    let (emptied, spare) = channel();
    // A thread that does not begin must not take with it what it was to read.
    let handed = Arc::new(Mutex::new(Some(unpacked)));
    let take = |handed: &Mutex<Option<_>>| handed.lock().unwrap_or_else(PoisonError::into_inner).take();
    let by_thread = Arc::clone(&handed);
    let spawned = thread::Builder::new().name("unpack".to_owned()).spawn(move || {
        if let Some(mut unpacked) = take(&by_thread) {
            unpack(&mut unpacked, &send, &spare);
        }
    });
    match spawned {
        Ok(thread) => {
            State::OnThread(Pieces { filled: Some(filled), emptied, piece: Piece::default(), thread: Some(thread) })
        }
        Err(_) => take(&handed).map_or(State::Ended, State::Alone),
    }
}

/// Gives all there is, until the end, an error, or nobody reads any more.
fn unpack(unpacked: &mut impl Read, send: &SyncSender<io::Result<Piece>>, spare: &Receiver<Piece>) {
    loop {
        let Piece { mut bytes, .. } = spare.try_recv().unwrap_or_default();
        bytes.resize(PIECE, 0);
        let (end, failure) = fill(unpacked, &mut bytes);
        if end > 0 && send.send(Ok(Piece { bytes, start: 0, end })).is_err() {
            return;
        }
        if let Some(error) = failure {
            // When nobody reads any more there is nobody to be told.
            let _ = send.send(Err(error));
            return;
        }
        if end < PIECE {
            return;
        }
    }
}

/// Reads until there is no room, no more, or an error.
fn fill(unpacked: &mut impl Read, bytes: &mut [u8]) -> (usize, Option<io::Error>) {
    let mut end = 0;
    while let Some(free) = bytes.get_mut(end..).filter(|free| !free.is_empty()) {
        match unpacked.read(free) {
            Ok(0) => break,
            Ok(read) => end += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (end, Some(error)),
        }
    }
    (end, None)
}

impl Read for Pieces {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.piece.start == self.piece.end {
            let Some(Ok(next)) = self.filled.as_ref().map(Receiver::recv) else { return Ok(0) };
            // When the thread has ended it needs no room.
            let _ = self.emptied.send(mem::replace(&mut self.piece, next?));
        }
        let mut rest = self.piece.bytes.get(self.piece.start..self.piece.end).unwrap_or_default();
        let read = rest.read(buf)?;
        self.piece.start += read;
        Ok(read)
    }
}

impl Drop for Pieces {
    /// The thread ends, at the latest when it has filled the piece it is at, and the file is closed then.
    fn drop(&mut self) {
        self.filled = None;
        if let Some(thread) = self.thread.take() {
            // It cannot have failed: nothing panics.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// A stream that tells when it is dropped.
    struct Watched<R> {
        stream: R,
        _watch: Arc<()>,
    }

    impl<R: Read> Read for Watched<R> {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.stream.read(buf)
        }
    }

    fn ahead(stream: impl Read + Send + 'static) -> Ahead {
        Ahead::new(Box::new(stream))
    }

    #[test]
    fn everything_comes_in_its_order_whatever_the_size() {
        for size in [0, 1, AT_FIRST - 1, AT_FIRST, AT_FIRST + 1, AT_FIRST + PIECE, AT_FIRST + 3 * PIECE + 7] {
            let bytes: Vec<u8> = (0..size).map(|n| (n * 31 / 7).to_le_bytes()[0]).collect();
            let mut all = Vec::new();
            ahead(Cursor::new(bytes.clone())).read_to_end(&mut all).unwrap();
            assert!(all == bytes, "{size} bytes");
        }
    }

    #[test]
    fn an_error_comes_behind_what_was_before_it() {
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("disk on fire"))
            }
        }
        for size in [0, AT_FIRST, AT_FIRST + PIECE + 5] {
            let mut stream = ahead(io::repeat(7).take(size as u64).chain(Fails));
            let mut all = Vec::new();
            let error = stream.read_to_end(&mut all).unwrap_err();
            assert_eq!((all.len(), error.to_string().as_str()), (size, "disk on fire"));
        }
    }

    #[test]
    fn a_thread_ends_with_its_reader_and_closes_what_it_read() {
        for read in [1, AT_FIRST, AT_FIRST + 1, AT_FIRST + 20 * PIECE] {
            let watch = Arc::new(());
            let mut stream = ahead(Watched { stream: io::repeat(7), _watch: Arc::clone(&watch) });
            io::copy(&mut stream.by_ref().take(read as u64), &mut io::sink()).unwrap();
            drop(stream);
            assert_eq!(Arc::strong_count(&watch), 1, "{read} bytes read");
        }
    }

    #[test]
    fn a_small_file_takes_no_thread() {
        let mut stream = ahead(io::repeat(7));
        io::copy(&mut stream.by_ref().take(AT_FIRST as u64 - 1), &mut io::sink()).unwrap();
        assert!(matches!(stream.0, State::AtFirst(..)));
        for _ in 0..2 {
            stream.read_exact(&mut [0]).unwrap();
        }
        assert!(matches!(stream.0, State::OnThread(_)));
    }
}
