//! What was seen: the frames so far as connections, addresses, sessions and control connections.

mod alike;
mod analysis;
mod control;
mod controls;
mod coverage;
mod dialogues;
mod drops;
mod eviction;
mod fastpath;
mod idle;
mod interfaces;
mod inventory;
mod keys;
mod memory_budget;
mod nat;
mod overheard;
mod reached;
mod repeats;
mod rollover;
mod scanners;
mod sessions;
mod stats;
mod strangers;
mod tls;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::schedule::Schedule;
use super::settings::{FastPath, Places, Settings};
use crate::diagnosis::case::Policy;
use crate::facts::Facts;
use crate::finding::SessionId;
use crate::flow::{CONNECTIONS_KEPT, ConnectionId, FlowEvent, FlowKey, Table};
use crate::frame::{Frame, InterfaceId, Stamp, Timestamp};
use crate::ftp::CONTROL_PORT;
use crate::network::{Aged, Network, Place};
use crate::redact::Secret;
use crate::source::Capture;
use crate::transfer::correlator::Correlator;
use crate::transfer::sessions::Sessions;
use crate::wire::{Body, Checksum, Decoder, Flags, IpHeader, Link, Segment, Wrapping};
pub(super) use alike::{is_same, only_there, side_by_side};
pub(super) use analysis::{Analysis, Shown, View};
use controls::Controls;
use coverage::Coverage;
use dialogues::Dialogues;
use drops::Drops;
use fastpath::Relevance;
use interfaces::Interfaces;
use keys::Keys;
use memory_budget::MemoryBudget;
use nat::NatPairs;
pub use overheard::{Heard, Overheard};
use reached::Reached;
use repeats::Repeats;
pub(super) use rollover::Rollover;
use scanners::Scanners;
pub use stats::Stats;
pub use strangers::is_telling;
use strangers::{Held, Stranger, Strangers};

/// Hosts whose connections are followed, those who took part in FTP last. A scan of port 21 adds none, for only hosts
/// whose control connection carried something count.
const PARTIES: usize = 65_536;

/// What was seen of one capture group. It says nothing of it, and forgets what was judged for good.
pub(super) struct Model {
    /// Control ports beside 21.
    ports: Vec<u16>,
    policy: Policy,
    /// Whether [`Model::take_overheard`] is wanted.
    overhear: bool,
    fast_path: FastPath,
    network: Network,
    flows: Table,
    correlator: Correlator,
    strangers: Strangers,
    repeats: Repeats,
    scanners: Scanners,
    reached: Reached,
    controls: Controls,
    sessions: Sessions,
    first_session: u32,
    next_session: u32,
    nat: NatPairs,
    /// The lines of the sessions under way, where reports want them.
    dialogues: Option<Dialogues>,
    places: Places,
    /// Hosts that speak FTP: all their connections are followed.
    parties: Aged,
    /// Both ends of every control SYN, answered or not: what host findings may be about. Bounded as the parties.
    contacts: Aged,
    budget: MemoryBudget,
    coverage: Coverage,
    interfaces: Interfaces,
    drops: Drops,
    keys: Keys,
    /// The connection of the last frame.
    booked: Option<ConnectionId>,
    shows_more_than_control: bool,
    overheard: Vec<Overheard>,
    /// Secrets that no sink knows yet.
    secrets: Vec<Secret>,
}

/// What a frame is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Concerns {
    /// A control connection.
    Control,
    /// Another connection of a host that speaks FTP.
    Party,
    /// A connection that may turn out to be a control connection.
    Stranger,
    /// Anything else.
    Nobody,
}

/// Where a frame was captured, as flows and neighbours need it.
#[derive(Clone, Copy)]
struct Seen {
    at: Stamp,
    interface: InterfaceId,
    link: Link,
    wrapping: Wrapping,
}

/// [`Segment::checksum`] as a pointer: the method itself is not general enough over lifetimes.
fn checksum(tcp: &Segment<'_>, ip: &IpHeader) -> Checksum {
    tcp.checksum(ip)
}

/// What a connection is held by until it is recognised: whatever its tags, for each direction may bear others.
fn stranger_key(ip: &IpHeader, tcp: &Segment<'_>) -> FlowKey {
    FlowKey::of(Wrapping::NONE, ip, tcp)
}

impl Model {
    /// From now on the kernels of hosts say this.
    pub(super) fn learn_facts(&mut self, facts: Arc<Facts>) {
        self.policy.facts = facts;
    }

    /// Nothing seen yet; sessions are numbered from `first_session` on.
    pub(super) fn new(settings: &Settings, first_session: SessionId) -> Self {
        let scaled = |bound| settings.scaled(bound);
        Self {
            ports: settings.ports.clone(),
            policy: settings.policy.clone(),
            overhear: settings.overhear,
            fast_path: settings.fast_path,
            network: Network::holding(scaled).at(&settings.here),
            flows: Table::new(checksum).holding(scaled(CONNECTIONS_KEPT)),
            correlator: Correlator::holding(scaled),
            strangers: Strangers::holding(scaled),
            repeats: Repeats::holding(scaled),
            scanners: Scanners::default(),
            reached: Reached::default(),
            controls: Controls::holding(scaled),
            sessions: Sessions::default(),
            first_session: first_session.0,
            next_session: first_session.0,
            nat: NatPairs::default(),
            places: settings.places,
            dialogues: settings.in_full.then(Dialogues::default),
            parties: Aged::new(scaled(PARTIES)),
            contacts: Aged::new(scaled(PARTIES)),
            budget: MemoryBudget::new(scaled),
            coverage: Coverage::default(),
            interfaces: Interfaces::default(),
            drops: Drops::default(),
            keys: Keys::new(settings.keys.clone(), settings.keys_may_grow),
            booked: None,
            shows_more_than_control: false,
            overheard: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// What was overheard since this was last asked.
    pub(super) fn take_overheard(&mut self) -> Vec<Overheard> {
        std::mem::take(&mut self.overheard)
    }

    /// The secrets that were seen since this was last asked.
    pub(super) fn take_secrets(&mut self) -> impl Iterator<Item = Secret> {
        self.secrets.drain(..)
    }

    /// The connection the last frame belongs to, if it belongs to one that is followed.
    pub(super) fn booked(&self) -> Option<ConnectionId> {
        self.booked
    }

    /// A frame came.
    pub(super) fn saw(&mut self, at: Stamp) {
        self.coverage.begins_with(at);
        self.coverage.saw(at);
    }

    /// Nothing was captured until that moment.
    pub(super) fn passes(&mut self, now: Timestamp) {
        self.coverage.passes(now);
    }

    /// Notes losses of a capture that goes on; a file tells only how many there were.
    pub(super) fn look_for_drops(&mut self, now: Timestamp, captures: &[Capture]) {
        self.drops.look(now, captures);
    }

    /// Takes a frame; sets the deadlines that come of it. The decoder lends its fragment pool to what it returns, so it is
    /// none of the fields.
    pub(super) fn take(
        &mut self,
        decoder: &mut Decoder,
        frame: &Frame<'_>,
        captures: &[Capture],
        schedule: &mut Schedule,
    ) {
        self.keys.learn(frame.at.capture, captures);
        self.booked = None;
        if self.skips(decoder, frame) {
            return;
        }
        let original = self.repeats.original(frame);
        let read = decoder.decode(frame);
        if let Some(original) = original {
            if let Body::Tcp(ip, tcp) = read.body {
                let Frame { at, interface, .. } = *frame;
                self.booked = self.flows.again(original, at, interface, &read.link, read.wrapping, &ip, &tcp);
            }
            return;
        }
        let seen = Seen { at: frame.at, interface: frame.interface, link: read.link, wrapping: read.wrapping };
        let place = self.place(frame, read.wrapping, read.link.if_index);
        self.meet_interface(frame, captures);
        let mut concerns = Concerns::Nobody;
        // It may be a part of a control segment, which is known when it is whole.
        let is_fragment = matches!(read.body, Body::Fragment(_));
        // A MAC that comes after another tells something only if the file is in the order of time.
        let orderly = self.coverage.is_orderly(frame.at);
        match read.body {
            Body::Arp(_) | Body::Nd(..) | Body::OtherIp(_) | Body::Fragment(_) if !orderly => {}
            Body::Tcp(ip, tcp) => {
                // Hosts that take part in FTP from this segment on are followed from it on.
                concerns = self.tcp(seen, &ip, &tcp, schedule);
                if orderly {
                    self.network.packet(frame.at, place, &read.link, &ip);
                }
            }
            Body::Icmp(ip, error) => {
                if orderly {
                    self.network.packet(frame.at, place, &read.link, &ip);
                }
                self.booked = self.flows.icmp(frame.at, read.wrapping, &ip, &error);
            }
            Body::Arp(arp) => self.network.arp(frame.at, place, &read.link, &arp),
            Body::Nd(ip, nd) => self.network.nd(frame.at, place, &read.link, &ip, &nd),
            Body::OtherIp(ip) | Body::Fragment(ip) => self.network.packet(frame.at, place, &read.link, &ip),
            Body::Nothing => {}
        }
        self.shows_more_than_control |= concerns != Concerns::Control && !is_fragment;
    }

    /// Tells the network once what a capture says of its interfaces.
    fn meet_interface(&mut self, frame: &Frame<'_>, captures: &[Capture]) {
        if let Some(interface) = self.interfaces.meet(frame, captures) {
            self.network.interface_addresses(self.place(frame, Wrapping::NONE, None), &interface.addresses);
            self.shows_more_than_control |= interface.shows_every_syn();
        }
    }

    /// The files of one timeline are one point: its segments are named after the first file.
    fn place(&self, frame: &Frame<'_>, wrapping: Wrapping, if_index: Option<u32>) -> Place {
        let capture = self.coverage.first_capture().unwrap_or(frame.at.capture);
        Place { capture, interface: frame.interface, wrapping, if_index }
    }

    fn is_control_port(&self, port: u16) -> bool {
        port == CONTROL_PORT || self.ports.contains(&port)
    }

    /// Books a segment.
    fn tcp(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, schedule: &mut Schedule) -> Concerns {
        if tcp.flags.has(Flags::SYN) && !tcp.flags.has(Flags::ACK) {
            self.scanners.knock(ip.source, tcp.destination_port);
        }
        let named = match self.relevance(ip, [tcp.source_port, tcp.destination_port], Some(tcp.flags), tcp.payload) {
            Relevance::ControlPort => true,
            Relevance::Party => false,
            Relevance::Candidate => return self.candidate(seen, ip, tcp, schedule),
            Relevance::Nobody => return Concerns::Nobody,
        };
        let control = self.followed(seen, ip, tcp, named, schedule);
        if control { Concerns::Control } else { Concerns::Party }
    }

    /// Books a segment of a connection that may turn out to speak FTP.
    fn candidate(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, schedule: &mut Schedule) -> Concerns {
        match self.strangers.push(stranger_key(ip, tcp), seen, ip, tcp, false) {
            Stranger::Nobody => Concerns::Nobody,
            Stranger::Held => Concerns::Stranger,
            Stranger::Ftp(held) => {
                self.adopt(&held, schedule);
                Concerns::Control
            }
        }
    }

    /// A connection on a port that nobody named has turned out to speak FTP: what was held of it is booked now.
    fn adopt(&mut self, held: &Held, schedule: &mut Schedule) {
        for (seen, ip, tcp) in held.segments() {
            self.recognised(seen, &ip, &tcp, held.server(), schedule);
        }
    }

    fn recognised(
        &mut self,
        seen: Seen,
        ip: &IpHeader,
        tcp: &Segment<'_>,
        server: SocketAddr,
        schedule: &mut Schedule,
    ) {
        let booked = self.flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
        self.booked = Some(booked.connection);
        if !self.controls.contains(booked.connection) {
            self.start_control(booked.connection, Some(server), schedule);
        }
        if !booked.copy {
            self.feed_control(booked.connection, (booked.from, seen.at), (ip, tcp), schedule);
        }
    }

    /// Books a segment of a host or port that is followed; returns whether it is one of a control connection.
    fn followed(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, named: bool, schedule: &mut Schedule) -> bool {
        let booked = self.flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
        self.booked = Some(booked.connection);
        let opened = booked.event == FlowEvent::Opened && !booked.copy;
        if named && opened {
            self.start_control(booked.connection, None, schedule);
        }
        if self.controls.contains(booked.connection) {
            if !booked.copy {
                self.feed_control(booked.connection, (booked.from, seen.at), (ip, tcp), schedule);
            }
            return true;
        }
        if opened {
            if self.interfaces.hides_payload(seen.at.capture, seen.interface) {
                self.flows.hide_payload(booked.connection);
            }
            if let Some(connection) = self.flows.connection(booked.connection) {
                self.correlator.opened(connection, &mut self.sessions);
            }
        }
        if tcp.flags.has(Flags::FIN) || tcp.flags.has(Flags::RST) {
            self.open_alerts(booked.connection, [ip.source, ip.destination]);
        }
        if !named && !booked.copy {
            // A host that speaks FTP may speak it on an unnamed port too.
            let key = stranger_key(ip, tcp);
            if let Stranger::Ftp(held) = self.strangers.push(key, seen, ip, tcp, true) {
                self.start_control(booked.connection, Some(held.server()), schedule);
                for (seen, ip, tcp) in held.segments() {
                    let from_origin = self
                        .flows
                        .connection(booked.connection)
                        .is_some_and(|connection| connection.origin == SocketAddr::new(ip.source, tcp.source_port));
                    let from = if from_origin { crate::flow::End::Origin } else { crate::flow::End::Target };
                    self.feed_control(booked.connection, (from, seen.at), (&ip, &tcp), schedule);
                }
                return true;
            }
        }
        false
    }

    fn contact(&mut self, host: IpAddr) {
        self.contacts.insert(host);
        self.network.follow(host);
    }

    fn party(&mut self, host: IpAddr) {
        self.contact(host);
        if self.parties.insert(host) {
            let (flows, mut opened) = (&mut self.flows, Vec::new());
            self.strangers.tell(host, |seen, ip, tcp| {
                let booked = flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
                if booked.event == FlowEvent::Opened && !booked.copy {
                    opened.push(booked.connection);
                }
            });
            // What it opened before it was known for a party may be a data connection.
            for connection in opened.into_iter().filter_map(|id| self.flows.connection(id)) {
                self.correlator.opened(connection, &mut self.sessions);
            }
        }
    }
}
