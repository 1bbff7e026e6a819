//! The control connections that are followed, within their bound.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::control::Control;
use super::eviction::EvictionQueue;
use super::idle::IdleTimeouts;
use crate::flow::ConnectionId;
use crate::frame::Timestamp;

/// Control connections followed at once; the one longest silent is judged early when there are more.
const CONTROLS: usize = 16_384;

/// The control connections that are followed.
pub(super) struct Controls {
    followed: HashMap<ConnectionId, Box<Control>, RandomState>,
    most: usize,
    eviction: EvictionQueue,
    idle: IdleTimeouts,
    evicted: u64,
}

impl Controls {
    /// None yet. `scaled` turns the bound into what it is within the memory that is allowed.
    pub(super) fn holding(scaled: impl Fn(usize) -> usize) -> Self {
        Self {
            followed: HashMap::default(),
            most: scaled(CONTROLS),
            eviction: EvictionQueue::default(),
            idle: IdleTimeouts::default(),
            evicted: 0,
        }
    }

    /// Whether one has to go before another can be followed.
    pub(super) fn are_full(&self) -> bool {
        self.followed.len() >= self.most
    }

    /// Follows one more.
    pub(super) fn insert(&mut self, id: ConnectionId, mut control: Control) {
        let first = control.last();
        control.look_at(self.idle.begun(id, first.time));
        self.followed.insert(id, Box::new(control));
        let followed = &self.followed;
        self.eviction.begun(id, first, self.most, |id| followed.get(&id).map(|control| control.progress()));
    }

    /// Whether a connection is followed.
    pub(super) fn contains(&self, id: ConnectionId) -> bool {
        self.followed.contains_key(&id)
    }

    /// One of them.
    pub(super) fn get(&self, id: ConnectionId) -> Option<&Control> {
        self.followed.get(&id).map(Box::as_ref)
    }

    /// Likewise, to be changed.
    pub(super) fn get_mut(&mut self, id: ConnectionId) -> Option<&mut Control> {
        self.followed.get_mut(&id).map(Box::as_mut)
    }

    /// One is over.
    pub(super) fn remove(&mut self, id: ConnectionId) -> Option<Box<Control>> {
        let control = self.followed.remove(&id)?;
        self.idle.over(id, control.due());
        Some(control)
    }

    /// All of them, in the order in which they began.
    pub(super) fn ids(&self) -> Vec<ConnectionId> {
        let mut ids: Vec<ConnectionId> = self.followed.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// The one that is to go, as there are too many or they hold too much. To be removed.
    pub(super) fn evict(&mut self) -> Option<&Control> {
        let followed = &self.followed;
        let id = self.eviction.next(|id| followed.get(&id).map(|control| control.progress()))?;
        let control = self.followed.get(&id)?;
        self.evicted += 1;
        Some(control)
    }

    /// How many had to go.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Bytes that all of them take, about.
    pub(super) fn weight(&self) -> usize {
        self.followed.values().map(|control| control.weight()).sum()
    }

    /// Those that have been silent until `now` for so long that nobody will end them any more. `is_stalled` tells of one
    /// whether something was sent that nobody acknowledged.
    pub(super) fn idle(&mut self, now: Timestamp, is_stalled: impl Fn(ConnectionId) -> bool) -> Vec<ConnectionId> {
        let mut idle = Vec::new();
        while let Some(id) = self.idle.next(now) {
            let Some(control) = self.followed.get_mut(&id) else { continue };
            let silence = control.silence(now);
            if silence.is_final(|| is_stalled(id)) {
                idle.push(id);
            } else {
                control.look_at(self.idle.look_at(id, silence.look_again()));
            }
        }
        idle
    }
}
