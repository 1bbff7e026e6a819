//! The files of `-w`.

use std::path::Path;

use super::outage::Outage;
use crate::frame::{Frame, Timestamp};
use crate::source::Interface;
use crate::source::reason;
use crate::source::write::{Counted, Rotating, Rotation};

/// What is captured, as it is written; where that fails for a time, it is counted.
pub(super) struct Recording {
    files: Rotating,
    outage: Outage,
    /// Whether it was told that a file cannot be removed.
    is_stuck: bool,
}

impl Recording {
    /// Creates the first file; `interfaces` by their number.
    pub(super) fn create(
        path: &Path,
        rotation: Rotation,
        interfaces: Vec<Interface>,
        now: Timestamp,
    ) -> std::io::Result<Self> {
        let files = Rotating::create(path, rotation, interfaces, now)?;
        Ok(Self { files, outage: Outage::new(path.display().to_string(), ["packet", "packets"]), is_stuck: false })
    }

    /// How writing stands.
    pub(super) fn outage(&self) -> &Outage {
        &self.outage
    }

    /// Bytes written so far.
    pub(super) fn written(&self) -> u64 {
        self.files.written()
    }

    /// Appends a frame; what is to be told.
    pub(super) fn frame(&mut self, frame: &Frame<'_>, counted: &[Counted]) -> Option<String> {
        if self.outage.is_on() {
            self.outage.lose(1);
            return None;
        }
        let error = self.files.frame(frame, counted).err()?;
        self.outage.lose(1);
        self.outage.begins(&error)
    }

    /// Hands on what is buffered, or tries to go on where writing failed; what is to be told.
    pub(super) fn breathe(&mut self, now: Timestamp, counted: &[Counted]) -> Vec<String> {
        let mut notices = Vec::new();
        if !self.outage.is_on()
            && let Err(error) = self.files.flush()
        {
            notices.extend(self.outage.begins(&error));
        }
        if self.outage.is_on() {
            match self.files.resume(now, counted) {
                Ok(gone) => {
                    self.outage.lose(gone);
                    notices.extend(self.outage.ends());
                }
                Err(error) => notices.extend(self.outage.begins(&error)),
            }
        }
        if let Some((path, error)) = self.files.take_stuck()
            && !std::mem::replace(&mut self.is_stuck, true)
        {
            let why = reason(&error);
            notices.push(format!("could not remove {}: {why}; more files remain than configured", path.display()));
        }
        notices
    }

    /// The file has been moved away: creates it again; what is to be told.
    pub(super) fn reopen(&mut self, now: Timestamp, counted: &[Counted]) -> Option<String> {
        let error = self.files.reopen(now, counted).err()?;
        self.outage.begins(&error)
    }

    /// Ends the last file; what is missing in it.
    pub(super) fn finish(mut self, now: Timestamp, counted: &[Counted]) -> Option<String> {
        // If there is room now, what was held back is not missing.
        self.breathe(now, counted);
        if let Err(error) = self.files.finish(now, counted) {
            self.outage.begins(&error);
        }
        self.outage.verdict()
    }
}
