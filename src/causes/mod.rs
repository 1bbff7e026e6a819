//! From a list of failures to causes: groups the findings of a run by what their remedy is about, and compares what
//! failed with what could have failed alike.
//!
//! Turns findings and session records, as they come, into [`Cause`]s at the end of the run. How a finding is grouped is
//! declared by its diagnosis ([`crate::diagnosis::Remedied`]) and done by `known`. Transfers and sessions are counted by
//! their `traits` in a `table`; at the end each cause is `compared`, `separates` draws each `division` that parts what failed
//! from what worked, and `turn` tells since when it fails. Keeps counts and no findings: memory is bounded, however long a
//! capture goes on.

mod compared;
mod division;
mod known;
mod only;
mod prefix;
mod separates;
mod sink;
mod table;
mod traits;
mod turn;
mod words;

pub use only::Only;
pub use sink::Caused;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;

use crate::diagnosis::Diagnosis;
use crate::finding::{CauseId, Finding, Role, SessionId, Severity, TransferId};
use crate::frame::Timestamp;
use crate::record::{Cause, Outcome, PointRecord, SessionRecord, Superseded, Turn};
use compared::{Compared, Row};
use known::{Known, subject};
use separates::Parted;
use table::Table;
use traits::{Names, Traits, announced_port};
use turn::Events;

/// Findings that came before their session was told, or that may still be taken back, of captures that are judged while
/// they go on: those of the newest sessions are remembered.
const RECENT: usize = 16_384;

/// What a run has told so far.
#[derive(Debug, Default)]
pub struct Causes {
    known: Known,
    names: Names,
    events: Events,
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
    /// Its findings, as long as they may be taken back.
    found: Vec<Recent>,
    /// Whether more of it follows.
    continues: bool,
    /// Why it failed as a whole.
    failed_by: Vec<CauseId>,
}

/// A transfer of it.
#[derive(Debug)]
struct Asked {
    traits: Traits,
    at: Timestamp,
    port: Option<u16>,
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
        self.events.finding(finding);
        if finding.role == Role::Related || finding.severity == Severity::Quality {
            return None;
        }
        let cause = self.known.group(finding);
        let found = Recent { subject: subject(finding), cause, failed: finding.is_of_failure() };
        match &mut self.current {
            Some(current) if Some(current.id) == finding.session => current.found.push(found),
            _ => self.remember(found),
        }
        Some(cause)
    }

    /// Keeps a finding until its session is told.
    fn remember(&mut self, found: Recent) {
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(found);
    }

    /// A finding no longer holds.
    pub fn superseded(&mut self, superseded: &Superseded) {
        let meant = known::taken_back(superseded);
        let is_meant = |one: &Recent| meant.contains(&one.subject);
        // The first that is meant: one that was updated comes again before it is taken back.
        let of_current = self.current.as_mut().and_then(|current| {
            let place = current.found.iter().position(is_meant)?;
            Some(current.found.remove(place))
        });
        let gone = of_current.or_else(|| self.recent.remove(self.recent.iter().position(is_meant)?));
        if let Some(gone) = gone {
            self.known.take_back(gone.cause);
        }
    }

    /// The capture points of sessions to come.
    pub fn points(&mut self, points: &[PointRecord]) {
        self.names.learn(points);
    }

    /// A session, or a chapter of one: what worked in it is compared with what fails.
    pub fn session(&mut self, session: &SessionRecord) {
        self.settle();
        self.events.session(session);
        let mut current = Current::of(session, &mut self.names);
        let is_own = |one: &Recent| one.subject.session == Some(session.id);
        if self.recent.iter().any(is_own) {
            let (own, others): (VecDeque<_>, VecDeque<_>) =
                std::mem::take(&mut self.recent).into_iter().partition(is_own);
            (current.found, self.recent) = (own.into(), others);
        }
        self.current = Some(current);
    }

    /// All findings of the session are known.
    fn settle(&mut self) {
        let Some(mut current) = self.current.take() else { return };
        for found in std::mem::take(&mut current.found) {
            let transfer = found.subject.transfer;
            if current.continues && transfer.is_some_and(|id| !current.places.contains_key(&id)) {
                // Of a chapter to come.
                self.remember(found);
            } else if found.failed {
                current.blame(transfer, found.cause);
            }
        }
        for asked in &current.transfers {
            match (asked.failed_by, asked.outcome) {
                (Some(cause), _) => self.transfers.failed(&asked.traits, cause, asked.at, asked.port),
                (None, Outcome::Completed) => self.transfers.worked(&asked.traits, asked.at, asked.port),
                (None, Outcome::Failed) => self.transfers.failed_otherwise(&asked.traits),
                (None, Outcome::Aborted | Outcome::Unknown) => {}
            }
        }
        for cause in &current.failed_by {
            self.sessions.failed(&current.traits, *cause, current.at, None);
        }
        if current.failed_by.is_empty() && !current.continues {
            self.sessions.worked(&current.traits, current.at, None);
        }
    }

    /// The causes, in order of their numbers.
    pub fn finish(mut self) -> Vec<Cause> {
        self.settle();
        let (transfers, sessions) = (Compared::of(&self.transfers), Compared::of(&self.sessions));
        self.known.finish(|id, cause| {
            cause.of_sessions = sessions.fails_by(id) && !transfers.fails_by(id);
            let all = if cause.of_sessions { &sessions } else { &transfers };
            compare(cause, all, &self.names, &self.events);
        })
    }
}

impl Current {
    fn of(session: &SessionRecord, names: &mut Names) -> Self {
        let traits = Traits::of_session(session, names);
        let asked = session.transfers.iter().map(|transfer| Asked {
            traits: traits.clone().of_transfer(session, transfer),
            at: transfer.at.time,
            port: announced_port(session, transfer),
            outcome: transfer.outcome,
            failed_by: None,
        });
        let inferred = session.inferred.iter().filter(|one| one.outcome == Outcome::Completed).map(|one| Asked {
            traits: traits.clone().of_inferred(one),
            at: one.attempt.syn.time,
            port: None,
            outcome: one.outcome,
            failed_by: None,
        });
        let transfers = asked.chain(inferred).collect();
        Self {
            id: session.id,
            traits,
            at: session.first.time,
            places: (0..).zip(&session.transfers).map(|(place, transfer)| (transfer.id, place)).collect(),
            transfers,
            found: Vec::new(),
            continues: session.continues,
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

/// Completes a cause by what failed and what worked.
fn compare(cause: &mut Cause, all: &Compared<'_>, names: &Names, events: &Events) {
    let (servers, clients) = (all.servers(cause.id), all.clients(cause.id));
    if !clients.is_empty() {
        let rows = all.rows(cause.id, &cause.locus);
        cause.failed = rows.iter().map(Row::failures).sum();
        cause.comparable = rows.iter().map(|row| row.all).sum();
        let parted = Parted::of(&rows);
        cause.separates = parted.told(names);
        let hosts: BTreeSet<_> = servers.iter().map(SocketAddr::ip).chain(clients.iter().copied()).collect();
        cause.turn = turn::turn(&parted.near()).map(|(turn, last_worked)| {
            let lead = events.lead(turn.at, last_worked, &hosts).map(str::to_owned);
            Turn { lead, ..turn }
        });
    }
    cause.servers = servers.into_iter().take(words::EXAMPLES).collect();
    cause.clients = words::clients(&clients);
    if cause.is_of_several() {
        let summary = Diagnosis::named(cause.diagnosis).map_or("", |diagnosis| diagnosis.summary);
        cause.message = words::message(cause, summary);
    }
}
