//! Which MAC sends with which address, of hosts that do no FTP: one table of entries of fixed size.
//!
//! Turns the headers of IP packets into bindings, and bindings into signs of routers. A packet that says what another one
//! said within the last second costs one look-up and tells nothing. What a host was before it took part in FTP is read
//! from its bindings when it does ([`Bindings::of`]); from then on the neighbour table has its history.
//!
//! A packet that a router forwarded tells of the router alone: its source is not on this segment. And a MAC that sends
//! with many addresses is a router, or shared by hosts of which nothing is said: its addresses are not booked one by one.

use std::net::{IpAddr, Ipv4Addr};

use super::bounded::Key as _;
use super::pairs::{is_forwarded_ttl, is_initial_ttl};
use super::{Packet, Place};
use crate::frame::Stamp;
use crate::wire::Mac;

/// Entries of one set: an address can have as many MACs, and who comes later takes the place of the one that was silent
/// for longest. As many as one line of the processor's cache tells apart.
pub(super) const WAYS: usize = 5;

/// For how long a packet stands for its likes, in [`ticks`]: a second.
const SECOND: u32 = 953;

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

/// What tells the entries of a set apart, and when each was noted last.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
struct Tags {
    /// A hash of what it is of; 0 where there is no entry.
    keys: [u64; WAYS],
    /// In [`ticks`].
    noted: [u32; WAYS],
}

impl Tags {
    const FREE: Self = Self { keys: [0; WAYS], noted: [0; WAYS] };

    #[inline]
    fn way(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|known| *known == key)
    }

    /// The way of a MAC by itself, whether it forwards or not.
    #[inline]
    fn way_of_mac(&self, key: u64) -> Option<usize> {
        self.keys.iter().position(|known| *known | OWN == key | OWN)
    }

    /// The way that is free, or whose entry was silent for longest. What was noted in the future was noted by a clock that
    /// was set back: it goes before all others.
    fn silent(&self, now: u32) -> usize {
        let age = |(key, noted): (&u64, &u32)| if *key == 0 { u64::MAX } else { now.wrapping_sub(*noted).into() };
        let ages = self.keys.iter().zip(&self.noted).map(age).enumerate();
        ages.max_by_key(|(_, age)| *age).map_or(0, |(way, _)| way)
    }
}

/// The table.
#[derive(Debug)]
pub(super) struct Bindings {
    tags: Vec<Tags>,
    entries: Vec<[Option<Binding>; WAYS]>,
    let_go: u64,
}

/// What an entry is of.
#[derive(Clone, Copy)]
struct Subject {
    /// Unspecified for a MAC by itself.
    ip: IpAddr,
    mac: Mac,
    place: Place,
    /// The packets have an initial TTL; of a MAC by itself, it forwards.
    own: bool,
}

/// Where an entry is, or is to be.
#[derive(Clone, Copy)]
struct Slot {
    set: usize,
    key: u64,
}

/// The bits of a key that are the hash of an address.
const OF_ADDRESS: u64 = 0xffff_ffff << 32;
/// The bit of a key that says whether packets have an initial TTL.
const OWN: u64 = 2;

impl Subject {
    fn station(place: Place, mac: Mac) -> Self {
        Self { ip: Ipv4Addr::UNSPECIFIED.into(), mac, place, own: false }
    }

    /// What a packet tells of.
    #[inline]
    fn of(packet: &Packet<'_>) -> Self {
        let Packet { place, mac, ip, .. } = *packet;
        if is_forwarded_ttl(ip.ttl) {
            Self { own: true, ..Self::station(place, mac) }
        } else {
            Self { ip: ip.source, mac, place, own: is_initial_ttl(ip.ttl) }
        }
    }

    fn is_station(&self) -> bool {
        self.ip.is_unspecified()
    }

    /// Bindings of one address have one set, whatever their MAC. The key is shorter than what it is of: of what had the
    /// same one by chance, once in a billion times, nothing would be booked.
    #[inline]
    fn slot(&self, sets: usize) -> Slot {
        let by_mac = self.mac_hash();
        let by_ip = if self.is_station() { by_mac } else { self.ip.hash() };
        let set = usize::try_from(by_ip >> (u64::BITS - sets.trailing_zeros())).unwrap_or(0);
        let key = (by_ip << 16) & OF_ADDRESS | by_mac & !OF_ADDRESS & !3 | u64::from(self.own) * OWN | 1;
        Slot { set, key }
    }

    /// A hash of the MAC and its place: both halves of a product, each bit of which depends on all that is hashed.
    #[inline]
    fn mac_hash(&self) -> u64 {
        let [a, b, c, d, e, f] = self.mac.0;
        let Place { capture, interface, wrapping, if_index } = self.place;
        let mac = u64::from_be_bytes([0, 0, a, b, c, d, e, f]) ^ u64::from(interface.0) << 40;
        let place =
            u64::from(wrapping.0) ^ u64::from(if_index.map_or(0, |index| !index)) << 20 ^ u64::from(capture.0) << 44;
        let product = u128::from(mac ^ 0x243f_6a88_85a3_08d3) * u128::from(place ^ 0x1319_8a2e_0370_7344);
        #[expect(clippy::cast_possible_truncation, reason = "its halves")]
        let (high, low) = ((product >> 64) as u64, product as u64);
        (high ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }

    fn seen(self, at: Stamp) -> Binding {
        let Self { ip, mac, place, own } = self;
        let (outgoing, incoming, sign, count) = (false, false, Sign::None, 0);
        Binding { ip, mac, place, own, outgoing, incoming, sign, first: at, last: at, count }
    }
}

impl Bindings {
    /// `most`: entries, of addresses and MACs together.
    pub fn new(most: usize) -> Self {
        let sets = 1 << (most / WAYS).max(2).ilog2();
        Self { tags: vec![Tags::FREE; sets], entries: vec![[None; WAYS]; sets], let_go: 0 }
    }

    /// Addresses that had to make room.
    pub fn let_go(&self) -> u64 {
        self.let_go
    }

    /// Whether a packet tells nothing new.
    #[inline]
    pub fn knows(&self, packet: &Packet<'_>) -> bool {
        let subject = Subject::of(packet);
        let Slot { set, key } = self.slot(subject);
        let Some(tags) = self.tags.get(set) else { return false };
        match tags.way(key).and_then(|way| tags.noted.get(way)) {
            Some(noted) => is_fresh(ticks(packet.at), *noted),
            None if subject.is_station() => false,
            None => self.station(packet.place, packet.mac).is_some_and(Binding::is_crowded),
        }
    }

    /// Notes a packet; whether it tells who has its source address. `in_history`: whether a binding is known otherwise, so
    /// that the address is counted as one of its MAC there.
    pub fn note(&mut self, packet: &Packet<'_>, in_history: impl Fn(&Binding) -> bool) -> bool {
        let Packet { at, place, mac, link, ip } = *packet;
        let subject = Subject::of(packet);
        let slot = self.slot(subject);
        let (outgoing, incoming) = (link.outgoing == Some(true), link.outgoing == Some(false));
        if let Some((noted, binding)) = self.noted(slot) {
            if is_fresh(ticks(at), *noted) {
                return false;
            }
            *noted = ticks(at);
            if subject.is_station() {
                return false;
            }
            binding.last = binding.last.max(at);
            binding.count = binding.count.saturating_add(1);
            binding.outgoing |= outgoing;
            binding.incoming |= incoming;
            return subject.own;
        }
        let binding = Binding { outgoing, incoming, count: 1, ..subject.seen(at) };
        if subject.is_station() {
            self.sign(at, place, mac, Sign::Forwards);
            return false;
        }
        if let Some(station) = self.station(place, mac) {
            if station.is_crowded() {
                return false;
            }
            let other = self.slot(Subject { ip: ip.destination, ..subject });
            let sends_for = |key| self.get(Slot { key, ..other }).is_some();
            if station.sign < Sign::BothEnds && (sends_for(other.key | OWN) || sends_for(other.key & !OWN)) {
                self.sign(at, place, mac, Sign::BothEnds);
            }
        }
        self.stale(slot, ip.source);
        let gone = self.put(at, slot, binding);
        if subject.own && !in_history(&binding) {
            self.uses(at, place, mac);
        }
        if let Some(gone) = gone.filter(|gone| gone.own && !in_history(gone)) {
            self.forget(&gone);
        }
        subject.own
    }

    /// Books that a MAC uses one more address.
    pub fn uses(&mut self, at: Stamp, place: Place, mac: Mac) {
        self.change(at, Subject::station(place, mac), |station| station.count = station.count.saturating_add(1));
    }

    /// Books a sign of a router.
    pub fn sign(&mut self, at: Stamp, place: Place, mac: Mac, sign: Sign) {
        self.change(at, Subject::station(place, mac), |station| {
            if station.sign < sign {
                (station.sign, station.first) = (sign, at);
            }
        });
    }

    /// What is known of a MAC.
    pub fn station(&self, place: Place, mac: Mac) -> Option<&Binding> {
        let Slot { set, key } = self.slot(Subject::station(place, mac));
        let way = self.tags.get(set)?.way_of_mac(key)?;
        self.entries.get(set)?.get(way)?.as_ref()
    }

    /// The bindings of an address by which its owner is known, the oldest first.
    pub fn of(&self, ip: IpAddr) -> Vec<Binding> {
        let mut all: Vec<Binding> = self.all_of(ip).filter(|binding| binding.own).copied().collect();
        all.sort_unstable_by_key(|binding| binding.first);
        all
    }

    /// Whether an address sent anything between two frames.
    pub fn seen_between(&self, ip: IpAddr, from: Stamp, until: Stamp) -> bool {
        self.all_of(ip).any(|binding| binding.first <= until && binding.last >= from)
    }

    /// All bindings by which an owner is known, in any order.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.entries.iter().flatten().flatten().filter(|binding| binding.own && !binding.is_station())
    }

    fn all_of(&self, ip: IpAddr) -> impl Iterator<Item = &Binding> {
        let set = ip.slot(self.tags.len());
        self.entries.get(set).into_iter().flatten().flatten().filter(move |binding| binding.ip == ip)
    }

    #[inline]
    fn slot(&self, subject: Subject) -> Slot {
        subject.slot(self.tags.len())
    }

    #[inline]
    fn get(&self, Slot { set, key }: Slot) -> Option<&Binding> {
        let way = self.tags.get(set)?.way(key)?;
        self.entries.get(set)?.get(way)?.as_ref()
    }

    /// When the entry in a slot was noted, and the entry.
    fn noted(&mut self, Slot { set, key }: Slot) -> Option<(&mut u32, &mut Binding)> {
        let tags = self.tags.get_mut(set)?;
        let way = tags.way(key)?;
        Some((tags.noted.get_mut(way)?, self.entries.get_mut(set)?.get_mut(way)?.as_mut()?))
    }

    /// An address is seen from another MAC: from the one it had, it will tell something again.
    fn stale(&mut self, Slot { set, key }: Slot, ip: IpAddr) {
        let (Some(tags), Some(entries)) = (self.tags.get_mut(set), self.entries.get(set)) else { return };
        for ((known, noted), entry) in tags.keys.iter().zip(&mut tags.noted).zip(entries) {
            if (known ^ key) & OF_ADDRESS == 0 && entry.is_some_and(|binding| binding.ip == ip) {
                *noted = noted.wrapping_sub(SECOND);
            }
        }
    }

    /// Puts a binding in the place of the one of its set that was silent for longest; that one.
    fn put(&mut self, at: Stamp, Slot { set, key }: Slot, binding: Binding) -> Option<Binding> {
        let (tags, entries) = (self.tags.get_mut(set)?, self.entries.get_mut(set)?);
        let way = tags.silent(ticks(at));
        (*tags.keys.get_mut(way)?, *tags.noted.get_mut(way)?) = (key, ticks(at));
        let gone = entries.get_mut(way)?.replace(binding).filter(|gone| !gone.is_station());
        self.let_go += u64::from(gone.is_some());
        gone
    }

    /// A binding had to go: its MAC has one address less, unless it had many, which it stays known for.
    fn forget(&mut self, gone: &Binding) {
        let Slot { set, key } = self.slot(Subject::station(gone.place, gone.mac));
        let (Some(tags), Some(entries)) = (self.tags.get_mut(set), self.entries.get_mut(set)) else { return };
        let Some(way) = tags.way_of_mac(key) else { return };
        let (Some(key), Some(entry)) = (tags.keys.get_mut(way), entries.get_mut(way)) else { return };
        let Some(station) = entry.as_mut().filter(|station| station.count <= MANY_ADDRESSES) else { return };
        station.count = station.count.saturating_sub(1);
        if station.count == 0 && station.sign == Sign::None {
            (*key, *entry) = (0, None);
        }
    }

    /// Changes what is known of a MAC by itself. That it forwards is a part of the key, for packets that say so again.
    fn change(&mut self, at: Stamp, subject: Subject, change: impl FnOnce(&mut Binding)) {
        let Slot { set, key } = self.slot(subject);
        let forwards = |station: &Binding| if station.sign == Sign::Forwards { OWN } else { 0 };
        if let (Some(tags), Some(entries)) = (self.tags.get_mut(set), self.entries.get_mut(set))
            && let Some(way) = tags.way_of_mac(key)
            && let (Some(key), Some(noted)) = (tags.keys.get_mut(way), tags.noted.get_mut(way))
            && let Some(Some(station)) = entries.get_mut(way)
        {
            change(station);
            *noted = ticks(at);
            *key |= forwards(station);
            return;
        }
        let mut station = subject.seen(at);
        change(&mut station);
        if let Some(gone) = self.put(at, Slot { set, key: key | forwards(&station) }, station).filter(|gone| gone.own) {
            self.forget(&gone);
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

/// The time in 2^20 nanoseconds, a little more than milliseconds; it begins anew every 52 days.
#[inline]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "its lower bits")]
fn ticks(at: Stamp) -> u32 {
    (at.time.0 >> 20) as u32
}

#[inline]
fn is_fresh(now: u32, noted: u32) -> bool {
    now.wrapping_sub(noted) < SECOND
}
