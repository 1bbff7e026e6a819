//! What networks and capture tools do to packets, and what must not change a verdict.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::packet::{Body, FIN, Ip, Packet, Payload};
use super::script::{duration, parse};

#[derive(Clone, Debug)]
pub enum Transform {
    /// Control payload in segments of so many bytes.
    Split(usize),
    /// Every frame twice, the copy so many nanoseconds later.
    Duplicate(i64),
    /// Neighbouring frames less than a millisecond apart change places; the times stay.
    Swap,
    /// Segments between these ports in this direction are not captured.
    Deaf { from: u16, to: u16 },
    /// The sequence numbers of the control client start here.
    Renumber(u32),
    /// Frames of the first interface are written so many places later than they happened.
    Unsorted(usize),
    /// The first so many frames were not captured.
    Late(usize),
    /// A router between the first two interfaces: what comes in on one leaves on the other.
    Route,
    /// A bridge between them: the same, and TTL and MACs stay.
    Bridge,
    /// The same with NAT and an FTP helper: on the second interface the one address stands for the other.
    Nat { inside: IpAddr, outside: IpAddr },
}

/// What a router takes to forward a packet, in nanoseconds.
const FORWARDING: i64 = 200_000;

impl Transform {
    pub fn parse(words: &[&str]) -> Result<Self, String> {
        Ok(match words {
            ["split", size] => Self::Split(parse(size)?),
            ["duplicate", after] => Self::Duplicate(duration(after)?),
            ["swap"] => Self::Swap,
            ["deaf", from, ">", to] => Self::Deaf { from: parse(from)?, to: parse(to)? },
            ["renumber", isn] => Self::Renumber(parse(isn)?),
            ["unsorted", places] => Self::Unsorted(parse(places)?),
            ["late", frames] => Self::Late(parse(frames)?),
            ["route"] => Self::Route,
            ["bridge"] => Self::Bridge,
            ["nat", inside, outside] => Self::Nat { inside: parse(inside)?, outside: parse(outside)? },
            _ => return Err(format!("no transformation is written {}", words.join(" "))),
        })
    }

    pub fn apply(&self, packets: Vec<Packet>) -> Result<Vec<Packet>, String> {
        Ok(match *self {
            Self::Split(size) => packets.into_iter().flat_map(|packet| split(packet, size)).collect(),
            Self::Duplicate(after) => duplicate(&packets, after),
            Self::Swap => swap(packets),
            Self::Deaf { from, to } => packets.into_iter().filter(|p| !travels(p, from, to)).collect(),
            Self::Renumber(isn) => renumber(packets, isn),
            Self::Unsorted(places) => unsorted(packets, places),
            Self::Late(frames) if frames < packets.len() => packets.into_iter().skip(frames).collect(),
            Self::Route => forward(packets, |packet| packet, true),
            Self::Bridge => forward(packets, |packet| packet, false),
            Self::Nat { inside, outside } => forward(packets, |packet| translated(packet, inside, outside), true),
            Self::Late(frames) => return Err(format!("there are no {frames} frames to leave out")),
        })
    }
}

fn travels(packet: &Packet, from: u16, to: u16) -> bool {
    packet.tcp().is_some_and(|tcp| (from == 0 || tcp.source == from) && (to == 0 || tcp.destination == to))
}

/// The pieces lie 10 µs apart, so that the order of everything else stays.
fn split(packet: Packet, size: usize) -> Vec<Packet> {
    let control = travels(&packet, 21, 0) || travels(&packet, 0, 21);
    let Some(tcp) = packet.tcp().filter(|tcp| control && tcp.data.len() > size) else { return vec![packet] };
    let pieces: Vec<Vec<u8>> = tcp.data.chunks(size).map(<[u8]>::to_vec).collect();
    let last = pieces.len() - 1;
    let (mut seq, mut at) = (tcp.seq, packet.at);
    let mut out = Vec::new();
    for (index, data) in pieces.into_iter().enumerate() {
        let mut piece = packet.clone();
        piece.at = at;
        if index < last {
            piece.marks.clear();
        }
        let tcp = piece.tcp_mut().expect("a copy of a segment");
        let len = u32::try_from(data.len()).expect("short");
        (tcp.seq, tcp.data) = (seq, data);
        if index < last {
            tcp.flags &= !FIN;
        }
        seq = seq.wrapping_add(len);
        at += 10_000;
        out.push(piece);
    }
    out
}

fn duplicate(packets: &[Packet], after: i64) -> Vec<Packet> {
    let copy = |packet: &Packet| Packet { at: packet.at + after, ..packet.clone() };
    let mut out: Vec<Packet> = packets.iter().flat_map(|packet| [packet.clone(), copy(packet)]).collect();
    out.sort_by_key(|packet| packet.at);
    out
}

/// Every packet of the first two interfaces on both of them, unless it gets lost; `outside` is what it looks like on the
/// second one. What is routed gets other MACs and a lower TTL.
fn forward(packets: Vec<Packet>, outside: impl Fn(Packet) -> Packet, routed: bool) -> Vec<Packet> {
    let mut out = Vec::new();
    for packet in packets {
        let came = packet.interface;
        let crosses = matches!(packet.body, Body::Ip(_)) && came < 2;
        let seen = |packet: Packet| if packet.interface == 1 { outside(packet) } else { packet };
        if !crosses {
            out.push(packet);
            continue;
        }
        if !packet.lost {
            let mut left = Packet { at: packet.at + FORWARDING, interface: 1 - came, ..packet.clone() };
            left.marks.clear();
            if let (Body::Ip(ip), true) = (&mut left.body, routed) {
                left.from = [2, 0, 0, 0, 0xfe, u8::from(came == 0)];
                ip.ttl -= 1;
            }
            out.push(seen(left));
        }
        let to = if routed { [2, 0, 0, 0, 0xfe, u8::from(came == 1)] } else { packet.to };
        out.push(seen(Packet { to, ..packet }));
    }
    out.sort_by_key(|packet| packet.at);
    out
}

fn translated(mut packet: Packet, inside: IpAddr, outside: IpAddr) -> Packet {
    let Body::Ip(ip) = &mut packet.body else { return packet };
    for address in [&mut ip.source, &mut ip.destination] {
        if *address == inside {
            *address = outside;
        }
    }
    let Payload::Tcp(tcp) = &mut ip.payload else { return packet };
    let words = |address: IpAddr| address.to_string().replace('.', ",").into_bytes();
    let (old, new) = (words(inside), words(outside));
    assert_eq!(old.len(), new.len(), "a helper that keeps the numbers keeps the length");
    if let Some(at) = tcp.data.windows(old.len()).position(|part| part == old) {
        tcp.data[at..at + old.len()].copy_from_slice(&new);
    }
    packet
}

fn swap(mut packets: Vec<Packet>) -> Vec<Packet> {
    for pair in packets.chunks_mut(2) {
        if let [a, b] = pair
            && b.at - a.at <= 1_000_000
        {
            std::mem::swap(a, b);
            std::mem::swap(&mut a.at, &mut b.at);
        }
    }
    packets
}

/// Moves the sequence numbers of every client of port 21, and what acknowledges them; what began differently a little
/// further each, for equal numbers would be one connection seen twice.
fn renumber(mut packets: Vec<Packet>, isn: u32) -> Vec<Packet> {
    let mut offsets: BTreeMap<(IpAddr, u16), u32> = BTreeMap::new();
    let mut begun: Vec<u32> = Vec::new();
    for packet in &mut packets {
        let Body::Ip(Ip { source, destination, payload: Payload::Tcp(tcp), .. }) = &mut packet.body else { continue };
        if tcp.destination == 21 {
            let offset = offsets.entry((*source, tcp.source)).or_insert_with(|| {
                let place = begun.iter().position(|first| *first == tcp.seq).unwrap_or(begun.len());
                begun.push(tcp.seq);
                isn.wrapping_add(u32::try_from(place).expect("few clients")).wrapping_sub(tcp.seq)
            });
            tcp.seq = tcp.seq.wrapping_add(*offset);
        } else if tcp.source == 21
            && let Some(offset) = offsets.get(&(*destination, tcp.destination))
        {
            tcp.ack = tcp.ack.wrapping_add(*offset);
        }
    }
    packets
}

fn unsorted(packets: Vec<Packet>, places: usize) -> Vec<Packet> {
    let mut keyed: Vec<(usize, Packet)> = packets.into_iter().enumerate().collect();
    keyed.sort_by_key(|(index, packet)| index + if packet.interface == 0 { places } else { 0 });
    keyed.into_iter().map(|(_, packet)| packet).collect()
}
