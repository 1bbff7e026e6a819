//! Spoils captures as damaged files, broken networks, odd programs and attackers do: at random, and the same again for
//! the same seed.

use std::ops::Range;

use ftpwhy::frame::{InterfaceId, Timestamp};
use ftpwhy::source::Capture;
use ftpwhy::source::write::Writer;

use super::frames::{Owned, renumber};
use super::packet::checksum;

/// A generator of random numbers (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Small seeds are alike at first.
        for _ in 0..8 {
            dice.roll(2);
        }
        dice
    }

    /// A number below `bound`, which counts as 1 at least.
    pub fn roll(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits") % bound.max(1)
    }

    fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.roll(all.len())]
    }

    fn byte(&mut self) -> u8 {
        u8::try_from(self.roll(256)).expect("a byte")
    }
}

/// Does one to four things to the frames of a capture; what they were.
fn spoil(frames: &mut Vec<Owned>, dice: &mut Dice) -> Vec<&'static str> {
    let done = (0..=dice.roll(4)).map(|_| {
        let (name, change) = dice.of(&CHANGES);
        if !frames.is_empty() {
            change(frames, dice);
        }
        *name
    });
    let done = done.collect();
    renumber(frames);
    done
}

/// The frames as a pcapng file.
pub fn pcapng(frames: &[Owned], captures: &[Capture]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &[]).expect("memory can be written");
    let interfaces = captures.iter().flat_map(|capture| &capture.interfaces);
    let interfaces: Vec<_> = interfaces.filter_map(|interface| writer.interface(interface).ok()).collect();
    for frame in frames {
        if let Some(interface) = interfaces.get(frame.interface.0 as usize) {
            writer.frame(*interface, &frame.frame(), &[]).expect("memory can be written");
        }
    }
    writer.finish().expect("memory can be written")
}

/// Changes bytes of a file, or cuts off its end.
fn spoil_file(file: &mut Vec<u8>, dice: &mut Dice) {
    for _ in 0..=dice.roll(6) {
        garble(file, dice);
    }
    if dice.roll(2) == 0 {
        file.truncate(dice.roll(file.len()));
    }
}

/// A capture with its frames and, now and then, its file spoilt; what was done.
pub fn spoilt(frames: &[Owned], captures: &[Capture], dice: &mut Dice) -> (Vec<u8>, Vec<&'static str>) {
    let mut frames = frames.to_vec();
    let mut done = spoil(&mut frames, dice);
    let mut file = pcapng(&frames, captures);
    if dice.roll(8) == 0 {
        spoil_file(&mut file, dice);
        done.push("file");
    }
    (file, done)
}

type Change = fn(&mut Vec<Owned>, &mut Dice);

const CHANGES: [(&str, Change); 19] = [
    ("bytes", |frames, dice| repaired(frames, dice, |bytes, _, dice| garble(bytes, dice))),
    ("header", |frames, dice| repaired(frames, dice, |bytes, at, dice| garble_in(bytes, 0..at.payload, dice))),
    ("payload", |frames, dice| {
        repaired(frames, dice, |bytes, at, dice| garble_in(bytes, at.payload..usize::MAX, dice));
    }),
    ("tcp", |frames, dice| repaired(frames, dice, |bytes, at, dice| garble_in(bytes, at.tcp..at.payload, dice))),
    ("number", |frames, dice| repaired(frames, dice, |bytes, at, dice| shift_number(bytes, at.tcp, dice))),
    ("word", |frames, dice| spoken(frames, dice, replace_word)),
    ("character", |frames, dice| spoken(frames, dice, |text, dice| replace_character(text, dice))),
    ("length", |frames, dice| resized(frames, dice)),
    ("checksum", |frames, dice| any(frames, dice, |frame, dice| garble(&mut frame.bytes, dice))),
    ("cut", |frames, dice| any(frames, dice, |frame, dice| frame.bytes.truncate(dice.roll(100)))),
    ("snap length", |frames, dice| {
        let most = *dice.of(&[40, 54, 60, 68, 80, 96, 128]);
        for frame in frames {
            frame.bytes.truncate(most);
        }
    }),
    ("drop", |frames, dice| drop(frames.drain(some(frames.len(), 5, dice)))),
    ("middle", |frames, dice| {
        let (first, most) = (dice.roll(frames.len() / 2), frames.len());
        drop(frames.drain(..first));
        frames.truncate(most / 2 + dice.roll(most / 2));
    }),
    ("double", |frames, dice| {
        let copies = frames[some(frames.len(), 4, dice)].to_vec();
        let at = dice.roll(frames.len());
        drop(frames.splice(at..at, copies));
    }),
    ("swap", |frames, dice| {
        let (one, other) = (dice.roll(frames.len()), dice.roll(frames.len()));
        exchange(frames, one, other);
    }),
    ("neighbours", |frames, dice| {
        let (one, last) = (dice.roll(frames.len()), frames.len() - 1);
        exchange(frames, one, (one + 1).min(last));
    }),
    ("time", |frames, dice| {
        let by = interval(dice);
        any(frames, dice, |frame, _| frame.at.time = moved(frame.at.time, by));
    }),
    ("clock", |frames, dice| {
        let (first, by) = (dice.roll(frames.len()), interval(dice));
        frames.iter_mut().skip(first).for_each(|frame| frame.at.time = moved(frame.at.time, by));
    }),
    ("again", |frames, dice| {
        // The same sockets once more, a while later.
        let (last, by) = (frames[frames.len() - 1].at.time, interval(dice).abs());
        let (first, mut more) = (frames[0].at.time, frames.clone());
        for frame in &mut more {
            frame.at.time = moved(frame.at.time, last.0 - first.0 + by);
        }
        frames.extend(more);
    }),
];

/// Where the parts of a segment begin.
#[derive(Clone, Copy)]
struct Places {
    ip: usize,
    tcp: usize,
    payload: usize,
}

impl Places {
    /// Of a segment in IPv4 or IPv6 without extension headers.
    fn of(frame: &Owned) -> Option<Self> {
        let bytes = &frame.bytes;
        let mut ip = match frame.link_type.0 {
            1 => 14,
            113 => 16,
            276 => 20,
            0 | 108 => 4,
            _ => 0,
        };
        if frame.link_type.0 == 1 && bytes.get(12..14)? == [0x81, 0] {
            ip += 4;
        }
        let (tcp, protocol) = match bytes.get(ip)? >> 4 {
            4 => (ip + usize::from(bytes[ip] & 15) * 4, *bytes.get(ip + 9)?),
            6 => (ip + 40, *bytes.get(ip + 6)?),
            _ => return None,
        };
        let payload = tcp + usize::from(bytes.get(tcp + 12)? >> 4) * 4;
        (protocol == 6 && payload <= bytes.len()).then_some(Self { ip, tcp, payload })
    }

    /// Whether one of the ports is a usual control port.
    fn is_control(self, bytes: &[u8]) -> bool {
        [0, 2].iter().any(|at| matches!(bytes[self.tcp + at..self.tcp + at + 2], [0, 21] | [8, 0x49] | [3, 0xde]))
    }
}

/// A frame at random.
fn any(frames: &mut [Owned], dice: &mut Dice, change: impl FnOnce(&mut Owned, &mut Dice)) {
    let at = dice.roll(frames.len());
    change(&mut frames[at], dice);
}

/// A segment at random, whose checksums are right afterwards, mostly.
fn repaired(frames: &mut [Owned], dice: &mut Dice, change: impl FnOnce(&mut Vec<u8>, Places, &mut Dice)) {
    any(frames, dice, |frame, dice| {
        let Some(places) = Places::of(frame) else { return garble(&mut frame.bytes, dice) };
        change(&mut frame.bytes, places, dice);
        if dice.roll(4) > 0 {
            repair(frame);
        }
    });
}

/// The text of a segment of a control connection at random.
fn spoken(frames: &mut [Owned], dice: &mut Dice, change: impl FnOnce(&mut Vec<u8>, &mut Dice)) {
    let speaks = |frame: &Owned| {
        Places::of(frame).is_some_and(|at| at.payload < frame.bytes.len() && at.is_control(&frame.bytes))
    };
    let all: Vec<usize> = (0..frames.len()).filter(|at| speaks(&frames[*at])).collect();
    let Some(at) = all.get(dice.roll(all.len())) else { return };
    let frame = &mut frames[*at];
    let Some(places) = Places::of(frame) else { return };
    let mut text = frame.bytes.split_off(places.payload);
    let before = text.len();
    change(&mut text, dice);
    frame.bytes.append(&mut text);
    lengthen(frame, places, before);
    if dice.roll(8) > 0 {
        repair(frame);
    }
}

/// Corrects the lengths that the frame says of itself, whose payload was `before` bytes long.
fn lengthen(frame: &mut Owned, places: Places, before: usize) {
    let after = frame.bytes.len() - places.payload;
    let at = places.ip + if frame.bytes[places.ip] >> 4 == 4 { 2 } else { 4 };
    let said = u16::from_be_bytes([frame.bytes[at], frame.bytes[at + 1]]);
    let changed = u16::try_from((usize::from(said) + after).saturating_sub(before)).unwrap_or(u16::MAX);
    frame.bytes[at..at + 2].copy_from_slice(&changed.to_be_bytes());
    let wire = (frame.wire_len as usize + after).saturating_sub(before).max(frame.bytes.len());
    frame.wire_len = u32::try_from(wire).expect("a frame");
}

/// Words and signs as they stand in dialogues, and as they do not.
const WORDS: [&str; 44] = [
    "USER",
    "PASS",
    "PORT",
    "EPRT",
    "PASV",
    "EPSV",
    "LIST",
    "RETR",
    "STOR",
    "ABOR",
    "QUIT",
    "AUTH TLS",
    "PROT P",
    "CWD",
    "SITE",
    "LPRT",
    "REST 0",
    "TYPE I",
    "NOOP",
    "ACCT",
    "HELP",
    "227",
    "229",
    "228",
    "220",
    "150",
    "226",
    "425",
    "426",
    "421",
    "550",
    "500",
    "200",
    "230",
    "10,0,0,1",
    "192.168.1.1",
    "::1",
    "|||5000|",
    "(1,2,3,4,5,6)",
    " ",
    "\r\n",
    "\n",
    "\u{ff}\u{f4}",
    "0",
];

fn replace_word(text: &mut Vec<u8>, dice: &mut Dice) {
    let word = dice.of(&WORDS).chars().map(|c| u8::try_from(u32::from(c)).expect("Latin")).collect::<Vec<_>>();
    let at = if dice.roll(2) == 0 { 0 } else { dice.roll(text.len()) };
    let replaced = *dice.of(&[0, word.len(), 3, 4]);
    drop(text.splice(at..(at + replaced).min(text.len()), word));
}

fn replace_character(text: &mut [u8], dice: &mut Dice) {
    let at = dice.roll(text.len());
    text[at] = *dice.of(b"\0\r\n\t \"(),.-/|0123456789AZaz\x1b\x80\xff\x16\x17");
}

/// One segment gets longer or shorter.
fn resized(frames: &mut [Owned], dice: &mut Dice) {
    spoken(frames, dice, |text, dice| {
        let at = dice.roll(text.len());
        if dice.roll(2) == 0 {
            drop(text.drain(at..(at + 1 + dice.roll(8)).min(text.len())));
        } else {
            let more: Vec<u8> = (0..=dice.roll(8)).map(|_| b' ' + dice.byte() % 95).collect();
            drop(text.splice(at..at, more));
        }
    });
}

/// Moves the sequence number or the acknowledgement.
fn shift_number(bytes: &mut [u8], tcp: usize, dice: &mut Dice) {
    let Some(field) = bytes.get_mut(tcp + 4 + 4 * dice.roll(2)..).and_then(<[u8]>::first_chunk_mut::<4>) else {
        return;
    };
    let by = *dice.of(&[1, u32::MAX, 2, 10, 1460, 65_537, 700_000_000]);
    *field = u32::from_be_bytes(*field).wrapping_add(by).to_be_bytes();
}

fn garble(bytes: &mut [u8], dice: &mut Dice) {
    let all = 0..bytes.len();
    garble_in(bytes, all, dice);
}

/// Changes a byte somewhere.
fn garble_in(bytes: &mut [u8], range: Range<usize>, dice: &mut Dice) {
    let end = range.end.min(bytes.len());
    if range.start >= end {
        return;
    }
    let byte = &mut bytes[range.start + dice.roll(end - range.start)];
    *byte = match dice.roll(4) {
        0 => 0xff,
        1 => 0,
        2 => *byte ^ 1 << dice.roll(8),
        _ => dice.byte(),
    };
}

/// Up to `most` neighbours.
fn some(len: usize, most: usize, dice: &mut Dice) -> Range<usize> {
    let first = dice.roll(len);
    first..(first + 1 + dice.roll(most)).min(len)
}

/// Two frames change places; the times stay.
fn exchange(frames: &mut [Owned], one: usize, other: usize) {
    frames.swap(one, other);
    let time = frames[one].at.time;
    frames[one].at.time = std::mem::replace(&mut frames[other].at.time, time);
}

/// How far clocks are set, in nanoseconds.
fn interval(dice: &mut Dice) -> i64 {
    let by = *dice.of(&[1_000, 1_000_000, 40_000_000, 2_000_000_000, 60_000_000_000, 3_600_000_000_000]);
    if dice.roll(2) == 0 { by } else { -by }
}

fn moved(time: Timestamp, by: i64) -> Timestamp {
    Timestamp(time.0.saturating_add(by).max(0))
}

/// Makes the checksums of a segment right.
fn repair(frame: &mut Owned) {
    let Some(Places { ip, tcp, .. }) = Places::of(frame) else { return };
    let bytes = &mut frame.bytes;
    let is_v4 = bytes[ip] >> 4 == 4;
    let addresses = if is_v4 { ip + 12..ip + 20 } else { ip + 8..ip + 40 };
    let said = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let end = if is_v4 { ip + said(ip + 2) } else { ip + 40 + said(ip + 4) };
    if is_v4 && tcp <= bytes.len() {
        bytes[ip + 10..ip + 12].fill(0);
        let sum = checksum(&[&bytes[ip..tcp]]);
        bytes[ip + 10..ip + 12].copy_from_slice(&sum.to_be_bytes());
    }
    if end <= bytes.len() && tcp + 20 <= end {
        bytes[tcp + 16..tcp + 18].fill(0);
        let len = u16::try_from(end - tcp).unwrap_or(u16::MAX).to_be_bytes();
        let sum = checksum(&[&bytes[addresses], &[0, 6], &len, &bytes[tcp..end]]);
        bytes[tcp + 16..tcp + 18].copy_from_slice(&sum.to_be_bytes());
    }
}
