//! Control connections: segments to in-order bytes, bytes to dialogue, dialogue to the session's events.

use std::net::SocketAddr;
use std::ops::Range;

use super::prompt::Answer;
use super::turns::Progress;
use super::{GRACE, Heard, Overheard, Pipeline};
use crate::decrypt::{Channel, Lookup, Opened};
use crate::finding::SessionId;
use crate::flow::{Close, ConnectionId, End};
use crate::flow::{Conversation, Pace, Piece};
use crate::frame::{Stamp, Timestamp};
use crate::ftp::dialogue::Dialogue;
use crate::ftp::{Event, Speaker};
use crate::transfer::ControlLoss;
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;
use crate::wire::tls::Record;
use crate::wire::{IpHeader, Segment};

/// The port on which FTP is encrypted from the first byte.
const IMPLICIT_TLS: u16 = 990;

/// What is needed to follow one control connection.
pub(super) struct Control {
    conversation: Conversation,
    /// What takes TLS off; `None` where nothing is to be decrypted.
    channel: Option<Box<Channel>>,
    dialogue: Dialogue,
    pace: Pace,
    session: SessionIndex,
    server_end: End,
    last: Stamp,
    /// Whether its hosts are parties already and its session has a number.
    alive: bool,
    /// Whether it waits to be judged.
    closing: bool,
    /// When it is to be looked at, for it may be silent by then ([`super::ages::Silences`]).
    due: Timestamp,
}

impl Control {
    /// Bytes it takes, about.
    pub(super) fn weight(&self) -> usize {
        let channel = self.channel.as_ref().map_or(0, |channel| size_of::<Channel>() + channel.held());
        size_of::<Self>() + self.conversation.held() + self.dialogue.held() + channel
    }

    /// Its last frame.
    pub(super) fn last(&self) -> Stamp {
        self.last
    }

    /// Whether it ever carried anything.
    pub(super) fn is_alive(&self) -> bool {
        self.alive
    }

    /// Nothing more will come: its session, to be judged as of its last frame, unless it is to be judged anyway.
    pub(super) fn close_for_silence(&mut self) -> Option<(Timestamp, SessionIndex)> {
        (!std::mem::replace(&mut self.closing, true)).then_some((self.last.time, self.session))
    }

    /// Whether it waits to be judged.
    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    /// It is to be looked at then.
    pub(super) fn look_at(&mut self, due: Timestamp) {
        self.due = due;
    }

    fn progress(&self) -> Progress {
        Progress { alive: self.alive, last: self.last }
    }
}

impl Pipeline {
    /// Begins to follow a connection as a control connection. `server` is known when its content told; otherwise
    /// the named port does.
    pub(super) fn start_control(&mut self, id: ConnectionId, server: Option<SocketAddr>) {
        let Some(connection) = self.flows.connection(id) else { return };
        let server_end = match server.and_then(|server| connection.end_of(server)) {
            Some(end) => end,
            None if self.is_control_port(connection.target.port()) => End::Target,
            None => End::Origin,
        };
        let (server, client) = (connection.socket(server_end), connection.socket(server_end.peer()));
        let dialogue = if server.port() == IMPLICIT_TLS {
            Dialogue::new(true)
        } else if connection.midstream {
            Dialogue::picked_up()
        } else {
            Dialogue::new(false)
        };
        let first = connection.first;
        if self.controls.len() >= self.controls_kept {
            self.let_one_control_go();
        }
        let session = self.sessions.push(Session::new(SessionId(0), id, client, server, first));
        self.contact(client.ip());
        self.contact(server.ip());
        let twin = self.pair_views(id, session);
        if self.settings.overhear
            && let Some(connection) = self.flows.connection(id)
        {
            let heard = Heard::Opened { key: connection.key, client, first, twin };
            self.overheard.push(Overheard { connection: id, heard });
        }
        let control = Control {
            conversation: Conversation::new(),
            channel: self.keys.are_wanted().then(Box::default),
            dialogue,
            pace: Pace::default(),
            session,
            server_end,
            last: first,
            alive: false,
            closing: false,
            due: self.silences.begun(id, first.time),
        };
        self.controls.insert(id, control);
        let controls = &self.controls;
        self.turns.begun(id, first, self.controls_kept, |id| controls.get(&id).map(Control::progress));
    }

    /// Ends the control connection whose turn it is and has it judged; the bytes it held, if there was one.
    pub(super) fn let_one_control_go(&mut self) -> Option<usize> {
        let controls = &self.controls;
        let id = self.turns.next(|id| controls.get(&id).map(Control::progress))?;
        let control = self.controls.get(&id)?;
        let (last, session, weight) = (control.last, control.session, control.weight());
        self.end_control(id);
        self.controls_let_go += 1;
        self.closing.push_front((last.time, session));
        Some(weight + self.sessions.get(session).map_or(0, Session::weight))
    }

    /// Takes a segment of a control connection.
    pub(super) fn feed_control(&mut self, id: ConnectionId, from: End, at: Stamp, ip: &IpHeader, tcp: &Segment<'_>) {
        let Some(control) = self.controls.get_mut(&id) else { return };
        control.last = at;
        let (server_end, dialogue) = (control.server_end, &mut control.dialogue);
        let channel = &mut control.channel;
        let keys: &Lookup<'_> = &|random| self.keys.of(random);
        let mut events = Vec::new();
        let mut overheard = self.settings.overhear.then(Vec::new);
        let mut read = |piece: Piece<'_>| {
            let opaque = read((channel, keys), dialogue, server_end, piece, &mut events);
            if let Some(overheard) = &mut overheard {
                overhear(id, server_end, piece, &opaque, overheard);
            }
        };
        control.conversation.push(from, at, tcp, || tcp.checksum(ip), &mut read);
        self.secrets.extend(control.dialogue.secrets());
        if let Some(overheard) = overheard {
            let begins = [End::Origin, End::Target].into_iter().filter_map(|end| {
                let seq = control.conversation.begins(end)?;
                Some(Overheard { connection: id, heard: Heard::Begins { speaker: speaker(server_end, end), seq } })
            });
            self.overheard.extend(begins.chain(overheard));
        }
        let session = control.session;
        let step = control.pace.saw(from, at, tcp);
        let tls = control.channel.as_ref().and_then(|channel| channel.tls());
        if let Some(session) = self.sessions.get_mut(session) {
            session.last = session.last.max(at);
            session.stepped(step);
            if tls.is_some_and(|tls| tls.unread.is_some()) {
                session.tls_unread.get_or_insert(at);
            }
            session.tls = tls.or(session.tls);
        }
        self.load.add(tcp.payload.len(), &events);
        self.wake(id, tcp);
        if !events.is_empty() {
            self.refresh(session);
        }
        self.tell(session, events);
        if self.sessions.get(session).is_some_and(|session| self.is_long(session)) {
            self.long.push(session);
        }
        self.watch_close(id, at);
        if self.load.is_to_be_weighed() {
            self.lighten();
        }
    }

    /// A control connection that carries something makes its hosts parties and its session countable.
    fn wake(&mut self, id: ConnectionId, tcp: &Segment<'_>) {
        let Some(control) = self.controls.get_mut(&id) else { return };
        let established = self.flows.connection(id).is_some_and(|connection| connection.established.is_some());
        if control.alive || (tcp.payload_len == 0 && !established) {
            return;
        }
        control.alive = true;
        let index = control.session;
        let id = self.number(index);
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.id = id;
        let hosts = [session.client.ip(), session.server.ip()];
        self.correlator.session(index, session);
        for host in hosts {
            self.party(host);
        }
    }

    /// Who speaks is not forgotten.
    fn refresh(&mut self, index: SessionIndex) {
        let Some(session) = self.sessions.get(index) else { return };
        let hosts = [session.client.ip(), session.server.ip()];
        for host in hosts {
            self.party(host);
        }
    }

    fn tell(&mut self, index: SessionIndex, events: Vec<Event>) {
        for event in events {
            let Some(session) = self.sessions.get_mut(index) else { return };
            if self.settings.in_full {
                self.dialogues.note(index, &event);
            }
            let greeted = match &event {
                Event::Reply(reply) if session.greeting.is_none() && reply.code == 220 => Some(reply.at()),
                _ => None,
            };
            if let Some(at) = greeted {
                self.reached.note(session.client.ip(), session.server, at);
            }
            let answer = Answer::of(&event);
            let announced = session.event(event);
            if let Some(answer) = answer {
                self.prompt.answered(index, session, &answer);
                if let Some(transfer) = session.succeeded(answer.to) {
                    let offer = transfer.latest_offer.and_then(|offer| session.offers.get(offer));
                    self.correlator.succeeded(session, offer);
                }
            }
            let Some(number) = announced else { continue };
            self.correlator.claim(index, number, &mut self.sessions, &self.flows);
            let offer = self.sessions.get(index).and_then(|session| session.offers.get(number));
            if let Some((offer, socket)) = offer.and_then(|offer| Some((offer, offer.socket?))) {
                self.correlator.offered(index, number, socket, offer);
                self.prompt.announced(index, number);
                self.party(socket.ip());
            }
        }
    }

    /// Schedules the judgement of a session whose control connection has closed.
    fn watch_close(&mut self, id: ConnectionId, at: Stamp) {
        let Some(connection) = self.flows.connection(id) else { return };
        let closed = match connection.close() {
            Close::Reset { .. } | Close::TimeWait { .. } => true,
            Close::Open | Close::Half { .. } => false,
        };
        let Some(control) = self.controls.get_mut(&id) else { return };
        if closed && !control.closing {
            control.closing = true;
            self.closing.push_back((at.time.plus_seconds(GRACE), control.session));
        }
    }

    /// Reads what is still held back of a control connection, and books how it ended.
    pub(super) fn end_control(&mut self, id: ConnectionId) {
        let Some(mut control) = self.controls.remove(&id) else { return };
        self.silences.over(id, control.due);
        let mut events = Vec::new();
        let server_end = control.server_end;
        let dialogue = &mut control.dialogue;
        let channel = &mut control.channel;
        let keys: &Lookup<'_> = &|random| self.keys.of(random);
        let mut overheard = Vec::new();
        control.conversation.finish(&mut |piece| {
            let opaque = read((channel, keys), dialogue, server_end, piece, &mut events);
            if self.settings.overhear {
                overhear(id, server_end, piece, &opaque, &mut overheard);
            }
        });
        self.secrets.extend(control.dialogue.secrets());
        self.overheard.extend(overheard);
        self.tell(control.session, events);
        let conflicts = control.conversation.conflicts().iter().map(|conflict| (conflict.first, conflict.second));
        if let Some(session) = self.sessions.get_mut(control.session) {
            session.conflicts.extend(conflicts);
        }
        let Some(connection) = self.flows.connection(id) else { return };
        let name = |end: End| if end == server_end { "server" } else { "client" };
        let lost = |at: Stamp, by: End, verb: &str| ControlLoss {
            at,
            how: format!("the {} {verb} the control connection", name(by)),
            orderly_by_client: verb == "closed" && by != server_end,
            by_client: by != server_end,
        };
        let first_fin = connection.first_fin().map(|(end, fin)| (fin.at, end));
        let ended = match (connection.close(), first_fin) {
            (Close::Open, _) => None,
            // What follows the first FIN answers it.
            (Close::Reset { at, .. }, Some((fin, end))) if fin <= at => Some(lost(fin, end, "closed")),
            (Close::Reset { by, at }, _) => Some(lost(at, by, "reset")),
            (Close::TimeWait { .. }, first) => first.map(|(at, end)| lost(at, end, "closed")),
            (Close::Half { missing, since, .. }, _) => Some(lost(since, missing.peer(), "closed")),
        };
        let (server, client) = (connection.half(server_end), connection.half(server_end.peer()));
        // By another clock its FIN may seem to come before what it acknowledges.
        let said = client.fin.map_or(client.next, |fin| Some(fin.seq));
        let heard_all = server.fin.is_some_and(|fin| said == Some(fin.ack));
        let unheard = (server.segments == 0).then_some(connection.last);
        // What its sender denies having sent is not missing.
        let gaps = server.gaps().iter().filter(|_| server.lag().is_none());
        let missed = unheard.or_else(|| gaps.map(|gap| gap.at).max());
        if let Some(session) = self.sessions.get_mut(control.session)
            && let Some(end) = ended
        {
            session.ended(end, missed, heard_all);
        }
    }
}

fn speaker(server_end: End, end: End) -> Speaker {
    if end == server_end { Speaker::Server } else { Speaker::Client }
}

/// Adds a piece as it was read: as records where it is `opaque`.
fn overhear(
    connection: ConnectionId,
    server_end: End,
    piece: Piece<'_>,
    opaque: &[Range<usize>],
    out: &mut Vec<Overheard>,
) {
    let mut hear = |heard| out.push(Overheard { connection, heard });
    match piece {
        Piece::Bytes { from, bytes, .. } => {
            let speaker = speaker(server_end, from);
            let ends = opaque.iter().map(|records| records.end);
            let begins = opaque.iter().map(|records| records.start).chain([bytes.len()]);
            let text = std::iter::once(0).chain(ends).zip(begins).map(|(from, until)| from..until);
            let records = opaque.iter().cloned().map(Some).chain([None]);
            let part = |range: Range<usize>| bytes.get(range).filter(|part| !part.is_empty()).map(<[u8]>::to_vec);
            for (text, records) in text.zip(records) {
                if let Some(bytes) = part(text) {
                    hear(Heard::Text { speaker, bytes });
                }
                if let Some(bytes) = records.and_then(part) {
                    hear(Heard::Records { speaker, bytes });
                }
            }
        }
        Piece::Gap { from, len, .. } => hear(Heard::Gap { speaker: speaker(server_end, from), len }),
        Piece::Closed { .. } => {}
    }
}

/// Reads a piece; which parts of it are no text.
fn read(
    (channel, keys): (&mut Option<Box<Channel>>, &Lookup<'_>),
    dialogue: &mut Dialogue,
    server_end: End,
    piece: Piece<'_>,
    events: &mut Vec<Event>,
) -> Vec<Range<usize>> {
    let speaker = |end: End| speaker(server_end, end);
    match piece {
        Piece::Bytes { from, bytes, at, conflicting } => {
            let Some(channel) = channel else { return dialogue.bytes(speaker(from), bytes, at, conflicting, events) };
            let mut opaque = Vec::new();
            channel.push(side(from), bytes, keys, &mut |opened| match opened {
                Opened::Clear(part) => {
                    let text = bytes.get(part.clone()).unwrap_or_default();
                    let records = dialogue.bytes(speaker(from), text, at, conflicting, events);
                    opaque.extend(records.into_iter().map(|range| part.start + range.start..part.start + range.end));
                }
                Opened::Records(part) => opaque.push(part),
                Opened::Text(text) => drop(dialogue.bytes(speaker(from), text, at, conflicting, events)),
                Opened::Header(header) => {
                    let speaker = speaker(from);
                    events.extend(Record::of(header).map(|record| Event::Record { speaker, record, at }));
                }
                Opened::Lost(len) => dialogue.gap(speaker(from), len as u64, at, events),
            });
            return opaque;
        }
        Piece::Gap { from, len, at } => {
            if let Some(channel) = channel {
                channel.gap(side(from), len);
            }
            dialogue.gap(speaker(from), len, at, events);
        }
        Piece::Closed { from, at } => dialogue.closed(speaker(from), at, events),
    }
    Vec::new()
}

/// The number of an end.
fn side(end: End) -> usize {
    usize::from(end == End::Target)
}
