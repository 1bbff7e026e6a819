//! Reads who talks to whom from a frame of the commonest kind, in a fraction of the time that decoding takes.
//!
//! That kind is a TCP segment in the midst of its connection, in Ethernet with at most one VLAN tag. Of it, this says
//! what [`super::Decoder`] would say; of anything else it says nothing, and decoding has to tell.

use std::net::{IpAddr, SocketAddr};

use super::Flags;
use crate::frame::{CaptureId, Frame, InterfaceId, LinkType};

const ETHERNET: LinkType = LinkType(1);
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];
const VLAN: [u8; 2] = [0x81, 0x00];
const TCP: u8 = 6;

/// What all segments of a connection in one direction at one place have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Glimpse {
    /// Addresses as numbers, those of IPv4 as short ones.
    source: u128,
    destination: u128,
    is_v6: bool,
    ttl: u8,
    source_port: u16,
    destination_port: u16,
    vlan: Option<u16>,
    macs: [u8; 12],
    interface: InterfaceId,
    capture: CaptureId,
}

impl Glimpse {
    /// Looks at a frame; gives the captured payload too. `None` unless it is a whole TCP segment with consistent
    /// lengths, without IPv4 options or IPv6 extension headers and with neither SYN, FIN nor RST.
    #[inline]
    pub fn of<'a>(frame: &Frame<'a>) -> Option<(Self, &'a [u8])> {
        if frame.link_type != ETHERNET {
            return None;
        }
        let (macs, rest) = frame.bytes.split_first_chunk()?;
        let (mut ether_type, mut packet) = rest.split_first_chunk()?;
        let mut vlan = None;
        if *ether_type == VLAN {
            let (tag, rest) = packet.split_first_chunk()?;
            vlan = Some(u16::from_be_bytes(*tag));
            (ether_type, packet) = rest.split_first_chunk()?;
        }
        let (source, destination, ttl, len, segment) = match *ether_type {
            IPV4 => {
                let (header, segment) = packet.split_first_chunk()?;
                let [0x45, _, l0, l1, _, _, f0, f1, ttl, TCP, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header else {
                    return None;
                };
                // "More fragments", or an offset.
                if f0 & 0x3f != 0 || f1 != 0 {
                    return None;
                }
                let (source, destination) = ([s0, s1, s2, s3], [d0, d1, d2, d3]);
                let len = usize::from(u16::from_be_bytes([l0, l1])).checked_sub(20)?;
                (u32::from_be_bytes(source).into(), u32::from_be_bytes(destination).into(), ttl, len, segment)
            }
            IPV6 => {
                let (header, rest) = packet.split_first_chunk()?;
                let [0x60..=0x6f, _, _, _, l0, l1, TCP, ttl] = *header else { return None };
                let (source, rest) = rest.split_first_chunk()?;
                let (destination, segment) = rest.split_first_chunk()?;
                let len = usize::from(u16::from_be_bytes([l0, l1]));
                (u128::from_be_bytes(*source), u128::from_be_bytes(*destination), ttl, len, segment)
            }
            _ => return None,
        };
        let [s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, flags] = *segment.first_chunk()?;
        let header = usize::from(offset >> 4) * 4;
        if header < 20 || len < header || flags & (Flags::SYN | Flags::FIN | Flags::RST) != 0 {
            return None;
        }
        let glimpse = Self {
            source,
            destination,
            is_v6: *ether_type == IPV6,
            ttl,
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            vlan,
            macs: *macs,
            interface: frame.interface,
            capture: frame.at.capture,
        };
        // Ethernet pads short frames.
        Some((glimpse, segment.get(header..len.min(segment.len())).unwrap_or_default()))
    }

    /// A hash of who talks to whom: the same wherever it is seen, and [`way`] gives it too.
    #[inline]
    pub fn way(&self) -> u64 {
        mix(self.source, self.source_port, self.destination, self.destination_port)
    }
}

/// What [`Glimpse::way`] is for segments from `source` to `destination`.
pub fn way(source: SocketAddr, destination: SocketAddr) -> u64 {
    let bits = |ip| match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()),
        IpAddr::V6(ip) => ip.to_bits(),
    };
    mix(bits(source.ip()), source.port(), bits(destination.ip()), destination.port())
}

#[inline]
fn mix(source: u128, source_port: u16, destination: u128, destination_port: u16) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "a fold")]
    let fold = |ip: u128, port: u16| (ip >> 64) as u64 ^ ip as u64 ^ u64::from(port) << 40;
    // Fibonacci hashing: the top bits of the product depend on all bits of its factor.
    let both = fold(source, source_port).rotate_left(17) ^ fold(destination, destination_port);
    both.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{FrameNo, Stamp, Timestamp};
    use crate::wire::{Body, Decoder, Wrapping};

    fn frame(bytes: &[u8], wire_len: usize) -> Frame<'_> {
        Frame {
            at: Stamp { capture: CaptureId(0), number: FrameNo(1), time: Timestamp(0) },
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
            assert_eq!((payload, glimpse.ttl, glimpse.way()), (&b"data"[..], 64, way(ends.0, ends.1)));
            assert_ne!(glimpse.way(), way(ends.1, ends.0));
            let tagged = segment(v6, true);
            let (other, payload) = Glimpse::of(&frame(&tagged, tagged.len())).unwrap();
            assert_eq!((payload, other.way()), (&b"data"[..], glimpse.way()));
            assert_ne!(other, glimpse, "another VLAN, another place");
        }
    }

    #[test]
    fn what_opens_closes_or_is_a_fragment_is_left_to_the_decoder() {
        let plain = segment(false, false);
        let spoilt = |at: usize, byte: u8| {
            let mut bytes = plain.clone();
            bytes[at] = byte;
            Glimpse::of(&frame(&bytes, bytes.len())).is_none()
        };
        assert!([0x02, 0x12, 0x11, 0x04].iter().all(|flags| spoilt(47, *flags)), "SYN, SYN-ACK, FIN, RST");
        assert!(spoilt(20, 0x20) && spoilt(21, 1), "fragments");
        assert!(spoilt(14, 0x46) && spoilt(23, 17) && spoilt(17, 30) && spoilt(46, 0x40), "options, UDP, lengths");
        assert!(!spoilt(22, 1));
    }

    proptest! {
        /// Whatever is changed and cut, a glimpse says what decoding says.
        #[test]
        fn a_glimpse_agrees_with_the_decoder(
            (v6, tagged) in any::<(bool, bool)>(),
            changes in proptest::collection::vec((12..90_usize, any::<u8>()), 0..4),
            (cut, missing) in (0..100_usize, 0..50_usize),
        ) {
            let mut bytes = segment(v6, tagged);
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
                let untagged = glimpse.vlan.is_none_or(|tag| tag.trailing_zeros() >= 12);
                prop_assert_eq!(decoded.wrapping == Wrapping::NONE, untagged);
                let Body::Tcp(ip, tcp) = decoded.body else { panic!("{:?}", decoded.body) };
                let ends = [(ip.source, tcp.source_port), (ip.destination, tcp.destination_port)].map(SocketAddr::from);
                prop_assert_eq!(way(ends[0], ends[1]), glimpse.way());
                prop_assert_eq!((ip.source.is_ipv6(), ip.ttl, ip.tunnelled), (glimpse.is_v6, glimpse.ttl, false));
                prop_assert_eq!(tcp.payload, payload);
                prop_assert_eq!(tcp.flags.0 & 7, 0);
                prop_assert!(decoder.undecoded().is_empty());
            }
        }
    }
}
