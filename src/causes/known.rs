//! The causes that are known so far: which finding is of which, and their counts.

use std::collections::{HashMap, VecDeque};

use crate::finding::{CauseId, Confidence, DiagnosisName, Finding, SessionId, Severity, TransferId};
use crate::frame::Timestamp;
use crate::record::{Cause, CauseLocus, Clients, Hosts, Superseded};

/// Causes that are told apart; beyond it, what is new is one cause per diagnosis. A capture with more has no causes that
/// anybody could read.
const CAUSES: usize = 4_096;

/// Sessions of a cause that are under way at once and are told apart.
const PARALLEL: usize = 64;

/// What a finding is about, as far as it can be taken back.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Subject {
    diagnosis: DiagnosisName,
    pub(super) session: Option<SessionId>,
    pub(super) transfer: Option<TransferId>,
    hosts: Hosts,
}

/// The subject of a finding. Hosts tell findings apart that are about no session.
pub(super) fn subject(finding: &Finding) -> Subject {
    let hosts = if finding.session.is_none() { finding.hosts.clone() } else { Vec::new() };
    Subject { diagnosis: finding.diagnosis, session: finding.session, transfer: finding.transfer, hosts }
}

/// The subjects that may be meant: what was said of an offer, before there was a transfer, is taken back with the transfer.
pub(super) fn taken_back(superseded: &Superseded) -> Vec<Subject> {
    let Superseded { diagnosis, session, transfer, ref hosts, .. } = *superseded;
    let hosts = if session.is_none() { hosts.clone() } else { Vec::new() };
    let of = |transfer| Subject { diagnosis, session, transfer, hosts: hosts.clone() };
    transfer.map(|_| of(transfer)).into_iter().chain([of(None)]).collect()
}

/// A cause in the making.
#[derive(Debug)]
struct Growing {
    diagnosis: DiagnosisName,
    severity: Severity,
    confidence: Confidence,
    locus: CauseLocus,
    /// What its findings have in common beyond that, as long as all of them do.
    alike: Option<CauseLocus>,
    /// That of its first finding.
    message: String,
    findings: u64,
    sessions: u64,
    /// The sessions that were counted last.
    counted: VecDeque<SessionId>,
    first: Timestamp,
    last: Timestamp,
}

/// The causes so far, by their numbers.
#[derive(Debug, Default)]
pub(super) struct Known {
    causes: Vec<Growing>,
    by_locus: HashMap<(DiagnosisName, CauseLocus), CauseId>,
}

impl Known {
    /// The cause of a finding, which counts it.
    pub(super) fn group(&mut self, finding: &Finding) -> CauseId {
        let id = self.find(finding);
        let at = finding.primary.first().time;
        if let Some(cause) = self.get_mut(id) {
            cause.severity = cause.severity.max(finding.severity);
            cause.confidence = cause.confidence.max(finding.confidence);
            cause.findings += 1;
            cause.first = cause.first.min(at);
            cause.last = cause.last.max(at);
            if let Some(session) = finding.session.filter(|session| !cause.counted.contains(session)) {
                cause.sessions += 1;
                if cause.counted.len() == PARALLEL {
                    cause.counted.pop_front();
                }
                cause.counted.push_back(session);
            }
        }
        id
    }

    /// One finding of a cause no longer holds.
    pub(super) fn take_back(&mut self, id: CauseId) {
        if let Some(cause) = self.get_mut(id) {
            cause.findings = cause.findings.saturating_sub(1);
        }
    }

    fn get_mut(&mut self, id: CauseId) -> Option<&mut Growing> {
        self.causes.get_mut((id.0 as usize).checked_sub(1)?)
    }

    fn find(&mut self, finding: &Finding) -> CauseId {
        let narrow = CauseLocus::from(&finding.locus);
        let alike = CauseLocus::alike(&finding.locus);
        let known = |locus: &CauseLocus| self.by_locus.get(&(finding.diagnosis, locus.clone())).copied();
        if let Some(id) = known(&narrow) {
            if let Some(cause) = self.get_mut(id).filter(|cause| cause.alike != alike) {
                cause.alike = None;
            }
            if let Some(alike) = alike {
                self.by_locus.entry((finding.diagnosis, alike)).or_insert(id);
            }
            return id;
        }
        if let Some((id, alike)) = alike.as_ref().and_then(|alike| Some((known(alike)?, alike)))
            && self.widen(id, alike)
        {
            if matches!(narrow, CauseLocus::Client(_)) {
                self.by_locus.insert((finding.diagnosis, narrow), id);
            }
            return id;
        }
        self.begin(finding, narrow, alike)
    }

    /// A finding with another locus has this in common with a cause. If all findings of the cause have, the cause is about that
    /// from now on: what a second client announces is not the matter of one client, and when a client is refused under a second
    /// name, it is not the matter of one account. Whether it is.
    fn widen(&mut self, id: CauseId, alike: &CauseLocus) -> bool {
        let has_it = |cause: &&mut Growing| cause.locus == *alike || cause.alike.as_ref() == Some(alike);
        let Some(cause) = self.get_mut(id).filter(has_it) else { return false };
        let (diagnosis, before) = (cause.diagnosis, std::mem::replace(&mut cause.locus, alike.clone()));
        if matches!(before, CauseLocus::Account { .. }) {
            // Another client that is refused under that name tries none.
            self.by_locus.remove(&(diagnosis, before));
        }
        true
    }

    fn begin(&mut self, finding: &Finding, narrow: CauseLocus, alike: Option<CauseLocus>) -> CauseId {
        let is_full = self.causes.len() >= CAUSES;
        let locus = if is_full { CauseLocus::Capture } else { narrow };
        if let Some(id) = self.by_locus.get(&(finding.diagnosis, locus.clone())) {
            return *id;
        }
        let at = finding.primary.first().time;
        self.causes.push(Growing {
            diagnosis: finding.diagnosis,
            severity: finding.severity,
            confidence: finding.confidence,
            locus: locus.clone(),
            alike: alike.clone().filter(|_| !is_full),
            message: finding.message.clone(),
            findings: 0,
            sessions: 0,
            counted: VecDeque::new(),
            first: at,
            last: at,
        });
        let id = CauseId(u32::try_from(self.causes.len()).unwrap_or(u32::MAX));
        let keys = [Some(locus), alike.filter(|_| !is_full)];
        for locus in keys.into_iter().flatten() {
            self.by_locus.insert((finding.diagnosis, locus), id);
        }
        id
    }

    /// The causes of which a finding still holds; `compare` completes each.
    pub(super) fn finish(self, compare: impl Fn(CauseId, &mut Cause)) -> Vec<Cause> {
        let numbered = (1..).map(CauseId).zip(self.causes).filter(|(_, cause)| cause.findings > 0);
        let counted = numbered.map(|(id, growing)| {
            let mut cause = growing.counted(id);
            compare(id, &mut cause);
            cause
        });
        counted.collect()
    }
}

impl Growing {
    /// What is known of it without what it is compared with.
    fn counted(self, id: CauseId) -> Cause {
        Cause {
            id,
            diagnosis: self.diagnosis,
            severity: self.severity,
            confidence: self.confidence,
            locus: self.locus,
            message: self.message,
            findings: self.findings,
            failed: 0,
            of_sessions: false,
            comparable: 0,
            sessions: self.sessions,
            servers: Vec::new(),
            clients: Clients::default(),
            first: self.first,
            last: self.last,
            separates: Vec::new(),
            turn: None,
        }
    }
}
