//! How things stand while a capture goes on.

use std::net::IpAddr;

use super::Pipeline;
use crate::diagnosis::two_msl;
use crate::finding::SessionId;
use crate::flow::{Close, ConnectionId, End};
use crate::frame::Timestamp;
use crate::record::{Summary, TimeWaitEntry};

/// Counts so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
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

impl Pipeline {
    /// Counts so far.
    pub fn standing(&self) -> Standing {
        let Summary { transfers, failed, .. } = self.summary;
        Standing {
            sessions: u64::from(self.next_session.saturating_sub(self.first_session)),
            under_way: self.sessions.len() as u64,
            transfers,
            failed,
            let_go: self.let_go().to_vec(),
        }
    }

    /// What was let go because a bound was reached.
    pub(super) fn let_go(&self) -> [(u64, &'static str); 6] {
        let network = self.network.let_go();
        [
            (self.flows.evicted().map_or(0, |(count, _)| count), "connections"),
            (self.correlator.forgotten(), "announced endpoints"),
            (self.parties.let_go(), "hosts"),
            (self.controls_let_go, "control connections"),
            (network.addresses, "addresses of the neighbourhood"),
            (network.pairs, "pairs of MAC and IP address"),
        ]
    }

    /// The server of a session that is under way.
    pub fn server(&self, id: SessionId) -> Option<IpAddr> {
        self.sessions.iter().find(|session| session.id == id).map(|session| session.server.ip())
    }

    /// The connection the last frame belongs to, if it belongs to one that is followed.
    pub fn booked(&self) -> Option<ConnectionId> {
        self.booked
    }

    /// The 5-tuples that are in TIME-WAIT, the longest held first.
    pub fn time_wait_table(&self, now: Timestamp) -> Vec<TimeWaitEntry> {
        let mut held: Vec<TimeWaitEntry> = self
            .flows
            .connections()
            .filter_map(|connection| {
                let Close::TimeWait { holder, since, assassinated: None, .. } = connection.close() else { return None };
                let by = [End::Origin, End::Target].into_iter().filter(|end| holder.includes(*end));
                let known = self.settings.policy.time_wait.map(|length| vec![(length, "--time-wait")]);
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
