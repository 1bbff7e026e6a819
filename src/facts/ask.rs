//! What can be asked of facts, and what they may answer. They answer for the host that has an address, at a time on its
//! clock; where that is not the capture's, or the table is not whole, nothing can be concluded, and they say why.

use std::net::{IpAddr, SocketAddr};

use super::{Held, HeldIn, Host, Neighbour, Reading, RouteEntry, TIME_WAIT};
use crate::frame::Timestamp;

/// A TIME-WAIT that began this close to the end of the connection in the capture, in seconds, shows that the clocks agree.
const SAME_MOMENT: f64 = 1.0;

/// Seconds by which readings and packets may be apart and still be taken for one moment.
const TICK: f64 = 0.05;

/// Addresses and routes are those of readings this far away at most, in seconds: hosts get others.
const LASTING: f64 = 3_600.0;

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
    /// When the connection had ended.
    pub closed: Timestamp,
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

    /// Whether the host with `local` held the 5-tuple to `remote` in TIME-WAIT.
    pub fn tuple(&self, local: SocketAddr, remote: SocketAddr, moment: Moment) -> Answer<Tuple> {
        let (source, host) = match self.of(local.ip()) {
            Ok(found) => found,
            Err(answer) => return answer.never(),
        };
        let Moment { closed, wanted, is_here } = moment;
        let entry = |reading: &'_ Reading| {
            let is_it = |held: &&Held| held.local == local && held.remote == remote && held.state == HeldIn::TimeWait;
            reading.time_wait.iter().find(is_it).copied()
        };
        let found: Vec<(&Reading, Held)> =
            host.readings.iter().filter_map(|reading| Some((reading, entry(reading)?))).collect();
        // The latest reading says most: whether it was held all the time.
        for (reading, held) in found.iter().rev() {
            let begun = reading.at.plus_seconds(held.left - TIME_WAIT + reading.took);
            let before = wanted.seconds_since(begun);
            let after = reading.at.plus_seconds(held.left).seconds_since(wanted);
            if before < -TICK || after < 0.0 {
                continue;
            }
            let apart = begun.seconds_since(closed);
            if !is_here && apart.abs() > SAME_MOMENT {
                let why = format!(
                    "its clock differs from the capture's: {local} to {remote} is in TIME-WAIT {:.1} s {} the close that the capture shows",
                    apart.abs(),
                    if apart > 0.0 { "after" } else { "before" },
                );
                return Answer::Open(open(&why, reading.at, source));
            }
            let fact = format!(
                "{local} to {remote} in TIME-WAIT with {:.2} s left: from {:.1} s before the reply until {after:.1} s after it",
                held.left,
                before.max(0.0),
            );
            let said = Said { fact, at: reading.at, source: source.to_owned() };
            return Answer::Says(Tuple::Held { through: reading.at >= wanted }, said);
        }
        absent(host, source, (local, remote), moment)
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
            let why = if is_here {
                "not read while the connection was tried"
            } else {
                "its clock may differ from the capture's"
            };
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
        let route = host.route(to).filter(|route| !route.refused);
        let fact = match route {
            Some(RouteEntry { interface, gateway: Some(gateway), .. }) => {
                format!("the route to {to} goes out at {interface} by {gateway}")
            }
            Some(RouteEntry { interface, .. }) => format!("the route to {to} goes out at {interface}"),
            None => format!("there is no route to {to} in the main table"),
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
            super::Resolution::Permanent => format!("it is a static entry with {mac}, which ARP does not change"),
        };
        let fact = format!("neighbour {of} at {}: {state}", one.interface);
        Answer::Says(one, Said { fact, at: reading.at, source: source.to_owned() })
    }

    /// Which host dropped packets whose source address its routes lead back another way, between two moments.
    pub fn reverse_path_drops(&self, from: Timestamp, until: Timestamp) -> Option<Said> {
        let drops = |reading: &Reading| reading.counters.get("IPReversePathFilter").copied();
        self.0.iter().find_map(|(source, host)| {
            let before = host.readings.iter().rfind(|reading| reading.at <= from)?;
            let after = host.readings.iter().find(|reading| reading.at >= until)?;
            let dropped = drops(after)?.checked_sub(drops(before)?).filter(|dropped| *dropped > 0)?;
            let fact = format!("its reverse path filter dropped {dropped} packets in that time (IPReversePathFilter)");
            Some(Said { fact, at: after.at, source: source.clone() })
        })
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

/// What it tells that no entry is found: that a tuple was free, if the table was whole and read while the entry of the
/// connection that the capture shows would have been in it.
fn absent(host: &Host, source: &str, (local, remote): (SocketAddr, SocketAddr), moment: Moment) -> Answer<Tuple> {
    let age = |reading: &Reading| reading.at.seconds_since(moment.closed);
    let telling = |reading: &&Reading| (TICK..TIME_WAIT - 1.0).contains(&age(reading));
    let Some(reading) = host.readings.iter().rfind(telling) else {
        let nearest = host.readings.iter().map(age).min_by(|one, other| one.abs().total_cmp(&other.abs()));
        let when = nearest.map_or_else(String::new, |age| {
            format!(" {:.0} s {} the close", age.abs(), if age < 0.0 { "before" } else { "after" })
        });
        let why = format!("read{when}, and TIME-WAIT lasts {TIME_WAIT:.0} s");
        return Answer::Open(open(&why, host.first_reading(), source));
    };
    let overflow = reading.counters.get("TCPTimeWaitOverflow").copied();
    let why = if !moment.is_here {
        Some("an entry is missing, and its clock may differ from the capture's".to_owned())
    } else if overflow != Some(0) {
        let times = overflow.map_or("perhaps".to_owned(), |times| format!("{times} times"));
        Some(format!("an entry is missing, and the table of TIME-WAIT overflowed {times}"))
    } else if reading.left_out > 0 || !(reading.peers.is_empty() || reading.peers.contains(&remote.ip())) {
        Some("an entry is missing, but not all entries were kept".to_owned())
    } else {
        None
    };
    if let Some(why) = why {
        return Answer::Open(open(&why, reading.at, source));
    }
    let fact = format!("{local} to {remote} is not in TIME-WAIT, {:.1} s after the close", age(reading));
    Answer::Says(Tuple::Free, Said { fact, at: reading.at, source: source.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::super::testing::host;
    use super::*;

    const SERVER: &str = "10.9.0.20:20";
    const CLIENT: &str = "10.9.0.10:5000";

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn second(seconds: f64) -> Timestamp {
        Timestamp(1_000_000_000_000).plus_seconds(seconds)
    }

    /// A server that read its tables so many seconds behind the close, with that much left of TIME-WAIT.
    fn server(readings: &[(f64, Option<f64>)]) -> Host {
        let mut host = host("10.9.0.20", &vec![0; readings.len()]);
        for (reading, (at, left)) in host.readings.iter_mut().zip(readings) {
            reading.at = second(*at);
            let held = |left: &f64| Held {
                local: socket(SERVER),
                remote: socket(CLIENT),
                state: HeldIn::TimeWait,
                left: *left,
            };
            reading.time_wait = left.iter().map(held).collect();
        }
        host
    }

    /// What is said of a tuple that was closed at 0 and wanted at 2.
    fn asked(host: Host, is_here: bool) -> Answer<Tuple> {
        let mut facts = Facts::default();
        facts.add("host.json", host);
        facts.tuple(socket(SERVER), socket(CLIENT), Moment { closed: second(0.0), wanted: second(2.0), is_here })
    }

    fn why(answer: &Answer<Tuple>) -> &str {
        match answer {
            Answer::Open(said) => said.fact.as_str(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_entry_that_covers_the_moment_is_held() {
        for (at, left, through) in [(2.3, 57.7, true), (1.0, 59.0, false), (50.0, 10.0, true)] {
            let answer = asked(server(&[(at, Some(left))]), true);
            assert_eq!(answer.says(), Some(&Tuple::Held { through }), "{answer:?}");
            assert_eq!(
                asked(server(&[(at, Some(left))]), false).says(),
                Some(&Tuple::Held { through }),
                "clocks agree"
            );
        }
        let both = server(&[(1.0, Some(59.0)), (2.3, Some(57.7))]);
        assert_eq!(asked(both, true).says(), Some(&Tuple::Held { through: true }));
    }

    #[test]
    fn an_entry_of_another_time_or_tuple_is_none() {
        assert!(why(&asked(server(&[(72.0, Some(50.0))]), true)).contains("read 72 s after the close"));
        assert!(why(&asked(server(&[(-100.0, Some(50.0))]), true)).contains("100 s before the close"));
        let mut other = server(&[(2.3, Some(57.7))]);
        other.readings[0].time_wait[0].remote.set_port(5001);
        assert_eq!(asked(other, true).says(), Some(&Tuple::Free));
        let mut half = server(&[(2.3, Some(57.7))]);
        half.readings[0].time_wait[0].state = HeldIn::FinWait2;
        assert_ne!(asked(half, true).says(), Some(&Tuple::Held { through: true }));
    }

    #[test]
    fn another_clock_proves_nothing() {
        // It began 20 s behind the close, by its clock, and covers the moment none the less.
        let late = asked(server(&[(-18.0, Some(20.1))]), false);
        assert!(why(&late).contains("its clock differs from the capture's"), "{late:?}");
        let missing = asked(server(&[(2.3, None)]), false);
        assert!(why(&missing).contains("may differ from the capture's"), "{missing:?}");
    }

    #[test]
    fn a_missing_entry_tells_only_if_the_table_was_whole() {
        assert_eq!(asked(server(&[(2.3, None)]), true).says(), Some(&Tuple::Free));
        assert_eq!(asked(server(&[(1.0, None)]), true).says(), Some(&Tuple::Free), "no entry comes later");
        assert!(why(&asked(server(&[(70.0, None)]), true)).contains("read 70 s after"));
        let changed = |change: fn(&mut Reading)| {
            let mut host = server(&[(2.3, None)]);
            change(&mut host.readings[0]);
            asked(host, true)
        };
        let overflowed = changed(|reading| {
            reading.counters.insert("TCPTimeWaitOverflow".to_owned(), 5);
        });
        assert!(why(&overflowed).contains("overflowed 5 times"), "{overflowed:?}");
        assert!(why(&changed(|reading| reading.counters.clear())).contains("overflowed perhaps"));
        assert!(why(&changed(|reading| reading.left_out = 1)).contains("not all entries were kept"));
        assert!(why(&changed(|reading| reading.peers = vec!["10.9.0.77".parse().unwrap()])).contains("not all"));
        assert_eq!(changed(|reading| reading.peers = vec!["10.9.0.10".parse().unwrap()]).says(), Some(&Tuple::Free));
    }

    #[test]
    fn facts_of_another_namespace_say_nothing() {
        let elsewhere = asked(host("10.9.0.99", &[1_001]), true);
        assert!(why(&elsewhere).contains("network namespace with 10.9.0.20"), "{elsewhere:?}");
        let mut facts = Facts::default();
        let moment = Moment { closed: second(0.0), wanted: second(2.0), is_here: true };
        assert_eq!(facts.tuple(socket(SERVER), socket(CLIENT), moment), Answer::Silent);
        facts.add("one", server(&[(2.3, Some(57.7))]));
        facts.add("two", Host { network_namespace: "net:[2]".to_owned(), ..server(&[]) });
        assert!(why(&facts.tuple(socket(SERVER), socket(CLIENT), moment)).contains("two network namespaces"));
    }

    #[test]
    fn documents_of_one_host_are_one() {
        let mut facts = Facts::default();
        facts.add("late", server(&[(9.0, None)]));
        facts.add("early", server(&[(1.0, None)]));
        assert_eq!(facts.hosts().count(), 1);
        let times: Vec<Timestamp> = facts.hosts().flat_map(|host| &host.readings).map(|reading| reading.at).collect();
        assert_eq!(times, [second(1.0), second(9.0)]);
    }

    #[test]
    fn a_listener_counts_while_it_was_read_to_listen() {
        let asked = |listeners: &[&str], is_here: bool| {
            let mut host = host("10.9.0.20", &[1_000]);
            host.readings[0].listeners = listeners.iter().map(|text| socket(text)).collect();
            let mut facts = Facts::default();
            facts.add("host.json", host);
            facts.listens(socket("10.9.0.20:5000"), second(-1.0), second(1.0), is_here)
        };
        assert_eq!(asked(&["10.9.0.20:5000"], true).says(), Some(&true));
        assert_eq!(asked(&["0.0.0.0:5000"], true).says(), Some(&true));
        assert_eq!(asked(&["10.9.0.20:5001", "10.9.0.21:5000"], true).says(), Some(&false));
        assert!(asked(&["[::]:5000"], true).says().is_none(), "its program decides");
        assert!(asked(&["10.9.0.20:5000"], false).says().is_none(), "another clock");
    }

    #[test]
    fn addresses_and_routes_hold_for_a_while() {
        let mut facts = Facts::default();
        facts.add("host.json", server(&[(0.0, None)]));
        let own: IpAddr = "10.9.0.20".parse().unwrap();
        let other: IpAddr = "10.9.0.21".parse().unwrap();
        assert_eq!(facts.has(own, own, second(60.0)).says(), Some(&true));
        assert_eq!(facts.has(own, other, second(60.0)).says(), Some(&false));
        assert!(facts.has(own, own, second(9_000.0)).says().is_none());
        assert!(facts.has(other, own, second(60.0)).says().is_none());
        assert_eq!(facts.route(own, other, second(0.0)).says(), Some(&None));
    }
}
