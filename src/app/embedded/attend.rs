//! Whoever embeds the program is told what it complains of, and how far it is.

use std::path::{Path, PathBuf};

use super::embedded::tell;

/// How far the reading is.
pub(super) struct Progress;

/// How far one timeline is.
pub(super) struct Share;

impl Progress {
    pub(super) fn over<'a>(_: impl ExactSizeIterator<Item = &'a [PathBuf]>) -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "elsewhere all timelines have one bar")]
    pub(super) fn part(&self, _: &[PathBuf]) -> Share {
        Share
    }

    #[expect(clippy::unused_self, reason = "elsewhere a bar gives way")]
    pub(super) fn aside(&self, write: impl FnOnce()) {
        write();
    }

    #[expect(clippy::unused_self, reason = "elsewhere a bar is taken away")]
    pub(super) fn finish(&self) {}
}

impl Share {
    /// `read` of `total` bytes of the file have been read.
    #[expect(clippy::unused_self, reason = "elsewhere a bar is drawn")]
    pub(super) fn at(&mut self, file: &Path, read: u64, total: u64) {
        tell(|embedder| embedder.progress(file, read, total));
    }
}

/// Says what is wrong and what to do, if there is something; both without full stop.
pub(super) fn complain(message: &str, help: Option<&str>) {
    tell(|embedder| embedder.complain(message));
    if let Some(help) = help {
        tell(|embedder| embedder.complain(help));
    }
}

/// Says what is not taken for an error.
pub(super) fn note(message: &str) {
    tell(|embedder| embedder.complain(message));
}
