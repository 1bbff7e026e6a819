//! Keeps of causes with very many findings what a page of blocks shows of them.

use std::collections::HashMap;
use std::io;

use super::collect::Collecting;
use crate::finding::{CauseId, Finding, Severity};
use crate::record::{Cause, HostRecord, PointRecord, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// Findings of a cause that are kept to choose from: the cause counts all of them.
const KEPT: u64 = 32;

/// Collects sessions with their findings while those are among the first of their cause, and counts the others.
pub(super) struct Thinned {
    collecting: Collecting,
    counts: HashMap<CauseId, u64>,
    /// The session that was told last, until its findings are known.
    held: Option<(SessionRecord, Vec<Finding>)>,
}

impl Thinned {
    pub(super) fn new(collecting: Collecting) -> Self {
        Self { collecting, counts: HashMap::new(), held: None }
    }

    /// All findings of the session are known.
    fn settle(&mut self) -> io::Result<()> {
        let Some((session, findings)) = self.held.take() else { return Ok(()) };
        let (mut has_cause, mut is_wanted) = (false, false);
        for cause in findings.iter().filter_map(|finding| finding.cause) {
            let count = self.counts.entry(cause).or_default();
            *count += 1;
            has_cause = true;
            is_wanted |= *count <= KEPT;
        }
        let run = &mut self.collecting.run;
        if is_wanted || (!has_cause && run.hidden.is_empty()) {
            self.collecting.session(&session)?;
            return findings.iter().try_for_each(|finding| self.collecting.finding(finding));
        }
        run.tally.count(&session);
        run.hidden.insert(session.id);
        for note in findings.iter().filter(|finding| finding.severity == Severity::Quality) {
            *run.hidden_notes.entry(note.diagnosis).or_default() += 1;
        }
        Ok(())
    }
}

impl Sink for Thinned {
    fn secret(&mut self, secret: &Secret) {
        self.collecting.secret(secret);
    }

    fn points(&mut self, points: &[PointRecord]) -> io::Result<()> {
        self.collecting.points(points)
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.settle()?;
        self.held = Some((session.clone(), Vec::new()));
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if let Some((session, findings)) = &mut self.held
            && finding.session == Some(session.id)
        {
            findings.push(finding.clone());
            return Ok(());
        }
        self.collecting.finding(finding)
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.settle()?;
        self.collecting.superseded(superseded)
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.collecting.hosts(hosts)
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.settle()?;
        self.collecting.causes(causes)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.settle()?;
        self.collecting.end(captures, summary)
    }
}
