//! What is the same for all timelines of a run, and what came of them so far.

use std::io;
use std::path::PathBuf;

use super::attend::Progress;
use super::frames::Nobody;
use super::interrupt::Interrupt;
use super::outlet::{Direct, Outlet};
use super::timeline::{self, Opened};
use crate::decrypt::Keys;
use crate::finding::SessionId;
use crate::frame::CaptureId;
use crate::options::Input;
use crate::pipeline::Settings;
use crate::points::Plan;
use crate::record::{Sink, Summary};
use crate::source::{Capture, OpenError};

/// What is the same for all groups of a run.
pub(super) struct Run<'a> {
    pub(super) plan: &'a Plan,
    pub(super) input: &'a Input,
    pub(super) settings: &'a Settings,
    pub(super) interrupt: &'a Interrupt,
    pub(super) progress: Progress,
}

/// What came of reading.
pub(super) struct AllRead {
    pub(super) captures: Vec<Capture>,
    pub(super) summary: Summary,
    /// Whether every input could be read, but for what is allowed.
    pub(super) complete: bool,
    /// The highest number a session got; 0 if there is none.
    pub(super) last_session: SessionId,
    /// The keys of TLS that followed from those of earlier connections.
    pub(super) resumed: Keys,
}

impl AllRead {
    /// The number of the next capture.
    pub(super) fn next_capture(&self) -> CaptureId {
        CaptureId(u32::try_from(self.captures.len()).unwrap_or(u32::MAX))
    }

    /// Opens files behind the captures that were read before.
    pub(super) fn open(&mut self, files: &[PathBuf], run: &Run<'_>) -> io::Result<Opened> {
        let opened = timeline::open(files, self.next_capture(), run.input, run.settings, run.interrupt)?;
        opened.tell(&mut self.outlet(&mut Nobody, run));
        Ok(opened)
    }

    /// Notes what could not be read.
    pub(super) fn note(&mut self, errors: &[OpenError], run: &Run<'_>) {
        self.outlet(&mut Nobody, run).unreadable(errors);
    }

    /// Tells `sink`, and notes what could not be read.
    pub(super) fn outlet<'a>(&'a mut self, sink: &'a mut dyn Sink, run: &'a Run<'_>) -> Direct<'a> {
        Direct { sink, summary: &mut self.summary, input: run.input, progress: &run.progress }
    }
}

/// Adds the counts of a part.
pub(super) fn add(sum: &mut Summary, part: &Summary) {
    sum.transfers += part.transfers;
    sum.failed += part.failed;
    sum.error += part.error;
    sum.warning += part.warning;
    sum.info += part.info;
    sum.quality += part.quality;
}
