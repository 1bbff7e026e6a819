//! ICMP (RFC 792) and ICMPv6 (RFC 4443): errors about TCP segments, and neighbour discovery.
//!
//! Redirects and source quench (RFC 6633) say nothing about a segment's fate and count as other traffic.

use std::net::{IpAddr, SocketAddr};

use etherparse::{Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice};

use super::bytes::Bytes;
use super::{Body, IcmpError, IpHeader, Quoted, Seq, ip, neighbor};

/// Extension headers skipped in a quoted IPv6 packet.
const EXTENSIONS: usize = 8;
/// The header before the quote, in both versions.
const HEADER: usize = 8;

/// Reads an ICMP or ICMPv6 message.
pub(super) fn message(header: IpHeader, protocol: u8, bytes: Bytes<'_>) -> Body<'_> {
    let v6 = protocol == ip::ICMPV6;
    if let Some(error) = error(v6, bytes) {
        return Body::Icmp(header, error);
    }
    match neighbor::discovery(&header, bytes) {
        Some(discovery) if v6 => Body::Nd(header, discovery),
        _ => Body::OtherIp(header),
    }
}

fn error(v6: bool, bytes: Bytes<'_>) -> Option<IcmpError> {
    let [kind, code] = bytes.array(0)?;
    let quote = bytes.skip(HEADER)?;
    let quoted = match (v6, kind) {
        // Unreachable, time exceeded, parameter problem.
        (false, 3 | 11 | 12) => quoted_v4(quote)?,
        // Unreachable, packet too big, time exceeded, parameter problem.
        (true, 1..=4) => quoted_v6(quote)?,
        _ => return None,
    };
    Some(IcmpError { kind, code, v6, quoted })
}

fn quoted_v4(bytes: Bytes<'_>) -> Option<Quoted> {
    let header = Ipv4HeaderSlice::from_slice(bytes.captured).ok()?;
    if header.protocol().0 != ip::TCP || header.fragments_offset().value() != 0 {
        return None;
    }
    let segment = bytes.skip(header.slice().len())?;
    quoted_segment(header.source_addr().into(), header.destination_addr().into(), segment)
}

fn quoted_v6(bytes: Bytes<'_>) -> Option<Quoted> {
    let header = Ipv6HeaderSlice::from_slice(bytes.captured).ok()?;
    let mut protocol = header.next_header().0;
    let mut rest = bytes.skip(header.slice().len())?;
    for _ in 0..EXTENSIONS {
        match protocol {
            ip::TCP => return quoted_segment(header.source_addr().into(), header.destination_addr().into(), rest),
            ip::FRAGMENT => {
                let fragment = Ipv6FragmentHeaderSlice::from_slice(rest.captured).ok()?;
                if fragment.fragment_offset().value() != 0 {
                    return None;
                }
            }
            ip::HOP_BY_HOP | ip::ROUTING | ip::DESTINATION | ip::MOBILITY | ip::AUTHENTICATION => {}
            _ => return None,
        }
        (protocol, rest) = ip::after_extension(protocol, rest)?;
    }
    None
}

/// The first 8 bytes of a TCP header are all that is surely quoted (RFC 792).
fn quoted_segment(source: IpAddr, destination: IpAddr, bytes: Bytes<'_>) -> Option<Quoted> {
    Some(Quoted {
        source: SocketAddr::new(source, bytes.u16(0)?),
        destination: SocketAddr::new(destination, bytes.u16(2)?),
        seq: Seq(bytes.u32(4)?),
    })
}
