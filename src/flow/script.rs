//! Packet scripts for unit tests: those of the test kit (`fixtures/README.md` is their manual), pushed into a table.
//!
//! ```text
//! =0.003s S:20 > C:5001 S seq=1000
//! =0.005s C:5001 > S:20 A seq=9001 ack=1001 len=6 ttl=63 id=7 ts=1/0 win=0 on=if1
//! ```
//!
//! The hosts `C` and `S` and the interfaces `if0` to `if2` are there already. Each packet is a frame, numbered from 1.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::kit::packet::{Body, Ip, Packet, Payload};
use super::kit::script::{Playing, START};
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
    #[expect(clippy::cast_possible_truncation, reason = "scripts last minutes")]
    Stamp::new(CaptureId(0), FrameNo(number), Timestamp((seconds * 1e9).round() as i64))
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

/// What every script begins with.
const PREAMBLE: &str = "interface if0\ninterface if1\ninterface if2\n\
    host C 10.0.0.10 02:00:00:00:00:01\nhost S 10.0.0.21 02:00:00:00:00:01\n";

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
    /// The TCP segment `packet`, which is the frame with this number.
    fn of(packet: Packet, number: u64) -> Self {
        let Packet { at, interface, from, vlan, body, .. } = packet;
        let Body::Ip(Ip { source, destination, ttl, id, payload: Payload::Tcp(tcp), .. }) = body else {
            panic!("a segment")
        };
        let ends = (SocketAddr::new(source, tcp.source), SocketAddr::new(destination, tcp.destination));
        // Behind padding, as stacks write it.
        let timestamps = tcp.options.windows(10).find(|option| option.starts_with(&[8, 10])).map(|option| {
            let [value, echo] = [&option[2..6], &option[6..]].map(|bytes| bytes.try_into().expect("4 bytes"));
            (u32::from_be_bytes(value), u32::from_be_bytes(echo))
        });
        let options = Options { timestamps, ..Options::default() };
        Self {
            at: Stamp::new(CaptureId(0), FrameNo(number), Timestamp(at - START)),
            interface: InterfaceId(u32::try_from(interface).expect("few")),
            wrapping: vlan.map_or(Wrapping::NONE, |vlan| Wrapping(vlan.into())),
            link: Link { source: Some(Mac(from)), ..Link::default() },
            ip: IpHeader { source, destination, ttl, identification: Some(id), tunnelled: false },
            header: [0; 20],
            payload: tcp.data,
            cut: 0,
            fields: (ends.0, ends.1, Seq(tcp.seq), Seq(tcp.ack), Flags(tcp.flags), tcp.window, options),
        }
    }

    /// Gives it another source port.
    pub fn speak_from(&mut self, port: u16) {
        self.fields.0.set_port(port);
    }

    /// So many bytes at its end were not captured.
    pub fn cut(&mut self, bytes: usize) {
        self.cut = bytes;
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

/// The frames of a script.
pub fn frames(script: &str) -> Vec<Scripted> {
    let packets = Playing::new().read(&format!("{PREAMBLE}{script}")).unwrap_or_else(|error| panic!("{error}"));
    (1..).zip(packets).map(|(number, packet)| Scripted::of(packet, number)).collect()
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
