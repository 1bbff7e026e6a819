//! The trace of a session as rows with a time each, not yet selected or folded.

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};

use super::{Arrow, Content, Hop, Lane, Row, Tone, Wire, bytes};
use crate::frame::{CaptureId, FrameNo, Stamp};
use crate::record::SessionRecord;
use crate::record::trace::{
    ConnectionTrace, DialogueEvent, DialogueLine, DialogueSide, Does, Packet, Part, Passage, Peer, Trace,
};

/// Hosts beside client and server that get a lane of their own; more of them share the last one.
const OTHERS: usize = 3;

/// Repeats of one packet that a brief diagram shows before the last one.
const REPEATS: usize = 2;

/// Frames by capture and number.
pub(super) type Frames = HashSet<(CaptureId, FrameNo)>;

pub(super) fn key(at: Stamp) -> (CaptureId, FrameNo) {
    (at.capture, at.number)
}

/// Rows that are shown, or how many are not.
#[expect(clippy::large_enum_variant, reason = "nearly all are rows")]
pub(super) enum Shown {
    Row(Moment),
    Hidden(usize),
}

/// A row at its time.
pub(super) struct Moment {
    pub(super) at: Stamp,
    /// What is missing stands before the frame that ends the span, what is concluded behind the frame it rests on.
    pub(super) rank: Rank,
    /// One of many repeats, which a brief diagram leaves out.
    pub(super) repeat: bool,
    pub(super) row: Row,
}

/// The order of rows of one frame.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Before,
    Packet,
    Behind,
}

impl Moment {
    pub(super) fn new(at: Stamp, rank: Rank, content: Content, tone: Tone) -> Self {
        Self { at, rank, repeat: false, row: Row { at: Some(at), content, tone, cited: false, remarks: Vec::new() } }
    }
}

/// A host that is neither client nor server.
#[derive(Clone, Copy)]
struct Other {
    ip: IpAddr,
    name: &'static str,
}

/// The hosts of a diagram: the client, those that others call or ask, the server, those that call in its place.
#[derive(Clone)]
pub(super) struct Lanes {
    client: SocketAddr,
    server: SocketAddr,
    /// The capture points, where there are several.
    taps: Vec<String>,
    /// Hosts between client and server.
    between: Vec<Other>,
    /// Hosts behind the server.
    beyond: Vec<Other>,
}

impl Lanes {
    /// The lanes of a session.
    pub(super) fn of(session: &SessionRecord) -> Self {
        let mut lanes = Self::between(session.client, session.server);
        lanes.taps = session.trace.as_deref().map(|trace| trace.taps.clone()).unwrap_or_default();
        let connections = session.trace.as_deref().map(|trace| trace.connections.as_slice()).unwrap_or_default();
        let endpoints = session.offers.iter().filter_map(|offer| offer.endpoint);
        let endpoints: HashSet<IpAddr> = endpoints.map(|socket| socket.ip()).collect();
        let announced = |ip| endpoints.contains(&ip);
        for connection in connections {
            for (peer, beyond) in [(connection.origin, true), (connection.target, false)] {
                let ip = peer.socket.ip();
                if peer.side.is_none() {
                    lanes.add(ip, if announced(ip) { "announced" } else { "other" }, beyond && !announced(ip));
                }
            }
            for packet in &connection.packets {
                if let Does::Icmp { from, .. } = packet.does {
                    lanes.add(from, "ICMP sender", false);
                }
            }
        }
        lanes
    }

    /// Two hosts alone.
    pub(super) fn between(client: SocketAddr, server: SocketAddr) -> Self {
        Self { client, server, taps: Vec::new(), between: Vec::new(), beyond: Vec::new() }
    }

    /// A host that the evidence names.
    pub(super) fn add(&mut self, ip: IpAddr, name: &'static str, beyond: bool) {
        let mut others = self.between.iter().chain(&self.beyond);
        let known = ip == self.client.ip() || ip == self.server.ip() || others.any(|other| other.ip == ip);
        let room = self.between.len() + self.beyond.len() < OTHERS;
        if !known && room {
            let side = if beyond { &mut self.beyond } else { &mut self.between };
            side.push(Other { ip, name });
        }
    }

    /// Where an arrow ends that was lost on its way past the points, and begins that something between them sent.
    pub(super) fn pass(&self, arrow: &mut Arrow, passage: Passage) {
        let tap = |place: usize| u8::try_from(1 + place).ok().filter(|_| place < self.taps.len());
        let (first, last) = passage.seen;
        let to_server = arrow.to.lane > arrow.from.lane;
        let between = |from: Option<u8>, to: Option<u8>| from.zip(to);
        let [before, behind] = [first.checked_sub(1).and_then(tap), tap(last + 1)];
        if passage.lost {
            arrow.lost = if to_server { between(tap(last), behind) } else { between(tap(first), before) };
        }
        if passage.added {
            arrow.added = if to_server { between(before, tap(first)) } else { between(behind, tap(last)) };
        }
    }

    fn server_lane(&self) -> usize {
        1 + self.taps.len() + self.between.len()
    }

    /// The lane of a host; one that has none shares that of the last other host, or stands beside the server.
    pub(super) fn of_ip(&self, ip: IpAddr) -> usize {
        if ip == self.client.ip() {
            return 0;
        }
        if ip == self.server.ip() {
            return self.server_lane();
        }
        let between = self.between.iter().position(|other| other.ip == ip).map(|at| 1 + self.taps.len() + at);
        let beyond = || self.beyond.iter().position(|other| other.ip == ip).map(|at| self.server_lane() + 1 + at);
        between.or_else(beyond).unwrap_or(self.server_lane() + self.beyond.len())
    }

    /// The lane of a socket; on one host the control sockets tell who is who.
    pub(super) fn of_socket(&self, socket: SocketAddr) -> usize {
        if socket == self.server { self.server_lane() } else { self.of_ip(socket.ip()) }
    }

    fn of_side(&self, side: DialogueSide) -> usize {
        match side {
            DialogueSide::Client => 0,
            DialogueSide::Server => self.server_lane(),
        }
    }

    pub(super) fn of_peer(&self, peer: Peer) -> usize {
        peer.side.map_or_else(|| self.of_ip(peer.socket.ip()), |side| self.of_side(side))
    }

    fn hop(&self, peer: Peer) -> Hop {
        Hop { lane: self.of_peer(peer), socket: peer.socket }
    }

    /// As the diagram names them.
    pub(super) fn named(&self) -> Vec<Lane> {
        let lane = |name, ip: IpAddr| Lane { name, address: ip.to_string() };
        let client = std::iter::once(lane("client", self.client.ip()));
        let between = self.between.iter().map(|other| lane(other.name, other.ip));
        let server = std::iter::once(lane("server", self.server.ip()));
        let beyond = self.beyond.iter().map(|other| lane(other.name, other.ip));
        let taps = self.taps.iter().map(|tap| Lane { name: "tap", address: tap.clone() });
        client.chain(taps).chain(between).chain(server).chain(beyond).collect()
    }
}

/// All rows of a trace, in no order. `brief`: connections that went as they should are a row each, unless `cited`
/// names one of their frames.
pub(super) fn moments(
    session: &SessionRecord,
    trace: &Trace,
    lanes: &Lanes,
    brief: bool,
    cited: impl Fn(Stamp) -> bool,
) -> Vec<Moment> {
    let dialogue = trace.lines.iter().map(|line| said(session, lanes, line));
    let connections = trace.connections.iter().flat_map(|connection| told(connection, lanes, brief, &cited));
    dialogue.chain(left_out(session, trace)).chain(connections).collect()
}

/// That there were more lines than were kept, if there were.
pub(super) fn left_out(session: &SessionRecord, trace: &Trace) -> Option<Moment> {
    let text = format!("{} more lines were not kept", trace.lines_left_out);
    let moment = || Moment::new(session.last, Rank::Behind, Content::Missing(text), Tone::Plain);
    (trace.lines_left_out > 0).then(moment)
}

/// The rows of a connection, as [`moments`] has them.
pub(super) fn told(
    connection: &ConnectionTrace,
    lanes: &Lanes,
    brief: bool,
    cited: impl Fn(Stamp) -> bool,
) -> Vec<Moment> {
    let story = Story { connection, lanes };
    let named = connection.packets.iter().any(|packet| cited(packet.at));
    let again = connection.time_wait.is_some_and(|held| held.wanted_again);
    match connection.part {
        Part::Control if brief => story.control(&cited),
        Part::Data(_) if brief && connection.smooth && !named && !again => story.in_short().into_iter().collect(),
        Part::Earlier if brief => story.close(),
        Part::Control | Part::Data(_) | Part::Earlier => story.in_full(),
    }
}

/// Whether both are the same packet, sent again.
fn is_repeat(one: &Packet, other: &Packet) -> bool {
    match (one.does, other.does) {
        (Does::Syn { again: one }, Does::Syn { again: other }) => one == other,
        (Does::SynAck, Does::SynAck) => true,
        (Does::StaleAck, Does::StaleAck) | (Does::Rst, Does::Rst) | (Does::Icmp { .. }, Does::Icmp { .. }) => {
            one.by_origin == other.by_origin
        }
        _ => false,
    }
}

/// A line of the dialogue.
pub(super) fn said(session: &SessionRecord, lanes: &Lanes, line: &DialogueLine) -> Moment {
    let DialogueLine { at, by, ref said } = *line;
    let client = Hop { lane: 0, socket: session.client };
    let server = Hop { lane: lanes.server_lane(), socket: session.server };
    let arrow = |from, to, label: String, more: &[String]| {
        Content::Arrow(Arrow {
            from,
            to,
            wire: Wire::Control,
            label,
            opens: false,
            more: more.to_vec(),
            lost: None,
            added: None,
        })
    };
    let whose = match by {
        Some(DialogueSide::Client) => "the client's",
        Some(DialogueSide::Server) => "the server's",
        None => "control",
    };
    let (content, tone) = match said {
        DialogueEvent::Command(line) => (arrow(client, server, line.clone(), &[]), Tone::Plain),
        DialogueEvent::Interrupt => (arrow(client, server, "Telnet interrupt".to_owned(), &[]), Tone::Plain),
        DialogueEvent::Reply { code, text, more } => {
            let tone = if matches!(code / 100, 4 | 5) { Tone::Bad } else { Tone::Plain };
            (arrow(server, client, format!("{code} {text}"), more), tone)
        }
        DialogueEvent::Protected(how) => (Content::Note(format!("encrypted from here on ({how})")), Tone::Plain),
        DialogueEvent::Cleared => (Content::Note("clear text again".to_owned()), Tone::Plain),
        DialogueEvent::Lost(count) => {
            (Content::Missing(format!("{} of {whose} control stream", bytes(*count))), Tone::Plain)
        }
        DialogueEvent::Cut => {
            (Content::Note(format!("a line of {whose} control stream is too long and was cut")), Tone::Plain)
        }
    };
    Moment::new(at, Rank::Packet, content, tone)
}

/// Tells a connection.
struct Story<'a> {
    connection: &'a ConnectionTrace,
    lanes: &'a Lanes,
}

impl Story<'_> {
    fn in_full(&self) -> Vec<Moment> {
        let packets = &self.connection.packets;
        let repeats = |packet: &Packet| packets.iter().filter(|other| is_repeat(other, packet)).count();
        let mut all: Vec<Moment> = Vec::with_capacity(packets.len());
        for (index, packet) in packets.iter().enumerate() {
            let before = packets.iter().take(index).filter(|other| is_repeat(other, packet)).count();
            let moment = self.packet(packet);
            let (first, last) = (before < REPEATS, before + 1 == repeats(packet));
            all.push(Moment { repeat: !first && !last, ..moment });
        }
        all
    }

    /// One row for the whole of it.
    fn in_short(&self) -> Option<Moment> {
        let first = self.connection.packets.first()?;
        let last = self.connection.packets.last()?;
        let took = super::duration(last.at.seconds_since(first.at));
        let label = format!("data connection, {} in {took}", bytes(self.connection.bytes));
        let (from, to) = (self.lanes.hop(self.connection.origin), self.lanes.hop(self.connection.target));
        let arrow = Arrow { from, to, wire: Wire::Data, label, opens: true, more: Vec::new(), lost: None, added: None };
        Some(Moment::new(first.at, Rank::Packet, Content::Arrow(arrow), Tone::Plain))
    }

    /// How it ended, and nothing before.
    fn close(&self) -> Vec<Moment> {
        let ends = |packet: &&Packet| matches!(packet.does, Does::Fin | Does::LastAck | Does::Rst);
        self.connection.packets.iter().filter(ends).map(|packet| self.packet(packet)).collect()
    }

    /// The handshake of a control connection in one row if it went well, then what is not its dialogue.
    fn control(&self, cited: impl Fn(Stamp) -> bool) -> Vec<Moment> {
        let packets = &self.connection.packets;
        let opening = |packet: &Packet| matches!(packet.does, Does::Syn { .. } | Does::SynAck | Does::Established);
        let opened: Vec<&Packet> = packets.iter().filter(|packet| opening(packet)).collect();
        let went_well = matches!(
            opened.iter().map(|packet| packet.does).collect::<Vec<_>>().as_slice(),
            [Does::Syn { again: false }, Does::SynAck, Does::Established]
        );
        let short = went_well && !opened.iter().any(|packet| cited(packet.at));
        let kept = packets.iter().filter(|packet| {
            let needless = matches!(packet.does, Does::LastAck) || (short && opening(packet));
            !needless || matches!(packet.does, Does::Syn { again: false })
        });
        kept.map(|packet| {
            let mut moment = self.packet(packet);
            if let (true, Does::Syn { .. }, Content::Arrow(arrow)) = (short, packet.does, &mut moment.row.content) {
                "control connection".clone_into(&mut arrow.label);
            }
            moment
        })
        .collect()
    }

    fn packet(&self, packet: &Packet) -> Moment {
        let ConnectionTrace { part, origin, target, time_wait, .. } = self.connection;
        let (from, to) = if packet.by_origin { (*origin, *target) } else { (*target, *origin) };
        let (mut from, mut to) = (self.lanes.hop(from), self.lanes.hop(to));
        let mut wire = if *part == Part::Control { Wire::Control } else { Wire::Data };
        let mut tone = Tone::Plain;
        let label = match packet.does {
            Does::Syn { again: false } => "SYN".to_owned(),
            Does::Syn { again: true } => "SYN again".to_owned(),
            Does::SynAck => "SYN-ACK".to_owned(),
            Does::Established => "ACK".to_owned(),
            Does::StaleAck => "ACK of another connection".to_owned(),
            Does::Data(count) => bytes(count),
            Does::Fin if *part == Part::Earlier => "FIN of an earlier connection".to_owned(),
            Does::Fin => "FIN".to_owned(),
            Does::LastAck => match time_wait.map(|held| (held.by_origin, held.by_target)) {
                Some((true, true)) => "last ACK: both hold TIME-WAIT".to_owned(),
                Some((by_origin, _)) if by_origin == packet.by_origin => "last ACK: sender holds TIME-WAIT".to_owned(),
                _ => "last ACK: receiver holds TIME-WAIT".to_owned(),
            },
            Does::Rst => {
                tone = Tone::Bad;
                "RST".to_owned()
            }
            Does::Icmp { from: sender, meaning } => {
                tone = Tone::Bad;
                wire = Wire::Icmp;
                // About a packet of `from`, to which the error goes.
                to = from;
                from = Hop { lane: self.lanes.of_ip(sender), socket: SocketAddr::new(sender, 0) };
                format!("ICMP: {meaning}")
            }
        };
        let opens = matches!(packet.does, Does::Syn { .. });
        let arrow = Arrow { from, to, wire, label, opens, more: Vec::new(), lost: None, added: None };
        Moment::new(packet.at, Rank::Packet, Content::Arrow(arrow), tone)
    }
}
