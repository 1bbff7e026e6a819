//! Goes from header to header of a frame and keeps what outlives it: wrappings, fragments, counts.

use crate::frame::{Frame, Stamp};

use super::bytes::Bytes;
use super::count::{Counts, Kind, Undecoded};
use super::fragment::{FragmentPool, LostFragments, Whole};
use super::headers::Headers;
use super::link;
use super::step::{Layer, Step};
use super::wrapping::{Component, Wrappings};
use super::{Body, Decoded, IpHeader, Link, Wrapping};

/// Headers of one frame: four tunnels with all their layers are about forty.
const LAYERS: usize = 64;
/// VLAN tags of one frame, those inside tunnels too.
const VLANS: u8 = 4;
/// Tunnels inside each other.
const TUNNELS: u8 = 4;
/// Fragmented packets inside each other: a fragmented tunnel of fragments is two.
const FRAGMENTED: usize = 3;

/// Decodes frames. One for each point of capture, as it remembers fragments.
#[derive(Debug, Default)]
pub struct Decoder {
    keep: Keep,
    /// The datagrams that the fragments of the last frame completed, the outer one first.
    wholes: [Whole; FRAGMENTED],
}

/// What outlives a frame.
#[derive(Debug, Default)]
struct Keep {
    wrappings: Wrappings,
    pool: FragmentPool,
    counts: Counts,
}

/// What is known from the headers around the bytes at hand.
#[derive(Clone, Copy, Debug)]
struct Around {
    at: Stamp,
    wrapping: Wrapping,
    vlans: u8,
    tunnels: u8,
    /// The last IP header.
    ip: Option<IpHeader>,
    /// The innermost link header: that of the segment on which the hosts are.
    link: Link,
    /// Whether IP came in a tunnel with no link header of its own.
    tunnelled: bool,
}

/// How going through the layers ends.
enum End<'a> {
    Body(Body<'a>),
    /// A datagram became whole; it goes on with this layer.
    Whole(Whole, Layer),
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame, whatever its bytes are.
    #[inline]
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Decoded<'a> {
        self.in_one_step(frame).unwrap_or_else(|| self.through_layers(frame))
    }

    /// The same of a frame whose [`Headers`] can be read.
    #[inline]
    fn in_one_step<'a>(&mut self, frame: &Frame<'a>) -> Option<Decoded<'a>> {
        let headers = Headers::of(frame)?;
        let body = match headers.flags {
            Some(_) => Body::Tcp(headers.ip, headers.segment()?),
            None => Body::OtherIp(headers.ip),
        };
        Some(Decoded { link: headers.link, wrapping: self.wrapping(headers.vlan)?, body, fragments: &[] })
    }

    /// The wrapping of a packet in a VLAN, or in none; `None` if there are too many.
    #[inline]
    pub fn wrapping(&mut self, vlan: Option<u16>) -> Option<Wrapping> {
        let Some(id) = vlan else { return Some(Wrapping::NONE) };
        self.keep.wrappings.inside(Wrapping::NONE, Component::Vlan(id))
    }

    pub(super) fn through_layers<'a>(&'a mut self, frame: &Frame<'a>) -> Decoded<'a> {
        let Self { keep, wholes } = self;
        let nothing = Decoded { link: Link::default(), wrapping: Wrapping::NONE, body: Body::Nothing, fragments: &[] };
        let outer = link::of(frame);
        let (mut layer, mut bytes) = match link::open(frame) {
            Ok(opened) => opened,
            Err(kind) => {
                keep.counts.add(kind, frame.at);
                return Decoded { link: outer, ..nothing };
            }
        };
        let mut around = Around {
            at: frame.at,
            wrapping: Wrapping::NONE,
            vlans: 0,
            tunnels: 0,
            ip: None,
            link: outer,
            tunnelled: false,
        };
        let mut fragments: &[Stamp] = &[];
        for slot in wholes {
            match keep.walk(&mut around, layer, bytes) {
                End::Body(body) => {
                    return Decoded { link: around.link, wrapping: around.wrapping, body, fragments };
                }
                End::Whole(mut whole, next) => {
                    whole.frames.extend_from_slice(fragments);
                    whole.frames.sort();
                    *slot = whole;
                    layer = next;
                    bytes = Bytes { captured: &slot.bytes, missing: slot.missing };
                    fragments = &slot.frames;
                }
            }
        }
        keep.counts.add(Kind::Encapsulation("fragments nested too deeply"), frame.at);
        Decoded { link: outer, ..nothing }
    }

    /// What could not be decoded, by the frame in which its kind appeared first.
    pub fn undecoded(&self) -> Vec<Undecoded> {
        self.keep.counts.all()
    }

    /// The fragmented datagrams that never became whole. Those that still wait are counted too, so this is to be asked
    /// at the end.
    pub fn fragments_lost(&self) -> LostFragments {
        self.keep.pool.lost()
    }

    /// The VLANs and tunnels from the outermost one, "VXLAN 42 / VLAN 7"; empty for [`Wrapping::NONE`].
    pub fn wrapping_name(&self, wrapping: Wrapping) -> String {
        self.keep.wrappings.name(wrapping)
    }
}

impl Around {
    /// A frame begins inside: what its link header says counts, for the hosts' segment reaches as far as this.
    fn bridge(&mut self, bytes: Bytes<'_>) {
        self.link = link::ethernet_addresses(bytes);
        self.tunnelled = false;
    }
}

impl Keep {
    /// Reads layer after layer until one has no other inside.
    #[inline]
    fn walk<'a>(&mut self, around: &mut Around, layer: Layer, bytes: Bytes<'a>) -> End<'a> {
        let (mut layer, mut bytes) = (layer, bytes);
        for depth in 0..LAYERS {
            if depth > 0 && matches!(layer, Layer::Ethernet) {
                around.bridge(bytes);
            }
            match layer.read(bytes, around.ip.as_ref(), around.tunnelled) {
                Some(Step::Next(next, rest)) => (layer, bytes) = (next, rest),
                Some(Step::Packet(header, protocol, rest)) => {
                    around.ip = Some(header);
                    (layer, bytes) = (Layer::Payload(protocol), rest);
                }
                Some(Step::Wrapped(component, next, rest)) => {
                    if let Err(kind) = self.enter(around, component) {
                        return self.give_up(around.at, kind, Body::Nothing);
                    }
                    (layer, bytes) = (next, rest);
                }
                Some(Step::Fragment(header, fragment)) => {
                    return match self.pool.push(around.at, around.wrapping, &header, &fragment) {
                        Some(whole) => {
                            around.ip = Some(header);
                            let next = Layer::Payload(whole.protocol);
                            End::Whole(whole, next)
                        }
                        None => End::Body(Body::Fragment(header)),
                    };
                }
                Some(Step::Done(body)) => return End::Body(body),
                Some(Step::Undecoded(kind, body)) => return self.give_up(around.at, kind, body),
                None => {
                    let kind = if bytes.missing > 0 { Kind::Cut(layer.name()) } else { Kind::Malformed(layer.name()) };
                    let body = match (layer, around.ip) {
                        (Layer::Payload(_), Some(header)) => Body::OtherIp(header),
                        _ => Body::Nothing,
                    };
                    return self.give_up(around.at, kind, body);
                }
            }
        }
        self.give_up(around.at, Kind::Encapsulation("more than 64 headers"), Body::Nothing)
    }

    /// Goes into a VLAN or tunnel, unless that is too deep.
    fn enter(&mut self, around: &mut Around, component: Component) -> Result<(), Kind> {
        let (depth, limit, too_deep) = match component {
            Component::Vlan(_) | Component::Pppoe(_) => (&mut around.vlans, VLANS, "more than 4 VLAN tags"),
            Component::Tunnel(..) => (&mut around.tunnels, TUNNELS, "tunnels nested deeper than 4"),
        };
        if *depth == limit {
            return Err(Kind::Encapsulation(too_deep));
        }
        *depth += 1;
        around.tunnelled |= matches!(component, Component::Tunnel(..));
        // One wrapping for several would mix up their flows.
        around.wrapping = self
            .wrappings
            .inside(around.wrapping, component)
            .ok_or(Kind::Encapsulation("more than 65536 different VLANs and tunnels"))?;
        Ok(())
    }

    fn give_up<'a>(&mut self, at: Stamp, kind: Kind, body: Body<'a>) -> End<'a> {
        self.counts.add(kind, at);
        End::Body(body)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decoder;
    use crate::frame::Frame;
    use crate::wire::samples::{MACS, SYN, digits, frame, hex, others, v4, v4_fragment, v6, wrapped_syns};
    use crate::wire::{Body, Flags, Mac, Seq, Wrapping};

    #[test]
    fn a_syn_is_found_in_every_wrapping() {
        let mut decoder = Decoder::new();
        for (link_type, name, packet) in wrapped_syns() {
            let bytes = hex(&packet);
            let found = decoder.decode(&frame(1, link_type, &bytes));
            let Body::Tcp(header, segment) = found.body else { panic!("{packet}: {found:?}") };
            assert_eq!((segment.source_port, segment.destination_port), (20, 50000), "{packet}");
            assert_eq!((segment.seq, segment.flags, segment.payload_len), (Seq(1), Flags(Flags::SYN), 0), "{packet}");
            assert!(segment.payload.is_empty(), "padding became payload: {packet}");
            assert_eq!(header.ttl, 64);
            let tunnel =
                ["tunnel", "GRE", "PPTP", "ERSPAN", "VXLAN", "Geneve", "IP "].iter().any(|kind| name.contains(kind));
            // Where a frame is inside, its own link addresses are there.
            assert_eq!(header.tunnelled, tunnel && found.link.source.is_none(), "{packet}");
            let wrapping = found.wrapping;
            assert_eq!(decoder.wrapping_name(wrapping), name, "{packet}");
        }
        assert_eq!(decoder.undecoded(), []);
    }

    #[test]
    fn both_directions_of_a_tunnel_are_one_wrapping() {
        let mut decoder = Decoder::new();
        let there = hex(&v4(4, &v4(6, SYN)));
        let mut back = there.clone();
        back[12..20].rotate_left(4);
        let there = decoder.decode(&frame(1, 101, &there)).wrapping;
        let back = decoder.decode(&frame(2, 101, &back)).wrapping;
        assert_eq!(there, back);
        assert_ne!(there, Wrapping::NONE);
    }

    #[test]
    fn the_link_header_is_that_of_the_hosts() {
        let mut decoder = Decoder::new();
        let ethernet = hex(&format!("{MACS} 8100 000a 0800 {}", v4(6, SYN)));
        let link = decoder.decode(&frame(1, 1, &ethernet)).link;
        assert_eq!(link.source, Some(Mac([2, 0, 0, 0, 0, 1])));
        assert_eq!(link.destination, Some(Mac([0, 0, 0, 0, 0, 2])));
        assert_eq!((link.if_index, link.outgoing), (None, None));
        let sll = hex(&format!("0004 0001 0006 020000000001 0000 0800 {}", v4(6, SYN)));
        let link = decoder.decode(&frame(1, 113, &sll)).link;
        assert_eq!((link.source, link.destination), (Some(Mac([2, 0, 0, 0, 0, 1])), None));
        assert_eq!((link.if_index, link.outgoing), (None, Some(true)));
        let sll2 = hex(&format!("0800 0000 00000003 0001 00 06 020000000001 0000 {}", v4(6, SYN)));
        let link = decoder.decode(&frame(1, 276, &sll2)).link;
        assert_eq!((link.if_index, link.outgoing), (Some(3), Some(false)));
        let point_to_point = hex(&format!("0000 fffe 0000 0000000000000000 0800 {}", v4(6, SYN)));
        assert_eq!(decoder.decode(&frame(1, 113, &point_to_point)).link.source, None);
    }

    #[test]
    fn what_cannot_be_decoded_is_counted_by_kind() {
        let five_tags = "8100 0001 8100 0002 8100 0003 8100 0004 8100 0005 0800";
        let too_deep = v4(4, &v4(4, &v4(4, &v4(4, &v4(4, &v4(6, SYN))))));
        let cases = [
            (147, "00".to_owned(), "link type 147 (USER0)"),
            (105, "00".to_owned(), "IEEE 802.11"),
            (1, format!("{MACS} 88e5 00"), "MACsec"),
            (1, format!("{MACS} {five_tags} {}", v4(6, SYN)), "more than 4 VLAN tags"),
            (101, too_deep, "tunnels nested deeper than 4"),
            (101, v4(50, "0000000100000001"), "ESP"),
            (101, v4(17, "c00012b6 00100000 0c00000400000100"), "VXLAN-GPE with another protocol inside"),
            (101, v4(17, "c0000868 00140000 30ff000400000001 45000014"), "GTP-U"),
            (101, "4400".to_owned(), "malformed IPv4 header"),
            (101, "9400".to_owned(), "malformed IP header"),
            (101, v4(6, "0014"), "malformed TCP header"),
            (101, v4(47, "0007 0800"), "malformed GRE header"),
            (1, "0000".to_owned(), "malformed Ethernet header"),
        ];
        for (link_type, packet, kind) in cases {
            let mut decoder = Decoder::new();
            let bytes = hex(&packet);
            let body = decoder.decode(&frame(7, link_type, &bytes)).body;
            assert!(matches!(body, Body::Nothing | Body::OtherIp(_)), "{packet}: {body:?}");
            let counts: Vec<_> = decoder.undecoded().into_iter().map(|u| (u.kind, u.count, u.first.number.0)).collect();
            assert_eq!(counts, [(kind.to_owned(), 1, 7)], "{packet}");
        }
    }

    #[test]
    fn ordinary_traffic_without_tcp_is_not_counted() {
        let mut decoder = Decoder::new();
        let packets = [
            (1, format!("{MACS} 88cc 0207"), false),
            (1, format!("{MACS} 0026 424203 0000"), false),
            (1, format!("{MACS} 8863 1109 0000 0004 01010000"), false),
            (101, v4(17, "c00004d2 000c0000 01020304"), true),
            (101, v4(17, "11941194 000c0000 00000000 01020304"), true),
            (101, v4(89, "0201"), true),
            (101, v6(59, ""), true),
            (113, "0000 0338 0000 0000000000000000 0000 00".to_owned(), false),
        ];
        for (link_type, packet, ip) in packets {
            let bytes = hex(&packet);
            let body = decoder.decode(&frame(1, link_type, &bytes)).body;
            assert_eq!(matches!(body, Body::OtherIp(_)), ip, "{packet}: {body:?}");
            assert_eq!(matches!(body, Body::Nothing), !ip, "{packet}: {body:?}");
        }
        assert_eq!(decoder.undecoded(), []);
    }

    #[test]
    fn a_cut_frame_keeps_its_length_on_the_wire() {
        let bytes = hex(&format!("{MACS} 0800 {}", v4(6, &format!("{SYN} {}", "41".repeat(100)))));
        let mut decoder = Decoder::new();
        let cut = Frame { bytes: &bytes[..60], ..frame(1, 1, &bytes) };
        let Body::Tcp(_, segment) = decoder.decode(&cut).body else { panic!("no segment") };
        assert_eq!((segment.payload.len(), segment.payload_len), (6, 100));
        // The length comes from the frame where the header has none.
        let mut offloaded = bytes.clone();
        offloaded[16..18].fill(0);
        let cut = Frame { bytes: &offloaded[..60], ..frame(1, 1, &offloaded) };
        let Body::Tcp(_, segment) = decoder.decode(&cut).body else { panic!("no segment") };
        assert_eq!((segment.payload.len(), segment.payload_len), (6, 100));
    }

    #[test]
    fn a_completed_datagram_cites_its_earlier_frames() {
        let mut decoder = Decoder::new();
        let segment = format!("{SYN} 41414141");
        let first = hex(&v4_fragment(6, "2000", &digits(&hex(&segment)[..16])));
        let last = hex(&v4_fragment(6, "0002", &digits(&hex(&segment)[16..])));
        assert!(matches!(decoder.decode(&frame(1, 101, &first)).body, Body::Fragment(_)));
        let found = decoder.decode(&frame(2, 101, &last));
        let Body::Tcp(_, segment) = found.body else { panic!("{found:?}") };
        assert_eq!((segment.destination_port, segment.payload), (50000, &b"AAAA"[..]));
        assert_eq!(found.fragments.iter().map(|stamp| stamp.number.0).collect::<Vec<_>>(), [1]);
        assert_eq!(decoder.fragments_lost().count, 0);
    }

    #[test]
    fn a_tunnel_in_fragments_may_hold_fragments() {
        let inner = [v4_fragment(6, "2000", &SYN[..17]), v4_fragment(6, "0001", &SYN[17..])];
        let mut decoder = Decoder::new();
        let mut number = 0;
        for (id, inner) in inner.iter().enumerate() {
            let tunnel = hex(inner);
            for (offset, part) in [("2000", &tunnel[..16]), ("0002", &tunnel[16..])] {
                number += 1;
                let packet = v4_fragment(4, offset, &digits(part)).replacen("1234", &format!("000{id}"), 1);
                let bytes = hex(&packet);
                let found = decoder.decode(&frame(number, 101, &bytes));
                assert_eq!(matches!(found.body, Body::Tcp(..)), number == 4, "{number}");
                if number == 4 {
                    assert_eq!(found.fragments.iter().map(|stamp| stamp.number.0).collect::<Vec<_>>(), [2, 3]);
                }
            }
        }
    }

    #[test]
    fn an_ipv6_datagram_may_hide_its_segment_behind_options_in_fragments() {
        let whole = hex(&format!("0600010400000000 {SYN}"));
        let fragment = |offset: &str, part: &[u8]| v6(44, &format!("3c00{offset}00000009 {}", digits(part)));
        let (first, last) = (hex(&fragment("0001", &whole[..16])), hex(&fragment("0010", &whole[16..])));
        let mut decoder = Decoder::new();
        assert!(matches!(decoder.decode(&frame(1, 101, &last)).body, Body::Fragment(_)));
        assert!(matches!(decoder.decode(&frame(2, 101, &first)).body, Body::Tcp(..)));
    }

    #[test]
    fn every_prefix_of_every_packet_decodes() {
        let syns = wrapped_syns().into_iter().map(|(link_type, _, packet)| (link_type, packet));
        for (link_type, packet) in syns.chain(others()) {
            let bytes = hex(&packet);
            let mut decoder = Decoder::new();
            for len in 0..=bytes.len() {
                let cut = Frame { bytes: &bytes[..len], ..frame(1, link_type, &bytes) };
                let short = frame(2, link_type, &bytes[..len]);
                for frame in [cut, short] {
                    if let Body::Tcp(_, segment) = decoder.decode(&frame).body {
                        assert_eq!((segment.source_port, segment.destination_port), (20, 50000), "{packet} {len}");
                    }
                }
            }
        }
    }

    const LINK_TYPES: [u32; 16] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 108, 113, 228, 229, 276, 105, 147];

    proptest! {
        #[test]
        fn random_bytes_do_no_harm(
            frames in proptest::collection::vec((0..LINK_TYPES.len(), proptest::collection::vec(any::<u8>(), 0..200)), 1..8)
        ) {
            let mut decoder = Decoder::new();
            for (link_type, bytes) in &frames {
                decoder.decode(&frame(1, LINK_TYPES[*link_type], bytes));
            }
            let counted: u64 = decoder.undecoded().iter().map(|kind| kind.count).sum();
            prop_assert!(counted <= frames.len() as u64);
        }

        #[test]
        fn spoilt_packets_do_no_harm(
            which in any::<proptest::sample::Index>(),
            spoils in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 1..6),
            missing in 0_u32..5000,
        ) {
            let syns = wrapped_syns().into_iter().map(|(link_type, _, packet)| (link_type, packet));
            let packets: Vec<_> = syns.chain(others()).collect();
            let (link_type, packet) = which.get(&packets);
            let mut bytes = hex(packet);
            let mut decoder = Decoder::new();
            for (index, byte) in spoils {
                let index = index.index(bytes.len());
                bytes[index] = byte;
                let frame = frame(1, *link_type, &bytes);
                let found = decoder.decode(&Frame { wire_len: frame.wire_len + missing, ..frame });
                if let Body::Tcp(header, segment) = found.body {
                    prop_assert!(segment.payload.len() <= segment.payload_len as usize);
                    segment.checksum(&header);
                }
            }
        }
    }
}
