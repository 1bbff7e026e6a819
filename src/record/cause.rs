//! What findings have in common, as reports see it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::finding::{CauseId, Confidence, DiagnosisName, Locus, Severity};
use crate::frame::Timestamp;

/// Findings of one diagnosis whose remedy is about the same thing.
#[derive(Clone, Debug, PartialEq)]
pub struct Cause {
    /// Its number in the run.
    pub id: CauseId,
    /// What is diagnosed.
    pub diagnosis: DiagnosisName,
    /// The highest of its findings.
    pub severity: Severity,
    /// The highest of its findings.
    pub confidence: Confidence,
    /// What its remedy is about.
    pub locus: CauseLocus,
    /// One sentence: that of the finding where there is one, else what the findings say together. Printable, no full stop.
    pub message: String,
    /// Its findings.
    pub findings: u64,
    /// The transfers that failed by it; sessions where it is none of transfers.
    pub failed: u64,
    /// Whether it is sessions that failed and that are compared.
    pub of_sessions: bool,
    /// Those that could have failed alike, with those that did.
    pub comparable: u64,
    /// Sessions with a finding of it.
    pub sessions: u64,
    /// The servers of what failed, in order.
    pub servers: Vec<SocketAddr>,
    /// The clients of what failed.
    pub clients: Clients,
    /// When it showed first.
    pub first: Timestamp,
    /// When it showed last.
    pub last: Timestamp,
    /// In what those that failed differ from those that worked, the clearest first; empty where nothing tells them apart.
    pub separates: Vec<Separation>,
    /// Since when it fails, where what was alike worked until then.
    pub turn: Option<Turn>,
}

impl Cause {
    /// Every text in it that may quote what was captured.
    pub fn texts(&mut self, mut change: impl FnMut(&mut String)) {
        change(&mut self.message);
        if let CauseLocus::Account { name, .. } = &mut self.locus {
            change(name);
        }
        for separation in &mut self.separates {
            change(&mut separation.failed_value);
            change(&mut separation.worked_value);
        }
        self.turn.iter_mut().filter_map(|turn| turn.lead.as_mut()).for_each(change);
    }

    /// Whether it is about several transfers or sessions, so that there is something to tell of all of them.
    pub fn is_of_several(&self) -> bool {
        self.findings > 1
    }
}

/// The locus of a cause: as [`Locus`], but what several clients announce alike is theirs together, and accounts that one client
/// tries in turn are that client's matter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CauseLocus {
    /// The capture, or nothing narrower.
    Capture,
    /// A server, by its control socket.
    Server(SocketAddr),
    /// A client.
    Client(IpAddr),
    /// What a client does at a server.
    ClientAt {
        /// Who.
        client: IpAddr,
        /// Where.
        server: SocketAddr,
    },
    /// An address that several clients announce to a server.
    Announced {
        /// Which.
        address: IpAddr,
        /// To whom.
        server: SocketAddr,
    },
    /// An account at a server.
    Account {
        /// The name, as it was said; empty where it was not seen.
        name: String,
        /// The server.
        server: SocketAddr,
    },
    /// Hosts, or the way between them.
    Hosts(Vec<IpAddr>),
    /// A station on a link, by its MAC.
    Station(String),
}

impl CauseLocus {
    /// What findings may have in common beyond their loci: what clients of a server announce, and who tries accounts there.
    pub fn alike(locus: &Locus) -> Option<Self> {
        match locus {
            Locus::Announced { server, address, .. } => Some(Self::Announced { address: (*address)?, server: *server }),
            Locus::Account { client, server, .. } => Some(Self::ClientAt { client: *client, server: *server }),
            Locus::Capture | Locus::Server(_) | Locus::Client(_) | Locus::Hosts(_) | Locus::Station(_) => None,
        }
    }

    /// Whether it takes part in what a client does at a server.
    pub fn concerns(&self, client: IpAddr, server: SocketAddr) -> bool {
        match self {
            Self::Server(own) | Self::Announced { server: own, .. } | Self::Account { server: own, .. } => {
                server == *own
            }
            Self::Client(own) => client == *own,
            Self::ClientAt { client: own, server: of } => (client, server) == (*own, *of),
            Self::Hosts(hosts) => hosts.iter().any(|host| [client, server.ip()].contains(host)),
            Self::Station(_) | Self::Capture => true,
        }
    }
}

impl From<&Locus> for CauseLocus {
    fn from(locus: &Locus) -> Self {
        match locus {
            Locus::Capture => Self::Capture,
            Locus::Server(server) => Self::Server(*server),
            Locus::Client(client) | Locus::Announced { client, .. } => Self::Client(*client),
            Locus::Account { server, name, .. } => Self::Account { name: name.clone(), server: *server },
            Locus::Hosts(hosts) => Self::Hosts(hosts.clone()),
            Locus::Station(mac) => Self::Station(mac.clone()),
        }
    }
}

/// `server 10.2.0.20:21`, `account alice at 10.2.0.20:21`
impl fmt::Display for CauseLocus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Capture => f.write_str("this capture"),
            Self::Server(server) => write!(f, "server {server}"),
            Self::Client(client) => write!(f, "client {client}"),
            Self::ClientAt { client, server } => write!(f, "client {client} at server {server}"),
            Self::Announced { address, server } => write!(f, "announced address {address} at server {server}"),
            Self::Account { name, server } if name.is_empty() => write!(f, "an account at server {server}"),
            Self::Account { name, server } => write!(f, "account {name} at server {server}"),
            Self::Hosts(hosts) => {
                let hosts: Vec<String> = hosts.iter().map(ToString::to_string).collect();
                write!(f, "{} {}", if hosts.len() == 1 { "host" } else { "hosts" }, hosts.join(", "))
            }
            Self::Station(mac) => write!(f, "station {mac}"),
        }
    }
}

/// The clients of a cause.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clients {
    /// How many.
    pub count: u64,
    /// The first ones, in order.
    pub examples: Vec<IpAddr>,
    /// The longest prefix that holds all of them; `None` where there is none, or they have nothing in common.
    pub prefix: Option<Prefix>,
}

/// An address prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    /// Its address, the rest zero.
    pub address: IpAddr,
    /// Its bits.
    pub length: u8,
}

/// `10.1.0.0/16`
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

/// What tells the failures of a cause from what worked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Separation {
    /// By what.
    pub by: Trait,
    /// What the failures have: all of them, or nearly all.
    pub failed_value: String,
    /// What those have that worked.
    pub worked_value: String,
    /// How many failures have the first.
    pub failed: u64,
    /// How many worked with the second.
    pub worked: u64,
    /// How many there are with the second: those that worked, and those that failed, by this or another cause.
    pub beyond: u64,
}

/// What transfers and sessions are compared by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Trait {
    /// Active or passive.
    Mode,
    /// The server's control socket.
    Server,
    /// The client's address.
    Client,
    /// The longest prefix that holds the clients.
    ClientNetwork,
    /// IPv4 or IPv6.
    Family,
    /// Whether TLS protects the data connection.
    Protection,
    /// Upload or download.
    Direction,
    /// How much was to be transferred.
    Size,
    /// The announced data port.
    PortRange,
    /// What the client says it is.
    ClientSoftware,
    /// What the server says it is.
    ServerSoftware,
    /// The MAC that packets of the other end come from.
    GatewayMac,
    /// The VLAN.
    Vlan,
    /// The capture point.
    Point,
}

/// Since when something fails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The first failure.
    pub at: Timestamp,
    /// What was alike and worked before; nothing of it did afterwards.
    pub before_worked: u64,
    /// What failed from then on.
    pub after_failed: u64,
    /// What happened shortly before: a lead, no proof.
    pub lead: Option<String>,
}
