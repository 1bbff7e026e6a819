//! A sink behind which no text tells a secret that was seen before it.

use std::io;

use super::{Cause, Pending, SessionRecord, Sink, Summary};
use crate::finding::Finding;
use crate::redact::{Secret, Secrets};
use crate::source::Capture;

/// Passes everything on, redacted: for sinks that write what they get when they get it.
pub struct Redacted<S> {
    secrets: Secrets,
    inner: S,
}

impl<S: Sink> Redacted<S> {
    /// Redacts for `inner`.
    pub fn new(inner: S) -> Self {
        Self { secrets: Secrets::default(), inner }
    }
}

impl<S: Sink> Sink for Redacted<S> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.secrets.learn(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        let mut session = session.clone();
        session.texts(|text| self.secrets.finish(text));
        self.inner.session(&session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let mut finding = finding.clone();
        finding.texts(|text| self.secrets.finish(text));
        self.inner.finding(&finding)
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        let mut pending = pending.clone();
        pending.command.iter_mut().for_each(|command| self.secrets.finish(command));
        self.inner.pending(&pending)
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        let mut causes = causes.to_vec();
        for cause in &mut causes {
            cause.texts(|text| self.secrets.finish(text));
        }
        self.inner.causes(&causes)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}
