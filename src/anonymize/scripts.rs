//! Turns what was heard of all control connections into what each of them says now.
//!
//! Filled by a first reading of the captures, asked during the second one.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::address::Addresses;
use super::line::{Names, redacted, widened};
use super::opaque::Records;
use super::script::Script;
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
/// Longest line that is understood, as for the analysis; the rest of a longer one is masked.
const LINE_BYTES: usize = 8192;

/// All control connections of a capture group.
#[derive(Debug)]
pub(super) struct Scripts {
    words: Words,
    connections: Vec<Connection>,
    by_id: HashMap<ConnectionId, usize, RandomState>,
    /// The incarnations of a 5-tuple, in order of time.
    by_key: HashMap<FlowKey, Vec<usize>, RandomState>,
    bytes: usize,
    /// Whether the bound was reached.
    pub overfull: bool,
}

#[derive(Debug)]
struct Connection {
    first: Stamp,
    client: SocketAddr,
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
    Line(Vec<u8>),
    /// As the rest of a line that is too long.
    Overlong,
    /// As TLS.
    Opaque(Records),
}

impl Default for Reading {
    fn default() -> Self {
        Self::Line(Vec::new())
    }
}

impl Scripts {
    pub fn new() -> Self {
        Self {
            words: Words::new(),
            connections: Vec::new(),
            by_id: HashMap::default(),
            by_key: HashMap::default(),
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
                self.by_key.entry(key).or_default().push(place);
                let names = Names::of_ends(key.ends());
                let (from_client, from_server) = (Direction::default(), Direction::default());
                let seen_twice = twin.is_some();
                self.connections.push(Connection { first, client, seen_twice, names, from_client, from_server });
                if let Some(twin) = twin.and_then(|twin| self.connection(twin)) {
                    twin.seen_twice = true;
                }
            }
            Heard::Begins { speaker, seq } => {
                if let Some(connection) = self.connection(overheard.connection) {
                    connection.direction(speaker).script.begins(seq);
                }
            }
            Heard::Bytes { speaker, bytes } => {
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                if self.bytes > TEXT_BYTES {
                    self.overfull = true;
                    connection.end_line(speaker, &self.words, addresses);
                    connection.direction(speaker).script.skip(bytes.len() as u64);
                    return;
                }
                self.bytes += bytes.len() * 2;
                self.bytes += connection.read(speaker, &bytes, &self.words, addresses) * STRETCH_BYTES;
            }
            Heard::Gap { speaker, len } => {
                let Some(place) = self.by_id.get(&overheard.connection) else { return };
                let Some(connection) = self.connections.get_mut(*place) else { return };
                connection.end_line(speaker, &self.words, addresses);
                let direction = connection.direction(speaker);
                direction.script.skip(len);
                if let Reading::Opaque(records) = &mut direction.reading {
                    records.skip(len);
                }
            }
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
        let places = self.by_key.get(&FlowKey::new(wrapping, from, to))?;
        let incarnations = places.iter().filter_map(|place| self.connections.get(*place));
        let connection = incarnations.rev().find(|connection| connection.first <= at)?;
        let (client, server) = (&connection.from_client.script, &connection.from_server.script);
        Some(if from == connection.client { (client, server) } else { (server, client) })
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

    /// Reads bytes; how many lines they ended.
    fn read(&mut self, speaker: Speaker, bytes: &[u8], words: &Words, addresses: &mut Addresses) -> usize {
        let mut rest = bytes;
        let mut lines = 0;
        while let Some((first, behind)) = rest.split_first() {
            let direction = self.direction(speaker);
            match &mut direction.reading {
                Reading::Line(line) if line.is_empty() && Records::begin(rest) => {
                    direction.reading = Reading::Opaque(Records::default());
                }
                Reading::Line(line) => {
                    line.push(*first);
                    rest = behind;
                    let (ended, too_long) = (*first == b'\n', line.len() >= LINE_BYTES);
                    if ended || too_long {
                        self.end_line(speaker, words, addresses);
                        lines += 1;
                    }
                    if too_long && !ended {
                        self.direction(speaker).reading = Reading::Overlong;
                    }
                }
                Reading::Overlong => {
                    direction.script.skip(1);
                    rest = behind;
                    if *first == b'\n' {
                        direction.reading = Reading::default();
                    }
                }
                Reading::Opaque(records) => {
                    let (said, len) = records.next(rest);
                    if len == 0 {
                        direction.reading = Reading::default();
                    }
                    direction.script.say(said);
                    rest = rest.get(len..).unwrap_or_default();
                }
            }
        }
        lines
    }

    /// What has come of a line is all there is.
    fn end_line(&mut self, speaker: Speaker, words: &Words, addresses: &mut Addresses) {
        let Reading::Line(line) = &mut self.direction(speaker).reading else { return };
        let line = std::mem::take(line);
        let mut said = redacted(speaker, &line, &mut self.names, words, addresses);
        if self.seen_twice {
            said = widened(speaker, &line, said);
        }
        for what in said {
            self.direction(speaker).script.say(what);
        }
    }
}
