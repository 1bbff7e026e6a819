//! Tunnels: IP in IP, GRE (RFC 2784, 2890; PPTP RFC 2637; ERSPAN), MPLS in IP, VXLAN (RFC 7348)
//! and its generic extension, Geneve (RFC 8926).
//!
//! Encapsulations by UDP port that carry IP and are not decoded are counted by name.

use super::bytes::Bytes;
use super::count::Kind;
use super::step::{Layer, Step};
use super::wrapping::{Component, Ends, Via};
use super::{Body, IpHeader};

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;
const GRE_VERSION: u16 = 0x0007;
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
/// VXLAN: the network identifier is valid.
const VXLAN_VALID: u8 = 0x08;
/// VXLAN-GPE: the next protocol is given.
const VXLAN_NEXT: u8 = 0x04;

/// IPv4 or IPv6 in either.
pub(super) fn ip_in_ip(outer: IpHeader, bytes: Bytes<'_>) -> Step<'_> {
    Step::Wrapped(Component::Tunnel(Via::Ip, Ends::of(&outer)), Layer::Ip, bytes)
}

/// MPLS in IP (RFC 4023).
pub(super) fn mpls_in_ip(outer: IpHeader, bytes: Bytes<'_>) -> Step<'_> {
    Step::Wrapped(Component::Tunnel(Via::Mpls, Ends::of(&outer)), Layer::Mpls, bytes)
}

/// A GRE packet.
pub(super) fn gre(outer: IpHeader, bytes: Bytes<'_>) -> Option<Step<'_>> {
    let flags = bytes.u16(0)?;
    let protocol = bytes.u16(2)?;
    let mut rest = bytes.skip(4)?;
    if flags & GRE_ROUTING != 0 {
        return Some(Step::Undecoded(Kind::Encapsulation("GRE with source routes"), Body::OtherIp(outer)));
    }
    if flags & GRE_CHECKSUM != 0 {
        rest = rest.skip(4)?;
    }
    let mut key = None;
    if flags & GRE_KEY != 0 {
        key = Some(rest.u32(0)?);
        rest = rest.skip(4)?;
    }
    if flags & GRE_SEQUENCE != 0 {
        rest = rest.skip(4)?;
    }
    if flags & GRE_VERSION == 1 && flags & GRE_ACKNOWLEDGEMENT != 0 {
        rest = rest.skip(4)?;
    }
    let (via, layer, rest) = match (flags & GRE_VERSION, protocol) {
        (0, ERSPAN) if flags & GRE_SEQUENCE == 0 => (Via::Erspan(None), Layer::Ethernet, rest),
        (0, ERSPAN) => (Via::Erspan(Some(erspan_session(rest)?)), Layer::Ethernet, rest.skip(8)?),
        (0, ERSPAN_III) => {
            // The last bit tells of a platform-specific header of 8 bytes.
            let len = if rest.u8(11)? & 1 == 1 { 20 } else { 12 };
            (Via::Erspan(Some(erspan_session(rest)?)), Layer::Ethernet, rest.skip(len)?)
        }
        (0, ether_type) => (Via::Gre(key), Layer::EtherType(ether_type), rest),
        // An acknowledgement carries no payload.
        (1, _) if rest.wire_len() == 0 => return Some(Step::Done(Body::OtherIp(outer))),
        (1, _) => (Via::Pptp, Layer::Ppp, rest),
        _ => return None,
    };
    Some(Step::Wrapped(Component::Tunnel(via, Ends::of(&outer)), layer, rest))
}

/// The session of an ERSPAN header of type II or III.
fn erspan_session(bytes: Bytes<'_>) -> Option<u16> {
    Some(bytes.u16(2)? & 0x03ff)
}

/// Whether [`udp`] looks into datagrams to a port.
pub(super) fn is_tunnel(port: u16) -> bool {
    matches!(port, 1701 | 2152 | 4500 | 4789 | 4790 | 6081 | 6635 | 8472 | 37008)
}

/// A UDP datagram: VXLAN, an encapsulation that is not decoded, or of no interest.
pub(super) fn udp(outer: IpHeader, bytes: Bytes<'_>) -> Step<'_> {
    let other = Step::Done(Body::OtherIp(outer));
    let (Some(port), Some(payload)) = (bytes.u16(2), bytes.skip(8)) else { return other };
    match port {
        // 8472 is what Linux used before the port was assigned.
        4789 | 8472 => vxlan(outer, payload).unwrap_or(other),
        4790 => vxlan_gpe(outer, payload).unwrap_or(other),
        6081 => geneve(outer, payload).unwrap_or(other),
        // Only G-PDUs carry user packets.
        2152 if payload.u8(1) == Some(0xff) => undecoded("GTP-U", outer),
        // Four zero bytes mark IKE (RFC 3948 2.2), one byte is a keep-alive.
        4500 if payload.u32(0).is_some_and(|marker| marker != 0) => undecoded("ESP in UDP", outer),
        // The first bit tells control messages from data.
        1701 if payload.u8(0).is_some_and(|flags| flags & 0x80 == 0) => undecoded("L2TP", outer),
        6635 => undecoded("MPLS in UDP", outer),
        37008 => undecoded("TZSP", outer),
        _ => other,
    }
}

fn undecoded<'a>(name: &'static str, outer: IpHeader) -> Step<'a> {
    Step::Undecoded(Kind::Encapsulation(name), Body::OtherIp(outer))
}

fn vxlan(outer: IpHeader, bytes: Bytes<'_>) -> Option<Step<'_>> {
    if bytes.u8(0)? & VXLAN_VALID == 0 {
        return None;
    }
    network(Via::Vxlan, outer, Layer::Ethernet, bytes, 8)
}

/// VXLAN with a field for what is inside (draft-ietf-nvo3-vxlan-gpe).
fn vxlan_gpe(outer: IpHeader, bytes: Bytes<'_>) -> Option<Step<'_>> {
    let [flags, _, _, next] = bytes.array(0)?;
    let layer = match next {
        _ if flags & VXLAN_NEXT == 0 => Layer::Ethernet,
        1 | 2 => Layer::Ip,
        3 => Layer::Ethernet,
        5 => Layer::Mpls,
        _ => return Some(undecoded("VXLAN-GPE with another protocol inside", outer)),
    };
    network(Via::Vxlan, outer, layer, bytes, 8)
}

/// Geneve: a version, a length of options in words, an EtherType.
fn geneve(outer: IpHeader, bytes: Bytes<'_>) -> Option<Step<'_>> {
    let options = usize::from(bytes.u8(0)? & 0x3f) * 4;
    let layer = Layer::EtherType(bytes.u16(2)?);
    network(Via::Geneve, outer, layer, bytes, 8 + options)
}

/// What is inside a header of `len` bytes whose second word begins with a network identifier.
fn network(via: fn(u32) -> Via, outer: IpHeader, layer: Layer, bytes: Bytes<'_>, len: usize) -> Option<Step<'_>> {
    let via = via(bytes.u32(4)? >> 8);
    Some(Step::Wrapped(Component::Tunnel(via, Ends::of(&outer)), layer, bytes.skip(len)?))
}
