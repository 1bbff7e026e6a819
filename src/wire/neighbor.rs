//! Address resolution: ARP for IPv4 over Ethernet (RFC 826) and IPv6 neighbour discovery (RFC 4861).
//!
//! A gratuitous announcement is an ordinary request or reply with SPA = TPA. The hop limit of 255 that RFC 4861 7.1
//! demands is not checked: it is in the IP header for who cares.

use std::net::{IpAddr, Ipv4Addr};

use super::bytes::Bytes;
use super::layer::Step;
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
