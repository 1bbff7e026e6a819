//! Lets pass what matters to nobody: most segments of most captures belong to connections that are not FTP, between
//! hosts that do no FTP, and each of them says what the one before it said.
//!
//! A segment that the whole pipeline found to be of no consequence gets a pass for its likes: those with the same
//! [`Glimpse`]. They are not even decoded, for everything that could come of it is excluded: such a segment neither
//! opens nor closes a connection nor fails to decode ([`Glimpse::of`]), and cannot begin a line of FTP
//! ([`of_no_interest`]); its connection is not held as one that may be FTP ([`Bystanders::revoke`]); neither host has
//! become a party since (`parties`); and the network would not book it ([`Glance`]). So results are the same as without
//! it, only sooner.

use super::strangers::is_telling;
use crate::flow::FlowKey;
use crate::frame::{Frame, Stamp};
use crate::network::{Glance, Network};
use crate::wire::{Glimpse, way};

/// Passes, direct-mapped: who comes later takes the place, and the loser takes the long way once. A busy link has some
/// hundred connections at a time.
const PLACES: usize = 1 << 13;

/// A glimpse of a segment that is of interest only if somebody cares for its connection.
#[inline]
pub(super) fn of_no_interest(frame: &Frame<'_>) -> Option<Glimpse> {
    Glimpse::of(frame).and_then(|(glimpse, payload)| (!is_telling(payload)).then_some(glimpse))
}

#[derive(Clone, Copy)]
struct Pass {
    glimpse: Glimpse,
    glance: Glance,
    /// How many parties there were; with one more, it is to be seen first who that is.
    parties: usize,
}

/// The passes that have been given out, each for one direction of a connection.
pub(super) struct Bystanders {
    passes: Vec<Option<Pass>>,
}

impl Default for Bystanders {
    fn default() -> Self {
        Self { passes: vec![None; PLACES] }
    }
}

impl Bystanders {
    /// Whether a segment may go by.
    #[inline]
    pub(super) fn may_pass(&self, glimpse: &Glimpse, at: Stamp, network: &Network, parties: usize) -> bool {
        let pass = self.passes.get(place(glimpse.way())).and_then(Option::as_ref);
        pass.is_some_and(|pass| {
            pass.glimpse == *glimpse && pass.parties == parties && network.is_still_known(pass.glance, at)
        })
    }

    /// Lets the likes of a segment pass, which is of no consequence and of which the network knows all that it tells.
    pub(super) fn admit(&mut self, glimpse: Glimpse, glance: Glance, parties: usize) {
        if let Some(pass) = self.passes.get_mut(place(glimpse.way())) {
            *pass = Some(Pass { glimpse, glance, parties });
        }
    }

    /// A connection is held from now on: each of its segments counts, whichever way it comes.
    pub(super) fn revoke(&mut self, key: &FlowKey) {
        for way in [way(key.low, key.high), way(key.high, key.low)] {
            if let Some(pass) = self.passes.get_mut(place(way)) {
                *pass = None;
            }
        }
    }
}

#[inline]
fn place(way: u64) -> usize {
    usize::try_from(way >> (u64::BITS - PLACES.trailing_zeros())).unwrap_or(0)
}
