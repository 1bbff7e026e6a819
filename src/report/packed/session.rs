//! Sessions, packed; and chapters of a session put together.

use std::collections::BTreeMap;
use std::io;

use super::{Pack, Store, Unpacker, pack};
use crate::decrypt::Tls;
use crate::finding::SessionId;
use crate::frame::InterfaceId;
use crate::record::trace::Trace;
use crate::record::{
    AttemptOutcome, AttemptRecord, Circumstances, Heading, InferredRecord, Mode, Nearness, Numbers, OfferRecord,
    Outcome, PathRecord, ReplyRecord, SessionRecord, TransferRecord, VantageRecord, ViewRecord,
};

/// Sessions in the order in which they ended.
#[derive(Debug, Default)]
pub(in crate::report) struct Sessions {
    store: Store,
    ended: Vec<PackedSession>,
    /// Those of which more chapters follow.
    begun: BTreeMap<SessionId, SessionRecord>,
}

/// A session that is kept.
#[derive(Debug)]
struct PackedSession {
    at: usize,
    /// What few sessions have.
    beside: Option<Box<Beside>>,
}

#[derive(Debug)]
struct Beside {
    tls: Option<Tls>,
    path: Vec<PathRecord>,
    trace: Option<Box<Trace>>,
}

impl Sessions {
    /// Keeps a session, or a chapter of one.
    pub(in crate::report) fn add(&mut self, session: SessionRecord) {
        let whole = match self.begun.remove(&session.id) {
            Some(mut begun) => {
                begun.append(&session);
                begun
            }
            None => session,
        };
        if whole.continues {
            self.begun.insert(whole.id, whole);
        } else {
            self.ended.push(PackedSession::of(whole, &mut self.store));
        }
    }

    /// All of them, in no order.
    pub(in crate::report) fn into_vec(self) -> io::Result<Vec<SessionRecord>> {
        let Self { store, ended, begun } = self;
        let mut all = Vec::with_capacity(ended.len() + begun.len());
        for kept in ended {
            all.push(kept.session(&store)?);
        }
        all.extend(begun.into_values());
        Ok(all)
    }
}

impl PackedSession {
    fn of(session: SessionRecord, store: &mut Store) -> Self {
        let at = store.add(&session);
        let SessionRecord { tls, path, trace, .. } = session;
        let has_any = tls.is_some() || !path.is_empty() || trace.is_some();
        Self { at, beside: has_any.then(|| Box::new(Beside { tls, path, trace })) }
    }

    fn session(self, store: &Store) -> io::Result<SessionRecord> {
        let session = store.get(self.at)?;
        Ok(match self.beside.map(|beside| *beside) {
            Some(Beside { tls, path, trace }) => SessionRecord { tls, path, trace, ..session },
            None => session,
        })
    }
}

pack!(SessionRecord {
    id, captures, client, server, first, last, server_software, circumstances, encrypted_from, vantage, views, points, offers,
    transfers, inferred, continues
} without tls: None, path: Vec::new(), trace: None);
pack!(Circumstances { greeting, client_software, client_mac, server_mac; vlan });
pack!(VantageRecord { client, server, clues });
pack!(ViewRecord { point, client, server, capture, interface, numbers, first, last, data, announced; segment });
pack!(OfferRecord { endpoint, at, accepted; command });
pack!(TransferRecord {
    id, mode, offer, at, reply, attempts, protected, size, outcome, verdict; command
});
pack!(ReplyRecord { code, text, at });
pack!(AttemptRecord { from, to, syn, outcome });
pack!(InferredRecord { mode, attempt, outcome, to_client, to_server, protected, heading });
pack!(Nearness [At, Adjacent, Near, Far, Unknown]);
pack!(Numbers [Same, Shifted, Rewritten, Terminated]);
pack!(Mode [Active, Passive, Default, Unknown]);
pack!(Outcome [Completed, Failed, Aborted, Unknown]);
pack!(AttemptOutcome [Established, Refused, Unanswered, Icmp, Challenged, Aborted, Unknown]);
pack!(Heading [Upload, Download, Nothing]);
pack!(InterfaceId(_));

#[cfg(test)]
mod tests {
    use super::Sessions;
    use crate::report::testing::Sample;

    #[test]
    fn sessions_come_back() {
        let all: Vec<_> = Sample::all().into_iter().flat_map(|sample| sample.sessions).collect();
        assert!(all.iter().any(|session| !session.transfers.is_empty()), "{all:?}");
        let mut sessions = Sessions::default();
        all.iter().cloned().for_each(|session| sessions.add(session));
        assert_eq!(sessions.into_vec().expect("they were packed"), all);
    }

    #[test]
    fn chapters_are_put_together() {
        let whole = Sample::collision().sessions.remove(0);
        let mut first = whole.clone();
        first.continues = true;
        let mut sessions = Sessions::default();
        sessions.add(first);
        sessions.add(whole.clone());
        let [one] = sessions.into_vec().expect("they were packed").try_into().expect("one session");
        assert_eq!((one.id, one.transfers.len(), one.continues), (whole.id, 2 * whole.transfers.len(), false));
    }
}
