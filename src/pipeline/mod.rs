//! Frames in, sessions and findings out: the stages in the order of the path of data.
//!
//! `push` every frame of one capture group in order of time, then `finish`. Does no I/O but through the sink it is
//! given, and knows no clock but packet time.
//!
//! The [`Pipeline`] is three things: a `Model` of what was seen, a `Judge` who knows what has been said of it, and a
//! `Schedule` of when something is to be said. Frames change the model and set deadlines; deadlines have the judge look at
//! the model, which he cannot change, and tell the sink.

mod judge;
mod model;
mod schedule;
mod settings;

use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use crate::decrypt;
use crate::facts::Facts;
use crate::finding::SessionId;
use crate::flow::ConnectionId;
use crate::frame::{Frame, Stamp, Timestamp};
use crate::record::{Sink, Summary, TimeWaitEntry};
use crate::source::Capture;
use crate::transfer::sessions::SessionIndex;
use crate::wire::Decoder;
use judge::Judge;
use model::Model;
pub use model::{Heard, Overheard, Stats, is_telling};
use schedule::{AT_ONCE, Deadline, Schedule};
pub use settings::{FastPath, Judging, MEMORY, Places, Settings};

/// The analysis of one capture group.
pub struct Pipeline {
    judging: Judging,
    /// Whether the inventory of hosts is wanted.
    in_full: bool,
    /// Beside the model, for it lends its fragment pool to what the model takes.
    decoder: Decoder,
    model: Model,
    judge: Judge,
    schedule: Schedule,
}

impl Pipeline {
    /// An analysis whose sessions are numbered from `first_session` on.
    pub fn new(settings: Settings, first_session: SessionId) -> Self {
        Self {
            judging: settings.judging,
            in_full: settings.in_full,
            decoder: Decoder::default(),
            model: Model::new(&settings, first_session),
            schedule: Schedule::new(settings.judging),
            judge: Judge::new(settings),
        }
    }

    /// Whether a frame concerns no FTP, so that it need not be pushed: then all that is to be done with it is done. Frames
    /// are asked for in their order; it is as good to push them all.
    #[inline]
    pub fn skips(&mut self, frame: &Frame<'_>) -> bool {
        frame.at.time < self.schedule.next() && self.model.skips(&mut self.decoder, frame)
    }

    /// Takes a frame; hands what it concludes to `sink`.
    pub fn push(&mut self, frame: &Frame<'_>, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        self.model.saw(frame.at);
        // Whatever was due before the frame came is judged without it.
        self.run_due(frame.at.time, captures, sink)?;
        self.model.take(&mut self.decoder, frame, captures, &mut self.schedule);
        // Nothing that quotes the frame may be told before its secrets are known.
        self.tell_secrets(sink);
        self.watch_attempt(frame.at, captures, sink)?;
        self.do_due(AT_ONCE, captures, sink)
    }

    /// Nothing was captured until `now`: judges what is due.
    pub fn tick(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        self.model.passes(now);
        self.wait(now, captures, sink)
    }

    /// No frame has come until `now`, but some may have been captured: judges what is due.
    pub fn wait(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        self.run_due(now, captures, sink)
    }

    /// The capture group has ended: judges every session that is left, then the hosts and the capture.
    pub fn finish(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<Summary> {
        self.model.end_controls(&mut self.schedule);
        self.tell_secrets(sink);
        for index in self.model.sessions_under_way() {
            self.judge_session(index, None, captures, sink)?;
        }
        self.review_hosts(None, captures, sink)?;
        if self.in_full {
            sink.hosts(&self.model.inventory(&self.decoder, captures))?;
        }
        Ok(self.judge.summary().clone())
    }

    /// What was overheard since it was last asked, if [`Settings::overhear`] is set; to be asked after every frame and
    /// at the end.
    pub fn overheard(&mut self) -> Vec<Overheard> {
        self.model.take_overheard()
    }

    /// From now on the kernels of hosts say this.
    pub fn learn_facts(&mut self, facts: Arc<Facts>) {
        self.model.learn_facts(facts);
    }

    /// Takes all keys of TLS that are known now; reads what has waited for them.
    pub fn learn_keys(&mut self, keys: Arc<decrypt::Keys>) {
        self.model.learn_keys(keys, &mut self.schedule);
    }

    /// The keys of control connections for which none were given: the master of an earlier one opened them.
    pub fn resumed(&self) -> &decrypt::Keys {
        self.model.resumed()
    }

    /// Whether a control connection waits for its keys.
    pub fn wants_keys(&self) -> bool {
        self.model.wants_keys()
    }

    /// The number the next session would get.
    pub fn next_session(&self) -> SessionId {
        self.model.next_session()
    }

    /// The connection the last frame belongs to, if it belongs to one that is followed.
    pub fn booked(&self) -> Option<ConnectionId> {
        self.model.booked()
    }

    /// Counts so far.
    pub fn stats(&self) -> Stats {
        let Summary { transfers, failed, .. } = *self.judge.summary();
        Stats { transfers, failed, ..self.model.stats() }
    }

    /// The server of a session that is under way.
    pub fn server(&self, id: SessionId) -> Option<IpAddr> {
        self.model.server(id)
    }

    /// The 5-tuples that are in TIME-WAIT, the longest held first.
    pub fn time_wait_table(&self, now: Timestamp) -> Vec<TimeWaitEntry> {
        self.model.time_wait_table(now)
    }

    /// Does what is due at `now`, before anything is booked that comes then.
    fn run_due(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        if self.judging == Judging::Promptly {
            self.model.look_for_drops(now, captures);
        }
        self.do_due(now, captures, sink)
    }

    #[inline]
    fn do_due(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        if now < self.schedule.next() {
            return Ok(());
        }
        for (due, deadline) in self.schedule.due(now) {
            self.meet(deadline, due, now, captures, sink)?;
        }
        Ok(())
    }

    /// Does what was to be done.
    fn meet(
        &mut self,
        deadline: Deadline,
        due: Timestamp,
        now: Timestamp,
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        match deadline {
            Deadline::Announced(index, offer) => self.with_views(index, captures, |judge, analysis, views| {
                judge.announced(analysis, views, (index, offer), sink)
            }),
            Deadline::Subject(index, subject) => self.with_views(index, captures, |judge, analysis, views| {
                judge.subject(analysis, views, (index, subject), sink)
            }),
            Deadline::Rollover(index) => {
                let ends =
                    self.with_views(index, captures, |judge, analysis, views| judge.roll_over(analysis, views, sink));
                for (index, end) in ends? {
                    self.model.roll_over(index, end);
                }
                Ok(())
            }
            Deadline::Session(index) => self.judge_session(index, Some(due), captures, sink),
            Deadline::HostReview => {
                // From now on and not from when it was due: a pause in the capture is no reason for many looks in a row.
                let pause = judge::interval(self.model.pairs());
                self.schedule.set(now.plus(pause), Deadline::HostReview);
                if due == AT_ONCE {
                    // Before the first frame there is nothing to look at.
                    return Ok(());
                }
                self.model.close_idle(now, &mut self.schedule);
                self.review_hosts(Some(now), captures, sink)
            }
        }
    }

    /// Has a session looked at that goes on.
    fn with_views<T: Default>(
        &mut self,
        index: SessionIndex,
        captures: &[Capture],
        look: impl FnOnce(&mut Judge, model::Analysis<'_>, &[SessionIndex]) -> io::Result<T>,
    ) -> io::Result<T> {
        let views = self.model.join_views(index);
        let analysis = self.model.analysis(&self.decoder, captures);
        let found = analysis.map(|analysis| look(&mut self.judge, analysis, &views));
        self.model.part_views(&views);
        found.unwrap_or_else(|| Ok(T::default()))
    }

    /// Judges a session, once, and forgets it, with its other view if it has one. The capture goes on until `due` at least,
    /// if it is not over.
    fn judge_session(
        &mut self,
        index: SessionIndex,
        due: Option<Timestamp>,
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        if due.is_some() && self.model.waits_for_other_view(index) {
            // The other view has a deadline of its own when it closes, and both are judged then.
            return Ok(());
        }
        self.model.end_session(index, &mut self.schedule);
        self.tell_secrets(sink);
        let views = self.model.join_views(index);
        if let Some(analysis) = self.model.analysis(&self.decoder, captures) {
            let analysis = due.map_or(analysis, |due| analysis.until(due));
            self.judge.session(analysis, &views, sink)?;
        }
        for index in views {
            self.model.forget_session(index);
        }
        Ok(())
    }

    /// Reports what is new about the hosts and the capture; without `now` at the end.
    fn review_hosts(&mut self, now: Option<Timestamp>, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let Some(analysis) = self.model.analysis(&self.decoder, captures) else { return Ok(()) };
        self.judge.group(analysis, now, sink)
    }

    /// Tells of a data connection whose SYNs get no answer, while a capture goes on.
    #[inline]
    fn watch_attempt(&mut self, at: Stamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let Some(id) = self.model.booked().filter(|_| self.judging == Judging::Promptly) else { return Ok(()) };
        let Some(analysis) = self.model.analysis(&self.decoder, captures) else { return Ok(()) };
        self.judge.attempt(analysis, (id, at), sink)
    }

    /// Tells of the secrets that were seen, before anything is told that may quote them.
    fn tell_secrets(&mut self, sink: &mut dyn Sink) {
        for secret in self.model.take_secrets() {
            sink.secret(&secret);
        }
    }
}
