//! What transfers and sessions are compared by.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};

use crate::record::{Heading, InferredRecord, Mode, PointRecord, SessionRecord, Trait, TransferRecord};

/// Different names (of software, MACs, VLANs, points) that are told apart in one run; what is new beyond it counts as
/// unknown.
const NAMES: usize = 4_096;

/// A name by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name(u16);

/// The names that were seen.
#[derive(Debug, Default)]
pub(super) struct Names {
    all: Vec<String>,
    numbers: HashMap<String, Name>,
    /// Those of the capture points, by their numbers.
    points: BTreeMap<u32, String>,
}

impl Names {
    fn number(&mut self, name: &str) -> Option<Name> {
        if let Some(known) = self.numbers.get(name) {
            return Some(*known);
        }
        let number = Name(u16::try_from(self.all.len()).ok().filter(|_| self.all.len() < NAMES)?);
        self.all.push(name.to_owned());
        self.numbers.insert(name.to_owned(), number);
        Some(number)
    }

    /// What capture points are called.
    pub(super) fn learn(&mut self, points: &[PointRecord]) {
        self.points.extend(points.iter().map(|point| (point.id, point.name.clone())));
    }

    /// The points that have a session, the one nearest to the client first; `None` where there is only one.
    fn passed(&self, session: &SessionRecord) -> Option<String> {
        let name = |id: &u32| self.points.get(id).cloned().unwrap_or_else(|| id.to_string());
        let points: Vec<String> = session.points.iter().map(name).collect();
        (!points.is_empty()).then(|| points.join(", "))
    }

    fn of(&self, name: Name) -> &str {
        self.all.get(usize::from(name.0)).map_or("", String::as_str)
    }
}

/// What a transfer, or a session, has: equal ones are counted together. `None` where it cannot be told, and of a session
/// what only transfers have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Traits {
    pub(super) server: SocketAddr,
    pub(super) client: IpAddr,
    mode: Option<Mode>,
    protected: Option<bool>,
    upload: Option<bool>,
    /// The power of two that it reaches.
    pub(super) size: Option<u8>,
    /// The upper byte of the announced data port.
    pub(super) ports: Option<u8>,
    client_software: Option<Name>,
    server_software: Option<Name>,
    client_mac: Option<Name>,
    server_mac: Option<Name>,
    vlan: Option<Name>,
    points: Option<Name>,
}

impl Traits {
    pub(super) fn of_session(session: &SessionRecord, names: &mut Names) -> Self {
        let points = names.passed(session);
        let mut name = |text: Option<&String>| text.and_then(|text| names.number(text));
        let around = &session.circumstances;
        Self {
            server: session.server,
            client: session.client.ip(),
            mode: None,
            protected: None,
            upload: None,
            size: None,
            ports: None,
            client_software: name(around.client_software.as_ref()),
            server_software: name(session.server_software.as_ref()),
            client_mac: name(around.client_mac.as_ref()),
            server_mac: name(around.server_mac.as_ref()),
            vlan: name(Some(&around.vlan)),
            points: name(points.as_ref()),
        }
    }

    pub(super) fn of_transfer(mut self, session: &SessionRecord, transfer: &TransferRecord) -> Self {
        self.mode = known(transfer.mode);
        self.protected = transfer.protected;
        self.upload = match transfer.command.as_str() {
            "STOR" | "APPE" | "STOU" => Some(true),
            "RETR" | "LIST" | "NLST" | "MLSD" => Some(false),
            _ => None,
        };
        self.size = transfer.size.map(power);
        self.ports = announced_port(session, transfer).map(|port| port.to_be_bytes()[0]);
        self
    }

    /// The same without what has many values.
    pub(super) fn without_numbers(&self) -> Self {
        Self { size: None, ports: None, ..self.clone() }
    }

    pub(super) fn of_inferred(mut self, inferred: &InferredRecord) -> Self {
        self.mode = known(inferred.mode);
        self.protected = inferred.protected;
        self.upload = match inferred.heading {
            Some(Heading::Upload) => Some(true),
            Some(Heading::Download) => Some(false),
            Some(Heading::Nothing) | None => None,
        };
        self
    }

    /// Its value of a trait that is one or another; `None` where it cannot be told.
    pub(super) fn value(&self, by: Trait) -> Option<Value> {
        match by {
            Trait::Mode => self.mode.map(Value::Mode),
            Trait::Server => Some(Value::Server(self.server)),
            Trait::Client => Some(Value::Client(self.client)),
            Trait::Family => Some(Value::Six(self.client.is_ipv6())),
            Trait::Protection => self.protected.map(Value::Protected),
            Trait::Direction => self.upload.map(Value::Upload),
            Trait::ClientSoftware => self.client_software.map(Value::Name),
            Trait::ServerSoftware => self.server_software.map(Value::Name),
            Trait::Vlan => self.vlan.map(Value::Name),
            Trait::Point => self.points.map(Value::Name),
            Trait::ClientNetwork | Trait::Size | Trait::PortRange | Trait::GatewayMac => None,
        }
    }

    /// By what a server of two address families is known, and whether this is its address of IPv4: the same port of a host with
    /// one MAC and one software. `None` where that is not known.
    pub(super) fn host(&self) -> Option<(Host, bool)> {
        let host = Host { port: self.server.port(), mac: self.server_mac?, software: self.server_software? };
        Some((host, self.server.is_ipv4()))
    }

    /// The MAC by which packets of the client, or of the server, came.
    pub(super) fn mac(&self, of_client: bool) -> Option<Value> {
        if of_client { self.client_mac } else { self.server_mac }.map(Value::Name)
    }
}

/// A server, whatever its address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Host {
    port: u16,
    mac: Name,
    software: Name,
}

/// A value of a trait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Value {
    Mode(Mode),
    Server(SocketAddr),
    Client(IpAddr),
    Six(bool),
    Protected(bool),
    Upload(bool),
    Name(Name),
}

impl Value {
    /// As it is told.
    pub(super) fn text(self, names: &Names) -> String {
        match self {
            Self::Mode(Mode::Active) => "active".to_owned(),
            Self::Mode(Mode::Passive) => "passive".to_owned(),
            Self::Mode(Mode::Default | Mode::Unknown) => "default data port".to_owned(),
            Self::Server(server) => server.to_string(),
            Self::Client(client) => client.to_string(),
            Self::Six(six) => if six { "IPv6" } else { "IPv4" }.to_owned(),
            Self::Protected(protected) => if protected { "TLS" } else { "clear" }.to_owned(),
            Self::Upload(upload) => if upload { "upload" } else { "download" }.to_owned(),
            Self::Name(name) => Some(names.of(name)).filter(|name| !name.is_empty()).unwrap_or("none").to_owned(),
        }
    }
}

/// The port that was announced for the data connection.
pub(super) fn announced_port(session: &SessionRecord, transfer: &TransferRecord) -> Option<u16> {
    session.offers.get(transfer.offer?)?.endpoint.map(|endpoint| endpoint.port())
}

/// The power of two that a size reaches: 0 for nothing.
fn power(size: u64) -> u8 {
    u8::try_from(size.checked_ilog2().map_or(0, |power| power + 1)).unwrap_or(u8::MAX)
}

fn known(mode: Mode) -> Option<Mode> {
    (mode != Mode::Unknown).then_some(mode)
}
