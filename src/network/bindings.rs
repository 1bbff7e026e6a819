//! Which MAC sends with which address, of hosts that do no FTP: one table of entries of fixed size.
//!
//! Turns the headers of IP packets into bindings, and bindings into signs of routers. A packet that says what another one
//! said within the last second costs one look-up and tells nothing. What a host was before it took part in FTP is read
//! from its bindings when it does ([`Bindings::of`]); from then on the neighbour table has its history.
//!
//! A packet that a router forwarded tells of the router alone: its source is not on this segment. And a MAC that sends
//! with many addresses is a router, or shared by hosts of which nothing is said: its addresses are not booked one by one.

use std::hash::{BuildHasher, Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use foldhash::fast::RandomState;

use super::bounded::Key as _;
use super::pairs::{is_forwarded_ttl, is_initial_ttl};
use super::{Packet, Place};
use crate::frame::Stamp;
use crate::wire::Mac;

/// Entries of one set: an address can have as many MACs, and who comes later takes the place of the one that was silent
/// for longest.
const WAYS: usize = 4;

/// For how long a packet stands for its likes, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// A MAC with more addresses than this at one place is taken for a router, a proxy or a hotel of virtual hosts.
pub(super) const MANY_ADDRESSES: u32 = 16;

/// Addresses of one MAC that are booked: more of them tell nothing more of it.
pub(super) const ADDRESSES_OF_ONE: u32 = 4 * MANY_ADDRESSES;

/// An address in use from one MAC; of the unspecified address, the MAC by itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binding {
    pub ip: IpAddr,
    pub mac: Mac,
    pub place: Place,
    /// Its packets have an initial TTL, and so come from its owner.
    pub own: bool,
    /// The capturing host sent some.
    pub outgoing: bool,
    /// It received some.
    pub incoming: bool,
    /// What is known of a MAC; `first` is the packet that shows it.
    pub sign: Sign,
    pub first: Stamp,
    pub last: Stamp,
    /// How many packets were booked, one a second at most; of a MAC, how many addresses it sends with or says to have.
    pub count: u32,
}

/// What a MAC does that no plain host does, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// Nothing.
    None,
    /// It sends the packets of both ends of a conversation.
    BothEnds,
    /// Its neighbour advertisements carry the router flag.
    Advertises,
    /// It sends packets whose TTL others have counted down.
    Forwards,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noted {
    /// It tells of a router only.
    Router,
    /// Its binding is known, and was not fresh.
    Again,
    /// Its binding is new, and one that was silent for longest had to go.
    New(Option<Binding>),
}

/// What tells the entries of a set apart, and when each was noted last: one line of the processor's cache.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Tags {
    /// A hash of what it is of, far shorter than that and seeded anew in each run: of what had the same one by chance,
    /// nothing would be booked. 0 where there is no entry.
    keys: [u64; WAYS],
    /// In nanoseconds.
    noted: [i64; WAYS],
}

impl Tags {
    const FREE: Self = Self { keys: [0; WAYS], noted: [0; WAYS] };

    #[inline]
    fn way(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|known| *known == key)
    }

    /// The way that is free, or whose entry was silent for longest. What was noted in the future was noted by a clock that
    /// was set back: it goes before all others.
    #[inline]
    fn silent(&self, at: Stamp) -> usize {
        let age = |(key, noted): (&u64, &i64)| {
            if *key == 0 { u64::MAX } else { at.time.0.wrapping_sub(*noted).cast_unsigned() }
        };
        let ages = self.keys.iter().zip(&self.noted).map(age).enumerate();
        ages.max_by_key(|(_, age)| *age).map_or(0, |(way, _)| way)
    }
}

/// Where an entry is, or is to be.
#[derive(Clone, Copy)]
struct Slot {
    set: usize,
    key: u64,
}

/// The table.
#[derive(Debug)]
pub(super) struct Bindings {
    tags: Vec<Tags>,
    entries: Vec<[Option<Binding>; WAYS]>,
    hasher: RandomState,
    let_go: u64,
}

/// What an entry is of.
#[derive(Clone, Copy)]
struct Subject {
    /// Unspecified for a station.
    ip: IpAddr,
    mac: Mac,
    place: Place,
    own: bool,
}

impl Subject {
    fn station(place: Place, mac: Mac) -> Self {
        Self { ip: Ipv4Addr::UNSPECIFIED.into(), mac, place, own: false }
    }

    /// What a packet tells of.
    #[inline]
    fn of(packet: &Packet<'_>) -> Self {
        let Packet { place, mac, ip, .. } = *packet;
        if is_forwarded_ttl(ip.ttl) {
            Self::station(place, mac)
        } else {
            Self { ip: ip.source, mac, place, own: is_initial_ttl(ip.ttl) }
        }
    }

    fn is_station(&self) -> bool {
        self.ip.is_unspecified()
    }

    fn seen(self, at: Stamp) -> Binding {
        let Self { ip, mac, place, own } = self;
        let (outgoing, incoming, sign, count) = (false, false, Sign::None, 0);
        Binding { ip, mac, place, own, outgoing, incoming, sign, first: at, last: at, count }
    }

    /// Bindings of one address have one set, whatever their MAC.
    #[inline]
    fn set(&self, sets: usize) -> usize {
        if self.is_station() { (self.place, self.mac).slot(sets) } else { self.ip.slot(sets) }
    }
}

impl Hash for Subject {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [a, b, c, d, e, f] = self.mac.0;
        state.write_u64(u64::from_be_bytes([a, b, c, d, e, f, 0, self.own.into()]));
        self.ip.feed(state);
        self.place.hash(state);
    }
}

impl Bindings {
    /// `most`: entries, of addresses and MACs together.
    pub fn new(most: usize) -> Self {
        let sets = 1 << (most / WAYS).max(2).ilog2();
        Self {
            tags: vec![Tags::FREE; sets],
            entries: vec![[None; WAYS]; sets],
            hasher: RandomState::default(),
            let_go: 0,
        }
    }

    /// Addresses that had to make room.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// Whether a packet tells nothing new.
    #[inline]
    pub fn knows(&self, packet: &Packet<'_>) -> bool {
        let slot = self.slot(Subject::of(packet));
        let Some(tags) = self.tags.get(slot.set) else { return false };
        match tags.way(slot.key).and_then(|way| tags.noted.get(way)) {
            Some(noted) => is_fresh(packet.at, *noted),
            None => self.station(packet.place, packet.mac).is_some_and(Binding::is_crowded),
        }
    }

    /// Notes a packet that is not known.
    pub fn note(&mut self, packet: &Packet<'_>) -> Noted {
        let Packet { at, place, mac, link, ip } = *packet;
        let subject = Subject::of(packet);
        if subject.is_station() {
            self.sign(at, place, mac, Sign::Forwards);
            return Noted::Router;
        }
        let slot = self.slot(subject);
        let (outgoing, incoming) = (link.outgoing == Some(true), link.outgoing == Some(false));
        if let Some(binding) = self.noted(at, slot) {
            binding.last = binding.last.max(at);
            binding.count = binding.count.saturating_add(1);
            binding.outgoing |= outgoing;
            binding.incoming |= incoming;
            return Noted::Again;
        }
        if let Some(station) = self.station(place, mac) {
            if station.is_crowded() {
                return Noted::Router;
            }
            let sends_for = |own| self.get(self.slot(Subject { ip: ip.destination, own, ..subject })).is_some();
            if station.sign < Sign::BothEnds && [true, false].into_iter().any(sends_for) {
                self.sign(at, place, mac, Sign::BothEnds);
            }
        }
        self.stale(slot.set, ip.source);
        Noted::New(self.put(at, slot, Binding { outgoing, incoming, count: 1, ..subject.seen(at) }))
    }

    /// Books that a MAC uses one more address.
    pub fn uses(&mut self, at: Stamp, place: Place, mac: Mac) {
        self.of_station(at, place, mac, |station| station.count = station.count.saturating_add(1));
    }

    /// Books a sign of a router.
    pub fn sign(&mut self, at: Stamp, place: Place, mac: Mac, sign: Sign) {
        self.of_station(at, place, mac, |station| {
            if station.sign < sign {
                (station.sign, station.first) = (sign, at);
            }
        });
    }

    /// What is known of a MAC.
    pub fn station(&self, place: Place, mac: Mac) -> Option<&Binding> {
        self.get(self.slot(Subject::station(place, mac)))
    }

    /// A binding had to go that is not known otherwise: its MAC has one address less. One that had many stays what it is.
    pub fn forget(&mut self, gone: &Binding) {
        let Slot { set, key } = self.slot(Subject::station(gone.place, gone.mac));
        let (Some(tags), Some(entries)) = (self.tags.get_mut(set), self.entries.get_mut(set)) else { return };
        let Some(way) = tags.way(key) else { return };
        let (Some(key), Some(entry)) = (tags.keys.get_mut(way), entries.get_mut(way)) else { return };
        let Some(station) = entry.as_mut().filter(|station| gone.own && station.count <= MANY_ADDRESSES) else { return };
        station.count = station.count.saturating_sub(1);
        if station.count == 0 && station.sign == Sign::None {
            (*key, *entry) = (0, None);
        }
    }

    /// The bindings of an address by which its owner is known, the oldest first.
    pub fn of(&self, ip: IpAddr) -> Vec<Binding> {
        let set = self.entries.get(ip.slot(self.tags.len())).into_iter().flatten().flatten();
        let mut all: Vec<Binding> = set.filter(|binding| binding.ip == ip && binding.own).copied().collect();
        all.sort_unstable_by_key(|binding| binding.first);
        all
    }

    /// Whether an address sent anything between two frames.
    pub fn seen_between(&self, ip: IpAddr, from: Stamp, until: Stamp) -> bool {
        let mut set = self.entries.get(ip.slot(self.tags.len())).into_iter().flatten().flatten();
        set.any(|binding| binding.ip == ip && binding.first <= until && binding.last >= from)
    }

    /// All bindings by which an owner is known, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.entries.iter().flatten().flatten().filter(|binding| binding.own)
    }

    #[inline]
    fn slot(&self, subject: Subject) -> Slot {
        Slot { set: subject.set(self.tags.len()), key: self.hasher.hash_one(subject) }
    }

    #[inline]
    fn get(&self, Slot { set, key }: Slot) -> Option<&Binding> {
        let way = self.tags.get(set)?.way(key)?;
        self.entries.get(set)?.get(way)?.as_ref()
    }

    /// The binding in a slot, noted now.
    fn noted(&mut self, at: Stamp, Slot { set, key }: Slot) -> Option<&mut Binding> {
        let tags = self.tags.get_mut(set)?;
        let way = tags.way(key)?;
        *tags.noted.get_mut(way)? = at.time.0;
        self.entries.get_mut(set)?.get_mut(way)?.as_mut()
    }

    /// An address is seen from another MAC: from the one it had, it will tell something again.
    fn stale(&mut self, set: usize, ip: IpAddr) {
        let (Some(tags), Some(entries)) = (self.tags.get_mut(set), self.entries.get(set)) else { return };
        for ((key, noted), entry) in tags.keys.iter().zip(&mut tags.noted).zip(entries) {
            if *key != 0 && entry.is_some_and(|binding| binding.ip == ip) {
                *noted = noted.saturating_sub_unsigned(SECOND);
            }
        }
    }

    /// Puts a binding in the place of the one of its set that was silent for longest; that one.
    fn put(&mut self, at: Stamp, Slot { set, key }: Slot, binding: Binding) -> Option<Binding> {
        let (tags, entries) = (self.tags.get_mut(set)?, self.entries.get_mut(set)?);
        let way = tags.silent(at);
        (*tags.keys.get_mut(way)?, *tags.noted.get_mut(way)?) = (key, at.time.0);
        let gone = entries.get_mut(way)?.replace(binding).filter(|gone| !gone.is_station());
        self.let_go += u64::from(gone.is_some());
        gone
    }

    /// Changes what is known of a MAC.
    fn of_station(&mut self, at: Stamp, place: Place, mac: Mac, change: impl FnOnce(&mut Binding)) {
        let subject = Subject::station(place, mac);
        let slot = self.slot(subject);
        match self.noted(at, slot) {
            Some(station) => change(station),
            None => {
                let mut station = subject.seen(at);
                change(&mut station);
                if let Some(gone) = self.put(at, slot, station) {
                    self.forget(&gone);
                }
            }
        }
    }
}

impl Binding {
    fn is_station(&self) -> bool {
        self.ip.is_unspecified()
    }

    /// Whether a MAC has so many addresses that no more of them are booked.
    fn is_crowded(&self) -> bool {
        self.count >= ADDRESSES_OF_ONE
    }
}

#[inline]
fn is_fresh(at: Stamp, noted: i64) -> bool {
    // One comparison: what is before it is far behind it, without a sign.
    at.time.0.wrapping_sub(noted).cast_unsigned() < SECOND
}
