//! One control connection: segments to in-order bytes, bytes to dialogue.

use std::ops::Range;

use super::eviction::Progress;
use super::idle::Silence;
use super::overheard::{Heard, Overheard};
use super::tls::{Known, Layer, Read};
use crate::decrypt::{Channel, Lookup, Master, Opened, Random, Tls};
use crate::flow::{ClockStep, Close, Connection, ConnectionId, Conversation, End, Pace, Piece};
use crate::frame::{Stamp, Timestamp};
use crate::ftp::dialogue::Dialogue;
use crate::ftp::{Event, IMPLICIT_TLS, Speaker};
use crate::redact::Secret;
use crate::transfer::ControlLoss;
use crate::transfer::sessions::SessionIndex;
use crate::wire::tls::Record;
use crate::wire::{IpHeader, Segment};

/// What is needed to follow one control connection.
pub(super) struct Control {
    id: ConnectionId,
    conversation: Conversation,
    /// What takes TLS off; `None` where nothing is to be decrypted.
    tls: Option<Box<Layer>>,
    dialogue: Dialogue,
    pace: Pace,
    session: SessionIndex,
    server_end: End,
    last: Stamp,
    /// Whether its hosts are parties already and its session has a number.
    alive: bool,
    /// Whether it waits to be judged.
    closing: bool,
    /// When it is to be looked at, for it may be silent by then ([`super::idle::IdleTimeouts`]).
    due: Timestamp,
}

/// What a control connection has told.
#[derive(Default)]
pub(super) struct Told {
    pub(super) events: Vec<Event>,
    pub(super) secrets: Vec<Secret>,
    /// What was overheard, if that is wanted.
    pub(super) overheard: Option<Vec<Overheard>>,
}

impl Control {
    /// Of a connection whose server is at `server_end`; `decrypts` tells whether TLS is to be taken off.
    pub(super) fn new(connection: &Connection, session: SessionIndex, server_end: End, decrypts: bool) -> Self {
        let dialogue = if connection.socket(server_end).port() == IMPLICIT_TLS {
            Dialogue::new(true)
        } else if connection.midstream {
            Dialogue::picked_up()
        } else {
            Dialogue::new(false)
        };
        Self {
            id: connection.id,
            conversation: Conversation::new(),
            tls: decrypts.then(Box::default),
            dialogue,
            pace: Pace::default(),
            session,
            server_end,
            last: connection.first,
            alive: false,
            closing: false,
            due: connection.first.time,
        }
    }

    /// Takes a segment; what the bytes that are now in order tell, and how far the clock went.
    pub(super) fn push(
        &mut self,
        (from, at): (End, Stamp),
        (ip, tcp): (&IpHeader, &Segment<'_>),
        keys: Known<'_>,
        overhear: bool,
    ) -> (Told, Option<ClockStep>) {
        self.last = at;
        let mut reader = Reader::new(self.id, self.server_end, (&mut self.tls, &mut self.dialogue), keys, overhear);
        self.conversation.push(from, at, tcp, || tcp.checksum(ip), &mut |piece| reader.read(piece));
        let mut told = reader.told;
        told.secrets.extend(self.dialogue.secrets());
        if let Some(overheard) = &mut told.overheard {
            let begins = [End::Origin, End::Target].into_iter().filter_map(|end| {
                let seq = self.conversation.begins(end)?;
                let heard = Heard::Begins { speaker: speaker(self.server_end, end), seq };
                Some(Overheard { connection: self.id, heard })
            });
            overheard.splice(0..0, begins.collect::<Vec<_>>());
        }
        (told, self.pace.saw(from, at, tcp))
    }

    /// More keys are known: what the bytes tell that waited for them.
    pub(super) fn learn(&mut self, keys: Known<'_>) -> Told {
        let mut reader = Reader::new(self.id, self.server_end, (&mut self.tls, &mut self.dialogue), keys, false);
        reader.read_waiting(Layer::retry);
        let told = reader.told;
        self.told_by(told)
    }

    /// Nothing more will come: what the bytes tell that waited for keys, or for other bytes.
    pub(super) fn finish(&mut self, keys: Known<'_>, overhear: bool) -> Told {
        let mut reader = Reader::new(self.id, self.server_end, (&mut self.tls, &mut self.dialogue), keys, overhear);
        reader.read_waiting(Layer::let_go);
        // What begins now waits for nothing.
        reader.keys = Known { resumable: &Vec::new, may_grow: false, ..keys };
        self.conversation.finish(&mut |piece| reader.read(piece));
        let told = reader.told;
        self.told_by(told)
    }

    fn told_by(&mut self, mut told: Told) -> Told {
        told.secrets.extend(self.dialogue.secrets());
        told
    }

    /// The frames of both copies of control bytes that differ.
    pub(super) fn conflicts(&self) -> impl Iterator<Item = (Stamp, Stamp)> {
        self.conversation.conflicts().iter().map(|conflict| (conflict.first, conflict.second))
    }

    /// Its connection.
    pub(super) fn id(&self) -> ConnectionId {
        self.id
    }

    /// Its session.
    pub(super) fn session(&self) -> SessionIndex {
        self.session
    }

    /// What is known of its TLS, where that is to be decrypted.
    pub(super) fn tls(&self) -> Option<Tls> {
        self.tls.as_ref().and_then(|tls| tls.tls())
    }

    /// The client random and the master secret of its session of TLS 1.2, if it was read.
    pub(super) fn master(&self) -> Option<(Random, &Master)> {
        self.tls.as_ref().and_then(|tls| tls.master())
    }

    /// Whether it waits for keys.
    pub(super) fn waits_for_keys(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.is_waiting())
    }

    /// Bytes it takes, about.
    pub(super) fn weight(&self) -> usize {
        let tls = self.tls.as_ref().map_or(0, |tls| tls.held());
        size_of::<Self>() + self.conversation.held() + self.dialogue.held() + tls
    }

    /// Its last frame.
    pub(super) fn last(&self) -> Stamp {
        self.last
    }

    /// Whether it ever carried anything.
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// It carries something.
    pub(super) fn wakes(&mut self) {
        self.alive = true;
    }

    /// Nothing more will come; its session, unless that is to be judged anyway. It takes little room from now on: of short
    /// sessions many wait.
    pub(super) fn closes(&mut self) -> Option<SessionIndex> {
        if std::mem::replace(&mut self.closing, true) {
            return None;
        }
        self.conversation.shrink();
        self.tls = self.tls.take().filter(|tls| !tls.is_idle());
        Some(self.session)
    }

    /// Whether it waits to be judged.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// When it is to be looked at.
    pub(super) fn due(&self) -> Timestamp {
        self.due
    }

    /// It is to be looked at then.
    pub(super) fn look_at(&mut self, due: Timestamp) {
        self.due = due;
    }

    /// How long it has been silent.
    pub(super) fn silence(&self, now: Timestamp) -> Silence {
        Silence { alive: self.alive, last: self.last.time, now }
    }

    /// What it has come to.
    pub(super) fn progress(&self) -> Progress {
        Progress { alive: self.alive, last: self.last }
    }

    /// How it ended, by its connection, and the last moment at which words of the server are missing; `None` where it did
    /// not end. Whether all words of the server were acknowledged comes third.
    pub(super) fn end(&self, connection: &Connection) -> Option<(ControlLoss, Option<Stamp>, bool)> {
        let server_end = self.server_end;
        let ended = how_it_ended(connection, server_end)?;
        let (server, client) = (connection.half(server_end), connection.half(server_end.peer()));
        // By another clock its FIN may seem to come before what it acknowledges.
        let said = client.fin.map_or(client.next, |fin| Some(fin.seq));
        let heard_all = server.fin.is_some_and(|fin| said == Some(fin.ack));
        let unheard = (server.segments == 0).then_some(connection.last);
        // What its sender denies having sent is not missing.
        let gaps = server.gaps().iter().filter(|_| server.lag().is_none());
        let missed = unheard.or_else(|| gaps.map(|gap| gap.at).max());
        Some((ended, missed, heard_all))
    }
}

fn how_it_ended(connection: &Connection, server_end: End) -> Option<ControlLoss> {
    let name = |end: End| if end == server_end { "server" } else { "client" };
    let lost = |at: Stamp, by: End, verb: &str| ControlLoss {
        at,
        how: format!("the {} {verb} the control connection", name(by)),
        orderly_by_client: verb == "closed" && by != server_end,
        by_client: by != server_end,
    };
    let first_fin = connection.first_fin().map(|(end, fin)| (fin.at, end));
    match (connection.close(), first_fin) {
        (Close::Open, _) => None,
        // What follows the first FIN answers it.
        (Close::Reset { at, .. }, Some((fin, end))) if fin <= at => Some(lost(fin, end, "closed")),
        (Close::Reset { by, at }, _) => Some(lost(at, by, "reset")),
        (Close::TimeWait { .. }, first) => first.map(|(at, end)| lost(at, end, "closed")),
        (Close::Half { missing, since, .. }, _) => Some(lost(since, missing.peer(), "closed")),
    }
}

fn speaker(server_end: End, end: End) -> Speaker {
    if end == server_end { Speaker::Server } else { Speaker::Client }
}

/// Reads pieces of a control connection.
struct Reader<'a> {
    id: ConnectionId,
    server_end: End,
    tls: &'a mut Option<Box<Layer>>,
    dialogue: &'a mut Dialogue,
    keys: Known<'a>,
    told: Told,
}

impl<'a> Reader<'a> {
    fn new(
        id: ConnectionId,
        server_end: End,
        (tls, dialogue): (&'a mut Option<Box<Layer>>, &'a mut Dialogue),
        keys: Known<'a>,
        overhear: bool,
    ) -> Self {
        let told = Told { overheard: overhear.then(Vec::new), ..Told::default() };
        Self { id, server_end, tls, dialogue, keys, told }
    }

    fn read(&mut self, piece: Piece<'_>) {
        let speaker = speaker(self.server_end, sender(piece));
        let opaque = if let Some(layer) = &mut *self.tls {
            let (server_end, dialogue, events) = (self.server_end, &mut *self.dialogue, &mut self.told.events);
            layer.take(piece, self.keys, &mut |channel, keys, piece| {
                read_by((channel, keys), dialogue, server_end, piece, events);
            });
            Vec::new()
        } else {
            read_clear(self.dialogue, speaker, piece, &mut self.told.events)
        };
        if let Some(overheard) = &mut self.told.overheard {
            let connection = self.id;
            Heard::of(piece, speaker, &opaque, |heard| overheard.push(Overheard { connection, heard }));
        }
    }

    /// Reads what waits for keys, as far as `layer` gives it.
    fn read_waiting(&mut self, go_on: impl FnOnce(&mut Layer, Known<'_>, &mut Read<'_>)) {
        let Some(layer) = &mut *self.tls else { return };
        let (server_end, dialogue, events) = (self.server_end, &mut *self.dialogue, &mut self.told.events);
        go_on(layer, self.keys, &mut |channel, keys, piece| {
            read_by((channel, keys), dialogue, server_end, piece, events);
        });
    }
}

fn sender(piece: Piece<'_>) -> End {
    match piece {
        Piece::Bytes { from, .. } | Piece::Gap { from, .. } | Piece::Closed { from, .. } => from,
    }
}

/// Reads a piece as it is; which parts of it are no text.
fn read_clear(
    dialogue: &mut Dialogue,
    speaker: Speaker,
    piece: Piece<'_>,
    events: &mut Vec<Event>,
) -> Vec<Range<usize>> {
    match piece {
        Piece::Bytes { bytes, at, conflicting, .. } => {
            return dialogue.bytes(speaker, bytes, at, conflicting, events);
        }
        Piece::Gap { len, at, .. } => dialogue.gap(speaker, len, at, events),
        Piece::Closed { at, .. } => dialogue.closed(speaker, at, events),
    }
    Vec::new()
}

/// Reads what TLS hides of a piece.
fn read_by(
    (channel, keys): (&mut Channel, Lookup<'_>),
    dialogue: &mut Dialogue,
    server_end: End,
    piece: Piece<'_>,
    events: &mut Vec<Event>,
) {
    let speaker = speaker(server_end, sender(piece));
    match piece {
        Piece::Bytes { from, bytes, at, conflicting } => {
            channel.push(from.index(), bytes, keys, &mut |opened| match opened {
                Opened::Clear(part) => {
                    let text = bytes.get(part).unwrap_or_default();
                    drop(dialogue.bytes(speaker, text, at, conflicting, events));
                }
                Opened::Records(_) => {}
                Opened::Text(text) => drop(dialogue.bytes(speaker, text, at, conflicting, events)),
                Opened::Header(header, alert) => {
                    let record = Record::of(header).map(|record| alert.map_or(record, |alert| record.saying(alert)));
                    events.extend(record.map(|record| Event::Record { speaker, record, at }));
                }
                Opened::Lost(len) => dialogue.gap(speaker, len as u64, at, events),
            });
        }
        Piece::Gap { from, len, at } => {
            channel.gap(from.index(), len);
            dialogue.gap(speaker, len, at, events);
        }
        Piece::Closed { at, .. } => dialogue.closed(speaker, at, events),
    }
}
