//! Control lines and data packets as evidence.

use crate::finding::{Evidence, Route};
use crate::frame::Stamp;
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

/// The first frames and the last one, `most` at most.
pub fn some_of(mut frames: Vec<Stamp>, most: usize) -> Vec<Stamp> {
    if frames.len() > most
        && let Some(last) = frames.last().copied()
    {
        frames.truncate(most.saturating_sub(1));
        frames.push(last);
    }
    frames
}

/// The SYNs of an attempt.
pub fn syns(attempt: &Attempt<'_>) -> Option<Evidence> {
    let count = attempt.connection.syn_count;
    let isn = attempt.connection.syns.first().map(|syn| syn.isn.0)?;
    let frames = some_of(attempt.syn_stamps(), SYNS_CITED);
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
