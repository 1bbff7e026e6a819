//! What the kernel of one host knows and no packet shows: TIME-WAIT, listeners, addresses, routes, neighbours, settings.
//!
//! A [`Host`] is one JSON document, written by `ftpwhy facts` and by `ftpwhy live -w`, and read by `--facts`. Its tables
//! have the time at which they were read, on the clock of that host. Pure types and the parsing of text from `/proc`;
//! `app/facts` reads it. No names of processes, no environment, no secrets.

mod ask;
mod counters;
mod document;
#[cfg(all(feature = "cli", target_os = "linux"))]
pub mod netlink;
mod routes;
mod rules;
mod sockets;
#[cfg(test)]
pub(crate) mod testing;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::frame::Timestamp;

pub use ask::{Answer, Facts, Moment, Said, Tuple};
pub use counters::{COUNTERS, counters};
pub use document::{Refused, parse, schema, to_json};
pub use routes::Undecided;
pub use rules::{conntrack, nft_helpers};
pub use sockets::{Socket, SocketState, sockets};

/// The version of the document.
pub const VERSION: u32 = 1;

/// Seconds that Linux keeps a connection in TIME-WAIT (`TCP_TIMEWAIT_LEN`); it cannot be set.
pub const TIME_WAIT: f64 = 60.0;

/// The table of routes that counts where no rule names another one.
pub const MAIN_TABLE: u32 = 254;

/// The sysctls that decide whether a 5-tuple is free, where packets leave and which are taken. Those of a table
/// `conf/` are read for `all` and for each interface.
pub const SYSCTLS: [&str; 10] = [
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_timestamps",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_forward",
    "net.ipv4.ip_nonlocal_bind",
    "net.ipv6.bindv6only",
];

/// Likewise, one for each interface.
pub const INTERFACE_SYSCTLS: [&str; 6] =
    ["rp_filter", "arp_ignore", "arp_announce", "arp_filter", "accept_local", "forwarding"];

/// One host, or one network namespace of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(title = "ftpwhy facts")]
pub struct Host {
    /// The version of this document.
    #[schemars(extend("const" = VERSION))]
    pub facts: u32,
    /// The program that wrote it, with its version.
    pub tool: String,
    /// System and kernel, as in `Linux 6.1.0 x86_64`.
    pub kernel: String,
    /// As in `net:[4026531840]`. Tables of another namespace of the same host are other tables.
    pub network_namespace: String,
    /// Its own addresses.
    pub addresses: Vec<Address>,
    /// Its routes, without those to its own addresses.
    pub routes: Vec<RouteEntry>,
    /// Routes and rules that are not listed: there were too many, or they depend on more than the destination.
    #[serde(default)]
    pub routes_left_out: u64,
    /// Which routing table is used when; null if the document has only the routes of table 254 (`main`).
    #[serde(default)]
    pub rules: Option<Vec<Rule>>,
    /// Settings of the kernel, by their names.
    pub sysctls: BTreeMap<String, String>,
    /// What it knows about FTP as a firewall; null if that could not be read (only root can).
    #[serde(default)]
    pub firewall: Option<Firewall>,
    /// The tables that change: one entry each time they were read, in order of time.
    pub readings: Vec<Reading>,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Address {
    /// The interface's name.
    pub interface: String,
    /// The address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The length of the network prefix in bits.
    pub prefix: u8,
    /// The interface's MAC address, as in `02:00:00:00:00:01`; null where it has none.
    pub mac: Option<String>,
}

/// A line of a routing table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Route")]
pub struct RouteEntry {
    /// The network.
    #[schemars(with = "String")]
    pub network: IpAddr,
    /// The length of its prefix in bits.
    pub prefix: u8,
    /// The next router; null if the network is on the link.
    #[schemars(with = "Option<String>")]
    pub gateway: Option<IpAddr>,
    /// The interface through which packets leave.
    pub interface: String,
    /// Of two routes to the same network, the one with the lower metric is used.
    pub metric: u32,
    /// The table that it is in; 254 is `main`.
    #[serde(default = "main_table")]
    pub table: u32,
    /// Whether packets are refused instead of sent (an unreachable or prohibit route).
    pub refused: bool,
    /// Whether the next rule decides (a throw route).
    #[serde(default)]
    pub next_rule: bool,
}

const fn main_table() -> u32 {
    MAIN_TABLE
}

/// A rule by which the kernel chooses a routing table (`ip rule`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rule {
    /// The rule with the lowest number comes first.
    pub priority: u32,
    /// For which addresses.
    pub family: IpFamily,
    /// Only for packets from this network.
    #[serde(default)]
    pub from: Option<Subnet>,
    /// Only for packets to this network.
    #[serde(default)]
    pub to: Option<Subnet>,
    /// Only for packets that arrive at this interface; packets of the host itself arrive at `lo`.
    #[serde(default)]
    pub incoming: Option<String>,
    /// Whether it is for all packets except these.
    #[serde(default)]
    pub inverted: bool,
    /// What else it depends on, for example `fwmark`.
    #[serde(default)]
    pub conditions: Vec<String>,
    /// What happens to the packets.
    pub action: RuleAction,
    /// The routing table to use.
    pub table: Option<u32>,
    /// Routes with a prefix of this length or shorter are ignored.
    #[serde(default)]
    pub longer_than: Option<u8>,
}

/// What happens to packets that match a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RuleAction {
    /// The table is used; if it has no matching route, the next rule decides.
    Lookup,
    /// They are refused.
    Refuse,
    /// The next rule decides.
    Nothing,
    /// Something else.
    Other,
}

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IpFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// A network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Subnet {
    /// An address of it.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// The length of its prefix in bits.
    pub prefix: u8,
}

/// The tables that change, at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Reading {
    /// When reading began, on the wall clock of the host, RFC 3339.
    #[serde(with = "document::wall")]
    #[schemars(with = "String")]
    pub at: Timestamp,
    /// The same moment, in seconds of the monotonic clock.
    pub monotonic: f64,
    /// Seconds it took.
    pub took: f64,
    /// If not empty, `time_wait` has only connections with these addresses.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub peers: Vec<IpAddr>,
    /// Connections that are closed and whose 5-tuple is not free yet.
    pub time_wait: Vec<Held>,
    /// Entries of `time_wait` that are not listed because there were too many.
    #[serde(default)]
    pub left_out: u64,
    /// Sockets that listen.
    #[schemars(with = "Vec<String>")]
    pub listeners: Vec<SocketAddr>,
    /// Neighbours.
    pub neighbours: Vec<Neighbour>,
    /// Counters of the kernel, since the network namespace was created.
    pub counters: BTreeMap<String, u64>,
}

/// A closed connection whose 5-tuple is not free yet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// This host's socket.
    #[schemars(with = "String")]
    pub local: SocketAddr,
    /// The peer's socket.
    #[schemars(with = "String")]
    pub remote: SocketAddr,
    /// Why it is held.
    pub state: HeldIn,
    /// Seconds until it is free.
    pub left: f64,
}

/// The state in which a closed connection is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum HeldIn {
    /// Both sides have closed it.
    TimeWait,
    /// This side has closed it, and the FIN of the other side has not arrived.
    FinWait2,
}

/// A neighbour on a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Neighbour {
    /// The interface.
    pub interface: String,
    /// Its address.
    #[schemars(with = "String")]
    pub address: IpAddr,
    /// Its MAC address; null if unknown.
    pub mac: Option<String>,
    /// How it is known.
    pub state: Resolution,
}

/// How the MAC address of a neighbour is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Resolution {
    /// It was requested, and nobody replied (FAILED), or nobody yet (INCOMPLETE).
    Unresolved,
    /// By a reply.
    Resolved,
    /// It was known, and is being verified (DELAY, PROBE).
    Probing,
    /// Set by hand: no reply changes it.
    Permanent,
}

/// What a host knows about FTP as a firewall or NAT.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Firewall {
    /// Helpers that read control connections (nftables).
    pub helpers: Vec<Helper>,
    /// Tracked connections that belong to FTP.
    pub connections: Vec<Tracked>,
}

/// A helper of connection tracking.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Helper {
    /// As in `ip`.
    pub family: String,
    /// The table it is in.
    pub table: String,
    /// What it is called there.
    pub name: String,
    /// The protocol it reads, as in `ftp`.
    pub protocol: String,
    /// Rules that assign connections to it; without any, it reads none.
    pub rules: u64,
}

/// A tracked connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tracked {
    /// As in `ESTABLISHED`.
    pub state: String,
    /// Who opened it.
    #[schemars(with = "String")]
    pub from: SocketAddr,
    /// To whom.
    #[schemars(with = "String")]
    pub to: SocketAddr,
    /// Who replies.
    #[schemars(with = "String")]
    pub answers: SocketAddr,
    /// To whom it replies. If the replying sockets are not `to` and `from`, there is NAT.
    #[schemars(with = "String")]
    pub answers_to: SocketAddr,
}

impl Host {
    /// Whether an address is one of its own.
    pub fn has(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|own| own.address == address)
    }

    /// The setting of an interface that counts: the larger one of `all` and its own.
    pub fn interface_setting(&self, interface: &str, name: &str) -> Option<u32> {
        let of = |table: &str| self.sysctls.get(&format!("net.ipv4.conf.{table}.{name}"))?.parse::<u32>().ok();
        of("all").into_iter().chain(of(interface)).max()
    }

    /// A setting that is a number.
    pub fn setting(&self, name: &str) -> Option<u32> {
        self.sysctls.get(name)?.parse().ok()
    }

    /// Replaces every address and MAC address in it. A network keeps its prefix.
    pub fn replace(&mut self, mut ip: impl FnMut(IpAddr) -> IpAddr, mut mac: impl FnMut(&str) -> String) {
        for own in &mut self.addresses {
            own.address = ip(own.address);
            own.mac = own.mac.as_deref().map(&mut mac);
        }
        for route in &mut self.routes {
            // 0.0.0.0/0 names nobody.
            if route.prefix > 0 {
                route.network = routes::masked(ip(route.network), route.prefix);
            }
            route.gateway = route.gateway.map(&mut ip);
        }
        let rules = self.rules.iter_mut().flatten();
        for network in rules.flat_map(|rule| [&mut rule.from, &mut rule.to]).flatten().filter(|one| one.prefix > 0) {
            network.address = routes::masked(ip(network.address), network.prefix);
        }
        let mut socket = |socket: &mut SocketAddr| {
            if !socket.ip().is_unspecified() {
                socket.set_ip(ip(socket.ip()));
            }
        };
        for tracked in self.firewall.iter_mut().flat_map(|firewall| &mut firewall.connections) {
            let ends = [&mut tracked.from, &mut tracked.to, &mut tracked.answers, &mut tracked.answers_to];
            ends.into_iter().for_each(&mut socket);
        }
        for reading in &mut self.readings {
            reading.listeners.iter_mut().for_each(&mut socket);
            for held in &mut reading.time_wait {
                socket(&mut held.local);
                socket(&mut held.remote);
            }
        }
        for reading in &mut self.readings {
            reading.peers.iter_mut().for_each(|peer| *peer = ip(*peer));
            for neighbour in &mut reading.neighbours {
                neighbour.address = ip(neighbour.address);
                neighbour.mac = neighbour.mac.as_deref().map(&mut mac);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::host;
    use super::*;

    #[test]
    fn every_address_is_replaced() {
        let mut host = host("10.9.0.20", &[1]);
        let socket = |text: &str| text.parse().expect("a socket");
        let route = RouteEntry {
            network: "10.9.0.0".parse().expect("an address"),
            prefix: 24,
            gateway: Some("10.9.0.1".parse().expect("an address")),
            interface: "eth0".to_owned(),
            metric: 0,
            table: MAIN_TABLE,
            refused: false,
            next_rule: false,
        };
        host.rules = Some(vec![Rule {
            priority: 9,
            family: IpFamily::Ipv4,
            from: Some(Subnet { address: "10.9.0.0".parse().expect("an address"), prefix: 24 }),
            to: None,
            incoming: None,
            inverted: false,
            conditions: Vec::new(),
            action: RuleAction::Lookup,
            table: Some(9),
            longer_than: None,
        }]);
        host.routes =
            vec![RouteEntry { prefix: 0, network: "0.0.0.0".parse().expect("an address"), ..route.clone() }, route];
        let [from, to] = [socket("10.9.0.10:4000"), socket("10.9.0.20:21")];
        let tracked = Tracked { state: "ESTABLISHED".to_owned(), from, to, answers: to, answers_to: from };
        host.firewall = Some(Firewall { helpers: Vec::new(), connections: vec![tracked] });
        let held = Held { local: to, remote: from, state: HeldIn::TimeWait, left: 1.0 };
        let neighbour = Neighbour {
            interface: "eth0".to_owned(),
            address: from.ip(),
            mac: Some("02:00:00:00:00:bb".to_owned()),
            state: Resolution::Resolved,
        };
        let reading = &mut host.readings[0];
        (reading.peers, reading.time_wait, reading.neighbours) = (vec![from.ip()], vec![held], vec![neighbour]);
        reading.listeners = vec![to, socket("0.0.0.0:21")];
        let anonymous = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => IpAddr::V4((ip.to_bits() ^ 0x0a00_0000 ^ 0xc000_0000).into()),
            ip @ IpAddr::V6(_) => ip,
        };
        host.replace(anonymous, |_| "02:00:00:00:00:ff".to_owned());
        let text = to_json(&host);
        assert!(!text.contains("10.9.0") && !text.contains(":aa") && !text.contains(":bb"), "{text}");
        assert!(text.contains("192.9.0.0") && text.contains("0.0.0.0:21") && text.contains("\"0.0.0.0\""), "{text}");
    }

    #[test]
    fn the_stricter_setting_of_an_interface_counts() {
        let mut host = host("10.9.0.20", &[]);
        for (name, value) in [("all", "1"), ("eth0", "2"), ("eth1", "0")] {
            host.sysctls.insert(format!("net.ipv4.conf.{name}.rp_filter"), value.to_owned());
        }
        assert_eq!(host.interface_setting("eth0", "rp_filter"), Some(2));
        assert_eq!(host.interface_setting("eth1", "rp_filter"), Some(1));
        assert_eq!(host.interface_setting("eth1", "arp_ignore"), None);
    }
}
