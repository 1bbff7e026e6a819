//! Lets pass what matters to nobody: most segments of most captures belong to connections that are not FTP, between
//! hosts that do no FTP, and each of them says what the one before it said.
//!
//! A segment that the whole pipeline found to be of no consequence gets a pass for its likes: those with the same
//! [`Glimpse`]. They are not even decoded, for everything that could come of it is excluded: such a segment neither
//! opens nor closes a connection nor fails to decode ([`Glimpse::of`]), and cannot begin a line of FTP
//! ([`of_no_interest`]); its connection is not held as one that may be FTP ([`Bystanders::revoke`]); neither host has
//! become a party since (`parties`); and the network would not book it ([`Glance`]). So results are the same as without
//! it, only sooner.

use std::net::{IpAddr, SocketAddr};

use super::strangers::is_telling;
use crate::flow::FlowKey;
use crate::frame::{Frame, Stamp};
use crate::network::{Glance, Network};
use crate::wire::Glimpse;

/// Connections that hold passes, direct-mapped: who comes later takes the place, and the loser takes the long way once.
/// A busy link has some hundred connections at a time; many more places would not fit the caches.
const PLACES: usize = 1 << 11;

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

/// The passes that have been given out: those of a connection, one for each direction, are in one place.
pub(super) struct Bystanders {
    passes: Vec<[Option<Pass>; 2]>,
}

impl Default for Bystanders {
    fn default() -> Self {
        Self { passes: vec![[None; 2]; PLACES] }
    }
}

impl Bystanders {
    /// Whether a segment may go by.
    #[inline]
    pub(super) fn may_pass(&self, glimpse: &Glimpse, at: Stamp, network: &Network, parties: usize) -> bool {
        let pass = self.passes.get(place(glimpse.source, glimpse.destination)).and_then(|both| both.get(way(glimpse)));
        pass.and_then(Option::as_ref).is_some_and(|pass| {
            pass.glimpse == *glimpse && pass.parties == parties && network.is_still_known(pass.glance, at)
        })
    }

    /// Lets the likes of a segment pass, which is of no consequence and of which the network knows all that it tells.
    pub(super) fn admit(&mut self, glimpse: Glimpse, glance: Glance, parties: usize) {
        let both = self.passes.get_mut(place(glimpse.source, glimpse.destination));
        if let Some(pass) = both.and_then(|both| both.get_mut(way(&glimpse))) {
            *pass = Some(Pass { glimpse, glance, parties });
        }
    }

    /// A connection is held from now on: each of its segments counts, whichever way it comes.
    pub(super) fn revoke(&mut self, key: &FlowKey) {
        if let Some(both) = self.passes.get_mut(place(key.low, key.high)) {
            *both = [None; 2];
        }
    }
}

/// Where the passes of a connection are, the same for both directions.
fn place(one: SocketAddr, other: SocketAddr) -> usize {
    let both = fold(one).wrapping_add(fold(other));
    // Fibonacci hashing: the top bits of the product depend on all bits of the sum.
    usize::try_from(both.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - PLACES.trailing_zeros())).unwrap_or(0)
}

fn fold(end: SocketAddr) -> u64 {
    let ip = match end.ip() {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        #[expect(clippy::cast_possible_truncation, reason = "a fold")]
        IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64 ^ ip.to_bits() as u64,
    };
    ip ^ u64::from(end.port()) << 40
}

/// 0 for one direction of a connection, 1 for the other.
fn way(glimpse: &Glimpse) -> usize {
    usize::from(glimpse.source < glimpse.destination)
}
