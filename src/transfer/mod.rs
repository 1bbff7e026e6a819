//! Turns control events and connections into sessions, offers and transfers, each with the data connections tried.
//!
//! Knows which connection belongs to which announcement; does not judge why a transfer failed.

pub mod attempt;
pub mod conclude;
pub mod concluded;
pub mod correlator;
pub mod departure;
pub mod first_and_last;
pub mod handshake;
pub mod inferred;
pub mod offers;
pub mod protection;
pub mod session;
pub mod sessions;
pub mod standstill;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use departure::Departure;
use offers::OfferNumber;
use sessions::SessionIndex;

use crate::finding::TransferId;
use crate::flow::{Connection, ConnectionId, Side};
use crate::frame::{Interval, Stamp, Timestamp};
use crate::ftp::{Command, Endpoint, Malformed, Reply, Verb};
use crate::record::Outcome;

/// Which side is to open the data connection of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The server connects to the client: PORT, EPRT, LPRT.
    Active,
    /// The client connects to the server: PASV, EPSV, LPSV.
    Passive,
}

/// A data endpoint that was announced, or asked for, on the control connection.
#[derive(Clone, Debug)]
pub struct Offer {
    /// PORT, PASV and kin.
    pub command: Command,
    /// The final reply to it.
    pub reply: Option<Reply>,
    /// Whether that is a failure whose words tell that the server took the command and tried to connect: no refusal of
    /// the command.
    pub tried_at_once: bool,
    /// Who is to connect.
    pub direction: Direction,
    /// Where to: of PORT and kin at once, of PASV and kin from the reply. An endpoint without address (229) is
    /// completed with the server's control address.
    pub socket: Option<SocketAddr>,
    /// When the next endpoint command (or REIN) took its place.
    pub superseded: Option<Stamp>,
    /// When the client first turned away from it.
    pub left: Option<Departure>,
    /// The connections to `socket`, in order of their first frame, bounded.
    pub connections: Vec<OpenedConnection>,
}

/// A connection and its first frame, by which most of them are passed over without being looked up.
#[derive(Clone, Copy, Debug)]
pub struct OpenedConnection {
    /// The connection.
    pub id: ConnectionId,
    /// Its first frame.
    pub first: Stamp,
}

impl From<&Connection> for OpenedConnection {
    fn from(connection: &Connection) -> Self {
        Self { id: connection.id, first: connection.first }
    }
}

impl Offer {
    /// How long the line is that announces the endpoint, in bytes.
    pub fn line_len(&self) -> usize {
        let reply = self.reply.as_ref().filter(|_| self.direction == Direction::Passive);
        reply.map_or(self.command.len, Reply::line_len)
    }

    /// What was announced: of PORT and kin by the command, of PASV and kin by the reply.
    pub fn announced(&self) -> Option<&Result<Endpoint, Malformed>> {
        match self.direction {
            Direction::Active => self.command.endpoint.as_ref(),
            Direction::Passive => self.reply.as_ref().and_then(|reply| reply.endpoint.as_ref()),
        }
    }

    /// The frame that announces the endpoint.
    pub fn at(&self) -> Stamp {
        match (&self.reply, self.direction) {
            (Some(reply), Direction::Passive) if reply.endpoint.is_some() => reply.at(),
            _ => self.command.at(),
        }
    }

    /// Whether the reply was 2xx; `None` when none was seen.
    pub fn accepted(&self) -> Option<bool> {
        self.reply.as_ref().map(Reply::is_success)
    }

    /// Lets those of its connections go that belong to a later announcement of its endpoint, made at that moment, as far as
    /// they are `wanted`. The one connection that this announcement led to stays with it, however soon the next came, unless
    /// the server refused it.
    fn give_back(&mut self, at: Stamp, wanted: impl Fn(&OpenedConnection) -> bool) -> Vec<OpenedConnection> {
        let led_to = self.connections.iter().map(|opened| opened.first);
        let own = if self.is_refused() { None } else { led_to.min() };
        let is_next = |first: Stamp| first >= at || own != Some(first) && !first.precedes(at);
        self.connections.extract_if(.., |opened| is_next(opened.first) && wanted(opened)).collect()
    }

    /// Whether the server refused it.
    pub fn is_refused(&self) -> bool {
        !self.tried_at_once && self.reply.as_ref().is_some_and(Reply::is_failure)
    }
}

/// A command that moves data, and what came of it on the control connection.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// Identity within the session.
    pub id: TransferId,
    /// RETR, STOR, LIST and kin.
    pub command: Command,
    /// The endpoint command before it.
    pub latest_offer: Option<OfferNumber>,
    /// Whether it is the first transfer behind that endpoint command.
    pub first_on_offer: bool,
    /// The 1xx reply.
    pub preliminary: Option<Reply>,
    /// The final reply.
    pub reply: Option<Reply>,
    /// ABOR while it was under way.
    pub abor: Option<Stamp>,
    /// An endpoint command that came between 150 and the final reply.
    pub disturbed_by: Option<Command>,
    /// When the client first turned away from it, before the final reply.
    pub left: Option<Departure>,
    /// The 421 or the close of the control connection that took the final reply's place.
    pub lost: Option<ControlLoss>,
}

/// How the control connection went away under a transfer.
#[derive(Clone, Debug)]
pub struct ControlLoss {
    /// The frame that ended it.
    pub at: Stamp,
    /// What it was, printable: `421 …`, `the server reset the control connection`.
    pub how: String,
    /// Whether the client closed it in order: it gave up, nothing was lost.
    pub orderly_by_client: bool,
    /// Whether it was the client that ended it, in order or not.
    pub by_client: bool,
}

impl Transfer {
    /// How it ended by its control dialogue.
    pub fn outcome(&self) -> Outcome {
        match &self.reply {
            _ if self.abor.is_some() => Outcome::Aborted,
            Some(reply) if reply.is_success() => Outcome::Completed,
            Some(reply) if reply.is_failure() => Outcome::Failed,
            None if self.lost.is_some() => Outcome::Failed,
            Some(_) | None => Outcome::Unknown,
        }
    }

    /// The frame that completed the command.
    pub fn at(&self) -> Stamp {
        self.command.at()
    }

    /// The frame that ended it: the final reply, or the loss of the control connection. A command on a connection that was
    /// lost already ends with itself.
    pub fn ended(&self) -> Option<Stamp> {
        let lost = || self.lost.as_ref().map(|lost| lost.at.max(self.at()));
        self.reply.as_ref().map(Reply::at).or_else(lost)
    }

    /// The time from the command to the final reply.
    pub fn delay(&self) -> Option<Interval> {
        self.reply.as_ref().map(|reply| reply.frames.first().age_of(self.at()))
    }

    /// Whether the client sends the data.
    pub fn is_upload(&self) -> bool {
        self.command.verb.is_upload()
    }
}

/// A session that may be the same control connection on the other side of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Twin {
    /// Which one.
    pub index: SessionIndex,
    /// Whether it is shown to be: then both are one session.
    pub shown: bool,
}

/// Which offers and transfers of a session are the same as those of its other view: the numbers here, and there.
#[derive(Clone, Debug, Default)]
pub struct Same {
    /// Of offers.
    pub offers: BTreeMap<OfferNumber, OfferNumber>,
    /// Of transfers.
    pub transfers: BTreeMap<TransferId, TransferId>,
}

/// The same control connection as the capture shows it on the other side of a NAT.
#[derive(Clone, Debug)]
pub struct OtherView {
    /// Its first frame there.
    pub first: Stamp,
    /// The client's control socket there.
    pub client: SocketAddr,
    /// The server's control socket there.
    pub server: SocketAddr,
    /// Its offers there, by the number that the same offer has here.
    pub offers: BTreeMap<OfferNumber, OtherOffer>,
    /// Data connections seen there, and others that the client did not open.
    pub data_connections: usize,
    /// Its last frame there.
    pub last: Stamp,
    /// The last frame of the server there.
    pub server_last: Option<Stamp>,
    /// Where the first SYN was seen there.
    pub side: Option<Side>,
    /// The TTL of that SYN.
    pub ttl: Option<u8>,
    /// Whether the capture holds all that both ends said there, and it can be read.
    pub is_whole: bool,
    /// The negative replies there, by code and time.
    pub failures: Vec<(u16, Timestamp)>,
    /// The data connections tried there, by the transfer here.
    pub attempts: BTreeMap<TransferId, Vec<ConnectionId>>,
}

impl OtherView {
    /// Whether this view is the server's side of the NAT, of a session whose first SYN had that TTL here, and whose first
    /// frame here is `first`: the client's SYN has passed fewer routers here, or is seen here first.
    pub fn is_server_side(&self, ttl: Option<u8>, first: Stamp) -> bool {
        let fewer = ttl.zip(self.ttl).filter(|(here, there)| here != there).map(|(here, there)| here > there);
        fewer.unwrap_or(first < self.first)
    }
}

/// An offer on the other side of a NAT.
#[derive(Clone, Copy, Debug)]
pub struct OtherOffer {
    /// The announced socket there.
    pub socket: Option<SocketAddr>,
    /// The frame that announces it there.
    pub at: Stamp,
    /// How long the line is that announces it there, in characters.
    pub line_len: usize,
}

/// A command of the session that is neither endpoint nor transfer, with its final reply.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The command.
    pub command: Command,
    /// The final reply.
    pub reply: Option<Reply>,
}

impl Exchange {
    /// Whether the server refused it.
    pub fn is_refused(&self) -> bool {
        self.reply.as_ref().is_some_and(Reply::is_failure)
    }

    /// Whether it is `verb`.
    pub fn is(&self, verb: Verb) -> bool {
        self.command.verb == verb
    }
}
