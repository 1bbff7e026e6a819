//! Reads the key logs that were named, and what is written to them later.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use super::{Trouble, complain};
use crate::decrypt::{Keys, Rest};
use crate::pipeline::Pipeline;
use crate::source::{open_named, reason};

/// The keys in all of these files.
pub(super) fn read(files: &[PathBuf]) -> Result<Arc<Keys>, Trouble> {
    let mut keys = Keys::default();
    for path in files {
        let failed = |error| Trouble::File { doing: "read", path: path.clone(), reason: reason(&error) };
        open_named(path).and_then(|mut file| keys.read_all(&mut file)).map_err(failed)?;
    }
    if keys.is_overfull() {
        complain("too many keys; connections that need the rest stay encrypted", None);
    }
    Ok(Arc::new(keys))
}

/// Key logs that programs go on writing while packets are read. They stay open: a confined process opens no more.
pub(super) struct KeyLogs {
    files: Vec<(File, Rest)>,
    keys: Arc<Keys>,
    /// Whether some of them were not given to the pipeline.
    is_new: bool,
}

impl KeyLogs {
    /// Opens these files.
    pub(super) fn open(files: &[PathBuf]) -> io::Result<Self> {
        let open = |path: &PathBuf| {
            let named = |error: io::Error| {
                let why = format!("could not read the key log {}: {}", path.display(), reason(&error));
                io::Error::new(error.kind(), why)
            };
            Ok((File::open(path).map_err(named)?, Rest::default()))
        };
        let mut logs =
            Self { files: files.iter().map(open).collect::<io::Result<_>>()?, keys: Arc::default(), is_new: false };
        logs.read_on();
        Ok(logs)
    }

    /// All keys that were read.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(super) fn keys(&self) -> Arc<Keys> {
        Arc::clone(&self.keys)
    }

    /// Gives the pipeline what was written since, if it waits for keys.
    pub(super) fn feed(&mut self, pipeline: &mut Pipeline) {
        if !pipeline.wants_keys() {
            return;
        }
        self.read_on();
        if std::mem::take(&mut self.is_new) {
            pipeline.learn_keys(Arc::clone(&self.keys));
        }
    }

    /// Reads what is new. What cannot be read any more tells nothing more.
    fn read_on(&mut self) {
        for (file, rest) in &mut self.files {
            // One that was emptied begins anew.
            let is_shorter = file.stream_position().is_ok_and(|at| file.metadata().is_ok_and(|log| log.len() < at));
            if is_shorter && file.seek(SeekFrom::Start(0)).is_ok() {
                *rest = Rest::default();
            }
            self.is_new |= Arc::make_mut(&mut self.keys).read_on(file, rest).is_ok_and(|told| told > 0);
        }
    }
}
