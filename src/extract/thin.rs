//! Takes from frames the payload on which no finding rests.
//!
//! What findings rest on of a data connection is when which sequence numbers came, not what they carried: but for how each
//! direction begins, and for the headers of TLS records. So every frame stays, with all headers; a frame that stands alone in
//! its file, as its control connection lies in another one, is as good as in the whole. What is removed becomes zeros for
//! who reads the thinned file ([`crate::source::thinned`]), or is cut off where nothing is kept behind it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::ops::Range;

use foldhash::fast::RandomState;

use super::parts::{Pair, pair};
use crate::flow::HEAD_BYTES;
use crate::frame::Frame;
use crate::ftp::{CONTROL_PORT, IMPLICIT_TLS};
use crate::pipeline::is_telling;
use crate::wire::tls::{Kind, Record, Records, Step, is_record};
use crate::wire::{Body, Decoder, Flags, Headers, Segment, Seq};

/// Directions that are followed, twice: of those that were silent while so many others spoke, the beginning is known no more.
const FOLLOWED: usize = 1 << 16;

/// Kept of a frame without TCP: Ethernet with a tag, IPv6 and UDP.
const PLAIN_HEADERS: usize = 66;
/// The same of what has other headers, tunnels among them.
const OTHER_HEADERS: usize = 128;

/// Stretches of TLS that are remembered of a direction: a copy of a packet comes within some hundred others.
const COMES_AGAIN: usize = 64;

/// One direction of a connection.
type Way = (SocketAddr, SocketAddr);

/// Thins the frames of one timeline, in their order.
#[derive(Debug)]
pub struct Thin {
    decoder: Decoder,
    control: HashSet<Pair, RandomState>,
    ports: Vec<u16>,
    /// Directions that spoke lately, and those that did before.
    lately: HashMap<Way, Stream, RandomState>,
    before: HashMap<Way, Stream, RandomState>,
    /// What is kept of a payload, in order.
    kept: Vec<Range<usize>>,
    out: Vec<u8>,
}

/// What is known of a direction.
#[derive(Clone, Debug)]
struct Stream {
    /// Its first byte; where its SYN is not there, the first one that is.
    begins: Seq,
    /// Whether its SYN is there.
    is_whole: bool,
    /// Its TLS records, if it begins with one.
    tls: Option<Box<Walk>>,
}

/// How far the TLS records of a direction are known.
#[derive(Clone, Debug)]
struct Walk {
    records: Records,
    next: Seq,
    /// Whether the body of the current record is kept.
    keeps_body: bool,
    /// What was kept last, for whatever comes again.
    lately: VecDeque<(Seq, u32)>,
}

impl Thin {
    pub(super) fn new(control: impl IntoIterator<Item = Pair>, ports: &[u16]) -> Self {
        Self {
            decoder: Decoder::new(),
            control: control.into_iter().collect(),
            ports: ports.iter().copied().chain([CONTROL_PORT, IMPLICIT_TLS]).collect(),
            lately: HashMap::default(),
            before: HashMap::default(),
            kept: Vec::new(),
            out: Vec::new(),
        }
    }

    /// What is left of a frame.
    pub(super) fn thinned<'a>(&'a mut self, frame: &Frame<'a>) -> &'a [u8] {
        let mut decoder = std::mem::take(&mut self.decoder);
        let seen = decoder.decode(frame);
        let payload = match seen.body {
            Body::Tcp(ip, tcp) if seen.fragments.is_empty() => {
                let from = SocketAddr::new(ip.source, tcp.source_port);
                let to = SocketAddr::new(ip.destination, tcp.destination_port);
                if self.is_control(from, to) { None } else { self.look((from, to), &tcp, frame) }
            }
            // Whoever has a packet in parts needs all of them.
            Body::Tcp(..) | Body::Fragment(_) | Body::Icmp(..) | Body::Arp(_) | Body::Nd(..) => None,
            Body::OtherIp(_) | Body::Nothing => {
                self.kept.clear();
                let is_plain = Headers::of(frame).is_some();
                let len = if is_plain { PLAIN_HEADERS } else { OTHER_HEADERS };
                (is_plain || tells_as_much(frame, len)).then_some(len)
            }
        };
        self.decoder = decoder;
        match payload {
            Some(from) => self.without(frame.bytes, from),
            None => frame.bytes,
        }
    }

    fn is_control(&self, from: SocketAddr, to: SocketAddr) -> bool {
        self.ports.contains(&from.port()) || self.ports.contains(&to.port()) || self.control.contains(&pair(from, to))
    }

    /// Finds what is kept of a segment's payload; where in the frame that begins, or nothing if all is kept.
    fn look(&mut self, way: Way, tcp: &Segment<'_>, frame: &Frame<'_>) -> Option<usize> {
        let syn = tcp.flags.has(Flags::SYN);
        let start = tcp.seq.plus(u32::from(syn));
        let telling = is_telling(tcp.payload);
        let mut kept = std::mem::take(&mut self.kept);
        kept.clear();
        if syn || !tcp.payload.is_empty() {
            self.stream(way, start, syn).keep(start, tcp, &mut kept);
        }
        if telling {
            kept.push(0..HEAD_BYTES);
        }
        self.kept = kept;
        if tcp.payload.is_empty() {
            return None;
        }
        offset(tcp.payload, frame.bytes)
    }

    /// What is known of a direction in which a segment begins like this.
    fn stream(&mut self, way: Way, start: Seq, syn: bool) -> &mut Stream {
        if self.lately.len() >= FOLLOWED && !self.lately.contains_key(&way) {
            self.before = std::mem::take(&mut self.lately);
        }
        let before = self.before.remove(&way);
        let new = || Stream { begins: start, is_whole: syn, tls: None };
        let stream = self.lately.entry(way).or_insert_with(|| before.unwrap_or_else(new));
        // A SYN that is sent again begins nothing.
        if syn && (!stream.is_whole || stream.begins != start) {
            *stream = new();
        }
        stream
    }

    /// The bytes of a frame with all before `from` and what is kept behind it, counted from there.
    fn without<'a>(&'a mut self, bytes: &'a [u8], from: usize) -> &'a [u8] {
        let end = self.kept.iter().map(|kept| from.saturating_add(kept.end)).max().unwrap_or(from).min(bytes.len());
        let left = bytes.get(..end).unwrap_or(bytes);
        let (header, payload) = left.split_at_checked(from).unwrap_or((left, &[]));
        self.out.clear();
        self.out.extend_from_slice(header);
        self.out.resize(left.len(), 0);
        for kept in &self.kept {
            let kept = kept.start..kept.end.min(payload.len());
            let place = from + kept.start..from.saturating_add(kept.end);
            if let (Some(place), Some(kept)) = (self.out.get_mut(place), payload.get(kept)) {
                place.copy_from_slice(kept);
            }
        }
        &self.out
    }
}

impl Stream {
    /// Notes what of a payload is kept: the beginning of the direction, and what tells of its TLS records.
    fn keep(&mut self, start: Seq, tcp: &Segment<'_>, kept: &mut Vec<Range<usize>>) {
        let payload = tcp.payload;
        let gone = i64::from(start.distance_from(self.begins));
        let head = i64::try_from(HEAD_BYTES).unwrap_or(i64::MAX);
        if let Ok(left @ 1..) = usize::try_from(head - gone)
            && left <= 2 * HEAD_BYTES
        {
            kept.push(0..left.min(payload.len()));
        }
        if gone == 0 && self.tls.is_none() && begins_tls(payload) {
            self.tls = Some(Box::new(Walk::new(start)));
        }
        match &mut self.tls {
            Some(walk) => walk.follow(start, tcp, kept),
            None if !self.is_whole => keep_records(payload, kept),
            None => {}
        }
    }
}

/// Notes what may be a part of TLS records in a payload, wherever they begin: their connection began in another file. In
/// other data there are few such bytes.
fn keep_records(payload: &[u8], kept: &mut Vec<Range<usize>>) {
    const WHOLE: usize = 128;
    let split = payload.len().saturating_sub(4);
    kept.extend([0..WHOLE, split..payload.len()]);
    let heads = payload.windows(5).enumerate().filter(|(_, head)| is_record(head));
    kept.extend(heads.map(|(at, _)| at..at + WHOLE));
}

impl Walk {
    fn new(next: Seq) -> Self {
        Self { records: Records::First, next, keeps_body: false, lately: VecDeque::new() }
    }

    /// Walks over the records in a segment as the analysis does ([`crate::flow::TlsRecords`]): what is missing loses the
    /// boundaries, unless it lies within one record. Of what comes again the same is kept, for copies are known by it.
    fn follow(&mut self, start: Seq, tcp: &Segment<'_>, kept: &mut Vec<Range<usize>>) {
        let ahead = start.distance_from(self.next);
        if ahead > 0 {
            self.records.skip(u64::from(ahead.unsigned_abs()));
        } else if ahead < 0 {
            kept.extend(self.lately.iter().filter_map(|(from, len)| {
                let from = i64::from(from.distance_from(start));
                let range = usize::try_from(from.max(0)).ok()?..usize::try_from(from + i64::from(*len)).ok()?;
                Some(range).filter(|range| range.start < tcp.payload.len())
            }));
        }
        let skip = if ahead < 0 { ahead.unsigned_abs() } else { 0 };
        if skip >= tcp.payload_len || self.records == Records::Lost {
            return;
        }
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let fresh = kept.len();
        self.walk(skip, tcp.payload, kept);
        for new in kept.get(fresh..).unwrap_or_default().iter().filter(|new| !new.is_empty()) {
            let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            self.lately.push_back((start.plus(place(new.start)), place(new.len())));
        }
        self.lately.drain(..self.lately.len().saturating_sub(COMES_AGAIN));
        let not_captured = (tcp.payload_len as usize).saturating_sub(tcp.payload.len().max(skip));
        if not_captured > 0 {
            self.records.skip(not_captured as u64);
        }
        self.next = start.plus(tcp.payload_len);
    }

    /// Walks over a payload from `skip` on: headers are kept, and of bodies what is read.
    fn walk(&mut self, skip: usize, payload: &[u8], kept: &mut Vec<Range<usize>>) {
        let mut end = skip.min(payload.len());
        let (mut records, mut keeps_body) = (self.records, self.keeps_body);
        let text = records.walk_over(payload.get(skip..).unwrap_or_default(), &mut |step| match step {
            Step::Record(record) => keeps_body = is_read(record),
            Step::Body(body) => {
                let from = offset(body, payload).unwrap_or(end);
                // Between bodies stand headers.
                kept.push(end..from);
                end = from + body.len();
                if keeps_body {
                    kept.push(from..end);
                }
            }
        });
        kept.push(end..payload.len());
        self.records = if text.is_some() { Records::Lost } else { records };
        self.keeps_body = keeps_body;
    }
}

/// Whether a frame that holds no TCP is decoded alike when all behind its first bytes are zeros.
fn tells_as_much(frame: &Frame<'_>, len: usize) -> bool {
    let Some(head) = frame.bytes.get(..len) else { return false };
    let mut bytes = head.to_vec();
    bytes.resize(frame.bytes.len(), 0);
    let read = |frame: &Frame<'_>| {
        let mut decoder = Decoder::new();
        let ip = match decoder.decode(frame).body {
            Body::OtherIp(ip) => Some(Some(ip)),
            Body::Nothing => Some(None),
            Body::Tcp(..) | Body::Icmp(..) | Body::Arp(_) | Body::Nd(..) | Body::Fragment(_) => None,
        };
        (ip, decoder.undecoded())
    };
    read(frame) == read(&Frame { bytes: &bytes, ..*frame })
}

/// Whether what is in a record is read: it may be an alert, or say how the keys change.
fn is_read(record: Record) -> bool {
    record.may_be_an_alert() || record.kind == Kind::ChangeCipherSpec
}

/// Whether a direction that begins like this may be TLS: with a handshake or an alert of version 3.
fn begins_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x15 | 0x16] | [0x15 | 0x16, 3, ..])
}

/// Where a part of some bytes begins in them, if it is one.
fn offset(part: &[u8], of: &[u8]) -> Option<usize> {
    part.as_ptr().addr().checked_sub(of.as_ptr().addr()).filter(|offset| offset + part.len() <= of.len())
}
