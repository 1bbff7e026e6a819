//! Sequence and acknowledgement numbers that a script does not have to spell out.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::packet::{ACK, Packet, SYN, Tcp};

/// One direction of one 5-tuple, over all its incarnations.
#[derive(Clone, Debug, Default)]
pub struct Direction {
    /// The next sequence number to be sent.
    pub next: u32,
    /// What the peer will acknowledge: `next`, unless segments were lost on the way.
    pub arrived: u32,
    /// `next` as it was when the present incarnation began.
    pub old: u32,
    /// Whether a SYN of this incarnation offered timestamps.
    pub timestamps: bool,
    /// The last TSval sent.
    pub clock: u32,
    /// The last packet sent.
    pub last: Option<Packet>,
}

/// All directions ever seen, by sender and receiver.
#[derive(Clone, Debug, Default)]
pub struct Book {
    directions: BTreeMap<(SocketAddr, SocketAddr), Direction>,
    incarnations: u32,
}

impl Book {
    pub fn direction(&mut self, from: SocketAddr, to: SocketAddr) -> &mut Direction {
        self.directions.entry((from, to)).or_default()
    }

    /// An initial sequence number: the same in every run, larger than those before it (of some thousands).
    pub fn initial(&mut self) -> u32 {
        self.incarnations += 1;
        0x1000_0000_u32.wrapping_add(self.incarnations.wrapping_mul(0x0011_2233))
    }

    /// Books a segment that is being sent.
    pub fn sent(&mut self, from: SocketAddr, to: SocketAddr, packet: &Packet, lost: bool) {
        let Some(tcp) = packet.tcp() else { return };
        let end = tcp.seq.wrapping_add(tcp.span());
        if tcp.flags & (SYN | ACK) == SYN {
            for (a, b) in [(from, to), (to, from)] {
                let direction = self.direction(a, b);
                direction.old = direction.next;
            }
        }
        let direction = self.direction(from, to);
        if tcp.flags & SYN != 0 {
            direction.next = end;
            direction.arrived = end;
        } else if is_ahead(end, direction.next) && tcp.flags & 0x04 == 0 {
            direction.next = end;
            if !lost {
                direction.arrived = end;
            }
        }
        direction.last = Some(packet.clone());
    }
}

fn is_ahead(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000_0000
}

/// How a host's stack writes its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// MSS and nothing else, as of old.
    Plain,
    /// MSS, SACK, timestamps, window scale, in Linux's order.
    Linux,
    /// MSS, window scale, SACK; no timestamps.
    Windows,
}

impl Stack {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "plain" => Self::Plain,
            "linux" => Self::Linux,
            "windows" => Self::Windows,
            _ => return None,
        })
    }

    /// The options of a SYN or SYN-ACK.
    pub fn syn_options(self, timestamps: Option<(u32, u32)>) -> Vec<u8> {
        let mut out = vec![2, 4, 0x05, 0xb4];
        match (self, timestamps) {
            (Self::Plain, None) => {}
            (Self::Windows, None) => out.extend([1, 3, 3, 8, 1, 1, 4, 2]),
            (Self::Linux, None) => out.extend([1, 1, 4, 2, 1, 3, 3, 7]),
            (_, Some(pair)) => {
                out.extend([4, 2, 8, 10]);
                out.extend(timestamp_value(pair));
                out.extend([1, 3, 3, 7]);
            }
        }
        out
    }
}

/// The options of any later segment.
pub fn timestamp_options(pair: (u32, u32)) -> Vec<u8> {
    [&[1, 1, 8, 10][..], &timestamp_value(pair)].concat()
}

fn timestamp_value((value, echo): (u32, u32)) -> Vec<u8> {
    [value.to_be_bytes(), echo.to_be_bytes()].concat()
}

/// Flags as scripts write them: `S SA A F R RA PA`; F means FIN,ACK, as captures have it.
pub fn parse_flags(token: &str) -> Option<u8> {
    let mut flags = 0;
    for letter in token.chars() {
        flags |= match letter {
            'S' => SYN,
            'A' => ACK,
            'F' => 0x01 | ACK,
            'R' => 0x04,
            'P' => 0x08 | ACK,
            'U' => 0x20,
            _ => return None,
        };
    }
    (!token.is_empty()).then_some(flags)
}

impl Tcp {
    pub fn has(&self, flags: u8) -> bool {
        self.flags & flags == flags
    }
}
