//! One value per attempt to move data: the offer, the command, and every data connection that belongs to them.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::attempt::{Aim, Attempt};
use super::correlator::{Correlator, SessionIndex};
use super::session::Session;
use super::{Direction, Lost, Offer, Transfer};
use crate::flow::Table;
use crate::flow::{Close, Connection, ConnectionId};
use crate::frame::Stamp;
use crate::record::{Mode, Outcome};

/// A data SYN may be recorded this many seconds before the command that caused it, or behind the reply that
/// reports on it: the server writes both sockets at once, and interfaces have clocks of their own.
const SLACK: f64 = 0.05;

/// A passive client may connect late, behind the server's 425, and is then refused: seconds.
const LATE: f64 = 10.0;

/// A data connection that is not seen to close and says nothing for this long is over: seconds.
const LONG_SILENT: f64 = 60.0;

/// An earlier connection on the 5-tuple that was to be used: the server's data port and the announced socket, or
/// with no offer in force the client's control socket (RFC 959 3.2); of a passive offer any port of the client and the
/// server's socket.
#[derive(Clone, Copy, Debug)]
pub struct Earlier<'a> {
    /// The last established incarnation.
    pub connection: &'a Connection,
    /// How far it was closed when the transfer, or the session, ended.
    pub close: Close,
}

/// An offer with the transfer it served, or either alone.
#[derive(Clone, Debug)]
pub struct Concluded<'a> {
    /// The transfer; `None` for an offer that no transfer command followed.
    pub transfer: Option<&'a Transfer>,
    /// The endpoint command before it, refused or not.
    pub offer: Option<&'a Offer>,
    /// Its number in the session.
    pub offer_index: Option<usize>,
    /// The data connections tried, in order of their first SYN.
    pub attempts: Vec<Attempt<'a>>,
    /// The last established connection on the 5-tuple that was to be used, if none was tried.
    pub earlier: Option<Earlier<'a>>,
    /// Another client's connection from the server's data port that was open meanwhile, if the server opened none.
    pub sharing: Option<&'a Connection>,
    /// Where the server of another session said that it listens on the announced socket: server-to-server transfer.
    pub listening: Option<Stamp>,
    /// Whether the client of another session named the announced socket in PORT: another server is to connect there.
    pub for_a_server: bool,
    /// When the next data connection of the session that was established began.
    pub data_after: Option<Stamp>,
    /// Whether other transfers of the server succeeded this way and nothing of any of their data connections is in the
    /// capture.
    pub data_not_captured: bool,
}

impl<'a> Concluded<'a> {
    /// How the transfer ended.
    pub fn outcome(&self) -> Outcome {
        match self.transfer {
            Some(transfer) if self.is_left(transfer) => Outcome::Aborted,
            Some(transfer) => transfer.outcome(),
            None => Outcome::Unknown,
        }
    }

    /// Whether the client closed the control connection without waiting for the final reply, its data connection being
    /// open and well.
    fn is_left(&self, transfer: &Transfer) -> bool {
        let lost = transfer.lost.as_ref().filter(|lost| lost.orderly_by_client && transfer.reply.is_none());
        let well =
            |lost: &Lost| self.established().is_some_and(|one| one.connection.rsts.iter().all(|rst| rst.at > lost.at));
        lost.is_some_and(well)
    }

    /// When it began: the transfer command, else the offer, else the connection.
    pub fn at(&self) -> Option<Stamp> {
        let transfer = self.transfer.map(Transfer::at);
        transfer.or_else(|| self.offer.map(Offer::at)).or_else(|| self.attempts.first().map(Attempt::at))
    }

    /// The offer, if the server did not refuse it.
    pub fn in_force(&self) -> Option<&'a Offer> {
        self.offer.filter(|offer| !offer.is_refused())
    }

    /// Which side was to open the data connection.
    pub fn mode(&self) -> Mode {
        match self.in_force() {
            Some(offer) if offer.direction == Direction::Active => Mode::Active,
            Some(_) => Mode::Passive,
            None if self.attempts.iter().any(|attempt| attempt.aim == Aim::DefaultPort) => Mode::Default,
            None => Mode::Unknown,
        }
    }

    /// The attempts that aimed at the announced endpoint.
    pub fn announced_attempts(&self) -> impl Iterator<Item = &Attempt<'a>> {
        self.attempts.iter().filter(|attempt| attempt.aim == Aim::Announced)
    }

    /// Whether it succeeded by its replies although no segment of its data connection was captured. Where the endpoint
    /// could not be read, nobody knows which connection that was.
    pub fn lacks_its_data(&self) -> bool {
        self.outcome() == Outcome::Completed
            && self.attempts.is_empty()
            && self.transfer.is_some_and(|transfer| transfer.preliminary.is_some())
            && self.in_force().is_some_and(|offer| offer.socket.is_some())
    }

    /// The data connection that was established, if one was.
    pub fn established(&self) -> Option<&Attempt<'a>> {
        self.attempts.iter().find(|attempt| attempt.is_established())
    }
}

/// Everything that session number `index` offered and asked for, in order.
pub fn conclude<'a>(
    index: SessionIndex,
    session: &'a Session,
    flows: &'a Table,
    correlator: &Correlator,
) -> Vec<Concluded<'a>> {
    let listening = |offer: Option<&Offer>| correlator.listening_elsewhere(index, offer?.socket?);
    let for_a_server = |offer: Option<&Offer>| {
        offer.and_then(|offer| offer.socket).is_some_and(|socket| correlator.named_elsewhere(index, socket))
    };
    let hidden = |offer: Option<&Offer>| {
        offer.is_some_and(|offer| correlator.lacks_data_of(session.server.ip(), offer.direction))
    };
    let mut concluded: Vec<Concluded<'a>> = Vec::with_capacity(session.transfers.len());
    for (number, transfer) in session.transfers.iter().enumerate() {
        let next = session.transfers.get(number + 1);
        let offer_index = serving_offer(session, transfer, flows);
        let offer = offer_index.and_then(|offer| session.offers.get(offer));
        let mut attempts = Vec::new();
        // Who connects may do so before the transfer command.
        let newest = transfer.first_on_offer && offer_index == transfer.latest_offer;
        let from = offer.filter(|_| newest).map_or(transfer.at(), |offer| offer.command.at());
        if let Some(offer) = offer {
            let until = next.filter(|next| next.latest_offer == transfer.latest_offer).map(Transfer::at);
            // A server need not notice for a while that its client has left.
            let unnoticed = transfer.reply.is_none() && transfer.lost.as_ref().is_some_and(|lost| lost.by_client);
            let late = match offer.direction {
                Direction::Active if unnoticed => f64::INFINITY,
                Direction::Active => SLACK,
                Direction::Passive => LATE,
            };
            attempts.extend(claimed(&offer.connections, flows, Aim::Announced, |at| {
                at.is_since(from, SLACK)
                    && until.is_none_or(|until| at < until)
                    && transfer.ended().is_none_or(|ended| at.is_until(ended, late))
            }));
        }
        attempts.extend(loose(session, (transfer, next), offer, from, flows));
        let before = number.checked_sub(1).and_then(|before| session.transfers.get(before));
        attempts.extend(outdated(session, (before, transfer), offer_index, flows));
        attempts.sort_by_key(Attempt::at);
        let span = (transfer.at(), transfer.ended().unwrap_or(session.last));
        let sharing = attempts.is_empty().then(|| sharing(session, offer, transfer, flows, correlator)).flatten();
        concluded.push(Concluded {
            transfer: Some(transfer),
            offer,
            offer_index,
            earlier: earlier(session, offer, span, &attempts, flows, correlator),
            attempts,
            sharing,
            listening: listening(offer),
            for_a_server: for_a_server(offer),
            data_after: None,
            data_not_captured: hidden(offer),
        });
    }
    let by_port = by_port(session, flows);
    let serving: std::collections::HashSet<Option<usize>> = concluded.iter().map(|one| one.offer_index).collect();
    for (number, offer) in session.offers.numbered() {
        if serving.contains(&Some(number)) {
            continue;
        }
        let mut attempts: Vec<_> = claimed(&offer.connections, flows, Aim::Announced, |_| true).collect();
        attempts.extend(at_control_peer(session, offer, &by_port, flows));
        attempts.sort_by_key(Attempt::at);
        concluded.push(Concluded {
            transfer: None,
            offer: Some(offer),
            offer_index: Some(number),
            earlier: earlier(session, Some(offer), (offer.at(), session.last), &attempts, flows, correlator),
            attempts,
            sharing: None,
            listening: listening(Some(offer)),
            for_a_server: for_a_server(Some(offer)),
            data_after: None,
            data_not_captured: hidden(Some(offer)),
        });
    }
    concluded.extend(strays(session, &concluded, flows));
    concluded.sort_by_key(Concluded::at);
    let mut next = None;
    for one in concluded.iter_mut().rev() {
        one.data_after = next;
        next = one.established().map(Attempt::at).or(next);
    }
    concluded
}

/// The unclaimed connections of the session by the port they aim at.
fn by_port(session: &Session, flows: &Table) -> HashMap<u16, Vec<ConnectionId>> {
    let mut by_port: HashMap<u16, Vec<ConnectionId>> = HashMap::new();
    for connection in session.loose.iter().filter_map(|id| flows.connection(*id)) {
        by_port.entry(connection.target.port()).or_default().push(connection.id);
    }
    by_port
}

/// The connections to the control peer at the announced port, for an offer that no transfer command followed: its
/// address was ignored.
fn at_control_peer<'a>(
    session: &'a Session,
    offer: &'a Offer,
    by_port: &HashMap<u16, Vec<ConnectionId>>,
    flows: &'a Table,
) -> impl Iterator<Item = Attempt<'a>> {
    let until = offer.superseded.unwrap_or(session.last);
    let aimed = offer.socket.and_then(|socket| by_port.get(&socket.port())).into_iter().flatten();
    let aimed: Vec<_> = aimed.filter_map(|id| flows.connection(*id)).collect();
    aimed
        .into_iter()
        .filter(|connection| aim_of(session, Some(offer), connection) == Some(Aim::ControlPeer))
        .map(|connection| attempt(connection, Aim::ControlPeer, flows))
        .filter(move |attempt| attempt.at() >= offer.at() && attempt.at() <= until)
}

/// The connections that belong to the session but to none of its transfers, each alone: SYNs long behind the reply,
/// and data connections of an encrypted session.
fn strays<'a>(session: &'a Session, concluded: &[Concluded<'a>], flows: &'a Table) -> Vec<Concluded<'a>> {
    let taken: std::collections::HashSet<ConnectionId> =
        concluded.iter().flat_map(|one| &one.attempts).map(|attempt| attempt.connection.id).collect();
    let offered = session.offers.iter().flat_map(|offer| &offer.connections).map(|id| (*id, Aim::Announced));
    let loose = session.loose.iter().map(|id| (*id, Aim::Elsewhere));
    offered
        .chain(loose)
        .filter(|(id, _)| !taken.contains(id))
        .filter_map(|(id, aim)| flows.connection(id).map(|connection| attempt(connection, aim, flows)))
        .filter(|attempt| attempt.aim == Aim::Announced || is_hidden_data(session, attempt))
        .map(|attempt| Concluded {
            transfer: None,
            offer: None,
            offer_index: None,
            attempts: vec![attempt],
            earlier: None,
            sharing: None,
            listening: None,
            for_a_server: false,
            data_after: None,
            data_not_captured: false,
        })
        .collect()
}

/// The port that servers keep on control ports other than 21, too (RFC 959 8.1; vsftpd on 990).
const FTP_DATA: u16 = 20;

/// Whether an unclaimed connection is a data connection of a session that was encrypted at that moment: between its
/// two hosts, from the server's data port or to a high port.
fn is_hidden_data(session: &Session, attempt: &Attempt<'_>) -> bool {
    let (client, server) = (session.client.ip(), session.server.ip());
    let (from, to) = (attempt.from(), attempt.to());
    let high = |port: u16| port >= 1024;
    session.is_opaque_at(attempt.at())
        && attempt.at() <= session.last
        && ((from.ip() == server
            && to.ip() == client
            && ([session.default_data_port(), FTP_DATA].contains(&from.port()) || high(from.port()))
            && high(to.port()))
            || (from.ip() == client && to.ip() == server && high(from.port()) && high(to.port())))
}

fn claimed<'a>(
    ids: &[ConnectionId],
    flows: &'a Table,
    aim: Aim,
    belongs: impl Fn(Stamp) -> bool,
) -> impl Iterator<Item = Attempt<'a>> {
    ids.iter()
        .filter_map(move |id| flows.connection(*id))
        .map(move |connection| attempt(connection, aim, flows))
        .filter(move |attempt| belongs(attempt.at()))
}

fn attempt<'a>(connection: &'a Connection, aim: Aim, flows: &'a Table) -> Attempt<'a> {
    let previous = connection.previous.and_then(|id| flows.connection(id));
    Attempt { connection, previous, aim }
}

/// The unclaimed connections of the session that fall into the transfer's window, which begins at `from`, and can be its
/// data connection.
fn loose<'a>(
    session: &Session,
    (transfer, next): (&Transfer, Option<&Transfer>),
    offer: Option<&Offer>,
    from: Stamp,
    flows: &'a Table,
) -> Vec<Attempt<'a>> {
    let until = transfer.ended().unwrap_or(session.last);
    let first = transfer.id.0 == 1;
    session
        .loose
        .iter()
        .filter_map(|id| flows.connection(*id))
        .filter_map(|connection| Some(attempt(connection, aim_of(session, offer, connection)?, flows)))
        .filter(|attempt| {
            let at = attempt.at();
            let begun = at >= from || (first && at.is_since(transfer.at(), SLACK));
            begun && next.is_none_or(|next| at < next.at()) && at.is_until(until, SLACK)
        })
        .collect()
}

/// The server's connections to endpoints of this session that were announced before the one in force, begun when the
/// transfer before was over: commands may be sent ahead.
fn outdated<'a>(
    session: &'a Session,
    (before, transfer): (Option<&'a Transfer>, &'a Transfer),
    offer: Option<usize>,
    flows: &'a Table,
) -> impl Iterator<Item = Attempt<'a>> {
    let until = transfer.ended().unwrap_or(session.last);
    let over = before.map(Transfer::ended);
    let begun = move |at: Stamp| {
        at.is_since(transfer.at(), SLACK) && over.is_none_or(|over| over.is_some_and(|over| at > over))
    };
    let active = |offer: &&Offer| offer.direction == Direction::Active;
    let in_force =
        offer.filter(|index| session.offers.get(*index).is_some_and(|offer| active(&offer) && !offer.is_refused()));
    let before =
        session.offers.numbered().filter(move |(number, _)| in_force.is_some_and(|in_force| *number < in_force));
    let before = before.map(|(_, offer)| offer);
    let connections = before.filter(active).flat_map(|offer| &offer.connections);
    let found = connections
        .filter_map(|id| flows.connection(*id))
        .filter(move |one| one.origin.ip() == session.server.ip() && begun(one.first) && one.first <= until);
    found.map(|connection| attempt(connection, Aim::Elsewhere, flows))
}

/// What an unclaimed connection aims at; `None` when it is no data connection of this session.
fn aim_of(session: &Session, offer: Option<&Offer>, connection: &Connection) -> Option<Aim> {
    let (client, server) = (session.client, session.server);
    let (from, to) = (connection.origin, connection.target);
    let announced = offer.and_then(|offer| offer.socket);
    let by_server = from.ip() == server.ip() && from.port() != server.port();
    if by_server && to.ip() == client.ip() && is_default_port(client, to) {
        return Some(Aim::DefaultPort);
    }
    match offer.map(|offer| offer.direction) {
        Some(Direction::Passive) => (from.ip() == client.ip()
            && to.ip() == server.ip()
            && announced.is_some_and(|socket| socket.port() == to.port()))
        .then_some(Aim::ControlPeer),
        _ if !by_server => None,
        _ if to.ip() == client.ip() && announced.is_some_and(|socket| socket.port() == to.port()) => {
            Some(Aim::ControlPeer)
        }
        _ => (from.port() == session.default_data_port()).then_some(Aim::Elsewhere),
    }
}

/// RFC 959 3.2: the user's default data port is its control port; proftpd takes the one below.
fn is_default_port(client: SocketAddr, to: SocketAddr) -> bool {
    to.port() == client.port() || to.port() == client.port().wrapping_sub(1)
}

/// The offer that a transfer was served by: the latest one. Where that was refused and the server connects to the one
/// before it all the same, the refusal changed nothing and that one is still in force.
fn serving_offer(session: &Session, transfer: &Transfer, flows: &Table) -> Option<usize> {
    let latest = transfer.latest_offer?;
    let refused = |index: usize| session.offers.get(index).is_some_and(Offer::is_refused);
    let ended = transfer.ended().unwrap_or(session.last);
    let is_used = |index: &usize| {
        let connections = session.offers.get(*index).map_or(&[][..], |offer| &offer.connections);
        connections
            .iter()
            .filter_map(|id| flows.connection(*id))
            .filter(|one| session.offers.get(latest).is_some_and(|offer| one.first > offer.at()))
            .any(|one| one.first.is_since(transfer.at(), SLACK) && one.first.is_until(ended, SLACK))
    };
    let standing = (session.offers.first_number()..latest).rev().find(|index| !refused(*index));
    let standing = standing.filter(|index| refused(latest) && is_used(index));
    Some(standing.unwrap_or(latest))
}

/// The last established connection before `at` on the tuple that was to be used, as it was closed at `until`. A server
/// whose data ports are ephemeral has no such tuple.
fn earlier<'a>(
    session: &Session,
    offer: Option<&Offer>,
    (at, until): (Stamp, Stamp),
    attempts: &[Attempt<'_>],
    flows: &'a Table,
    correlator: &Correlator,
) -> Option<Earlier<'a>> {
    let expected = SocketAddr::new(session.server.ip(), session.default_data_port());
    let (passive, socket) = match offer.filter(|offer| !offer.is_refused()) {
        Some(offer) => (offer.direction == Direction::Passive, offer.socket?),
        None => (false, session.client),
    };
    let control = flows.connection(session.control);
    let from = |origin: SocketAddr| if passive { origin.ip() == session.client.ip() } else { origin == expected };
    correlator
        .history(socket)
        .iter()
        .rev()
        .filter_map(|id| flows.connection(*id))
        .filter(|connection| !attempts.iter().any(|attempt| attempt.connection.id == connection.id))
        .filter(|connection| control.is_none_or(|control| control.shares_tags_with(connection)))
        .find(|connection| from(connection.origin) && connection.first < at && connection.was_open())
        .map(|connection| Earlier { connection, close: connection.close_before(until) })
}

/// The connection from the server's data port to another host or port that was open between command and reply.
fn sharing<'a>(
    session: &Session,
    offer: Option<&Offer>,
    transfer: &Transfer,
    flows: &'a Table,
    correlator: &Correlator,
) -> Option<&'a Connection> {
    let (from, until) = (transfer.at(), transfer.ended().unwrap_or(session.last));
    correlator.from_data_port(session.server).filter_map(|id| flows.connection(id)).find(|connection| {
        let over = match connection.close() {
            Close::TimeWait { since, .. } => since < from,
            Close::Reset { at, .. } => at < from,
            Close::Open | Close::Half { .. } => connection.last.seconds_since(from) < -LONG_SILENT,
        };
        let other = offer.and_then(|offer| offer.socket) != Some(connection.target);
        other && connection.was_open() && connection.first < until && !over
    })
}
