//! Link layers: the header a link type puts before everything, Ethernet, VLAN tags, 802.2.

use crate::frame::{Frame, LinkType};

use super::bytes::Bytes;
use super::count::Kind;
use super::step::{Layer, Step};
use super::wrapping::Component;
use super::{Body, Link, Mac, ip};

/// 802.3 length fields end here (IEEE 802.3 3.2.6); EtherTypes begin at 0x600.
const LENGTH_MAX: u16 = 1500;
/// `PACKET_OUTGOING` of packet(7).
const PACKET_OUTGOING: u16 = 4;
/// SLL protocol number of frames that begin with an 802.2 header (`ETH_P_802_2`).
const SLL_802_2: u16 = 4;

/// What the header that belongs to the frame's link type says, as far as it was captured.
#[inline]
pub(super) fn of(frame: &Frame<'_>) -> Link {
    let bytes = Bytes::whole(frame.bytes);
    let mut link = Link::default();
    match frame.link_type {
        LinkType(1) => return ethernet_addresses(bytes),
        // Packet type, ARPHRD type, address length, address, protocol.
        LinkType(113) => {
            link.outgoing = bytes.u16(0).map(|packet_type| packet_type == PACKET_OUTGOING);
            link.source = bytes.array(6).filter(|_| bytes.u16(4) == Some(6)).map(Mac);
        }
        // Protocol, reserved, interface index, ARPHRD type, packet type, address length, address.
        LinkType(276) => {
            link.if_index = bytes.u32(4);
            link.outgoing = bytes.u8(10).map(|packet_type| u16::from(packet_type) == PACKET_OUTGOING);
            link.source = bytes.array(12).filter(|_| bytes.u8(11) == Some(6)).map(Mac);
        }
        _ => {}
    }
    link
}

/// The addresses of an Ethernet header.
#[inline]
pub(super) fn ethernet_addresses(bytes: Bytes<'_>) -> Link {
    Link { destination: bytes.array(0).map(Mac), source: bytes.array(6).map(Mac), ..Link::default() }
}

/// Takes off the header that belongs to the frame's link type. `Err` tells why it cannot.
#[inline]
pub(super) fn open<'a>(frame: &Frame<'a>) -> Result<(Layer, Bytes<'a>), Kind> {
    let missing = (frame.wire_len as usize).saturating_sub(frame.bytes.len());
    let bytes = Bytes { captured: frame.bytes, missing };
    let (name, opened) = match frame.link_type {
        LinkType(1) => return Ok((Layer::Ethernet, bytes)),
        LinkType(12 | 14 | 101 | 228 | 229) => return Ok((Layer::Ip, bytes)),
        LinkType(9) => return Ok((Layer::Ppp, bytes)),
        LinkType(51) => return Ok((Layer::Pppoe, bytes)),
        LinkType(113) => ("SLL", cooked(bytes, 14, 16)),
        LinkType(276) => ("SLL2", cooked(bytes, 0, 20)),
        LinkType(0 | 108) => ("loopback", loopback(bytes)),
        LinkType(50 | 104) => ("HDLC", hdlc(bytes)),
        other => return Err(Kind::LinkType(other)),
    };
    opened.ok_or(if missing > 0 { Kind::Cut(name) } else { Kind::Malformed(name) })
}

/// SLL or SLL2: a header of `len` bytes with a protocol number somewhere.
fn cooked(bytes: Bytes<'_>, protocol_at: usize, len: usize) -> Option<(Layer, Bytes<'_>)> {
    let layer = match bytes.u16(protocol_at)? {
        SLL_802_2 => Layer::Llc,
        protocol => Layer::EtherType(protocol),
    };
    Some((layer, bytes.skip(len)?))
}

/// LINKTYPE_NULL and LINKTYPE_LOOP: an address family in the byte order of the capturing host or of the network.
fn loopback(bytes: Bytes<'_>) -> Option<(Layer, Bytes<'_>)> {
    let family = bytes.array(0)?;
    // Families are small numbers, so only one order makes sense of them.
    let layer = match u32::from_le_bytes(family).min(u32::from_be_bytes(family)) {
        // AF_INET6 is 10 on Linux, 23 on Windows, 24 on NetBSD and OpenBSD, 28 on FreeBSD, 30 on macOS.
        2 | 10 | 23 | 24 | 28 | 30 => Layer::Ip,
        _ => Layer::EtherType(0),
    };
    Some((layer, bytes.skip(4)?))
}

/// LINKTYPE_PPP_HDLC and LINKTYPE_C_HDLC: PPP in HDLC framing, or Cisco's framing, which carries EtherTypes.
fn hdlc(bytes: Bytes<'_>) -> Option<(Layer, Bytes<'_>)> {
    let (layer, rest) = match bytes.u8(0)? {
        0x0f | 0x8f => (Layer::EtherType(bytes.u16(2)?), bytes.skip(4)?),
        _ => (Layer::Ppp, bytes),
    };
    Some((layer, rest))
}

/// An Ethernet header: what follows is named by an EtherType, or is 802.2 if the field is a length.
#[inline]
pub(super) fn ethernet(bytes: Bytes<'_>, tunnelled: bool) -> Option<Step<'_>> {
    let ether_type = bytes.u16(12)?;
    let rest = bytes.skip(14)?;
    match ether_type {
        0..=LENGTH_MAX => Some(Step::Next(Layer::Llc, rest.limit(ether_type.into()))),
        _ => self::ether_type(ether_type, rest, tunnelled),
    }
}

/// What an EtherType announces. Types that carry no IP are of no interest and not counted.
#[inline]
pub(super) fn ether_type(ether_type: u16, bytes: Bytes<'_>, tunnelled: bool) -> Option<Step<'_>> {
    Some(match ether_type {
        0x0800 | 0x86dd => ip::straight(bytes, tunnelled),
        0x0806 => Step::Next(Layer::Arp, bytes),
        0x8100 | 0x88a8 | 0x9100 | 0x9200 => return vlan(bytes),
        0x8847 | 0x8848 => Step::Next(Layer::Mpls, bytes),
        0x8864 => Step::Next(Layer::Pppoe, bytes),
        0x880b => Step::Next(Layer::Ppp, bytes),
        0x6558 => Step::Next(Layer::Ethernet, bytes),
        0x8870 => Step::Next(Layer::Llc, bytes),
        0x22f3 => Step::Undecoded(Kind::Encapsulation("TRILL"), Body::Nothing),
        0x883e => Step::Undecoded(Kind::Encapsulation("WCCP"), Body::Nothing),
        0x88e5 => Step::Undecoded(Kind::Encapsulation("MACsec"), Body::Nothing),
        0x88e7 => Step::Undecoded(Kind::Encapsulation("provider backbone bridging (802.1ah)"), Body::Nothing),
        0x8903 => Step::Undecoded(Kind::Encapsulation("FabricPath"), Body::Nothing),
        0x8926 => Step::Undecoded(Kind::Encapsulation("VN-Tag"), Body::Nothing),
        0x893f => Step::Undecoded(Kind::Encapsulation("E-Tag (802.1BR)"), Body::Nothing),
        0x894f => Step::Undecoded(Kind::Encapsulation("NSH"), Body::Nothing),
        _ => Step::Done(Body::Nothing),
    })
}

/// A VLAN tag. VLAN 0 is only a priority: a host may set it in one direction alone.
fn vlan(bytes: Bytes<'_>) -> Option<Step<'_>> {
    let id = bytes.u16(0)? & 0x0fff;
    let ether_type = bytes.u16(2)?;
    let rest = bytes.skip(4)?;
    let (layer, rest) = match ether_type {
        0..=LENGTH_MAX => (Layer::Llc, rest.limit(ether_type.into())),
        _ => (Layer::EtherType(ether_type), rest),
    };
    Some(if id == 0 { Step::Next(layer, rest) } else { Step::Wrapped(Component::Vlan(id), layer, rest) })
}

/// An 802.2 header: SNAP (RFC 1042) or IP by its own SAP. Anything else is no IP.
pub(super) fn llc(bytes: Bytes<'_>) -> Option<Step<'_>> {
    Some(match bytes.array(0)? {
        [0xaa, 0xaa, 0x03] => match bytes.array(3)? {
            // 00-00-F8 is a bridge tunnel encapsulation (802.1H) of the same types.
            [0, 0, 0 | 0xf8] => Step::Next(Layer::EtherType(bytes.u16(6)?), bytes.skip(8)?),
            _ => Step::Done(Body::Nothing),
        },
        [0x06, 0x06, 0x03] => Step::Next(Layer::Ip, bytes.skip(3)?),
        _ => Step::Done(Body::Nothing),
    })
}
