//! The tables of this network namespace, opened once. What is open can be read again from inside the sandbox.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::net::IpAddr;
use std::time::Instant;

use super::routing::Routing;
use crate::facts::netlink::{Entry, KernelTable};
use crate::facts::{
    Address, Held, HeldIn, Host, INTERFACE_SYSCTLS, Reading, SYSCTLS, Socket, SocketState, VERSION, counters, sockets,
};
use crate::source::host::{monotonic, now, own_addresses};
use crate::source::reason;

/// Bytes of a table that are read: some 400,000 sockets.
const TEXT: u64 = 64 << 20;
/// Entries of TIME-WAIT that are kept.
const HELD: usize = 50_000;
/// Entries that are kept of each other table.
const ENTRIES: usize = 1_000;

/// The tables.
pub(in crate::app) struct Tables {
    sockets: Vec<File>,
    /// `None` where the system has no such socket.
    routing: Option<Routing>,
    counters: Vec<File>,
    /// What changes seldom, without readings.
    host: Host,
    /// Kept from one reading to the next.
    text: String,
}

impl Tables {
    /// Opens them. The error is a sentence part.
    pub(in crate::app) fn open() -> Result<Self, String> {
        let open = |name: &str| File::open(format!("/proc/thread-self/net/{name}"));
        let tcp = open("tcp").map_err(|error| failed("open /proc/net/tcp", &error))?;
        let mut tables = Self {
            sockets: std::iter::once(tcp).chain(open("tcp6")).collect(),
            routing: Routing::open().ok(),
            counters: [open("netstat"), open("snmp")].into_iter().flatten().collect(),
            host: host().map_err(|error| failed("list the addresses of this host", &error))?,
            text: String::new(),
        };
        tables.refresh();
        Ok(tables)
    }

    /// Brings addresses, routes and rules up to date. Settings stay as they were: the sandbox hides their files.
    pub(in crate::app) fn refresh(&mut self) {
        let (mut routes, mut left_out, mut rules) = (Vec::new(), 0, Vec::new());
        let mut take = |entry| match entry {
            Entry::Route(route) if routes.len() < ENTRIES => routes.push(route),
            Entry::Rule(rule) if rules.len() < ENTRIES => rules.push(rule),
            Entry::Route(_) | Entry::OtherRoute | Entry::Rule(_) => left_out += 1,
            Entry::Neighbour(_) => {}
        };
        let mut all = |table| self.routing.as_mut().is_some_and(|one| one.read(table, &mut take).is_ok_and(|all| all));
        // From a part of them nothing is concluded.
        let is_whole = all(KernelTable::Routes) && all(KernelTable::Rules);
        left_out += u64::from(!is_whole);
        self.host.addresses = addresses().unwrap_or_else(|_| std::mem::take(&mut self.host.addresses));
        (self.host.routes, self.host.routes_left_out, self.host.rules) = (routes, left_out, Some(rules));
    }

    /// What changes seldom, without readings.
    pub(in crate::app) fn host(&self) -> &Host {
        &self.host
    }

    /// Hands every TCP socket to `take`, in no order. Whether that were all of them.
    pub(in crate::app) fn sockets(&mut self, mut take: impl FnMut(Socket)) -> io::Result<bool> {
        let mut is_whole = true;
        for file in &mut self.sockets {
            is_whole &= again(file, &mut self.text)?;
            sockets(&self.text).for_each(&mut take);
        }
        Ok(is_whole)
    }

    /// Reads them all; of TIME-WAIT what concerns `peers`, or everything if there are none.
    pub(in crate::app) fn read(&mut self, peers: &[IpAddr]) -> io::Result<Reading> {
        let (at, monotonic, began) = (now(), monotonic(), Instant::now());
        let (mut time_wait, mut listeners, mut left_out) = (Vec::new(), Vec::new(), 0);
        let is_whole = self.sockets(|socket| {
            let Socket { local, remote, .. } = socket;
            let (state, left) = match socket.state {
                SocketState::Listening if listeners.len() < HELD => return listeners.push(local),
                SocketState::TimeWait(left) => (HeldIn::TimeWait, left),
                SocketState::FinWait2(left) => (HeldIn::FinWait2, left),
                SocketState::Listening | SocketState::Other => return,
            };
            if !peers.is_empty() && !peers.contains(&remote.ip()) {
                return;
            }
            if time_wait.len() == HELD {
                left_out += 1;
                return;
            }
            time_wait.push(Held { local, remote, state, left });
        })?;
        let took = began.elapsed().as_secs_f64();
        left_out += u64::from(!is_whole);
        let mut neighbours = Vec::new();
        if let Some(routing) = &mut self.routing {
            routing.read(KernelTable::Neighbours, &mut |entry| match entry {
                Entry::Neighbour(one) if neighbours.len() < ENTRIES => neighbours.push(one),
                _ => {}
            })?;
        }
        let mut counted = BTreeMap::new();
        for file in &mut self.counters {
            again(file, &mut self.text)?;
            counted.extend(counters(&self.text));
        }
        let (peers, counters) = (peers.to_vec(), counted);
        Ok(Reading { at, monotonic, took, peers, time_wait, left_out, listeners, neighbours, counters })
    }
}

/// `could not WHAT: why`
pub(super) fn failed(what: &str, error: &io::Error) -> String {
    format!("could not {what}: {}", reason(error))
}

/// Reads a file of `/proc` from its beginning. Whether that was all of it.
fn again(file: &mut File, text: &mut String) -> io::Result<bool> {
    text.clear();
    file.seek(SeekFrom::Start(0))?;
    Ok(file.take(TEXT).read_to_string(text)? < usize::try_from(TEXT).unwrap_or(usize::MAX))
}

/// A file of one line; nothing where it cannot be read.
fn line(path: &str) -> Option<String> {
    Some(fs::read_to_string(path).ok()?.trim().split_ascii_whitespace().collect::<Vec<_>>().join(" "))
}

/// Its addresses.
fn addresses() -> io::Result<Vec<Address>> {
    let addresses = own_addresses()?.into_iter().map(|own| Address {
        interface: own.interface,
        address: own.address,
        prefix: own.prefix,
        mac: own.mac.map(|mac| mac.map(|octet| format!("{octet:02x}")).join(":")),
    });
    Ok(addresses.take(ENTRIES).collect())
}

/// What it is, with its settings; `Tables::refresh` adds the rest.
fn host() -> io::Result<Host> {
    let kernel = ["ostype", "osrelease"].map(|name| line(&format!("/proc/sys/kernel/{name}")).unwrap_or_default());
    let namespace = fs::read_link("/proc/thread-self/ns/net").map(|link| link.display().to_string());
    let addresses = addresses()?;
    Ok(Host {
        facts: VERSION,
        tool: concat!("ftpwhy ", env!("CARGO_PKG_VERSION")).to_owned(),
        kernel: format!("{} {}", kernel.join(" "), std::env::consts::ARCH),
        network_namespace: namespace.unwrap_or_default(),
        sysctls: settings(&addresses),
        addresses,
        routes: Vec::new(),
        routes_left_out: 0,
        rules: None,
        firewall: None,
        readings: Vec::new(),
    })
}

/// The sysctls that can be read, by their names.
fn settings(addresses: &[Address]) -> BTreeMap<String, String> {
    let mut interfaces: Vec<&str> = addresses.iter().map(|own| own.interface.as_str()).chain(["all"]).collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    let mut found = BTreeMap::new();
    for name in SYSCTLS {
        found.extend(line(&format!("/proc/sys/{}", name.replace('.', "/"))).map(|value| (name.to_owned(), value)));
    }
    for interface in interfaces {
        for name in INTERFACE_SYSCTLS {
            let value = line(&format!("/proc/sys/net/ipv4/conf/{interface}/{name}"));
            found.extend(value.map(|value| (format!("net.ipv4.conf.{interface}.{name}"), value)));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_socket_that_listens_and_a_closed_connection_are_found_and_read_again() {
        let mut tables = Tables::open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let client = TcpStream::connect(at).unwrap();
        let from = client.local_addr().unwrap();
        let (server, _) = listener.accept().unwrap();
        assert!(tables.read(&[]).unwrap().listeners.contains(&at));
        // Who closes first holds TIME-WAIT.
        drop(client);
        drop(server);
        drop(listener);
        let reading = tables.read(&[at.ip()]).unwrap();
        assert!(!reading.listeners.contains(&at));
        let held = reading.time_wait.iter().find(|held| (held.local, held.remote) == (from, at));
        let held = held.unwrap_or_else(|| panic!("{from} to {at}: {reading:?}"));
        assert!(held.left > 50.0 && held.left <= 60.0, "{held:?}");
        assert!(reading.counters.contains_key("TCPTimeWaitOverflow"), "{reading:?}");
        let elsewhere = tables.read(&[IpAddr::from([192, 0, 2, 1])]).unwrap();
        assert!(elsewhere.time_wait.is_empty() && elsewhere.peers.len() == 1);
    }

    #[test]
    fn what_does_not_change_is_known() {
        let mut tables = Tables::open().unwrap();
        // The same socket answers again.
        let readings = [tables.read(&[]).unwrap(), tables.read(&[]).unwrap()];
        assert_eq!(readings[0].neighbours.len(), readings[1].neighbours.len());
        let host = tables.host();
        let rules = host.rules.as_ref().expect("read");
        let tables_asked: Vec<_> = rules.iter().filter_map(|rule| rule.table).collect();
        assert!(tables_asked.contains(&crate::facts::MAIN_TABLE), "{rules:?}");
        assert!(host.has(IpAddr::from([127, 0, 0, 1])));
        assert!(host.kernel.starts_with("Linux ") && host.network_namespace.starts_with("net:["), "{host:?}");
        assert!(host.setting("net.ipv4.tcp_tw_reuse").is_some());
        assert!(host.interface_setting("lo", "rp_filter").is_some());
    }
}
