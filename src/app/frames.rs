//! The frames of a timeline as the user wants them seen: as they are, or anonymised.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use super::interrupt::Interrupt;
use crate::anonymize::{Anonymizer, Key, RemarksOn};
use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, Frame};
use crate::options::Input;
use crate::pipeline::{Pipeline, Settings};
use crate::record::{SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::{Capture, OpenError, Remarks, Timeline};

/// A timeline that may wear a mask.
pub(super) struct Frames {
    timeline: Timeline,
    mask: Option<Box<Mask>>,
}

/// In which order the frames of a file come that has several interfaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// In that of time.
    Time,
    /// As they stand in it.
    File,
}

/// What anonymises, and what it has done to the captures themselves.
struct Mask {
    anonymizer: Anonymizer,
    /// What is done of each capture.
    done: Vec<Done>,
}

/// How much of what a capture tells is anonymised already.
#[derive(Clone, Debug, Default)]
struct Done {
    section: bool,
    interfaces: usize,
    names: usize,
}

impl Frames {
    /// Opens files whose captures are numbered from `first` on. To be anonymised they are read once before; what could not
    /// be read then is among the errors, and again if it cannot be read now.
    pub fn open(
        files: &[PathBuf],
        first: CaptureId,
        input: &Input,
        settings: &Settings,
        interrupt: &Interrupt,
    ) -> io::Result<(Self, Vec<OpenError>)> {
        Self::open_in(Order::Time, files, first, input, settings, interrupt)
    }

    /// The same in an order. To be anonymised, they come in that of time.
    pub fn open_in(
        order: Order,
        files: &[PathBuf],
        first: CaptureId,
        input: &Input,
        settings: &Settings,
        interrupt: &Interrupt,
    ) -> io::Result<(Self, Vec<OpenError>)> {
        let (mask, mut errors) = match input.anonymize {
            Some(key) => {
                let (mask, errors) = Mask::fitted(key, files, first, input, settings, interrupt)?;
                (Some(Box::new(mask)), errors)
            }
            None => (None, Vec::new()),
        };
        let filter = input.filter.as_deref();
        let (timeline, further) = match order {
            Order::File if mask.is_none() => Timeline::open_as_stored(files, first, filter),
            Order::File | Order::Time => Timeline::open(files, first, filter),
        };
        errors.extend(further);
        let mut frames = Self { timeline, mask };
        frames.mask_captures();
        Ok((frames, errors))
    }

    /// The next frame that is not skipped, and the captures as far as they have been read. Of masked frames, none is.
    #[inline]
    pub fn next(&mut self, skips: &mut impl FnMut(&Frame<'_>) -> bool) -> Option<(Frame<'_>, &[Capture])> {
        if self.step(skips) { self.frame() } else { None }
    }

    /// Goes to the next frame that is not skipped; whether there is one.
    #[inline]
    pub fn step(&mut self, skips: &mut impl FnMut(&Frame<'_>) -> bool) -> bool {
        let is_there = if self.mask.is_some() { self.timeline.step() } else { self.timeline.step_over(skips) };
        self.mask_captures();
        is_there
    }

    /// What is told of the frame that the last step went to.
    pub fn remarks(&mut self) -> Remarks {
        let mut remarks = self.timeline.remarks();
        if let Some(mask) = &mut self.mask {
            mask.anonymizer.remarks(&mut remarks, RemarksOn::Packet);
        }
        remarks
    }

    /// That frame, and the captures as far as they have been read. To be asked for once.
    #[inline]
    pub fn frame(&mut self) -> Option<(Frame<'_>, &[Capture])> {
        let frame = self.timeline.frame()?;
        let frame = match &mut self.mask {
            Some(mask) => mask.anonymizer.frame(&frame),
            None => frame,
        };
        Some((frame, self.timeline.captures()))
    }

    /// An address as the frames show it.
    pub fn shown(&mut self, address: IpAddr) -> IpAddr {
        self.mask.as_mut().map_or(address, |mask| mask.anonymizer.address(address))
    }

    /// Nobody wants the rest of them.
    pub fn break_off(&mut self) {
        self.timeline.break_off();
    }

    /// What could not be read of them, once they have been.
    pub fn unreadable(&self) -> Vec<OpenError> {
        self.timeline.unreadable()
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

    fn mask_captures(&mut self) {
        let Some(mask) = &mut self.mask else { return };
        let captures = self.timeline.captures_mut();
        mask.done.resize(captures.len(), Done::default());
        for (capture, done) in captures.iter_mut().zip(&mut mask.done) {
            let told = &mut capture.annotations;
            if !std::mem::replace(&mut done.section, true) {
                mask.anonymizer.remarks(&mut told.section, RemarksOn::Section);
            }
            capture.interfaces.iter_mut().skip(done.interfaces).for_each(|one| mask.anonymizer.interface(one));
            told.names.iter_mut().skip(done.names).for_each(|named| mask.anonymizer.named(named));
            (done.interfaces, done.names) = (capture.interfaces.len(), told.names.len());
        }
    }
}

impl Mask {
    /// Reads the files for what their control connections say; gives what of them could not be read, too.
    fn fitted(
        key: Key,
        files: &[PathBuf],
        first: CaptureId,
        input: &Input,
        settings: &Settings,
        interrupt: &Interrupt,
    ) -> io::Result<(Self, Vec<OpenError>)> {
        let mut anonymizer = Anonymizer::new(key);
        let settings = Settings { overhear: true, in_full: false, ..settings.clone() };
        let mut pipeline = Pipeline::new(settings, SessionId(1));
        let (mut timeline, mut errors) = Timeline::open(files, first, input.filter.as_deref());
        while !interrupt.is_wanted() && timeline.step() {
            let Some(frame) = timeline.frame() else { break };
            pipeline.push(&frame, timeline.captures(), &mut Nobody)?;
            pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
            anonymizer.look(&frame, pipeline.booked());
        }
        pipeline.finish(timeline.captures(), &mut Nobody)?;
        pipeline.overheard().into_iter().for_each(|overheard| anonymizer.hear(overheard));
        anonymizer.heard();
        errors.extend(timeline.unreadable());
        Ok((Self { anonymizer, done: Vec::new() }, errors))
    }
}

/// Whom conclusions are told that nobody wants yet.
pub(super) struct Nobody;

impl Sink for Nobody {
    fn secret(&mut self, _: &Secret) {}

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
