//! Reads who talks to whom from a frame of the commonest kind, in a fraction of the time that decoding takes.
//!
//! That kind is a TCP segment that opens no connection, or a UDP datagram, in Ethernet with at most one VLAN tag. Of it,
//! this says what [`super::Decoder`] would say; of anything else it says nothing, and decoding has to tell.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::ip::{TCP, UDP};
use super::tunnel::is_tunnel;
use super::{Flags, IpHeader, Link, Mac};
use crate::frame::{Frame, LinkType};

const ETHERNET: LinkType = LinkType(1);
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
/// EtherType, version and length of the header of IPv4 without options.
const PLAIN: [u8; 3] = [0x08, 0x00, 0x45];
/// MACs, EtherType, header and ports.
const PLAIN_LEN: usize = 38;

/// What all packets of a conversation in one direction at one place have in common, in words that are quick to compare:
/// their bytes are in the order of memory. What a [`PlainGlimpse`] is compared with comes first and together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Glimpse {
    /// Source and destination of IPv4; half of the source of IPv6.
    addresses: u64,
    /// The first 8 bytes of the two MACs.
    macs: u64,
    /// Their last 4 bytes.
    macs_end: u32,
    /// Source and destination.
    ports: u32,
    /// TTL, protocol, IP version, 1 if there is a tag.
    kind: u32,
    /// Capture and interface.
    place: [u32; 2],
    tag: u16,
    /// The rest of the addresses of IPv6.
    addresses_end: [u64; 3],
}

/// A [`Glimpse`] of IPv4 without a tag, which is nearly all there is: no word more than that takes.
#[derive(Clone, Copy, Debug)]
pub struct PlainGlimpse {
    addresses: u64,
    macs: u64,
    macs_end: u32,
    ports: u32,
    kind: u32,
    place: [u32; 2],
}

impl PlainGlimpse {
    /// As [`Glimpse::of`], for a frame that is [`plain`].
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    pub fn of<'a>(frame: &Frame<'a>) -> Option<(Self, &'a [u8])> {
        let head = plain(frame)?;
        let ([ttl, protocol], ports) = (part(head, 22), part(head, 34));
        let len = usize::from(u16::from_be_bytes(part(head, 16))).checked_sub(20)?;
        if is_fragment(part(head, 20)) {
            return None;
        }
        let glimpse = Self {
            addresses: u64::from_ne_bytes(part(head, 26)),
            ports: u32::from_ne_bytes(ports),
            kind: kind(ttl, protocol, 4, false),
            macs: u64::from_ne_bytes(part(head, 0)),
            macs_end: u32::from_ne_bytes(part(head, 8)),
            place: [frame.at.capture.0, frame.interface.0],
        };
        Some((glimpse, payload(protocol, ports, frame.bytes.get(34..)?, len)?))
    }

    /// As [`Glimpse::way`].
    #[inline]
    pub fn way(&self) -> u64 {
        hash([self.addresses, 0, 0, 0], self.ports)
    }
}

impl From<PlainGlimpse> for Glimpse {
    fn from(PlainGlimpse { addresses, macs, macs_end, ports, kind, place }: PlainGlimpse) -> Self {
        Self { addresses, macs, macs_end, ports, kind, place, tag: 0, addresses_end: [0; 3] }
    }
}

impl PartialEq<PlainGlimpse> for Glimpse {
    /// Without a branch for each field, as nearly always all are the same. The version is part of the kind, and so is
    /// that there is no tag.
    #[inline]
    fn eq(&self, plain: &PlainGlimpse) -> bool {
        let words = self.addresses ^ plain.addresses | self.macs ^ plain.macs;
        let halves = self.ports ^ plain.ports
            | self.kind ^ plain.kind
            | self.macs_end ^ plain.macs_end
            | self.place[0] ^ plain.place[0]
            | self.place[1] ^ plain.place[1];
        words | u64::from(halves) == 0
    }
}

/// The head of a frame in Ethernet and IPv4 without options or a tag, as far as the ports.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
pub fn plain<'a>(frame: &Frame<'a>) -> Option<&'a [u8; PLAIN_LEN]> {
    let head = frame.bytes.first_chunk()?;
    (frame.link_type == ETHERNET && part(head, 12) == PLAIN).then_some(head)
}

impl Glimpse {
    /// Of no packet.
    pub const NONE: Self =
        Self { addresses: 0, macs: 0, macs_end: 0, ports: 0, kind: 0, place: [0; 2], tag: 0, addresses_end: [0; 3] };

    /// Looks at a frame; gives the captured payload of a segment too. `None` unless it is a whole TCP segment with
    /// consistent lengths and no SYN, or a UDP datagram that carries no other packet; without IPv4 options or IPv6
    /// extension headers.
    pub fn of<'a>(frame: &Frame<'a>) -> Option<(Self, &'a [u8])> {
        if plain(frame).is_some() {
            return PlainGlimpse::of(frame).map(|(glimpse, payload)| (glimpse.into(), payload));
        }
        if frame.link_type != ETHERNET {
            return None;
        }
        let (macs, rest) = frame.bytes.split_first_chunk::<12>()?;
        let (mut ether_type, mut packet) = rest.split_first_chunk()?;
        let (mut tag, mut tagged) = ([0; 2], false);
        if *ether_type == VLAN {
            let (bytes, rest) = packet.split_first_chunk()?;
            (tag, tagged) = (*bytes, true);
            (ether_type, packet) = rest.split_first_chunk()?;
        }
        let (addresses, version, ttl, protocol, len, inner) = match *ether_type {
            IPV4 => {
                let (header, inner) = packet.split_first_chunk::<20>()?;
                let [0x45, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, addresses @ ..] = *header else { return None };
                if is_fragment([f0, f1]) {
                    return None;
                }
                let len = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(20)?;
                ([u64::from_ne_bytes(addresses), 0, 0, 0], 4, ttl, protocol, len, inner)
            }
            IPV6 => {
                let (header, rest) = packet.split_first_chunk()?;
                let [0x60..=0x6f, _, _, _, l0, l1, protocol, ttl] = *header else { return None };
                let (source, rest) = rest.split_first_chunk()?;
                let (destination, inner) = rest.split_first_chunk()?;
                let len = usize::from(u16::from_be_bytes([l0, l1]));
                (words(*source, *destination), 6, ttl, protocol, len, inner)
            }
            _ => return None,
        };
        let ports = *inner.first_chunk()?;
        let [addresses, addresses_end @ ..] = addresses;
        let glimpse = Self {
            addresses,
            addresses_end,
            ports: u32::from_ne_bytes(ports),
            kind: kind(ttl, protocol, version, tagged),
            macs: u64::from_ne_bytes(part(macs, 0)),
            macs_end: u32::from_ne_bytes(part(macs, 8)),
            place: [frame.at.capture.0, frame.interface.0],
            tag: u16::from_ne_bytes(tag),
        };
        Some((glimpse, payload(protocol, ports, inner, len)?))
    }

    /// A hash of who talks to whom: the same wherever it is seen, and [`way`] gives it too.
    pub fn way(&self) -> u64 {
        hash(self.addresses(), self.ports)
    }

    /// What the decoder says of the headers, but for the identification; nothing of frames with a tag, whose wrapping
    /// only the decoder can tell.
    pub fn headers(&self) -> Option<(Link, IpHeader)> {
        let [ttl, _, _, tagged] = self.kind.to_ne_bytes();
        if tagged != 0 {
            return None;
        }
        let [d0, d1, d2, d3, d4, d5, s0, s1] = self.macs.to_ne_bytes();
        let [s2, s3, s4, s5] = self.macs_end.to_ne_bytes();
        let macs = [[s0, s1, s2, s3, s4, s5], [d0, d1, d2, d3, d4, d5]].map(|mac| Some(Mac(mac)));
        let ([source_mac, destination_mac], [source, destination]) = (macs, self.hosts());
        let link = Link { source: source_mac, destination: destination_mac, ..Link::default() };
        Some((link, IpHeader { source, destination, ttl, identification: None, tunnelled: false }))
    }

    /// Source and destination, of TCP.
    pub fn sockets(&self) -> Option<[SocketAddr; 2]> {
        let ([_, protocol, ..], [source, destination]) = (self.kind.to_ne_bytes(), self.hosts());
        let [s0, s1, d0, d1] = self.ports.to_ne_bytes();
        let sockets = [(source, [s0, s1]), (destination, [d0, d1])];
        (protocol == TCP).then(|| sockets.map(|(ip, port)| SocketAddr::new(ip, u16::from_be_bytes(port))))
    }

    fn addresses(&self) -> [u64; 4] {
        let [b, c, d] = self.addresses_end;
        [self.addresses, b, c, d]
    }

    /// Source and destination.
    pub fn hosts(&self) -> [IpAddr; 2] {
        let [a, b, c, d] = self.addresses().map(u64::to_ne_bytes);
        if self.kind.to_ne_bytes()[2] == 6 {
            [[a, b], [c, d]].map(|halves| Ipv6Addr::from(joined::<8, 16>(halves)).into())
        } else {
            [0, 4].map(|from| Ipv4Addr::from(part::<4, 8>(&a, from)).into())
        }
    }
}

/// What [`Glimpse::way`] is for segments from `source` to `destination`.
pub fn way(source: SocketAddr, destination: SocketAddr) -> u64 {
    let addresses = match (source.ip(), destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            [u64::from_ne_bytes(joined([source, destination].map(|ip| ip.octets()))), 0, 0, 0]
        }
        (source, destination) => {
            let octets = |ip| match ip {
                IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
                IpAddr::V6(ip) => ip.octets(),
            };
            words(octets(source), octets(destination))
        }
    };
    let ports = joined([source, destination].map(|end| end.port().to_be_bytes()));
    hash(addresses, u32::from_ne_bytes(ports))
}

/// The payload of a TCP segment of `len` bytes that opens nothing; of a datagram, none.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
fn payload(protocol: u8, [_, _, d0, d1]: [u8; 4], packet: &[u8], len: usize) -> Option<&[u8]> {
    match protocol {
        TCP => {
            let [.., offset, flags] = *packet.first_chunk::<14>()?;
            let header = usize::from(offset >> 4) * 4;
            if header < 20 || len < header || flags & Flags::SYN != 0 {
                return None;
            }
            // Ethernet pads short frames.
            Some(packet.get(header..len.min(packet.len())).unwrap_or_default())
        }
        UDP if !is_tunnel(u16::from_be_bytes([d0, d1])) => Some(&[]),
        _ => None,
    }
}

/// "More fragments", or an offset.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
pub(super) fn is_fragment([f0, f1]: [u8; 2]) -> bool {
    f0 & 0x3f != 0 || f1 != 0
}

#[inline]
fn kind(ttl: u8, protocol: u8, version: u8, tagged: bool) -> u32 {
    u32::from_ne_bytes([ttl, protocol, version, tagged.into()])
}

/// The bytes of `head` at `from`, which it has.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
pub(super) fn part<const N: usize, const LEN: usize>(head: &[u8; LEN], from: usize) -> [u8; N] {
    head.get(from..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N])
}

/// Two addresses of IPv6.
#[inline]
fn words(source: [u8; 16], destination: [u8; 16]) -> [u64; 4] {
    let [a, b, c, d] = [part(&source, 0), part(&source, 8), part(&destination, 0), part(&destination, 8)];
    [a, b, c, d].map(u64::from_ne_bytes)
}

/// The bytes of one behind those of the other.
fn joined<const HALF: usize, const WHOLE: usize>([first, second]: [[u8; HALF]; 2]) -> [u8; WHOLE] {
    let mut whole = [0; WHOLE];
    for (to, from) in whole.iter_mut().zip(first.into_iter().chain(second)) {
        *to = from;
    }
    whole
}

#[inline]
fn hash([a, b, c, d]: [u64; 4], ports: u32) -> u64 {
    let fold = a ^ b.rotate_left(13) ^ c.rotate_left(29) ^ d.rotate_left(43) ^ u64::from(ports) << 21;
    // Fibonacci hashing: the top bits of the product depend on all bits of its factor.
    fold.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{CaptureId, FrameNo, InterfaceId, Stamp, Timestamp};
    use crate::wire::{Body, Decoder, Wrapping};

    fn frame(bytes: &[u8], wire_len: usize) -> Frame<'_> {
        Frame {
            at: Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0)),
            interface: InterfaceId(0),
            link_type: ETHERNET,
            bytes,
            wire_len: u32::try_from(wire_len).unwrap(),
        }
    }

    /// Ethernet, maybe a tag, IP, TCP with 4 bytes of payload and 6 of padding.
    fn segment(v6: bool, tagged: bool) -> Vec<u8> {
        let mut bytes = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
        if tagged {
            bytes.extend([0x81, 0, 0, 7]);
        }
        if v6 {
            bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0, 0, 24, 6, 64]);
            bytes.extend([[0x20; 16], [0x21; 16]].concat());
        } else {
            bytes.extend([8, 0, 0x45, 0, 0, 44, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        }
        bytes.extend([0, 80, 4, 1, 0, 0, 0, 9, 0, 0, 0, 8, 0x50, 0x18, 1, 0, 0, 0, 0, 0]);
        bytes.extend(b"datapadded");
        bytes
    }

    #[test]
    fn a_plain_segment_shows_its_ends_and_payload() {
        for (v6, source, destination) in [
            (false, "10.0.0.1:80", "10.0.0.2:1025"),
            (true, "[2020:2020:2020:2020:2020:2020:2020:2020]:80", "[2121:2121:2121:2121:2121:2121:2121:2121]:1025"),
        ] {
            let plain = segment(v6, false);
            let (glimpse, payload) = Glimpse::of(&frame(&plain, plain.len())).unwrap();
            let ends = (source.parse().unwrap(), destination.parse().unwrap());
            assert_eq!(
                (payload, glimpse.kind.to_ne_bytes()[0], glimpse.way()),
                (&b"data"[..], 64, way(ends.0, ends.1))
            );
            assert_ne!(glimpse.way(), way(ends.1, ends.0));
            let tagged = segment(v6, true);
            let (other, payload) = Glimpse::of(&frame(&tagged, tagged.len())).unwrap();
            assert_eq!((payload, other.way()), (&b"data"[..], glimpse.way()));
            assert_ne!(other, glimpse, "another VLAN, another place");
        }
    }

    #[test]
    fn what_opens_is_a_tunnel_or_a_fragment_is_left_to_the_decoder() {
        let plain = segment(false, false);
        let seen = |changes: &[(usize, u8)]| {
            let mut bytes = plain.clone();
            for (at, byte) in changes {
                bytes[*at] = *byte;
            }
            Glimpse::of(&frame(&bytes, bytes.len())).map(|(_, payload)| payload.len())
        };
        assert_eq!([0x02, 0x12].map(|flags| seen(&[(47, flags)])), [None; 2], "SYN, SYN-ACK");
        assert_eq!([0x10, 0x11, 0x14].map(|flags| seen(&[(47, flags)])), [Some(4); 3], "ACK, FIN, RST");
        assert_eq!([seen(&[(20, 0x20)]), seen(&[(21, 1)])], [None; 2], "fragments");
        assert_eq!([seen(&[(14, 0x46)]), seen(&[(17, 30)]), seen(&[(46, 0x40)])], [None; 3], "options, lengths");
        assert_eq!(seen(&[(23, 17)]), Some(0), "UDP");
        assert_eq!([seen(&[(23, 17), (36, 0x12), (37, 0xb5)]), seen(&[(23, 47)])], [None; 2], "VXLAN, GRE");
    }

    proptest! {
        /// Whatever is changed and cut, a glimpse says what decoding says.
        #[test]
        fn a_glimpse_agrees_with_the_decoder(
            (v6, tagged) in any::<(bool, bool)>(),
            (udp, port) in (any::<bool>(), prop_oneof![Just(4789), Just(4500), any::<u16>()]),
            changes in proptest::collection::vec((12..90_usize, any::<u8>()), 0..4),
            (cut, missing) in (0..100_usize, 0..50_usize),
        ) {
            let mut bytes = segment(v6, tagged);
            if udp {
                let ip = if tagged { 18 } else { 14 };
                let (protocol, ports) = if v6 { (ip + 6, ip + 40) } else { (ip + 9, ip + 20) };
                bytes[protocol] = 17;
                bytes[ports + 2..ports + 4].copy_from_slice(&port.to_be_bytes());
            }
            for (at, byte) in changes {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
            }
            bytes.truncate(cut.max(40));
            let frame = frame(&bytes, bytes.len() + missing);
            let mut decoder = Decoder::new();
            if let Some((glimpse, payload)) = Glimpse::of(&frame) {
                let decoded = decoder.decode(&frame);
                let untagged = u16::from_be_bytes(glimpse.tag.to_ne_bytes()).trailing_zeros() >= 12;
                prop_assert_eq!(decoded.wrapping == Wrapping::NONE, untagged);
                let ip = match decoded.body {
                    Body::Tcp(ip, tcp) => {
                        let ends = [(ip.source, tcp.source_port), (ip.destination, tcp.destination_port)];
                        let [source, destination] = ends.map(SocketAddr::from);
                        prop_assert_eq!(way(source, destination), glimpse.way());
                        prop_assert_eq!(glimpse.sockets(), Some([source, destination]));
                        prop_assert_eq!(tcp.payload, payload);
                        prop_assert!(!tcp.flags.has(Flags::SYN));
                        ip
                    }
                    Body::OtherIp(ip) if payload.is_empty() && glimpse.sockets().is_none() => ip,
                    other => panic!("{other:?}"),
                };
                let ip = IpHeader { identification: None, ..ip };
                prop_assert_eq!(glimpse.headers(), (!tagged).then_some((decoded.link, ip)));
                prop_assert_eq!([ip.source, ip.destination], glimpse.hosts());
                prop_assert_eq!((ip.ttl, ip.tunnelled), (glimpse.kind.to_ne_bytes()[0], false));
                prop_assert!(decoder.undecoded().is_empty());
            }
        }
    }
}
