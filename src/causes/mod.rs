//! From a list of failures to causes: groups the findings of a run by what their remedy is about, and compares what
//! failed with what could have failed alike.
//!
//! Turns findings and session records, as they come, into [`Cause`]s at the end of the run. How a finding is grouped is
//! declared by its diagnosis ([`crate::diagnosis::Remedied`]); how transfers are compared is `table`'s. Keeps counts and no
//! findings: memory is bounded, however long a capture goes on.

mod known;
mod sink;
mod table;
mod traits;
mod words;

pub use sink::Caused;

use std::collections::{HashMap, VecDeque};

use crate::finding::{CauseId, Finding, Role, SessionId, Severity, TransferId};
use crate::frame::Timestamp;
use crate::record::{Cause, Outcome, SessionRecord, Superseded};
use known::{Known, subject};
use table::Table;
use traits::Traits;

/// Findings that came before their session was told, or that may still be taken back, of captures that are judged while
/// they go on: those of the newest sessions are remembered.
const RECENT: usize = 16_384;

/// What a run has told so far.
#[derive(Debug, Default)]
pub struct Causes {
    known: Known,
    transfers: Table,
    sessions: Table,
    /// The session that was told last: its findings follow it.
    current: Option<Current>,
    recent: VecDeque<Recent>,
}

/// A session, as far as causes need it until its findings are known.
#[derive(Debug)]
struct Current {
    id: SessionId,
    traits: Traits,
    at: Timestamp,
    transfers: Vec<Asked>,
    places: HashMap<TransferId, usize>,
    /// Why it failed as a whole.
    failed_by: Vec<CauseId>,
}

/// A transfer of it.
#[derive(Debug)]
struct Asked {
    traits: Traits,
    at: Timestamp,
    outcome: Outcome,
    failed_by: Option<CauseId>,
}

/// A finding that was grouped.
#[derive(Debug)]
struct Recent {
    subject: known::Subject,
    cause: CauseId,
    /// Whether something failed by it.
    failed: bool,
}

impl Causes {
    /// Groups a finding: the cause it is of; `None` for what stands beside a failure or limits the capture.
    pub fn finding(&mut self, finding: &Finding) -> Option<CauseId> {
        if finding.role == Role::Related || finding.severity == Severity::Quality {
            return None;
        }
        let cause = self.known.group(finding);
        let failed = has_failed(finding);
        if !self.meets_current(finding, cause, failed) {
            if self.recent.len() == RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back(Recent { subject: subject(finding), cause, failed });
        }
        Some(cause)
    }

    /// Notes the failure with its session; `false` where that was not told yet.
    fn meets_current(&mut self, finding: &Finding, cause: CauseId, failed: bool) -> bool {
        let Some(current) = self.current.as_mut().filter(|current| Some(current.id) == finding.session) else {
            return false;
        };
        if failed {
            current.blame(finding.transfer, cause);
        }
        true
    }

    /// A finding no longer holds.
    pub fn superseded(&mut self, superseded: &Superseded) {
        let meant = known::taken_back(superseded);
        let place = self.recent.iter().rposition(|recent| meant.contains(&recent.subject));
        if let Some(recent) = place.and_then(|place| self.recent.remove(place)) {
            self.known.take_back(recent.cause);
        }
    }

    /// A session, or a chapter of one: what worked in it is compared with what fails.
    pub fn session(&mut self, session: &SessionRecord) {
        self.settle();
        let mut current = Current::of(session);
        let recent = std::mem::take(&mut self.recent);
        for one in recent {
            match one.subject.session {
                Some(id) if id == session.id => {
                    if one.failed {
                        current.blame(one.subject.transfer, one.cause);
                    }
                }
                _ => self.recent.push_back(one),
            }
        }
        self.current = Some(current);
    }

    /// All findings of the session are known.
    fn settle(&mut self) {
        let Some(current) = self.current.take() else { return };
        for asked in &current.transfers {
            match (asked.failed_by, asked.outcome) {
                (Some(cause), _) => self.transfers.failed(&asked.traits, cause, asked.at),
                (None, Outcome::Completed) => self.transfers.worked(&asked.traits, asked.at),
                (None, Outcome::Failed) => self.transfers.failed_otherwise(&asked.traits),
                (None, Outcome::Aborted | Outcome::Unknown) => {}
            }
        }
        for cause in &current.failed_by {
            self.sessions.failed(&current.traits, *cause, current.at);
        }
        if current.failed_by.is_empty() {
            self.sessions.worked(&current.traits, current.at);
        }
    }

    /// The causes, in order of their numbers.
    pub fn finish(mut self) -> Vec<Cause> {
        self.settle();
        self.known.finish(&self.transfers, &self.sessions)
    }
}

impl Current {
    fn of(session: &SessionRecord) -> Self {
        let asked = session.transfers.iter().map(|transfer| Asked {
            traits: Traits::of_transfer(session, transfer),
            at: transfer.at.time,
            outcome: transfer.outcome,
            failed_by: None,
        });
        let inferred = session.inferred.iter().filter(|one| one.outcome == Outcome::Completed).map(|one| Asked {
            traits: Traits::of_inferred(session, one),
            at: one.attempt.syn.time,
            outcome: one.outcome,
            failed_by: None,
        });
        Self {
            id: session.id,
            traits: Traits::of_session(session),
            at: session.first.time,
            places: (0..).zip(&session.transfers).map(|(place, transfer)| (transfer.id, place)).collect(),
            transfers: asked.chain(inferred).collect(),
            failed_by: Vec::new(),
        }
    }

    /// A transfer of it, or it as a whole, failed by this.
    fn blame(&mut self, transfer: Option<TransferId>, cause: CauseId) {
        let asked = transfer.and_then(|id| self.transfers.get_mut(*self.places.get(&id)?));
        match asked {
            Some(asked) => asked.failed_by = Some(cause),
            None if !self.failed_by.contains(&cause) => self.failed_by.push(cause),
            None => {}
        }
    }
}

/// Whether a transfer or session failed by what is found. That a login was refused is no fault, but nothing works without.
fn has_failed(finding: &Finding) -> bool {
    match (finding.role, finding.transfer) {
        (Role::Verdict, _) => true,
        (_, Some(_)) | (Role::Related, _) => false,
        (Role::Context, None) => {
            let is_login = matches!(finding.locus, crate::finding::Locus::Account { .. });
            finding.session.is_some() && (finding.severity == Severity::Error || is_login)
        }
    }
}
