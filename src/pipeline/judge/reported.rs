//! What was reported of sessions that are not over yet, to tell what a later judgement changes of it.

use std::collections::BTreeMap;

use crate::finding::{Confidence, DiagnosisName, Finding, Role, SessionId, Severity};
use crate::pipeline::schedule::Subject;
use crate::pipeline::settings::Judging;
use crate::record::{Hosts, Pending, Superseded};
use crate::transfer::concluded::Concluded;
use crate::transfer::sessions::SessionIndex;

/// What a judgement adds to the report, and takes back.
#[derive(Debug, Default)]
pub(super) struct Changes {
    pub(super) findings: Vec<Finding>,
    pub(super) superseded: Vec<Superseded>,
    pub(super) pending: Vec<Pending>,
}

impl Changes {
    pub(super) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.superseded.extend(other.superseded);
        self.pending.extend(other.pending);
    }
}

/// A finding that was reported of a subject, as far as it can differ from a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ReportedFinding {
    diagnosis: DiagnosisName,
    role: Role,
    severity: Severity,
    confidence: Confidence,
}

impl ReportedFinding {
    fn of(finding: &Finding) -> Self {
        let Finding { diagnosis, role, severity, confidence, .. } = *finding;
        Self { diagnosis, role, severity, confidence }
    }

    fn is_same_as(&self, finding: &Finding) -> bool {
        *self == Self::of(finding)
    }
}

/// The findings that were reported of sessions under way, by what they are about.
#[derive(Debug, Default)]
pub(super) struct Reported {
    judging: Judging,
    by_session: BTreeMap<SessionIndex, BTreeMap<Subject, Vec<ReportedFinding>>>,
}

impl Reported {
    pub(super) fn new(judging: Judging) -> Self {
        Self { judging, ..Self::default() }
    }

    /// What is new in `findings` about `one`, and what of the earlier no longer holds.
    pub(super) fn compare(
        &mut self,
        index: SessionIndex,
        session: SessionId,
        one: &Concluded<'_>,
        findings: Vec<Finding>,
    ) -> Changes {
        if self.judging == Judging::AtEnd {
            return Changes { findings, ..Changes::default() };
        }
        let subject = match (one.transfer, one.offer_number) {
            (Some(transfer), _) => Subject::Transfer(transfer.id),
            (None, Some(offer)) => Subject::Offer(offer),
            // Nothing can have been reported of it.
            (None, None) => return Changes { findings, ..Changes::default() },
        };
        let of_session = self.by_session.entry(index).or_default();
        let of_offer = one.offer_number.and_then(|offer| of_session.remove(&Subject::Offer(offer)));
        let reported: Vec<ReportedFinding> =
            of_offer.into_iter().chain(of_session.remove(&subject)).flatten().collect();
        let by = successor(&findings);
        let gone = reported.iter().filter(|one| !findings.iter().any(|finding| one.is_same_as(finding)));
        let superseded = gone.map(|gone| Superseded {
            diagnosis: gone.diagnosis,
            role: gone.role,
            severity: gone.severity,
            session: (session.0 > 0).then_some(session),
            transfer: one.transfer.map(|transfer| transfer.id),
            hosts: Hosts::new(),
            by,
        });
        let superseded = superseded.collect();
        if !findings.is_empty() {
            of_session.insert(subject, findings.iter().map(ReportedFinding::of).collect());
        }
        let news = findings.into_iter().filter(|finding| !reported.iter().any(|one| one.is_same_as(finding)));
        Changes { superseded, findings: news.collect(), ..Changes::default() }
    }

    /// What was judged for good will not be compared with anything.
    pub(super) fn forget(&mut self, index: SessionIndex, is_over: impl Fn(Subject) -> bool) {
        if let Some(reported) = self.by_session.get_mut(&index) {
            reported.retain(|subject, _| !is_over(*subject));
        }
    }

    /// A session is over: nothing will be compared with what was reported of it.
    pub(super) fn over(&mut self, index: SessionIndex) {
        self.by_session.remove(&index);
    }
}

/// The diagnosis that takes the place of those that no longer hold: the verdict, else what explains most.
fn successor(findings: &[Finding]) -> Option<DiagnosisName> {
    let verdict = findings.iter().find(|finding| finding.role == Role::Verdict);
    let other = || findings.iter().max_by_key(|finding| finding.severity);
    verdict.or_else(other).map(|finding| finding.diagnosis)
}
