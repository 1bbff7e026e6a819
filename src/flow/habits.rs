//! How the packets of one end look, and whether a RST in its name looks like them.
//!
//! A device that resets a connection in somebody's name knows its numbers, but neither how far away that host is nor where
//! its counter of packets stands.

use super::Half;
use crate::frame::Stamp;
use crate::wire::{Flags, IpHeader, Link, Mac, Segment, Seq};

/// Packets that tell how an end's look.
const KNOWN_FROM: u64 = 6;
/// TTLs that differ by fewer hops may be routes that differ.
const HOPS: u8 = 2;
/// A host that counts its packets gives one connection's identifications that are at most this far apart.
const COUNTS_BY: u16 = 256;
/// Packets in a row that show that it counts.
const COUNTED: u8 = 3;
/// An identification this far from the last one is not of that counter.
const FAR: u16 = 4096;

/// What the packets of one end have in common, but for RSTs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Habits {
    /// The last IP identification that was not 0.
    identification: u16,
    /// How many in a row were counted up to it.
    counted: u8,
    /// Whether the MACs differ.
    macs_differ: bool,
    /// Whether the TTLs differ.
    ttls_differ: bool,
}

/// In what a RST differs from all else that its apparent sender sent: what that has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Unlike {
    /// The TTL of that end.
    pub ttl: Option<u8>,
    /// The last IP identification before it.
    pub identification: Option<u16>,
    /// The MAC that its packets come from.
    pub mac: Option<Mac>,
    /// The next sequence number of that end, where the RST lies ahead of it.
    pub next: Option<Seq>,
}

impl Unlike {
    /// In how many ways it differs.
    pub fn signs(&self) -> usize {
        [self.ttl.is_some(), self.identification.is_some(), self.mac.is_some(), self.next.is_some()]
            .into_iter()
            .filter(|sign| *sign)
            .count()
    }
}

impl Half {
    /// Takes the look of a packet.
    pub(super) fn looked(&mut self, link: &Link, ip: &IpHeader, tcp: &Segment<'_>) {
        if tcp.flags.has(Flags::RST) {
            return;
        }
        let habits = &mut self.habits;
        habits.macs_differ |= link.source != self.first_mac;
        habits.ttls_differ |= self.first_ttl.is_some_and(|first| first.abs_diff(ip.ttl) >= HOPS);
        if let Some(identification) = ip.identification.filter(|identification| *identification != 0) {
            let counts = (1..=COUNTS_BY).contains(&identification.wrapping_sub(habits.identification));
            habits.counted = if counts { habits.counted.saturating_add(1) } else { 0 };
            habits.identification = identification;
        }
    }

    /// In what a RST differs from the packets of this end; nothing where too few are known.
    pub(super) fn unlike(&self, link: &Link, ip: &IpHeader, tcp: &Segment<'_>) -> Unlike {
        let habits = self.habits;
        if self.segments < KNOWN_FROM {
            return Unlike::default();
        }
        let far_off = |own: &u8| !habits.ttls_differ && own.abs_diff(ip.ttl) >= HOPS;
        let other_mac = |own: &Mac| !habits.macs_differ && link.source.is_some_and(|mac| mac != *own);
        let uncounted = ip.identification.is_some_and(|mine| {
            let ahead = mine.wrapping_sub(habits.identification);
            mine != 0 && habits.counted >= COUNTED && (FAR..=FAR.wrapping_neg()).contains(&ahead)
        });
        let ahead = |next: &Seq| tcp.seq.is_after(*next) && self.gaps().is_empty();
        Unlike {
            ttl: self.first_ttl.filter(far_off),
            identification: uncounted.then_some(habits.identification),
            mac: self.first_mac.filter(other_mac),
            next: self.next.filter(ahead),
        }
    }

    /// The first sign that this end went on after that moment, with bytes or a FIN, as if it had reset nothing: seconds behind
    /// it, so that nothing was on its way.
    pub fn went_on(&self, after: Stamp) -> Option<Stamp> {
        let fin = self.fin.map(|fin| fin.at);
        self.last_data.into_iter().chain(fin).find(|at| *at > after && at.seconds_since(after) >= ON_ITS_WAY)
    }
}

/// What was sent before a RST arrives within this many seconds behind it.
const ON_ITS_WAY: f64 = 0.2;
