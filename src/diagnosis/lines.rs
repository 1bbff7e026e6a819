//! Control lines and data packets as evidence.

use crate::finding::{Evidence, Route};
use crate::ftp::{Command, Reply};
use crate::transfer::attempt::Attempt;
use crate::transfer::session::Session;
use crate::transfer::{Offer, Transfer};

/// SYNs cited per attempt; the count is in the text.
const SYNS_CITED: usize = 6;

/// A command line.
pub fn command(session: &Session, command: &Command) -> Evidence {
    Evidence::sent(command.at(), session.client, session.server, command.line())
}

/// A reply.
pub fn reply(session: &Session, reply: &Reply) -> Evidence {
    Evidence::sent(reply.at(), session.server, session.client, reply.line())
}

/// An endpoint command and its reply.
pub fn offer(session: &Session, offer: &Offer) -> Vec<Evidence> {
    std::iter::once(command(session, &offer.command))
        .chain(offer.reply.iter().map(|answer| reply(session, answer)))
        .collect()
}

/// A transfer command and its replies.
pub fn transfer(session: &Session, transfer: &Transfer) -> Vec<Evidence> {
    std::iter::once(command(session, &transfer.command))
        .chain(transfer.preliminary.iter().chain(&transfer.reply).map(|answer| reply(session, answer)))
        .collect()
}

/// The SYNs of an attempt.
pub fn syns(attempt: &Attempt<'_>) -> Option<Evidence> {
    let mut frames = attempt.syn_stamps();
    let count = attempt.connection.syn_count;
    let isn = attempt.connection.syns.first().map(|syn| syn.isn.0)?;
    if frames.len() > SYNS_CITED {
        let last = frames[frames.len() - 1];
        frames.truncate(SYNS_CITED - 1);
        frames.push(last);
    }
    let note = if count > 1 { format!("SYN, sent {count} times, seq {isn}") } else { format!("SYN, seq {isn}") };
    Evidence::seen_all(frames, Some(Route { from: attempt.from(), to: attempt.to() }), note)
}

/// The close of an earlier connection: both FINs and the last ACK.
pub fn close(connection: &crate::flow::Connection) -> Vec<Evidence> {
    let fin = |fin: &crate::flow::FinSeen, from, to| Evidence::sent(fin.at, from, to, "FIN of the earlier connection");
    let (origin, target) = (connection.origin, connection.target);
    let mut all: Vec<Evidence> = Vec::new();
    all.extend(connection.from_origin.fin.as_ref().map(|seen| fin(seen, origin, target)));
    all.extend(connection.from_target.fin.as_ref().map(|seen| fin(seen, target, origin)));
    all
}
