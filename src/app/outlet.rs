//! Where goes what a timeline tells: to whoever reports it, and what could not be read to whoever attends the run.

use std::io;

use super::attend::{Progress, complain};
use super::unreadable;
use crate::finding::Finding;
use crate::options::Input;
use crate::record::{SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::{Capture, OpenError};

/// A sink that is also told what else there is to say of a timeline, in its turn.
pub(super) trait Outlet: Sink {
    /// What could not be read.
    fn unreadable(&mut self, errors: &[OpenError]);

    /// There was more control text than can be anonymised word by word.
    fn overfull(&mut self);
}

/// Tells everything at once.
pub(super) struct Direct<'a> {
    pub(super) sink: &'a mut dyn Sink,
    /// Of the run: what could not be read is noted in it.
    pub(super) summary: &'a mut Summary,
    pub(super) input: &'a Input,
    pub(super) progress: &'a Progress,
}

impl Outlet for Direct<'_> {
    fn unreadable(&mut self, errors: &[OpenError]) {
        self.progress.aside(|| unreadable::note(self.summary, errors, self.input));
    }

    fn overfull(&mut self) {
        let what = "too much control text to anonymise word by word; the rest of it is masked";
        self.progress.aside(|| complain(what, None));
    }
}

impl Sink for Direct<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.sink)
    }

    fn secret(&mut self, secret: &Secret) {
        self.sink.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.sink.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.sink.finding(finding)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.sink.end(captures, summary)
    }
}
