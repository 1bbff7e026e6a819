//! Keeps what standard input gives in a temporary file, for what takes two readings.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::OnceLock;

use super::error::OpenError;
use super::{pipe, stop};

/// Bytes of standard input that are kept: more than anybody pipes by accident, less than a disk.
const MAX_BYTES: u64 = 4 << 30;

/// A process has one standard input, and so one copy of it.
static COPY: OnceLock<Copy> = OnceLock::new();

struct Copy {
    file: File,
    /// Whether reading was told to stop before the end.
    cut: bool,
}

/// Reads standard input to its end, so that it can be read from its beginning as often as is needed. The file has no
/// name and is gone with the process. When reading is told to stop, what came until then is kept.
pub fn spool_standard_input() -> Result<(), OpenError> {
    if is_spooled() {
        return Ok(());
    }
    let failed = |error: &io::Error| {
        let what =
            format!("it takes two readings, and no copy could be kept in the directory of temporary files: {error}");
        OpenError::new(Path::new("-"), what)
    };
    let mut file = tempfile::tempfile().map_err(|error| failed(&error))?;
    let input = pipe::until(&stop::flag(), || Ok(io::stdin())).map_err(|error| failed(&error))?;
    let copied = io::copy(&mut input.take(MAX_BYTES + 1), &mut file).map_err(|error| failed(&error))?;
    if copied > MAX_BYTES {
        let what = format!("it takes two readings and is longer than {} GiB: save it first", MAX_BYTES >> 30);
        return Err(OpenError::new(Path::new("-"), what));
    }
    let _ = COPY.set(Copy { file, cut: stop::is_stopped() });
    Ok(())
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
