//! A session that the capture shows on both sides of a NAT: two control connections, one session.
//!
//! Each view is followed for itself. Both have one number, are judged together when both are over, and are told as one.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

use super::Pipeline;
use crate::finding::{SessionId, TransferId};
use crate::flow::{Connection, ConnectionId, SynSeen, TRANSLATED_SECONDS};
use crate::frame::Stamp;
use crate::record::{Numbers, ViewRecord};
use crate::transfer::attempt::Attempt;
use crate::transfer::conclude::Conclusions;
use crate::transfer::concluded::Concluded;
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;
use crate::transfer::{OtherView, Same, Twin};

/// The newest control connections whose first sequence numbers are compared.
const RECENT_ISNS: usize = 64;

/// Commands of one moment that are compared with one of the other view, before and behind it.
const NEAR: usize = 64;

/// The same transfer or offer in both views, by its place in each.
pub(super) type Places = [Option<usize>; 2];

impl Pipeline {
    /// A control connection that starts with the same sequence number on another tuple at the same moment may be the same
    /// connection on the other side of a NAT; gives that one.
    pub(super) fn pair_views(&mut self, id: ConnectionId, index: SessionIndex) -> Option<ConnectionId> {
        let connection = self.flows.connection(id)?;
        // Picked up mid-stream, it is known by where it begins.
        let isn = connection.isn().or(connection.from_origin.first_seq)?;
        let at = connection.first;
        self.recent_isns.retain(|(_, _, seen)| at.since(*seen).abs() < TRANSLATED_SECONDS);
        let shown = |twin: &SessionIndex| {
            self.sessions.get(*twin).and_then(|session| session.twin).is_some_and(|twin| twin.shown)
        };
        let mut alike = self.recent_isns.iter().rev().filter(|(other, _, _)| *other == isn).map(|(_, twin, _)| *twin);
        let twin = alike.find(|twin| !shown(twin));
        if let Some(twin) = twin {
            let before = self.sessions.get(twin).and_then(|session| session.twin);
            if let Some(left) = before.and_then(|before| self.sessions.get_mut(before.index)) {
                left.twin = None;
            }
            for (one, other) in [(index, twin), (twin, index)] {
                if let Some(session) = self.sessions.get_mut(one) {
                    session.twin = Some(Twin { index: other, shown: false });
                }
            }
        }
        if self.recent_isns.len() >= RECENT_ISNS {
            self.recent_isns.remove(0);
        }
        self.recent_isns.push((isn, index, at));
        twin.and_then(|twin| self.sessions.get(twin)).map(|session| session.control)
    }

    /// The other view of a session, if both are shown to be one and that one is under way. Once shown, they stay one.
    pub(super) fn other_view(&mut self, index: SessionIndex) -> Option<SessionIndex> {
        let session = self.sessions.get(index)?;
        let twin = session.twin?;
        let other = self.sessions.get(twin.index)?;
        if !twin.shown {
            let [here, there] = [session.control, other.control].map(|id| self.flows.connection(id));
            if !here?.is_other_side_of(there?) {
                return None;
            }
            for (one, other) in [(index, twin.index), (twin.index, index)] {
                if let Some(session) = self.sessions.get_mut(one) {
                    session.twin = Some(Twin { index: other, shown: true });
                }
            }
        }
        Some(twin.index)
    }

    /// The number of a session that has turned out to be one: that of its other view, else the next.
    pub(super) fn number(&mut self, index: SessionIndex) -> SessionId {
        let other = self.other_view(index).and_then(|other| self.sessions.get(other));
        if let Some(other) = other.filter(|other| other.id.0 > 0) {
            return other.id;
        }
        let id = SessionId(self.next_session);
        self.next_session += 1;
        id
    }

    /// Takes a session out, with its other view if it has one, and tells each of both what the other one shows. The one
    /// that the session is to be told by comes first.
    pub(super) fn take_views(&mut self, index: SessionIndex) -> Vec<(SessionIndex, Box<Session>)> {
        let indices = [Some(index), self.other_view(index)];
        let sessions = indices.into_iter().flatten().filter_map(|index| Some((index, self.sessions.take(index)?)));
        let mut sessions: Vec<_> = sessions.collect();
        if let [one, other] = sessions.as_slice() {
            let id = [one.1.id, other.1.id].into_iter().filter(|id| id.0 > 0).min().unwrap_or(one.1.id);
            let as_seen_by = |viewer: &Session, (index, session): &(SessionIndex, Box<Session>)| {
                let control = self.flows.connection(session.control)?;
                let concluded = Conclusions::of(*index, session, &self.flows, &self.correlator).all();
                Some(session.as_other_view(&self.flows, control, &concluded, &Same::of(session, viewer)))
            };
            let mut views = [as_seen_by(&one.1, other), as_seen_by(&other.1, one)];
            for ((_, session), view) in sessions.iter_mut().zip(&mut views) {
                (session.id, session.other_view) = (id, view.take());
            }
            if is_second_better(&sessions[0].1, &sessions[1].1) {
                sessions.swap(0, 1);
            }
        }
        sessions
    }

    /// Puts back what was taken out for a moment.
    pub(super) fn put_views_back(&mut self, sessions: Vec<(SessionIndex, Box<Session>)>) {
        for (index, mut session) in sessions {
            session.other_view = None;
            self.sessions.put_back(index, session);
        }
    }

    /// Whether a session is to be judged later, with its other view, which goes on.
    pub(super) fn waits_for_other_view(&mut self, index: SessionIndex) -> bool {
        let Some(other) = self.other_view(index) else { return false };
        let control = self.sessions.get(other).and_then(|other| self.controls.get(&other.control));
        control.is_some_and(|control| !control.is_closing())
    }
}

/// Whether the second of two views is the better one to tell the session by: it holds more, else it is the client's side.
fn is_second_better(first: &Session, second: &Session) -> bool {
    let held = [first, second].map(|view| view.transfers.len() + view.offers.len());
    let views = second.other_view.as_ref().zip(first.other_view.as_ref());
    let is_clients = views.is_some_and(|(first, own)| first.is_server_side(own.ttl, second.first));
    held[1] > held[0] || held[0] == held[1] && is_clients
}

/// A command of a view: what it is known by there, when it came, and its verb.
struct Word<'a, K> {
    key: K,
    at: Stamp,
    verb: &'a str,
}

/// The commands of two views that are the same: of those with one verb the nearest in time, each being the other's nearest.
/// Both are in order of time.
fn same_words<K: Copy>(own: &[Word<'_, K>], other: &[Word<'_, K>]) -> Vec<(K, K)> {
    let nearest = |word: &Word<'_, K>, all: &[Word<'_, K>]| {
        let middle = all.partition_point(|other| other.at < word.at);
        let around = middle.saturating_sub(NEAR)..all.len().min(middle.saturating_add(NEAR));
        let apart = |place: &usize| all[*place].at.since(word.at).abs();
        let alike = around.filter(|place| all[*place].verb == word.verb && apart(place) < TRANSLATED_SECONDS);
        alike.min_by(|one, other| apart(one).cmp(&apart(other)))
    };
    let mutual = own.iter().enumerate().filter_map(|(place, word)| {
        let there = other.get(nearest(word, other)?)?;
        (nearest(there, own) == Some(place)).then_some((word.key, there.key))
    });
    mutual.collect()
}

/// What both views conclude, the same side by side, in order of time.
pub(super) fn side_by_side(own: &[Concluded<'_>], other: &[Concluded<'_>]) -> Vec<Places> {
    let mut there: HashMap<usize, usize, RandomState> = same_words(&words(own), &words(other)).into_iter().collect();
    let alone = |all: &[Concluded<'_>]| -> Vec<(usize, ConnectionId)> {
        let unasked = all.iter().enumerate().filter(|(_, one)| verb(one).is_none());
        unasked.filter_map(|(place, one)| Some((place, one.attempts.first()?.connection.id))).collect()
    };
    let of_connection: HashMap<ConnectionId, usize, RandomState> =
        alone(other).into_iter().map(|(place, id)| (id, place)).collect();
    for (place, _) in alone(own) {
        let twin = own[place].attempts.first().and_then(|attempt| attempt.connection.elsewhere());
        there.extend(twin.and_then(|twin| of_connection.get(&twin)).map(|other| (place, *other)));
    }
    let taken: HashSet<usize, RandomState> = there.values().copied().collect();
    let shown = own.iter().enumerate().map(|(place, one)| (one.at(), [Some(place), there.get(&place).copied()]));
    let only_other = other.iter().enumerate().filter(|(place, _)| !taken.contains(place));
    let mut places: Vec<(Option<Stamp>, Places)> =
        shown.chain(only_other.map(|(place, one)| (one.at(), [None, Some(place)]))).collect();
    places.sort_by_key(|(at, _)| *at);
    places.into_iter().map(|(_, places)| places).collect()
}

fn words<'a>(all: &'a [Concluded<'a>]) -> Vec<Word<'a, usize>> {
    let words = all.iter().enumerate();
    words.filter_map(|(key, one)| Some(Word { key, at: one.at()?, verb: verb(one)? })).collect()
}

/// The verb of what was asked for.
fn verb<'a>(one: &Concluded<'a>) -> Option<&'a str> {
    let command = one.transfer.map(|transfer| &transfer.command).or(one.offer.map(|offer| &offer.command))?;
    Some(&command.name)
}

impl Same {
    /// Of the offers and transfers of a session, as another view of it numbers them.
    fn of(session: &Session, viewer: &Session) -> Self {
        fn offers(session: &Session) -> Vec<Word<'_, usize>> {
            let offers = session.offers.numbered();
            offers.map(|(key, offer)| Word { key, at: offer.at(), verb: &offer.command.name }).collect()
        }
        fn transfers(session: &Session) -> Vec<Word<'_, TransferId>> {
            let transfers = session.transfers.iter();
            transfers.map(|one| Word { key: one.id, at: one.at(), verb: &one.command.name }).collect()
        }
        Self {
            offers: same_words(&offers(session), &offers(viewer)).into_iter().collect(),
            transfers: same_words(&transfers(session), &transfers(viewer)).into_iter().collect(),
        }
    }
}

/// Whether both may be one transfer or offer: the same was asked for at the same moment.
pub(super) fn is_same(one: &Concluded<'_>, other: &Concluded<'_>) -> bool {
    let soon = one.at().zip(other.at()).is_some_and(|(one, other)| one.since(other).abs() < TRANSLATED_SECONDS);
    soon && verb(one).is_some() && verb(one) == verb(other)
}

/// The data connections of the other view that this one does not show too.
pub(super) fn only_there<'a>(own: &[Attempt<'_>], other: &[Attempt<'a>]) -> Vec<Attempt<'a>> {
    let here = own.iter().map(|attempt| attempt.connection);
    let here: HashSet<ConnectionId> = here.flat_map(|one| [Some(one.id), one.elsewhere()]).flatten().collect();
    let is_here = |one: &Connection| here.contains(&one.id) || one.elsewhere().is_some_and(|id| here.contains(&id));
    other.iter().filter(|there| !is_here(there.connection)).copied().collect()
}

/// A view, as it is told. `segment` names its place.
pub(super) fn view(
    session: &Session,
    control: &Connection,
    concluded: &[Concluded<'_>],
    segment: impl Fn(&SynSeen) -> String,
) -> Option<ViewRecord> {
    let syn = control.syns.first()?;
    let attempts = concluded.iter().flat_map(|one| &one.attempts);
    let differs = |other: &OtherView| {
        session
            .offers
            .numbered()
            .any(|(number, offer)| other.offers.get(&number).is_some_and(|there| there.line_len != offer.line_len()))
    };
    Some(ViewRecord {
        client: session.client,
        server: session.server,
        capture: syn.at.capture,
        interface: syn.interface,
        segment: segment(syn),
        numbers: if session.other_view.as_ref().is_some_and(differs) { Numbers::Shifted } else { Numbers::Same },
        first: session.first,
        last: session.last,
        data: attempts.map(|attempt| (attempt.from(), attempt.to())).collect(),
        announced: session.offers.iter().filter_map(|offer| offer.socket).collect(),
    })
}
