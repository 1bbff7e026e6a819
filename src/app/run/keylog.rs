//! The keys that the command writes for its TLS connections: `SSLKEYLOGFILE`.

use std::ffi::{OsStr, OsString};
use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::sync::Arc;

use super::private::PrivateFile;
use crate::decrypt::Keys;

const VARIABLE: &str = "SSLKEYLOGFILE";

/// A key log that grows.
pub(super) struct KeyLog {
    path: OsString,
    /// Open from before the sandbox closes.
    file: File,
    /// Bytes of it that were read.
    read: u64,
}

impl KeyLog {
    /// One that the command is to write: a private file, which is removed when it is dropped, unless the user has named
    /// one. `None` where nothing can be decrypted or no file be made.
    pub(super) fn wanted() -> Option<(Self, Option<PrivateFile>)> {
        if cfg!(not(feature = "tls")) {
            return None;
        }
        if let Some(path) = std::env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
            let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&path).ok()?;
            return Some((Self { path, file, read: 0 }, None));
        }
        let (private, file) = PrivateFile::create().ok()?;
        Some((Self { path: private.path().to_owned(), file, read: 0 }, Some(private)))
    }

    /// What the command's variable says.
    pub(super) fn variable(&self) -> &OsStr {
        &self.path
    }

    /// All keys, if there are more than when this was last asked.
    pub(super) fn news(&mut self) -> Option<Arc<Keys>> {
        let length = self.file.metadata().ok()?.len();
        if length == self.read {
            return None;
        }
        self.file.seek(SeekFrom::Start(0)).ok()?;
        let mut keys = Keys::default();
        keys.read_all(&mut self.file).ok()?;
        self.read = length;
        Some(Arc::new(keys))
    }
}
