//! What the offers and transfers of a session tell of each other. Each question is answered for all of them at once: one
//! that looked at all others would make a long session cost the square of its length.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::witnesses::{What, Witnesses};
use crate::frame::{Interval, Stamp, Timestamp};
use crate::record::{AttemptOutcome, Outcome};
use crate::transfer::attempt::Attempt;
use crate::transfer::conclude::Conclusions;
use crate::transfer::concluded::Concluded;
use crate::transfer::offers::OfferNumber;
use crate::transfer::protection::unannounced_end;
use crate::transfer::session::Session;

/// All offers and transfers of a session.
pub struct Siblings<'a> {
    session: &'a Session,
    conclusions: &'a Conclusions<'a>,
    /// All of them, where they have been concluded already.
    known: Option<&'a [Concluded<'a>]>,
    lack_data: OnceCell<bool>,
    unannounced: OnceCell<bool>,
    facts: OnceCell<Facts>,
    habit: OnceCell<bool>,
    fresh_fail_there: OnceCell<HashSet<SocketAddr, RandomState>>,
    /// By who opens the connection and what was lost.
    witnesses: [OnceCell<Witnesses>; 4],
}

/// A data connection as evidence cites it.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Its SYN.
    pub at: Stamp,
    /// Who opened it.
    pub from: SocketAddr,
    /// To where.
    pub to: SocketAddr,
}

/// What most questions are answered by, in plain values: it takes no part in the lifetimes of what it was found in.
#[derive(Default)]
struct Facts {
    /// The completed transfers by offer, and the earliest endpoint command of each and those behind.
    completed: Vec<(OfferNumber, Timestamp)>,
    /// When data connections were established, in order.
    established: Vec<Stamp>,
    /// The transfers that failed without any data connection, by the socket of the offer in force.
    failures: HashMap<Option<SocketAddr>, Vec<Stamp>, RandomState>,
    /// The transfers that were served from the server's default data port, in order.
    served: Vec<Served>,
    /// The established data connections by who opened them, in the order of their transfers; before each the latest time
    /// so far.
    answered: HashMap<SocketAddr, Vec<(Stamp, Sent)>, RandomState>,
    /// Who opened data connections that nobody answered on 5-tuples without history.
    fresh_fail: HashSet<SocketAddr, RandomState>,
    /// From which ports the client opened data connections, and how often.
    client_ports: HashMap<u16, usize, RandomState>,
    /// What the offers of the session named.
    announced: HashSet<SocketAddr, RandomState>,
}

/// A transfer that was served from the server's default data port.
struct Served {
    /// The transfer command.
    at: Stamp,
    socket: Option<SocketAddr>,
    connection: Sent,
    /// The place of the next one with another socket.
    other: usize,
}

impl<'a> Siblings<'a> {
    /// Of a session; `known` are all of them, where they have been concluded already.
    pub fn of(session: &'a Session, conclusions: &'a Conclusions<'a>, known: Option<&'a [Concluded<'a>]>) -> Self {
        let (lack_data, unannounced, facts, habit, fresh_fail_there, witnesses) = Default::default();
        Self { session, conclusions, known, lack_data, unannounced, facts, habit, fresh_fail_there, witnesses }
    }

    /// All of them, where they have been concluded already.
    pub fn known(&self) -> Option<&'a [Concluded<'a>]> {
        self.known
    }

    fn with_all<T>(&self, find: impl for<'b> FnOnce(&'b [Concluded<'b>]) -> T) -> T {
        match self.known {
            Some(known) => find(known),
            None => find(&self.conclusions.all()),
        }
    }

    fn facts(&self) -> &Facts {
        self.facts.get_or_init(|| self.with_all(|all| Facts::of(self.session, all)))
    }

    /// Whether a transfer between the hosts of the session succeeded without any data connection that was captured.
    pub fn lack_data(&self) -> bool {
        let hosts = [self.session.client.ip(), self.session.server.ip()];
        // A third host's data connection passes elsewhere.
        let between = |one: &Concluded<'_>| {
            one.in_force().and_then(|offer| offer.socket).is_some_and(|socket| hosts.contains(&socket.ip()))
        };
        let lacks = |one: &Concluded<'_>| one.lacks_its_data() && between(one);
        *self.lack_data.get_or_init(|| match self.known {
            Some(known) => known.iter().any(lacks),
            None => self.conclusions.completed().any(|one| lacks(&one)),
        })
    }

    /// Whether a transfer completed whose sender ended TLS on the data connection without close_notify.
    pub fn completed_unannounced(&self) -> bool {
        let ends_so = |one: &Concluded<'_>| {
            let sent = one.transfer.zip(one.established());
            one.outcome() == Outcome::Completed
                && sent.is_some_and(|(transfer, attempt)| {
                    unannounced_end(attempt.connection, one.sender(transfer)).is_some()
                })
        };
        *self.unannounced.get_or_init(|| match self.known {
            Some(known) => known.iter().any(ends_so),
            None => self.conclusions.completed().any(|one| ends_so(&one)),
        })
    }

    /// Whether any offer of the session named that socket.
    pub fn announced(&self, socket: SocketAddr) -> bool {
        self.facts().announced.contains(&socket)
    }

    /// Whether a transfer completed whose endpoint was announced by a later offer than number `own`, less than so long
    /// behind that.
    pub fn completed_soon(&self, own: OfferNumber, at: Stamp, within: Interval) -> bool {
        let completed = &self.facts().completed;
        let behind = completed.get(completed.partition_point(|(offer, _)| *offer <= own));
        behind.is_some_and(|(_, earliest)| earliest.since(at.time) < within)
    }

    /// When the next data connection behind that moment was established.
    pub fn established_behind(&self, at: Stamp) -> Option<Stamp> {
        let established = &self.facts().established;
        established.get(established.partition_point(|other| *other <= at)).copied()
    }

    /// The transfers that failed without any data connection where the offer in force named that socket, in order.
    pub fn failures(&self, socket: Option<SocketAddr>) -> &[Stamp] {
        self.facts().failures.get(&socket).map_or(&[], Vec::as_slice)
    }

    /// The first transfer behind that moment that was served from the server's default data port to another socket: the
    /// transfer command, and its data connection.
    pub fn served_elsewhere(&self, socket: Option<SocketAddr>, behind: Stamp) -> Option<(Stamp, Sent)> {
        let served = &self.facts().served;
        let place = served.partition_point(|one| one.at <= behind);
        let next = served.get(place)?;
        let other = if next.socket == socket { served.get(next.other)? } else { next };
        Some((other.at, other.connection))
    }

    /// The first established data connection of `from` behind that moment, in the order of transfers.
    pub fn answered_behind(&self, from: SocketAddr, at: Stamp) -> Option<Sent> {
        let answered = self.facts().answered.get(&from)?;
        // The first one behind it is the one that makes the latest time so far later than it.
        answered.get(answered.partition_point(|(latest, _)| *latest <= at)).map(|(_, sent)| *sent)
    }

    /// Whether SYNs of `from` on a 5-tuple without history went unanswered.
    pub fn fresh_fail(&self, from: SocketAddr) -> bool {
        self.facts().fresh_fail.contains(&from)
    }

    /// Likewise on the other side of a NAT, of which `find` tells whose did.
    pub fn fresh_fail_there(&self, from: SocketAddr, find: impl FnOnce() -> HashSet<SocketAddr, RandomState>) -> bool {
        self.fresh_fail_there.get_or_init(find).contains(&from)
    }

    /// From which ports the client opened data connections, and how often.
    pub fn client_ports(&self) -> &HashMap<u16, usize, RandomState> {
        &self.facts().client_ports
    }

    /// Whether the client reuses its ports by habit, which `find` tells.
    pub fn is_habit(&self, find: impl for<'b> FnOnce(&'b [Concluded<'b>]) -> bool) -> bool {
        *self.habit.get_or_init(|| self.with_all(find))
    }

    /// The data connections that cross between both sides of the capture, which `find` tells.
    pub fn witnesses(
        &self,
        by_client: bool,
        what: What,
        find: impl for<'b> FnOnce(&'b [Concluded<'b>]) -> Witnesses,
    ) -> Option<&Witnesses> {
        let place = usize::from(by_client) + if what == What::Syn { 0 } else { 2 };
        Some(self.witnesses.get(place)?.get_or_init(|| self.with_all(find)))
    }
}

impl Facts {
    fn of(session: &Session, all: &[Concluded<'_>]) -> Self {
        let announced = session.offers.iter().filter_map(|offer| offer.socket).collect();
        let mut facts = Self { announced, ..Self::default() };
        for one in all {
            let outcome = one.outcome();
            let socket = one.in_force().and_then(|offer| offer.socket);
            if let (Outcome::Completed, Some(number), Some(offer)) = (outcome, one.offer_number, one.offer) {
                facts.completed.push((number, offer.command.at().time));
            }
            if let (Outcome::Failed, Some(transfer), true) = (outcome, one.transfer, one.attempts.is_empty()) {
                facts.failures.entry(socket).or_default().push(transfer.at());
            }
            let established = one.established();
            facts.established.extend(established.map(Attempt::at));
            let by_default = established.filter(|attempt| attempt.from().port() == session.default_data_port());
            if let (Outcome::Completed, Some(transfer), Some(attempt)) = (outcome, one.transfer, by_default) {
                let connection = Sent { at: attempt.at(), from: attempt.from(), to: attempt.to() };
                facts.served.push(Served { at: transfer.at(), socket, connection, other: 0 });
            }
            facts.attempts(session, one);
        }
        facts.in_order();
        facts
    }

    fn attempts(&mut self, session: &Session, one: &Concluded<'_>) {
        for attempt in &one.attempts {
            let (at, from, to) = (attempt.at(), attempt.from(), attempt.to());
            match attempt.outcome() {
                AttemptOutcome::Established => {
                    let answered = self.answered.entry(from).or_default();
                    // Kept as a running maximum, so that a binary search finds the first one behind a moment.
                    let latest = answered.last().map_or(at, |(latest, _)| at.max(*latest));
                    answered.push((latest, Sent { at, from, to }));
                }
                AttemptOutcome::Unanswered if attempt.previous.is_none() => drop(self.fresh_fail.insert(from)),
                AttemptOutcome::Unanswered
                | AttemptOutcome::Refused
                | AttemptOutcome::Icmp
                | AttemptOutcome::Challenged
                | AttemptOutcome::Aborted
                | AttemptOutcome::Unknown => {}
            }
            if attempt.connection.origin.ip() == session.client.ip() {
                *self.client_ports.entry(from.port()).or_default() += 1;
            }
        }
    }

    fn in_order(&mut self) {
        self.established.sort_unstable();
        self.completed.sort_unstable();
        let mut earliest = Timestamp(i64::MAX);
        for (_, at) in self.completed.iter_mut().rev() {
            earliest = earliest.min(*at);
            *at = earliest;
        }
        let mut next: Option<(Option<SocketAddr>, usize)> = None;
        for (place, served) in self.served.iter_mut().enumerate().rev() {
            served.other = match next {
                Some((socket, other)) if socket == served.socket => other,
                _ => place + 1,
            };
            next = Some((served.socket, served.other));
        }
    }
}
