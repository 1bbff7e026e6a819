//! The frames of one timeline, opened and read to their end or to an interrupt, by whoever judges them.

use std::io;
use std::path::PathBuf;

use super::frames::Frames;
use super::interrupt::Interrupt;
use super::{AllRead, Progress, complain, unreadable};
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
    /// What could not be opened, as it was noted.
    pub(super) errors: Vec<OpenError>,
    /// What it is judged by: own addresses as its frames show them.
    pub(super) settings: Settings,
}

/// Opens files behind the captures that were read before.
pub(super) fn open(
    files: &[PathBuf],
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    all: &mut AllRead,
) -> io::Result<Opened> {
    let first = CaptureId(u32::try_from(all.captures.len()).unwrap_or(u32::MAX));
    let (mut frames, errors) = Frames::open(files, first, input, settings, interrupt)?;
    unreadable::note(&mut all.summary, &errors, input);
    if frames.is_overfull() {
        complain("too much control text to anonymise word by word; the rest of it is masked", None);
    }
    let here = settings.here.iter().map(|address| frames.shown(*address)).collect();
    Ok(Opened { frames, errors, settings: Settings { here, ..settings.clone() } })
}

/// Reads all frames, with the progress under the name of the first file, and notes what could not be read.
pub(super) fn read(
    frames: &mut Frames,
    reader: &mut impl Reader,
    files: &[PathBuf],
    input: &Input,
    interrupt: &Interrupt,
    all: &mut AllRead,
) -> io::Result<()> {
    let mut progress = Progress::new(true);
    let mut left = FRAMES_PER_LOOK;
    while !interrupt.is_wanted()
        && let Some((frame, captures)) = frames.next(&mut |frame| reader.skips(frame))
    {
        reader.push(&frame, captures)?;
        left -= 1;
        if left == 0 {
            left = FRAMES_PER_LOOK;
            if let ((read, Some(total)), Some(name)) = (frames.progress(), files.first()) {
                progress.at(name, read, total);
            }
        }
    }
    progress.finish();
    unreadable::note(&mut all.summary, &frames.unreadable(), input);
    if interrupt.is_wanted() {
        frames.break_off();
    }
    Ok(())
}
