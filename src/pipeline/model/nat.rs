//! A session that the capture shows on both sides of a NAT: two control connections, one session.
//!
//! Each view is followed for itself. Both have one number, are judged together when both are over, and are told as one.

use super::Model;
use crate::finding::SessionId;
use crate::flow::{ConnectionId, TRANSLATED};
use crate::frame::Stamp;
use crate::transfer::conclude::Conclusions;
use crate::transfer::session::Session;
use crate::transfer::sessions::SessionIndex;
use crate::transfer::{Same, Twin};
use crate::wire::Seq;

/// The newest control connections whose first sequence numbers are compared.
const RECENT: usize = 64;

/// The first sequence numbers of the newest control connections.
#[derive(Debug, Default)]
pub(super) struct NatPairs(Vec<(Seq, SessionIndex, Stamp)>);

impl NatPairs {
    /// A session has begun: the other ones that began with this number about then, the newest first.
    fn alike(&mut self, isn: Seq, at: Stamp) -> impl Iterator<Item = SessionIndex> {
        self.0.retain(|(_, _, seen)| at.since(*seen).abs() < TRANSLATED);
        self.0.iter().rev().filter(move |(other, _, _)| *other == isn).map(|(_, index, _)| *index)
    }

    fn push(&mut self, isn: Seq, index: SessionIndex, at: Stamp) {
        if self.0.len() >= RECENT {
            self.0.remove(0);
        }
        self.0.push((isn, index, at));
    }
}

impl Model {
    /// A control connection that starts with the same sequence number on another tuple at the same moment may be the same
    /// connection on the other side of a NAT; gives that one.
    pub(super) fn pair_views(&mut self, id: ConnectionId, index: SessionIndex) -> Option<ConnectionId> {
        let connection = self.flows.connection(id)?;
        // Picked up mid-stream, it is known by where it begins.
        let isn = connection.isn().or(connection.from_origin.first_seq)?;
        let at = connection.first;
        let shown = |twin: &SessionIndex| {
            self.sessions.get(*twin).and_then(|session| session.twin).is_some_and(|twin| twin.shown)
        };
        let twin = self.nat.alike(isn, at).find(|twin| !shown(twin));
        if let Some(twin) = twin {
            let before = self.sessions.get(twin).and_then(|session| session.twin);
            if let Some(left) = before.and_then(|before| self.sessions.get_mut(before.index)) {
                left.twin = None;
            }
            self.set_twins([index, twin], false);
        }
        self.nat.push(isn, index, at);
        twin.and_then(|twin| self.sessions.get(twin)).map(|session| session.control)
    }

    fn set_twins(&mut self, [own, other]: [SessionIndex; 2], shown: bool) {
        for (one, other) in [(own, other), (other, own)] {
            if let Some(session) = self.sessions.get_mut(one) {
                session.twin = Some(Twin { index: other, shown });
            }
        }
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
            self.set_twins([index, twin.index], true);
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

    /// The views of a session, one or two, each of which has been told what the other one shows. The one that the session
    /// is to be told by comes first. Until [`Self::part_views`].
    pub(in crate::pipeline) fn join_views(&mut self, index: SessionIndex) -> Vec<SessionIndex> {
        let other = self.other_view(index);
        let mut indices: Vec<SessionIndex> = std::iter::once(index).chain(other).collect();
        indices.retain(|index| self.sessions.get(*index).is_some());
        if let [one, other] = indices[..] {
            self.tell_each_other([one, other]);
            let views = self.sessions.get(one).zip(self.sessions.get(other));
            if views.is_some_and(|(one, other)| is_second_better(one, other)) {
                indices.swap(0, 1);
            }
        }
        indices
    }

    fn tell_each_other(&mut self, pair: [SessionIndex; 2]) {
        let sessions = pair.map(|index| self.sessions.get(index));
        let [Some(one), Some(other)] = sessions else { return };
        let ids = [one.id, other.id].into_iter().filter(|id| id.0 > 0);
        let id = ids.min().unwrap_or(one.id);
        let as_seen_by = |viewer: &Session, index: SessionIndex, session: &Session| {
            let control = self.flows.connection(session.control)?;
            let concluded = Conclusions::of(index, session, &self.flows, &self.correlator).all();
            Some(session.as_other_view(&self.flows, control, &concluded, &Same::of(session, viewer)))
        };
        let views = [as_seen_by(one, pair[1], other), as_seen_by(other, pair[0], one)];
        for (index, view) in pair.into_iter().zip(views) {
            if let Some(session) = self.sessions.get_mut(index) {
                (session.id, session.other_view) = (id, view);
            }
        }
    }

    /// The views of a session go on, each by itself.
    pub(in crate::pipeline) fn part_views(&mut self, views: &[SessionIndex]) {
        for index in views {
            if let Some(session) = self.sessions.get_mut(*index) {
                session.other_view = None;
            }
        }
    }

    /// Whether a session is to be judged later, with its other view, which goes on.
    pub(in crate::pipeline) fn waits_for_other_view(&mut self, index: SessionIndex) -> bool {
        let Some(other) = self.other_view(index) else { return false };
        let control = self.sessions.get(other).and_then(|other| self.controls.get(other.control));
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
