//! Link layers: the header a link type puts before everything, Ethernet, VLAN tags, 802.2.

use crate::frame::{Frame, LinkType};

use super::bytes::Bytes;
use super::count::Kind;
use super::field::ethernet::LENGTH_MAX;
use super::field::{Field, ethernet, vlan};
use super::step::{Layer, Step};
use super::wrapping::Component;
use super::{Body, Link, Mac, ip};

/// `PACKET_OUTGOING` of packet(7).
const PACKET_OUTGOING: u16 = 4;
/// SLL protocol number of frames that begin with an 802.2 header (`ETH_P_802_2`).
pub const SLL_802_2: u16 = 4;

/// What the first header of a frame is.
#[derive(Clone, Copy, Debug)]
pub enum Opening {
    /// An Ethernet header.
    Ethernet,
    /// An IP header of either version.
    Ip,
    /// A PPP header.
    Ppp,
    /// A PPPoE session header.
    Pppoe,
    /// That of a Linux "cooked" capture.
    Cooked(Cooked),
    /// An address family.
    Loopback,
    /// PPP in HDLC framing, or Cisco's framing, which carries EtherTypes.
    Hdlc,
}

/// Where the fields of a "cooked" header are.
#[derive(Clone, Copy, Debug)]
pub struct Cooked {
    /// An EtherType, or [`SLL_802_2`].
    pub protocol: Field<2>,
    /// The length of the address, or the last byte of it.
    address_len: Field<1>,
    /// The source address, if it is as long as one of Ethernet; two more bytes follow that are its padding.
    pub address: Field<6>,
    /// The packet type, or the last byte of it.
    packet_type: Field<1>,
    /// Whether these two are numbers of two bytes.
    are_long: bool,
    /// The kernel's interface index.
    if_index: Option<Field<4>>,
    /// The whole header.
    pub len: usize,
}

/// Packet type, ARPHRD type, address length, address, protocol.
const SLL: Cooked = Cooked {
    protocol: Field(14),
    address_len: Field(5),
    address: Field(6),
    packet_type: Field(1),
    are_long: true,
    if_index: None,
    len: 16,
};

/// Protocol, reserved, interface index, ARPHRD type, packet type, address length, address.
const SLL2: Cooked = Cooked {
    protocol: Field(0),
    address_len: Field(11),
    address: Field(12),
    packet_type: Field(10),
    are_long: false,
    if_index: Some(Field(4)),
    len: 20,
};

/// What the first header of a frame is, by its link type; `None` for those that are not read.
#[inline]
pub fn opening(link_type: LinkType) -> Option<Opening> {
    Some(match link_type {
        LinkType::ETHERNET => Opening::Ethernet,
        LinkType::RAW | LinkType::RAW_12 | LinkType::RAW_14 | LinkType::IPV4 | LinkType::IPV6 => Opening::Ip,
        LinkType::PPP => Opening::Ppp,
        LinkType::PPP_ETHER => Opening::Pppoe,
        LinkType::LINUX_SLL => Opening::Cooked(SLL),
        LinkType::LINUX_SLL2 => Opening::Cooked(SLL2),
        LinkType::NULL | LinkType::LOOP => Opening::Loopback,
        LinkType::PPP_HDLC | LinkType::C_HDLC => Opening::Hdlc,
        _ => return None,
    })
}
/// What the first header of a frame says, as far as it was captured.
#[inline]
pub(super) fn of(frame: &Frame<'_>) -> Link {
    let bytes = Bytes::whole(frame.bytes);
    match opening(frame.link_type) {
        Some(Opening::Ethernet) => ethernet_addresses(bytes),
        Some(Opening::Cooked(cooked)) => cooked.link(frame.bytes),
        Some(Opening::Ip | Opening::Ppp | Opening::Pppoe | Opening::Loopback | Opening::Hdlc) | None => Link::default(),
    }
}

impl Cooked {
    fn link(&self, header: &[u8]) -> Link {
        let outgoing = self.number(self.packet_type, header).map(|packet_type| packet_type == PACKET_OUTGOING);
        let source = self.address.of(header).filter(|_| self.is_ethernet(header)).map(Mac);
        Link {
            source,
            outgoing,
            if_index: self.if_index.and_then(|index| index.of(header)).map(u32::from_be_bytes),
            ..Link::default()
        }
    }

    /// Whether the address is as long as one of Ethernet.
    pub fn is_ethernet(&self, header: &[u8]) -> bool {
        self.number(self.address_len, header) == Some(6)
    }

    fn number(&self, last: Field<1>, header: &[u8]) -> Option<u16> {
        let [low] = last.of(header)?;
        let high = if self.are_long { *header.get(last.0.checked_sub(1)?)? } else { 0 };
        Some(u16::from_be_bytes([high, low]))
    }
}

/// The addresses of an Ethernet header.
#[inline]
pub(super) fn ethernet_addresses(bytes: Bytes<'_>) -> Link {
    let [source, destination] = [ethernet::SOURCE, ethernet::DESTINATION].map(|mac| mac.of(bytes.captured).map(Mac));
    Link { source, destination, ..Link::default() }
}

/// Takes off the header that belongs to the frame's link type. `Err` tells why it cannot.
#[inline]
pub(super) fn open<'a>(frame: &Frame<'a>) -> Result<(Layer, Bytes<'a>), Kind> {
    let missing = (frame.wire_len as usize).saturating_sub(frame.bytes.len());
    let bytes = Bytes { captured: frame.bytes, missing };
    let (name, opened) = match opening(frame.link_type).ok_or(Kind::LinkType(frame.link_type))? {
        Opening::Ethernet => return Ok((Layer::Ethernet, bytes)),
        Opening::Ip => return Ok((Layer::Ip, bytes)),
        Opening::Ppp => return Ok((Layer::Ppp, bytes)),
        Opening::Pppoe => return Ok((Layer::Pppoe, bytes)),
        Opening::Cooked(cooked) => {
            (if cooked.if_index.is_some() { "SLL2" } else { "SLL" }, self::cooked(bytes, cooked))
        }
        Opening::Loopback => ("loopback", loopback(bytes)),
        Opening::Hdlc => ("HDLC", hdlc(bytes)),
    };
    opened.ok_or(if missing > 0 { Kind::Cut(name) } else { Kind::Malformed(name) })
}

/// The header of a "cooked" capture.
fn cooked(bytes: Bytes<'_>, cooked: Cooked) -> Option<(Layer, Bytes<'_>)> {
    let layer = match u16::from_be_bytes(cooked.protocol.of(bytes.captured)?) {
        SLL_802_2 => Layer::Llc,
        protocol => Layer::EtherType(protocol),
    };
    Some((layer, bytes.skip(cooked.len)?))
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
    let ether_type = u16::from_be_bytes(ethernet::TYPE.of(bytes.captured)?);
    let rest = bytes.skip(ethernet::LEN)?;
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
    let id = u16::from_be_bytes(vlan::CONTROL.of(bytes.captured)?) & vlan::ID;
    let ether_type = u16::from_be_bytes(vlan::TYPE.of(bytes.captured)?);
    let rest = bytes.skip(vlan::LEN)?;
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
