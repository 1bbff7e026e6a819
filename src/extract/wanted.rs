//! Tells of every frame whether it is wanted.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use super::parts::{Pair, Parts, pair};
use super::thin::Thin;
use crate::frame::{CaptureId, Frame, FrameNo, Interval, Stamp};
use crate::source::Named;
use crate::wire::{Body, Decoder, IpHeader};

/// Hosts still answer what came last, and repeat themselves, for this long. Seconds.
const GRACE: Interval = Interval::seconds(5);

/// What is to be taken of a capture; to be asked about every frame in the order of time.
#[derive(Debug)]
pub enum WantedFrames {
    /// Every frame.
    All,
    /// What belongs to some sessions and hosts, and frames that are cited.
    Picked(Box<Picked>),
    /// Every frame without what no finding rests on.
    Slim(Box<Thin>),
}

/// Sessions, hosts and frames.
#[derive(Debug)]
pub struct Picked {
    decoder: Decoder,
    data: HashSet<Pair, RandomState>,
    /// When each control connection, and each announced endpoint, belonged to one of the sessions.
    control: HashMap<Pair, Spans, RandomState>,
    offers: HashMap<SocketAddr, Spans, RandomState>,
    hosts: BTreeSet<IpAddr>,
    cited: HashSet<(CaptureId, FrameNo), RandomState>,
}

/// Spans of time, both ends included, in order and apart from each other.
#[derive(Debug, Default)]
struct Spans(Vec<(Stamp, Stamp)>);

impl Spans {
    fn add(&mut self, from: Stamp, until: Stamp) {
        if from <= until {
            self.0.push((from, until));
        }
    }

    /// To be done once all are there.
    fn join(&mut self) {
        self.0.sort_unstable();
        self.0.dedup_by(|next, span| {
            let meet = next.0 <= span.1;
            span.1 = if meet { span.1.max(next.1) } else { span.1 };
            meet
        });
    }

    fn hold(&self, at: Stamp) -> bool {
        let behind = self.0.partition_point(|(from, _)| *from <= at);
        behind.checked_sub(1).and_then(|last| self.0.get(last)).is_some_and(|(_, until)| at <= *until)
    }
}

impl WantedFrames {
    pub(super) fn picked(
        sessions: impl IntoIterator<Item = Parts>,
        cited: impl IntoIterator<Item = Stamp>,
        hosts: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let mut picked = Picked {
            decoder: Decoder::new(),
            data: HashSet::default(),
            control: HashMap::default(),
            offers: HashMap::default(),
            hosts: hosts.into_iter().collect(),
            cited: cited.into_iter().map(|at| (at.capture, at.number)).collect(),
        };
        sessions.into_iter().for_each(|parts| picked.add(parts));
        picked.control.values_mut().chain(picked.offers.values_mut()).for_each(Spans::join);
        Self::Picked(Box::new(picked))
    }

    pub(super) fn slim(control: impl IntoIterator<Item = Pair>, ports: &[u16]) -> Self {
        Self::Slim(Box::new(Thin::new(control, ports)))
    }

    /// Whether a name is to be taken: that of a host whose packets are.
    pub fn names(&self, named: &Named) -> bool {
        match self {
            Self::All | Self::Slim(_) => true,
            Self::Picked(picked) => named.ip().is_some_and(|address| picked.is_host(address)),
        }
    }

    /// What is to be taken of a frame: its bytes, or as many of them from the first one on as are needed; nothing if it is
    /// not wanted.
    pub fn taken<'a>(&'a mut self, frame: &Frame<'a>) -> Option<&'a [u8]> {
        match self {
            Self::All => Some(frame.bytes),
            Self::Picked(picked) => picked.takes(frame).then_some(frame.bytes),
            Self::Slim(thin) => Some(thin.thinned(frame)),
        }
    }
}

impl Picked {
    fn add(&mut self, parts: Parts) {
        let Parts { control, first, last, data, offers, hosts } = parts;
        let until = last.after_by(GRACE);
        self.data.extend(data);
        for control in control {
            self.control.entry(control).or_default().add(first, until);
        }
        for offer in offers {
            self.offers.entry(offer).or_default().add(first, until);
        }
        self.hosts.extend(hosts);
    }

    /// Whether a segment between these sockets is one of the sessions. Earlier connections of their data sockets are what
    /// TIME-WAIT is about; the sockets of a control connection may serve another session at another time.
    fn holds(&self, at: Stamp, from: SocketAddr, to: SocketAddr) -> bool {
        let pair = pair(from, to);
        let offered = |socket| self.offers.get(socket).is_some_and(|spans| spans.hold(at));
        self.data.contains(&pair)
            || self.control.get(&pair).is_some_and(|spans| spans.hold(at))
            || offered(&from)
            || offered(&to)
    }

    fn takes(&mut self, frame: &Frame<'_>) -> bool {
        let cited = self.cited.contains(&(frame.at.capture, frame.at.number));
        let body = self.decoder.decode(frame).body;
        cited
            || match body {
                Body::Tcp(ip, tcp) => {
                    let from = SocketAddr::new(ip.source, tcp.source_port);
                    let to = SocketAddr::new(ip.destination, tcp.destination_port);
                    self.holds(frame.at, from, to)
                }
                Body::Icmp(_, error) => {
                    let (from, to) = (error.quoted.source, error.quoted.destination);
                    self.holds(frame.at, from, to)
                }
                Body::Arp(arp) => self.is_host(arp.sender_ip.into()) || self.is_host(arp.target_ip.into()),
                Body::Nd(_, nd) => self.is_host(nd.sender.into()) || self.is_host(nd.target.into()),
                // A fragment shows no port; a datagram of these hosts that needs it is lost without it.
                Body::Fragment(ip) => self.is_between(&ip),
                Body::OtherIp(_) | Body::Nothing => false,
            }
    }

    fn is_host(&self, address: IpAddr) -> bool {
        self.hosts.contains(&address)
    }

    fn is_between(&self, ip: &IpHeader) -> bool {
        self.is_host(ip.source) && self.is_host(ip.destination)
    }
}

#[cfg(test)]
mod tests {
    use super::Spans;
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};

    fn at(time: i64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(0), Timestamp(time))
    }

    #[test]
    fn spans_that_meet_are_one() {
        let mut spans = Spans::default();
        for (from, until) in [(30, 40), (1, 5), (4, 9), (2, 3), (9, 12)] {
            spans.add(at(from), at(until));
        }
        spans.join();
        assert_eq!(spans.0, [(at(1), at(12)), (at(30), at(40))]);
        let held: Vec<i64> = (0..50).filter(|time| spans.hold(at(*time))).collect();
        assert_eq!(held, (1..=12).chain(30..=40).collect::<Vec<_>>());
    }
}
