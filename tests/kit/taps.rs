//! Rewrites a capture as another tap would have recorded the same packets: another port of a switch, a tunnel to the
//! capturing host, clocks of two cards, a short snap length.
//!
//! Knows Ethernet and IPv4 with TCP; other frames stay as they are, or go where the tap cannot show them.

use ftpwhy::frame::{CaptureId, FrameNo, InterfaceId, LinkType, Timestamp};
use ftpwhy::source::Capture;

use super::frames::{Owned, renumber};
use super::packet::checksum;

/// A capture as a tap recorded it.
pub struct Recorded {
    pub frames: Vec<Owned>,
    pub captures: Vec<Capture>,
}

/// Rewrites the frames of one capture.
pub type Tap = fn(&[Owned], &[Capture]) -> Recorded;

/// All taps by name.
pub const TAPS: [(&str, Tap); 15] = [
    ("vlan", |frames, captures| each(frames, captures, vlan)),
    ("erspan", |frames, captures| each(frames, captures, erspan)),
    ("vxlan", |frames, captures| each(frames, captures, vxlan)),
    ("mpls", |frames, captures| each(frames, captures, mpls)),
    ("dup", |frames, captures| in_time(frames, captures, dup)),
    ("ttl", |frames, captures| in_time(frames, captures, ttl)),
    ("skew", |frames, captures| in_time(frames, captures, skew)),
    ("tiny", |frames, captures| in_time(frames, captures, tiny)),
    ("frag", |frames, captures| each(frames, captures, frag)),
    ("raw", |frames, captures| each(frames, captures, raw)),
    ("snap", |frames, captures| each(frames, captures, snap)),
    ("late", late),
    ("twice", twice),
    ("split", split),
    ("rotate", rotate),
];

const ETHERNET: LinkType = LinkType::ETHERNET;
const RAW: LinkType = LinkType::RAW;
const HEADER: usize = 14;
const IP: [u8; 2] = [8, 0];
/// What a card that is early is early by, in nanoseconds.
const EARLY: i64 = 400_000;
const SNAP: usize = 160;
const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN_OR_PUSH: u8 = 0x09;

/// Whether the taps can be told of a capture: plain Ethernet alone.
pub fn is_plain(frames: &[Owned]) -> bool {
    let plain = |frame: &Owned| {
        let kind = frame.bytes.get(12..HEADER).unwrap_or_default();
        frame.link_type == ETHERNET && !matches!(kind, [0x81 | 0x91, 0] | [0x88, _])
    };
    frames.iter().all(plain)
}

/// Where the parts of a TCP segment in IPv4 lie in a frame.
#[derive(Clone, Copy)]
struct Parts {
    tcp: usize,
    payload: usize,
    end: usize,
}

impl Parts {
    fn of(bytes: &[u8]) -> Option<Self> {
        let is_tcp = bytes.len() >= HEADER + 40 && bytes[12..HEADER] == IP && bytes[23] == 6;
        let is_fragment = || u16::from_be_bytes([bytes[20], bytes[21]]) & 0x3fff != 0;
        if !is_tcp || is_fragment() {
            return None;
        }
        let tcp = HEADER + usize::from(bytes[14] & 15) * 4;
        let end = HEADER + usize::from(u16::from_be_bytes([bytes[16], bytes[17]]));
        let payload = tcp + usize::from(bytes.get(tcp + 12)? >> 4) * 4;
        (payload <= end && end <= bytes.len()).then_some(Self { tcp, payload, end })
    }

    fn ports(self, bytes: &[u8]) -> [u16; 2] {
        [0, 2].map(|at| u16::from_be_bytes([bytes[self.tcp + at], bytes[self.tcp + at + 1]]))
    }

    fn len(self) -> usize {
        self.end - self.payload
    }
}

/// Which of two ways a packet goes; nothing for what is no IP.
fn is_upwards(bytes: &[u8]) -> Option<bool> {
    match bytes.get(12..HEADER)? {
        [8, 0] => Some(bytes.get(26..30)? < bytes.get(30..34)?),
        [0x86, 0xdd] => Some(bytes.get(22..38)? < bytes.get(38..54)?),
        _ => None,
    }
}

fn each(frames: &[Owned], captures: &[Capture], tap: fn(&Owned) -> Vec<Owned>) -> Recorded {
    let mut frames: Vec<Owned> = frames.iter().flat_map(tap).collect();
    renumber(&mut frames);
    Recorded { frames, captures: captures.to_vec() }
}

fn in_time(frames: &[Owned], captures: &[Capture], tap: fn(&Owned) -> Vec<Owned>) -> Recorded {
    let mut frames: Vec<Owned> = frames.iter().flat_map(tap).collect();
    frames.sort_by_key(|frame| (frame.at.epoch, frame.at.time));
    renumber(&mut frames);
    Recorded { frames, captures: captures.to_vec() }
}

/// The frame with other bytes.
fn with(frame: &Owned, bytes: Vec<u8>) -> Owned {
    let grown = bytes.len().abs_diff(frame.bytes.len());
    let grown = u32::try_from(grown).expect("a frame");
    let wire_len = if bytes.len() >= frame.bytes.len() { frame.wire_len + grown } else { frame.wire_len - grown };
    Owned { bytes, wire_len, ..frame.clone() }
}

fn later(frame: Owned, nanoseconds: i64) -> Owned {
    let mut frame = frame;
    frame.at.time = Timestamp(frame.at.time.0 + nanoseconds);
    frame
}

/// A mirror port of a routed network: another tag for each direction.
fn vlan(frame: &Owned) -> Vec<Owned> {
    let Some(up) = is_upwards(&frame.bytes) else { return vec![frame.clone()] };
    let tag: u16 = if up { 20 } else { 601 };
    vec![with(frame, [&frame.bytes[..12], &[0x81, 0], &tag.to_be_bytes(), &frame.bytes[12..]].concat())]
}

fn mpls(frame: &Owned) -> Vec<Owned> {
    if is_upwards(&frame.bytes).is_none() {
        return vec![frame.clone()];
    }
    let labels = [0x003e_80ff_u32, 0x007d_01fe].map(u32::to_be_bytes).concat();
    vec![with(frame, [&frame.bytes[..12], &[0x88, 0x47], &labels, &frame.bytes[HEADER..]].concat())]
}

/// In a datagram to the capturing host.
fn tunnelled(frame: &Owned, protocol: u8, head: &[u8]) -> Vec<Owned> {
    let len = u16::try_from(20 + head.len() + frame.bytes.len()).expect("fits a datagram");
    let mut ip = [0x45, 0, 0, 0, 0, 0, 0, 0, 60, protocol, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
    ip[2..4].copy_from_slice(&len.to_be_bytes());
    seal(&mut ip);
    let ethernet = [2, 0xaa, 0, 0, 0, 2, 2, 0xaa, 0, 0, 0, 1, 8, 0];
    vec![with(frame, [&ethernet[..], &ip, head, &frame.bytes].concat())]
}

fn erspan(frame: &Owned) -> Vec<Owned> {
    tunnelled(frame, 47, &[0x10, 0, 0x88, 0xbe, 0, 0, 0, 7, 0x10, 1, 0, 0x64, 0, 0, 0, 0])
}

fn vxlan(frame: &Owned) -> Vec<Owned> {
    let len = u16::try_from(16 + frame.bytes.len()).expect("fits a datagram").to_be_bytes();
    let udp = [&50_000_u16.to_be_bytes()[..], &4789_u16.to_be_bytes(), &len, &[0, 0]].concat();
    tunnelled(frame, 17, &[&udp[..], &[8, 0, 0, 0, 0, 0, 42, 0]].concat())
}

/// Both ports of a switch mirrored.
fn dup(frame: &Owned) -> Vec<Owned> {
    vec![frame.clone(), later(frame.clone(), 20_000)]
}

/// Before and behind a router.
fn ttl(frame: &Owned) -> Vec<Owned> {
    let Some(up) = is_upwards(&frame.bytes).filter(|_| frame.bytes[12..HEADER] == IP) else {
        return vec![frame.clone()];
    };
    let mut bytes = frame.bytes.clone();
    bytes[22] = bytes[22].saturating_sub(1).max(1);
    let (to, from) = if up { (1, 2) } else { (2, 1) };
    bytes[..12].copy_from_slice(&[2, 0x99, 0, 0, 0, to, 2, 0x99, 0, 0, 0, from]);
    let header = HEADER + usize::from(bytes[14] & 15) * 4;
    seal(&mut bytes[HEADER..header]);
    vec![frame.clone(), later(with(frame, bytes), 30_000)]
}

/// The server's card is early.
fn skew(frame: &Owned) -> Vec<Owned> {
    let by_server = Parts::of(&frame.bytes).is_some_and(|parts| matches!(parts.ports(&frame.bytes), [20 | 21, _]));
    vec![later(frame.clone(), if by_server { -EARLY } else { 0 })]
}

/// No link layer, so no ARP.
fn raw(frame: &Owned) -> Vec<Owned> {
    let ip = is_upwards(&frame.bytes).map(|_| frame.bytes[HEADER..].to_vec());
    ip.map(|bytes| Owned { link_type: RAW, ..with(frame, bytes) }).into_iter().collect()
}

fn snap(frame: &Owned) -> Vec<Owned> {
    let bytes = frame.bytes.get(..SNAP).unwrap_or(&frame.bytes).to_vec();
    vec![Owned { bytes, ..frame.clone() }]
}

/// Begins in the midst of the first handshake, or behind it.
fn late(frames: &[Owned], captures: &[Capture]) -> Recorded {
    let is_syn_ack = |frame: &Owned| {
        Parts::of(&frame.bytes).is_some_and(|parts| frame.bytes[parts.tcp + 13] & (SYN | ACK) == SYN | ACK)
    };
    let begin = frames.iter().position(is_syn_ack).map_or(0, |place| (place + 3).min(frames.len()));
    each(&frames[begin..], captures, |frame| vec![frame.clone()])
}

/// Appended to itself.
fn twice(frames: &[Owned], captures: &[Capture]) -> Recorded {
    each(&[frames, frames].concat(), captures, |frame| vec![frame.clone()])
}

/// A control payload as two fragments of a datagram.
fn frag(frame: &Owned) -> Vec<Owned> {
    let Some(parts) = spoken(frame, 8) else { return vec![frame.clone()] };
    let body = &frame.bytes[parts.tcp..parts.end];
    let (one, other) = body.split_at((parts.payload - parts.tcp).div_ceil(8) * 8);
    let fragment = |at: usize, body: &[u8], more: u16| {
        let mut bytes = frame.bytes[..parts.tcp].to_vec();
        let len = u16::try_from(parts.tcp - HEADER + body.len()).expect("a datagram");
        bytes[16..18].copy_from_slice(&len.to_be_bytes());
        bytes[20..22].copy_from_slice(&(more | u16::try_from(at / 8).expect("near")).to_be_bytes());
        seal(&mut bytes[HEADER..parts.tcp]);
        with(frame, [&bytes, body].concat())
    };
    let second = (!other.is_empty()).then(|| fragment(one.len(), other, 0));
    std::iter::once(fragment(0, one, 0x2000)).chain(second).collect()
}

/// A control payload in segments of three bytes.
fn tiny(frame: &Owned) -> Vec<Owned> {
    let Some(parts) = spoken(frame, 4).filter(|parts| is_sound(&frame.bytes, *parts)) else {
        return vec![frame.clone()];
    };
    let payload = &frame.bytes[parts.payload..parts.end];
    let seq = u32::from_be_bytes(frame.bytes[parts.tcp + 4..parts.tcp + 8].try_into().expect("4 bytes"));
    let segment = |(place, part): (usize, &[u8])| {
        let mut bytes = [&frame.bytes[..parts.payload], part].concat();
        let len = u16::try_from(bytes.len() - HEADER).expect("a datagram");
        bytes[16..18].copy_from_slice(&len.to_be_bytes());
        let own = seq.wrapping_add(u32::try_from(3 * place).expect("a line"));
        bytes[parts.tcp + 4..parts.tcp + 8].copy_from_slice(&own.to_be_bytes());
        if 3 * (place + 1) < payload.len() {
            bytes[parts.tcp + 13] &= !FIN_OR_PUSH;
        }
        bytes[parts.tcp + 16..parts.tcp + 18].fill(0);
        seal(&mut bytes[HEADER..parts.tcp]);
        let sum = checksum(&[&pseudo(&bytes, parts.tcp)]).to_be_bytes();
        bytes[parts.tcp + 16..parts.tcp + 18].copy_from_slice(&sum);
        later(with(frame, bytes), i64::try_from(place).expect("a line") * 1_000)
    };
    payload.chunks(3).enumerate().map(segment).collect()
}

/// A file for each direction, given together.
fn split(frames: &[Owned], captures: &[Capture]) -> Recorded {
    in_files(frames, captures, 2, |_, frame| usize::from(is_upwards(&frame.bytes) == Some(false)))
}

/// Cut into three files in the middle of the session.
fn rotate(frames: &[Owned], captures: &[Capture]) -> Recorded {
    let third = frames.len().div_ceil(3).max(1);
    in_files(frames, captures, 3, |place, _| place / third)
}

fn in_files(frames: &[Owned], captures: &[Capture], files: u32, file: impl Fn(usize, &Owned) -> usize) -> Recorded {
    let mut numbers = vec![0; files as usize];
    let number = |(place, frame): (usize, &Owned)| {
        let mut frame = frame.clone();
        let file = file(place, &frame);
        numbers[file] += 1;
        frame.at.capture = CaptureId(u32::try_from(file).expect("few files"));
        frame.at.number = FrameNo(numbers[file]);
        frame
    };
    let frames = frames.iter().enumerate().map(number).collect();
    let ids = (0..files).map(CaptureId);
    let captures = ids.flat_map(|id| captures.iter().map(move |one| Capture { id, ..one.clone() })).collect();
    Recorded { frames, captures }
}

/// A segment of a control connection with so many bytes at least.
fn spoken(frame: &Owned, least: usize) -> Option<Parts> {
    let parts = Parts::of(&frame.bytes)?;
    let is_control = parts.ports(&frame.bytes).contains(&21);
    (is_control && parts.len() >= least && frame.bytes.len() == frame.wire_len as usize).then_some(parts)
}

fn is_sound(bytes: &[u8], parts: Parts) -> bool {
    checksum(&[&pseudo(&bytes[..parts.end], parts.tcp)]) == 0
}

fn pseudo(bytes: &[u8], tcp: usize) -> Vec<u8> {
    let len = u16::try_from(bytes.len() - tcp).expect("a segment").to_be_bytes();
    [&bytes[26..34], &[0, 6], &len, &bytes[tcp..]].concat()
}

/// Puts the checksum of an IPv4 header in its place.
fn seal(header: &mut [u8]) {
    header[10..12].fill(0);
    let sum = checksum(&[&*header]).to_be_bytes();
    header[10..12].copy_from_slice(&sum);
}
