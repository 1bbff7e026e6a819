//! Turns frames into addressed segments, errors and address resolution: link layers, tunnels, IP fragments, TCP,
//! ICMP, ARP and ND.
//!
//! The only user of `etherparse`. Knows no connections and no FTP. Nothing is dropped for its checksum; what cannot
//! be decoded is counted by kind.

mod bytes;
mod checksum;
mod count;
mod decoder;
pub mod field;
mod fragment;
mod headers;
pub mod hello;
mod icmp;
mod ip;
mod layer;
mod link;
mod mac;
mod mpls;
mod neighbor;
mod ppp;
#[cfg(test)]
mod samples;
mod step;
mod tcp;
pub mod tls;
mod tunnel;
mod wrapping;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub use count::Undecoded;
pub use decoder::Decoder;
pub use fragment::{LostDatagram, LostFragments};
pub use headers::Headers;
pub use link::{Cooked, Opening, SLL_802_2, opening};

use crate::frame::Stamp;

/// A link-layer address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(pub [u8; 6]);

/// The VLANs and tunnels around a packet, interned: equal ids mean equal wrapping. Part of every flow key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Wrapping(pub u32);

impl Wrapping {
    /// Neither VLAN tag nor tunnel.
    pub const NONE: Self = Self(0);
}

/// What the link layer says. Absent where the link type has no such field (raw IP; SLL has no destination).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Source address of the outermost link header.
    pub source: Option<Mac>,
    /// Destination address of the outermost link header.
    pub destination: Option<Mac>,
    /// SLL2: the kernel's interface index.
    pub if_index: Option<u32>,
    /// SLL and SLL2: sent by the capturing host itself.
    pub outgoing: Option<bool>,
}

/// The fields of an IP header that diagnosis needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpHeader {
    /// Source address.
    pub source: IpAddr,
    /// Destination address.
    pub destination: IpAddr,
    /// TTL or hop limit.
    pub ttl: u8,
    /// IPv4 identification.
    pub identification: Option<u16>,
    /// Whether the packet came in a tunnel that carries IP: the link addresses around it are the tunnel's. A tunnel that
    /// carries frames (VXLAN, ERSPAN) brings their own.
    pub tunnelled: bool,
}

/// A TCP sequence number; compare only through [`crate::flow::seq`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Seq(pub u32);

/// TCP flags (RFC 9293 3.1), FIN in bit 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// FIN
    pub const FIN: u8 = 0x01;
    /// SYN
    pub const SYN: u8 = 0x02;
    /// RST
    pub const RST: u8 = 0x04;
    /// PSH
    pub const PSH: u8 = 0x08;
    /// ACK
    pub const ACK: u8 = 0x10;
    /// URG
    pub const URG: u8 = 0x20;

    /// Whether all of `mask` is set.
    pub fn has(self, mask: u8) -> bool {
        self.0 & mask == mask
    }
}

/// The options of a TCP header that diagnosis needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// Maximum segment size.
    pub mss: Option<u16>,
    /// Window scale shift.
    pub window_scale: Option<u8>,
    /// `(TSval, TSecr)`, RFC 7323.
    pub timestamps: Option<(u32, u32)>,
    /// SACK permitted.
    pub sack_permitted: bool,
    /// The option kinds in their order, four bits each, first one lowest: tells stacks apart.
    pub layout: u32,
}

/// What became of a TCP checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// It verifies.
    Valid,
    /// It does not (or was left to the network card).
    Bad,
    /// The segment is cut or reassembled from incomplete fragments.
    Unknown,
}

/// A TCP segment.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    /// Source port.
    pub source_port: u16,
    /// Destination port.
    pub destination_port: u16,
    /// Sequence number of the first byte.
    pub seq: Seq,
    /// Acknowledgement number; meaningless without ACK.
    pub ack: Seq,
    /// Flags.
    pub flags: Flags,
    /// Window, unscaled; 65535 if the header was cut before it, so that nobody takes it for a closed one.
    pub window: u16,
    /// Options.
    pub options: Options,
    /// The captured part of the payload.
    pub payload: &'a [u8],
    /// Length of the payload on the wire in bytes.
    pub payload_len: u32,
    /// The whole captured segment, header first: what the checksum is computed over.
    pub raw: &'a [u8],
}

/// A TCP segment that an ICMP error quotes: what its first 8 bytes tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Source of the quoted segment.
    pub source: SocketAddr,
    /// Destination of the quoted segment.
    pub destination: SocketAddr,
    /// Its sequence number.
    pub seq: Seq,
}

/// An ICMP or ICMPv6 error about a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    /// Type.
    pub kind: u8,
    /// Code.
    pub code: u8,
    /// ICMPv6 rather than ICMP.
    pub v6: bool,
    /// The segment it is about.
    pub quoted: Quoted,
}

/// ARP operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArpOperation {
    /// who-has
    Request,
    /// is-at
    Reply,
}

/// An ARP packet for IPv4 over Ethernet (RFC 826).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arp {
    /// Operation.
    pub operation: ArpOperation,
    /// SHA
    pub sender_mac: Mac,
    /// SPA; 0.0.0.0 in a probe (RFC 5227).
    pub sender_ip: Ipv4Addr,
    /// THA
    pub target_mac: Mac,
    /// TPA
    pub target_ip: Ipv4Addr,
}

/// An IPv6 neighbour discovery message (RFC 4861).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighborDiscovery {
    /// Solicitation or advertisement.
    pub kind: NdKind,
    /// IPv6 source of the packet; `::` in duplicate address detection.
    pub sender: Ipv6Addr,
    /// The address asked for or advertised.
    pub target: Ipv6Addr,
    /// Source or target link-layer address option.
    pub link_address: Option<Mac>,
    /// Advertisement: the override flag.
    pub override_flag: bool,
    /// Advertisement: the router flag.
    pub router: bool,
}

/// Kind of a neighbour discovery message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NdKind {
    /// Neighbour solicitation
    Solicitation,
    /// Neighbour advertisement
    Advertisement,
}

/// What a frame carries, as far as diagnosis cares.
#[derive(Clone, Copy, Debug)]
pub enum Body<'a> {
    /// A TCP segment.
    Tcp(IpHeader, Segment<'a>),
    /// An ICMP error about a TCP segment.
    Icmp(IpHeader, IcmpError),
    /// Address resolution.
    Arp(Arp),
    /// IPv6 address resolution.
    Nd(IpHeader, NeighborDiscovery),
    /// Any other IP packet: tells who uses which address.
    OtherIp(IpHeader),
    /// A fragment that is waiting for its siblings.
    Fragment(IpHeader),
    /// Neither IP nor ARP, or not decodable (then it was counted).
    Nothing,
}

/// A decoded frame.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// The outermost link header.
    pub link: Link,
    /// VLANs and tunnels around the body.
    pub wrapping: Wrapping,
    /// The body.
    pub body: Body<'a>,
    /// Earlier frames whose fragments complete this body, oldest first.
    pub fragments: &'a [Stamp],
}
