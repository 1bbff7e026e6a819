//! How things stand while a capture goes on.

use std::net::IpAddr;

use super::Model;
use crate::diagnosis::two_msl;
use crate::finding::SessionId;
use crate::flow::{Close, End};
use crate::frame::Timestamp;
use crate::record::TimeWaitEntry;
use crate::transfer::sessions::SessionIndex;

/// Counts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Control sessions seen.
    pub sessions: u64,
    /// Control connections that are followed now, mere attempts included.
    pub under_way: u64,
    /// Transfers of sessions that are over.
    pub transfers: u64,
    /// Failed ones among them.
    pub failed: u64,
    /// What was let go because a bound was reached, and how many.
    pub let_go: Vec<(u64, &'static str)>,
}

impl Model {
    /// The number the next session would get.
    pub(in crate::pipeline) fn next_session(&self) -> SessionId {
        SessionId(self.next_session)
    }

    /// The sessions that are under way, in the order in which they began.
    pub(in crate::pipeline) fn sessions_under_way(&self) -> Vec<SessionIndex> {
        self.sessions.indices()
    }

    /// How many pairs of addresses talk.
    pub(in crate::pipeline) fn pairs(&self) -> usize {
        self.network.pair_count()
    }

    /// Counts so far; what was judged is counted elsewhere.
    pub(in crate::pipeline) fn stats(&self) -> Stats {
        Stats {
            sessions: u64::from(self.next_session.saturating_sub(self.first_session)),
            under_way: self.sessions.len() as u64,
            let_go: self.let_go().to_vec(),
            ..Stats::default()
        }
    }

    /// What was let go because a bound was reached.
    pub(super) fn let_go(&self) -> [(u64, &'static str); 6] {
        let network = self.network.let_go();
        [
            (self.flows.evicted().map_or(0, |(count, _)| count), "connections"),
            (self.correlator.forgotten(), "announced endpoints"),
            (self.parties.let_go(), "hosts"),
            (self.controls.evicted(), "control connections"),
            (network.addresses, "addresses of the neighbourhood"),
            (network.pairs, "pairs of MAC and IP address"),
        ]
    }

    /// The server of a session that is under way.
    pub(in crate::pipeline) fn server(&self, id: SessionId) -> Option<IpAddr> {
        self.sessions.iter().find(|session| session.id == id).map(|session| session.server.ip())
    }

    /// The 5-tuples that are in TIME-WAIT, the longest held first.
    pub(in crate::pipeline) fn time_wait_table(&self, now: Timestamp) -> Vec<TimeWaitEntry> {
        let mut held: Vec<TimeWaitEntry> = self
            .flows
            .connections()
            .filter_map(|connection| {
                let Close::TimeWait { holder, since, assassinated: None, .. } = connection.close() else { return None };
                let by = [End::Origin, End::Target].into_iter().filter(|end| holder.includes(*end));
                let known = self.policy.time_wait.map(|length| vec![(length, "--time-wait")]);
                let mut lasts = known.unwrap_or_else(|| two_msl::DEFAULTS.to_vec());
                lasts.retain(|(length, _)| since.time.plus(*length) > now);
                (!lasts.is_empty()).then(|| TimeWaitEntry {
                    from: connection.origin,
                    to: connection.target,
                    by: by.map(|end| connection.socket(end).ip()).collect(),
                    since: since.time,
                    lasts,
                })
            })
            .collect();
        held.sort_by_key(|held| (held.since, held.from, held.to));
        held
    }
}
