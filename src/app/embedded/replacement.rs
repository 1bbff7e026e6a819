//! A file that is written: its bytes go to whoever embeds the program.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::app::embedded::tell;

/// A file to be.
#[derive(Debug)]
pub(super) struct Replacement {
    target: PathBuf,
}

impl Replacement {
    /// Begins to write what `path` will be.
    #[expect(clippy::unnecessary_wraps, reason = "elsewhere it may be a pipe, or not to be written")]
    pub(super) fn begin(path: &Path) -> io::Result<Option<Self>> {
        Ok(Some(Self { target: path.to_owned() }))
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere a disk may be full")]
    pub(super) fn synchronise(&self) -> io::Result<()> {
        Ok(())
    }

    #[expect(clippy::unused_self, clippy::unnecessary_wraps, reason = "elsewhere it is renamed")]
    pub(super) fn put_in_place(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        tell(|embedder| embedder.write(&self.target, bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
