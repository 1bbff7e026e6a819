//! Concludes what a session offered and asked for: each transfer with its offer and the data connections that belong to
//! it.
//!
//! What all of them share is put in order once, so that one of them costs no look at all the others.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::attempt::{Aim, Attempt};
use super::concluded::{Concluded, Earlier};
use super::correlator::Correlator;
use super::offers::OfferNumber;
use super::session::Session;
use super::sessions::SessionIndex;
use super::{Direction, Offer, OpenedConnection, Transfer};
use crate::finding::TransferId;
use crate::flow::{Close, Connection, ConnectionId, End, Table};
use crate::frame::{Interval, Stamp};
use crate::record::Outcome;

/// A data SYN may be recorded this many seconds before the command that caused it, or behind the reply that
/// reports on it: the server writes both sockets at once, and interfaces have clocks of their own.
const SLACK: Interval = Interval::millis(50);

/// A passive client may connect late, behind the server's 425, and is then refused: seconds.
const LATE: Interval = Interval::seconds(10);

/// A data connection that is not seen to close and says nothing for this long is over: seconds.
const LONG_SILENT: Interval = Interval::seconds(60);

/// Concludes the offers and transfers of one session, all or one of them.
pub struct Conclusions<'a> {
    index: SessionIndex,
    session: &'a Session,
    flows: &'a Table,
    correlator: &'a Correlator,
    /// The offer that serves each transfer.
    serving: Vec<Option<OfferNumber>>,
    /// Whether each offer serves a transfer.
    serves: Vec<bool>,
    /// By time.
    outdated: Vec<Outdated>,
    /// The unclaimed connections by the time of their attempts, once they are asked for.
    unclaimed: OnceCell<Vec<(Stamp, ConnectionId)>>,
    /// Likewise by the port they aim at.
    by_port: OnceCell<HashMap<u16, Vec<ConnectionId>, RandomState>>,
}

/// A connection to an announced endpoint that may have begun for a transfer behind a later announcement.
struct Outdated {
    opened: OpenedConnection,
    offer: OfferNumber,
}

impl<'a> Conclusions<'a> {
    /// Of session number `index`.
    pub fn of(index: SessionIndex, session: &'a Session, flows: &'a Table, correlator: &'a Correlator) -> Self {
        let serving = serving_offers(session, flows);
        let mut serves = vec![false; session.offers.len()];
        for number in serving.iter().flatten() {
            let place = session.offers.place(*number);
            if let Some(serves) = place.and_then(|place| serves.get_mut(place)) {
                *serves = true;
            }
        }
        let outdated = outdated(session, &serving);
        let (unclaimed, by_port) = (OnceCell::new(), OnceCell::new());
        Self { index, session, flows, correlator, serving, serves, outdated, unclaimed, by_port }
    }

    /// Everything that the session offered and asked for, in order.
    pub fn all(&self) -> Vec<Concluded<'a>> {
        let mut all: Vec<Concluded<'a>> = Vec::with_capacity(self.session.transfers.len());
        all.extend((0..self.session.transfers.len()).filter_map(|place| self.transfer_at(place)));
        let unused = self.session.offers.numbered().filter(|(number, _)| !self.serves(*number));
        all.extend(unused.map(|(number, offer)| self.unused(number, offer)));
        let strays = self.strays(&all);
        all.extend(strays);
        all.sort_by_key(Concluded::at);
        all
    }

    /// The transfers that completed by their replies.
    pub fn completed(&self) -> impl Iterator<Item = Concluded<'a>> {
        let transfers = self.session.transfers.iter().enumerate();
        let completed = transfers.filter(|(_, transfer)| transfer.outcome() == Outcome::Completed);
        completed.filter_map(|(place, _)| self.transfer_at(place))
    }

    /// One transfer.
    pub fn transfer(&self, id: TransferId) -> Option<Concluded<'a>> {
        let place = id.0.checked_sub(self.session.transfers_before)?.checked_sub(1)?;
        let concluded = self.transfer_at(usize::try_from(place).ok()?)?;
        concluded.transfer.is_some_and(|transfer| transfer.id == id).then_some(concluded)
    }

    /// One offer, if it serves no transfer.
    pub fn offer(&self, number: OfferNumber) -> Option<Concluded<'a>> {
        let offer = self.session.offers.get(number).filter(|_| !self.serves(number))?;
        Some(self.unused(number, offer))
    }

    fn serves(&self, number: OfferNumber) -> bool {
        let place = self.session.offers.place(number);
        place.and_then(|place| self.serves.get(place)).is_some_and(|serves| *serves)
    }

    fn transfer_at(&self, place: usize) -> Option<Concluded<'a>> {
        let session = self.session;
        let transfer = session.transfers.get(place)?;
        let next = session.transfers.get(place + 1);
        let offer_number = self.serving.get(place).copied().flatten();
        let offer = offer_number.and_then(|number| session.offers.get(number));
        let mut attempts = Vec::new();
        // Who connects may do so before the transfer command.
        let newest = transfer.first_on_offer && offer_number == transfer.latest_offer;
        let from = offer.filter(|_| newest).map_or(transfer.at(), |offer| offer.command.at());
        if let Some(offer) = offer {
            let until = next.filter(|next| next.latest_offer == transfer.latest_offer).map(Transfer::at);
            // A server need not notice for a while that its client has left.
            let unnoticed = transfer.reply.is_none() && transfer.lost.as_ref().is_some_and(|lost| lost.by_client);
            let late = match offer.direction {
                Direction::Active if unnoticed => Interval::MAX,
                Direction::Active => SLACK,
                Direction::Passive => LATE,
            };
            attempts.extend(self.claimed(offer).filter(|attempt| {
                let at = attempt.at();
                at.is_since(from, SLACK)
                    && until.is_none_or(|until| at < until)
                    && transfer.ended().is_none_or(|ended| at.is_until(ended, late))
            }));
        }
        attempts.extend(self.unclaimed((transfer, next), offer, from));
        attempts.extend(self.outdated(place, transfer, offer_number));
        attempts.sort_by_key(Attempt::at);
        let span = (transfer.at(), transfer.ended().unwrap_or(session.last));
        // Who had a data connection of its own was not kept from one by another.
        let sharing = attempts.is_empty().then(|| self.sharing(offer, transfer)).flatten();
        let earlier = self.earlier(offer, span, &attempts);
        Some(Concluded {
            transfer: Some(transfer),
            offer,
            offer_number,
            attempts,
            earlier,
            sharing,
            listening: self.listening(offer),
            for_a_server: self.is_for_a_server(offer),
            data_not_captured: self.is_data_hidden(offer),
        })
    }

    /// An offer that serves no transfer.
    fn unused(&self, number: OfferNumber, offer: &'a Offer) -> Concluded<'a> {
        let mut attempts: Vec<_> = self.claimed(offer).collect();
        attempts.extend(self.at_control_peer(offer));
        attempts.sort_by_key(Attempt::at);
        let earlier = self.earlier(Some(offer), (offer.at(), self.session.last), &attempts);
        Concluded {
            transfer: None,
            offer: Some(offer),
            offer_number: Some(number),
            attempts,
            earlier,
            sharing: None,
            listening: self.listening(Some(offer)),
            for_a_server: self.is_for_a_server(Some(offer)),
            data_not_captured: self.is_data_hidden(Some(offer)),
        }
    }

    /// The connections to the control peer at the announced port, for an offer that no transfer command followed: its
    /// address was ignored.
    fn at_control_peer(&self, offer: &'a Offer) -> impl Iterator<Item = Attempt<'a>> {
        let by_port = self.by_port.get_or_init(|| {
            let mut by_port: HashMap<u16, Vec<ConnectionId>, RandomState> = HashMap::default();
            for connection in self.session.unclaimed.iter().filter_map(|unclaimed| self.flows.connection(unclaimed.id))
            {
                by_port.entry(connection.target.port()).or_default().push(connection.id);
            }
            by_port
        });
        let until = offer.superseded.unwrap_or(self.session.last);
        let aimed = offer.socket.and_then(|socket| by_port.get(&socket.port())).into_iter().flatten();
        aimed
            .filter_map(|id| self.flows.connection(*id))
            .filter(|connection| self.aim_of(Some(offer), connection) == Some(Aim::ControlPeer))
            .map(|connection| self.aimed(connection, Aim::ControlPeer))
            .filter(move |attempt| attempt.at() >= offer.at() && attempt.at() <= until)
    }

    fn is_data_hidden(&self, offer: Option<&Offer>) -> bool {
        offer.is_some_and(|offer| self.correlator.lacks_data_of(self.session.server.ip(), offer.direction))
    }

    fn listening(&self, offer: Option<&Offer>) -> Option<Stamp> {
        self.correlator.listening_elsewhere(self.index, offer?.socket?)
    }

    fn is_for_a_server(&self, offer: Option<&Offer>) -> bool {
        let socket = offer.and_then(|offer| offer.socket);
        socket.is_some_and(|socket| self.correlator.named_elsewhere(self.index, socket))
    }

    /// The connections that belong to the session but to none of its transfers, each alone: SYNs long behind the reply,
    /// and data connections of an encrypted session.
    fn strays(&self, concluded: &[Concluded<'a>]) -> Vec<Concluded<'a>> {
        let session = self.session;
        let taken: HashSet<ConnectionId, RandomState> =
            concluded.iter().flat_map(|one| &one.attempts).map(|attempt| attempt.connection.id).collect();
        let offered = session.offers.iter().flat_map(|offer| &offer.connections);
        let offered = offered.map(|opened| (opened.id, Aim::Announced));
        let unclaimed = session.unclaimed.iter().map(|unclaimed| (unclaimed.id, Aim::Elsewhere));
        offered
            .chain(unclaimed)
            .filter(|(id, _)| !taken.contains(id))
            .filter_map(|(id, aim)| self.attempt(id, aim))
            .filter(|attempt| attempt.aim == Aim::Announced || is_hidden_data(session, attempt))
            .map(|attempt| Concluded {
                transfer: None,
                offer: None,
                offer_number: None,
                attempts: vec![attempt],
                earlier: None,
                sharing: None,
                listening: None,
                for_a_server: false,
                data_not_captured: false,
            })
            .collect()
    }

    /// The connections to an announced endpoint.
    fn claimed(&self, offer: &'a Offer) -> impl Iterator<Item = Attempt<'a>> {
        offer.connections.iter().filter_map(|opened| self.attempt(opened.id, Aim::Announced))
    }

    fn attempt(&self, id: ConnectionId, aim: Aim) -> Option<Attempt<'a>> {
        self.flows.connection(id).map(|connection| self.aimed(connection, aim))
    }

    fn aimed(&self, connection: &'a Connection, aim: Aim) -> Attempt<'a> {
        let previous = connection.previous.and_then(|id| self.flows.connection(id));
        Attempt { connection, previous, aim }
    }

    /// The unclaimed connections of the session that fall into the transfer's window, which begins at `from`, and can be
    /// its data connection.
    fn unclaimed(
        &self,
        (transfer, next): (&Transfer, Option<&Transfer>),
        offer: Option<&Offer>,
        from: Stamp,
    ) -> Vec<Attempt<'a>> {
        let session = self.session;
        let port = offer.and_then(|offer| offer.socket).map(|socket| socket.port());
        if !session.unclaimed.iter().any(|unclaimed| unclaimed.may_serve(port)) {
            return Vec::new();
        }
        let by_time = self.unclaimed.get_or_init(|| {
            let attempts = session.unclaimed.iter().filter_map(|unclaimed| self.attempt(unclaimed.id, Aim::Elsewhere));
            let mut by_time: Vec<_> = attempts.map(|attempt| (attempt.at(), attempt.connection.id)).collect();
            by_time.sort_by_key(|(at, _)| *at);
            by_time
        });
        let until = transfer.ended().unwrap_or(session.last);
        // A SYN may be recorded a little before the command it serves. Only before the first command no other transfer
        // can have been its reason.
        let first = transfer.id.0 == 1;
        let before = |at: Stamp| at < from && !(first && at.is_since(transfer.at(), SLACK));
        let begun = by_time.partition_point(|(at, _)| before(*at));
        let within = by_time
            .iter()
            .skip(begun)
            .take_while(|(at, _)| next.is_none_or(|next| *at < next.at()) && at.is_until(until, SLACK));
        let within = within.filter_map(|(_, id)| self.flows.connection(*id));
        within.filter_map(|one| Some(self.aimed(one, self.aim_of(offer, one)?))).collect()
    }

    /// The server's connections to endpoints of this session that were announced before the one in force, begun when the
    /// transfer before was over: commands may be sent ahead.
    fn outdated(
        &self,
        place: usize,
        transfer: &'a Transfer,
        offer: Option<OfferNumber>,
    ) -> impl Iterator<Item = Attempt<'a>> {
        let session = self.session;
        let until = transfer.ended().unwrap_or(session.last);
        let reach = offer.and_then(|number| Some((number, Reach::of(session, place, number)?)));
        let begun = reach.map_or(self.outdated.len(), |(_, reach)| {
            self.outdated.partition_point(|one| one.opened.first < reach.from)
        });
        let within = self.outdated.iter().skip(begun).take_while(move |one| one.opened.first <= until);
        let older = within.filter(move |one| {
            reach.is_some_and(|(number, reach)| one.offer < number && reach.includes(one.opened.first))
        });
        let found = older.filter_map(|one| self.attempt(one.opened.id, Aim::Elsewhere));
        found.filter(|attempt| attempt.from().ip() == session.server.ip())
    }

    /// The last established connection before `at` on the tuple that was to be used, as it was closed at `until`. A server
    /// whose data ports are ephemeral has no such tuple.
    fn earlier(
        &self,
        offer: Option<&Offer>,
        (at, until): (Stamp, Stamp),
        attempts: &[Attempt<'_>],
    ) -> Option<Earlier<'a>> {
        let session = self.session;
        let expected = SocketAddr::new(session.server.ip(), session.default_data_port());
        let (passive, socket) = match offer.filter(|offer| !offer.is_refused()) {
            Some(offer) => (offer.direction == Direction::Passive, offer.socket?),
            None => (false, session.client),
        };
        let control = self.flows.connection(session.control);
        let from = |origin: SocketAddr| if passive { origin.ip() == session.client.ip() } else { origin == expected };
        self.correlator
            .history(socket)
            .iter()
            .rev()
            .filter_map(|id| self.flows.connection(*id))
            .filter(|connection| !attempts.iter().any(|attempt| attempt.connection.id == connection.id))
            .filter(|connection| control.is_none_or(|control| control.shares_tags_with(connection)))
            .find(|connection| from(connection.origin) && connection.first < at && connection.was_open())
            .map(|connection| Earlier { connection, close: connection.close_before(until) })
    }

    /// The connection from the server's data port to another host or port that was open between command and reply.
    fn sharing(&self, offer: Option<&Offer>, transfer: &Transfer) -> Option<&'a Connection> {
        let (from, until) = (transfer.at(), transfer.ended().unwrap_or(self.session.last));
        let shared = self.correlator.from_data_port(self.session.server);
        shared.filter_map(|id| self.flows.connection(id)).find(|connection| {
            let other = offer.and_then(|offer| offer.socket) != Some(connection.target);
            // Most were over long before, which is cheaper to see than how.
            let gone = connection.last < from && connection.is_closed();
            if !other || gone || connection.first >= until || !connection.was_open() {
                return false;
            }
            !match connection.close() {
                Close::TimeWait { since, .. } => since < from,
                Close::Reset { at, .. } => at < from,
                Close::Open | Close::Half { .. } => !connection.last.is_since(from, LONG_SILENT),
            }
        })
    }
}

/// From when on a connection to an endpoint that is out of date may have been made for a transfer.
#[derive(Clone, Copy)]
struct Reach {
    /// No connection that counts begins earlier.
    from: Stamp,
    at: Stamp,
    /// When the transfer before was over, if there was one.
    over: Option<Stamp>,
}

impl Reach {
    /// Of the transfer at `place`, which offer `number` serves; `None` where no other connection can have been made for
    /// it: it is not active, or the transfer before was not over.
    fn of(session: &Session, place: usize, number: OfferNumber) -> Option<Self> {
        let active = |offer: &&Offer| offer.direction == Direction::Active && !offer.is_refused();
        session.offers.get(number).filter(active)?;
        let at = session.transfers.get(place)?.at();
        let before = place.checked_sub(1).and_then(|before| session.transfers.get(before));
        let over = match before {
            Some(before) => Some(before.ended()?),
            None => None,
        };
        let early = at.before_by(SLACK);
        Some(Self { from: over.map_or(early, |over| early.max(over)), at, over })
    }

    fn includes(self, first: Stamp) -> bool {
        first.is_since(self.at, SLACK) && self.over.is_none_or(|over| first > over)
    }
}

/// The offer that each transfer was served by: the latest one. Where that was refused and the server connects to the one
/// before it all the same, the refusal changed nothing and that one is still in force.
fn serving_offers(session: &Session, flows: &Table) -> Vec<Option<OfferNumber>> {
    let newest_accepted = session.offers.numbered().scan(None, |newest, (number, offer)| {
        let before = *newest;
        if !offer.is_refused() {
            *newest = Some(number);
        }
        Some(before)
    });
    let standing: Vec<Option<OfferNumber>> = newest_accepted.collect();
    let of = |transfer: &Transfer| {
        let latest = transfer.latest_offer?;
        let Some(refused) = session.offers.get(latest).filter(|offer| offer.is_refused()) else { return Some(latest) };
        let ended = transfer.ended().unwrap_or(session.last);
        let is_used = |number: &OfferNumber| {
            let opened = session.offers.get(*number).map_or(&[][..], |offer| &offer.connections);
            // By another clock a SYN may seem to come before the refusal, unless a transfer before that explains it.
            let asked = session.transfers.binary_search_by_key(&Some(*number), |one| one.latest_offer).is_ok();
            let behind = |first: Stamp| first > refused.at() || !asked && !first.precedes(refused.at());
            opened
                .iter()
                .filter(|one| flows.connection(one.id).is_some() && behind(one.first))
                .any(|one| one.first.is_since(transfer.at(), SLACK) && one.first.is_until(ended, SLACK))
        };
        let standing = session.offers.place(latest).and_then(|place| standing.get(place)).copied().flatten();
        Some(standing.filter(is_used).unwrap_or(latest))
    };
    session.transfers.iter().map(of).collect()
}

/// The connections that [`Conclusions::outdated`] may find for any transfer, by time. In a session that does one thing after
/// the other there is none.
fn outdated(session: &Session, serving: &[Option<OfferNumber>]) -> Vec<Outdated> {
    // For each offer, and then for it and all behind it: from when on a connection to an older one would count.
    let mut from = vec![Stamp::LAST; session.offers.len() + 1];
    for (place, number) in serving.iter().enumerate().filter_map(|(place, number)| Some((place, (*number)?))) {
        let known = session.offers.place(number).and_then(|place| from.get_mut(place));
        if let (Some(known), Some(reach)) = (known, Reach::of(session, place, number)) {
            *known = reach.from.min(*known);
        }
    }
    let mut least = Stamp::LAST;
    for known in from.iter_mut().rev() {
        least = least.min(*known);
        *known = least;
    }
    let behind = from.iter().skip(1).copied();
    let active = session.offers.numbered().zip(behind).filter(|((_, offer), _)| offer.direction == Direction::Active);
    let mut found: Vec<Outdated> = active
        .flat_map(|((number, offer), from)| {
            let late = offer.connections.iter().filter(move |opened| opened.first >= from);
            late.map(move |opened| Outdated { opened: *opened, offer: number })
        })
        .collect();
    found.sort_by_key(|one| one.opened.first);
    found
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

impl Conclusions<'_> {
    /// What an unclaimed connection aims at; `None` when it is no data connection of this session. What it says of a
    /// connection is foreseen by [`super::session::Unclaimed::may_serve`].
    fn aim_of(&self, offer: Option<&Offer>, connection: &Connection) -> Option<Aim> {
        let session = self.session;
        let (from, to) = (connection.origin, connection.target);
        let (client, server) = (session.client.ip(), session.server.ip());
        let announced = offer.and_then(|offer| offer.socket);
        let is_announced_port = announced.is_some_and(|socket| socket.port() == to.port());
        let by_server = session.is_opened_by_server(from);
        if by_server && session.is_default_port(to) {
            return Some(Aim::DefaultPort);
        }
        match offer.map(|offer| offer.direction) {
            Some(Direction::Passive) => {
                (from.ip() == client && to.ip() == server && is_announced_port).then_some(Aim::ControlPeer)
            }
            _ if !by_server => None,
            _ if is_announced_port && self.is_client(to) => Some(Aim::ControlPeer),
            _ => (from.port() == session.default_data_port()).then_some(Aim::Elsewhere),
        }
    }

    /// Whether a socket is on the client's host, on either side of a NAT.
    fn is_client(&self, socket: SocketAddr) -> bool {
        let across = || {
            let control = self.flows.connection(self.session.control)?;
            let translated = control.translated.as_ref()?;
            let origin = control.end_of(self.session.client) == Some(End::Origin);
            Some(if origin { translated.origin } else { translated.target })
        };
        socket.ip() == self.session.client.ip() || across().is_some_and(|there| there.ip() == socket.ip())
    }
}
