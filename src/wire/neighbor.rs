//! Address resolution: ARP for IPv4 over Ethernet (RFC 826) and IPv6 neighbour discovery (RFC 4861).
//!
//! A gratuitous announcement is an ordinary request or reply with SPA = TPA. The hop limit of 255 that RFC 4861 7.1
//! demands is not checked: it is in the IP header for who cares.

use std::net::{IpAddr, Ipv4Addr};

use super::bytes::Bytes;
use super::step::Step;
use super::{Arp, ArpOperation, Body, IpHeader, Mac, NdKind, NeighborDiscovery};

const NEIGHBOR_SOLICITATION: u8 = 135;
const NEIGHBOR_ADVERTISEMENT: u8 = 136;
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
/// Options looked at: a message has one or two.
const OPTIONS: usize = 8;

/// An ARP packet; other hardware, protocols and operations are of no interest.
pub(super) fn arp(bytes: Bytes<'_>) -> Option<Step<'_>> {
    // Hardware type Ethernet, protocol IPv4, address lengths.
    if bytes.array(0)? != [0, 1, 0x08, 0, 6, 4] {
        return Some(Step::Done(Body::Nothing));
    }
    let operation = match bytes.u16(6)? {
        1 => ArpOperation::Request,
        2 => ArpOperation::Reply,
        _ => return Some(Step::Done(Body::Nothing)),
    };
    Some(Step::Done(Body::Arp(Arp {
        operation,
        sender_mac: Mac(bytes.array(8)?),
        sender_ip: Ipv4Addr::from(bytes.array::<4>(14)?),
        target_mac: Mac(bytes.array(18)?),
        target_ip: Ipv4Addr::from(bytes.array::<4>(24)?),
    })))
}

/// A neighbour solicitation or advertisement, if this ICMPv6 message is one.
pub(super) fn discovery(header: &IpHeader, bytes: Bytes<'_>) -> Option<NeighborDiscovery> {
    let IpAddr::V6(sender) = header.source else { return None };
    let (kind, link_option) = match bytes.u8(0)? {
        NEIGHBOR_SOLICITATION => (NdKind::Solicitation, SOURCE_LINK_ADDRESS),
        NEIGHBOR_ADVERTISEMENT => (NdKind::Advertisement, TARGET_LINK_ADDRESS),
        _ => return None,
    };
    let flags = if kind == NdKind::Advertisement { bytes.u8(4)? } else { 0 };
    Some(NeighborDiscovery {
        kind,
        sender,
        target: bytes.array::<16>(8)?.into(),
        link_address: link_address(link_option, bytes.skip(24)?),
        override_flag: flags & 0x20 != 0,
        router: flags & 0x80 != 0,
    })
}

fn link_address(wanted: u8, mut bytes: Bytes<'_>) -> Option<Mac> {
    for _ in 0..OPTIONS {
        let [kind, units] = bytes.array(0)?;
        if kind == wanted {
            return bytes.array(2).map(Mac);
        }
        // A length of 0 is forbidden (RFC 4861 4.6); skipping nothing ends with the loop.
        bytes = bytes.skip(usize::from(units) * 8)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use crate::wire::samples::{MACS, frame, hex, v6};
    use crate::wire::{ArpOperation, Body, Decoder, Mac, NdKind, Wrapping};

    #[test]
    fn arp_requests_replies_and_gratuitous_ones() {
        let mut decoder = Decoder::new();
        let packet = |operation: &str, target_mac: &str, target_ip: &str| {
            hex(&format!("{MACS} 0806 000108000604{operation} 020000000001 c0000201 {target_mac} {target_ip} 0000"))
        };
        let cases = [
            (packet("0001", "000000000000", "c0000202"), ArpOperation::Request, 2),
            (packet("0002", "000000000002", "c0000202"), ArpOperation::Reply, 2),
            (packet("0001", "000000000000", "c0000201"), ArpOperation::Request, 1),
            (packet("0002", "ffffffffffff", "c0000201"), ArpOperation::Reply, 1),
        ];
        for (bytes, operation, target) in cases {
            let Body::Arp(arp) = decoder.decode(&frame(1, 1, &bytes)).body else { panic!("{bytes:02x?}") };
            assert_eq!((arp.operation, arp.sender_mac), (operation, Mac([2, 0, 0, 0, 0, 1])));
            assert_eq!((arp.sender_ip.octets()[3], arp.target_ip.octets()[3]), (1, target));
        }
    }

    #[test]
    fn arp_of_other_networks_is_nothing_and_of_a_vlan_is_its_own() {
        let mut decoder = Decoder::new();
        let token_ring = hex(&format!("{MACS} 0806 0006080006040001 020000000001 c0000201 000000000000 c0000202"));
        assert!(matches!(decoder.decode(&frame(1, 1, &token_ring)).body, Body::Nothing));
        let reverse = hex(&format!("{MACS} 0806 0001080006040008 020000000001 c0000201 000000000000 c0000202"));
        assert!(matches!(decoder.decode(&frame(1, 1, &reverse)).body, Body::Nothing));
        let vlan = hex(&format!("{MACS} 8100 000a 0806 0001080006040001 020000000001 c0000201 000000000000 c0000202"));
        let found = decoder.decode(&frame(1, 1, &vlan));
        assert!(matches!(found.body, Body::Arp(_)));
        assert_ne!(found.wrapping, Wrapping::NONE);
        assert_eq!(decoder.undecoded(), []);
    }

    #[test]
    fn solicitations_and_advertisements_with_and_without_an_address() {
        let mut decoder = Decoder::new();
        let target = "20010db8000000000000000000000007";
        let mac = Some(Mac([2, 0, 0, 0, 0, 9]));
        let cases = [
            (format!("87000000 00000000 {target} 0101020000000009"), NdKind::Solicitation, mac, false, false),
            (format!("87000000 00000000 {target}"), NdKind::Solicitation, None, false, false),
            (
                format!("88000000 60000000 {target} 0e01000000000000 0201020000000009"),
                NdKind::Advertisement,
                mac,
                true,
                false,
            ),
            (format!("88000000 c0000000 {target} 0000000000000000"), NdKind::Advertisement, None, false, true),
        ];
        for (message, kind, link_address, override_flag, router) in cases {
            let bytes = hex(&v6(58, &message));
            let Body::Nd(header, nd) = decoder.decode(&frame(1, 101, &bytes)).body else { panic!("{message}") };
            assert_eq!(header.source, nd.sender);
            assert_eq!(nd.target.segments()[7], 7);
            assert_eq!((nd.kind, nd.link_address), (kind, link_address), "{message}");
            assert_eq!((nd.override_flag, nd.router), (override_flag, router), "{message}");
        }
    }
}
