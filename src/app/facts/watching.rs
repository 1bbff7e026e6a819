//! The facts of this host while it is captured on: its tables are read when something happens that they bear on.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Tables;
use crate::facts::{Facts, Host};
use crate::frame::Frame;
use crate::wire::{Body, Decoder};

/// How often the tables are read at most, in a second.
const A_SECOND: usize = 10;
/// While there is FTP they are read at least this often, as a 425 may be encrypted.
const PAUSE: Duration = Duration::from_secs(1);
/// Addresses and routes are read again after this time.
const LASTS: Duration = Duration::from_secs(5);
/// Readings that are kept: the oldest go first.
const READINGS: usize = 512;
/// Peers whose TIME-WAIT is looked at: those that spoke FTP last.
const PEERS: usize = 256;
/// What they are cited as.
const SOURCE: &str = "this host";

/// What makes it worth a look, at the beginning of a line: an announced port, and a data connection that could not be
/// opened.
const SIGNS: [&[u8]; 3] = [b"PORT", b"EPRT", b"425"];

/// The tables of this host, and what they showed.
pub(in crate::app) struct Watching {
    tables: Tables,
    ports: Vec<u16>,
    decoder: Decoder,
    host: Host,
    peers: VecDeque<IpAddr>,
    /// When the tables were read last, no longer ago than a second.
    read: VecDeque<Instant>,
    latest: Option<Instant>,
    /// When addresses and routes were read last.
    refreshed: Instant,
}

impl Watching {
    /// `ports`: those of control connections, beside 21.
    pub(in crate::app) fn new(tables: Tables, ports: &[u16]) -> Self {
        let host = tables.host().clone();
        let ports = ports.iter().copied().chain([21]).collect();
        let (decoder, peers, read) = Default::default();
        Self { tables, ports, decoder, host, peers, read, latest: None, refreshed: Instant::now() }
    }

    /// Reads the tables if a frame calls for it; the facts, if there are new ones.
    pub(in crate::app) fn frame(&mut self, frame: &Frame<'_>) -> Option<Arc<Facts>> {
        let Body::Tcp(ip, tcp) = self.decoder.decode(frame).body else { return None };
        if ![tcp.source_port, tcp.destination_port].iter().any(|port| self.ports.contains(port)) {
            return None;
        }
        let is_sign =
            SIGNS.iter().any(|sign| tcp.payload.get(..sign.len()).is_some_and(|word| word.eq_ignore_ascii_case(sign)));
        for end in [ip.source, ip.destination] {
            // A host whose address is not here has nothing in these tables.
            if (self.host.has(ip.source) || self.host.has(ip.destination)) && self.peers.back() != Some(&end) {
                self.peers.retain(|known| *known != end);
                self.peers.push_back(end);
            }
        }
        while self.peers.len() > PEERS {
            self.peers.pop_front();
        }
        let is_late = self.latest.is_none_or(|latest| latest.elapsed() >= PAUSE);
        if self.peers.is_empty() || !(is_sign || is_late) { None } else { self.look() }
    }

    fn look(&mut self) -> Option<Arc<Facts>> {
        while self.read.front().is_some_and(|first| first.elapsed() >= PAUSE) {
            self.read.pop_front();
        }
        if self.read.len() >= A_SECOND {
            return None;
        }
        let peers: Vec<IpAddr> = self.peers.iter().copied().collect();
        if self.refreshed.elapsed() >= LASTS {
            self.tables.refresh();
            let readings = std::mem::take(&mut self.host.readings);
            self.host = Host { readings, ..self.tables.host().clone() };
            self.refreshed = Instant::now();
        }
        let reading = self.tables.read(&peers).ok()?;
        self.read.push_back(Instant::now());
        self.latest = self.read.back().copied();
        self.host.readings.push(reading);
        if self.host.readings.len() > READINGS {
            self.host.readings.remove(0);
        }
        let mut facts = Facts::default();
        facts.add(SOURCE, self.host.clone());
        Some(Arc::new(facts))
    }

    /// All that was read.
    pub(in crate::app) fn host(&self) -> &Host {
        &self.host
    }
}
