//! What the remedy of a diagnosis is about, and which server, client or account that is in a case.

use std::net::{IpAddr, SocketAddr};

use crate::finding::{Finding, Locus};
use crate::ftp::Verb;
use crate::redact::foreign;
use crate::transfer::session::Session;

/// What the remedy of a diagnosis is about, as its declaration states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedied {
    /// The server, or what stands before it: the same fate of the data connections of one server is one cause, whatever
    /// the clients.
    Server,
    /// The client.
    Client,
    /// What the client announces: the client, unless several clients of one server announce the same address.
    Announced,
    /// The account that logs in, unless its client is refused at that server under other names, too: then somebody tries
    /// names, and it is that client.
    Account,
    /// The station that the finding names by its MAC: a host, or a gateway with all that is behind it.
    Station,
    /// The hosts that the finding names, or the way between them.
    Hosts,
    /// The capture.
    Capture,
}

impl Remedied {
    /// The locus of a finding about a session with these control sockets; `announced` is the announced address.
    /// `None` where the session does not tell: what the draft says of hosts or of an account holds.
    pub fn between(self, client: SocketAddr, server: SocketAddr, announced: Option<IpAddr>) -> Option<Locus> {
        match self {
            Self::Server => Some(Locus::Server(server)),
            Self::Client => Some(Locus::Client(client.ip())),
            Self::Announced => Some(Locus::Announced { client: client.ip(), server, address: announced }),
            Self::Account | Self::Station | Self::Hosts | Self::Capture => None,
        }
    }

    /// The same, with what the whole session tells.
    pub(super) fn in_session(self, session: &Session, announced: Option<IpAddr>) -> Option<Locus> {
        if self == Self::Account {
            let (client, server) = (session.client.ip(), session.server);
            return Some(Locus::Account { client, server, name: account(session) });
        }
        self.between(session.client, session.server, announced)
    }

    /// Completes the locus of a finding that no session told.
    pub(super) fn complete(self, finding: &mut Finding) {
        if finding.locus == Locus::Capture && self != Self::Capture && !finding.hosts.is_empty() {
            finding.locus = Locus::Hosts(finding.hosts.clone());
        }
    }
}

/// Who logs in: the last name that was said.
fn account(session: &Session) -> String {
    let named = session.exchanges.iter().rev().find(|exchange| exchange.is(Verb::User));
    named.map(|exchange| foreign(&exchange.command.argument)).unwrap_or_default()
}
