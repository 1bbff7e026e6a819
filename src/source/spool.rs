//! Keeps in temporary files what cannot be read a second time as it is: standard input, for what takes two readings, and
//! compressed files, of which too many are to be merged. The files have no names and are gone with the process.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::broken::Broken;
use super::error::OpenError;
use super::lean::Piece;
use super::{pipe, stop};

/// Bytes of standard input that are kept: more than anybody pipes by accident, less than a disk.
const MAX_BYTES: u64 = 4 << 30;

/// Unpacked bytes of compressed files that are kept for one timeline: a part of a disk.
const MAX_UNPACKED: u64 = 16 << 30;

/// Bytes that are copied at once.
const PIECE: usize = 128 << 10;

/// A process has one standard input, and so one copy of it.
static COPY: OnceLock<Copy> = OnceLock::new();

struct Copy {
    file: File,
    /// Whether reading was told to stop before the end.
    cut: bool,
}

/// Reads standard input to its end, so that it can be read from its beginning as often as is needed. When reading is told
/// to stop, what came until then is kept.
pub fn spool_standard_input() -> Result<(), OpenError> {
    if is_spooled() {
        return Ok(());
    }
    let failed = |error: &io::Error| {
        let what =
            format!("it must be read twice, and no copy could be kept in the directory for temporary files: {error}");
        OpenError::new(Path::new("-"), what)
    };
    let mut file = temporary().map_err(|error| failed(&error))?;
    let input = pipe::until(&stop::flag(), || Ok(io::stdin())).map_err(|error| failed(&error))?;
    let copied = io::copy(&mut input.take(MAX_BYTES + 1), &mut file).map_err(|error| failed(&error))?;
    if copied > MAX_BYTES {
        let what = format!("it must be read twice and is longer than {} GiB: save it first", MAX_BYTES >> 30);
        return Err(OpenError::new(Path::new("-"), what));
    }
    let _ = COPY.set(Copy { file, cut: stop::is_stopped() });
    Ok(())
}

#[cfg(feature = "cli")]
fn temporary() -> io::Result<File> {
    tempfile::tempfile()
}

/// A page in a browser has no files.
#[cfg(not(feature = "cli"))]
fn temporary() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Whether standard input is read from its copy.
pub fn is_spooled() -> bool {
    COPY.get().is_some()
}

/// Whether the copy is the beginning of standard input alone.
pub fn is_cut() -> bool {
    COPY.get().is_some_and(|copy| copy.cut)
}

/// Standard input from its beginning, if it is kept.
pub(super) fn standard_input() -> Option<impl Read + Send> {
    COPY.get().map(|copy| Again { file: &copy.file, at: 0 })
}

/// A reading of the copy.
struct Again {
    file: &'static File,
    at: u64,
}

impl Read for Again {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Another reading may have moved the place in the file.
        self.file.seek(SeekFrom::Start(self.at))?;
        let read = self.file.read(buf)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// Where compressed files are kept unpacked, one behind the other.
pub(super) struct Spool {
    file: Arc<File>,
    len: u64,
    most: u64,
}

impl Spool {
    pub(super) fn new() -> Result<Self, String> {
        let file = temporary().map_err(|error| full(&error))?;
        Ok(Self { file: Arc::new(file), len: 0, most: MAX_UNPACKED })
    }

    /// Keeps all that a compressed file gives. The error says why that cannot be done, and what to do instead.
    pub(super) fn keep(&mut self, mut unpacked: impl Read) -> Result<Piece, String> {
        let mut piece = Piece { spool: Arc::clone(&self.file), start: self.len, len: 0, failure: None };
        let mut file = &*self.file;
        file.seek(SeekFrom::Start(self.len)).map_err(|error| full(&error))?;
        let mut buf = vec![0; PIECE];
        loop {
            let bytes = match unpacked.read(&mut buf) {
                Ok(0) => break,
                Ok(read) => buf.get(..read).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    piece.failure = Some(Broken::of(&error).ok_or_else(|| format!("reading failed: {error}"))?);
                    break;
                }
            };
            piece.len += bytes.len() as u64;
            if piece.start + piece.len > self.most {
                let most = self.most >> 30;
                return Err(format!(
                    "too many compressed files overlap: more than {most} GiB of them unpacked; unpack them first"
                ));
            }
            file.write_all(bytes).map_err(|error| full(&error))?;
        }
        self.len += piece.len;
        Ok(piece)
    }
}

fn full(error: &io::Error) -> String {
    format!(
        "too many compressed files overlap, and it could not be unpacked in the directory of temporary files: {error}; \
         unpack them first"
    )
}

#[cfg(test)]
mod tests {
    use super::super::lean::Lean;
    use super::*;

    #[test]
    fn each_file_is_given_back_to_its_end() {
        let mut spool = Spool::new().unwrap();
        let pieces = [&b"one"[..], b"", b"three"].map(|bytes| spool.keep(bytes).unwrap());
        let given = pieces.map(|piece| io::read_to_string(Lean::spooled(piece, 4096)).unwrap());
        assert_eq!(given, ["one", "", "three"]);
    }

    #[test]
    fn damage_is_given_back_behind_what_is_before_it() {
        struct Damaged;
        impl Read for Damaged {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(Broken { by: "gzip" }.into())
            }
        }
        let piece = Spool::new().unwrap().keep((&b"whole"[..]).chain(Damaged)).unwrap();
        let mut text = Vec::new();
        let error = Lean::spooled(piece, 4096).read_to_end(&mut text).unwrap_err();
        assert_eq!((text.as_slice(), Broken::of(&error).is_some()), (&b"whole"[..], true));
    }

    #[test]
    fn what_is_too_much_is_refused() {
        let mut spool = Spool { most: 10, ..Spool::new().unwrap() };
        assert!(spool.keep(&b"12345678"[..]).is_ok());
        let refused = spool.keep(&b"123"[..]).err().unwrap();
        assert!(refused.ends_with("unpack them first"), "{refused}");
        assert!(spool.keep(&b"12"[..]).is_ok(), "what was refused takes no room");
    }
}
