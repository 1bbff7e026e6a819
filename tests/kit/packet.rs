//! Packets as values, and their bytes with correct lengths and checksums.
//!
//! Structured until the very end, so that transformations can split a segment or renumber a stream.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub type Mac = [u8; 6];
pub const BROADCAST: Mac = [0xff; 6];

/// How the first header of a frame is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    Ethernet,
    Sll,
    Sll2,
    Raw,
    Null,
    Loop,
    Ppp,
    /// A number of which nobody knows anything; the frame is written as raw IP.
    Unknown,
}

impl Link {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "ethernet" => Self::Ethernet,
            "sll" => Self::Sll,
            "sll2" => Self::Sll2,
            "raw" => Self::Raw,
            "null" => Self::Null,
            "loop" => Self::Loop,
            "ppp" => Self::Ppp,
            "unknown" => Self::Unknown,
            _ => return None,
        })
    }

    /// LINKTYPE_* of the tcpdump registry.
    pub fn number(self) -> u32 {
        match self {
            Self::Null => 0,
            Self::Ethernet => 1,
            Self::Ppp => 9,
            Self::Raw => 101,
            Self::Loop => 108,
            Self::Sll => 113,
            Self::Unknown => 147,
            Self::Sll2 => 276,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Packet {
    /// Nanoseconds since the epoch.
    pub at: i64,
    pub interface: usize,
    pub from: Mac,
    pub to: Mac,
    pub vlan: Option<u16>,
    pub body: Body,
    /// Whether it never reaches its receiver.
    pub lost: bool,
    /// Names that expectations use for it.
    pub marks: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Body {
    Ip(Ip),
    /// ARP, everything behind the Ethernet header.
    Arp(Vec<u8>),
    /// A whole frame, link header included.
    Frame(Vec<u8>),
}

#[derive(Clone, Debug)]
pub struct Ip {
    pub source: IpAddr,
    pub destination: IpAddr,
    pub ttl: u8,
    pub id: u16,
    pub payload: Payload,
    /// Only this part of the payload, as a fragment.
    pub fragment: Option<Fragment>,
}

#[derive(Clone, Copy, Debug)]
pub struct Fragment {
    pub start: usize,
    pub end: usize,
    pub more: bool,
}

#[derive(Clone, Debug)]
pub enum Payload {
    Tcp(Tcp),
    Udp {
        source: u16,
        destination: u16,
        data: Vec<u8>,
    },
    /// ICMP or ICMPv6: type, code, everything behind the checksum.
    Icmp {
        kind: u8,
        code: u8,
        rest: Vec<u8>,
    },
}

#[derive(Clone, Debug)]
pub struct Tcp {
    pub source: u16,
    pub destination: u16,
    pub seq: u32,
    pub ack: u32,
    pub flags: u8,
    pub window: u16,
    pub urgent: u16,
    pub options: Vec<u8>,
    pub data: Vec<u8>,
    pub bad_checksum: bool,
}

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;
pub const URG: u8 = 0x20;

impl Packet {
    pub fn tcp(&self) -> Option<&Tcp> {
        let Body::Ip(Ip { payload: Payload::Tcp(tcp), .. }) = &self.body else { return None };
        Some(tcp)
    }

    pub fn tcp_mut(&mut self) -> Option<&mut Tcp> {
        let Body::Ip(Ip { payload: Payload::Tcp(tcp), .. }) = &mut self.body else { return None };
        Some(tcp)
    }

    /// The frame as it lies in a capture of this link type.
    pub fn bytes(&self, link: Link) -> Vec<u8> {
        let (ether_type, body) = match &self.body {
            Body::Frame(bytes) => return bytes.clone(),
            Body::Arp(bytes) => (0x0806, bytes.clone()),
            Body::Ip(ip) => (if ip.source.is_ipv4() { 0x0800 } else { 0x86dd }, ip.bytes()),
        };
        let mut out = match link {
            Link::Ethernet => self.ethernet_header(ether_type),
            Link::Sll => self.sll_header(ether_type),
            Link::Sll2 => self.sll2_header(ether_type),
            Link::Raw | Link::Unknown => Vec::new(),
            Link::Null => family(ether_type).to_le_bytes().to_vec(),
            Link::Loop => family(ether_type).to_be_bytes().to_vec(),
            Link::Ppp => vec![0xff, 0x03, 0x00, if ether_type == 0x0800 { 0x21 } else { 0x57 }],
        };
        out.extend(body);
        if link == Link::Ethernet && out.len() < 60 {
            out.resize(60, 0);
        }
        out
    }

    fn ethernet_header(&self, ether_type: u16) -> Vec<u8> {
        let mut out = [self.to, self.from].concat();
        if let Some(vlan) = self.vlan {
            out.extend([0x81, 0x00]);
            out.extend(vlan.to_be_bytes());
        }
        out.extend(ether_type.to_be_bytes());
        out
    }

    fn sll_header(&self, ether_type: u16) -> Vec<u8> {
        let mut out = vec![0, u8::from(self.to == BROADCAST), 0, 1, 0, 6];
        out.extend(self.from);
        out.extend([0, 0]);
        out.extend(ether_type.to_be_bytes());
        out
    }

    fn sll2_header(&self, ether_type: u16) -> Vec<u8> {
        let mut out = ether_type.to_be_bytes().to_vec();
        out.extend([0, 0]);
        out.extend((u32::try_from(self.interface).unwrap_or(0) + 1).to_be_bytes());
        out.extend([0, 1, u8::from(self.to == BROADCAST), 6]);
        out.extend(self.from);
        out.extend([0, 0]);
        out
    }
}

/// BSD address families, as NULL and LOOP carry them.
fn family(ether_type: u16) -> u32 {
    if ether_type == 0x0800 { 2 } else { 24 }
}

impl Ip {
    /// Header and payload, or one fragment of it.
    pub fn bytes(&self) -> Vec<u8> {
        let whole = self.payload_bytes();
        let part = self.fragment.map_or(&whole[..], |f| &whole[f.start..f.end.min(whole.len())]);
        let mut out = match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => self.v4_header(source, destination, part.len()),
            (IpAddr::V6(source), IpAddr::V6(destination)) => self.v6_header(source, destination, part.len()),
            (source, destination) => panic!("{source} cannot talk to {destination}"),
        };
        out.extend(part);
        out
    }

    fn v4_header(&self, source: Ipv4Addr, destination: Ipv4Addr, len: usize) -> Vec<u8> {
        let mut out = vec![0x45, 0];
        out.extend(u16::try_from(len + 20).expect("an IP packet of at most 64 KiB").to_be_bytes());
        out.extend(self.id.to_be_bytes());
        let flags = match self.fragment {
            None => 0x4000,
            Some(f) => u16::try_from(f.start / 8).expect("a fragment offset") | if f.more { 0x2000 } else { 0 },
        };
        out.extend(flags.to_be_bytes());
        out.extend([self.ttl, self.protocol(), 0, 0]);
        out.extend(source.octets());
        out.extend(destination.octets());
        let sum = checksum(&[&out]);
        out[10..12].copy_from_slice(&sum.to_be_bytes());
        out
    }

    fn v6_header(&self, source: Ipv6Addr, destination: Ipv6Addr, len: usize) -> Vec<u8> {
        let mut out = vec![0x60, 0, 0, 0];
        out.extend(u16::try_from(len).expect("an IP packet of at most 64 KiB").to_be_bytes());
        out.extend([self.protocol(), self.ttl]);
        out.extend(source.octets());
        out.extend(destination.octets());
        out
    }

    fn protocol(&self) -> u8 {
        match self.payload {
            Payload::Tcp(_) => 6,
            Payload::Udp { .. } => 17,
            Payload::Icmp { .. } => {
                if self.source.is_ipv4() {
                    1
                } else {
                    58
                }
            }
        }
    }

    fn payload_bytes(&self) -> Vec<u8> {
        match &self.payload {
            Payload::Tcp(tcp) => {
                let mut out = tcp.header();
                out.extend(&tcp.data);
                let sum = checksum(&[&self.pseudo_header(out.len()), &out]);
                let sum = if tcp.bad_checksum { sum ^ 0x5a5a } else { sum };
                out[16..18].copy_from_slice(&sum.to_be_bytes());
                out
            }
            Payload::Udp { source, destination, data } => {
                let len = u16::try_from(data.len() + 8).expect("a UDP datagram of at most 64 KiB");
                let mut out = [*source, *destination, len, 0].map(u16::to_be_bytes).concat();
                out.extend(data);
                let sum = checksum(&[&self.pseudo_header(out.len()), &out]);
                out[6..8].copy_from_slice(&sum.to_be_bytes());
                out
            }
            Payload::Icmp { kind, code, rest } => {
                let mut out = vec![*kind, *code, 0, 0];
                out.extend(rest);
                let pseudo = if self.source.is_ipv4() { Vec::new() } else { self.pseudo_header(out.len()) };
                let sum = checksum(&[&pseudo, &out]);
                out[2..4].copy_from_slice(&sum.to_be_bytes());
                out
            }
        }
    }

    fn pseudo_header(&self, len: usize) -> Vec<u8> {
        let len = u32::try_from(len).expect("a short payload").to_be_bytes();
        match (self.source, self.destination) {
            (IpAddr::V4(a), IpAddr::V4(b)) => [&a.octets()[..], &b.octets(), &[0, self.protocol()], &len[2..]].concat(),
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                [&a.octets()[..], &b.octets(), &len, &[0, 0, 0, self.protocol()]].concat()
            }
            (a, b) => panic!("{a} cannot talk to {b}"),
        }
    }
}

impl Tcp {
    fn header(&self) -> Vec<u8> {
        let mut out = [self.source, self.destination].map(u16::to_be_bytes).concat();
        out.extend(self.seq.to_be_bytes());
        out.extend(self.ack.to_be_bytes());
        let words = u8::try_from(5 + self.options.len().div_ceil(4)).expect("at most 40 bytes of options");
        out.extend([words << 4, self.flags]);
        out.extend(self.window.to_be_bytes());
        out.extend([0, 0]);
        out.extend(self.urgent.to_be_bytes());
        out.extend(&self.options);
        out.resize(usize::from(words) * 4, 1);
        out
    }

    /// How far the segment moves its sender's sequence number.
    pub fn span(&self) -> u32 {
        u32::try_from(self.data.len()).expect("a short segment")
            + u32::from(self.flags & SYN != 0)
            + u32::from(self.flags & FIN != 0)
    }
}

/// The Internet checksum over the parts, each of which but the last has even length.
pub(super) fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0_u32;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).expect("folded")
}
