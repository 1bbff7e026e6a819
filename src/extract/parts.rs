//! The packets that make up a session, by the sockets between which they go.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use crate::frame::Stamp;
use crate::record::SessionRecord;

/// Two sockets, whichever sends.
pub(super) type Pair = (SocketAddr, SocketAddr);

/// The pair of two sockets.
pub(super) fn pair(one: SocketAddr, other: SocketAddr) -> Pair {
    if one <= other { (one, other) } else { (other, one) }
}

/// The packets that make up a session.
#[derive(Clone, Debug)]
pub(super) struct Parts {
    /// Its control connection, at each place where it was seen.
    pub control: Vec<Pair>,
    pub first: Stamp,
    pub last: Stamp,
    pub data: BTreeSet<Pair>,
    pub offers: BTreeSet<SocketAddr>,
    pub hosts: BTreeSet<IpAddr>,
}

impl Parts {
    pub fn of(session: &SessionRecord) -> Self {
        let hidden = || session.inferred.iter().map(|inferred| &inferred.attempt);
        let attempts = || session.transfers.iter().flat_map(|transfer| &transfer.attempts).chain(hidden());
        let elsewhere = || session.views.iter().flat_map(|view| &view.data);
        let data = || attempts().map(|attempt| (attempt.from, attempt.to)).chain(elsewhere().copied());
        let announced = session.views.iter().flat_map(|view| &view.announced).copied();
        let offers: BTreeSet<_> = session.offers.iter().filter_map(|offer| offer.endpoint).chain(announced).collect();
        Self {
            control: session.ends().map(|[client, server]| pair(client, server)).collect(),
            first: session.first,
            last: session.last,
            data: data().map(|(from, to)| pair(from, to)).collect(),
            hosts: session
                .ends()
                .flatten()
                .chain(data().flat_map(|(from, to)| [from, to]))
                .chain(offers.iter().copied())
                .map(|socket| socket.ip())
                .collect(),
            offers,
        }
    }
}
