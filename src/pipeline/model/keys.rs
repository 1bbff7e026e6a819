//! The keys of TLS that are known: those that were given, and those that captures carry.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use foldhash::fast::RandomState;

use super::tls::Known;
use crate::decrypt::{self, Master, Random, TlsSecrets};
use crate::flow::ConnectionId;
use crate::frame::CaptureId;
use crate::source::Capture;

/// Masters that are kept, and how many are tried for one connection.
const MASTERS_KEPT: usize = 256;
const MASTERS_TRIED: usize = 8;

/// All keys; none where nothing is to be decrypted.
#[derive(Debug, Default)]
pub(super) struct Keys {
    given: Option<Arc<decrypt::Keys>>,
    /// Whether more may be given while reading goes on.
    may_grow: bool,
    /// The control connections that wait for theirs.
    waiting: BTreeSet<ConnectionId>,
    /// The masters of TLS 1.2 that have opened something, with the hosts, the newest last.
    used: VecDeque<([IpAddr; 2], Master)>,
    /// Of connections that had none of their own.
    resumed: decrypt::Keys,
    carried: HashMap<CaptureId, Arc<decrypt::Keys>, RandomState>,
}

impl Keys {
    pub(super) fn new(given: Option<Arc<decrypt::Keys>>, may_grow: bool) -> Self {
        Self { given, may_grow, ..Self::default() }
    }

    /// Takes the place of what was given.
    pub(super) fn give(&mut self, keys: Arc<decrypt::Keys>) {
        self.given = Some(keys);
    }

    /// Notes whether a control connection waits.
    pub(super) fn waits(&mut self, id: ConnectionId, is_waiting: bool) {
        if is_waiting {
            self.waiting.insert(id);
        } else {
            self.waiting.remove(&id);
        }
    }

    /// Whether any does.
    pub(super) fn are_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Those that do.
    pub(super) fn waiting(&self) -> Vec<ConnectionId> {
        self.waiting.iter().copied().collect()
    }

    /// Calls `with` with all that is known to a session between two hosts.
    pub(super) fn known_to<R>(&self, hosts: Option<[IpAddr; 2]>, with: impl FnOnce(Known<'_>) -> R) -> R {
        with(Known {
            of: &|random| self.of(random),
            resumable: &|| hosts.map_or_else(Vec::new, |hosts| self.resumable(hosts)),
            may_grow: self.may_grow,
        })
    }

    /// A master that has opened the connection with this client random, between two hosts.
    pub(super) fn remember(&mut self, hosts: [IpAddr; 2], random: Random, master: &Master) {
        if self.of(&random).is_none() {
            self.resumed.add(random, master);
        }
        if self.used.iter().rev().any(|(of, used)| *of == hosts && used == master) {
            return;
        }
        if self.used.len() >= MASTERS_KEPT {
            self.used.pop_front();
        }
        self.used.push_back((hosts, master.clone()));
    }

    /// The masters that a connection between two hosts may resume, the newest first.
    pub(super) fn resumable(&self, hosts: [IpAddr; 2]) -> Vec<Master> {
        let of_hosts = self.used.iter().rev().filter(|(of, _)| *of == hosts);
        of_hosts.take(MASTERS_TRIED).map(|(_, master)| master.clone()).collect()
    }

    /// The keys of connections for which there were none: the master of an earlier one opened them.
    pub(super) fn resumed(&self) -> &decrypt::Keys {
        &self.resumed
    }

    /// Whether anything is to be decrypted.
    pub(super) fn are_wanted(&self) -> bool {
        self.given.is_some()
    }

    /// Takes over what the capture of a frame carries.
    #[inline]
    pub(super) fn learn(&mut self, id: CaptureId, captures: &[Capture]) {
        let place = captures.first().map_or(0, |first| id.0.saturating_sub(first.id.0));
        let Some(capture) = captures.get(place as usize).filter(|capture| !capture.keys.is_empty()) else { return };
        if self.given.is_some() && !self.carried.get(&capture.id).is_some_and(|own| Arc::ptr_eq(own, &capture.keys)) {
            self.carried.insert(capture.id, Arc::clone(&capture.keys));
        }
    }

    /// The secrets of the connection with this client random.
    pub(super) fn of(&self, random: &Random) -> Option<TlsSecrets> {
        self.given.iter().chain(self.carried.values()).find_map(|keys| keys.of(random)).cloned()
    }
}
