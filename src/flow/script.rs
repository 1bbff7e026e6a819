//! Packet scripts for tests, in the notation of the packet lists they are taken from:
//!
//! ```text
//! 0.003 S:20>C:5001 S seq=1000
//! 0.005 C:5001>S:20 A seq=9001 ack=1001 len=6 ttl=63 id=7 ts=1/0 win=0 if=1
//! ```
//!
//! Flags are `S`, `SA`, `A`, `F` (FIN and ACK), `R`, `RA`. Each line is a frame, numbered from 1; without `id=` every
//! frame has its own IP identification.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::table::{Booked, Table};
use super::{Connection, FlowKey};
use crate::frame::{CaptureId, FrameNo, InterfaceId, Stamp, Timestamp};
use crate::wire::{Checksum, Flags, IpHeader, Link, Mac, Options, Segment, Seq, Wrapping};

/// The client.
pub const C: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 10));
/// The server.
pub const S: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 21));

/// The stamp of frame `number` at `seconds`.
pub fn stamp(number: u64, seconds: f64) -> Stamp {
    Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0).plus_seconds(seconds))
}

/// A segment of a control connection.
pub fn segment(seq: u32, ack: u32, flags: u8, payload: &[u8]) -> Segment<'_> {
    Segment {
        source_port: 0,
        destination_port: 0,
        seq: Seq(seq),
        ack: Seq(ack),
        flags: Flags(flags),
        window: 1000,
        options: Options::default(),
        payload,
        payload_len: u32::try_from(payload.len()).expect("short"),
        raw: &[],
    }
}

/// The client's data port against the server's port 20.
pub fn data_key() -> FlowKey {
    FlowKey::new(Wrapping::NONE, SocketAddr::new(S, 20), SocketAddr::new(C, 5001))
}

/// A frame of a script.
#[derive(Clone, Debug)]
pub struct Scripted {
    pub at: Stamp,
    pub interface: InterfaceId,
    pub wrapping: Wrapping,
    pub link: Link,
    pub ip: IpHeader,
    header: [u8; 20],
    payload: Vec<u8>,
    cut: usize,
    fields: (SocketAddr, SocketAddr, Seq, Seq, Flags, u16, Options),
}

impl Scripted {
    fn parse(number: u64, line: &str) -> Self {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, route, flags, rest @ ..] = words.as_slice() else { panic!("too short: {line}") };
        let (source, destination) = route.split_once('>').expect(line);
        let flags = Flags(match *flags {
            "S" => Flags::SYN,
            "SA" => Flags::SYN | Flags::ACK,
            "A" => Flags::ACK,
            "F" => Flags::FIN | Flags::ACK,
            "R" => Flags::RST,
            "RA" => Flags::RST | Flags::ACK,
            other => panic!("unknown flags {other}: {line}"),
        });
        let (source, destination) = (socket(source), socket(destination));
        let mut scripted = Self {
            at: stamp(number, time.parse().expect(line)),
            interface: InterfaceId(0),
            wrapping: Wrapping::NONE,
            link: Link { source: Some(Mac([2, 0, 0, 0, 0, 1])), ..Link::default() },
            ip: IpHeader {
                source: source.ip(),
                destination: destination.ip(),
                ttl: 64,
                identification: u16::try_from(number).ok(),
                tunnelled: false,
            },
            header: [0; 20],
            payload: Vec::new(),
            cut: 0,
            fields: (source, destination, Seq(0), Seq(0), flags, 1000, Options::default()),
        };
        for word in rest {
            let (name, value) = word.split_once('=').expect(line);
            let number = || value.parse::<u32>().unwrap_or_else(|_| panic!("{word} in {line}"));
            match name {
                "seq" => scripted.fields.2 = Seq(number()),
                "ack" => scripted.fields.3 = Seq(number()),
                "len" => scripted.payload = vec![b'x'; number() as usize],
                "text" => scripted.payload = value.as_bytes().to_vec(),
                "cut" => scripted.cut = number() as usize,
                "ttl" => scripted.ip.ttl = u8::try_from(number()).expect(line),
                "id" => scripted.ip.identification = u16::try_from(number()).ok(),
                "win" => scripted.fields.5 = u16::try_from(number()).expect(line),
                "if" => scripted.interface = InterfaceId(number()),
                "vlan" => scripted.wrapping = Wrapping(number()),
                "ts" => {
                    let (val, echo) = value.split_once('/').expect(line);
                    scripted.fields.6.timestamps = Some((val.parse().expect(line), echo.parse().expect(line)));
                }
                other => panic!("unknown field {other}: {line}"),
            }
        }
        scripted
    }

    /// Gives it another source port.
    pub fn speak_from(&mut self, port: u16) {
        self.fields.0.set_port(port);
    }

    /// The segment it carries.
    pub fn segment(&self) -> Segment<'_> {
        let (source, destination, seq, ack, flags, window, options) = self.fields;
        Segment {
            source_port: source.port(),
            destination_port: destination.port(),
            seq,
            ack,
            flags,
            window,
            options,
            payload: &self.payload[..self.payload.len() - self.cut],
            payload_len: u32::try_from(self.payload.len()).expect("short"),
            raw: &self.header,
        }
    }
}

fn socket(word: &str) -> SocketAddr {
    let (host, port) = word.split_once(':').expect(word);
    let ip = match host {
        "C" => C,
        "S" => S,
        other => other.parse().expect(word),
    };
    SocketAddr::new(ip, port.parse().expect(word))
}

/// The frames of a script.
pub fn frames(script: &str) -> Vec<Scripted> {
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    (1..).zip(lines).map(|(number, line)| Scripted::parse(number, line)).collect()
}

/// A table into which a script was pushed, and where each frame was booked.
pub struct Played {
    pub table: Table,
    pub booked: Vec<Booked>,
}

/// Pushes a script into a new table, in the order of its lines.
pub fn play(script: &str) -> Played {
    let mut played = Played { table: Table::new(|_, _| Checksum::Valid), booked: Vec::new() };
    for frame in frames(script) {
        played.push(&frame);
    }
    played
}

impl Played {
    pub fn push(&mut self, frame: &Scripted) {
        let Scripted { at, interface, wrapping, link, ip, .. } = frame;
        self.booked.push(self.table.push(*at, *interface, link, *wrapping, ip, &frame.segment()));
    }

    /// All incarnations of the data tuple, oldest first.
    pub fn data(&self) -> Vec<&Connection> {
        self.table.history(&data_key()).collect()
    }

    /// The only incarnation of the data tuple.
    pub fn only(&self) -> &Connection {
        let all = self.data();
        assert_eq!(all.len(), 1, "one incarnation");
        all[0]
    }
}
