//! Turns what was heard of all control connections into what each of them says now.
//!
//! Filled by a first reading of the captures, asked during the second one.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::address::Addresses;
use super::line::{Names, widened};
use super::opaque::Records;
use super::reading::Line;
use super::redacted::redacted;
use super::script::{Script, What};
use super::words::Words;
use crate::flow::{ConnectionId, FlowKey};
use crate::frame::Stamp;
use crate::ftp::Speaker;
use crate::pipeline::{Heard, Overheard};
use crate::wire::Wrapping;

/// Text kept of all dialogues together; of what comes behind it every letter and digit is masked.
const TEXT_BYTES: usize = 128 << 20;
/// What a stretch costs beside its text.
const STRETCH_BYTES: usize = 64;

/// All control connections of a capture group.
#[derive(Debug)]
pub(super) struct Scripts {
    words: Words,
    connections: Vec<Connection>,
    by_id: HashMap<ConnectionId, usize, RandomState>,
    /// From which frame on the segments of a 5-tuple belong to which of its incarnations: a late copy of the one before
    /// comes in between.
    turns: HashMap<FlowKey, Vec<(Stamp, usize)>, RandomState>,
    bytes: usize,
    /// Whether the bound was reached.
    pub overfull: bool,
}

#[derive(Debug)]
struct Connection {
    client: SocketAddr,
    server: SocketAddr,
    /// Whether the other side of a NAT is in the capture too.
    seen_twice: bool,
    names: Names,
    from_client: Direction,
    from_server: Direction,
}

/// One direction while it is heard.
#[derive(Debug, Default)]
struct Direction {
    script: Script,
    reading: Reading,
}

/// How the next byte is to be read.
#[derive(Debug)]
enum Reading {
    /// As text, with the line so far.
    Line(Line),
    /// As TLS.
    Opaque(Records),
}

impl Default for Reading {
    fn default() -> Self {
        Self::Line(Line::default())
    }
}

impl Scripts {
    pub fn new() -> Self {
        Self {
            words: Words::new(),
            connections: Vec::new(),
            by_id: HashMap::default(),
            turns: HashMap::default(),
            bytes: 0,
            overfull: false,
        }
    }

    /// Takes what the analysis read of a control connection.
    pub fn hear(&mut self, overheard: Overheard, addresses: &mut Addresses) {
        match overheard.heard {
            Heard::Opened { key, client, first, twin } => {
                let place = self.connections.len();
                self.by_id.insert(overheard.connection, place);
                self.turn(key, first, place);
                let names = Names::of_ends(key.ends());
                let server = key.opposite(client);
                let (from_client, from_server) = (Direction::default(), Direction::default());
                let seen_twice = twin.is_some();
                self.connections.push(Connection { client, server, seen_twice, names, from_client, from_server });
                if let Some(twin) = twin.and_then(|twin| self.connection(twin)) {
                    twin.seen_twice = true;
                }
            }
            Heard::Begins { speaker, seq } => {
                if let Some(connection) = self.connection(overheard.connection) {
                    connection.direction(speaker).script.begins(seq);
                }
            }
            Heard::Text { speaker, bytes } | Heard::Records { speaker, bytes } if self.bytes > TEXT_BYTES => {
                self.overfull = true;
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                connection.end_line(speaker, &self.words, addresses);
                connection.direction(speaker).script.skip(bytes.len() as u64);
            }
            Heard::Text { speaker, bytes } => {
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                self.bytes += bytes.len() * 2;
                self.bytes += connection.read(speaker, &bytes, &self.words, addresses) * STRETCH_BYTES;
            }
            Heard::Records { speaker, bytes } => {
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                self.bytes += bytes.len() * 2;
                connection.hide(speaker, &bytes, &self.words, addresses);
            }
            Heard::Gap { speaker, len } => {
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                connection.end_line(speaker, &self.words, addresses);
                let direction = connection.direction(speaker);
                direction.script.skip(len);
                match &mut direction.reading {
                    Reading::Opaque(records) => records.skip(len),
                    Reading::Line(line) => *line = Line::default(),
                }
            }
        }
    }

    /// A segment between the sockets of `key` was booked on this connection.
    pub fn booked(&mut self, key: FlowKey, at: Stamp, connection: ConnectionId) {
        if let Some(place) = self.by_id.get(&connection) {
            self.turn(key, at, *place);
        }
    }

    fn turn(&mut self, key: FlowKey, from: Stamp, place: usize) {
        let turns = self.turns.entry(key).or_default();
        // What is recognised late began before others did.
        let behind = turns.partition_point(|(other, _)| *other <= from);
        if behind.checked_sub(1).and_then(|before| turns.get(before)).is_none_or(|(_, before)| *before != place) {
            turns.insert(behind, (from, place));
        }
    }

    /// Everything has been heard: unfinished lines end here.
    pub fn finish(&mut self, addresses: &mut Addresses) {
        for connection in &mut self.connections {
            for speaker in [Speaker::Client, Speaker::Server] {
                connection.end_line(speaker, &self.words, addresses);
            }
        }
    }

    /// What `from` says to `to`, and what it is answered, if that is a control connection at this time.
    pub fn of(&self, wrapping: Wrapping, from: SocketAddr, to: SocketAddr, at: Stamp) -> Option<(&Script, &Script)> {
        let turns = self.turns.get(&FlowKey::new(wrapping, from, to))?;
        let behind = turns.partition_point(|(from, _)| *from <= at);
        let (_, place) = turns.get(behind.checked_sub(1)?)?;
        let connection = self.connections.get(*place)?;
        let (client, server) = (&connection.from_client.script, &connection.from_server.script);
        // Where a NAT was captured on one side in each direction, one of the two sockets is another one.
        let by_client = from == connection.client || to == connection.server;
        Some(if by_client { (client, server) } else { (server, client) })
    }

    /// The words that stay.
    pub fn words(&self) -> &Words {
        &self.words
    }

    fn connection(&mut self, id: ConnectionId) -> Option<&mut Connection> {
        self.connections.get_mut(*self.by_id.get(&id)?)
    }
}

impl Connection {
    fn direction(&mut self, speaker: Speaker) -> &mut Direction {
        match speaker {
            Speaker::Client => &mut self.from_client,
            Speaker::Server => &mut self.from_server,
        }
    }

    /// Reads text; how many lines it ended.
    fn read(&mut self, speaker: Speaker, bytes: &[u8], words: &Words, addresses: &mut Addresses) -> usize {
        if matches!(self.direction(speaker).reading, Reading::Opaque(_)) {
            self.direction(speaker).reading = Reading::default();
        }
        let mut lines = 0;
        for byte in bytes {
            let direction = self.direction(speaker);
            let Reading::Line(line) = &mut direction.reading else { continue };
            let ends = line.push(*byte);
            if line.overlong {
                line.overlong = !ends;
                direction.script.skip(1);
            } else if ends || line.is_full() {
                self.end_line(speaker, words, addresses);
                lines += 1;
            }
        }
        lines
    }

    /// Takes records.
    fn hide(&mut self, speaker: Speaker, bytes: &[u8], words: &Words, addresses: &mut Addresses) {
        if matches!(self.direction(speaker).reading, Reading::Line(_)) {
            self.end_line(speaker, words, addresses);
            self.direction(speaker).reading = Reading::Opaque(Records::default());
        }
        let Direction { script, reading: Reading::Opaque(records) } = self.direction(speaker) else { return };
        let now = records.blanked(bytes);
        script.say(What::Text(bytes.to_vec(), now));
    }

    /// What has come of a line is all there is.
    fn end_line(&mut self, speaker: Speaker, words: &Words, addresses: &mut Addresses) {
        let Reading::Line(line) = &mut self.direction(speaker).reading else { return };
        let line = line.take();
        let mut said = redacted(speaker, &line, &mut self.names, words, addresses);
        if self.seen_twice {
            said = widened(speaker, &line.raw, said);
        }
        for what in said {
            self.direction(speaker).script.say(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;
    use crate::frame::{CaptureId, FrameNo, Timestamp};
    use crate::wire::Seq;

    #[test]
    fn who_speaks_is_known_on_both_sides_of_a_nat() {
        let at = |number| Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
        let socket = |text: &str| text.parse::<SocketAddr>().unwrap();
        let (client, server) = (socket("10.0.0.10:1050"), socket("192.0.2.21:21"));
        let connection = ConnectionId(1);
        let key = |one, other| FlowKey::new(Wrapping::NONE, one, other);
        let mut scripts = Scripts::new();
        let mut addresses = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap());
        let opened = Heard::Opened { key: key(client, server), client, first: at(1), twin: None };
        let begins = Heard::Begins { speaker: Speaker::Client, seq: Seq(1) };
        for heard in [opened, begins, Heard::Text { speaker: Speaker::Client, bytes: b"PASV\r\n".to_vec() }] {
            scripts.hear(Overheard { connection, heard }, &mut addresses);
        }
        // What the client says was captured before it was translated, or what the server answers.
        for (outside, other) in [(socket("203.0.113.1:40000"), server), (client, socket("198.51.100.2:21"))] {
            scripts.booked(key(outside, other), at(2), connection);
            let said = |from, to| {
                let (script, _) = scripts.of(Wrapping::NONE, from, to, at(3)).unwrap();
                script.payload(addresses.key(), Seq(1), b"PASV\r\n", 6).0
            };
            assert_eq!(said(outside, other), b"PASV\r\n");
            assert_ne!(said(other, outside), b"PASV\r\n");
        }
    }
}
