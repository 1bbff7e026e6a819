//! The frames of a timeline as the user wants them seen: as they are, or anonymised.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::anonymize::{Anonymizer, Key};
use crate::cli::Input;
use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, Frame};
use crate::pipeline::{Pipeline, Settings};
use crate::record::{SessionRecord, Sink, Summary};
use crate::source::{Capture, OpenError, Timeline};

/// A timeline that may wear a mask.
pub(super) struct Frames {
    timeline: Timeline,
    mask: Option<Box<Mask>>,
}

/// What anonymises, and what it has done to the captures themselves.
struct Mask {
    anonymizer: Anonymizer,
    /// How many interfaces of each capture are anonymised already.
    interfaces: Vec<usize>,
}

impl Frames {
    /// Opens files whose captures are numbered from `first` on. To be anonymised they are read once before.
    pub fn open(
        files: &[PathBuf],
        first: CaptureId,
        input: &Input,
        settings: &Settings,
        stop: &AtomicBool,
    ) -> io::Result<(Self, Vec<OpenError>)> {
        let mask = match input.anonymize {
            Some(key) => Some(Box::new(Mask::fitted(key, files, first, input, settings, stop)?)),
            None => None,
        };
        let (timeline, errors) = Timeline::open(files, first, input.filter.as_deref());
        let mut frames = Self { timeline, mask };
        frames.mask_interfaces();
        Ok((frames, errors))
    }

    /// The next frame that is not dismissed, and the captures as far as they have been read. Of masked frames, none is.
    pub fn next(&mut self, mut dismiss: impl FnMut(&Frame<'_>) -> bool) -> Option<(Frame<'_>, &[Capture])> {
        let is_masked = self.mask.is_some();
        if !self.timeline.step_over(|frame| !is_masked && dismiss(frame)) {
            return None;
        }
        self.mask_interfaces();
        let frame = self.timeline.frame()?;
        let frame = match &mut self.mask {
            Some(mask) => mask.anonymizer.frame(&frame),
            None => frame,
        };
        Some((frame, self.timeline.captures()))
    }

    /// The captures as far as they have been read.
    pub fn captures(&self) -> &[Capture] {
        self.timeline.captures()
    }

    /// Bytes read, and how many there are if that is known.
    pub fn progress(&self) -> (u64, Option<u64>) {
        self.timeline.progress()
    }

    /// Whether there was more control text than the anonymiser could understand.
    pub fn is_overfull(&self) -> bool {
        self.mask.as_ref().is_some_and(|mask| mask.anonymizer.is_overfull())
    }

    fn mask_interfaces(&mut self) {
        let Some(mask) = &mut self.mask else { return };
        let captures = self.timeline.captures_mut();
        mask.interfaces.resize(captures.len(), 0);
        for (capture, done) in captures.iter_mut().zip(&mut mask.interfaces) {
            for interface in capture.interfaces.iter_mut().skip(*done) {
                mask.anonymizer.interface(interface);
            }
            *done = capture.interfaces.len();
        }
    }
}

impl Mask {
    /// Reads the files for what their control connections say.
    fn fitted(
        key: Key,
        files: &[PathBuf],
        first: CaptureId,
        input: &Input,
        settings: &Settings,
        stop: &AtomicBool,
    ) -> io::Result<Self> {
        let mut anonymizer = Anonymizer::new(key);
        let settings = Settings { overhear: true, in_full: false, ..settings.clone() };
        let mut pipeline = Pipeline::new(settings, SessionId(1));
        let (mut timeline, _) = Timeline::open(files, first, input.filter.as_deref());
        while !stop.load(Ordering::Relaxed) && timeline.step() {
            let Some(frame) = timeline.frame() else { break };
            anonymizer.look(&frame);
            pipeline.push(&frame, timeline.captures(), &mut Nobody)?;
            pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
        }
        pipeline.finish(timeline.captures(), &mut Nobody)?;
        pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
        anonymizer.heard();
        Ok(Self { anonymizer, interfaces: Vec::new() })
    }
}

/// Whom conclusions are told that nobody wants yet.
struct Nobody;

impl Sink for Nobody {
    fn session(&mut self, _: &SessionRecord) -> io::Result<()> {
        Ok(())
    }

    fn finding(&mut self, _: &Finding) -> io::Result<()> {
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
