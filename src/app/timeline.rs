//! The frames of one timeline, opened and read to their end or to an interrupt, by whoever judges them.

use std::io;
use std::path::PathBuf;

use super::attend::Progress;
use super::frames::Frames;
use super::interrupt::Interrupt;
use super::outlet::Outlet;
use crate::frame::{CaptureId, Frame};
use crate::options::Input;
use crate::pipeline::Settings;
use crate::source::{Capture, OpenError};

/// How many frames are handed out between two looks at the progress bar: one at least of all that is read at once.
const FRAMES_PER_LOOK: u32 = 256;

/// What frames are read into.
pub(super) trait Reader {
    /// Whether this frame need not be pushed; it may be all the same.
    fn skips(&mut self, _: &Frame<'_>) -> bool {
        false
    }

    /// Judges a frame; `captures` are known as far as they have been read.
    fn push(&mut self, frame: &Frame<'_>, captures: &[Capture]) -> io::Result<()>;
}

/// A timeline that has been opened.
pub(super) struct Opened {
    pub(super) frames: Frames,
    /// What could not be opened.
    pub(super) errors: Vec<OpenError>,
    /// What it is judged by: own addresses as its frames show them.
    pub(super) settings: Settings,
}

impl Opened {
    /// Tells what could not be opened.
    pub(super) fn tell(&self, outlet: &mut dyn Outlet) {
        outlet.unreadable(&self.errors);
        if self.frames.is_overfull() {
            outlet.overfull();
        }
    }
}

/// Opens files whose captures are numbered from `first` on.
pub(super) fn open(
    files: &[PathBuf],
    first: CaptureId,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
) -> io::Result<Opened> {
    let (mut frames, errors) = Frames::open(files, first, input, settings, interrupt)?;
    let here = settings.here.iter().map(|address| frames.shown(*address)).collect();
    Ok(Opened { frames, errors, settings: Settings { here, ..settings.clone() } })
}

/// Reads all frames, with the progress under the name of the first file.
pub(super) fn read(
    frames: &mut Frames,
    reader: &mut impl Reader,
    files: &[PathBuf],
    progress: &Progress,
    interrupt: &Interrupt,
) -> io::Result<()> {
    let mut part = progress.part(files);
    let mut left = FRAMES_PER_LOOK;
    while !interrupt.is_wanted()
        && let Some((frame, captures)) = frames.next(&mut |frame| reader.skips(frame))
    {
        reader.push(&frame, captures)?;
        left -= 1;
        if left == 0 {
            left = FRAMES_PER_LOOK;
            if let ((read, Some(total)), Some(name)) = (frames.progress(), files.first()) {
                part.at(name, read, total);
            }
        }
    }
    if interrupt.is_wanted() {
        frames.break_off();
    }
    Ok(())
}
