//! Control connections as sessions: what they tell becomes offers and transfers, makes hosts parties, and sets deadlines.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::control::{Control, Told};
use super::keys::Keys;
use super::rollover::is_long;
use super::{Heard, Model, Overheard};
use crate::decrypt::{self, Lookup};
use crate::finding::SessionId;
use crate::flow::{Close, Connection, ConnectionId, End};
use crate::frame::{Interval, Stamp, Timestamp};
use crate::ftp::Event;
use crate::pipeline::schedule::{AT_ONCE, Deadline, Schedule, Subject};
use crate::transfer::session::Session;
use crate::transfer::sessions::{SessionIndex, Sessions};
use crate::wire::{IpHeader, Segment};

/// A session is judged this long after its control connection has closed: the last data connection closes, and host
/// stacks finish retrying, within it. In packet time.
const GRACE: Interval = Interval::seconds(3);

/// A data SYN may be recorded this long behind the reply that reports on it.
const SETTLES: Interval = Interval::millis(60);

/// A refused endpoint command is judged this late, for the client may fall back to another.
const FALLS_BACK: Interval = Interval::millis(10_500);

impl Model {
    /// Begins to follow a connection as a control connection. `server` is known when its content told; otherwise
    /// the named port does.
    pub(super) fn start_control(&mut self, id: ConnectionId, server: Option<SocketAddr>, schedule: &mut Schedule) {
        let Some(connection) = self.flows.connection(id) else { return };
        let server_end = match server.and_then(|server| connection.end_of(server)) {
            Some(end) => end,
            None if self.is_control_port(connection.target.port()) => End::Target,
            None => End::Origin,
        };
        let (server, client) = (connection.socket(server_end), connection.socket(server_end.peer()));
        let (first, key) = (connection.first, connection.key);
        let session = self.sessions.push(Session::new(SessionId(0), id, client, server, first));
        let control = Control::new(connection, session, server_end, self.keys.are_wanted());
        // Before the new one is in: it has said nothing yet and would be the first to go.
        if self.controls.are_full() {
            self.evict_control(schedule);
        }
        self.contact(client.ip());
        self.contact(server.ip());
        let twin = self.pair_views(id, session);
        if self.overhear {
            let heard = Heard::Opened { key, client, first, twin };
            self.overheard.push(Overheard { connection: id, heard });
        }
        self.controls.insert(id, control);
    }

    /// Ends the control connection whose turn it is and has its session judged; the bytes it held, if there was one.
    fn evict_control(&mut self, schedule: &mut Schedule) -> Option<usize> {
        let control = self.controls.evict()?;
        let (id, last, session, weight) = (control.id(), control.last(), control.session(), control.weight());
        self.end_control(id, schedule);
        schedule.set(last.time, Deadline::Session(session));
        Some(weight + self.sessions.get(session).map_or(0, Session::weight))
    }

    /// Takes a segment of a control connection.
    pub(super) fn feed_control(
        &mut self,
        id: ConnectionId,
        (from, at): (End, Stamp),
        (ip, tcp): (&IpHeader, &Segment<'_>),
        schedule: &mut Schedule,
    ) {
        let Some(control) = self.controls.get_mut(id) else { return };
        let index = control.session();
        let (told, step) = self
            .keys
            .known_to(hosts(self.sessions.get(index)), |keys| control.push((from, at), (ip, tcp), keys, self.overhear));
        if let Some(session) = self.sessions.get_mut(index) {
            session.last = session.last.max(at);
            session.stepped(step);
        }
        note_tls(control, at, &mut self.sessions, &mut self.keys);
        self.budget.add(tcp.payload.len(), &told.events);
        self.wake(id, tcp);
        if !told.events.is_empty() {
            self.refresh(index);
        }
        self.hear(index, told, schedule);
        if self.sessions.get(index).is_some_and(is_long) {
            schedule.set(AT_ONCE, Deadline::Rollover(index));
        }
        self.watch_close(id, at, schedule);
        if self.budget.is_to_be_measured() {
            self.keep_within_budget(schedule);
        }
    }

    /// Takes all keys that are known now; reads what has waited for them.
    pub(in crate::pipeline) fn learn_keys(&mut self, keys: Arc<decrypt::Keys>, schedule: &mut Schedule) {
        self.keys.give(keys);
        for id in self.keys.waiting() {
            let Some(control) = self.controls.get_mut(id) else { continue };
            let (index, last) = (control.session(), control.last());
            let told = self.keys.known_to(hosts(self.sessions.get(index)), |keys| control.learn(keys));
            note_tls(control, last, &mut self.sessions, &mut self.keys);
            self.budget.add(0, &told.events);
            self.hear(index, told, schedule);
        }
    }

    /// The keys of control connections that the master of an earlier one opened.
    pub(in crate::pipeline) fn resumed(&self) -> &decrypt::Keys {
        self.keys.resumed()
    }

    /// Whether a control connection waits for its keys.
    pub(in crate::pipeline) fn wants_keys(&self) -> bool {
        self.keys.are_waited_for()
    }

    /// Reads the alerts of a data connection that ends.
    pub(super) fn open_alerts(&mut self, id: ConnectionId, [one, other]: [IpAddr; 2]) {
        let begins_tls = |connection: &Connection| {
            connection.from_origin.tls_records().is_some() || connection.from_target.tls_records().is_some()
        };
        if !self.keys.are_wanted() || !self.flows.connection(id).is_some_and(begins_tls) {
            return;
        }
        let resumable = [self.keys.resumable([one, other]), self.keys.resumable([other, one])].concat();
        self.flows.open_alerts(id, Lookup { known: &|random| self.keys.of(random), resumable: &resumable });
    }

    /// A control connection that carries something makes its hosts parties and its session countable.
    fn wake(&mut self, id: ConnectionId, tcp: &Segment<'_>) {
        let Some(control) = self.controls.get_mut(id) else { return };
        let established = self.flows.connection(id).is_some_and(|connection| connection.established.is_some());
        if control.is_alive() || (tcp.payload_len == 0 && !established) {
            return;
        }
        control.wakes();
        let index = control.session();
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

    /// What a control connection has told becomes part of its session.
    fn hear(&mut self, index: SessionIndex, told: Told, schedule: &mut Schedule) {
        self.secrets.extend(told.secrets);
        self.overheard.extend(told.overheard.into_iter().flatten());
        for event in told.events {
            self.event(index, event, schedule);
        }
    }

    fn event(&mut self, index: SessionIndex, event: Event, schedule: &mut Schedule) {
        let Some(session) = self.sessions.get_mut(index) else { return };
        if let Some(dialogues) = &mut self.dialogues {
            dialogues.note(index, &event);
        }
        let reply = match &event {
            Event::Reply(reply) => Some(reply),
            _ => None,
        };
        if let Some(greeting) = reply.filter(|reply| session.greeting.is_none() && reply.code == 220) {
            self.reached.note(session.client.ip(), session.server, greeting.at());
        }
        let is_final = reply.filter(|reply| !reply.is_preliminary());
        let answer = is_final.and_then(|reply| Some((reply.answers?, reply.at(), reply.is_failure())));
        let announced = session.event(event);
        if let Some((to, at, refuses)) = answer {
            if let Some(transfer) = session.transfer_of(to) {
                let subject = Subject::Transfer(transfer.id);
                schedule.set(at.time.plus(SETTLES), Deadline::Subject(index, subject));
            } else if let Some(offer) = session.offers.number_of(to).filter(|_| refuses) {
                schedule.set(at.time.plus(FALLS_BACK), Deadline::Subject(index, Subject::Offer(offer)));
            }
            if let Some(transfer) = session.succeeded(to) {
                let offer = transfer.latest_offer.and_then(|offer| session.offers.get(offer));
                self.correlator.succeeded(session, offer);
            }
        }
        let Some(number) = announced else { return };
        // A data connection may have been captured before the line that announces it.
        self.correlator.claim(index, number, &mut self.sessions, &self.flows);
        let offer = self.sessions.get(index).and_then(|session| session.offers.get(number));
        if let Some((offer, socket)) = offer.and_then(|offer| Some((offer, offer.socket?))) {
            self.correlator.offered(index, number, socket, offer);
            schedule.set(AT_ONCE, Deadline::Announced(index, number));
            self.party(socket.ip());
        }
    }

    /// Schedules the judgement of a session whose control connection has closed.
    fn watch_close(&mut self, id: ConnectionId, at: Stamp, schedule: &mut Schedule) {
        let Some(connection) = self.flows.connection(id) else { return };
        let closed = match connection.close() {
            Close::Reset { .. } | Close::TimeWait { .. } => true,
            Close::Open | Close::Half { .. } => false,
        };
        let Some(control) = self.controls.get_mut(id).filter(|_| closed) else { return };
        if let Some(index) = control.closes() {
            schedule.set(at.time.plus(GRACE), Deadline::Session(index));
            if let Some(session) = self.sessions.get_mut(index) {
                session.shrink();
            }
        }
    }

    /// Has the sessions judged whose control connections have been silent for too long.
    pub(in crate::pipeline) fn close_idle(&mut self, now: Timestamp, schedule: &mut Schedule) {
        let is_stalled = |id| {
            let connection = self.flows.connection(id);
            connection.is_some_and(|one| {
                [End::Origin, End::Target].into_iter().any(|end| !one.half(end).unacknowledged().is_empty())
            })
        };
        for id in self.controls.idle(now, is_stalled) {
            let Some(control) = self.controls.get_mut(id) else { continue };
            if let Some(session) = control.closes() {
                schedule.set(control.last().time, Deadline::Session(session));
            }
        }
    }

    /// Measures what is held, and lets go of control connections, the longest silent first, until it is well within the
    /// budget.
    fn keep_within_budget(&mut self, schedule: &mut Schedule) {
        let mut held = self.controls.weight() + self.sessions.iter().map(Session::weight).sum::<usize>();
        while self.budget.is_exceeded_by(held)
            && let Some(weight) = self.evict_control(schedule)
        {
            held = held.saturating_sub(weight);
        }
        self.budget.measured(held);
    }

    /// The capture has ended, and so has every control connection.
    pub(in crate::pipeline) fn end_controls(&mut self, schedule: &mut Schedule) {
        for id in self.controls.ids() {
            self.end_control(id, schedule);
        }
    }

    /// A session, with its other view if it has one, is over: nothing more will come of its control connections.
    pub(in crate::pipeline) fn end_session(&mut self, index: SessionIndex, schedule: &mut Schedule) {
        for index in std::iter::once(index).chain(self.other_view(index)) {
            if let Some(control) = self.sessions.get(index).map(|session| session.control) {
                self.end_control(control, schedule);
            }
        }
    }

    /// Reads what is still held back of a control connection, and books how it ended.
    fn end_control(&mut self, id: ConnectionId, schedule: &mut Schedule) {
        let Some(mut control) = self.controls.remove(id) else { return };
        let index = control.session();
        let hosts = hosts(self.sessions.get(index));
        let told = self.keys.known_to(hosts, |keys| control.finish(keys, self.overhear));
        note_tls(&control, control.last(), &mut self.sessions, &mut self.keys);
        self.keys.waits(id, false);
        self.hear(index, told, schedule);
        let Some(session) = self.sessions.get_mut(index) else { return };
        session.conflicts.extend(control.conflicts());
        if let Some((end, missed, heard_all)) = self.flows.connection(id).and_then(|connection| control.end(connection))
        {
            session.ended(end, missed, heard_all);
        }
    }

    /// A session was judged for good.
    pub(in crate::pipeline) fn forget_session(&mut self, index: SessionIndex) {
        let Some(session) = self.sessions.take(index) else { return };
        self.correlator.over(index, &session);
        if let Some(dialogues) = &mut self.dialogues {
            dialogues.forget(index);
        }
    }
}

/// The two hosts of a session.
fn hosts(session: Option<&Session>) -> Option<[IpAddr; 2]> {
    session.map(|session| [session.client.ip(), session.server.ip()])
}

/// Books what is known of the TLS of a control connection as of that frame.
fn note_tls(control: &Control, at: Stamp, sessions: &mut Sessions, keys: &mut Keys) {
    let tls = control.tls();
    let Some(session) = sessions.get_mut(control.session()) else { return };
    if tls.is_some_and(|tls| tls.unread.is_some()) {
        session.tls_unread.get_or_insert(at);
    }
    session.tls = tls.or(session.tls);
    if let Some((random, master)) = control.master() {
        keys.remember([session.client.ip(), session.server.ip()], random, master);
    }
    keys.waits(control.id(), control.waits_for_keys());
}
