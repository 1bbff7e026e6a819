//! What every part of a page of blocks needs: the run, the style, the clock, and text that is safe to print.

use super::collect::Run;
use super::escape::safe;
use super::time::Clock;
use super::{Style, Verbosity};
use crate::frame::{CaptureId, Timestamp};
use crate::record::SessionRecord;

/// What is on the page, and how it is laid out.
pub(super) struct Page<'a> {
    pub(super) run: &'a Run,
    pub(super) style: &'a Style,
    pub(super) clock: Clock,
}

impl<'a> Page<'a> {
    pub(super) fn new(run: &'a Run, style: &'a Style) -> Self {
        Self { run, style, clock: Clock::new(style.time) }
    }

    /// The capture's path, safe to print.
    pub(super) fn path(&self, id: CaptureId) -> String {
        self.safe(&self.run.path(id))
    }

    /// The text, safe to print.
    pub(super) fn safe(&self, text: &str) -> String {
        safe(text, self.style.ascii)
    }

    /// Where relative times count from: the first frame of the session's captures, or of the finding's.
    pub(super) fn zero(&self, session: Option<&SessionRecord>, capture: CaptureId) -> Timestamp {
        let captures = session.map_or_else(|| vec![capture], |session| session.captures.clone());
        let firsts = captures.into_iter().filter_map(|id| self.run.capture(id)?.first);
        firsts.min().unwrap_or(Timestamp(0))
    }

    /// How many of a list are shown.
    pub(super) fn most(&self, most: usize) -> usize {
        if self.style.verbosity == Verbosity::Verbose { usize::MAX } else { most }
    }
}
