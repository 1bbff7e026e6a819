//! The steps of taking a frame apart: how the bytes at hand are to be read, and what reading them yields.
//!
//! Every step is a pure function of its bytes. [`super::decoder`] goes from step to step and keeps what must be kept.

use super::bytes::Bytes;
use super::count::Kind;
use super::fragment::Fragment;
use super::wrapping::Component;
use super::{Body, IpHeader, icmp, ip, link, mpls, neighbor, ppp, tcp, tunnel};

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

impl Layer {
    /// Reads the bytes; `None` if the header does not fit into them or is malformed. `ip` is the last IP header, and
    /// `tunnelled` goes into the next one.
    #[inline]
    pub fn read<'a>(self, bytes: Bytes<'a>, ip: Option<&IpHeader>, tunnelled: bool) -> Option<Step<'a>> {
        match self {
            Self::Ethernet => link::ethernet(bytes, tunnelled),
            Self::EtherType(ether_type) => link::ether_type(ether_type, bytes, tunnelled),
            Self::Llc => link::llc(bytes),
            Self::Ppp => ppp::frame(bytes),
            Self::Pppoe => ppp::session(bytes),
            Self::Mpls => mpls::stack(bytes),
            Self::Arp => neighbor::arp(bytes),
            Self::Ip => ip::any(bytes, tunnelled),
            Self::Ipv4 => ip::v4(bytes, tunnelled),
            Self::Ipv6 => ip::v6(bytes, tunnelled),
            Self::Payload(protocol) => payload(*ip?, protocol, bytes),
        }
    }

    /// The name of the header that could not be read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ethernet | Self::EtherType(_) => "Ethernet",
            Self::Llc => "LLC",
            Self::Ppp => "PPP",
            Self::Pppoe => "PPPoE",
            Self::Mpls => "MPLS",
            Self::Arp => "ARP",
            Self::Ip => "IP",
            Self::Ipv4 => "IPv4",
            Self::Ipv6 => "IPv6",
            Self::Payload(ip::TCP) => "TCP",
            Self::Payload(ip::GRE) => "GRE",
            Self::Payload(_) => "IP extension",
        }
    }
}

/// Reads what an IP packet carries.
fn payload(header: IpHeader, protocol: u8, bytes: Bytes<'_>) -> Option<Step<'_>> {
    match protocol {
        ip::TCP => Some(Step::Done(Body::Tcp(header, tcp::segment(bytes)?))),
        ip::UDP => Some(tunnel::udp(header, bytes)),
        ip::ICMP | ip::ICMPV6 => Some(Step::Done(icmp::message(header, protocol, bytes))),
        ip::IPV4 | ip::IPV6 => Some(tunnel::ip_in_ip(header, bytes)),
        ip::GRE => tunnel::gre(header, bytes),
        ip::MPLS => Some(tunnel::mpls_in_ip(header, bytes)),
        ip::ESP => Some(Step::Undecoded(Kind::Encapsulation("ESP"), Body::OtherIp(header))),
        ip::AUTHENTICATION => ip::extension(header, protocol, bytes),
        ip::HOP_BY_HOP | ip::ROUTING | ip::FRAGMENT | ip::DESTINATION | ip::MOBILITY if header.source.is_ipv6() => {
            ip::extension(header, protocol, bytes)
        }
        _ => Some(Step::Done(Body::OtherIp(header))),
    }
}
