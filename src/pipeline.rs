//! Frames in, sessions and findings out: the stages in the order of the path of data.
//!
//! `push` every frame of one capture group in order of time, then `finish`. Does no I/O but through the sink it is
//! given, and knows no clock but packet time.

mod ages;
mod chapter;
mod control;
mod drops;
mod fastpath;
mod inventory;
mod judge;
mod keys;
mod load;
mod lookout;
mod pending;
mod prompt;
mod reached;
mod repeats;
mod scanners;
mod settings;
mod standing;
mod strangers;
mod telling;
mod trace;
mod turns;
mod views;

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::io;
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use crate::diagnosis::verdict::Blame;
use crate::finding::SessionId;
use crate::flow::{CONNECTIONS_KEPT, FlowEvent, Table};
use crate::flow::{ConnectionId, FlowKey};
use crate::frame::{Frame, InterfaceId, Stamp, Timestamp};
use crate::ftp::Speaker;
use crate::network::{Aged, Network, Place};
use crate::record::{Sink, Summary};
use crate::redact::Secret;
use crate::source::Capture;
use crate::transfer::correlator::{Correlator, SessionIndex};
use crate::transfer::sessions::Sessions;
use crate::wire::{Body, Checksum, Decoder, Flags, IpHeader, Link, Segment, Seq, Wrapping};
use ages::Silences;
use control::Control;
use drops::Drops;
use fastpath::Relevance;
use keys::Keys;
use load::Load;
use lookout::Lookout;
use pending::Open;
pub use prompt::Judging;
use prompt::Prompt;
use reached::Reached;
use repeats::Repeats;
use scanners::Scanners;
pub use settings::{FastPath, MEMORY, Settings};
pub use standing::Standing;
use strangers::{Held, Stranger, Strangers};
use trace::Dialogues;
use turns::Turns;

/// A session is judged this long after its control connection has closed: the last data connection closes, and host
/// stacks finish retrying, within it. Seconds of packet time.
const GRACE: f64 = 3.0;

/// Hosts whose connections are followed, those who took part in FTP last. A scan of port 21 adds none, for only hosts
/// whose control connection carried something count.
const PARTIES: usize = 65_536;

/// Control connections followed at once; the one longest silent is judged early when there are more.
const CONTROLS: usize = 16_384;

/// Hosts that are remembered as told of with a failure, while a capture goes on: beyond it one may be told of again.
const BLAMED: usize = 8_192;

/// Frames further behind the latest than this many seconds come from a file that was never sorted.
const ORDERLY: f64 = 0.001;

/// Files that were never sorted go back by what buffers hold. Behind more seconds than this a clock was set back, and goes
/// on from there.
const UNSORTED: f64 = 10.0;

/// Something of a control connection, as it was read, before it was understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overheard {
    /// Which one.
    pub connection: ConnectionId,
    /// What.
    pub heard: Heard,
}

/// What there is to overhear, in the order of the dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// It was recognised as a control connection.
    Opened {
        /// Its 5-tuple.
        key: FlowKey,
        /// The socket that sends commands.
        client: SocketAddr,
        /// Its first frame.
        first: Stamp,
        /// The control connection that is the same one on the other side of a NAT.
        twin: Option<ConnectionId>,
    },
    /// Where the bytes of a direction begin; said again with every segment.
    Begins {
        /// Whose.
        speaker: Speaker,
        /// The sequence number of the first byte.
        seq: Seq,
    },
    /// The next bytes of a direction, which were read as lines.
    Text {
        /// Whose.
        speaker: Speaker,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The next bytes of a direction, which were read as TLS.
    Records {
        /// Whose.
        speaker: Speaker,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// The next bytes of a direction, which are missing.
    Gap {
        /// Whose.
        speaker: Speaker,
        /// How many.
        len: u64,
    },
}

/// The analysis of one capture group.
pub struct Pipeline {
    settings: Settings,
    /// Absent only while a frame is looked at.
    decoder: Option<Box<Decoder>>,
    network: Network,
    flows: Table,
    correlator: Correlator,
    strangers: Strangers,
    repeats: Repeats,
    scanners: Scanners,
    reached: Reached,
    controls: HashMap<ConnectionId, Control, RandomState>,
    sessions: Sessions,
    dialogues: Dialogues,
    parties: Aged,
    first_session: u32,
    next_session: u32,
    /// Sessions whose control connection has closed, with the time at which they are to be judged.
    closing: VecDeque<(Timestamp, SessionIndex)>,
    /// When the next of them, or a transfer, is to be judged: no frame of that time or later is of no consequence.
    due: Timestamp,
    /// Which control connection goes first when there are too many.
    turns: Turns,
    silences: Silences,
    prompt: Prompt,
    open: Open,
    lookout: Lookout,
    /// Sessions of which a chapter is due to end.
    long: Vec<SessionIndex>,
    load: Load,
    drops: Drops,
    /// Control connections followed at once.
    controls_kept: usize,
    /// The connection of the last frame.
    booked: Option<ConnectionId>,
    begins: Option<Stamp>,
    /// The latest moment: that of a frame, or while a capture goes on one known to have passed.
    ends: Option<Stamp>,
    /// The frame of the latest time since the clock was set back.
    latest: Option<Stamp>,
    /// The last frame of each capture, by capture.
    lasts: Vec<Stamp>,
    shows_more_than_control: bool,
    interfaces_told: HashSet<(u32, u32), RandomState>,
    /// Interfaces whose capture filter leaves out what carries nothing but payload.
    hiding: HashSet<(u32, u32)>,
    controls_let_go: u64,
    /// Hosts that were named as the cause of a failed transfer or session, by diagnosis.
    blamed: BTreeSet<Blame>,
    /// Both ends of every control SYN, answered or not: what host findings may be about. Bounded as the parties.
    contacts: Aged,
    /// First sequence numbers of the newest control connections.
    recent_isns: Vec<(Seq, SessionIndex, Stamp)>,
    summary: Summary,
    overheard: Vec<Overheard>,
    /// Secrets that no sink has been told yet.
    secrets: Vec<Secret>,
    keys: Keys,
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

/// Whether a frame comes behind the latest one, as far as clocks go.
fn is_orderly(at: Stamp, latest: Stamp) -> bool {
    at.seconds_since(latest) >= -ORDERLY
}

impl Pipeline {
    /// An analysis whose sessions are numbered from `first_session` on.
    pub fn new(settings: Settings, first_session: SessionId) -> Self {
        Self {
            prompt: Prompt::new(settings.judging),
            open: Open::default(),
            lookout: Lookout::default(),
            long: Vec::new(),
            load: Load::new(|bound| settings.scaled(bound)),
            drops: Drops::default(),
            controls_kept: settings.scaled(CONTROLS),
            booked: None,
            decoder: Some(Box::default()),
            network: Network::holding(|bound| settings.scaled(bound)).at(&settings.here),
            flows: Table::new(checksum).holding(settings.scaled(CONNECTIONS_KEPT)),
            correlator: Correlator::holding(|bound| settings.scaled(bound)),
            strangers: Strangers::holding(|bound| settings.scaled(bound)),
            repeats: Repeats::holding(|bound| settings.scaled(bound)),
            scanners: Scanners::default(),
            reached: Reached::default(),
            controls: HashMap::default(),
            dialogues: Dialogues::default(),
            sessions: Sessions::default(),
            parties: Aged::new(settings.scaled(PARTIES)),
            first_session: first_session.0,
            next_session: first_session.0,
            closing: VecDeque::new(),
            due: Timestamp(i64::MAX),
            turns: Turns::default(),
            silences: Silences::default(),
            begins: None,
            ends: None,
            latest: None,
            lasts: Vec::new(),
            shows_more_than_control: false,
            interfaces_told: HashSet::default(),
            hiding: HashSet::new(),
            controls_let_go: 0,
            blamed: BTreeSet::new(),
            contacts: Aged::new(settings.scaled(PARTIES)),
            recent_isns: Vec::new(),
            summary: Summary::default(),
            overheard: Vec::new(),
            secrets: Vec::new(),
            keys: Keys::new(settings.keys.clone()),
            settings,
        }
    }

    /// What was overheard since it was last asked, if [`Settings::overhear`] is set; to be asked after every frame and
    /// at the end.
    pub fn overheard(&mut self) -> Vec<Overheard> {
        std::mem::take(&mut self.overheard)
    }

    /// The number the next session would get.
    pub fn next_session(&self) -> SessionId {
        SessionId(self.next_session)
    }

    /// Takes a frame; hands what it concludes to `sink`.
    pub fn push(&mut self, frame: &Frame<'_>, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        self.begins.get_or_insert(frame.at);
        self.saw(frame.at);
        self.look_for_drops(frame.at.time, captures);
        self.judge_due(frame.at.time, captures, sink)?;
        self.look_around(frame.at.time, captures, sink)?;
        self.take(frame, captures);
        self.tell_secrets(sink);
        self.look_for_silence(frame.at, sink)?;
        self.warn_early(captures, sink)?;
        self.turn_pages(captures, sink)?;
        self.due = self.next_due().unwrap_or(Timestamp(i64::MAX));
        Ok(())
    }

    /// Tells of the secrets that were seen, before anything is told that may quote them.
    fn tell_secrets(&mut self, sink: &mut dyn Sink) {
        for secret in self.secrets.drain(..) {
            sink.secret(&secret);
        }
    }

    /// Books when frames came.
    #[inline]
    fn saw(&mut self, at: Stamp) {
        if self.ends.is_none_or(|ends| ends < at) {
            self.ends = Some(at);
        }
        if self.latest.is_none_or(|latest| latest.time <= at.time || latest.seconds_since(at) > UNSORTED) {
            self.latest = Some(at);
        }
        match self.lasts.last_mut() {
            Some(last) if last.capture == at.capture => *last = at,
            _ => self.saw_elsewhere(at),
        }
    }

    /// Books a frame of another capture than the last one.
    #[cold]
    fn saw_elsewhere(&mut self, at: Stamp) {
        match self.lasts.binary_search_by_key(&at.capture, |last| last.capture) {
            Ok(place) => self.lasts[place] = at,
            Err(place) => self.lasts.insert(place, at),
        }
    }

    /// The capture group has ended: judges every session that is left, then the hosts and the capture.
    pub fn finish(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<Summary> {
        let mut ids: Vec<ConnectionId> = self.controls.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            self.end_control(id);
        }
        self.tell_secrets(sink);
        for index in self.sessions.indices() {
            self.judge(index, None, captures, sink)?;
        }
        self.tell_of_hosts(None, captures, sink)?;
        if self.settings.in_full {
            sink.hosts(&self.inventory(captures))?;
        }
        Ok(self.summary.clone())
    }

    fn take(&mut self, frame: &Frame<'_>, captures: &[Capture]) {
        self.keys.learn(frame.at.capture, captures);
        self.booked = None;
        if self.skips(frame) {
            return;
        }
        let original = self.repeats.original(frame);
        // The decoder lends its fragment pool to what it returns, so it stands aside while the rest is at work.
        let mut lent = self.decoder.take().unwrap_or_default();
        let decoded = lent.decode(frame);
        if let Some(original) = original {
            if let Body::Tcp(ip, tcp) = decoded.body {
                let Frame { at, interface, .. } = *frame;
                self.booked = self.flows.again(original, at, interface, &decoded.link, decoded.wrapping, &ip, &tcp);
            }
            self.decoder = Some(lent);
            return;
        }
        let seen = Seen { at: frame.at, interface: frame.interface, link: decoded.link, wrapping: decoded.wrapping };
        let place = self.place(frame, decoded.wrapping, decoded.link.if_index);
        self.tell_interface(frame, captures);
        let mut concerns = Concerns::Nobody;
        // It may be a part of a control segment, which is known when it is whole.
        let is_fragment = matches!(decoded.body, Body::Fragment(_));
        // A MAC that comes after another tells something only if the file is in the order of time.
        let orderly = self.latest.is_none_or(|latest| is_orderly(frame.at, latest));
        match decoded.body {
            Body::Arp(_) | Body::Nd(..) | Body::OtherIp(_) | Body::Fragment(_) if !orderly => {}
            Body::Tcp(ip, tcp) => {
                // Hosts that take part in FTP from this segment on are followed from it on.
                concerns = self.tcp(seen, &ip, &tcp);
                if orderly {
                    self.network.packet(frame.at, place, &decoded.link, &ip);
                }
            }
            Body::Icmp(ip, error) => {
                if orderly {
                    self.network.packet(frame.at, place, &decoded.link, &ip);
                }
                self.booked = self.flows.icmp(frame.at, decoded.wrapping, &ip, &error);
            }
            Body::Arp(arp) => self.network.arp(frame.at, place, &decoded.link, &arp),
            Body::Nd(ip, nd) => self.network.nd(frame.at, place, &decoded.link, &ip, &nd),
            Body::OtherIp(ip) | Body::Fragment(ip) => self.network.packet(frame.at, place, &decoded.link, &ip),
            Body::Nothing => {}
        }
        self.shows_more_than_control |= concerns != Concerns::Control && !is_fragment;
        self.decoder = Some(lent);
    }

    /// Tells the network once what a capture says of its interfaces.
    fn tell_interface(&mut self, frame: &Frame<'_>, captures: &[Capture]) {
        let key = (frame.at.capture.0, frame.interface.0);
        if !self.interfaces_told.insert(key) {
            return;
        }
        let found = captures
            .iter()
            .find(|capture| capture.id == frame.at.capture)
            .and_then(|capture| capture.interfaces.iter().find(|interface| interface.id == frame.interface));
        if let Some(interface) = found {
            let place = self.place(frame, Wrapping::NONE, None);
            self.network.interface_addresses(place, &interface.addresses);
            if interface.hides_payload() {
                self.hiding.insert(key);
            }
            self.shows_more_than_control |= interface.shows_every_syn();
        }
    }

    /// The files of one timeline are one point: its segments are named after the first file.
    fn place(&self, frame: &Frame<'_>, wrapping: Wrapping, if_index: Option<u32>) -> Place {
        let capture = self.begins.map_or(frame.at.capture, |begins| begins.capture);
        Place { capture, interface: frame.interface, wrapping, if_index }
    }

    fn is_control_port(&self, port: u16) -> bool {
        port == 21 || self.settings.ports.contains(&port)
    }

    /// Books a segment.
    fn tcp(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>) -> Concerns {
        if tcp.flags.has(Flags::SYN) && !tcp.flags.has(Flags::ACK) {
            self.scanners.knock(ip.source, tcp.destination_port);
        }
        let relevance =
            self.relevance(ip, [tcp.source_port, tcp.destination_port], Some(tcp.flags), tcp.payload);
        let named = match relevance {
            Relevance::ControlPort => true,
            Relevance::Party => false,
            Relevance::Candidate => return self.candidate(seen, ip, tcp),
            Relevance::Nobody => return Concerns::Nobody,
        };
        let control = self.followed(seen, ip, tcp, named);
        if control { Concerns::Control } else { Concerns::Party }
    }

    /// Books a segment of a connection that may turn out to speak FTP.
    fn candidate(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>) -> Concerns {
        match self.strangers.push(stranger_key(ip, tcp), seen, ip, tcp, false) {
            Stranger::Nobody => Concerns::Nobody,
            Stranger::Held => Concerns::Stranger,
            Stranger::Ftp(held) => {
                self.adopt(&held);
                Concerns::Control
            }
        }
    }

    /// A connection on a port that nobody named has turned out to speak FTP: what was held of it is booked now.
    fn adopt(&mut self, held: &Held) {
        for (seen, ip, tcp) in held.segments() {
            self.recognised(seen, &ip, &tcp, held.server());
        }
    }

    fn recognised(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, server: SocketAddr) {
        let booked = self.flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
        self.booked = Some(booked.connection);
        if !self.controls.contains_key(&booked.connection) {
            self.start_control(booked.connection, Some(server));
        }
        if !booked.copy {
            self.feed_control(booked.connection, booked.from, seen.at, ip, tcp);
        }
    }

    /// Books a segment of a host or port that is followed; returns whether it is one of a control connection.
    fn followed(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, named: bool) -> bool {
        let booked = self.flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
        self.booked = Some(booked.connection);
        let opened = booked.event == FlowEvent::Opened && !booked.copy;
        if named && opened {
            self.start_control(booked.connection, None);
        }
        if self.controls.contains_key(&booked.connection) {
            if !booked.copy {
                self.feed_control(booked.connection, booked.from, seen.at, ip, tcp);
            }
            return true;
        }
        if opened {
            if self.hiding.contains(&(seen.at.capture.0, seen.interface.0)) {
                self.flows.hide_payload(booked.connection);
            }
            if let Some(connection) = self.flows.connection(booked.connection) {
                self.correlator.opened(connection, &mut self.sessions);
            }
        }
        if !named && !booked.copy {
            // A host that speaks FTP may speak it on an unnamed port too.
            let key = stranger_key(ip, tcp);
            if let Stranger::Ftp(held) = self.strangers.push(key, seen, ip, tcp, true) {
                self.start_control(booked.connection, Some(held.server()));
                for (seen, ip, tcp) in held.segments() {
                    let from_origin = self
                        .flows
                        .connection(booked.connection)
                        .is_some_and(|connection| connection.origin == SocketAddr::new(ip.source, tcp.source_port));
                    let from = if from_origin { crate::flow::End::Origin } else { crate::flow::End::Target };
                    self.feed_control(booked.connection, from, seen.at, &ip, &tcp);
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
            let flows = &mut self.flows;
            self.strangers.tell(host, |seen, ip, tcp| {
                flows.push(seen.at, seen.interface, &seen.link, seen.wrapping, ip, tcp);
            });
        }
    }
}
