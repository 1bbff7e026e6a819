//! Which MAC has an address at which place, and since when: the neighbour history.
//!
//! Turns ARP, ND and the source addresses of frames that their owner sent into runs: spans in which an address was
//! used from one MAC. A run ends where another MAC uses the address.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use foldhash::fast::RandomState;

use super::bindings::{Binding, Bindings};
use super::bounded::{Bounded, Followed};
use super::trail::{self, Trail};
use super::{Packet, Place, virtual_mac};
use crate::frame::Stamp;
use crate::wire::{Arp, ArpOperation, IpHeader, Link, Mac, NdKind, NeighborDiscovery};

/// Places kept for one address: a host is seen on a few interfaces and VLANs, a forged flood on all 4094.
const PLACES: usize = 16;
/// Runs kept for an address at one place. A fault shows in a handful; what changes more often is a bond, a cluster
/// or a capture with invented MACs, of which nothing is said.
const RUNS: usize = 16;

/// How an address is known to belong to a MAC, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// Sender of an ARP request or neighbour solicitation: no ownership, Linux puts any local address there.
    RequestSpa,
    /// Source of a frame with an initial TTL.
    SourceFrame,
    /// Answered the probe of a newcomer (RFC 5227 2.4).
    ProbeDefence,
    /// Announced itself (ARP with sender and target equal, multicast neighbour advertisement).
    Announcement,
    /// Answered a request.
    Reply,
}

impl How {
    /// Whether it states ownership, and not only use.
    pub fn is_strong(self) -> bool {
        self >= Self::ProbeDefence
    }

    /// As a part of a sentence, before "of MAC for ADDRESS".
    pub fn text(self) -> &'static str {
        match self {
            Self::RequestSpa => "ARP request",
            Self::SourceFrame => "frame",
            Self::ProbeDefence => "defence against a probe",
            Self::Announcement => "announcement",
            Self::Reply => "ARP or ND reply",
        }
    }
}

/// Somebody has, or uses, an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The address.
    pub ip: IpAddr,
    /// Where.
    pub place: Place,
    /// By which MAC.
    pub mac: Mac,
    /// The best sign of it.
    pub how: How,
    /// The first frame with that sign.
    pub at: Stamp,
    /// First frame of any sign.
    pub first: Stamp,
    /// Last frame of any sign.
    pub last: Stamp,
    /// Frames of any sign.
    pub count: u64,
    /// SLL and SLL2: the capturing host itself sent such frames, and never received one.
    pub local: bool,
}

/// One question that two MACs answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Twice {
    pub asked: Stamp,
    pub first: (Stamp, Mac),
    pub second: (Stamp, Mac),
}

/// A statement of ARP or ND about who has an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word {
    pub ip: IpAddr,
    pub mac: Mac,
    pub how: How,
    /// To whom, for an answer.
    pub told: Option<IpAddr>,
}

/// Whether an address can be a single host's.
pub(super) fn is_host(ip: IpAddr) -> bool {
    let broadcast = matches!(ip, IpAddr::V4(Ipv4Addr::BROADCAST));
    !(ip.is_unspecified() || ip.is_multicast() || ip.is_loopback() || broadcast)
}

/// Whether a MAC can be a single card's: neither group nor the zeroes of a loopback interface.
pub(super) fn is_station(mac: Mac) -> bool {
    mac.0[0] & 1 == 0 && mac.0 != [0; 6]
}

/// What an ARP packet states. A probe states nothing.
pub(super) fn word_of_arp(link: &Link, arp: &Arp) -> Option<Word> {
    let ip = IpAddr::V4(arp.sender_ip);
    let how = match arp.operation {
        _ if arp.sender_ip == arp.target_ip => How::Announcement,
        ArpOperation::Request => How::RequestSpa,
        ArpOperation::Reply if arp.target_ip.is_unspecified() => How::ProbeDefence,
        ArpOperation::Reply => How::Reply,
    };
    word(link, ip, arp.sender_mac, how, Some(arp.target_ip.into()))
}

/// What a neighbour discovery message states; it must come from this link (RFC 4861 7.1: hop limit 255).
pub(super) fn word_of_nd(link: &Link, header: &IpHeader, nd: &NeighborDiscovery) -> Option<Word> {
    let mac = nd.link_address.or(link.source)?;
    let (ip, how) = match nd.kind {
        _ if header.ttl != 255 => return None,
        NdKind::Solicitation => (nd.sender, How::RequestSpa),
        NdKind::Advertisement if header.destination.is_multicast() => (nd.target, How::Announcement),
        NdKind::Advertisement => (nd.target, How::Reply),
    };
    word(link, Ipv6Addr::into(ip), mac, how, Some(header.destination))
}

fn word(link: &Link, ip: IpAddr, mac: Mac, how: How, told: Option<IpAddr>) -> Option<Word> {
    if !is_host(ip) || !is_station(mac) {
        return None;
    }
    // Somebody else's MAC in the link header: a proxy, a repeater, a forger. NLB does it by design.
    let foreign = link.source.is_some_and(|source| source != mac) && virtual_mac::kind_for(mac, ip).is_none();
    Some(Word { ip, mac, how: if foreign { How::RequestSpa } else { how }, told })
}

/// A span in which an address was used from one MAC.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub mac: Mac,
    pub trail: Trail,
    /// Among them, ARP and ND.
    pub resolution: Option<Box<Trail>>,
    pub how: How,
    pub how_at: Stamp,
    /// The first announcement.
    pub announced: Option<Stamp>,
    outgoing: bool,
    incoming: bool,
}

impl Run {
    fn new(at: Stamp, mac: Mac, how: How) -> Self {
        Self {
            mac,
            trail: Trail::new(at),
            resolution: None,
            how,
            how_at: at,
            announced: None,
            outgoing: false,
            incoming: false,
        }
    }

    fn note(&mut self, at: Stamp, link: &Link, how: How) {
        if how > self.how {
            (self.how, self.how_at) = (how, at);
        }
        if how != How::SourceFrame {
            trail::push(&mut self.resolution, at);
        }
        if how == How::Announcement {
            self.announced.get_or_insert(at);
        }
        self.outgoing |= link.outgoing == Some(true);
        self.incoming |= link.outgoing == Some(false);
    }
}

/// The history of an address at one place.
#[derive(Clone, Debug)]
pub(super) struct Holding {
    pub place: Place,
    /// SLL: all interfaces of a host in one, so that MACs must not be compared.
    pub mixed: bool,
    /// Oldest first, neighbours of different MAC.
    pub runs: Vec<Run>,
    /// One request that two MACs answered.
    pub twice: Option<Twice>,
}

impl Holding {
    /// The MACs in order of appearance, each once.
    pub fn macs(&self) -> Vec<Mac> {
        let mut macs: Vec<Mac> = Vec::new();
        for run in &self.runs {
            if !macs.contains(&run.mac) {
                macs.push(run.mac);
            }
        }
        macs
    }

    /// Whether this MAC is seen with the address here.
    pub fn has(&self, mac: Mac) -> bool {
        self.runs.iter().any(|run| run.mac == mac)
    }

    /// Whether the runs are all there are.
    pub fn is_complete(&self) -> bool {
        self.runs.len() < RUNS
    }

    /// Books one sighting.
    fn see(&mut self, at: Stamp, link: &Link, mac: Mac, how: How) -> Sighted {
        if let Some(run) = self.runs.last_mut().filter(|run| run.mac == mac) {
            run.trail.push(at);
            run.note(at, link, how);
            return Sighted::default();
        }
        if !self.is_complete() {
            return Sighted::default();
        }
        let sighted = Sighted { run: true, newly: !self.has(mac), changed: !self.runs.is_empty() };
        let mut run = Run::new(at, mac, how);
        run.note(at, link, how);
        if how == How::Announcement {
            run.announced = Some(at);
        }
        // Most addresses stay where they are.
        if self.runs.is_empty() {
            self.runs.reserve_exact(1);
        }
        self.runs.push(run);
        sighted
    }
}

/// What a sighting made of a history.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sighted {
    /// There is one more run.
    run: bool,
    /// The MAC is new to the address.
    pub newly: bool,
    /// It took over from another.
    pub changed: bool,
}

/// The histories of all addresses.
#[derive(Debug)]
pub(super) struct Holdings {
    map: Bounded<IpAddr, Vec<Holding>>,
    changes: u64,
    /// The addresses of each MAC; those that were let go too, until the next look.
    by_mac: HashMap<Mac, Vec<IpAddr>, RandomState>,
    /// The addresses with which the capturing host sent.
    sent_here: HashSet<IpAddr, RandomState>,
    /// How many addresses had been let go at that look.
    looked_at: u64,
}

impl Holdings {
    /// `runs`: how many all addresses may have together.
    pub fn new(limit: usize, runs: usize) -> Self {
        let held = |all: &Vec<Holding>| all.iter().map(|holding| holding.runs.len()).sum();
        let map = Bounded::new(limit).weighing(held, runs);
        Self { map, changes: 0, by_mac: HashMap::default(), sent_here: HashSet::default(), looked_at: 0 }
    }

    /// How often any address went from one MAC to another: who remembers the number knows whether to look again.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    pub fn let_go(&self) -> u64 {
        self.map.let_go()
    }

    /// Books a word of ARP or ND.
    pub fn claim(
        &mut self,
        at: Stamp,
        place: Place,
        link: &Link,
        word: &Word,
        twice: Option<Twice>,
        (bindings, followed): (&Bindings, &Followed),
    ) -> Sighted {
        let history = self.history(word.ip, bindings, followed);
        let Some(holding) = holding(history, place, is_mixed(place, link.outgoing)) else { return Sighted::default() };
        if holding.twice.is_none() {
            holding.twice = twice;
        }
        let sighted = holding.see(at, link, word.mac, word.how);
        self.book((word.ip, word.mac), link, sighted, followed);
        sighted
    }

    /// Books the source address of a packet with an initial TTL; whether the MAC is new to the address.
    pub fn sourced(&mut self, packet: &Packet<'_>, bindings: &Bindings, followed: &Followed) -> bool {
        let Packet { at, place, mac, link, ip } = *packet;
        let history = self.history(ip.source, bindings, followed);
        let Some(holding) = holding(history, place, is_mixed(place, link.outgoing)) else { return false };
        let sighted = holding.see(at, link, mac, How::SourceFrame);
        self.book((ip.source, mac), link, sighted, followed);
        sighted.newly
    }

    /// The history of an address; one that had none yet begins with what its bindings tell.
    fn history(&mut self, ip: IpAddr, bindings: &Bindings, followed: &Followed) -> &mut Vec<Holding> {
        if self.map.look(&ip).is_none() {
            let earlier = derived(&bindings.of(ip));
            let runs = earlier.iter().map(|holding| holding.runs.len()).sum();
            for mac in earlier.iter().flat_map(Holding::macs) {
                self.by_mac.entry(mac).or_default().push(ip);
            }
            *self.map.touch(ip, followed) = earlier;
            self.map.grew(runs, followed);
        }
        self.map.touch(ip, followed)
    }

    fn book(&mut self, (ip, mac): (IpAddr, Mac), link: &Link, sighted: Sighted, followed: &Followed) {
        self.changes += u64::from(sighted.changed);
        self.map.grew(usize::from(sighted.run), followed);
        if sighted.newly {
            self.by_mac.entry(mac).or_default().push(ip);
        }
        if link.outgoing == Some(true) {
            self.sent_here.insert(ip);
        }
        if self.looked_at != self.map.let_go() {
            self.look_again();
        }
    }

    /// Forgets the addresses that were let go, as many at a time.
    fn look_again(&mut self) {
        self.looked_at = self.map.let_go();
        let map = &self.map;
        self.by_mac.retain(|mac, addresses| {
            addresses.retain(|ip| map.look(ip).is_some_and(|all| all.iter().any(|holding| holding.has(*mac))));
            !addresses.is_empty()
        });
        self.sent_here.retain(|ip| map.look(ip).is_some());
    }

    /// The addresses that are seen with a MAC, at whatever place.
    pub fn of_mac(&self, mac: Mac) -> impl Iterator<Item = IpAddr> {
        self.by_mac.get(&mac).into_iter().flatten().copied()
    }

    /// The addresses with which the capturing host sent.
    pub fn sent_here(&self) -> impl Iterator<Item = IpAddr> {
        self.sent_here.iter().copied()
    }

    /// Whether the address is seen with this MAC.
    pub fn has(&self, place: Place, ip: IpAddr, mac: Mac) -> bool {
        self.at(place, ip).is_some_and(|holding| holding.has(mac))
    }

    /// Whether the address has left this MAC for another one.
    pub fn has_left(&self, place: Place, ip: IpAddr, mac: Mac) -> bool {
        self.at(place, ip).is_some_and(|holding| {
            !holding.mixed && holding.has(mac) && holding.runs.last().is_some_and(|run| run.mac != mac)
        })
    }

    /// The history of an address at one place.
    pub fn at(&self, place: Place, ip: IpAddr) -> Option<&Holding> {
        self.of(ip).iter().find(|holding| holding.place == place)
    }

    /// The histories of an address.
    pub fn of(&self, ip: IpAddr) -> &[Holding] {
        self.map.look(&ip).map_or(&[], Vec::as_slice)
    }

    /// All histories, in the order in which addresses appeared.
    pub fn iter(&self) -> impl Iterator<Item = (IpAddr, &Holding)> {
        self.map.iter().flat_map(|(ip, holdings)| holdings.iter().map(|holding| (*ip, holding)))
    }

    /// All addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.map.iter().map(|(ip, _)| *ip)
    }

    /// Whether the address showed itself between two frames.
    pub fn seen_between(&self, ip: IpAddr, from: Stamp, until: Stamp) -> bool {
        let runs = self.of(ip).iter().flat_map(|holding| &holding.runs);
        runs.into_iter().any(|run| run.trail.first <= until && run.trail.last >= from)
    }
}

/// The claims on an address that its history holds, strongest first.
pub(super) fn claims(ip: IpAddr, history: &[Holding]) -> Vec<Claim> {
    let of =
        |holding: &Holding| holding.macs().into_iter().filter_map(|mac| claim_of(ip, holding, mac)).collect::<Vec<_>>();
    let mut claims: Vec<Claim> = history.iter().flat_map(of).collect();
    claims.sort_by_key(|claim| (std::cmp::Reverse(claim.how), claim.at));
    claims
}

fn claim_of(ip: IpAddr, holding: &Holding, mac: Mac) -> Option<Claim> {
    let runs: Vec<&Run> = holding.runs.iter().filter(|run| run.mac == mac).collect();
    let best = runs.iter().max_by_key(|run| (run.how, std::cmp::Reverse(run.how_at)))?;
    Some(Claim {
        ip,
        place: holding.place,
        mac,
        how: best.how,
        at: best.how_at,
        first: runs.first()?.trail.first,
        last: runs.last()?.trail.last,
        count: runs.iter().map(|run| run.trail.count).sum(),
        local: runs.iter().any(|run| run.outgoing) && !runs.iter().any(|run| run.incoming),
    })
}

/// What the bindings of an address tell of its history: of each they know the first packet and the last one.
pub(super) fn derived(bindings: &[Binding]) -> Vec<Holding> {
    let ends = |binding: &Binding| {
        let Binding { first, last, count, .. } = *binding;
        let (before, after) = (count.saturating_sub(u32::from(last > first)), count.min(1));
        [(first, before, *binding)].into_iter().chain((last > first).then_some((last, after, *binding)))
    };
    let mut sightings: Vec<(Stamp, u32, Binding)> = bindings.iter().flat_map(ends).collect();
    sightings.sort_unstable_by_key(|(at, ..)| *at);
    let mut all = Vec::new();
    for (at, count, binding) in sightings {
        let Binding { mac, place, outgoing, incoming, .. } = binding;
        let mixed = is_mixed(place, (outgoing || incoming).then_some(outgoing));
        let Some(holding) = holding(&mut all, place, mixed) else { continue };
        let complete = holding.is_complete();
        match holding.runs.last_mut().filter(|run| run.mac == mac) {
            Some(run) => run.trail = Trail::between(run.trail.first, at, run.trail.count + u64::from(count)),
            None if complete => {
                let trail = Trail::between(at, at, count.into());
                holding.runs.push(Run { trail, outgoing, incoming, ..Run::new(at, mac, How::SourceFrame) });
            }
            None => {}
        }
    }
    all
}

/// The history at `place`, unless there are too many places already. Most addresses have one, and stay where they are.
fn holding(holdings: &mut Vec<Holding>, place: Place, mixed: bool) -> Option<&mut Holding> {
    let at = match holdings.iter().position(|holding| holding.place == place) {
        Some(at) => at,
        None if holdings.len() >= PLACES => return None,
        None => {
            holdings.reserve_exact(1);
            holdings.push(Holding { place, mixed, runs: Vec::new(), twice: None });
            holdings.len() - 1
        }
    };
    holdings.get_mut(at)
}

/// Whether several segments share this place: SLL tells no interface.
pub(super) fn is_mixed(place: Place, outgoing: Option<bool>) -> bool {
    outgoing.is_some() && place.if_index.is_none()
}
