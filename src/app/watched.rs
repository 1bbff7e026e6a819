//! What the exit status depends on.

use std::io;

use crate::finding::Finding;
use crate::options::FailOn;
use crate::record::{SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// Passes everything on and remembers what the exit status depends on.
pub(super) struct Watched<'a> {
    pub(super) inner: &'a mut dyn Sink,
    pub(super) fail_on: FailOn,
    /// Findings that make the exit status 1 and still hold.
    pub(super) reached: u64,
}

impl Sink for Watched<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.inner.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.inner.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.reached += u64::from(self.fail_on.reached_by(finding));
        self.inner.finding(finding)
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        let reached = self.fail_on.is_reached(superseded.role, superseded.severity);
        self.reached = self.reached.saturating_sub(u64::from(reached));
        self.inner.superseded(superseded)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}
