//! The connections of a session that answer no offer, and the offers that claim them when their words are read.

use std::net::IpAddr;

use super::super::offers::OfferNumber;
use super::super::{Direction, OpenedConnection};
use super::Session;
use crate::flow::{Connection, ConnectionId, Table};
use crate::frame::Interval;
use crate::ftp::Speaker;

/// Unclaimed connections between the two hosts that are remembered per session; more than a busy client opens
/// between PORT and reply.
const UNCLAIMED_KEPT: usize = 1024;

/// A client connects this soon behind 227 or 229: it has nothing to wait for.
const SOLICITED: Interval = Interval::seconds(1);

/// Packets of two connections may be recorded in another order than they were sent, this far apart at most.
pub(in crate::transfer) const SWAPPED: Interval = Interval::millis(10);

/// A connection that answers no offer, and what tells most of them from data connections without a look at them.
#[derive(Clone, Copy, Debug)]
pub struct Unclaimed {
    /// The connection.
    pub id: ConnectionId,
    /// The port that it goes to.
    port: u16,
    /// Whether it goes from the server's data port or to a default data port of the client.
    by_default: bool,
}

impl Unclaimed {
    /// Whether it may be a data connection of a transfer whose offer names `port`; `None`: no offer.
    pub fn may_serve(&self, port: Option<u16>) -> bool {
        self.by_default || port == Some(self.port)
    }
}

impl Session {
    /// Gives an offer the connections to its endpoint that were seen before its words were: the words come late where
    /// bytes before them are missing, where packets of two connections were recorded in another order, and where they wait
    /// for an acknowledgement that confirms them. `before` is the offer that announced that endpoint last.
    pub(in crate::transfer) fn claim(&mut self, number: OfferNumber, before: Option<OfferNumber>, flows: &Table) {
        let Some(offer) = self.offers.get(number) else { return };
        let (at, socket) = (offer.at(), offer.socket);
        let port = socket.map(|socket| socket.port());
        let mut claimed: Vec<OpenedConnection> = Vec::new();
        if self.unclaimed.iter().any(|unclaimed| Some(unclaimed.port) == port) {
            self.unclaimed.retain(|unclaimed| {
                let connection = flows.connection(unclaimed.id).filter(|one| Some(one.target) == socket);
                let own = connection.filter(|one| one.first.is_since(at, SWAPPED));
                claimed.extend(own.map(OpenedConnection::from));
                own.is_none()
            });
        }
        if let Some(before) = before.and_then(|before| self.offers.get_mut(before)) {
            claimed.extend(before.give_back(at, |_| true));
        }
        self.take(number, claimed);
    }

    /// Gives an offer connections to its endpoint.
    pub(in crate::transfer) fn take(&mut self, number: OfferNumber, claimed: Vec<OpenedConnection>) {
        let Some(offer) = self.offers.get_mut(number).filter(|_| !claimed.is_empty()) else { return };
        offer.connections.extend(claimed);
        offer.connections.sort_by_key(|opened| opened.first);
    }

    /// Lets a connection go that answers no offer of this session; whether it was there.
    pub(in crate::transfer) fn forget_unclaimed(&mut self, id: ConnectionId) -> bool {
        let place = self.unclaimed.iter().position(|unclaimed| unclaimed.id == id);
        place.map(|place| self.unclaimed.remove(place)).is_some()
    }

    /// The host that is to open the data connections of such an offer.
    pub(in crate::transfer) fn opener(&self, direction: Direction) -> IpAddr {
        match direction {
            Direction::Active => self.server.ip(),
            Direction::Passive => self.client.ip(),
        }
    }

    /// Remembers a connection between the hosts that answers no offer.
    pub fn unclaimed(&mut self, connection: &Connection) {
        if self.unclaimed.len() < UNCLAIMED_KEPT {
            let (from, to) = (connection.origin, connection.target);
            let by_default =
                self.is_opened_by_server(from) && (self.is_default_port(to) || from.port() == self.default_data_port());
            // It may have ignored the address of 227.
            self.passive_syns |=
                from.ip() == self.client.ip() && to.ip() == self.server.ip() && self.has_passive_offer(to.port());
            self.unclaimed.push(Unclaimed { id: connection.id, port: to.port(), by_default });
            if self.seems_to_solicit(connection) {
                self.solicited.push(connection.id);
            }
        }
    }

    /// Whether the newest announcement is one of that passive port.
    fn has_passive_offer(&self, port: u16) -> bool {
        let newest = self.offers.last_number().and_then(|number| self.offers.get(number));
        newest.is_some_and(|offer| {
            offer.direction == Direction::Passive && offer.socket.is_some_and(|socket| socket.port() == port)
        })
    }

    /// Whether the client connects to the server right behind the server's encrypted words, as it does behind 227 and 229.
    fn seems_to_solicit(&self, connection: &Connection) -> bool {
        let between = connection.origin.ip() == self.client.ip() && connection.target.ip() == self.server.ip();
        between
            && self.last_record.is_some_and(|(speaker, at)| {
                speaker == Speaker::Server && connection.first.since(at).is_within(SOLICITED)
            })
    }
}
