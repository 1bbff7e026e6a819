//! Reads who talks to whom from a frame of the commonest kind, in a fraction of the time that decoding takes.
//!
//! That kind is a TCP segment in the midst of its connection, in Ethernet with at most one VLAN tag. Of it, this says
//! what [`super::Decoder`] would say; of anything else it says nothing, and decoding has to tell.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

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
    /// Source address and port.
    pub source: SocketAddr,
    /// Destination address and port.
    pub destination: SocketAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    vlan: Option<[u8; 2]>,
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
            vlan = Some(*tag);
            (ether_type, packet) = rest.split_first_chunk()?;
        }
        let ip = match *ether_type {
            IPV4 => v4(packet),
            IPV6 => v6(packet),
            _ => None,
        }?;
        let [s0, s1, d0, d1, _, _, _, _, _, _, _, _, offset, flags] = *ip.segment.first_chunk()?;
        let header = usize::from(offset >> 4) * 4;
        if header < 20 || ip.len < header || flags & (Flags::SYN | Flags::FIN | Flags::RST) != 0 {
            return None;
        }
        let glimpse = Self {
            source: with_port(ip.source, [s0, s1]),
            destination: with_port(ip.destination, [d0, d1]),
            ttl: ip.ttl,
            vlan,
            macs: *macs,
            interface: frame.interface,
            capture: frame.at.capture,
        };
        // Ethernet pads short frames.
        Some((glimpse, ip.segment.get(header..ip.len.min(ip.segment.len())).unwrap_or_default()))
    }
}

/// An IP packet with a TCP segment; `segment` goes to the end of the frame, `len` says how long it is.
struct Ip<'a> {
    source: SocketAddr,
    destination: SocketAddr,
    ttl: u8,
    len: usize,
    segment: &'a [u8],
}

#[inline]
fn v4(packet: &[u8]) -> Option<Ip<'_>> {
    let (header, segment) = packet.split_first_chunk()?;
    let [0x45, _, l0, l1, _, _, f0, f1, ttl, TCP, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header else { return None };
    // "More fragments", or an offset.
    if f0 & 0x3f != 0 || f1 != 0 {
        return None;
    }
    Some(Ip {
        source: SocketAddr::from((Ipv4Addr::new(s0, s1, s2, s3), 0)),
        destination: SocketAddr::from((Ipv4Addr::new(d0, d1, d2, d3), 0)),
        ttl,
        len: usize::from(u16::from_be_bytes([l0, l1])).checked_sub(20)?,
        segment,
    })
}

#[inline]
fn v6(packet: &[u8]) -> Option<Ip<'_>> {
    let (header, rest) = packet.split_first_chunk()?;
    let [0x60..=0x6f, _, _, _, l0, l1, TCP, ttl] = *header else { return None };
    let (source, rest) = rest.split_first_chunk::<16>()?;
    let (destination, segment) = rest.split_first_chunk::<16>()?;
    Some(Ip {
        source: SocketAddr::from((Ipv6Addr::from(*source), 0)),
        destination: SocketAddr::from((Ipv6Addr::from(*destination), 0)),
        ttl,
        len: usize::from(u16::from_be_bytes([l0, l1])),
        segment,
    })
}

#[inline]
fn with_port(mut socket: SocketAddr, port: [u8; 2]) -> SocketAddr {
    socket.set_port(u16::from_be_bytes(port));
    socket
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
        for (v6, ends) in [(false, ["10.0.0.1:80", "10.0.0.2:1025"]), (true, ["[2020::]:80", "[2121::]:1025"])] {
            let plain = segment(v6, false);
            let (glimpse, payload) = Glimpse::of(&frame(&plain, plain.len())).unwrap();
            let shown = [glimpse.source.to_string(), glimpse.destination.to_string()];
            assert!(shown.iter().zip(ends).all(|(shown, end)| shown.starts_with(&end[..5])), "{shown:?}");
            assert_eq!((payload, glimpse.ttl), (&b"data"[..], 64));
            let tagged = segment(v6, true);
            let (other, payload) = Glimpse::of(&frame(&tagged, tagged.len())).unwrap();
            assert_eq!((payload, other.source), (&b"data"[..], glimpse.source));
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
                prop_assert_eq!(decoded.wrapping == Wrapping::NONE, glimpse.vlan.is_none_or(|[a, b]| a.trailing_zeros() >= 4 && b == 0));
                let Body::Tcp(ip, tcp) = decoded.body else { panic!("{:?}", decoded.body) };
                prop_assert_eq!((ip.source, tcp.source_port), (glimpse.source.ip(), glimpse.source.port()));
                prop_assert_eq!((ip.destination, tcp.destination_port), (glimpse.destination.ip(), glimpse.destination.port()));
                prop_assert_eq!((ip.ttl, ip.tunnelled), (glimpse.ttl, false));
                prop_assert_eq!(tcp.payload, payload);
                prop_assert_eq!(tcp.flags.0 & 7, 0);
                prop_assert!(decoder.undecoded().is_empty());
            }
        }
    }
}
