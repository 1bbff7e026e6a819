//! Takes the next step: reads the bytes at hand as the layer that they are.
//!
//! Every step is a pure function of its bytes. [`super::decoder`] goes from step to step and keeps what must be kept.

use super::bytes::Bytes;
use super::count::Kind;
use super::step::{Layer, Step};
use super::{Body, IpHeader, icmp, ip, link, mpls, neighbor, ppp, tcp, tunnel};

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
