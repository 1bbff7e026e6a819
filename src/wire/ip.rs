//! IPv4 and IPv6 headers, IPv6 extension headers.
//!
//! Length fields are believed where they can be true; where segmentation offload left them 0, the frame's end counts.

use std::net::IpAddr;

use etherparse::{
    IpAuthHeaderSlice, IpFragOffset, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, Ipv6RawExtHeaderSlice,
};

use super::bytes::Bytes;
use super::step::{Fragment, Layer, Step};
use super::{Body, IpHeader, tcp};

// Protocol numbers (IANA).
pub(super) const HOP_BY_HOP: u8 = 0;
pub(super) const ICMP: u8 = 1;
pub(super) const IPV4: u8 = 4;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const IPV6: u8 = 41;
pub(super) const ROUTING: u8 = 43;
pub(super) const FRAGMENT: u8 = 44;
pub(super) const GRE: u8 = 47;
pub(super) const ESP: u8 = 50;
pub(super) const AUTHENTICATION: u8 = 51;
pub(super) const ICMPV6: u8 = 58;
pub(super) const DESTINATION: u8 = 60;
pub(super) const MOBILITY: u8 = 135;
pub(super) const MPLS: u8 = 137;

/// An IP packet of either version.
pub(super) fn any(bytes: Bytes<'_>, tunnelled: bool) -> Option<Step<'_>> {
    match straight(bytes, tunnelled) {
        Step::Next(Layer::Ip, _) => None,
        step => Some(step),
    }
}

/// The same without a step between, for the segments whose [`super::Headers`] are not read in one: with options, behind two tags, on
/// other links. What cannot be read becomes a step of its own after all, which then knows what it is called.
#[inline]
pub(super) fn straight(bytes: Bytes<'_>, tunnelled: bool) -> Step<'_> {
    let (layer, read) = match bytes.u8(0).map(|byte| byte >> 4) {
        Some(4) => (Layer::Ipv4, v4(bytes, tunnelled)),
        Some(6) => (Layer::Ipv6, v6(bytes, tunnelled)),
        _ => (Layer::Ip, None),
    };
    read.unwrap_or(Step::Next(layer, bytes))
}

/// An IPv4 packet (RFC 791).
#[inline]
pub(super) fn v4(bytes: Bytes<'_>, tunnelled: bool) -> Option<Step<'_>> {
    let read = Ipv4HeaderSlice::from_slice(bytes.captured).ok()?;
    let header = IpHeader {
        source: IpAddr::V4(read.source_addr()),
        destination: IpAddr::V4(read.destination_addr()),
        ttl: read.ttl(),
        identification: Some(read.identification()),
        tunnelled,
    };
    let header_len = read.slice().len();
    let rest = bytes.skip(header_len)?;
    let rest = match usize::from(read.total_len()).checked_sub(header_len) {
        Some(len) => rest.limit(len),
        None => rest,
    };
    let protocol = read.protocol().0;
    Some(if read.is_fragmenting_payload() {
        let fragment = Fragment {
            identification: read.identification().into(),
            protocol,
            offset: byte_offset(read.fragments_offset()),
            more: read.more_fragments(),
            bytes: rest,
        };
        Step::Fragment(header, fragment)
    } else {
        packet(header, protocol, rest)
    })
}

/// An IPv6 packet (RFC 8200). Payload length 0 is a jumbogram or offload.
pub(super) fn v6(bytes: Bytes<'_>, tunnelled: bool) -> Option<Step<'_>> {
    let read = Ipv6HeaderSlice::from_slice(bytes.captured).ok()?;
    let header = IpHeader {
        source: IpAddr::V6(read.source_addr()),
        destination: IpAddr::V6(read.destination_addr()),
        ttl: read.hop_limit(),
        identification: None,
        tunnelled,
    };
    let rest = bytes.skip(read.slice().len())?;
    let rest = match read.payload_length() {
        0 => rest,
        len => rest.limit(len.into()),
    };
    Some(packet(header, read.next_header().0, rest))
}

/// Most packets are TCP segments, and for them alone it pays to read the payload at once. Malformed ones go the long
/// way round, where they are counted.
#[inline]
fn packet(header: IpHeader, protocol: u8, bytes: Bytes<'_>) -> Step<'_> {
    if protocol == TCP
        && let Some(segment) = tcp::segment(bytes)
    {
        return Step::Done(Body::Tcp(header, segment));
    }
    Step::Packet(header, protocol, bytes)
}

/// An extension header, or an authentication header in IPv4.
pub(super) fn extension(header: IpHeader, protocol: u8, bytes: Bytes<'_>) -> Option<Step<'_>> {
    let (next, rest) = after_extension(protocol, bytes)?;
    if protocol == FRAGMENT {
        let read = Ipv6FragmentHeaderSlice::from_slice(bytes.captured).ok()?;
        // An atomic fragment (RFC 6946) is a whole packet.
        if read.is_fragmenting_payload() {
            let fragment = Fragment {
                identification: read.identification(),
                protocol: next,
                offset: byte_offset(read.fragment_offset()),
                more: read.more_fragments(),
                bytes: rest,
            };
            return Some(Step::Fragment(header, fragment));
        }
    }
    Some(Step::Next(Layer::Payload(next), rest))
}

/// The protocol behind an extension header, and its bytes.
pub(super) fn after_extension(protocol: u8, bytes: Bytes<'_>) -> Option<(u8, Bytes<'_>)> {
    let (next, len) = match protocol {
        FRAGMENT => {
            let read = Ipv6FragmentHeaderSlice::from_slice(bytes.captured).ok()?;
            (read.next_header(), read.slice().len())
        }
        AUTHENTICATION => {
            let read = IpAuthHeaderSlice::from_slice(bytes.captured).ok()?;
            (read.next_header(), read.slice().len())
        }
        _ => {
            let read = Ipv6RawExtHeaderSlice::from_slice(bytes.captured).ok()?;
            (read.next_header(), read.slice().len())
        }
    };
    Some((next.0, bytes.skip(len)?))
}

fn byte_offset(offset: IpFragOffset) -> u32 {
    u32::from(offset.value()) * 8
}
