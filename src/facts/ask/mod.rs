//! What can be asked of facts, and what they may answer. They answer for the host that has an address, at a time on its
//! clock; where that is not the capture's, or the table is not whole, nothing can be concluded, and they say why.

mod tuple;

use std::net::{IpAddr, SocketAddr};

use super::{Host, Neighbour, Reading, RouteEntry, TIME_WAIT};
use crate::frame::Timestamp;

/// Seconds by which readings and packets may be apart and still be taken for one moment.
const TICK: f64 = 0.05;

/// Addresses and routes are those of readings this far away at most, in seconds: hosts get others.
const LASTING: f64 = 3_600.0;

/// Why facts do not tell of a moment in a capture that was taken on another host.
const ANOTHER_CLOCK: &str = "its clock may differ from the capture's";

/// Something a kernel says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What, printable text without full stop.
    pub fact: String,
    /// When it was read, on the clock of that host.
    pub at: Timestamp,
    /// The document, or `this host`.
    pub source: String,
}

/// What facts say of a question.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer<T> {
    /// Nothing: there are none.
    Silent,
    /// Nothing can be concluded from them, and why.
    Open(Said),
    /// This.
    Says(T, Said),
}

/// Whether a host holds a 5-tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tuple {
    /// It held it at that moment. `through`: and still did later, so nothing has used the tuple in between.
    Held {
        /// Whether it was read at or behind the moment.
        through: bool,
    },
    /// It did not.
    Free,
}

/// An earlier connection and a moment, on the clock of the capture.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// When the connection had ended; `None` where the capture does not show it.
    pub closed: Option<Timestamp>,
    /// When its 5-tuple was wanted again.
    pub wanted: Timestamp,
    /// Whether the capture was taken on the host that the facts are of: its clock is theirs.
    pub is_here: bool,
}

/// The facts of all hosts that are known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts(Vec<(String, Host)>);

impl<T> Answer<T> {
    /// What is to be shown of it.
    pub fn said(&self) -> Option<&Said> {
        match self {
            Self::Silent => None,
            Self::Open(said) | Self::Says(_, said) => Some(said),
        }
    }

    /// The same about something else.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        match self {
            Self::Silent => Answer::Silent,
            Self::Open(said) => Answer::Open(said),
            Self::Says(what, said) => Answer::Says(change(what), said),
        }
    }

    /// What they say, if they do.
    pub fn says(&self) -> Option<&T> {
        if let Self::Says(what, _) = self { Some(what) } else { None }
    }
}

impl Facts {
    /// Adds the facts of a host, to be cited by a name. Several documents of one namespace are one host's.
    pub fn add(&mut self, source: impl Into<String>, host: Host) {
        let same = |known: &&mut (String, Host)| {
            known.1.network_namespace == host.network_namespace && known.1.addresses == host.addresses
        };
        if let Some((names, known)) = self.0.iter_mut().find(same) {
            let source = source.into();
            if *names != source {
                *names = format!("{names}, {source}");
            }
            known.readings.extend(host.readings);
            known.readings.sort_by_key(|reading| reading.at);
        } else {
            self.0.push((source.into(), host));
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The hosts.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.iter().map(|(_, host)| host)
    }

    /// The host that has an address, and the name of its facts.
    fn of(&self, address: IpAddr) -> Result<(&str, &Host), Answer<()>> {
        let Some((first, host)) = self.0.first() else { return Err(Answer::Silent) };
        let mut all = self.0.iter().filter(|(_, host)| host.has(address.to_canonical()));
        let why = match (all.next(), all.next()) {
            (Some((source, host)), None) => return Ok((source, host)),
            (None, _) => format!("no facts are from the host or network namespace with {address}"),
            (Some(_), Some(_)) => format!("the facts of two network namespaces both have {address}"),
        };
        let names: Vec<&str> = self.0.iter().map(|(source, _)| source.as_str()).collect();
        let source = if names.len() > 1 { names.join(", ") } else { first.clone() };
        Err(Answer::Open(open(&why, host.first_reading(), &source)))
    }

    /// Whether a socket listened all the time between two moments.
    pub fn listens(&self, socket: SocketAddr, from: Timestamp, until: Timestamp, is_here: bool) -> Answer<bool> {
        let (source, host) = match self.of(socket.ip()) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        // What listened may have gone with the answer: what was read before or behind it does not count.
        let within = |reading: &&Reading| reading.at >= from && reading.at.plus_seconds(reading.took) <= until;
        let readings: Vec<&Reading> = host.readings.iter().filter(within).collect();
        let Some(last) = readings.last().filter(|_| is_here) else {
            let why = if is_here { "not read while the connection was tried" } else { ANOTHER_CLOCK };
            return Answer::Open(open(why, host.first_reading(), source));
        };
        let listens = |reading: &Reading, ip: IpAddr| reading.listeners.contains(&SocketAddr::new(ip, socket.port()));
        let any: IpAddr = if socket.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
        let every =
            |wanted: bool| readings.iter().all(|one| (listens(one, socket.ip()) || listens(one, any)) == wanted);
        // Whether a socket for all addresses of IPv6 takes IPv4, too, its program decides.
        let perhaps = readings.iter().any(|one| listens(one, [0_u16; 8].into()));
        let port = socket.port();
        let said = |fact| Said { fact, at: last.at, source: source.to_owned() };
        match (every(true), every(false)) {
            (true, _) => Answer::Says(true, said(format!("a socket listens on port {port}"))),
            (_, true) if !perhaps => Answer::Says(false, said(format!("no socket listens on port {port}"))),
            _ => Answer::Open(open(
                &format!("a socket listened on port {port} for a part of the time, or only for IPv6"),
                last.at,
                source,
            )),
        }
    }

    /// Whether the host with `known` has `address`, too, at about that time.
    pub fn has(&self, known: IpAddr, address: IpAddr, at: Timestamp) -> Answer<bool> {
        let (source, host) = match self.lasting(known, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let read = host.first_reading();
        let fact = match host.addresses.iter().find(|own| own.address == address) {
            Some(own) => format!("{address} is an address of its interface {}", own.interface),
            None => format!("{address} is none of its addresses"),
        };
        Answer::Says(host.has(address), Said { fact, at: read, source: source.to_owned() })
    }

    /// By which route the host with `from` sends to `to`, at about that time; `None` where it has none.
    pub fn route(&self, from: IpAddr, to: IpAddr, at: Timestamp) -> Answer<Option<&RouteEntry>> {
        let (source, host) = match self.lasting(from, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let route = match host.route(from, to) {
            Ok(route) => route,
            Err(why) => return Answer::Open(open(&why, host.first_reading(), source)),
        };
        let fact = match route {
            Some(RouteEntry { interface, gateway: Some(gateway), .. }) => {
                format!("the route to {to} goes out at {interface} by {gateway}")
            }
            Some(RouteEntry { interface, .. }) => format!("the route to {to} goes out at {interface}"),
            // Its other tables are not known.
            None if host.rules.is_none() => format!("there is no route to {to} in the main table"),
            None => format!("there is no route to {to}"),
        };
        Answer::Says(route, Said { fact, at: host.first_reading(), source: source.to_owned() })
    }

    /// What the host with `from` knows of a neighbour, read closest to that time.
    pub fn neighbour(&self, from: IpAddr, of: IpAddr, at: Timestamp) -> Answer<&Neighbour> {
        let (source, host) = match self.lasting(from, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let nearest = host.readings.iter().min_by_key(|reading| reading.at.0.abs_diff(at.0));
        let found =
            nearest.and_then(|reading| Some((reading, reading.neighbours.iter().find(|one| one.address == of)?)));
        let Some((reading, one)) = found else { return Answer::Silent };
        let mac = one.mac.as_deref().unwrap_or("no MAC");
        let state = match one.state {
            super::Resolution::Unresolved => "no answer for it".to_owned(),
            super::Resolution::Resolved => format!("it is at {mac}"),
            super::Resolution::Probing => format!("it was at {mac}, which is not confirmed again yet"),
            super::Resolution::Permanent => format!("it is a static entry with {mac}, which ARP does not change"),
        };
        let fact = format!("neighbour {of} at {}: {state}", one.interface);
        Answer::Says(one, Said { fact, at: reading.at, source: source.to_owned() })
    }

    /// Which host other than the sender dropped packets whose source address its routes lead back another way, between two
    /// moments, and how many.
    pub fn reverse_path_drops(&self, sender: IpAddr, from: Timestamp, until: Timestamp) -> Option<(u64, Said)> {
        let drops = |reading: &Reading| reading.counters.get("IPReversePathFilter").copied();
        self.0.iter().filter(|(_, host)| !host.has(sender)).find_map(|(source, host)| {
            let before = host.readings.iter().rfind(|reading| reading.at <= from)?;
            let after = host.readings.iter().find(|reading| reading.at >= until)?;
            let dropped = drops(after)?.checked_sub(drops(before)?).filter(|dropped| *dropped > 0)?;
            let packets = if dropped == 1 { "1 packet" } else { &format!("{dropped} packets") };
            let fact = format!("its reverse path filter dropped {packets} in that time (IPReversePathFilter)");
            Some((dropped, Said { fact, at: after.at, source: source.clone() }))
        })
    }

    /// How long the host with that address keeps TIME-WAIT, in seconds, where its kernel leaves no choice.
    pub fn time_wait(&self, of: IpAddr, at: Timestamp) -> Answer<f64> {
        let (source, host) = match self.lasting(of, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        if !host.kernel.starts_with("Linux ") {
            return Answer::Silent;
        }
        let fact = format!("its kernel is {}, which keeps TIME-WAIT for {TIME_WAIT:.0} s", host.kernel);
        Answer::Says(TIME_WAIT, Said { fact, at: host.first_reading(), source: source.to_owned() })
    }

    /// Whether the host with that address has an interface with this MAC address, too.
    pub fn has_mac(&self, of: IpAddr, mac: &str, at: Timestamp) -> Answer<bool> {
        let (source, host) = match self.lasting(of, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let own = host.addresses.iter().find(|own| own.mac.as_deref().is_some_and(|own| own.eq_ignore_ascii_case(mac)));
        let fact = match own {
            Some(own) => format!("{mac} is the MAC of its interface {}", own.interface),
            None => format!("{mac} is none of its MACs"),
        };
        Answer::Says(own.is_some(), Said { fact, at: host.first_reading(), source: source.to_owned() })
    }

    /// A setting of the host with that address.
    pub fn setting(&self, of: IpAddr, name: &str, at: Timestamp) -> Answer<u32> {
        let (source, host) = match self.lasting(of, at) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let Some(value) = host.setting(name) else { return Answer::Silent };
        let said = Said { fact: format!("{name} = {value}"), at: host.first_reading(), source: source.to_owned() };
        Answer::Says(value, said)
    }

    /// What changes seldom, if it was read about then.
    fn lasting(&self, address: IpAddr, at: Timestamp) -> Result<(&str, &Host), Answer<()>> {
        let (source, host) = self.of(address)?;
        let away = host.readings.iter().map(|reading| reading.at.seconds_since(at).abs()).fold(f64::INFINITY, f64::min);
        if away <= LASTING {
            return Ok((source, host));
        }
        let why = if away.is_finite() {
            format!("read {away:.0} s before or after it")
        } else {
            "nothing was read".to_owned()
        };
        Err(Answer::Open(open(&why, host.first_reading(), source)))
    }
}

impl Answer<()> {
    /// The same, as an answer to another question.
    fn never<T>(self) -> Answer<T> {
        match self {
            Self::Silent => Answer::Silent,
            Self::Open(said) | Self::Says((), said) => Answer::Open(said),
        }
    }
}

impl Host {
    fn first_reading(&self) -> Timestamp {
        self.readings.first().map_or(Timestamp(0), |reading| reading.at)
    }
}

fn open(why: &str, at: Timestamp, source: &str) -> Said {
    Said { fact: format!("nothing can be concluded: {why}"), at, source: source.to_owned() }
}

#[cfg(test)]
mod tests;
