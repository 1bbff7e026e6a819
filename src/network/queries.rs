//! Who asked for which address by ARP or ND, and whether anybody answered.

use std::collections::VecDeque;
use std::net::IpAddr;

use super::Place;
use super::bounded::{Bounded, Followed};
use super::holdings::{Twice, is_host, is_station};
use crate::frame::{Interval, Stamp};
use crate::wire::{Arp, ArpOperation, Link, Mac, NdKind, NeighborDiscovery};

/// Askers kept for one target: the hosts and routers of a segment that want to reach it.
const ASKERS: usize = 16;
/// Questions of one asker kept, the last ones: ten failed connections of three questions each.
const QUESTIONS: usize = 32;
/// An answer this late is to another question: askers ask again after a second (RFC 1122 2.3.2.1).
const ONE_QUESTION: Interval = Interval::seconds(1);

/// A question this soon after another is a copy of it: nobody asks oftener than about once a second (RFC 1122
/// 2.3.2.1).
const COPIED: Interval = Interval::millis(100);

/// Questions that nobody answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// What was asked for.
    pub target: IpAddr,
    /// Where.
    pub place: Place,
    /// Who asked.
    pub asker: IpAddr,
    /// With which MAC.
    pub asker_mac: Mac,
    /// The questions, in order; the last 32 at most.
    pub asked: Vec<Stamp>,
}

/// The asker of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asker {
    ip: IpAddr,
    mac: Mac,
}

/// What an ARP request asks for. Probes and announcements are no questions.
pub(super) fn asked_by_arp(arp: &Arp) -> Option<(IpAddr, Asker)> {
    let question = arp.operation == ArpOperation::Request && arp.sender_ip != arp.target_ip;
    question.then(|| asked(arp.target_ip.into(), arp.sender_ip.into(), arp.sender_mac)).flatten()
}

/// What a neighbour solicitation asks for. Duplicate address detection is no question.
pub(super) fn asked_by_nd(link: &Link, nd: &NeighborDiscovery) -> Option<(IpAddr, Asker)> {
    let mac = nd.link_address.or(link.source)?;
    (nd.kind == NdKind::Solicitation).then(|| asked(nd.target.into(), nd.sender.into(), mac)).flatten()
}

fn asked(target: IpAddr, ip: IpAddr, mac: Mac) -> Option<(IpAddr, Asker)> {
    (is_host(target) && is_host(ip) && is_station(mac)).then_some((target, Asker { ip, mac }))
}

#[derive(Clone, Debug)]
struct Asked {
    place: Place,
    asker: Asker,
    stamps: VecDeque<Stamp>,
    /// The answer to the last question.
    answer: Option<(Stamp, Mac)>,
    /// The last answer at all.
    answered: Option<Stamp>,
}

/// The questions.
#[derive(Debug)]
pub(super) struct Queries {
    map: Bounded<IpAddr, Vec<Asked>>,
}

impl Queries {
    pub fn new(limit: usize) -> Self {
        Self { map: Bounded::new(limit) }
    }

    pub fn let_go(&self) -> u64 {
        self.map.let_go()
    }

    /// Books a question.
    pub fn asked(&mut self, at: Stamp, place: Place, target: IpAddr, asker: Asker, followed: &Followed) {
        let all = self.map.touch(target, followed);
        if let Some(asked) = all.iter_mut().find(|asked| asked.place == place && asked.asker == asker) {
            if asked.stamps.back().is_some_and(|last| at.since(*last) < COPIED) {
                return;
            }
            if asked.stamps.len() >= QUESTIONS {
                asked.stamps.pop_front();
            }
            asked.stamps.push_back(at);
            asked.answer = None;
        } else if all.len() < ASKERS {
            all.push(Asked { place, asker, stamps: VecDeque::from([at]), answer: None, answered: None });
        }
    }

    /// Books an answer to `told`; if it is the second one to one question, by another MAC, says so.
    pub fn answered(
        &mut self,
        at: Stamp,
        place: Place,
        target: IpAddr,
        told: Option<IpAddr>,
        mac: Mac,
        followed: &Followed,
    ) -> Option<Twice> {
        self.map.look(&target)?;
        let all = self.map.touch(target, followed);
        let asked = all.iter_mut().find(|asked| asked.place == place && Some(asked.asker.ip) == told)?;
        asked.answered = Some(at);
        let question = *asked.stamps.back()?;
        let Some(first) = asked.answer else {
            asked.answer = Some((at, mac));
            return None;
        };
        let second = first.1 != mac && at.since(question) <= ONE_QUESTION;
        second.then_some(Twice { asked: question, first, second: (at, mac) })
    }

    /// The unanswered questions about `target` between two frames, of the asker who asked most.
    pub fn unanswered(&self, target: IpAddr, from: Stamp, until: Stamp) -> Option<Query> {
        let mut best: Option<Query> = None;
        for asked in self.map.look(&target)? {
            let open = asked.stamps.iter().filter(|at| asked.answered.is_none_or(|answered| **at > answered));
            let stamps: Vec<Stamp> = open.copied().filter(|at| *at >= from && *at <= until).collect();
            if stamps.len() > best.as_ref().map_or(0, |query| query.asked.len()) {
                let Asker { ip, mac } = asked.asker;
                best = Some(Query { target, place: asked.place, asker: ip, asker_mac: mac, asked: stamps });
            }
        }
        best
    }
}
