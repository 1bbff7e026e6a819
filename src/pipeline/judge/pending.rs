//! Trouble that is under way: data SYNs that nobody has answered yet, told while a capture goes on.
//!
//! What is told is taken back when an answer comes, or ends with the judgement of its transfer.

use std::collections::BTreeMap;
use std::io;

use super::Judge;
use crate::finding::{Finding, Role, Severity};
use crate::flow::{Connection, ConnectionId};
use crate::frame::{Interval, Stamp};
use crate::pipeline::model::Analysis;
use crate::record::{AttemptOutcome, Pending, Sink, State};
use crate::transfer::attempt::{Aim, Attempt};
use crate::transfer::concluded::Concluded;
use crate::transfer::session::Session;
use crate::transfer::sessions::SessionIndex;

/// SYNs are told of when the first one is this old: systems send the third one after 3 s, or the second one.
const LATE: Interval = Interval::millis(2_500);

/// Data connections that are told of at one time; of a flood the others are not.
const OPEN: usize = 256;

/// Sessions of each end, the newest, of which one may be that of a data connection: servers have many.
const ASKED: usize = 256;

/// What has been told and is not over, by data connection.
#[derive(Debug, Default)]
pub(super) struct PendingAttempts(BTreeMap<ConnectionId, (SessionIndex, Pending)>);

impl PendingAttempts {
    /// What ends with the judgement of `one`.
    pub(super) fn judged(&mut self, one: &Concluded<'_>, findings: &[Finding]) -> Vec<Pending> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let by = findings
            .iter()
            .filter(|finding| finding.severity >= Severity::Warning)
            .max_by_key(|finding| (finding.role == Role::Verdict, finding.severity))
            .map(|finding| finding.diagnosis);
        let gone = one.attempts.iter().filter_map(|attempt| self.0.remove(&attempt.connection.id));
        let state = || by.map_or_else(|| State::Withdrawn("nothing failed because of it".to_owned()), State::Ended);
        gone.map(|(_, pending)| Pending { state: state(), ..pending }).collect()
    }

    /// What ends with a session.
    pub(super) fn over(&mut self, index: SessionIndex) -> Vec<Pending> {
        let ids: Vec<ConnectionId> = self.0.iter().filter(|(_, (of, _))| *of == index).map(|(id, _)| *id).collect();
        let gone = ids.iter().filter_map(|id| self.0.remove(id));
        let state = || State::Withdrawn("the session is over".to_owned());
        gone.map(|(_, pending)| Pending { state: state(), ..pending }).collect()
    }
}

impl Judge {
    /// Tells of the data connection of the last frame, if its SYNs get no answer, and takes that back when one comes.
    pub(in crate::pipeline) fn attempt(
        &mut self,
        analysis: Analysis<'_>,
        (id, at): (ConnectionId, Stamp),
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let Some(connection) = analysis.flows().connection(id) else { return Ok(()) };
        let open = &mut self.pending.0;
        if connection.established.is_some() || !connection.syn_acks.is_empty() {
            let Some((_, pending)) = open.remove(&id) else { return Ok(()) };
            let state = State::Withdrawn(format!("answered after {:.1} s", at.age_of(connection.first)));
            return sink.pending(&Pending { state, ..pending });
        }
        let has_room = open.len() < OPEN || open.contains_key(&id);
        let is_late = connection.syn_count >= 2 && at.age_of(connection.first) >= LATE;
        let is_repeated = connection.syns.last().is_some_and(|syn| syn.at == at);
        if !has_room || !is_late || !is_repeated || analysis.is_control(id) {
            return Ok(());
        }
        // It is told once, as it was seen first.
        let is_told = connection.elsewhere().is_some_and(|id| open.contains_key(&id));
        if is_told || outcome(connection) != AttemptOutcome::Unanswered {
            return Ok(());
        }
        let Some((index, pending)) = unanswered(analysis, connection) else { return Ok(()) };
        sink.pending(&pending)?;
        open.insert(id, (index, pending));
        Ok(())
    }
}

/// What is to be told of a connection that nobody answers, if it is a data connection of a session.
fn unanswered(analysis: Analysis<'_>, connection: &Connection) -> Option<(SessionIndex, Pending)> {
    let has = |session: &Session| {
        let offered = session.offers.iter().flat_map(|offer| &offer.connections);
        let unclaimed = session.unclaimed.iter().map(|unclaimed| unclaimed.id);
        offered.map(|opened| opened.id).chain(unclaimed).any(|id| id == connection.id)
    };
    let hosts = [connection.origin.ip(), connection.target.ip()];
    let (index, session) = analysis.sessions_of(hosts, ASKED).find(|(_, session)| has(session))?;
    let conclusions = analysis.conclusions(index, session);
    let concluded = conclusions.all();
    let is_of = |one: &&Concluded<'_>| one.attempts.iter().any(|attempt| attempt.connection.id == connection.id);
    let one = concluded.iter().find(is_of).filter(|_| session.id.0 > 0)?;
    let command = one.transfer.map(|transfer| &transfer.command).or(one.offer.map(|offer| &offer.command));
    let pending = Pending {
        session: session.id,
        transfer: one.transfer.map(|transfer| transfer.id),
        command: command.map(|command| command.name.clone()),
        from: connection.origin,
        to: connection.target,
        frames: connection.syns.iter().map(|syn| syn.at).collect(),
        syns: connection.syn_count,
        seconds: connection.last.age_of(connection.first).as_secs_f64(),
        state: State::Open,
    };
    Some((index, pending))
}

fn outcome(connection: &Connection) -> AttemptOutcome {
    Attempt { connection, previous: None, aim: Aim::Elsewhere }.outcome()
}
