//! Lets go by what concerns no FTP, without decoding it: most packets of most captures.
//!
//! Of a packet of the commonest kinds the [`Headers`] tell what it can concern ([`Model::relevance`], which decoded segments
//! are asked too). If that is no FTP, all that can come of it is what it tells of its segment: who sends with which
//! address. The network says whether it knows that already.
//!
//! With [`FastPath::Off`] every packet is decoded, and results are the same.
//!
//! What is kept so that a look tells most packets, and how many it told of real captures in a row, of an office, and of one
//! segment where no host is seen twice:
//! - two bits an address of those that were ever followed ([`crate::network::Network::is_of_strangers`]): in place of six
//!   look-ups of a packet of strangers;
//! - likenesses of the connections that may turn out to be FTP ([`super::strangers`]): 94, 94 and 92 % of all others needed
//!   no look-up;
//! - which address is bound to which MAC, noted within the last second ([`crate::network`]): 63, 87 and 0 % of all packets
//!   had nothing more to tell;
//! - which MACs are routers or have many addresses: asked for 30, 87 and 80 % of all packets;
//! - the last packets of followed connections, by which copies are known (`flow/copy`), and the first frames, by which a file
//!   is known that holds them again ([`super::repeats`]): these are for findings, and cost where there is FTP.

use super::strangers::is_telling;
use super::{FastPath, Model};
use crate::frame::Frame;
use crate::network::Place;
use crate::wire::{Decoder, Flags, Headers, IpHeader};

/// How a frame is to be treated.
enum Class<'a> {
    /// It tells nothing.
    Skip,
    /// It tells something of its segment, and all that it tells is in its headers.
    Known(Headers<'a>, Place),
    /// It has to be decoded.
    Slow,
}

/// What a packet is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relevance {
    /// A connection from or to a port of FTP.
    ControlPort,
    /// Another connection of a host that speaks FTP.
    Party,
    /// A connection that may turn out to be a control connection.
    Candidate,
    /// Anything else.
    Nobody,
}

impl Model {
    /// Whether a frame concerns no FTP; then all is done that is to be done with it.
    #[inline]
    pub(in crate::pipeline) fn skips(&mut self, decoder: &mut Decoder, frame: &Frame<'_>) -> bool {
        match self.classify(decoder, frame) {
            Class::Skip => {}
            Class::Known(headers, place) => {
                if self.repeats.original(frame).is_none() {
                    self.network.packet(frame.at, place, &headers.link, &headers.ip);
                }
            }
            Class::Slow => return false,
        }
        self.booked = None;
        self.shows_more_than_control = true;
        self.coverage.saw(frame.at);
        true
    }

    #[inline]
    fn classify<'a>(&self, decoder: &mut Decoder, frame: &Frame<'a>) -> Class<'a> {
        if self.fast_path == FastPath::Off {
            return Class::Slow;
        }
        let Some(headers) = Headers::of(frame) else { return Class::Slow };
        let Headers { ip, source_port, destination_port, flags, payload, .. } = &headers;
        if self.relevance(ip, [*source_port, *destination_port], *flags, payload) != Relevance::Nobody {
            return Class::Slow;
        }
        let Some(wrapping) = decoder.wrapping(headers.vlan) else { return Class::Slow };
        let place = self.place(frame, wrapping, None);
        if self.network.knows(frame.at, place, &headers.link, ip) {
            return Class::Skip;
        }
        // The first frame of an interface has more to tell.
        if !self.interfaces.has_met(frame) {
            return Class::Slow;
        }
        // A MAC that comes after another tells something only if the file is in the order of time.
        if self.coverage.is_orderly(frame.at) { Class::Known(headers, place) } else { Class::Skip }
    }

    /// What a packet concerns; without flags it is none of TCP.
    #[inline]
    pub(super) fn relevance(&self, ip: &IpHeader, ports: [u16; 2], flags: Option<Flags>, payload: &[u8]) -> Relevance {
        let Some(flags) = flags else { return Relevance::Nobody };
        let [source_port, destination_port] = ports;
        let (source, destination) = ((ip.source, source_port), (ip.destination, destination_port));
        if self.is_control_port(source_port) || self.is_control_port(destination_port) {
            Relevance::ControlPort
        } else if self.is_of_party(ip) {
            Relevance::Party
        } else if flags.has(Flags::SYN) || is_telling(payload) || self.strangers.holds(source, destination) {
            Relevance::Candidate
        } else {
            Relevance::Nobody
        }
    }

    /// Whether an end of a packet speaks FTP. The network follows all that do.
    #[inline]
    fn is_of_party(&self, ip: &IpHeader) -> bool {
        !self.network.is_of_strangers(ip)
            && (self.parties.contains(&ip.source) || self.parties.contains(&ip.destination))
    }
}

#[cfg(test)]
mod tests {
    use super::Class;
    use crate::finding::{Finding, SessionId};
    use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
    use crate::pipeline::{FastPath, Pipeline, Settings};
    use crate::record::{SessionRecord, Sink, Summary};
    use crate::redact::Secret;
    use crate::source::Capture;

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

        /// Sends packets, each a millisecond after the one before; whether each is skipped, and tells nothing even of its
        /// segment.
        fn skipped(&mut self, packets: &[Packet<'_>]) -> Vec<(bool, bool)> {
            packets.iter().map(|packet| self.sends(*packet)).collect()
        }

        fn sends(&mut self, packet: Packet<'_>) -> (bool, bool) {
            self.number += 1;
            self.millis += 1;
            let bytes = packet.bytes();
            let frame = Frame {
                at: Stamp::new(CaptureId(0), FrameNo(self.number), Timestamp(self.millis * 1_000_000)),
                interface: InterfaceId(0),
                link_type: LinkType::ETHERNET,
                bytes: &bytes,
                wire_len: u32::try_from(bytes.len()).unwrap(),
            };
            let Pipeline { model, decoder, .. } = &mut self.pipeline;
            let tells_nothing = matches!(model.classify(decoder, &frame), Class::Skip);
            let skipped = self.pipeline.skips(&frame);
            if !skipped {
                self.pipeline.push(&frame, &[], &mut Nobody).unwrap();
            }
            let (_, ends) = self.pipeline.model.coverage.span().unwrap();
            assert!(ends >= frame.at, "skipped or not, it was seen");
            (skipped, tells_nothing)
        }
    }

    /// It has to be decoded; its headers tell all; it tells nothing.
    const SLOW: (bool, bool) = (false, false);
    const KNOWN: (bool, bool) = (true, false);
    const SKIP: (bool, bool) = (true, true);

    #[test]
    fn what_says_nothing_new_is_skipped_whatever_it_is_about() {
        let mut link = Link::new();
        assert_eq!(link.skipped(&[TO_CLIENT, TO_CLIENT, TO_SERVER, TO_SERVER]), [SLOW, SKIP, KNOWN, SKIP]);
        let end = Packet { flags: ACK | 1, ..TO_SERVER };
        let elsewhere = Packet { to: (7, 5000), ..TO_CLIENT };
        assert_eq!(link.skipped(&[end, TO_CLIENT, elsewhere]), [SKIP; 3]);
    }

    #[test]
    fn what_opens_or_may_be_ftp_is_decoded_and_so_is_what_comes_after_it() {
        let mut link = Link::new();
        link.skipped(&[TO_CLIENT, TO_SERVER]);
        let greeting = Packet { payload: b"220 ready\r\n", ..TO_CLIENT };
        assert_eq!(link.skipped(&[greeting, TO_SERVER, TO_CLIENT]), [SLOW; 3]);
        let mut link = Link::new();
        link.skipped(&[TO_CLIENT, TO_SERVER]);
        let again = Packet { flags: SYN, ..TO_SERVER };
        assert_eq!(link.skipped(&[again, TO_SERVER]), [SLOW; 2]);
        let other = Packet { from: (1, 3001), ..TO_SERVER };
        assert_eq!(link.skipped(&[other]), [SKIP], "another connection");
        let command = Packet { to: (5, 21), ..TO_SERVER };
        assert_eq!(link.skipped(&[command, command]), [SLOW; 2]);
    }

    #[test]
    fn another_mac_ttl_or_second_tells_something() {
        let mut link = Link::new();
        let moved = Packet { mac: Some(9), ..TO_CLIENT };
        let owners = |link: &Link| link.pipeline.model.network.owners([10, 0, 0, 2].into()).len();
        assert_eq!(link.skipped(&[TO_CLIENT, moved]), [SLOW, KNOWN]);
        assert_eq!(owners(&link), 2);
        assert_eq!(link.skipped(&[TO_CLIENT, TO_CLIENT]), [KNOWN, SKIP], "it is back");
        let hop = Packet { ttl: 63, ..TO_CLIENT };
        assert_eq!(link.skipped(&[hop, TO_CLIENT, hop]), [KNOWN, SKIP, SKIP]);
        link.millis += 1000;
        assert_eq!(link.skipped(&[TO_CLIENT, TO_CLIENT]), [KNOWN, SKIP]);
        // A clock that stepped back: who sends from where is not known from it.
        link.millis -= 10;
        assert_eq!(link.skipped(&[Packet { mac: Some(8), ..TO_CLIENT }]), [SKIP]);
        assert_eq!(owners(&link), 2);
    }

    #[test]
    fn a_host_that_turns_out_to_speak_ftp_is_decoded_from_then_on() {
        let mut link = Link::new();
        let elsewhere = Packet { from: (3, 80), to: (4, 3000), ..TO_CLIENT };
        link.skipped(&[TO_CLIENT, TO_SERVER, elsewhere]);
        assert_eq!(link.skipped(&[TO_CLIENT, TO_SERVER, elsewhere]), [SKIP; 3]);
        let command = Packet { from: (1, 3005), to: (5, 21), flags: SYN, payload: &[], ..TO_CLIENT };
        let reply = Packet { from: command.to, to: command.from, flags: SYN | ACK, ..command };
        let greeting = Packet { flags: ACK, seq: 2, payload: b"220 ready\r\n", ..reply };
        let user = Packet { flags: ACK, seq: 2, payload: b"USER me\r\n", ..command };
        assert_eq!(link.skipped(&[command, reply, greeting, user]), [SLOW; 4]);
        assert_eq!(link.skipped(&[TO_CLIENT, TO_SERVER, elsewhere]), [SLOW, SLOW, SKIP]);
    }

    #[test]
    fn with_the_fast_path_off_all_is_decoded() {
        let settings = Settings { fast_path: FastPath::Off, ..Settings::default() };
        let mut link = Link { pipeline: Pipeline::new(settings, SessionId(1)), ..Link::new() };
        assert_eq!(link.skipped(&[TO_CLIENT, TO_CLIENT, TO_SERVER, TO_SERVER]), [SLOW; 4]);
    }
}
