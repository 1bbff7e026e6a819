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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use crate::wire::samples::{frame, hex, v4, v4_fragment, v6};
    use crate::wire::{Body, Decoder, IcmpError, Quoted, Seq};

    const TCP_START: &str = "0014c350 00000001";

    fn decode(packet: &str) -> Option<IcmpError> {
        let bytes = hex(packet);
        match Decoder::new().decode(&frame(1, 101, &bytes)).body {
            Body::Icmp(_, error) => Some(error),
            Body::OtherIp(_) => None,
            other => panic!("{packet}: {other:?}"),
        }
    }

    fn quoted(source: &str, destination: &str) -> Quoted {
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        Quoted { source: socket(source), destination: socket(destination), seq: Seq(1) }
    }

    #[test]
    fn errors_about_tcp_quote_a_segment() {
        let v4_quoted = quoted("192.0.2.1:20", "192.0.2.2:50000");
        for (start, kind, code) in [("0301", 3, 1), ("030a", 3, 10), ("0b00", 11, 0), ("0c00", 12, 0)] {
            let error = decode(&v4(1, &format!("{start}0000 00000000 {}", v4(6, TCP_START)))).unwrap();
            assert_eq!(error, IcmpError { kind, code, v6: false, quoted: v4_quoted });
        }
        let v6_quoted = quoted("[2001:db8::1]:20", "[2001:db8::2]:50000");
        for (start, kind, code) in [("0104", 1, 4), ("0200", 2, 0), ("0300", 3, 0), ("0401", 4, 1)] {
            let error = decode(&v6(58, &format!("{start}0000 00000000 {}", v6(6, TCP_START)))).unwrap();
            assert_eq!(error, IcmpError { kind, code, v6: true, quoted: v6_quoted });
        }
    }

    #[test]
    fn options_and_extension_headers_of_the_quote_are_skipped() {
        let options = format!("4600 002c 12340000 40060000 c0000201 c0000202 01010100 {TCP_START}");
        assert!(decode(&v4(1, &format!("03010000 00000000 {options}"))).is_some());
        let extended = v6(0, &format!("2c00010400000000 0600000000000001 {TCP_START}"));
        assert!(decode(&v6(58, &format!("01040000 00000000 {extended}"))).is_some());
    }

    #[test]
    fn everything_else_is_other_traffic() {
        let quote = v4(6, TCP_START);
        let others = [
            format!("08000000 00000000 {quote}"),
            format!("05010000 c0000201 {quote}"),
            format!("04000000 00000000 {quote}"),
            format!("03030000 00000000 {}", v4(17, "0035c350 00080000")),
            format!("0b010000 00000000 {}", v4_fragment(6, "0002", TCP_START)),
            "03010000 00000000".to_owned(),
            format!("03010000 00000000 {}", v4(6, "0014c350 000000")),
        ];
        for other in others {
            assert_eq!(decode(&v4(1, &other)), None, "{other}");
        }
        let later_fragment = v6(44, &format!("0600000800000009 {TCP_START}"));
        assert_eq!(decode(&v6(58, &format!("01040000 00000000 {later_fragment}"))), None);
    }
}
