//! Connections on ports that nobody named: their first segments are held until their content tells whether they are
//! FTP. A stranger that is none costs a look at a few bytes per segment and is forgotten.

use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use foldhash::fast::RandomState;

use super::Seen;
use crate::flow::{End, FlowKey, HEAD_BYTES};
use crate::ftp::IMPLICIT_TLS;
use crate::ftp::recognise::{Ports, Recognition, recognise};
use crate::wire::{Flags, IpHeader, Segment, Wrapping};

/// Strangers held at once; the oldest is forgotten first. A control connection says who it is within seconds.
const HELD: usize = 4_096;

/// Bytes held of all strangers: most send a SYN and nothing telling.
const HELD_BYTES: usize = 4 << 20;

/// Segments held of one stranger: handshake, a long greeting, the first command and their acknowledgements.
const SEGMENTS: usize = 16;

/// Bytes held of one segment: more than a greeting needs.
const BYTES: usize = 2_048;

/// What a stranger takes at first: a SYN that nobody answers, as of a scan, is all of many.
const FIRST_SEGMENTS: usize = 1;
const FIRST_BYTES: usize = 64;

/// Likenesses that connections are told apart by at a look, each in two bytes: so many that few have one even where all are
/// held that can be.
const LIKENESSES: usize = 8 * HELD;

/// Strangers that were forgotten and lend what they took to the next ones: as many as come and go within a moment.
const SPARE: usize = 16;

/// A segment that outlives its frame.
struct Kept {
    seen: Seen,
    ip: IpHeader,
    header: Segment<'static>,
    /// Where its bytes are among those of all segments, and where its payload begins.
    raw: Range<usize>,
    payload: usize,
    /// Whether the flow table has it already.
    booked: bool,
}

impl Kept {
    fn segment<'a>(&self, bytes: &'a [u8]) -> Segment<'a> {
        let raw = bytes.get(self.raw.clone()).unwrap_or_default();
        Segment { payload: self.payload(bytes), raw, ..self.header }
    }

    fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.payload..self.raw.end).unwrap_or_default()
    }

    fn source(&self) -> SocketAddr {
        SocketAddr::new(self.ip.source, self.header.source_port)
    }
}

/// The first segments of a connection.
pub(super) struct Held {
    segments: Vec<Kept>,
    /// The bytes of all of them.
    bytes: Vec<u8>,
    /// How many were held before it.
    began: u64,
    origin: SocketAddr,
    server: SocketAddr,
}

impl Held {
    /// The held segments, oldest first.
    pub(super) fn segments(&self) -> impl Iterator<Item = (Seen, IpHeader, Segment<'_>)> {
        self.segments.iter().map(|kept| (kept.seen, kept.ip, kept.segment(&self.bytes)))
    }

    /// Who serves, once it is recognised.
    pub(super) fn server(&self) -> SocketAddr {
        self.server
    }

    fn has(&self, host: IpAddr) -> bool {
        self.segments.first().is_some_and(|kept| kept.ip.source == host || kept.ip.destination == host)
    }

    /// Keeps a segment; how many bytes that takes.
    fn keep(&mut self, seen: Seen, ip: &IpHeader, tcp: &Segment<'_>, booked: bool) -> usize {
        let header = tcp.raw.len().saturating_sub(tcp.payload.len());
        let raw = tcp.raw.get(..tcp.raw.len().min(header + BYTES)).unwrap_or_default();
        let from = self.bytes.len();
        self.bytes.extend_from_slice(raw);
        let kept = Kept {
            seen,
            ip: *ip,
            header: Segment { payload: &[], raw: &[], ..*tcp },
            raw: from..self.bytes.len(),
            payload: from + header.min(raw.len()),
            booked,
        };
        self.segments.push(kept);
        raw.len()
    }

    /// What one end has sent so far, in the order of arrival.
    fn head(&self, of_origin: bool) -> Cow<'_, [u8]> {
        let of_end = |kept: &&Kept| (kept.source() == self.origin) == of_origin;
        let payloads = self.segments.iter().filter(of_end).map(|kept| kept.payload(&self.bytes));
        let mut payloads = payloads.filter(|payload| !payload.is_empty());
        let mut head = Cow::Borrowed(payloads.next().unwrap_or_default());
        for payload in payloads {
            if head.len() < HEAD_BYTES {
                head.to_mut().extend_from_slice(payload);
            }
        }
        match head {
            Cow::Borrowed(bytes) => Cow::Borrowed(bytes.get(..HEAD_BYTES).unwrap_or(bytes)),
            Cow::Owned(mut bytes) => {
                bytes.truncate(HEAD_BYTES);
                Cow::Owned(bytes)
            }
        }
    }
}

/// What a segment tells of its connection.
pub(super) enum Stranger {
    /// It is of no interest.
    Nobody,
    /// It is held: the next segment may tell.
    Held,
    /// It speaks FTP; everything that was held of it.
    Ftp(Held),
}

/// The strangers that may still turn out to speak FTP.
pub(super) struct Strangers {
    held: HashMap<FlowKey, Held, RandomState>,
    /// How many of them have each likeness: nearly all segments are of connections like which none is held.
    alike: Vec<u16>,
    order: VecDeque<FlowKey>,
    /// Segments and bytes of forgotten ones, empty.
    spare: Vec<(Vec<Kept>, Vec<u8>)>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
    /// How many have been held.
    count: u64,
}

impl Strangers {
    /// None yet. `scaled` turns each bound into what it is to be.
    pub(super) fn holding(scaled: impl Fn(usize) -> usize) -> Self {
        Self {
            held: HashMap::default(),
            alike: vec![0; LIKENESSES],
            order: VecDeque::new(),
            spare: Vec::new(),
            bytes: 0,
            count: 0,
            most: scaled(HELD),
            most_bytes: scaled(HELD_BYTES),
        }
    }

    /// Whether the connection between two ends is held.
    #[inline]
    pub(super) fn holds(&self, source: (IpAddr, u16), destination: (IpAddr, u16)) -> bool {
        self.alike.get(likeness(source, destination)).is_some_and(|count| *count > 0)
            && self.held.contains_key(&FlowKey::new(Wrapping::NONE, source.into(), destination.into()))
    }

    /// Looks at a segment, which the flow table has `booked` or not.
    pub(super) fn push(
        &mut self,
        key: FlowKey,
        seen: Seen,
        ip: &IpHeader,
        tcp: &Segment<'_>,
        booked: bool,
    ) -> Stranger {
        let may_begin = tcp.flags.has(Flags::SYN) || is_telling(tcp.payload);
        if may_begin && !self.held.contains_key(&key) {
            self.hold(key, ip, tcp);
        }
        let Some(held) = self.held.get_mut(&key) else { return Stranger::Nobody };
        if tcp.flags.has(Flags::RST) || tcp.flags.has(Flags::FIN) || held.segments.len() >= SEGMENTS {
            self.forget(&key);
            return Stranger::Nobody;
        }
        self.bytes += held.keep(seen, ip, tcp, booked);
        if tcp.payload.is_empty() {
            return Stranger::Held;
        }
        match recognise(&held.head(true), &held.head(false), ports(&key, held.origin)) {
            Recognition::Unknown => Stranger::Held,
            Recognition::NotFtp | Recognition::Silent { .. } => {
                self.forget(&key);
                Stranger::Nobody
            }
            Recognition::Ftp { server } => {
                held.server = if server == End::Origin { held.origin } else { key.opposite(held.origin) };
                self.remove(&key).map_or(Stranger::Nobody, Stranger::Ftp)
            }
        }
    }

    /// Hands everything held of a host's connections to `book`, once, in the order in which they began: the host has
    /// turned out to speak FTP, and what it did before belongs to its story.
    pub(super) fn tell(&mut self, host: IpAddr, mut book: impl FnMut(Seen, &IpHeader, &Segment<'_>)) {
        let mut concerned: Vec<&mut Held> = self.held.values_mut().filter(|held| held.has(host)).collect();
        concerned.sort_unstable_by_key(|held| held.began);
        for held in concerned {
            for kept in held.segments.iter_mut().filter(|kept| !kept.booked) {
                kept.booked = true;
                book(kept.seen, &kept.ip, &kept.segment(&held.bytes));
            }
        }
    }

    fn hold(&mut self, key: FlowKey, ip: &IpHeader, tcp: &Segment<'_>) {
        while self.held.len() >= self.most || self.bytes >= self.most_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            self.forget(&oldest);
        }
        // Forgotten keys stay in the queue until their turn comes; it is trimmed before they outweigh it.
        if self.order.len() >= 2 * self.most {
            self.order.retain(|key| self.held.contains_key(key));
        }
        let source = SocketAddr::new(ip.source, tcp.source_port);
        let destination = SocketAddr::new(ip.destination, tcp.destination_port);
        let origin = if tcp.flags.has(Flags::SYN | Flags::ACK) { destination } else { source };
        self.order.push_back(key);
        self.count_alike(&key, |count| count.saturating_add(1));
        let spare = self.spare.pop();
        let (segments, bytes) =
            spare.unwrap_or_else(|| (Vec::with_capacity(FIRST_SEGMENTS), Vec::with_capacity(FIRST_BYTES)));
        self.held.insert(key, Held { segments, bytes, began: self.count, origin, server: destination });
        self.count += 1;
    }

    fn remove(&mut self, key: &FlowKey) -> Option<Held> {
        let held = self.held.remove(key)?;
        self.bytes -= held.bytes.len();
        self.count_alike(key, |count| count.saturating_sub(1));
        Some(held)
    }

    fn count_alike(&mut self, key: &FlowKey, change: impl FnOnce(u16) -> u16) {
        let [one, other] = key.ends().map(|end| (end.ip(), end.port()));
        if let Some(count) = self.alike.get_mut(likeness(one, other)) {
            *count = change(*count);
        }
    }

    fn forget(&mut self, key: &FlowKey) {
        let Some(Held { mut segments, mut bytes, .. }) = self.remove(key) else { return };
        if self.spare.len() < SPARE {
            segments.clear();
            bytes.clear();
            self.spare.push((segments, bytes));
        }
    }
}

/// What a connection has in common with one of so many others, whichever way its segments go.
#[inline]
fn likeness(one: (IpAddr, u16), other: (IpAddr, u16)) -> usize {
    let end = |(ip, port): (IpAddr, u16)| hash_of(ip).wrapping_add(u64::from(port)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    usize::try_from(end(one).wrapping_add(end(other)) >> (64 - LIKENESSES.trailing_zeros())).unwrap_or(0)
}

#[inline]
fn hash_of(ip: IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()) << 16,
        IpAddr::V6(ip) => {
            let bits = ip.to_bits();
            #[expect(clippy::cast_possible_truncation, reason = "its halves")]
            let (high, low) = ((bits >> 64) as u64, bits as u64);
            high ^ low.rotate_left(16)
        }
    }
}

/// One port promises FTP in TLS.
fn ports(key: &FlowKey, origin: SocketAddr) -> Ports {
    if key.opposite(origin).port() == IMPLICIT_TLS {
        Ports::Named(End::Target)
    } else if origin.port() == IMPLICIT_TLS {
        Ports::Named(End::Origin)
    } else {
        Ports::Unnamed
    }
}

/// Whether a payload can begin, or continue, what FTP says: a three-digit reply, or a verb of three or four letters.
#[inline]
pub fn is_telling(payload: &[u8]) -> bool {
    match payload {
        [a, b, c, b' ' | b'-', ..] => [a, b, c].iter().all(|byte| byte.is_ascii_digit() || byte.is_ascii_alphabetic()),
        [a, b, c, d, b' ' | b'\r', ..] => [a, b, c, d].iter().all(|byte| byte.is_ascii_alphabetic()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, InterfaceId, Stamp, Timestamp};
    use crate::wire::{Link, Options, Seq};

    /// A segment between 10.0.0.1 and 10.0.0.2 whose header takes no bytes.
    fn says(strangers: &mut Strangers, number: u64, ports: (u16, u16), flags: u8, payload: &[u8]) -> Stranger {
        let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
        let seen = Seen { at, interface: InterfaceId(0), link: Link::default(), wrapping: Wrapping::NONE };
        let (client, server) = ([10, 0, 0, 1].into(), [10, 0, 0, 2].into());
        let (source, destination) = if ports.0 > ports.1 { (client, server) } else { (server, client) };
        let ip = IpHeader { source, destination, ttl: 64, identification: None, tunnelled: false };
        let tcp = Segment {
            source_port: ports.0,
            destination_port: ports.1,
            seq: Seq(1),
            ack: Seq(1),
            flags: Flags(flags),
            window: 0,
            options: Options::default(),
            payload,
            payload_len: u32::try_from(payload.len()).unwrap(),
            raw: payload,
        };
        strangers.push(FlowKey::of(Wrapping::NONE, &ip, &tcp), seen, &ip, &tcp, false)
    }

    #[test]
    fn what_one_stranger_said_is_not_told_of_the_next_one() {
        let mut strangers = Strangers::holding(|bound| bound);
        let (web, ftp) = ((40_000, 8080), (40_001, 2121));
        for number in [1, 3] {
            assert!(matches!(says(&mut strangers, number, web, Flags::SYN, b""), Stranger::Held));
            assert!(matches!(says(&mut strangers, number, web, Flags::ACK, b""), Stranger::Held));
            let request = says(&mut strangers, number + 1, web, Flags::ACK, b"GET / HTTP/1.1\r\n\r\n");
            assert!(matches!(request, Stranger::Nobody));
            assert_eq!((strangers.bytes, strangers.spare.len()), (0, 1), "it is forgotten, and what it took is kept");
        }
        says(&mut strangers, 5, ftp, Flags::SYN, b"");
        says(&mut strangers, 6, (ftp.1, ftp.0), Flags::ACK, b"220 ready\r\n");
        let Stranger::Ftp(held) = says(&mut strangers, 7, ftp, Flags::ACK, b"USER me\r\n") else { panic!("no FTP") };
        let told: Vec<_> = held.segments().map(|(seen, _, tcp)| (seen.at.number.0, tcp.payload)).collect();
        assert_eq!(told, [(5, &b""[..]), (6, b"220 ready\r\n"), (7, b"USER me\r\n")]);
        assert_eq!(held.server(), SocketAddr::from(([10, 0, 0, 2], 2121)));
        assert_eq!(strangers.bytes, 0);
    }
}
