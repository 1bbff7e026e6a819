//! Where a session that goes on and on is cut: what lies before is judged for good and forgotten.

use super::Model;
use crate::flow::ConnectionId;
use crate::frame::Stamp;
use crate::transfer::Transfer;
use crate::transfer::concluded::Concluded;
use crate::transfer::offers::OfferNumber;
use crate::transfer::session::Session;
use crate::transfer::sessions::SessionIndex;

/// Transfers, offers or unclaimed connections that make a session long.
const LONG: usize = 512;

/// As many of them are kept, the newest: what a TIME-WAIT of minutes is told from, unless a client moves more than one
/// file a second.
const KEPT: usize = 256;

/// Where the part of a session ends that is judged for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pipeline) struct Rollover {
    /// Transfers before this belong to it.
    pub(in crate::pipeline) before: Stamp,
    /// Offers with a lower number do.
    pub(in crate::pipeline) offer: OfferNumber,
}

impl Rollover {
    /// Where that is, if the session is long.
    pub(in crate::pipeline) fn of(session: &Session, first: impl Fn(ConnectionId) -> Option<Stamp>) -> Option<Self> {
        let old = |len: usize| (len > LONG).then(|| len - KEPT);
        let transfer = old(session.transfers.len()).and_then(|at| session.transfers.get(at)).map(Transfer::at);
        let offer = old(session.offers.len()).and_then(|at| session.offers.iter().nth(at)).map(|one| one.command.at());
        let unclaimed = old(session.unclaimed.len())
            .and_then(|at| session.unclaimed.iter().skip(at).find_map(|unclaimed| first(unclaimed.id)));
        let before = transfer.max(offer).max(unclaimed)?;
        let needed = session.transfers.iter().filter(|one| one.at() >= before).filter_map(|one| one.latest_offer).min();
        let young = session.offers.numbered().find(|(_, one)| one.command.at() >= before).map(|(number, _)| number);
        let last = session.offers.last_number();
        let offer = [needed, young, last].into_iter().flatten().min().unwrap_or_default();
        Some(Self { before, offer })
    }

    /// Whether a transfer or offer lies before.
    pub(in crate::pipeline) fn includes(self, one: &Concluded<'_>) -> bool {
        match (one.transfer, one.offer_number) {
            (Some(transfer), _) => transfer.at() < self.before,
            (None, Some(offer)) => offer < self.offer,
            (None, None) => one.at().is_some_and(|at| at < self.before),
        }
    }
}

/// Whether a session holds so much that what lies far back is to be judged for good.
pub(super) fn is_long(session: &Session) -> bool {
    session.transfers.len().max(session.offers.len()).max(session.unclaimed.len()) > LONG
}

impl Model {
    /// Forgets what lies far back in a session and was judged for good.
    pub(in crate::pipeline) fn roll_over(&mut self, index: SessionIndex, end: Rollover) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        let over = session.transfers.iter().take_while(|transfer| transfer.at() < end.before).count();
        session.transfers.drain(..over);
        session.transfers_before = session.transfers_before.saturating_add(u32::try_from(over).unwrap_or(u32::MAX));
        let gone = session.offers.cut(end.offer);
        self.correlator.forget_offers(index, Some(end.offer), &gone);
        let young = |id| self.flows.connection(id).is_some_and(|connection| connection.first >= end.before);
        session.unclaimed.retain(|unclaimed| young(unclaimed.id));
        session.solicited.retain(|id| young(*id));
    }
}
