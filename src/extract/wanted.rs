//! Tells of every frame whether it is wanted.

use std::collections::{BTreeSet, HashSet};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use super::collected::Parts;
use super::handshakes::Handshakes;
use crate::frame::{CaptureId, Frame, FrameNo, Stamp};
use crate::source::Named;
use crate::wire::{Body, Decoder, IpHeader};

/// Hosts still answer what came last, and repeat themselves, for this long. Seconds.
const GRACE: f64 = 5.0;

/// Two sockets, whichever sends.
pub(super) type Pair = (SocketAddr, SocketAddr);

/// The pair of two sockets.
pub(super) fn pair(one: SocketAddr, other: SocketAddr) -> Pair {
    if one <= other { (one, other) } else { (other, one) }
}

/// What is to be taken of a capture; to be asked about every frame in the order of time.
#[derive(Debug)]
pub enum Wanted {
    /// Every frame.
    All,
    /// What belongs to some sessions and hosts, and frames that are cited.
    Picked(Box<Picked>),
    /// Everything but data.
    Slim(Box<Slim>),
}

/// Sessions, hosts and frames.
#[derive(Debug)]
pub struct Picked {
    decoder: Decoder,
    sessions: Vec<Parts>,
    hosts: BTreeSet<IpAddr>,
    cited: HashSet<(CaptureId, FrameNo), RandomState>,
}

/// Control connections as a whole, of all others the handshakes.
#[derive(Debug)]
pub struct Slim {
    decoder: Decoder,
    control: HashSet<Pair, RandomState>,
    others: Handshakes,
}

impl Wanted {
    pub(super) fn picked(
        sessions: impl IntoIterator<Item = Parts>,
        cited: impl IntoIterator<Item = Stamp>,
        hosts: impl IntoIterator<Item = IpAddr>,
    ) -> Self {
        let sessions: Vec<Parts> = sessions.into_iter().collect();
        let of_sessions = sessions.iter().flat_map(|parts| parts.hosts.iter().copied());
        let hosts = of_sessions.chain(hosts).collect();
        let cited = cited.into_iter().map(|at| (at.capture, at.number)).collect();
        Self::Picked(Box::new(Picked { decoder: Decoder::new(), sessions, hosts, cited }))
    }

    pub(super) fn slim(control: impl IntoIterator<Item = Pair>) -> Self {
        let control = control.into_iter().collect();
        Self::Slim(Box::new(Slim { decoder: Decoder::new(), control, others: Handshakes::default() }))
    }

    /// Whether a name is to be taken: that of a host whose packets are.
    pub fn names(&self, named: &Named) -> bool {
        match self {
            Self::All | Self::Slim(_) => true,
            Self::Picked(picked) => named.ip().is_some_and(|address| picked.is_host(address)),
        }
    }

    /// Whether a frame is to be taken.
    pub fn takes(&mut self, frame: &Frame<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Picked(picked) => picked.takes(frame),
            Self::Slim(slim) => slim.takes(frame),
        }
    }
}

impl Picked {
    fn takes(&mut self, frame: &Frame<'_>) -> bool {
        let cited = self.cited.contains(&(frame.at.capture, frame.at.number));
        let body = self.decoder.decode(frame).body;
        cited
            || match body {
                Body::Tcp(ip, tcp) => {
                    let from = SocketAddr::new(ip.source, tcp.source_port);
                    let to = SocketAddr::new(ip.destination, tcp.destination_port);
                    self.sessions.iter().any(|session| session.holds(frame.at, from, to))
                }
                Body::Icmp(_, error) => {
                    let (from, to) = (error.quoted.source, error.quoted.destination);
                    self.sessions.iter().any(|session| session.holds(frame.at, from, to))
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

impl Parts {
    /// Whether a segment between these sockets is one of the session. Earlier connections of its data sockets are what
    /// TIME-WAIT is about; the sockets of its control connection may serve another session at another time.
    fn holds(&self, at: Stamp, from: SocketAddr, to: SocketAddr) -> bool {
        let pair = pair(from, to);
        let now = self.first <= at && at.is_until(self.last, GRACE);
        self.data.contains(&pair)
            || now && (pair == self.control || self.offers.contains(&from) || self.offers.contains(&to))
    }
}

impl Slim {
    fn takes(&mut self, frame: &Frame<'_>) -> bool {
        match self.decoder.decode(frame).body {
            Body::Tcp(ip, tcp) => {
                let from = SocketAddr::new(ip.source, tcp.source_port);
                let to = SocketAddr::new(ip.destination, tcp.destination_port);
                let pair = pair(from, to);
                self.control.contains(&pair) || self.others.takes(pair, &tcp)
            }
            Body::Icmp(..) | Body::Arp(_) | Body::Nd(..) | Body::Fragment(_) => true,
            Body::OtherIp(_) | Body::Nothing => false,
        }
    }
}
