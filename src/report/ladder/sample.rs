//! The trace of the sample session: a LIST that works, the same port again 10 s later, and an ICMP error.

use std::net::{IpAddr, SocketAddr};

use crate::finding::TransferId;
use crate::frame::{Stamp, Timestamp};
use crate::record::trace::{
    ConnectionTrace, DialogueEvent, DialogueLine, DialogueSide, Does, Packet, Part, Peer, TimeWait, Trace,
};
use crate::report::testing::{at, client, server};

/// The trace of `Sample::collision`'s session. `text` stands in for every text of a stranger, if it is given.
pub(in crate::report) fn trace(text: Option<&str>) -> Trace {
    let said = |own: &str| text.unwrap_or(own).to_owned();
    let line = |at, by, said| DialogueLine { at, by: Some(by), said };
    let command = |at, own| line(at, DialogueSide::Client, DialogueEvent::Command(said(own)));
    let reply = |at, code, own, more: &[&str]| {
        let more = more.iter().map(|own| said(own)).collect();
        line(at, DialogueSide::Server, DialogueEvent::Reply { code, text: said(own), more })
    };
    Trace {
        taps: Vec::new(),
        passages: std::collections::BTreeMap::new(),
        same: std::collections::BTreeMap::new(),
        lines: vec![
            reply(at(4, 100_000), 220, "(vsFTPd 3.0.3)", &["Welcome"]),
            command(at(5, 200_000), "USER anonymous"),
            DialogueLine { at: at(6, 300_000), by: None, said: DialogueEvent::Cleared },
            command(at(7, 1_000_000), "PORT 10,1,0,10,19,136"),
            command(at(8, 1_100_000), "LIST"),
            reply(at(14, 1_500_000), 226, "Directory send OK.", &[]),
            line(at(15, 1_600_000), DialogueSide::Server, DialogueEvent::Lost(1234)),
            command(at(16, 12_000_000), "PORT 10,1,0,10,19,136"),
            reply(at(17, 12_100_000), 200, "PORT command successful. Consider using PASV.", &[]),
            command(at(18, 12_200_000), "LIST"),
            reply(at(20, 13_200_457), 425, "Failed to establish connection.", &[]),
        ],
        lines_left_out: 3,
        connections: vec![control(), data(), rejected()],
    }
}

fn packet(at: Stamp, by_origin: bool, does: Does) -> Packet {
    Packet { at, by_origin, does }
}

fn peer(socket: SocketAddr, side: Option<DialogueSide>) -> Peer {
    Peer { socket, side }
}

fn control() -> ConnectionTrace {
    ConnectionTrace {
        part: Part::Control,
        origin: peer(client(45856), Some(DialogueSide::Client)),
        target: peer(server(21), Some(DialogueSide::Server)),
        packets: vec![
            packet(at(1, 0), true, Does::Syn { again: false }),
            packet(at(2, 10_000), false, Does::SynAck),
            packet(at(3, 20_000), true, Does::Established),
            packet(at(22, 14_000_000), false, Does::Fin),
        ],
        bytes: 400,
        smooth: false,
        time_wait: None,
    }
}

fn data() -> ConnectionTrace {
    let since = at(13, 1_320_000);
    ConnectionTrace {
        part: Part::Data(Some(TransferId(1))),
        origin: peer(server(20), Some(DialogueSide::Server)),
        target: peer(client(5000), Some(DialogueSide::Client)),
        packets: vec![
            packet(at(9, 1_200_000), true, Does::Syn { again: false }),
            packet(at(10, 1_210_000), false, Does::SynAck),
            packet(at(10, 1_220_000), true, Does::Data(257)),
            packet(at(11, 1_300_000), true, Does::Fin),
            packet(at(12, 1_310_000), false, Does::Fin),
            packet(since, true, Does::LastAck),
        ],
        bytes: 257,
        smooth: true,
        time_wait: Some(TimeWait {
            by_origin: true,
            by_target: false,
            since,
            at_least: Timestamp(since.time.0 + 10_000_000_000),
            at_most: Timestamp(since.time.0 + 240_000_000_000),
            wanted_again: true,
        }),
    }
}

/// A SYN to another address, sent many times, and what a router says of it.
fn rejected() -> ConnectionTrace {
    let router = IpAddr::from([10, 1, 0, 1]);
    let syn = |number: u64, microseconds, again| packet(at(number, microseconds), true, Does::Syn { again });
    let mut packets = vec![syn(23, 15_000_000, false)];
    for again in 0..6 {
        packets.push(syn(24 + again, 15_100_000 + 100_000 * i64::try_from(again).unwrap_or(0), true));
    }
    packets.push(packet(at(31, 16_000_000), true, Does::Icmp { from: router, meaning: "host unreachable" }));
    ConnectionTrace {
        part: Part::Data(None),
        origin: peer(server(20), Some(DialogueSide::Server)),
        target: peer(SocketAddr::from(([10, 3, 0, 10], 5001)), None),
        packets,
        bytes: 0,
        smooth: false,
        time_wait: None,
    }
}
