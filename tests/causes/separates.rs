//! What separates failures from what worked, by each trait; and that it is not said where as many fail on both sides.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::kit::container::{Compression, Container, Format, Interface};
use super::kit::packet::{Body, Link, Packet};
use super::{kit, scripted, separates, text};

/// Sessions of each sort.
const EACH: usize = 12;

/// One session.
struct Session {
    /// Which it is, from 1 on; its client has this number.
    number: usize,
    /// How many of its sort there are with it.
    round: usize,
    /// Whether it has the value of the trait that failures have.
    here: bool,
    fails: bool,
}

impl Session {
    fn usual(&self) -> String {
        at(&format!("10.1.1.{} 02:00:00:00:00:01", self.number))
    }

    fn of(&self, here: &'static str, there: &'static str) -> &'static str {
        if self.here { here } else { there }
    }

    /// An active transfer of which the client refuses the data connection, or that works.
    fn active(&self, verb: &str) -> String {
        self.active_to("S", verb)
    }

    fn active_to(&self, server: &str, verb: &str) -> String {
        if self.fails {
            format!(
                "@port 5001\nC> {verb} a\n{server}:20 > C:5001 S\nC:5001 > {server}:20 RA\n{server}> 425 Failed to establish connection.\n"
            )
        } else {
            format!("@port 5001\nC> {verb} a\n@act 5001 data=40{}\n", if verb == "STOR" { " up" } else { "" })
        }
    }

    fn passive(&self, port: u16) -> String {
        if self.fails {
            format!(
                "@pasv {port}\nC> RETR a\nC:3000 > S:{port} S\nS:{port} > C:3000 RA\nS> 425 Failed to establish connection.\n"
            )
        } else {
            format!("@pasv {port}\nC> RETR a\n@pas 3000 {port} data=40\n")
        }
    }

    /// A file that the server announces with its size.
    fn sized(&self, bytes: u32) -> String {
        let announced =
            format!("@port 5001\nC> RETR a\nS> 150 Opening BINARY mode data connection for a ({bytes} bytes).\n");
        if self.fails {
            format!("{announced}S:20 > C:5001 S\nC:5001 > S:20 RA\nS> 425 Failed to establish connection.\n")
        } else {
            format!("{announced}@open S:20 C:5001\nS:20 > C:5001 len=100\n@close S:20 C:5001\nS> 226 Done.\n")
        }
    }
}

/// A client, by its address and MAC.
fn at(host: &str) -> String {
    format!("host C {host} ttl 60 lag 20ms\n+100ms ")
}

/// A trait, both of its values as they are told, and a session with one of them.
type Case = (&'static str, &'static str, &'static str, fn(&Session) -> String);

const CTL: &str = "@ctl C:1050 S:21\n";

const CASES: [Case; 11] = [
    ("server", "10.0.9.21:21", "10.0.9.22:21", |one| {
        // The same clients at both.
        let client = at(&format!("10.1.1.{} 02:00:00:00:00:01", one.round));
        let server = one.of("S", "T");
        format!("{client}@ctl C:{} {server}:21\n{}@quit\n", 1050 + one.number, one.active_to(server, "RETR"))
    }),
    ("client", "10.1.1.200", "10.1.1.1, 10.1.1.2, 10.1.1.3 and 9 more", |one| {
        let host = if one.here { 200 } else { one.round };
        let client = at(&format!("10.1.1.{host} 02:00:00:00:00:01"));
        format!("{client}@ctl C:{} S:21\n{}@quit\n", 1050 + one.number, one.active("RETR"))
    }),
    ("family", "IPv4", "IPv6", |one| {
        let (client, server) = if one.here {
            (format!("10.1.1.{}", one.number), "10.0.9.21")
        } else {
            (format!("2001:db8:1::{}", one.number), "2001:db8:9::21")
        };
        let client = at(&format!("{client} 02:00:00:00:00:01"));
        format!(
            "host S {server} 02:00:00:00:00:15\n{client}@ctl C:1050 S:21 greeting=220_(vsFTPd_3.0.3)\n{}@quit\n",
            one.active("RETR")
        )
    }),
    ("protection", "TLS", "clear", |one| {
        // What is carried tells more than what was agreed upon.
        if one.here && !one.fails {
            return String::new();
        }
        let level = one.of("C> PROT P\nS> 200 OK.\n", "");
        format!("{}{CTL}{level}{}@quit\n", one.usual(), one.active("RETR"))
    }),
    ("direction", "upload", "download", |one| {
        format!("{}{CTL}{}@quit\n", one.usual(), one.active(one.of("STOR", "RETR")))
    }),
    ("size", "32 KiB and more", "below 32 KiB", |one| {
        format!("{}{CTL}{}@quit\n", one.usual(), one.sized(if one.here { 40_000 } else { 100 }))
    }),
    ("port-range", "50000", "40000", |one| {
        format!("{}{CTL}{}@quit\n", one.usual(), one.passive(if one.here { 50_000 } else { 40_000 }))
    }),
    ("client-software", "FileZilla", "NcFTP", |one| {
        let named = one.of("C> CLNT FileZilla\nS> 200 OK.\n", "C> CLNT NcFTP\nS> 200 OK.\n");
        format!("{}{CTL}{named}{}@quit\n", one.usual(), one.active("RETR"))
    }),
    ("server-software", "vsFTPd 3.0.3", "vsFTPd 3.0.5", |one| {
        let version = one.of("3.0.3", "3.0.5");
        format!("{}@ctl C:1050 S:21 greeting=220_(vsFTPd_{version})\n{}@quit\n", one.usual(), one.active("RETR"))
    }),
    ("gateway-mac", "02:00:00:00:00:01", "02:00:00:00:00:02", |one| {
        let mac = one.of("02:00:00:00:00:01", "02:00:00:00:00:02");
        let client = at(&format!("10.1.1.{} {mac}", one.number));
        format!("{client}{CTL}{}@quit\n", one.active("RETR"))
    }),
    ("vlan", "VLAN 5", "VLAN 6", |one| {
        format!("vlan {}\n{}{CTL}{}@quit\n", one.of("5", "6"), one.usual(), one.active("RETR"))
    }),
];

/// Sessions in turns, of each of these sorts: whether it has the value of the failures, and whether it fails.
fn in_turns(play: fn(&Session) -> String, sorts: &[(bool, bool)]) -> String {
    let mut script = String::new();
    for number in 1..=EACH * sorts.len() {
        let (here, fails) = sorts[number % sorts.len()];
        writeln!(script, "{}", play(&Session { number, round: (number - 1) / sorts.len() + 1, here, fails }))
            .expect("a string");
    }
    script
}

/// What separates the cause of the session at `server`.
fn told(paths: &[&Path], server: &str) -> Vec<[Value; 5]> {
    let report: Value = serde_json::from_str(&text(&["--isolated", "--json"], paths)).expect("JSON");
    let causes = report["causes"].as_array().expect("causes").iter();
    let mut of_it = causes.filter(|cause| cause["servers"][0] == server && cause["failed"] != 0);
    let one = of_it.next().unwrap_or_else(|| panic!("no cause at {server}: {}", report["causes"]));
    assert!(of_it.next().is_none(), "{}", report["causes"]);
    separates(one)
}

#[test]
fn each_trait_separates_where_all_that_has_it_failed_and_nothing_else() {
    let folder = TempDir::new().expect("a folder");
    let mut wrong = String::new();
    for (by, failed, worked, play) in CASES {
        let capture = scripted(&folder, &in_turns(play, &[(true, true), (false, false)]));
        let told = told(&[&capture], "10.0.9.21:21");
        let expected = [json!(by), json!(failed), json!(worked), json!(EACH), json!(EACH)];
        if told != [expected.clone()] {
            writeln!(wrong, "{by}: {told:?} instead of {expected:?}").expect("a string");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn no_trait_separates_where_as_many_fail_on_both_sides() {
    let folder = TempDir::new().expect("a folder");
    let mut wrong = String::new();
    for (by, _, _, play) in CASES {
        let sorts = [(true, true), (false, false), (false, true), (true, false)];
        let capture = scripted(&folder, &in_turns(play, &sorts));
        let told = told(&[&capture], "10.0.9.21:21");
        if !told.is_empty() {
            writeln!(wrong, "{by}: {told:?}").expect("a string");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Writes the captures of two points: `server.pcap` has all packets, `edge.pcap` those of clients with this value, one hop nearer
/// to them.
fn at_two_points(folder: &TempDir, script: &str) -> [PathBuf; 2] {
    let hosts = std::fs::read_to_string(kit::root().join("fixtures/_causes/server.hosts")).expect("hosts");
    let all = kit::play(&format!("{hosts}{script}")).expect("a script");
    let passes_edge = |packet: &Packet| {
        let Body::Ip(ip) = &packet.body else { return false };
        [ip.source, ip.destination].iter().any(|ip| ip.to_string().starts_with("10.1.2."))
    };
    let at_edge = all.iter().filter(|packet| passes_edge(packet)).cloned().map(|mut packet| {
        if let Body::Ip(ip) = &mut packet.body {
            ip.ttl = if ip.source.to_string().starts_with("10.1.") { ip.ttl + 1 } else { ip.ttl - 1 };
        }
        (packet.from, packet.to) = ([2, 0, 0, 0, 1, 1], [2, 0, 0, 0, 1, 2]);
        packet
    });
    let write = |name: &str, packets: &[Packet]| {
        let link = Interface { name: String::new(), link: Link::Ethernet, addresses: Vec::new(), dropped: None };
        let format = Format::Pcap { nanos: true, big_endian: false, modified: false };
        let container =
            Container { format, interfaces: vec![link], snap_len: 0, compression: Compression::None, cut: 0 };
        let path = folder.path().join(name);
        std::fs::write(&path, container.write(packets)).expect("written");
        path
    };
    [write("edge.pcap", &at_edge.collect::<Vec<_>>()), write("server.pcap", &all)]
}

#[test]
fn capture_points_separate_by_their_names() {
    let folder = TempDir::new().expect("a folder");
    let play = |one: &Session| {
        let client = at(&format!("10.1.{}.{} 02:00:00:00:00:01", one.of("2", "3"), one.number));
        format!("{client}{CTL}{}@quit\n", one.active("RETR"))
    };
    let told_of = |sorts: &[(bool, bool)]| {
        let [edge, server] = at_two_points(&folder, &in_turns(play, sorts));
        told(&[&edge, &server], "10.0.9.21:21")
    };
    let told = told_of(&[(true, true), (false, false)]);
    let point = ["point", "edge, server", "server"].map(Value::from).to_vec();
    assert!(told.iter().any(|one| one[..3] == point[..] && one[3..] == [json!(EACH), json!(EACH)]), "{told:?}");
    assert_eq!(told_of(&[(true, true), (false, false), (false, true), (true, false)]), Vec::<[Value; 5]>::new());
}
