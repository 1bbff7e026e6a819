//! Lets pass what matters to nobody: most packets of most captures belong to conversations that are not FTP, between
//! hosts that do no FTP, and each of them says what the one before it said.
//!
//! A packet that the whole pipeline found to be of no consequence gets a pass for its likes: those with the same
//! [`Glimpse`]. They are dismissed where they are read (the pipeline is a [`crate::source::Sieve`]): counted and their times noted, but not
//! decoded. For everything that could come of such a packet is excluded:
//! - It opens no connection, is no fragment and no tunnel, and does not fail to decode ([`Glimpse::of`]).
//! - It cannot begin a line of FTP ([`of_no_interest`]).
//! - Its connection is not held as one that may be FTP ([`Bystanders::revoke`]).
//! - Neither host has become a party since ([`Pass::is_of_no_party`]).
//! - The network would not book it: nothing else came of its hosts in between, and within the last second it booked one
//!   of its likes ([`Glance`]).
//! - Nothing is to be judged by its time (`Schedule::next`).
//!
//! A packet without a pass that is of no consequence but to the network needs no decoding either
//! ([`Model::is_done_at_a_glance`]).
//!
//! So results are the same as without it, only sooner.

use super::Model;
use super::coverage::is_orderly;
use super::strangers::is_telling;
use crate::flow::FlowKey;
use crate::frame::{Frame, Stamp};
use crate::network::{Aged, Glance, Network};
use crate::wire::{Glimpse, PlainGlimpse, Wrapping, plain, way};

/// Passes, direct-mapped: who comes later takes the place, and the loser takes the long way once. A busy link has some
/// hundred connections at a time.
const PLACES: usize = 1 << 13;

/// A glimpse of a packet that is of interest only if somebody cares for its connection.
pub(super) fn of_no_interest(frame: &Frame<'_>) -> Option<Glimpse> {
    Glimpse::of(frame).and_then(|(glimpse, payload)| (!is_telling(payload)).then_some(glimpse))
}

/// What is read of it for nearly every packet of a capture is one line of the processor's cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Pass {
    /// How many hosts of interest had ever come when neither host was one.
    asked: usize,
    glance: Glance,
    glimpse: Glimpse,
}

impl Pass {
    #[inline]
    fn is_of_no_party(&mut self, network: &Network, parties: &Aged) -> bool {
        self.asked == come(network, parties) || self.is_renewed(network, parties)
    }

    /// Looks again, as there are more of them now.
    #[cold]
    fn is_renewed(&mut self, network: &Network, parties: &Aged) -> bool {
        let renewed = !self.glimpse.hosts().iter().any(|host| parties.contains(host) || network.follows(host));
        if renewed {
            self.asked = come(network, parties);
        }
        renewed
    }
}

/// How many parties, and hosts that the network follows, have ever come.
#[inline]
fn come(network: &Network, parties: &Aged) -> usize {
    parties.added() + network.followed()
}

/// The passes that have been given out, each for one direction of a conversation.
pub(super) struct Bystanders {
    passes: Vec<Pass>,
}

impl Default for Bystanders {
    fn default() -> Self {
        let nobody = Pass { asked: 0, glance: Glance::NONE, glimpse: Glimpse::NONE };
        Self { passes: vec![nobody; PLACES] }
    }
}

impl Bystanders {
    /// Whether a frame of the commonest kind may go by.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    fn may_pass(&mut self, frame: &Frame<'_>, network: &Network, parties: &Aged) -> bool {
        let Some((glimpse, payload)) = PlainGlimpse::of(frame) else { return false };
        !is_telling(payload) && self.knows(&glimpse, glimpse.way(), frame.at, network, parties)
    }

    /// Whether there is a pass for the likes of a packet.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    fn knows<G>(&mut self, glimpse: &G, way: u64, at: Stamp, network: &Network, parties: &Aged) -> bool
    where
        Glimpse: PartialEq<G>,
    {
        let Some(pass) = self.passes.get_mut(place(way)) else { return false };
        pass.glimpse == *glimpse && network.is_still_known(pass.glance, at) && pass.is_of_no_party(network, parties)
    }

    /// Lets the likes of a packet pass, which is of no consequence and of which the network knows all that it tells.
    pub(super) fn admit(&mut self, glimpse: Glimpse, glance: Glance, network: &Network, parties: &Aged) {
        if let Some(pass) = self.passes.get_mut(place(glimpse.way())) {
            *pass = Pass { asked: come(network, parties), glance, glimpse };
        }
    }

    /// A connection is held from now on: each of its segments counts, whichever way it comes.
    pub(super) fn revoke(&mut self, key: &FlowKey) {
        let [one, other] = key.ends();
        for way in [way(one, other), way(other, one)] {
            if let Some(pass) = self.passes.get_mut(place(way)) {
                pass.glimpse = Glimpse::NONE;
            }
        }
    }
}

impl Model {
    /// Whether a frame of the commonest kind may go by.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    pub(in crate::pipeline) fn lets_pass(&mut self, frame: &Frame<'_>) -> bool {
        self.bystanders.may_pass(frame, &self.network, &self.parties)
    }

    /// Whether a frame that did not go by is dismissed all the same, now that all is done that is to be done with it.
    pub(in crate::pipeline) fn dismisses(&mut self, frame: &Frame<'_>) -> bool {
        let glimpse = of_no_interest(frame);
        // The less common kinds of frames are not let pass, but have their passes too.
        if let Some(glimpse) = glimpse
            && plain(frame).is_none()
            && self.bystanders.knows(&glimpse, glimpse.way(), frame.at, &self.network, &self.parties)
        {
            return true;
        }
        self.glimpsed = Some((frame.at, glimpse));
        glimpse.is_some_and(|glimpse| self.is_done_at_a_glance(frame, glimpse))
    }

    /// All frames up to this one are dismissed or have been pushed.
    pub(in crate::pipeline) fn is_past(&mut self, last: Stamp) {
        self.dismissed = Some(last);
    }

    /// Does all that is to be done with a frame that tells where its hosts are and nothing else; whether it is one.
    fn is_done_at_a_glance(&mut self, frame: &Frame<'_>, glimpse: Glimpse) -> bool {
        let Some((link, ip)) = glimpse.headers() else { return false };
        if let Some([source, destination]) = glimpse.sockets() {
            let concerns_ftp = self.is_control_port(source.port())
                || self.is_control_port(destination.port())
                || self.parties.contains(&source.ip())
                || self.parties.contains(&destination.ip())
                || self.strangers.holds(&FlowKey::new(Wrapping::NONE, source, destination));
            if concerns_ftp {
                return false;
            }
        }
        let dismissed = self.dismissed.is_none_or(|last| is_orderly(frame.at, last));
        if !self.interfaces.is_last(frame) || !dismissed || !self.coverage.is_orderly(frame.at) {
            return false;
        }
        if self.repeats.original(frame).is_some() {
            return true;
        }
        if let Some(glance) = self.network.packet(frame.at, self.place(frame, Wrapping::NONE, None), &link, &ip) {
            self.bystanders.admit(glimpse, glance, &self.network, &self.parties);
        }
        self.shows_more_than_control = true;
        true
    }
}

#[inline]
fn place(way: u64) -> usize {
    usize::try_from(way >> (u64::BITS - PLACES.trailing_zeros())).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use crate::finding::{Finding, SessionId};
    use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
    use crate::pipeline::{Pipeline, Settings};
    use crate::record::{SessionRecord, Sink, Summary};
    use crate::redact::Secret;
    use crate::source::{Capture, Sieve as _};

    const ACK: u8 = 0x10;
    const SYN: u8 = 0x02;

    struct Nobody;

    impl Sink for Nobody {
        fn secret(&mut self, _: &Secret) {}

        fn session(&mut self, _: &SessionRecord) -> std::io::Result<()> {
            Ok(())
        }

        fn finding(&mut self, _: &Finding) -> std::io::Result<()> {
            Ok(())
        }

        fn end(&mut self, _: &[Capture], _: &Summary) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What changes from one packet to the next.
    #[derive(Clone, Copy)]
    struct Packet<'a> {
        /// Last octets of the addresses and MACs, ports.
        from: (u8, u16),
        to: (u8, u16),
        seq: u32,
        flags: u8,
        ttl: u8,
        /// Last octet of the source MAC, if it is another.
        mac: Option<u8>,
        payload: &'a [u8],
    }

    const TO_CLIENT: Packet<'_> =
        Packet { from: (2, 443), to: (1, 3000), seq: 1, flags: ACK, ttl: 64, mac: None, payload: &[0; 100] };
    const TO_SERVER: Packet<'_> = Packet { from: (1, 3000), to: (2, 443), payload: &[], ..TO_CLIENT };

    impl Packet<'_> {
        fn bytes(self) -> Vec<u8> {
            let len = u8::try_from(40 + self.payload.len()).unwrap();
            let mac = self.mac.unwrap_or(self.from.0);
            let ([s0, s1], [d0, d1]) = (self.from.1.to_be_bytes(), self.to.1.to_be_bytes());
            let ethernet = [2, 0, 0, 0, 0, self.to.0, 2, 0, 0, 0, 0, mac, 8, 0];
            let ip = [0x45, 0, 0, len, 0, 1, 0x40, 0, self.ttl, 6, 0, 0, 10, 0, 0, self.from.0, 10, 0, 0, self.to.0];
            let [q0, q1, q2, q3] = self.seq.to_be_bytes();
            let tcp = [s0, s1, d0, d1, q0, q1, q2, q3, 0, 0, 0, 1, 0x50, self.flags, 1, 0, 0, 0, 0, 0];
            [&ethernet[..], &ip, &tcp, self.payload].concat()
        }
    }

    struct Link {
        pipeline: Pipeline,
        number: u64,
        millis: i64,
    }

    impl Link {
        fn new() -> Self {
            Self { pipeline: Pipeline::new(Settings::default(), SessionId(1)), number: 0, millis: 0 }
        }

        /// Sends a packet, a millisecond after the one before; whether it is dismissed, and by a pass.
        fn sends(&mut self, packet: Packet<'_>) -> (bool, bool) {
            self.number += 1;
            self.millis += 1;
            let bytes = packet.bytes();
            let frame = Frame {
                at: Stamp::new(CaptureId(0), FrameNo(self.number), Timestamp(self.millis * 1_000_000)),
                interface: InterfaceId(0),
                link_type: LinkType(1),
                bytes: &bytes,
                wire_len: u32::try_from(bytes.len()).unwrap(),
            };
            let passes = self.pipeline.lets_pass(&frame);
            let dismissed = passes || self.pipeline.dismisses(&frame);
            if dismissed {
                self.pipeline.is_past(frame.at);
            } else {
                self.pipeline.push(&frame, &[], &mut Nobody).unwrap();
            }
            self.pipeline.model.catch_up();
            assert!(
                self.pipeline.model.coverage.span().is_some_and(|(_, ends)| ends >= frame.at),
                "dismissed or not, it was seen"
            );
            (dismissed, passes)
        }

        fn passed(&mut self, packets: &[Packet<'_>]) -> Vec<bool> {
            packets.iter().map(|packet| self.sends(*packet).1).collect()
        }

        fn dismissed(&mut self, packets: &[Packet<'_>]) -> Vec<bool> {
            packets.iter().map(|packet| self.sends(*packet).0).collect()
        }
    }

    #[test]
    fn what_says_nothing_new_passes_each_way_by_itself() {
        let mut link = Link::new();
        assert_eq!(link.passed(&[TO_CLIENT, TO_CLIENT, TO_SERVER, TO_SERVER]), [false, true, false, true]);
        let end = Packet { flags: ACK | 1, ..TO_SERVER };
        assert_eq!(link.passed(&[end, TO_CLIENT]), [true, true]);
    }

    #[test]
    fn what_opens_or_may_be_ftp_is_looked_at_and_so_is_what_comes_after_it() {
        let mut link = Link::new();
        link.passed(&[TO_CLIENT, TO_SERVER]);
        let greeting = Packet { payload: b"220 ready\r\n", ..TO_CLIENT };
        assert_eq!(link.passed(&[greeting, TO_SERVER, TO_CLIENT]), [false; 3]);
        let mut link = Link::new();
        link.passed(&[TO_CLIENT, TO_SERVER]);
        let again = Packet { flags: SYN, ..TO_SERVER };
        assert_eq!(link.passed(&[again, TO_SERVER]), [false, false]);
    }

    #[test]
    fn another_mac_ttl_or_second_is_looked_at() {
        let mut link = Link::new();
        let moved = Packet { mac: Some(9), ..TO_CLIENT };
        assert_eq!(link.passed(&[TO_CLIENT, moved, TO_CLIENT, TO_CLIENT]), [false, false, false, true]);
        // The other connection says where its host is now; the first one has its pass, but has to say it again.
        let other = Packet { to: (1, 3001), ..moved };
        assert_eq!(link.passed(&[other, TO_CLIENT, TO_CLIENT]), [false, false, true]);
        assert_eq!(link.passed(&[Packet { ttl: 63, ..TO_CLIENT }, TO_CLIENT, TO_CLIENT]), [false, false, true]);
        link.millis += 1000;
        assert_eq!(link.passed(&[TO_CLIENT, TO_CLIENT]), [false, true]);
    }

    #[test]
    fn a_host_that_turns_out_to_speak_ftp_is_looked_at_from_then_on() {
        let mut link = Link::new();
        let elsewhere = Packet { from: (3, 80), to: (4, 3000), ..TO_CLIENT };
        link.passed(&[TO_CLIENT, TO_SERVER, elsewhere]);
        assert_eq!(link.passed(&[TO_CLIENT, TO_SERVER, elsewhere]), [true; 3]);
        let command = Packet { from: (1, 3005), to: (5, 21), flags: SYN, payload: &[], ..TO_CLIENT };
        let reply = Packet { from: command.to, to: command.from, flags: SYN | ACK, ..command };
        let greeting = Packet { flags: ACK, seq: 2, payload: b"220 ready\r\n", ..reply };
        let user = Packet { flags: ACK, seq: 2, payload: b"USER me\r\n", ..command };
        assert_eq!(link.passed(&[command, reply, greeting, user]), [false; 4]);
        assert_eq!(link.passed(&[TO_CLIENT, TO_SERVER, elsewhere]), [false, false, true]);
    }

    #[test]
    fn what_only_tells_where_hosts_are_is_booked_without_a_closer_look() {
        let mut link = Link::new();
        let moved = Packet { mac: Some(9), ..TO_CLIENT };
        let owners = |link: &Link| link.pipeline.model.network.owners([10, 0, 0, 2].into()).len();
        assert_eq!(link.dismissed(&[TO_CLIENT, moved]), [false, true], "the first frame of a place has more to tell");
        assert_eq!(owners(&link), 2);
        // What opens is held, and so is what comes after it until it tells that it is no FTP.
        let again = Packet { flags: SYN, ..TO_SERVER };
        assert_eq!(link.dismissed(&[again, TO_SERVER, TO_CLIENT, TO_CLIENT]), [false, false, false, true]);
        let command = Packet { to: (5, 21), ..TO_SERVER };
        assert_eq!(link.dismissed(&[command, command]), [false; 2]);
        // Another capture point, or a clock that stepped back.
        link.millis -= 10;
        assert_eq!(link.dismissed(&[moved]), [false]);
    }
}
