//! A timeline that is judged alone.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use super::outlet::Outlet;
use super::reading::Run;
use super::timeline::{self, Opened, Reader};
use crate::decrypt::Keys;
use crate::finding::SessionId;
use crate::frame::{CaptureId, Frame};
use crate::pipeline::{Pipeline, Places, Settings};
use crate::points::Group;
use crate::record::Summary;
use crate::source::Capture;

/// What came of one timeline.
pub(super) struct Part {
    pub(super) captures: Vec<Capture>,
    pub(super) counts: Summary,
    /// How many numbers its sessions took.
    pub(super) sessions: u32,
    pub(super) resumed: Keys,
    /// Files that were not come to, and whether there was anything that was not read.
    pub(super) not_read: usize,
    pub(super) cut: bool,
}

/// Reads and judges the files of one timeline, its captures and sessions numbered from the given ones on; `opened` is told
/// how many captures there are as soon as that is known.
pub(super) fn judge(
    group: &Group,
    first: CaptureId,
    next: SessionId,
    run: &Run<'_>,
    outlet: &mut dyn Outlet,
    opened: impl FnOnce(usize),
) -> io::Result<Part> {
    let begun = timeline::open(&group.files, first, run.input, run.settings, run.interrupt)?;
    begun.tell(outlet);
    let Opened { mut frames, errors, settings, .. } = begun;
    opened(frames.captures().len());
    let places = if group.is_of_several_places() { Places::Several } else { Places::One };
    let mut judged = Judged { pipeline: Pipeline::new(Settings { places, ..settings }, next), sink: &mut *outlet };
    timeline::read(&mut frames, &mut judged, &group.files, &run.progress, run.interrupt)?;
    let mut pipeline = judged.pipeline;
    outlet.unreadable(&frames.unreadable());
    // Two readings may have told of the same file, and of one that is a capture nevertheless.
    let known = frames.captures().iter().map(Capture::file).chain(errors.iter().map(|error| error.path.as_path()));
    let known: BTreeSet<&Path> = known.collect();
    let come_to = group.files.iter().filter(|file| known.contains(file.as_path())).count();
    let counts = pipeline.finish(frames.captures(), outlet)?;
    let part = Part {
        counts,
        sessions: pipeline.next_session().0 - next.0,
        resumed: pipeline.resumed().clone(),
        not_read: group.files.len().saturating_sub(come_to),
        cut: come_to < group.files.len() || frames.captures().iter().any(|capture| capture.unread),
        captures: frames.captures().to_vec(),
    };
    Ok(part)
}

/// Judges one timeline.
struct Judged<'a> {
    pipeline: Pipeline,
    sink: &'a mut dyn Outlet,
}

impl Reader for Judged<'_> {
    #[inline]
    fn skips(&mut self, frame: &Frame<'_>) -> bool {
        self.pipeline.skips(frame)
    }

    #[inline]
    fn push(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> io::Result<()> {
        self.pipeline.push(frame, captures, self.sink)
    }
}
