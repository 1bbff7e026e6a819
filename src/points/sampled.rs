//! What one capture point shows of TCP, in bounded samples: enough to know each connection again at another point, and to
//! say which of its packets were there and which were not.
//!
//! Knows connections by incarnation and the lines of control connections, and judges nothing.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use super::lines::{self, Line};
use crate::flow::End;
use crate::frame::{Frame, Stamp};
use crate::wire::{Body, Decoder, Flags, IcmpError, IpHeader, Segment, Seq};

/// Connections that are kept; who has more of them is known again by the first ones.
const FLOWS_KEPT: usize = 65_536;

/// Packets kept of a control connection, and of another one.
const CONTROL_KEPT: usize = 8_192;
const DATA_KEPT: usize = 2_048;

/// Packets kept of all connections; later ones keep [`FEW_KEPT`] each.
const SAMPLES_KEPT: usize = 1 << 20;
const FEW_KEPT: usize = 32;

/// Packets kept of a connection that nothing says to be FTP's yet, until the first words tell.
const PROBED: usize = 8;

/// Connections of which that is not known yet: their first words come soon.
const UNDECIDED: usize = 4_096;

/// Moments at which a point recorded anything are kept so many seconds apart, and so many of them.
const MOMENTS_APART: f64 = 0.05;
const MOMENTS_KEPT: usize = 65_536;

/// ICMP errors kept of a connection.
const ERRORS_KEPT: usize = 16;

/// Bytes of text kept of a control connection.
const TEXT_KEPT: usize = 256 << 10;

/// First bytes kept of the data of another connection, to compare them.
const HEAD_KEPT: usize = 48;

/// A packet that was recorded twice is so within these seconds: with an identification of its own, and without.
const COPY_SECONDS: f64 = 0.2;
const COPY_SECONDS_UNNAMED: f64 = 0.001;

/// The packets before among which a second record of one is looked for.
const COPIES_AMONG: usize = 8;

/// A segment as it was captured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The frame.
    pub at: Stamp,
    /// Who sent it, by its addresses.
    pub from: End,
    /// Its first sequence number.
    pub seq: Seq,
    /// What it acknowledges.
    pub ack: Option<Seq>,
    /// Payload bytes on the wire.
    pub len: u32,
    /// Flags.
    pub flags: Flags,
    /// `(TSval, TSecr)`; `None` too where the snap length cut the options off.
    pub times: Option<(u32, u32)>,
    /// IPv4 identification, where it is not 0.
    pub identification: Option<u16>,
    /// TTL or hop limit.
    pub ttl: u8,
    /// Whether the snap length cut it.
    pub cut: bool,
    /// Where its text is kept, and how many bytes.
    text: (u32, u32),
}

impl Sample {
    /// Whether it is a SYN without ACK.
    pub fn is_syn(&self) -> bool {
        self.flags.has(Flags::SYN) && !self.flags.has(Flags::ACK)
    }

    /// Whether it is a SYN-ACK.
    pub fn is_syn_ack(&self) -> bool {
        self.flags.has(Flags::SYN | Flags::ACK)
    }

    /// Whether it is a RST.
    pub fn is_rst(&self) -> bool {
        self.flags.has(Flags::RST)
    }

    /// Behind the last sequence number that it takes: payload, SYN and FIN count.
    pub fn end(&self) -> Seq {
        let flags = u32::from(self.flags.has(Flags::SYN)) + u32::from(self.flags.has(Flags::FIN));
        self.seq.plus(self.len.saturating_add(flags))
    }

    /// Whether it takes sequence numbers: what takes none need not arrive.
    pub fn occupies(&self) -> bool {
        !self.is_rst() && self.end() != self.seq
    }
}

/// An ICMP error that quotes a segment of a connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ErrorSample {
    /// The frame.
    pub at: Stamp,
    /// Who sent it.
    pub from: IpAddr,
    /// Type, code and the quoted numbers.
    pub error: IcmpError,
}

/// One incarnation of a TCP connection, as far as it was kept.
#[derive(Clone, Debug)]
pub struct Flow {
    /// Who opened it, and to where; guessed by the ports where neither SYN nor SYN-ACK was seen.
    pub ends: [SocketAddr; 2],
    /// The packets in the order in which they came: all of them, if [`Flow::is_whole`].
    pub samples: Vec<Sample>,
    /// The ICMP errors that quote it.
    pub errors: Vec<ErrorSample>,
    /// The initial sequence numbers, from SYN and SYN-ACK or from what acknowledges them.
    pub isns: [Option<Seq>; 2],
    /// First and last frame.
    pub first: Stamp,
    /// Last frame.
    pub last: Stamp,
    /// Whether it is an FTP control connection, by its port or its first words.
    pub is_control: bool,
    text: Vec<u8>,
    /// Packets that were not kept.
    let_go: u64,
    /// Whether who opened it is known.
    oriented: bool,
}

impl Flow {
    fn new(at: Stamp, from: SocketAddr, to: SocketAddr, oriented: bool) -> Self {
        Self {
            ends: [from, to],
            samples: Vec::new(),
            errors: Vec::new(),
            isns: [None; 2],
            first: at,
            last: at,
            is_control: false,
            text: Vec::new(),
            let_go: 0,
            oriented,
        }
    }

    /// Whether every packet of it that was captured is among its samples.
    pub fn is_whole(&self) -> bool {
        self.let_go == 0
    }

    /// What one end sent.
    pub fn sent(&self, by: End) -> impl DoubleEndedIterator<Item = &Sample> + Clone {
        self.samples.iter().filter(move |sample| sample.from == by)
    }

    /// Its SYNs.
    pub fn syns(&self) -> impl Iterator<Item = &Sample> + Clone {
        self.samples.iter().filter(|sample| sample.is_syn())
    }

    /// Its SYN-ACKs.
    pub fn syn_acks(&self) -> impl Iterator<Item = &Sample> + Clone {
        self.samples.iter().filter(|sample| sample.is_syn_ack())
    }

    /// Its RSTs.
    pub fn rsts(&self) -> impl Iterator<Item = &Sample> + Clone {
        self.samples.iter().filter(|sample| sample.is_rst())
    }

    /// Whether payload, or an acknowledgement of the SYN-ACK, shows that the handshake was completed.
    pub fn is_established(&self) -> bool {
        let answered = self.syn_acks().next().is_some() || self.isns[1].is_some();
        answered
            && self.samples.iter().any(|sample| {
                let later = !sample.flags.has(Flags::SYN) && !sample.is_rst();
                later && (sample.from == End::Origin || sample.len > 0)
            })
    }

    /// The socket of an end.
    pub fn socket(&self, of: End) -> SocketAddr {
        let [origin, target] = self.ends;
        if of == End::Origin { origin } else { target }
    }

    /// The initial sequence number of an end.
    pub fn isn(&self, of: End) -> Option<Seq> {
        let [origin, target] = self.isns;
        if of == End::Origin { origin } else { target }
    }

    /// The captured payload of a sample, as far as it was kept.
    pub fn payload(&self, sample: &Sample) -> &[u8] {
        let (from, len) = (sample.text.0 as usize, sample.text.1 as usize);
        self.text.get(from..from.saturating_add(len)).unwrap_or_default()
    }

    /// The control lines that one end sent, each once, with the frames that completed them.
    pub fn lines(&self, by: End) -> Vec<Line> {
        let sent = self.sent(by).filter(|sample| !sample.is_rst());
        lines::of(sent.map(|sample| lines::Segment {
            at: sample.at,
            seq: sample.seq,
            len: sample.len,
            payload: self.payload(sample),
        }))
    }

    /// Whether it was guessed by the ports who opened it.
    pub fn is_guessed(&self) -> bool {
        !self.oriented
    }

    /// Takes the other end for the one that opened it.
    pub fn turn(&mut self) {
        self.ends.swap(0, 1);
        self.isns.swap(0, 1);
        self.samples.iter_mut().for_each(|sample| sample.from = sample.from.peer());
    }

    /// Whether the same packet was recorded just before: its sender gives each another identification.
    fn is_copy(&self, sample: &Sample) -> bool {
        let apart = if sample.identification.is_some() { COPY_SECONDS } else { COPY_SECONDS_UNNAMED };
        self.samples.iter().rev().take(COPIES_AMONG).any(|known| {
            let same = Sample { at: sample.at, ttl: sample.ttl, text: sample.text, cut: sample.cut, ..*known };
            same == *sample && sample.at.seconds_since(known.at).abs() < apart
        })
    }

    fn add(&mut self, mut sample: Sample, payload: &[u8], room: usize) {
        if self.is_copy(&sample) {
            return;
        }
        self.last = sample.at;
        self.learn(&sample);
        let kept = if self.is_control { CONTROL_KEPT } else { DATA_KEPT }.min(room);
        // What opens and closes a connection tells most.
        let matters = sample.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) != 0 && self.samples.len() < kept * 2;
        if self.samples.len() >= kept && !matters {
            self.let_go += 1;
            return;
        }
        let text = if self.is_control { TEXT_KEPT } else { HEAD_KEPT * 2 };
        let most = text.saturating_sub(self.text.len()).min(if self.is_control { usize::MAX } else { HEAD_KEPT });
        let payload = payload.get(..payload.len().min(most)).unwrap_or_default();
        sample.text =
            (u32::try_from(self.text.len()).unwrap_or(u32::MAX), u32::try_from(payload.len()).unwrap_or(u32::MAX));
        self.text.extend_from_slice(payload);
        self.samples.push(sample);
    }

    fn learn(&mut self, sample: &Sample) {
        let isn_acked = sample.ack.map(|ack| ack.plus(u32::MAX));
        match sample.from {
            End::Origin if sample.is_syn() => self.isns[0] = Some(sample.seq),
            End::Target if sample.is_syn_ack() => {
                self.isns[1] = Some(sample.seq);
                self.isns[0] = self.isns[0].or(isn_acked);
            }
            // The first acknowledgement behind a SYN is of the SYN-ACK.
            End::Origin if !sample.is_rst() && self.isns[1].is_none() && self.has_only_syns() => {
                self.isns[1] = isn_acked;
            }
            End::Origin | End::Target => {}
        }
    }

    fn has_only_syns(&self) -> bool {
        !self.samples.is_empty() && self.samples.iter().all(Sample::is_syn)
    }
}

/// What a capture point shows.
#[derive(Default)]
pub struct Sampled {
    /// The connections, in order of their first packet.
    pub flows: Vec<Flow>,
    /// Whether packets were captured that belong to no control connection: no filter hides the others.
    pub shows_more_than_control: bool,
    /// First and last frame.
    pub span: Option<(Stamp, Stamp)>,
    /// When it recorded anything, now and then.
    pub moments: Vec<Stamp>,
    /// The ends of control connections.
    hosts: HashSet<IpAddr, RandomState>,
    /// Places of connections that were let go, as no FTP has to do with them.
    vacant: Vec<usize>,
    /// Those of which that is not known yet, the oldest first.
    undecided: VecDeque<usize>,
    /// The newest incarnation of each pair of sockets.
    newest: HashMap<[SocketAddr; 2], usize, RandomState>,
    ports: Vec<u16>,
    decoder: Decoder,
    samples: usize,
}

/// The port of FTP control connections.
const CONTROL: u16 = 21;

impl Sampled {
    /// Nothing yet; these ports are of control connections too.
    pub fn new(ports: &[u16]) -> Self {
        Self { ports: ports.to_vec(), ..Self::default() }
    }

    /// Takes the next frame.
    pub fn push(&mut self, frame: &Frame<'_>) {
        self.span = Some((self.span.map_or(frame.at, |(first, _)| first), frame.at));
        let is_later = |last: &Stamp| frame.at.seconds_since(*last) >= MOMENTS_APART;
        if self.moments.len() < MOMENTS_KEPT && self.moments.last().is_none_or(is_later) {
            self.moments.push(frame.at);
        }
        let mut decoder = std::mem::take(&mut self.decoder);
        match decoder.decode(frame).body {
            Body::Tcp(ip, tcp) => self.segment(frame, &ip, &tcp),
            Body::Icmp(ip, error) => self.error(frame.at, &ip, error),
            Body::Arp(_) | Body::Nd(..) | Body::OtherIp(_) | Body::Fragment(_) | Body::Nothing => {
                self.shows_more_than_control = true;
            }
        }
        self.decoder = decoder;
    }

    fn segment(&mut self, frame: &Frame<'_>, ip: &IpHeader, tcp: &Segment<'_>) {
        let from = SocketAddr::new(ip.source, tcp.source_port);
        let to = SocketAddr::new(ip.destination, tcp.destination_port);
        let is_control_port = self.is_control_port(from.port()) || self.is_control_port(to.port());
        let of_hosts = [from, to].iter().filter(|end| self.hosts.contains(&end.ip())).count();
        // What no control connection has to do with is looked at until its first words tell that it is none itself.
        let is_new = tcp.flags.has(Flags::SYN) || is_control_port || of_hosts > 0;
        let Some(place) = self.place(frame.at, from, to, tcp, is_new) else {
            self.shows_more_than_control = true;
            return;
        };
        let room =
            if of_hosts == 1 && !is_control_port || self.samples >= SAMPLES_KEPT { FEW_KEPT } else { usize::MAX };
        let Some(flow) = self.flows.get_mut(place) else { return };
        let sender = if flow.ends[0] == from { End::Origin } else { End::Target };
        let was_control = flow.is_control;
        flow.is_control |= is_control_port || flow.text.is_empty() && lines::begins_dialogue(tcp.payload);
        let room = if flow.is_control && self.samples < SAMPLES_KEPT { usize::MAX } else { room };
        if flow.is_control && !was_control {
            self.hosts.extend(flow.ends.map(|end| end.ip()));
        } else if !flow.is_control && of_hosts == 0 && (tcp.payload_len > 0 || flow.samples.len() >= PROBED) {
            self.shows_more_than_control = true;
            self.let_go(place);
            return;
        }
        self.shows_more_than_control |= !flow.is_control;
        let sample = Sample {
            at: frame.at,
            from: sender,
            seq: tcp.seq,
            ack: tcp.flags.has(Flags::ACK).then_some(tcp.ack),
            len: tcp.payload_len,
            flags: tcp.flags,
            times: tcp.options.timestamps,
            identification: ip.identification.filter(|id| *id != 0),
            ttl: ip.ttl,
            cut: frame.is_cut(),
            text: (0, 0),
        };
        let before = flow.samples.len();
        flow.add(sample, tcp.payload, room);
        self.samples += flow.samples.len() - before;
    }

    fn is_control_port(&self, port: u16) -> bool {
        port == CONTROL || self.ports.contains(&port)
    }

    /// No FTP has to do with a connection.
    fn let_go(&mut self, place: usize) {
        let Some(flow) = self.flows.get_mut(place) else { return };
        let [from, to] = flow.ends;
        let key = if from <= to { [from, to] } else { [to, from] };
        self.samples -= flow.samples.len().min(self.samples);
        *flow = Flow::new(flow.first, from, to, false);
        if self.newest.get(&key) == Some(&place) {
            self.newest.remove(&key);
        }
        self.vacant.push(place);
    }

    /// Lets the oldest connections go of which nothing is known, where there are too many.
    fn bound_undecided(&mut self, place: usize) {
        self.undecided.push_back(place);
        if self.undecided.len() <= UNDECIDED {
            return;
        }
        let Some(oldest) = self.undecided.pop_front() else { return };
        let hosts = &self.hosts;
        let is_none = |flow: &Flow| {
            !flow.samples.is_empty() && !flow.is_control && !flow.ends.iter().any(|end| hosts.contains(&end.ip()))
        };
        if self.flows.get(oldest).is_some_and(is_none) {
            self.let_go(oldest);
        }
    }

    /// Lets everything go that no FTP has to do with: nothing more comes.
    pub fn finish(&mut self) {
        let hosts = &self.hosts;
        self.flows.retain(|flow| flow.is_control || flow.ends.iter().any(|end| hosts.contains(&end.ip())));
        self.flows.retain(|flow| !flow.samples.is_empty());
        self.flows.sort_by_key(|flow| flow.first);
        (self.newest, self.vacant, self.undecided) = Default::default();
    }

    /// Where the connection of a segment is kept; a SYN with another number begins a new one. `None` for one that is not kept
    /// and not to be begun.
    fn place(&mut self, at: Stamp, from: SocketAddr, to: SocketAddr, tcp: &Segment<'_>, is_new: bool) -> Option<usize> {
        let key = if from <= to { [from, to] } else { [to, from] };
        let is_syn = tcp.flags.has(Flags::SYN) && !tcp.flags.has(Flags::ACK);
        if let Some(place) = self.newest.get(&key).copied() {
            let flow = self.flows.get(place)?;
            let by_origin = flow.ends[0] == from;
            let is_next = is_syn && (flow.isns[0] != Some(tcp.seq) || !by_origin);
            if !is_next {
                return Some(place);
            }
        }
        if !is_new || self.flows.len() >= FLOWS_KEPT && self.vacant.is_empty() {
            return None;
        }
        let is_answer = tcp.flags.has(Flags::SYN) && !is_syn;
        let serves = |port: u16| self.is_control_port(port);
        // Without a handshake, servers are known by their port.
        let by_target = is_answer || !is_syn && (serves(from.port()) || !serves(to.port()) && from.port() < to.port());
        let (origin, target) = if by_target { (to, from) } else { (from, to) };
        let flow = Flow::new(at, origin, target, is_syn || is_answer);
        let vacant = self.vacant.pop().filter(|place| *place < self.flows.len());
        let place = vacant.unwrap_or(self.flows.len());
        match self.flows.get_mut(place) {
            Some(slot) => *slot = flow,
            None => self.flows.push(flow),
        }
        self.newest.insert(key, place);
        self.bound_undecided(place);
        Some(place)
    }

    fn error(&mut self, at: Stamp, ip: &IpHeader, error: IcmpError) {
        let [from, to] = [error.quoted.source, error.quoted.destination];
        let key = if from <= to { [from, to] } else { [to, from] };
        let Some(flow) = self.newest.get(&key).and_then(|place| self.flows.get_mut(*place)) else { return };
        if flow.errors.len() < ERRORS_KEPT {
            flow.errors.push(ErrorSample { at, from: ip.source, error });
        }
    }
}
