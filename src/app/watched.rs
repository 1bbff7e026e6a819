//! What the exit status depends on.

use std::io;

use crate::cli::FailOn;
use crate::finding::Finding;
use crate::record::{Cause, HostRecord, Pending, PointRecord, SessionRecord, Sink, Summary, Superseded};
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

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.inner.hosts(hosts)
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.inner.points(points)
    }

    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.inner.begins(captures)
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        let reached = self.fail_on.is_reached(superseded.role, superseded.severity);
        self.reached = self.reached.saturating_sub(u64::from(reached));
        self.inner.superseded(superseded)
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        self.inner.pending(pending)
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.inner.causes(causes)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}
