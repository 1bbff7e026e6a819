//! Whether the client gave up: it turned away from what it had announced or asked for, after a data connection that
//! never came to be. That failed, although no reply says so.

use super::{Case, Evidence, Stamp};
use crate::frame::Interval;
use crate::ftp::Reply;
use crate::transfer::attempt::Attempt;
use crate::transfer::departure::{Departure, Sign};
use crate::transfer::{Direction, Offer, Transfer};

/// Who leaves within a second of the announcement need not have waited for anything; not to the millisecond.
const AT_ONCE: Interval = Interval::millis(1200);

impl<'a> Case<'a> {
    /// When and how the client turned away from it, before the final reply if it is a transfer.
    pub fn left(&self) -> Option<&'a Departure> {
        match self.transfer() {
            Some(transfer) => transfer.left.as_ref(),
            None => self.offer()?.left.as_ref(),
        }
    }

    /// The same, citable.
    pub fn departure(&self) -> Option<Evidence> {
        let left = self.left()?;
        Some(Evidence::sent(left.at, self.session.client, self.session.server, left.how.clone()))
    }

    /// How the client had left the transfer before that data connection was tried.
    pub fn left_before(&self, attempt: &Attempt<'_>) -> Option<&'a Departure> {
        self.transfer()?.left.as_ref().filter(|left| left.at < attempt.at())
    }

    /// Whether the client gave up without having had a data connection.
    pub(super) fn has_given_up(&self) -> bool {
        let Some(left) = self.left() else { return false };
        let Some(since) = self.transfer().map(Transfer::at).or_else(|| self.offer().map(Offer::at)) else {
            return false;
        };
        // What follows ABOR answers that.
        let succeeded = self.report().is_some_and(|(_, reply)| reply.is_success());
        let server = self.control.half(self.client_end().peer());
        if succeeded || self.concluded.established().is_some() || !server.is_whole_since(since) {
            return false;
        }
        let tried = self.concluded.attempts.iter().any(|attempt| {
            // A client that has aborted listens no more: what is refused then failed by nothing.
            attempt.at() <= left.at || !left.sign.is_a_complaint()
        });
        let served_soon = || self.transfer().is_none() && (self.got_data_soon() || self.fell_back());
        (tried || self.waited_in_vain(left)) && !served_soon()
    }

    /// How long the client had waited, when it turned away: since the last word about the data connection.
    pub fn waited(&self) -> Option<Interval> {
        let left = self.left()?;
        Some(left.at.age_of(self.waiting_since(left.at)?))
    }

    /// The last word about the data connection before that moment.
    fn waiting_since(&self, until: Stamp) -> Option<Stamp> {
        let (command, answered) = match self.transfer() {
            Some(transfer) => (&transfer.command, transfer.preliminary.as_ref().map(Reply::at)),
            None => self.offer().map(|offer| (&offer.command, Some(offer.at())))?,
        };
        Some(answered.filter(|answered| *answered <= until).unwrap_or(command.at()))
    }

    /// Whether the client, without any SYN seen, turned away because none came through: after a while, or with words that
    /// tell so and without any data connection later. The dear questions come last.
    fn waited_in_vain(&self, left: &Departure) -> bool {
        let Some(offer) = self.concluded.in_force().filter(|offer| self.was_expected(offer)) else { return false };
        let waited = self.waited().is_some_and(|waited| waited > AT_ONCE);
        let passive = offer.direction == Direction::Passive;
        let complains = passive && left.sign.is_a_complaint() && self.got_no_data_behind();
        left.at >= offer.at()
            && (waited || (complains && self.session.left_at().is_some()))
            && !self.may_be_hidden(left)
            && !self.stands_still(offer)
            && !self.was_tried()
            && !self.may_have_been_served(offer, left)
            && self.shows_data()
    }

    /// Whether a data connection was to come. A server need not connect before it is asked for a transfer; what names
    /// another server's port is not for this one.
    fn was_expected(&self, offer: &Offer) -> bool {
        !self.concluded.for_a_server
            && match (offer.direction, self.transfer()) {
                (Direction::Active, None) => false,
                (Direction::Active, Some(_)) => offer.socket.is_some(),
                (Direction::Passive, _) => offer.reply.as_ref().is_some_and(Reply::is_success),
            }
    }

    /// Whether a filter may have hidden it: the server said that it opens the data connection, nothing but the control
    /// connection was captured, and the client does not ask for another one.
    fn may_be_hidden(&self, left: &Departure) -> bool {
        let said_so = self.transfer().is_some_and(|transfer| transfer.preliminary.is_some());
        let again = matches!(left.sign, Sign::Endpoint | Sign::Login);
        said_so && !again && !self.scene.shows_more_than_control
    }

    /// Whether the control connection itself stands still: then it is not the data connection that the client lacks.
    fn stands_still(&self, offer: &Offer) -> bool {
        self.control.stalled().is_some_and(|(_, stamps)| stamps.iter().all(|at| *at >= offer.at()))
    }

    /// Whether client and server had a connection meanwhile that fits no announcement: where a device rewrites them, it may
    /// be the one.
    fn may_have_been_served(&self, offer: &Offer, left: &Departure) -> bool {
        let ends = [self.session.client.ip(), self.session.server.ip()];
        let unclaimed = self.session.unclaimed.iter().rev().filter_map(|unclaimed| self.flows.connection(unclaimed.id));
        let mut meanwhile = unclaimed.take_while(|one| one.first >= offer.at()).filter(|one| one.first <= left.at);
        meanwhile.any(|one| one.was_open() && ends.contains(&one.origin.ip()) && ends.contains(&one.target.ip()))
    }
}
