//! What transfers and sessions are compared by.

use std::net::{IpAddr, SocketAddr};

use crate::record::{InferredRecord, Mode, SessionRecord, TransferRecord};

/// What a transfer, or a session, has: equal ones are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Traits {
    pub(super) server: SocketAddr,
    pub(super) client: IpAddr,
    /// `None` for a session, and where it cannot be told.
    pub(super) mode: Option<Mode>,
}

impl Traits {
    pub(super) fn of_session(session: &SessionRecord) -> Self {
        Self { server: session.server, client: session.client.ip(), mode: None }
    }

    pub(super) fn of_transfer(session: &SessionRecord, transfer: &TransferRecord) -> Self {
        Self { mode: known(transfer.mode), ..Self::of_session(session) }
    }

    pub(super) fn of_inferred(session: &SessionRecord, inferred: &InferredRecord) -> Self {
        Self { mode: known(inferred.mode), ..Self::of_session(session) }
    }
}

fn known(mode: Mode) -> Option<Mode> {
    (mode != Mode::Unknown).then_some(mode)
}
