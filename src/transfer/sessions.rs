//! The sessions that are under way.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::session::Session;

/// The place of a session among all that ever began. It tells control connections apart, and is never shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionIndex(pub usize);

/// Sessions by the order in which they began. A place is never used again, and one that is over takes no room.
#[derive(Debug, Default)]
pub struct Sessions {
    under_way: HashMap<SessionIndex, Box<Session>, RandomState>,
    next: usize,
}

impl Sessions {
    /// Adds a session, behind all others.
    pub fn push(&mut self, session: Session) -> SessionIndex {
        let index = SessionIndex(self.next);
        self.next += 1;
        self.under_way.insert(index, Box::new(session));
        index
    }

    /// A session that is under way.
    pub fn get(&self, index: SessionIndex) -> Option<&Session> {
        self.under_way.get(&index).map(Box::as_ref)
    }

    /// Likewise, to be changed.
    pub fn get_mut(&mut self, index: SessionIndex) -> Option<&mut Session> {
        self.under_way.get_mut(&index).map(Box::as_mut)
    }

    /// Takes a session out: it is over.
    pub fn take(&mut self, index: SessionIndex) -> Option<Box<Session>> {
        self.under_way.remove(&index)
    }

    /// All that are under way, in the order in which they began.
    pub fn indices(&self) -> Vec<SessionIndex> {
        let mut indices: Vec<SessionIndex> = self.under_way.keys().copied().collect();
        indices.sort_unstable();
        indices
    }

    /// All that are under way, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.under_way.values().map(Box::as_ref)
    }

    /// How many are under way.
    pub fn len(&self) -> usize {
        self.under_way.len()
    }

    /// Whether none is under way.
    pub fn is_empty(&self) -> bool {
        self.under_way.is_empty()
    }
}
