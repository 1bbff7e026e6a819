//! One value per attempt to move data: the offer, the command, and every data connection that belongs to them.

use super::attempt::{Aim, Attempt};
use super::offers::OfferNumber;
use super::{ControlLoss, Direction, Offer, Transfer};
use crate::flow::{Close, Connection};
use crate::frame::Stamp;
use crate::record::{Mode, Outcome};

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
    pub offer_number: Option<OfferNumber>,
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
    /// open and well: neither reset nor at a standstill.
    fn is_left(&self, transfer: &Transfer) -> bool {
        let lost = transfer.lost.as_ref().filter(|lost| lost.orderly_by_client && transfer.reply.is_none());
        let whole = |lost: &ControlLoss| {
            self.established().is_some_and(|one| one.connection.rsts.iter().all(|rst| rst.at > lost.at))
        };
        lost.is_some_and(whole) && self.standstill().is_none()
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
