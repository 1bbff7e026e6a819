//! Reads and judges the groups of a plan: one after the other, or several at once (see [`super::workers`]). What is told, and
//! in which order, is the same.

use std::io;
use std::path::Path;

use super::alone::{self, Part};
use super::attend::{Progress, complain};
use super::interrupt::Interrupt;
use super::reading::{AllRead, Run, add};
use super::workers::{self, Turn};
use super::{follow, incident, is_growing, unreadable};
use crate::decrypt::Keys;
use crate::finding::SessionId;
use crate::options::Input;
use crate::pipeline::{Pipeline, Settings};
use crate::points::{Group, Plan};
use crate::record::{Interruption, Sink, Summary};
use crate::report::interrupted_by;

/// Reads and judges every group; `sink` is told everything but the end.
pub(super) fn read(
    plan: &Plan,
    input: &Input,
    settings: &Settings,
    interrupt: &Interrupt,
    sink: &mut dyn Sink,
) -> io::Result<AllRead> {
    let progress = Progress::over(plan.groups.iter().map(|group| group.files.as_slice()));
    let run = Run { plan, input, settings, interrupt, progress };
    let mut reading = Reading::begin(&run);
    let turns = |turn: Turn<'_>| {
        match turn {
            Turn::Here(group) => reading.group(group, sink)?,
            Turn::Elsewhere(group, answers) => {
                let next = reading.next;
                match answers.tell(next, &mut reading.all.outlet(sink, &run))? {
                    Some(part) => reading.add(part),
                    None => reading.pass_over(group),
                }
            }
        }
        Ok(reading.all.next_capture())
    };
    workers::in_turn(&run, turns)?;
    run.progress.finish();
    Ok(reading.end())
}

/// All groups as far as they have been read.
struct Reading<'a> {
    run: &'a Run<'a>,
    all: AllRead,
    next: SessionId,
    /// Whether anything was not read because of a signal, and how many files were not even opened.
    cut: bool,
    not_read: usize,
}

impl<'a> Reading<'a> {
    fn begin(run: &'a Run<'a>) -> Self {
        let mut all = AllRead {
            captures: Vec::new(),
            summary: Summary::default(),
            complete: true,
            last_session: SessionId(0),
            resumed: Keys::default(),
        };
        unreadable::note(&mut all.summary, &run.plan.errors, run.input);
        // Directories may not have been looked through.
        Self { run, all, next: SessionId(1), cut: run.interrupt.is_wanted(), not_read: 0 }
    }

    /// Reads and judges the next group here and now.
    fn group(&mut self, group: &Group, sink: &mut dyn Sink) -> io::Result<()> {
        let Run { input, interrupt, .. } = *self.run;
        if interrupt.is_wanted() {
            self.pass_over(group);
            return Ok(());
        }
        if !group.points.is_empty() {
            self.next = incident::read(group, self.next, self.run, sink, &mut self.all)?;
            self.cut |= interrupt.is_wanted();
            return Ok(());
        }
        if is_growing(input)
            && let [file] = group.files.as_slice()
        {
            return self.growing(file, sink);
        }
        let (first, next) = (self.all.next_capture(), self.next);
        let part = alone::judge(group, first, next, self.run, &mut self.all.outlet(sink, self.run), |_| ())?;
        self.add(part);
        Ok(())
    }

    /// A group that was not come to before a signal.
    fn pass_over(&mut self, group: &Group) {
        self.cut = true;
        self.not_read += group.files.len();
    }

    /// What came of the next group.
    fn add(&mut self, part: Part) {
        self.next = SessionId(self.next.0 + part.sessions);
        self.cut |= part.cut;
        self.not_read += part.not_read;
        self.all.resumed.add_all(&part.resumed);
        add(&mut self.all.summary, &part.counts);
        self.all.captures.extend(part.captures);
    }

    fn growing(&mut self, file: &Path, sink: &mut dyn Sink) -> io::Result<()> {
        let Run { input, settings, interrupt, .. } = *self.run;
        let mut pipeline = Pipeline::new(settings.clone(), self.next);
        let following = follow(file, self.all.next_capture(), input, &mut pipeline, sink, interrupt)?;
        unreadable::note(&mut self.all.summary, following.failures(), input);
        self.cut |= interrupt.is_wanted();
        self.not_read += usize::from(following.captures().is_empty() && following.failures().is_empty());
        let part = pipeline.finish(following.captures(), sink)?;
        self.next = pipeline.next_session();
        add(&mut self.all.summary, &part);
        self.all.captures.extend_from_slice(following.captures());
        Ok(())
    }

    fn end(self) -> AllRead {
        let Self { run, mut all, next, cut, not_read } = self;
        all.complete &= all.summary.is_all_read();
        all.last_session = SessionId(next.0 - 1);
        if cut && let Some(signal) = run.interrupt.cut_off() {
            let interruption = Interruption { signal, not_read: not_read as u64 };
            complain(&interrupted_by(&interruption, &all.captures), None);
            all.summary.interrupted = Some(interruption);
        }
        all
    }
}
