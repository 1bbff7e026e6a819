//! A sink that passes on what belongs to a window of time, so that windows that are judged apart tell everything once.
//!
//! A transfer belongs to the window of its final reply, or of the last thing that was seen of it where there is none; its
//! findings go with it. Any other finding belongs to the window of the last frame that shows it.

use std::collections::HashMap;
use std::io;

use foldhash::fast::RandomState;

use super::{Outcome, SessionRecord, Sink, Summary, TransferRecord};
use crate::finding::{Evidence, Finding, SessionId, TransferId};
use crate::frame::Timestamp;
use crate::redact::Secret;
use crate::source::Capture;

/// A window of time: from its first moment to the one that is no longer in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Its first moment.
    pub from: Timestamp,
    /// The first one behind it.
    pub to: Timestamp,
}

impl Window {
    fn holds(self, time: Timestamp) -> bool {
        self.from <= time && time < self.to
    }
}

/// Passes on what belongs to a window.
pub struct Between<'a> {
    inner: &'a mut dyn Sink,
    window: Window,
    /// When the transfers of the session told last ended: its findings follow it.
    ended: HashMap<(SessionId, TransferId), Timestamp, RandomState>,
    /// What is passed on.
    summary: Summary,
}

impl<'a> Between<'a> {
    /// Passes on to `inner` what belongs to `window`.
    pub fn new(inner: &'a mut dyn Sink, window: Window) -> Self {
        Self { inner, window, ended: HashMap::default(), summary: Summary::default() }
    }

    /// The summary of a run with the counts of what was passed on.
    pub fn counted(&self, summary: &Summary) -> Summary {
        let Summary { transfers, failed, error, warning, info, quality, .. } = self.summary.clone();
        Summary { transfers, failed, error, warning, info, quality, ..summary.clone() }
    }

    fn owns(&self, finding: &Finding) -> bool {
        let of_transfer = finding.session.zip(finding.transfer).and_then(|transfer| self.ended.get(&transfer));
        self.window.holds(of_transfer.copied().unwrap_or_else(|| last_shown(finding)))
    }
}

/// When a transfer ended, as far as that was seen.
fn ended(transfer: &TransferRecord) -> Timestamp {
    let tried = transfer.attempts.iter().map(|attempt| attempt.syn.time).max();
    match &transfer.reply {
        Some(reply) => reply.at.time,
        None => transfer.at.time.max(tried.unwrap_or(transfer.at.time)),
    }
}

/// The last moment that shows a finding. How long something was not there depends on how much was read.
fn last_shown(finding: &Finding) -> Timestamp {
    let shown = std::iter::once(&finding.primary).chain(&finding.supporting).map(|evidence| match evidence {
        Evidence::Seen { frames, .. } => frames.iter().map(|at| at.time).max().unwrap_or(frames.last().time),
        Evidence::Missing { after, .. } => after.time,
    });
    shown.max().unwrap_or(finding.primary.first().time)
}

impl Sink for Between<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.inner.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.ended = session.transfers.iter().map(|one| ((session.id, one.id), ended(one))).collect();
        let mut session = session.clone();
        session.transfers.retain(|transfer| self.window.holds(ended(transfer)));
        // A clock may have been set back within the session.
        let (first, last) = (session.first.time.min(session.last.time), session.last.time.max(session.first.time));
        if session.transfers.is_empty() && (last < self.window.from || first >= self.window.to) {
            return Ok(());
        }
        let failed = session.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed).count();
        self.summary.transfers += session.transfers.len() as u64;
        self.summary.failed += failed as u64;
        self.inner.session(&session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if !self.owns(finding) {
            return Ok(());
        }
        self.summary.add(finding.severity, finding.role);
        self.inner.finding(finding)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let summary = self.counted(summary);
        self.inner.end(captures, &summary)
    }
}
