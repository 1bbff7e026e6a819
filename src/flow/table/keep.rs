//! Keeps the table within its bounds: which connections, and whose first bytes, are let go.

use std::collections::VecDeque;

use super::super::ConnectionId;
use super::{REMEMBERED, Table};
use crate::frame::Stamp;

/// Incarnations kept: at about 1.6 KiB each, with lists and index, some 40 MB.
pub const CONNECTIONS_KEPT: usize = 24_576;
/// Connections whose first payload bytes are kept: 8 MiB at most.
pub const HEADS_KEPT: usize = 8_192;

/// The order in which connections are let go when the table is full.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// In the order in which they closed.
    pub closed: VecDeque<ConnectionId>,
    /// In the order in which they started; the open ones move on when their turn comes.
    pub started: VecDeque<ConnectionId>,
    /// Open, in the order in which they were last looked at, with their last segment then.
    pub open: VecDeque<(ConnectionId, Stamp)>,
}

impl Table {
    /// Makes room for one more connection.
    pub(super) fn make_room(&mut self, now: Stamp) {
        if self.connections.len() >= self.limit {
            self.evict(now);
        }
        let Queues { closed, started, open } = &mut self.queues;
        if started.len().max(closed.len()).max(open.len()) >= 2 * self.limit {
            let known = &self.connections;
            started.retain(|id| known.contains_key(id));
            closed.retain(|id| known.contains_key(id));
            open.retain(|(id, _)| known.get(id).is_some_and(|connection| !connection.is_closed()));
        }
    }

    /// Lets one connection go: of those that closed and those that never opened the one that has been silent longer,
    /// else the open one that has been silent longest.
    fn evict(&mut self, now: Stamp) {
        let closed = self.longest_closed();
        let attempt = self.oldest_attempt();
        let silent = match (closed, attempt) {
            (Some(closed), Some(attempt)) if attempt.1 < closed.1 => Some(attempt),
            (closed, attempt) => closed.or(attempt),
        };
        if let Some((id, last)) = silent {
            let matters = now.since(last) < REMEMBERED;
            self.remove(id, matters.then_some(now));
        } else if let Some(id) = self.longest_silent() {
            self.remove(id, Some(now));
        }
    }

    fn longest_closed(&mut self) -> Option<(ConnectionId, Stamp)> {
        loop {
            let id = *self.queues.closed.front()?;
            match self.connections.get(&id) {
                Some(connection) => return Some((id, connection.last)),
                None => drop(self.queues.closed.pop_front()),
            }
        }
    }

    fn oldest_attempt(&mut self) -> Option<(ConnectionId, Stamp)> {
        loop {
            let id = *self.queues.started.front()?;
            match self.connections.get(&id) {
                Some(connection) if !connection.was_open() && !connection.is_closed() => {
                    return Some((id, connection.last));
                }
                Some(connection) if !connection.is_closed() => self.queues.open.push_back((id, connection.last)),
                Some(_) | None => {}
            }
            self.queues.started.pop_front();
        }
    }

    fn longest_silent(&mut self) -> Option<ConnectionId> {
        loop {
            let (id, looked_at) = self.queues.open.pop_front()?;
            match self.connections.get(&id) {
                // It has spoken since: to the end of the queue.
                Some(connection) if connection.last > looked_at => self.queues.open.push_back((id, connection.last)),
                Some(_) => return Some(id),
                None => {}
            }
        }
    }

    fn remove(&mut self, id: ConnectionId, missed: Option<Stamp>) {
        let Some(connection) = self.connections.remove(&id) else { return };
        self.translations.forget(&connection);
        if let Some(tuple) = self.tuples.get_mut(&connection.key) {
            tuple.earlier.retain(|earlier| *earlier != id);
            if tuple.current == id {
                if let Some(earlier) = tuple.earlier.pop() {
                    tuple.current = earlier;
                } else {
                    self.tuples.remove(&connection.key);
                    self.tenants.forget(&connection.key);
                }
            }
        }
        if let Some(now) = missed {
            self.count_evicted(now);
        }
    }

    pub(super) fn count_evicted(&mut self, now: Stamp) {
        let (count, first) = self.evicted.unwrap_or((0, now));
        self.evicted = Some((count + 1, first));
    }

    /// Notes that the first bytes of a connection are kept now; gives the oldest ones back.
    pub(super) fn keep_head(&mut self, id: ConnectionId) {
        self.heads.push_back(id);
        while self.heads.len() > self.heads_kept {
            let oldest = self.heads.pop_front().and_then(|id| self.connections.get_mut(&id));
            if let Some(connection) = oldest {
                connection.from_origin.forget_head();
                connection.from_target.forget_head();
            }
        }
    }
}
