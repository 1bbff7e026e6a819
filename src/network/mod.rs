//! Who has which address: MACs, IPs, interfaces, segments, and how each is known.
//!
//! Turns address resolution and the headers of IP packets into ownership, movements, conflicts and paths. One
//! [`Network`] is one point: the recording of one host, switch or tap, with all its interfaces. Knows no TCP and no
//! FTP, and never evaluates which MAC carries an address that lives behind a router.
//!
//! Of hosts that take part in FTP, and of addresses that moved, every packet is booked: who has the address (`holdings`)
//! and which way its packets go (`pairs`). Of all others, which are nearly all, only which MAC sends with which address is
//! known (`bindings`), and which MACs are routers (`stations`), in tables of fixed size; what a host was before it took part
//! is derived from that.
//!
//! Two rules keep it honest. A source address tells who owns it only in a frame that its owner sent itself, that is,
//! with an initial TTL or in ARP and ND. And MACs are compared within one [`Place`] only.

mod aged;
mod asymmetry;
mod bindings;
mod bounded;
mod holdings;
mod key;
mod moves;
mod pairs;
mod queries;
mod same_host;
mod spoofs;
mod stations;
mod table;
mod trail;
mod ttl;
mod virtual_mac;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;

pub use aged::Aged;
pub use asymmetry::{Asymmetry, Way};
pub use holdings::{Claim, How};
pub use moves::{Conflict, Move, Stale};
pub use pairs::RouterSign;
pub use queries::Query;
pub use same_host::SameHost;
pub use spoofs::Spoof;
use stations::Sign;
pub use trail::Trail;
pub use virtual_mac::{VirtualKind, VirtualUse};

use crate::frame::{CaptureId, InterfaceId, Stamp};
use crate::wire::{Arp, IpHeader, Link, Mac, NeighborDiscovery, Wrapping};

/// One layer 2 segment, as far as a capture can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The capture; of a rotated set the first one, for a segment does not end with a file.
    pub capture: CaptureId,
    /// The interface.
    pub interface: InterfaceId,
    /// VLANs around the packet.
    pub wrapping: Wrapping,
    /// SLL2: the kernel's interface index, a segment of its own.
    pub if_index: Option<u32>,
}

/// In two large pieces, for it is a part of keys that are looked up often.
impl Hash for Place {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(u64::from(self.capture.0) << 32 | u64::from(self.interface.0));
        let index = self.if_index.map_or(0, |index| u64::from(index) + 1);
        state.write_u64(u64::from(self.wrapping.0) ^ index << 31);
    }
}

impl Place {
    /// Whether both are, or may be, the same interface, whatever the VLAN: a mirror port may tag one direction only. A
    /// capture on `any` says of no address on which of its interfaces it is.
    fn same_interface(self, other: Self) -> bool {
        let index = self.if_index.zip(other.if_index).is_none_or(|(one, other)| one == other);
        (self.capture, self.interface) == (other.capture, other.interface) && index
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.if_index {
            Some(index) => write!(f, "interface index {index}")?,
            None => write!(f, "interface {}", self.interface.0)?,
        }
        if self.wrapping == Wrapping::NONE { Ok(()) } else { f.write_str(" (tagged)") }
    }
}

/// A packet as one segment shows it.
#[derive(Clone, Copy, Debug)]
struct Packet<'a> {
    at: Stamp,
    place: Place,
    /// Who sent it on this segment: a card, not a group.
    mac: Mac,
    link: &'a Link,
    ip: &'a IpHeader,
}

/// Addresses whose history is kept: on-link hosts of the segments a capture point can see; a /19 full of them.
const ADDRESSES: usize = 1 << 13;
/// Pairs of talking addresses kept, of which one is followed; the longest silent goes first.
const PAIRS: usize = 1 << 14;
/// Ways of all pairs together, at some 500 bytes each; most pairs have one.
const LANES: usize = 3 << 13;
/// Spans in which an address used one MAC, of all addresses together, at some 700 bytes each; most addresses have one.
const RUNS: usize = 1 << 14;
/// Bindings of hosts that do no FTP, at some 110 bytes each, of which a host on the segment has one.
const BINDINGS: usize = table::WAYS << 12;
/// MACs kept, at some 150 bytes each: what is seen of one that is a plain host's may as well be forgotten.
const STATIONS: usize = table::WAYS << 9;
/// Addresses somebody asked for by ARP or ND; a scan of a /20 fits.
const TARGETS: usize = 1 << 12;
/// Addresses followed because FTP takes place there; of more parties than that those used lately.
const FOLLOWED: usize = 1 << 12;
/// Interface addresses taken from capture files: a host has a handful.
const INTERFACE_ADDRESSES: usize = 1 << 10;

/// What was let go because a bound was reached; all zero when nothing was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LetGo {
    /// Address histories.
    pub addresses: u64,
    /// Pairs of talking addresses.
    pub pairs: u64,
    /// Who-has targets.
    pub targets: u64,
}

/// Who has which address, as seen from one point.
#[derive(Debug)]
pub struct Network {
    holdings: holdings::Holdings,
    pairs: pairs::Pairs,
    queries: queries::Queries,
    /// Addresses that capture files name for their interfaces.
    interfaces: BTreeMap<IpAddr, Place>,
    /// Addresses of the host that was captured on, as it is told.
    told: BTreeSet<IpAddr>,
    followed: bounded::Followed,
    bindings: bindings::Bindings,
    stations: stations::Stations,
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    /// Nothing known yet.
    pub fn new() -> Self {
        Self::holding(|bound| bound)
    }

    /// Likewise, with other bounds: `scaled` turns each into what it is to be.
    pub fn holding(scaled: impl Fn(usize) -> usize) -> Self {
        Self {
            holdings: holdings::Holdings::new(scaled(ADDRESSES), scaled(RUNS)),
            pairs: pairs::Pairs::new(scaled(PAIRS), scaled(LANES)),
            queries: queries::Queries::new(scaled(TARGETS)),
            interfaces: BTreeMap::new(),
            told: BTreeSet::new(),
            followed: bounded::Followed::new(scaled(FOLLOWED)),
            bindings: bindings::Bindings::new(scaled(BINDINGS)),
            stations: stations::Stations::new(scaled(STATIONS)),
        }
    }

    /// Likewise, recorded on the host that has these addresses.
    #[must_use]
    pub fn at(mut self, addresses: &[IpAddr]) -> Self {
        self.told = addresses.iter().map(IpAddr::to_canonical).collect();
        self
    }

    /// By what it is known that the host that was captured on has an address, a sentence part; `None` where it is not.
    pub fn own(&self, ip: IpAddr) -> Option<&'static str> {
        let ip = ip.to_canonical();
        if self.told.contains(&ip) {
            return Some("the addresses of this host");
        }
        self.interfaces.contains_key(&ip).then_some("an address of the captured interface")
    }

    /// An FTP party: every packet of it counts from now on, and what is known of it is let go last.
    pub fn follow(&mut self, ip: IpAddr) {
        self.followed.party(ip);
    }

    /// Takes an ARP packet.
    pub fn arp(&mut self, at: Stamp, place: Place, link: &Link, arp: &Arp) {
        if let Some(word) = holdings::word_of_arp(link, arp) {
            self.claim(at, place, link, &word);
        }
        if let Some((target, asker)) = queries::asked_by_arp(arp) {
            self.queries.asked(at, place, target, asker, &self.followed);
        }
    }

    /// Takes an IPv6 neighbour discovery message.
    pub fn nd(&mut self, at: Stamp, place: Place, link: &Link, ip: &IpHeader, nd: &NeighborDiscovery) {
        if ip.tunnelled {
            return;
        }
        if let Some(word) = holdings::word_of_nd(link, ip, nd) {
            if nd.router {
                self.stations.sign(at, place, word.mac, Sign::Advertises);
            }
            self.claim(at, place, link, &word);
        }
        if let Some((target, asker)) = queries::asked_by_nd(link, nd) {
            self.queries.asked(at, place, target, asker, &self.followed);
        }
    }

    fn claim(&mut self, at: Stamp, place: Place, link: &Link, word: &holdings::Word) {
        let twice = match word.how {
            How::Reply | How::ProbeDefence => {
                self.queries.answered(at, place, word.ip, word.told, word.mac, &self.followed)
            }
            How::RequestSpa | How::SourceFrame | How::Announcement => None,
        };
        let sighted = self.holdings.claim(at, place, link, word, twice, (&self.bindings, &self.followed));
        if sighted.newly {
            self.stations.uses(at, place, word.mac, word.ip);
        }
        if sighted.changed {
            self.followed.moved(word.ip);
        }
    }

    /// Takes the headers of an IP packet; what came through a tunnel tells nothing of this segment.
    #[inline]
    pub fn packet(&mut self, at: Stamp, place: Place, link: &Link, ip: &IpHeader) {
        let Some(mac) = sender(link, ip) else { return };
        let packet = Packet { at, place, mac, link, ip };
        if !self.is_of_strangers(ip) && (self.follows(&ip.source) || self.follows(&ip.destination)) {
            self.of_followed(&packet);
        } else {
            self.of_stranger(&packet);
        }
    }

    /// Whether [`Network::packet`] would do nothing, as the packet tells of a binding that is known.
    #[inline]
    pub fn knows(&self, at: Stamp, place: Place, link: &Link, ip: &IpHeader) -> bool {
        let known = |mac| self.bindings.knows(&Packet { at, place, mac, link, ip }, &self.stations);
        let follows = || self.follows(&ip.source) || self.follows(&ip.destination);
        (self.is_of_strangers(ip) || !follows()) && sender(link, ip).is_some_and(known)
    }

    /// Whether neither end of a packet was ever followed, as a look at two bits tells: so it is with most packets, of which
    /// nothing more has to be asked.
    #[inline]
    pub fn is_of_strangers(&self, ip: &IpHeader) -> bool {
        !self.followed.ever(&ip.source) && !self.followed.ever(&ip.destination)
    }

    fn of_followed(&mut self, packet: &Packet<'_>) {
        let Packet { at, place, mac, ip, .. } = *packet;
        let sign = self.pairs.packet(packet, &self.holdings, &self.followed);
        if sign > Sign::None {
            self.stations.sign(at, place, mac, sign);
        }
        if ttl::is_initial_ttl(ip.ttl) && self.holdings.sourced(packet, &self.bindings, &self.followed) {
            self.stations.uses(at, place, mac, ip.source);
        }
    }

    fn of_stranger(&mut self, packet: &Packet<'_>) {
        let Packet { place, mac, ip, .. } = *packet;
        if !self.bindings.note(packet, &mut self.stations) {
            return;
        }
        let history = self.holdings.of(ip.source);
        let strays = !history.is_empty() && !history.iter().any(|one| one.place == place && one.has(mac));
        if strays || self.interfaces.get(&ip.source).is_some_and(|home| *home != place) {
            // The address lives elsewhere: which way its packets go may matter to FTP that comes later.
            self.followed.moved(ip.source);
            self.of_followed(packet);
        } else if !history.is_empty() {
            // Who spoke by ARP or ND has a history, and this is a part of it.
            self.holdings.sourced(packet, &self.bindings, &self.followed);
        }
    }

    /// Whether an address is followed.
    pub fn follows(&self, ip: &IpAddr) -> bool {
        self.followed.contains(ip)
    }

    /// Takes the addresses that a capture file gives for one of its interfaces.
    pub fn interface_addresses(&mut self, place: Place, addresses: &[IpAddr]) {
        for ip in addresses.iter().filter(|ip| holdings::is_host(**ip)) {
            if self.interfaces.len() < INTERFACE_ADDRESSES {
                self.interfaces.entry(*ip).or_insert(place);
            }
        }
    }

    /// Who says to have an address, or is seen to use it; strongest first.
    pub fn owners(&self, ip: IpAddr) -> Vec<Claim> {
        match self.holdings.of(ip) {
            [] => holdings::claims(ip, &holdings::derived(&self.bindings.of(ip))),
            history => holdings::claims(ip, history),
        }
    }

    /// Every claim on every address, in order of address: the inventory.
    pub fn inventory(&self) -> Vec<Claim> {
        let mut all: Vec<Claim> = self.addresses().into_iter().flat_map(|ip| self.owners(ip)).collect();
        all.sort_by_key(|claim| (claim.ip, claim.place, claim.mac));
        all
    }

    /// Every address with an owner, in order.
    pub fn addresses(&self) -> Vec<IpAddr> {
        let bound = self.bindings.iter().map(|binding| binding.ip);
        let mut all: Vec<IpAddr> = self.holdings.addresses().chain(bound).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Why a MAC is taken for a router's, or for one that several hosts share; `None` for a plain host.
    pub fn is_router(&self, place: Place, mac: Mac) -> Option<RouterSign> {
        if let Some(kind) = virtual_mac::kind(mac) {
            return Some(RouterSign::Virtual(kind));
        }
        let station = self.stations.get(place, mac)?;
        let (sign, at) = station.sign;
        match sign {
            Sign::Forwards => Some(RouterSign::Forwards(at)),
            Sign::Advertises => Some(RouterSign::Advertises(at)),
            Sign::BothEnds => Some(RouterSign::BothEnds(at)),
            Sign::None => station.has_many().then_some(RouterSign::ManyAddresses(station.addresses)),
        }
    }

    /// The addresses that are seen with a MAC at a place: those with a history, and those that have a binding.
    fn addresses_of(&self, place: Place, mac: Mac) -> BTreeSet<IpAddr> {
        let known = self.holdings.of_mac(mac).filter(|ip| self.holdings.has(place, *ip, mac));
        let mut all: BTreeSet<IpAddr> = known.collect();
        let count = self.stations.get(place, mac).map_or(usize::MAX, |station| station.addresses as usize);
        if count > all.len() {
            let bound = self.bindings.iter().filter(|binding| binding.place == place && binding.mac == mac);
            all.extend(bound.map(|binding| binding.ip));
        }
        all
    }

    /// The pairs of addresses that exchanged packets, either way, in the order in which they appeared.
    pub fn pairs(&self) -> impl Iterator<Item = (IpAddr, IpAddr)> {
        self.pairs.pairs().filter(|(a, b)| a < b || self.pairs.lanes(*b, *a).is_empty())
    }

    /// How many ways from one address to another are known.
    pub fn pair_count(&self) -> usize {
        self.pairs.len()
    }

    /// Who asked for `target` between two frames and got no answer; `None` if it was answered, was seen alive, or
    /// nobody asked. Of several askers, the one who asked most.
    pub fn unanswered_queries(&self, target: IpAddr, from: Stamp, until: Stamp) -> Option<Query> {
        let query = self.queries.unanswered(target, from, until)?;
        let alive = self.holdings.seen_between(target, from, until)
            || self.pairs.seen_between(target, from, until)
            || self.bindings.seen_between(target, from, until);
        (!alive).then_some(query)
    }

    /// What was let go.
    pub fn let_go(&self) -> LetGo {
        LetGo {
            addresses: self.holdings.let_go() + self.bindings.let_go(),
            pairs: self.pairs.let_go(),
            targets: self.queries.let_go(),
        }
    }
}

/// Who sent a packet on its segment; `None` if nobody's address is in it, or it came through a tunnel.
#[inline]
fn sender(link: &Link, ip: &IpHeader) -> Option<Mac> {
    let mac = link.source.filter(|mac| holdings::is_station(*mac))?;
    (!ip.tunnelled && holdings::is_host(ip.source)).then_some(mac)
}

#[cfg(test)]
mod tests;
