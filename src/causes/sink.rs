//! A sink behind which findings carry the cause they are of.

use std::io;

use super::Causes;
use crate::finding::Finding;
use crate::record::{PointRecord, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// Passes everything on; findings with their causes.
pub struct Caused<'a> {
    causes: Causes,
    inner: &'a mut dyn Sink,
}

impl<'a> Caused<'a> {
    /// Numbers the causes of what `inner` is told.
    pub fn new(inner: &'a mut dyn Sink) -> Self {
        Self { causes: Causes::default(), inner }
    }

    /// All captures are judged: tells the causes.
    pub fn finish(self) -> io::Result<()> {
        self.inner.causes(&self.causes.finish())
    }
}

impl Sink for Caused<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.inner.secret(secret);
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.causes.points(points);
        self.inner.points(points)
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.causes.session(session);
        self.inner.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let cause = self.causes.finding(finding);
        if cause.is_none() {
            return self.inner.finding(finding);
        }
        self.inner.finding(&Finding { cause, ..finding.clone() })
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.causes.superseded(superseded);
        self.inner.superseded(superseded)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, summary)
    }
}
