//! How the packets of one end look, and whether a RST in its name looks like them.
//!
//! A device that resets a connection in somebody's name knows its numbers, but neither how far away that host is nor where
//! its counter of packets stands.

use super::Half;
use crate::frame::{Interval, Stamp};
use crate::wire::{Flags, IpHeader, Link, Mac, Segment, Seq};

/// Packets that tell how those of an end look.
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
    /// In how many ways it differs. A TTL and a MAC that differ together are one: it came another way.
    pub fn signs(&self) -> usize {
        let another_way = self.ttl.is_some() || self.mac.is_some();
        [another_way, self.identification.is_some(), self.next.is_some()].into_iter().filter(|sign| *sign).count()
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
        // 0 and the same again are no counting.
        let known = habits.identification;
        if let Some(identification) = ip.identification.filter(|mine| ![0, known].contains(mine)) {
            let counts = (1..=COUNTS_BY).contains(&identification.wrapping_sub(known));
            habits.counted = if counts { habits.counted.saturating_add(1) } else { 0 };
            habits.identification = identification;
        }
    }

    /// In what a RST differs from the packets of this end; nothing where too few are known.
    pub(super) fn unlike(&self, link: &Link, ip: &IpHeader, tcp: &Segment<'_>) -> Unlike {
        let habits = self.habits;
        let mine = ip.identification.filter(|mine| *mine != 0 && habits.counted >= COUNTED);
        let ahead = mine.map(|mine| mine.wrapping_sub(habits.identification));
        // Whoever goes on with the host's own counter is that host, whichever way its packets come now.
        if self.segments < KNOWN_FROM || ahead.is_some_and(|ahead| (1..FAR).contains(&ahead)) {
            return Unlike::default();
        }
        let far_off = |own: &u8| !habits.ttls_differ && own.abs_diff(ip.ttl) >= HOPS;
        let other_mac = |own: &Mac| !habits.macs_differ && link.source.is_some_and(|mac| mac != *own);
        let uncounted = ahead.is_some_and(|ahead| (FAR..=FAR.wrapping_neg()).contains(&ahead));
        let beyond = |next: &Seq| tcp.seq.is_after(*next) && self.gaps().is_empty();
        Unlike {
            ttl: self.first_ttl.filter(far_off),
            identification: uncounted.then_some(habits.identification),
            mac: self.first_mac.filter(other_mac),
            next: self.next.filter(beyond),
        }
    }

    /// The first sign that this end went on after that moment, with bytes or a FIN, as if it had reset nothing: seconds behind
    /// it, so that nothing was on its way.
    pub fn went_on(&self, after: Stamp) -> Option<Stamp> {
        let fin = self.fin.map(|fin| fin.at);
        self.last_data.into_iter().chain(fin).find(|at| *at > after && at.since(after) >= ON_ITS_WAY)
    }
}

/// What was sent before a RST arrives within this time behind it.
const ON_ITS_WAY: Interval = Interval::millis(200);

#[cfg(test)]
mod tests {
    use super::super::script::{Played, play};
    use super::Unlike;

    /// A server with TTL 63 that counts its packets from 101 on, and the RST.
    fn played(rst: &str) -> Played {
        let data = (0_u32..6).map(|number| {
            let (seq, id) = (1001 + 10 * number, 103 + number);
            format!("=0.{}3s S:20 > C:5001 A seq={seq} ack=9001 len=10 ttl=63 id={id}\n", number + 3)
        });
        let script = "=0.0s S:20 > C:5001 S seq=1000 ttl=63 id=101
            =0.1s C:5001 > S:20 SA seq=9000 ack=1001
            =0.2s S:20 > C:5001 A seq=1001 ack=9001 ttl=63 id=102\n";
        let script: String = std::iter::once(script.to_owned()).chain(data).collect();
        play(&format!("{script}{rst}"))
    }

    fn unlike(rst: &str) -> Unlike {
        played(rst).only().rsts.first().expect("a RST").unlike
    }

    #[test]
    fn a_forged_rst_differs() {
        let forged = unlike("=1.0s S:20 > C:5001 R seq=1061 ttl=254 id=30583");
        assert_eq!((forged.ttl, forged.identification, forged.signs()), (Some(63), Some(108), 2));
        let ahead = unlike("=1.0s S:20 > C:5001 R seq=2521 ttl=63 id=30583");
        assert_eq!((ahead.next.map(|next| next.0), ahead.signs()), (Some(1061), 2));
    }

    #[test]
    fn the_host_s_own_does_not() {
        assert_eq!(unlike("=1.0s S:20 > C:5001 R seq=1061 ttl=63 id=0").signs(), 0);
        assert_eq!(unlike("=1.0s S:20 > C:5001 R seq=1061 ttl=63 id=110").signs(), 0);
        assert_eq!(unlike("=900.0s S:20 > C:5001 R seq=1061 ttl=58 id=109").signs(), 0, "by another way");
    }

    #[test]
    fn who_goes_on_has_reset_nothing() {
        let rst = "=1.0s S:20 > C:5001 R seq=1061 ttl=63 id=0";
        let server = |rest: &str| {
            let played = played(&format!("{rst}\n{rest}"));
            let only = played.only();
            only.from_origin.went_on(only.rsts[0].at).is_some()
        };
        assert!(!server(""));
        assert!(!server("=1.05s S:20 > C:5001 A seq=1061 ack=9001 len=10 ttl=63 id=109"), "it was on its way");
        assert!(server("=1.5s S:20 > C:5001 A seq=1061 ack=9001 len=10 ttl=63 id=109"));
    }
}
