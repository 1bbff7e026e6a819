//! Which time the frames cover: the first and the last of all, and the last of each capture.

use crate::frame::{CaptureId, Interval, Stamp, Timestamp};

/// Frames further behind the latest than this come from a file that was never sorted.
const ORDERLY: Interval = Interval::millis(1);

/// Files that were never sorted go back by what buffers hold. Behind more than this a clock was set back, and goes
/// on from there.
const UNSORTED: Interval = Interval::seconds(10);

/// The time that has been seen.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    begins: Option<Stamp>,
    /// The latest moment: that of a frame, or while a capture goes on one known to have passed.
    ends: Option<Stamp>,
    /// The frame of the latest time since the clock was set back.
    latest: Option<Stamp>,
    /// The last frame of each capture, by capture.
    lasts: Vec<Stamp>,
}

impl Coverage {
    /// A frame that is looked at.
    pub(super) fn begins_with(&mut self, at: Stamp) {
        self.begins.get_or_insert(at);
    }

    /// A frame came.
    #[inline]
    pub(super) fn saw(&mut self, at: Stamp) {
        if self.ends.is_none_or(|ends| ends < at) {
            self.ends = Some(at);
        }
        if self.latest.is_none_or(|latest| latest.time <= at.time || latest.since(at) > UNSORTED) {
            self.latest = Some(at);
        }
        match self.lasts.last_mut() {
            Some(last) if last.capture == at.capture => *last = at,
            _ => self.saw_elsewhere(at),
        }
    }

    /// A frame of another capture than the last one came.
    #[cold]
    fn saw_elsewhere(&mut self, at: Stamp) {
        match self.lasts.binary_search_by_key(&at.capture, |last| last.capture) {
            Ok(place) => {
                if let Some(last) = self.lasts.get_mut(place) {
                    *last = at;
                }
            }
            Err(place) => self.lasts.insert(place, at),
        }
    }

    /// Nothing more came until that moment.
    pub(super) fn passes(&mut self, now: Timestamp) {
        if let Some(ends) = &mut self.ends {
            ends.time = ends.time.max(now);
        }
    }

    /// The first frame and the latest moment.
    pub(super) fn span(&self) -> Option<(Stamp, Stamp)> {
        self.begins.zip(self.ends)
    }

    /// The last frame of each capture.
    pub(super) fn lasts(&self) -> &[Stamp] {
        &self.lasts
    }

    /// The capture of the first frame.
    pub(super) fn first_capture(&self) -> Option<CaptureId> {
        self.begins.map(|begins| begins.capture)
    }

    /// Whether a frame comes in the order of time, as far as clocks go.
    pub(super) fn is_orderly(&self, at: Stamp) -> bool {
        self.latest.is_none_or(|latest| at.since(latest) >= -ORDERLY)
    }
}
