//! No more findings than are wanted.

use std::io;

use crate::finding::Finding;
use crate::record::{SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::Capture;

/// Passes on so many findings, and at the end how many more there were ([`Summary::left_out`]). Counts, causes and sessions
/// stay whole.
pub struct Capped {
    inner: Box<dyn Sink>,
    left: u64,
    left_out: u64,
}

impl Capped {
    /// A report with at most `most` findings; with all of them without a limit.
    pub fn new(inner: Box<dyn Sink>, most: Option<u64>) -> Self {
        Self { inner, left: most.unwrap_or(u64::MAX), left_out: 0 }
    }

    /// How many findings were left out.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl Sink for Capped {
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
        if self.left == 0 {
            self.left_out += 1;
            return Ok(());
        }
        self.left -= 1;
        self.inner.finding(finding)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.inner.end(captures, &Summary { left_out: self.left_out, ..summary.clone() })
    }
}
