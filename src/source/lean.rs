//! Reads a file that is closed between two readings, so that any number of them can be merged.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::broken::Broken;
use super::identity::Identity;

/// A reader that holds no open file of its own.
pub(super) struct Lean {
    place: Place,
    /// Where the next reading begins.
    offset: u64,
    /// How many bytes its window is to hold.
    pub(super) window: usize,
}

/// Where the bytes are.
enum Place {
    /// In a file under its name. How much of it has been read is counted.
    Named(PathBuf, Identity, Arc<AtomicU64>),
    /// In a spool.
    Spooled(Piece),
}

/// The unpacked bytes of a compressed file, in a temporary file with those of others.
pub(super) struct Piece {
    pub(super) spool: Arc<File>,
    pub(super) start: u64,
    pub(super) len: u64,
    /// Why there are no more, if the file was damaged.
    pub(super) failure: Option<Broken>,
}

impl Lean {
    pub(super) fn named(path: PathBuf, identity: Identity, read: Arc<AtomicU64>, window: usize) -> Self {
        Self { place: Place::Named(path, identity, read), offset: 0, window }
    }

    pub(super) fn spooled(piece: Piece, window: usize) -> Self {
        Self { place: Place::Spooled(piece), offset: 0, window }
    }

    /// The next reading begins here.
    pub(super) fn go_to(&mut self, offset: u64) {
        self.offset = offset;
    }
}

impl Read for Lean {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = match &self.place {
            Place::Named(path, identity, count) => {
                let mut file = identity.open(path)?;
                file.seek(SeekFrom::Start(self.offset))?;
                let read = file.read(buf)?;
                count.fetch_max(self.offset + read as u64, Ordering::Relaxed);
                read
            }
            Place::Spooled(piece) => piece.read_at(self.offset, buf)?,
        };
        self.offset += read as u64;
        Ok(read)
    }
}

impl Piece {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let rest = self.len.saturating_sub(offset);
        if let (0, Some(failure)) = (rest, self.failure) {
            return Err(failure.into());
        }
        let mut spool = &*self.spool;
        spool.seek(SeekFrom::Start(self.start + offset))?;
        spool.take(rest).read(buf)
    }
}
