//! Addresses that changed their MAC, peers that did not notice, and addresses that two hosts claim.
//!
//! Only addresses that took part in ARP or ND at the place are judged: an address behind a router changes its MAC
//! whenever the route does, and means nothing by it. What changes too often is not judged at all.

use std::net::IpAddr;

use super::holdings::{Holding, How, Run};
use super::pairs::Lane;
use super::trail::Trail;
use super::{Network, Place, virtual_mac};
use crate::frame::{Interval, Stamp};
use crate::wire::Mac;

/// MACs that an address may go through and still be said to move.
const MACS: usize = 3;
/// Frames under way when an address moves: a peer that is still wrong after so long is stale.
const UNDER_WAY: Interval = Interval::seconds(1);
/// Frames to the old MAC, after those, that make a peer stale.
const STALE_FRAMES: u64 = 2;
/// A host that answers a rival's announcement within this time defends its address (RFC 5227 DEFEND_INTERVAL).
const DEFENCE: Interval = Interval::seconds(10);

/// An address moved from one MAC to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// The address.
    pub ip: IpAddr,
    /// Where.
    pub place: Place,
    /// The MAC it had, and the frames that show it.
    pub old: (Mac, Trail),
    /// The best sign that it had it.
    pub old_how: How,
    /// The MAC it has since, and the frames that show it.
    pub new: (Mac, Trail),
    /// The best sign that it has it.
    pub new_how: How,
    /// The announcement, if there was one.
    pub announced: Option<Stamp>,
}

impl Move {
    /// The first frame from the new MAC.
    pub fn at(&self) -> Stamp {
        self.new.1.first
    }

    /// Whether both MACs are known by more than the sender field of a request.
    pub fn is_certain(&self) -> bool {
        self.old_how > How::RequestSpa && self.new_how > How::RequestSpa && self.old.1.count > 1
    }
}

/// A peer that goes on sending to the old MAC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The move it missed.
    pub moved: Move,
    /// Whose packets: the peer, or a host behind it if it is a router.
    pub peer: IpAddr,
    /// The MAC that sends them.
    pub peer_mac: Mac,
    /// The packets.
    pub sent: Trail,
    /// Its first packet to the new MAC.
    pub learnt: Option<Stamp>,
}

impl Stale {
    /// Seconds from the move to the last packet that went wrong.
    pub fn seconds(&self) -> f64 {
        self.sent.last.seconds_since(self.moved.at())
    }
}

/// Two MACs claim one address at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The address.
    pub ip: IpAddr,
    /// Where.
    pub place: Place,
    /// The MACs in order of appearance, each with its frames.
    pub claims: [(Mac, Vec<Stamp>); 2],
    /// How often the address went back to a MAC it had left.
    pub returns: usize,
    /// A request and the two answers to it.
    pub answered_twice: Option<[Stamp; 3]>,
    /// Whether the claims are interleaved so that no move explains them.
    pub certain: bool,
}

impl Conflict {
    /// The first frame of the rival.
    fn first(&self) -> Option<Stamp> {
        self.claims[1].1.first().copied()
    }
}

impl Network {
    /// Addresses that moved, in order of time, each move once though several interfaces show it.
    pub fn moves(&self) -> Vec<Move> {
        let mut moves: Vec<Move> = self
            .holdings
            .iter()
            .filter(|(ip, holding)| self.is_orderly(*ip, holding))
            .flat_map(|(ip, holding)| holding.runs.windows(2).filter_map(move |runs| moved(ip, holding.place, runs)))
            .collect();
        moves.sort_by_key(|moved| (moved.ip, moved.old.0, moved.new.0, moved.at()));
        moves.dedup_by_key(|moved| (moved.ip, moved.old.0, moved.new.0));
        moves.sort_by_key(|moved| (moved.at(), moved.ip));
        moves
    }

    /// Whether the runs of an address are a sequence of plain hosts' MACs, none of which comes back.
    fn is_orderly(&self, ip: IpAddr, holding: &Holding) -> bool {
        let macs = holding.macs();
        (2..=MACS).contains(&macs.len())
            && macs.len() == holding.runs.len()
            && !holding.mixed
            && holding.twice.is_none()
            && macs.iter().all(|mac| self.is_plain(ip, holding.place, *mac))
    }

    fn is_plain(&self, ip: IpAddr, place: Place, mac: Mac) -> bool {
        self.is_router(place, mac).is_none() && virtual_mac::kind_for(mac, ip).is_none()
    }

    /// Peers that keep sending to the old MAC of an address that moved, in order of time, each once for an address.
    pub fn stale_peers(&self) -> Vec<Stale> {
        self.stale_among(self.pairs.iter())
    }

    /// Those of two hosts, in what they send to each other.
    pub fn stale_between(&self, one: IpAddr, other: IpAddr) -> Vec<Stale> {
        self.stale_among(self.pairs.between(one, other))
    }

    fn stale_among<'a>(&self, ways: impl Iterator<Item = (IpAddr, IpAddr, &'a Lane)>) -> Vec<Stale> {
        let mut all: Vec<Stale> = ways.filter_map(|(peer, to, lane)| self.stale_peer(peer, to, lane)).collect();
        all.sort_by_key(|stale| (stale.peer, stale.moved.ip, stale.sent.first));
        all.dedup_by_key(|stale| (stale.peer, stale.moved.ip));
        all.sort_by_key(|stale| (stale.sent.first, stale.peer));
        all
    }

    fn stale_peer(&self, peer: IpAddr, ip: IpAddr, lane: &Lane) -> Option<Stale> {
        let sent = lane.late.as_deref()?.clone();
        let holding = self.holdings.at(lane.place, ip).filter(|holding| self.is_orderly(ip, holding))?;
        let left = holding.runs.windows(2).find(|runs| runs.first().map(|run| run.mac) == lane.to_mac)?;
        let moved = moved(ip, lane.place, left)?;
        let own = lane.from_mac == moved.old.0 || lane.from_mac == moved.new.0;
        let under_way = sent.count < STALE_FRAMES || sent.last.since(moved.at()) < UNDER_WAY;
        if own || under_way {
            return None;
        }
        let better = self.pairs.lanes(peer, ip).iter().filter(|lane| lane.to_mac == Some(moved.new.0));
        let learnt = better.map(|lane| lane.trail.first).min();
        Some(Stale { moved, peer, peer_mac: lane.from_mac, sent, learnt })
    }

    /// Addresses that two hosts claim, in order of time, each once though several interfaces show it.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.conflicts_where(|_| true)
    }

    /// Those about one of two addresses.
    pub fn conflicts_over(&self, addresses: [IpAddr; 2]) -> Vec<Conflict> {
        self.conflicts_where(|ip| addresses.contains(&ip))
    }

    fn conflicts_where(&self, wanted: impl Fn(IpAddr) -> bool) -> Vec<Conflict> {
        let holdings = self.holdings.iter().filter(|(ip, _)| wanted(*ip));
        let mut all: Vec<Conflict> = holdings.filter_map(|(ip, holding)| self.conflict(ip, holding)).collect();
        all.sort_by_key(|conflict| (conflict.ip, !conflict.certain, conflict.first()));
        all.dedup_by_key(|conflict| conflict.ip);
        all.sort_by_key(|conflict| (conflict.first(), conflict.ip));
        all
    }

    fn conflict(&self, ip: IpAddr, holding: &Holding) -> Option<Conflict> {
        let [one, other] = holding.macs().try_into().ok()?;
        let plain = self.is_plain(ip, holding.place, one) && self.is_plain(ip, holding.place, other);
        if holding.mixed || !plain || self.are_one_host(ip, holding.place, one, other) {
            return None;
        }
        let spoke = |mac| holding.runs.iter().any(|run| run.mac == mac && run.resolution.is_some());
        let strong = holding.runs.iter().any(|run| run.how.is_strong());
        if !(spoke(one) && spoke(other) && strong) {
            return None;
        }
        let contest = contest(&holding.runs);
        if contest == Contest::None && holding.twice.is_none() {
            return None;
        }
        let claims = [one, other].map(|mac| {
            let frames = holding.runs.iter().filter(|run| run.mac == mac).flat_map(claim_frames);
            (mac, frames.collect())
        });
        Some(Conflict {
            ip,
            place: holding.place,
            claims,
            returns: holding.runs.len().saturating_sub(2),
            answered_twice: holding.twice.map(|twice| [twice.asked, twice.first.0, twice.second.0]),
            certain: contest == Contest::Certain,
        })
    }

    /// Whether two MACs share another address too: two cards of one host on one segment, each answering for all of
    /// its addresses.
    fn are_one_host(&self, ip: IpAddr, place: Place, one: Mac, other: Mac) -> bool {
        let others = self.addresses_of(place, other);
        self.addresses_of(place, one).into_iter().any(|address| address != ip && others.contains(&address))
    }
}

/// The move between two runs, if the new MAC said so itself and both are known to use the address.
fn moved(ip: IpAddr, place: Place, runs: &[Run]) -> Option<Move> {
    let [old, new] = runs else { return None };
    let told = new.resolution.is_some() && new.how > How::RequestSpa;
    told.then(|| Move {
        ip,
        place,
        old: (old.mac, old.trail.clone()),
        old_how: old.how,
        new: (new.mac, new.trail.clone()),
        new_how: new.how,
        announced: new.announced,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Contest {
    None,
    Likely,
    Certain,
}

/// Whether two MACs contend for an address, by the runs of both. A bond that spreads its traffic changes MACs too,
/// but does not announce the address; a card that fails over and back announces each change and then rests.
fn contest(runs: &[Run]) -> Contest {
    if !runs.iter().any(|run| run.announced.is_some()) {
        return Contest::None;
    }
    let returns = runs.get(2..).unwrap_or_default();
    let unannounced = returns.iter().any(|run| run.announced != Some(run.trail.first));
    let quick = runs.windows(2).skip(1).filter(|pair| is_defence(pair)).count();
    match returns.len() {
        1 if quick == 1 => Contest::Likely,
        2.. if unannounced || quick > 1 => Contest::Certain,
        _ => Contest::None,
    }
}

/// Whether the second run answers the announcement of the first: soon, and not by frames that were under way.
fn is_defence(pair: &[Run]) -> bool {
    let [rival, owner] = pair else { return false };
    let Some(announced) = rival.announced else { return false };
    let persists = owner.resolution.is_some() || owner.trail.last.since(announced) >= UNDER_WAY;
    persists && owner.trail.first.since(announced) <= DEFENCE
}

/// The frames of a run that show the claim best: ARP and ND, and the first by source address.
fn claim_frames(run: &Run) -> Vec<Stamp> {
    let mut frames = run.resolution.as_deref().map(Trail::frames).unwrap_or_default();
    frames.truncate(3);
    frames.push(run.trail.first);
    frames.sort_unstable();
    frames.dedup();
    frames
}
