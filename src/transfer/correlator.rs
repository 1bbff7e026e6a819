//! Which connection answers which offer.
//!
//! Keyed by the announced socket, never by host pair: several sessions between one pair of hosts and several offers
//! of one endpoint are normal, and a wrong-interface PORT or a third party shares no address with its session.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use super::offers::OfferNumber;
use super::session::{self, Session};
use super::sessions::{SessionIndex, Sessions};
use super::{Direction, Offer, OpenedConnection};
use crate::flow::{Connection, ConnectionId, Table};
use crate::frame::Stamp;

/// Sockets whose offers are remembered. A client that announces a fresh port per transfer fills this after 65,536
/// transfers; the oldest go first.
const SOCKETS_KEPT: usize = 65_536;

/// Earlier connections to one socket that are remembered: TIME-WAIT needs the last, proof needs a few more.
const HISTORY_KEPT: usize = 16;

/// Connections from one server's data port that are remembered: those open at one moment are a few.
const SHARING_KEPT: usize = 64;

/// Servers whose data port is watched; the others have no contention told.
const SERVERS_KEPT: usize = 4_096;

/// Connections one offer may collect; a bounce scan needs few, a retrying client some.
const PER_OFFER: usize = 64;

/// Sessions of one host among which one with another host is looked for, the newest.
const SESSIONS_COMPARED: usize = 256;

/// Offers and past connections by socket, sessions by host.
#[derive(Debug)]
pub struct Correlator {
    sockets: HashMap<SocketAddr, Slot, RandomState>,
    order: VecDeque<SocketAddr>,
    hosts: HashMap<IpAddr, BTreeSet<SessionIndex>, RandomState>,
    /// The connections from the data port of each server, by its control socket.
    servers: HashMap<SocketAddr, VecDeque<ConnectionId>, RandomState>,
    /// Servers of which a data connection was seen, and which side opened it.
    shown: HashSet<(IpAddr, Direction), RandomState>,
    /// Servers of which a transfer succeeded before anything of its data connection was seen.
    bare: HashSet<(IpAddr, Direction), RandomState>,
    forgotten: u64,
    sockets_kept: usize,
    servers_kept: usize,
}

impl Default for Correlator {
    fn default() -> Self {
        Self::holding(|bound| bound)
    }
}

#[derive(Debug, Default)]
struct Slot {
    /// The offers of this socket, in the order in which they were sent.
    offers: Vec<Announced>,
    /// The connections to it, oldest first.
    connections: Vec<ConnectionId>,
    /// The last session in which a server said that it listens here, and the frame.
    listening: Option<(SessionIndex, Stamp)>,
    /// The last session in which a client named it in PORT.
    named_by: Option<SessionIndex>,
}

/// An offer of a socket.
#[derive(Clone, Copy, Debug)]
struct Announced {
    at: Stamp,
    session: SessionIndex,
    number: OfferNumber,
}

impl Correlator {
    /// Nothing known yet. `scaled` turns each bound into what it is to be.
    pub fn holding(scaled: impl Fn(usize) -> usize) -> Self {
        Self {
            sockets: HashMap::default(),
            order: VecDeque::new(),
            hosts: HashMap::default(),
            servers: HashMap::default(),
            shown: HashSet::default(),
            bare: HashSet::default(),
            forgotten: 0,
            sockets_kept: scaled(SOCKETS_KEPT),
            servers_kept: scaled(SERVERS_KEPT),
        }
    }

    /// A session between these hosts has begun.
    pub fn session(&mut self, index: SessionIndex, session: &Session) {
        for host in [session.client.ip(), session.server.ip()] {
            self.hosts.entry(host).or_default().insert(index);
        }
        if self.servers.len() < self.servers_kept {
            self.servers.entry(session.server).or_default();
        }
    }

    /// A session is over and no connection can belong to it any more.
    pub fn over(&mut self, index: SessionIndex, session: &Session) {
        for host in [session.client.ip(), session.server.ip()] {
            if let Some(sessions) = self.hosts.get_mut(&host) {
                sessions.remove(&index);
                if sessions.is_empty() {
                    self.hosts.remove(&host);
                }
            }
        }
        self.forget_offers(index, None, &session.offers);
    }

    /// The offers of a session with a lower number than `before`, or all of them, which are `gone`, get no connections any
    /// more.
    pub fn forget_offers<'a>(
        &mut self,
        index: SessionIndex,
        before: Option<OfferNumber>,
        gone: impl IntoIterator<Item = &'a Offer>,
    ) {
        for socket in gone.into_iter().filter_map(|offer| offer.socket) {
            if let Some(slot) = self.sockets.get_mut(&socket) {
                slot.offers
                    .retain(|offer| offer.session != index || before.is_some_and(|before| offer.number >= before));
            }
        }
    }

    /// The sessions under way of a host, the newest first.
    pub fn sessions_of(&self, host: IpAddr) -> impl Iterator<Item = SessionIndex> {
        self.hosts.get(&host).into_iter().flat_map(|sessions| sessions.iter().rev()).copied()
    }

    /// The offer of a session that announced a socket last.
    fn last_offer(&self, index: SessionIndex, socket: SocketAddr) -> Option<OfferNumber> {
        let mut offers = self.sockets.get(&socket)?.offers.iter().rev();
        offers.find(|offer| offer.session == index).map(|offer| offer.number)
    }

    /// Gives an offer whose socket just became known the connections to it that were seen before its words were read
    /// ([`Session::claim`]), from whichever session they were left with meanwhile.
    pub fn claim(&mut self, index: SessionIndex, number: OfferNumber, sessions: &mut Sessions, flows: &Table) {
        let Some(session) = sessions.get_mut(index) else { return };
        let Some(offer) = session.offers.get(number) else { return };
        let Some(socket) = offer.socket else { return };
        let (at, direction) = (offer.at(), offer.direction);
        let twin = session.twin.map(|twin| twin.index);
        let before = self.last_offer(index, socket).filter(|before| *before != number);
        session.claim(number, before, flows);
        let opener = session.opener(direction);
        let is_opened_by = |id: ConnectionId| flows.connection(id).is_some_and(|one| one.origin.ip() == opener);
        let slot = self.sockets.get(&socket);
        let offers = slot.map_or(&[][..], |slot| &slot.offers);
        let mut claimed: Vec<OpenedConnection> = Vec::new();
        for other in offers.iter().filter(|other| other.session != index && other.at < at) {
            let session =
                sessions.get_mut(other.session).filter(|session| session.twin.map(|twin| twin.index) != Some(index));
            let offer =
                session.filter(|_| twin != Some(other.session)).and_then(|one| one.offers.get_mut(other.number));
            if let Some(offer) = offer.filter(|offer| offer.direction == direction) {
                claimed.extend(offer.give_back(at, |opened| is_opened_by(opened.id)));
            }
        }
        let own = sessions.get(index).and_then(|session| session.offers.get(number));
        let own: Vec<ConnectionId> = own.into_iter().flat_map(|offer| &offer.connections).map(|one| one.id).collect();
        // The newest connections come last; one that nobody announced waits with the newest session of its hosts.
        let later = self.history(socket).iter().rev().filter_map(|id| flows.connection(*id));
        let later = later.take_while(|one| one.first.is_since(at, session::SWAPPED));
        for connection in later.filter(|one| one.origin.ip() == opener && !own.contains(&one.id)) {
            let mut others = self
                .hosts
                .get(&opener)
                .into_iter()
                .flatten()
                .rev()
                .take(SESSIONS_COMPARED)
                .filter(|other| **other != index);
            if others.any(|other| sessions.get_mut(*other).is_some_and(|one| one.forget_unclaimed(connection.id))) {
                claimed.push(OpenedConnection::from(connection));
            }
        }
        let Some(session) = sessions.get_mut(index) else { return };
        session.take(number, claimed);
        if session.offers.get(number).is_some_and(|offer| !offer.connections.is_empty()) {
            session.passive_syns |= direction == Direction::Passive;
            let shown = (session.server.ip(), direction);
            self.shows(shown);
        }
    }

    /// `socket` was announced by offer `number` of session `index`.
    pub fn offered(&mut self, index: SessionIndex, number: OfferNumber, socket: SocketAddr, offer: &Offer) {
        let slot = self.slot(socket);
        match offer.direction {
            Direction::Passive => slot.listening = Some((index, offer.at())),
            Direction::Active => slot.named_by = Some(index),
        }
        let at = offer.at();
        if !slot.offers.iter().any(|known| (known.session, known.number) == (index, number)) {
            let place = slot.offers.partition_point(|known| known.at <= at);
            slot.offers.insert(place, Announced { at, session: index, number });
            if slot.offers.len() > PER_OFFER {
                slot.offers.remove(0);
            }
        }
    }

    /// A connection has been opened: gives it to the newest offer of its target, or leaves it as an unclaimed one with
    /// the newest session between its hosts.
    pub fn opened(&mut self, connection: &Connection, sessions: &mut Sessions) {
        let control = SocketAddr::new(connection.origin.ip(), connection.origin.port().wrapping_add(1));
        if let Some(shared) = self.servers.get_mut(&control) {
            if shared.len() >= SHARING_KEPT {
                shared.pop_front();
            }
            shared.push_back(connection.id);
        }
        let slot = self.slot(connection.target);
        slot.connections.push(connection.id);
        if slot.connections.len() > HISTORY_KEPT {
            slot.connections.remove(0);
        }
        // The newest offer, refused or not: a server that connects all the same shows itself by it. Two sessions may
        // announce one socket (two views of one session, either side of a NAT): the opener's own comes first.
        let by = connection.origin.ip();
        let known = |&Announced { session: index, number, .. }: &Announced| {
            let session = sessions.get(index)?;
            let opener = session.opener(session.offers.get(number)?.direction);
            Some((opener == by, (index, number)))
        };
        let claim = slot.offers.iter().filter_map(known).max_by_key(|(own, _)| *own).map(|(_, claim)| claim);
        if let Some((index, offer)) = claim
            && let Some(session) = sessions.get_mut(index)
            && let Some(offer) = session.offers.get_mut(offer)
        {
            if offer.connections.len() < PER_OFFER {
                offer.connections.push(connection.into());
            }
            let direction = offer.direction;
            session.passive_syns |= direction == Direction::Passive && by == session.client.ip();
            let shown = (session.server.ip(), direction);
            self.shows(shown);
            return;
        }
        // A data connection that no offer names may go between its two hosts, or be one of its server, which may have been
        // sent anywhere, or of its client, which may be served from another address of the server.
        let ends = [connection.origin.ip(), connection.target.ip()];
        if let Some(index) = self.newest_between(ends)
            && let Some(session) = sessions.get_mut(index)
        {
            session.unclaimed(connection);
        }
    }

    /// A data connection of a server was seen.
    fn shows(&mut self, shown: (IpAddr, Direction)) {
        if self.shown.len() < self.servers_kept {
            self.shown.insert(shown);
        }
    }

    /// The newest session between two hosts, else of one of them.
    fn newest_between(&self, ends: [IpAddr; 2]) -> Option<SessionIndex> {
        let of_host = ends.map(|host| self.hosts.get(&host));
        let between = || {
            let [one, other] = [of_host[0]?, of_host[1]?];
            let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
            few.iter().rev().take(SESSIONS_COMPARED).find(|index| many.contains(index))
        };
        between().or_else(|| of_host.iter().flatten().filter_map(|sessions| sessions.last()).max()).copied()
    }

    /// A transfer of this session has succeeded that was served by this offer, if by any.
    pub fn succeeded(&mut self, session: &Session, offer: Option<&Offer>) {
        let Some(offer) = offer.filter(|offer| offer.connections.is_empty() && !offer.is_refused()) else { return };
        let between = [session.client.ip(), session.server.ip()];
        let is_between = offer.socket.is_some_and(|socket| between.contains(&socket.ip()));
        if is_between && session.unclaimed.is_empty() && self.bare.len() < self.servers_kept {
            self.bare.insert((session.server.ip(), offer.direction));
        }
    }

    /// Whether transfers of the server succeeded this way, and nothing of their data connections is in the capture, nor
    /// of any other's.
    pub fn lacks_data_of(&self, server: IpAddr, direction: Direction) -> bool {
        self.bare.contains(&(server, direction)) && !self.shown.contains(&(server, direction))
    }

    /// The connections to `socket` so far, oldest first.
    pub fn history(&self, socket: SocketAddr) -> &[ConnectionId] {
        self.sockets.get(&socket).map_or(&[], |slot| &slot.connections)
    }

    /// The connections from the data port of the server with this control socket, oldest first.
    pub fn from_data_port(&self, server: SocketAddr) -> impl Iterator<Item = ConnectionId> {
        self.servers.get(&server).into_iter().flatten().copied()
    }

    /// Where a server of a session other than `index` said that it listens on `socket`: server-to-server transfer.
    pub fn listening_elsewhere(&self, index: SessionIndex, socket: SocketAddr) -> Option<Stamp> {
        self.sockets.get(&socket)?.listening.filter(|(other, _)| *other != index).map(|(_, at)| at)
    }

    /// Whether a client of a session other than `index` named `socket` in PORT: another server is to connect there.
    pub fn named_elsewhere(&self, index: SessionIndex, socket: SocketAddr) -> bool {
        self.sockets.get(&socket).and_then(|slot| slot.named_by).is_some_and(|other| other != index)
    }

    /// Sockets that were let go because too many were announced.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    fn slot(&mut self, socket: SocketAddr) -> &mut Slot {
        if !self.sockets.contains_key(&socket) {
            if self.order.len() >= self.sockets_kept
                && let Some(oldest) = self.order.pop_front()
            {
                self.sockets.remove(&oldest);
                self.forgotten += 1;
            }
            self.order.push_back(socket);
        }
        self.sockets.entry(socket).or_default()
    }
}
