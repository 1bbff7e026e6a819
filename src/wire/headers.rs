//! The headers of the commonest frames, read once: TCP or UDP in IPv4 or IPv6 in Ethernet, with at most one VLAN tag.
//!
//! The decoder takes its short way with them, and who only has to know who talks to whom needs no decoder. Of any other
//! frame, and of one that is malformed, a fragment or a tunnel, this says nothing: going from layer to layer has to tell.

use std::net::IpAddr;

use super::bytes::Bytes;
use super::field::{ethernet, ipv4, ipv6, tcp, vlan};
use super::ip::{TCP, UDP};
use super::tunnel::is_tunnel;
use super::{Flags, IpHeader, Link, Mac, Segment};
use crate::frame::{Frame, LinkType};

const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
/// Version and length of a header of IPv4 without options.
const WITHOUT_OPTIONS: [u8; 1] = [0x45];

/// What the headers of a frame say.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// The Ethernet header.
    pub link: Link,
    /// The VLAN of the tag; `None` without one, and for VLAN 0, which is only a priority.
    pub vlan: Option<u16>,
    /// The IP header.
    pub ip: IpHeader,
    /// Port of the source.
    pub source_port: u16,
    /// Port of the destination.
    pub destination_port: u16,
    /// The flags of TCP; `None` for UDP.
    pub flags: Option<Flags>,
    /// The captured payload of TCP; of UDP, nothing.
    pub payload: &'a [u8],
    /// What IP carries, the header of TCP or UDP first.
    packet: Bytes<'a>,
}

impl<'a> Headers<'a> {
    /// Reads a frame.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    pub fn of(frame: &Frame<'a>) -> Option<Self> {
        if frame.link_type != LinkType::ETHERNET {
            return None;
        }
        let (header, mut rest) = frame.bytes.split_first_chunk::<{ ethernet::LEN }>()?;
        let (mut ether_type, mut id) = (ethernet::TYPE.within(header), 0);
        if ether_type == VLAN {
            let (tag, inside) = rest.split_first_chunk::<{ vlan::LEN }>()?;
            id = u16::from_be_bytes(vlan::CONTROL.within(tag)) & vlan::ID;
            (ether_type, rest) = (vlan::TYPE.within(tag), inside);
        }
        let source = Some(Mac(ethernet::SOURCE.within(header)));
        let destination = Some(Mac(ethernet::DESTINATION.within(header)));
        let link = Link { source, destination, ..Link::default() };
        let missing = (frame.wire_len as usize).saturating_sub(frame.bytes.len());
        let (ip, protocol, len, rest) = match ether_type {
            IPV4 => v4(rest)?,
            IPV6 => v6(rest)?,
            _ => return None,
        };
        let packet = Bytes { captured: rest, missing }.limit(len);
        let source_port = u16::from_be_bytes(tcp::SOURCE_PORT.of(packet.captured)?);
        let destination_port = u16::from_be_bytes(tcp::DESTINATION_PORT.of(packet.captured)?);
        let (flags, payload) = match protocol {
            TCP => {
                let ([offset], [flags]) = (tcp::DATA_OFFSET.of(packet.captured)?, tcp::FLAGS.of(packet.captured)?);
                let header = usize::from(offset >> 4) * 4;
                if header < tcp::LEN || len < header {
                    return None;
                }
                (Some(Flags(flags)), packet.captured.get(header..).unwrap_or_default())
            }
            UDP if !is_tunnel(destination_port) => (None, &[][..]),
            _ => return None,
        };
        let vlan = Some(id).filter(|id| *id != 0);
        Some(Self { link, vlan, ip, source_port, destination_port, flags, payload, packet })
    }

    /// The segment of TCP.
    #[inline]
    pub fn segment(&self) -> Option<Segment<'a>> {
        self.flags.and_then(|_| super::tcp::segment(self.packet))
    }
}

/// A header of IPv4 without options and not of a fragment; the protocol, and the length and the bytes behind it.
#[inline(always)]
#[expect(clippy::inline_always, reason = "the way of nearly all packets")]
fn v4(packet: &[u8]) -> Option<(IpHeader, u8, usize, &[u8])> {
    let (header, rest) = packet.split_first_chunk::<{ ipv4::LEN }>()?;
    if ipv4::VERSION_AND_LENGTH.within(header) != WITHOUT_OPTIONS || is_fragment(ipv4::FRAGMENT.within(header)) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes(ipv4::TOTAL_LENGTH.within(header))).checked_sub(ipv4::LEN)?;
    let source = IpAddr::from(ipv4::SOURCE.within(header));
    let destination = IpAddr::from(ipv4::DESTINATION.within(header));
    let identification = Some(u16::from_be_bytes(ipv4::IDENTIFICATION.within(header)));
    let ([ttl], [protocol]) = (ipv4::TTL.within(header), ipv4::PROTOCOL.within(header));
    Some((IpHeader { source, destination, ttl, identification, tunnelled: false }, protocol, len, rest))
}

/// The same of IPv6 without extension headers. Length 0 is a jumbogram or left to the network card.
#[inline]
fn v6(packet: &[u8]) -> Option<(IpHeader, u8, usize, &[u8])> {
    let (header, rest) = packet.split_first_chunk::<{ ipv6::LEN }>()?;
    let ([version], [ttl], [protocol]) =
        (ipv6::VERSION.within(header), ipv6::HOP_LIMIT.within(header), ipv6::NEXT_HEADER.within(header));
    let len = usize::from(u16::from_be_bytes(ipv6::PAYLOAD_LENGTH.within(header)));
    if version >> 4 != 6 || len == 0 {
        return None;
    }
    let source = IpAddr::from(ipv6::SOURCE.within(header));
    let destination = IpAddr::from(ipv6::DESTINATION.within(header));
    Some((IpHeader { source, destination, ttl, identification: None, tunnelled: false }, protocol, len, rest))
}

/// "More fragments", or an offset.
#[inline]
fn is_fragment([f0, f1]: [u8; 2]) -> bool {
    f0 & 0x3f != 0 || f1 != 0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::samples::frame;
    use crate::wire::{Body, Decoder, Wrapping};

    /// Ethernet, maybe a tag of VLAN 7, IP, TCP with 4 bytes of payload and 6 of padding.
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
    fn a_segment_shows_its_ends_flags_and_payload() {
        for (v6, source, destination) in [
            (false, "10.0.0.1", "10.0.0.2"),
            (true, "2020:2020:2020:2020:2020:2020:2020:2020", "2121:2121:2121:2121:2121:2121:2121:2121"),
        ] {
            for tagged in [false, true] {
                let bytes = segment(v6, tagged);
                let headers = Headers::of(&frame(1, 1, &bytes)).unwrap();
                assert_eq!(
                    [headers.ip.source, headers.ip.destination],
                    [source, destination].map(|ip| ip.parse::<IpAddr>().unwrap())
                );
                assert_eq!((headers.source_port, headers.destination_port, headers.ip.ttl), (80, 1025, 64));
                assert_eq!((headers.flags, headers.payload), (Some(Flags(Flags::ACK | Flags::PSH)), &b"data"[..]));
                assert_eq!(headers.vlan, tagged.then_some(7));
                assert_eq!(headers.link.source, Some(Mac([2, 0, 0, 0, 0, 2])));
            }
        }
    }

    #[test]
    fn a_tunnel_a_fragment_and_a_header_with_options_are_left_to_the_decoder() {
        let plain = segment(false, false);
        let seen = |changes: &[(usize, u8)]| {
            let mut bytes = plain.clone();
            for (at, byte) in changes {
                bytes[*at] = *byte;
            }
            Headers::of(&frame(1, 1, &bytes)).map(|headers| headers.payload.len())
        };
        assert_eq!([0x02, 0x12, 0x10, 0x11, 0x14].map(|flags| seen(&[(47, flags)])), [Some(4); 5]);
        assert_eq!([seen(&[(20, 0x20)]), seen(&[(21, 1)])], [None; 2], "fragments");
        assert_eq!([seen(&[(14, 0x46)]), seen(&[(17, 30)]), seen(&[(46, 0x40)])], [None; 3], "options, lengths");
        assert_eq!(seen(&[(23, 17)]), Some(0), "UDP");
        assert_eq!([seen(&[(23, 17), (36, 0x12), (37, 0xb5)]), seen(&[(23, 47)])], [None; 2], "VXLAN, GRE");
        assert!(Headers::of(&frame(1, 1, &plain[..40])).is_none(), "cut before its flags");
    }

    proptest! {
        /// Whatever is changed, cut and added behind, they say what the way through all layers gives.
        #[test]
        fn headers_agree_with_the_way_through_all_layers(
            (v6, tagged) in any::<(bool, bool)>(),
            (udp, port) in (any::<bool>(), prop_oneof![Just(4789), Just(4500), any::<u16>()]),
            changes in proptest::collection::vec((12..90_usize, any::<u8>()), 0..4),
            (cut, missing) in (0..100_usize, 0..50_u32),
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
            bytes.truncate(cut.max(30));
            let mut frame = frame(1, 1, &bytes);
            frame.wire_len += missing;
            if let Some(headers) = Headers::of(&frame) {
                let (mut short, mut long) = (Decoder::new(), Decoder::new());
                prop_assert_eq!(format!("{:?}", short.decode(&frame)), format!("{:?}", long.through_layers(&frame)));
                prop_assert_eq!((short.undecoded(), long.undecoded()), (Vec::new(), Vec::new()));
                let decoded = long.through_layers(&frame);
                prop_assert_eq!(headers.link, decoded.link);
                prop_assert_eq!(short.wrapping(headers.vlan), Some(decoded.wrapping));
                prop_assert_eq!(headers.vlan.is_none(), decoded.wrapping == Wrapping::NONE);
                match decoded.body {
                    Body::Tcp(ip, tcp) => {
                        prop_assert_eq!(headers.ip, ip);
                        prop_assert_eq!((headers.source_port, headers.destination_port), (tcp.source_port, tcp.destination_port));
                        prop_assert_eq!((headers.flags, headers.payload), (Some(tcp.flags), tcp.payload));
                    }
                    Body::OtherIp(ip) => prop_assert_eq!((headers.ip, headers.flags), (ip, None)),
                    other => panic!("{other:?}"),
                }
            }
        }
    }
}
