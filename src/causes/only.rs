//! A sink that passes on what belongs to one cause.

use std::collections::BTreeSet;
use std::io;

use crate::finding::{CauseId, DiagnosisName, Finding, Role, Severity, TransferId};
use crate::record::{Cause, Outcome, Pending, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;

/// Passes on the findings of a cause, with what is related to them and limits them, and their sessions; without a cause,
/// everything. Wants findings that carry their causes ([`super::Caused`]).
pub struct Only<'a> {
    cause: Option<CauseId>,
    inner: &'a mut dyn Sink,
    /// The session that was told last, until its findings are known.
    held: Option<(SessionRecord, Vec<Finding>)>,
    diagnosis: Option<DiagnosisName>,
    counted: Summary,
    last: CauseId,
}

impl<'a> Only<'a> {
    /// Passes on to `inner` what belongs to `cause`.
    pub fn new(inner: &'a mut dyn Sink, cause: Option<CauseId>) -> Self {
        Self { cause, inner, held: None, diagnosis: None, counted: Summary::default(), last: CauseId(0) }
    }

    /// Why there is nothing of it, if there is no such cause: to be asked when all causes are known.
    pub fn lacking(&self) -> Option<String> {
        let cause = self.cause.filter(|_| self.diagnosis.is_none())?;
        Some(match self.last {
            CauseId(0) => format!("no cause {}: there is none", cause.0),
            last => format!("no cause {}: the last one is {}", cause.0, last.0),
        })
    }

    fn pass(&mut self, finding: &Finding) -> io::Result<()> {
        if finding.cause == self.cause {
            self.diagnosis = Some(finding.diagnosis);
        }
        self.counted.add(finding.severity, finding.role);
        self.inner.finding(finding)
    }

    /// All findings of the session are known.
    fn settle(&mut self) -> io::Result<()> {
        let Some((session, findings)) = self.held.take() else { return Ok(()) };
        let of_it = findings.iter().filter(|finding| finding.cause == self.cause);
        let about: BTreeSet<Option<TransferId>> = of_it.map(|finding| finding.transfer).collect();
        if about.is_empty() {
            return Ok(());
        }
        let failed = session.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed);
        self.counted.failed += failed.count() as u64;
        self.counted.transfers += session.transfers.len() as u64;
        self.inner.session(&session)?;
        let belongs = |finding: &&Finding| {
            let stands_beside = finding.role == Role::Related || finding.severity == Severity::Quality;
            finding.cause == self.cause
                || (stands_beside && (finding.transfer.is_none() || about.contains(&finding.transfer)))
        };
        let wanted: Vec<&Finding> = findings.iter().filter(belongs).collect();
        wanted.into_iter().try_for_each(|finding| self.pass(finding))
    }
}

impl Sink for Only<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.inner.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.cause.is_none() {
            return self.inner.session(session);
        }
        self.settle()?;
        self.held = Some((session.clone(), Vec::new()));
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.last = self.last.max(finding.cause.unwrap_or(self.last));
        if self.cause.is_none() {
            return self.inner.finding(finding);
        }
        if let Some((session, findings)) = &mut self.held
            && finding.session == Some(session.id)
        {
            findings.push(finding.clone());
            return Ok(());
        }
        if finding.cause == self.cause { self.pass(finding) } else { Ok(()) }
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        if self.cause.is_some() && self.diagnosis != Some(superseded.diagnosis) {
            return Ok(());
        }
        self.counted.subtract(superseded.severity, superseded.role);
        self.inner.superseded(superseded)
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        if self.cause.is_none() { self.inner.pending(pending) } else { Ok(()) }
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.settle()?;
        if self.cause.is_none() {
            return self.inner.causes(causes);
        }
        let wanted: Vec<Cause> = causes.iter().filter(|cause| Some(cause.id) == self.cause).cloned().collect();
        self.inner.causes(&wanted)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.settle()?;
        if self.cause.is_none() {
            return self.inner.end(captures, summary);
        }
        let Summary { transfers, failed, error, warning, info, quality, .. } = self.counted;
        self.inner.end(
            captures,
            &Summary { transfers, failed, error, warning, info, quality, only: self.cause, ..summary.clone() },
        )
    }
}
