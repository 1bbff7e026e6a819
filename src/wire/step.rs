//! The steps of taking a frame apart: how the bytes at hand are to be read, and what reading them yields.

use super::bytes::Bytes;
use super::count::Kind;
use super::wrapping::Component;
use super::{Body, IpHeader};

/// How the bytes at hand are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    /// An Ethernet header.
    Ethernet,
    /// What an EtherType announces.
    EtherType(u16),
    /// An IEEE 802.2 header.
    Llc,
    /// A PPP frame, with or without address and control.
    Ppp,
    /// A PPPoE session header.
    Pppoe,
    /// An MPLS label stack.
    Mpls,
    /// An ARP packet.
    Arp,
    /// An IP packet of the version its first nibble tells.
    Ip,
    /// An IPv4 packet.
    Ipv4,
    /// An IPv6 packet.
    Ipv6,
    /// The payload of the last IP header, or an extension header before it, by its protocol number.
    Payload(u8),
}

/// What reading a layer yields.
#[derive(Debug)]
pub(super) enum Step<'a> {
    /// Another layer.
    Next(Layer, Bytes<'a>),
    /// The payload of an IP packet, by its protocol number.
    Packet(IpHeader, u8, Bytes<'a>),
    /// Another layer inside a VLAN or tunnel.
    Wrapped(Component, Layer, Bytes<'a>),
    /// A fragment of an IP packet.
    Fragment(IpHeader, Fragment<'a>),
    /// The end.
    Done(Body<'a>),
    /// The end: what follows cannot be decoded, and what is known without it.
    Undecoded(Kind, Body<'a>),
}

/// One fragment as its header describes it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    /// Identification.
    pub identification: u32,
    /// Protocol of the datagram's payload, or the first extension header of it.
    pub protocol: u8,
    /// Offset of the first byte.
    pub offset: u32,
    /// Whether this is not the last one.
    pub more: bool,
    /// Its bytes.
    pub bytes: Bytes<'a>,
}
