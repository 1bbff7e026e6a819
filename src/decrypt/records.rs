//! Follows both directions of a connection into TLS and out of it, record by record.

use std::mem::take;
use std::ops::Range;

use super::cipher::Cipher;
use super::handshake::HANDSHAKE;
use super::handshake::{self, Messages, ServerHello};
use super::keys::Secret;
use super::schedule::{self, Material};
use super::suite::Suite;
use super::{HEADER, Master, RECORD_BYTES, Random, TlsSecrets, TlsVersion};

const CHANGE_CIPHER_SPEC: u8 = 0x14;
const ALERT: u8 = 0x15;
const APPLICATION: u8 = 0x17;
const CLOSE_NOTIFY: u8 = 0;

/// Record numbers that are tried where bytes are missing.
const NUMBERS_TRIED: u64 = 64;
/// Records of a direction that may fail to open, one after the other, before the rest is passed over: trying costs time.
const FAILURES: u32 = 64;
/// Bytes of a handshake that are kept until it is known that its keys are right.
const BEGUN_BYTES: usize = 1 << 16;
/// Bytes of a server that is not read in which its choice of version and suite is looked for.
const HELLO_BYTES: usize = 1 << 12;

/// Where the secrets of a connection are found.
#[derive(Clone, Copy)]
pub struct Lookup<'a> {
    /// By its client random.
    pub known: &'a dyn Fn(&Random) -> Option<TlsSecrets>,
    /// Those of earlier connections, which it may resume: no key log has a line for it then.
    pub resumable: &'a [Master],
}

/// What became of bytes that were pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened<'a> {
    /// This part of them is outside TLS, or within what cannot be read here.
    Clear(Range<usize>),
    /// This part of them is of records that are read here.
    Records(Range<usize>),
    /// What a record said, or records that were kept back and cannot be read.
    Text(&'a [u8]),
    /// The header of a record that is read here, and level and description where it is an alert.
    Header([u8; HEADER], Option<[u8; 2]>),
    /// A record of so many bytes that could not be opened is passed over.
    Lost(usize),
}

/// Why records are not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Nothing is known of the connection with this client random.
    NoKey(Random),
    /// What is known of it opens nothing.
    WrongKey,
    /// Its cipher suite is not understood.
    Suite(u16),
    /// It is older than TLS 1.2.
    Version,
    /// The program was built without `tls`.
    NotBuilt,
    /// Bytes are missing that were needed.
    Missing,
}

/// What is known of the TLS of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The version, once the server chose it.
    pub version: Option<TlsVersion>,
    /// The cipher suite.
    pub suite: Option<u16>,
    /// Whether any record was opened.
    pub decrypted: bool,
    /// Why not, or not to the end.
    pub unread: Option<Unread>,
}

/// One connection that may turn to TLS and back. Its ends have the numbers 0 and 1.
#[derive(Default)]
pub struct Channel {
    sides: [Side; 2],
    /// The end that sent the ClientHello.
    client: Option<usize>,
    random: Option<Random>,
    /// TLS 1.2: the keys of client and server that no record has needed yet.
    material: [Option<Material>; 2],
    /// TLS 1.2: the masters that may be resumed, with the keys that follow from each.
    candidates: Vec<(Master, [Material; 2])>,
    /// TLS 1.2: the master.
    master: Option<Master>,
    /// What a server says that is not read, until its choice is found.
    passed: Vec<u8>,
    /// The alert that the record read last is.
    alert: Option<[u8; 2]>,
    chosen: Option<(TlsVersion, Suite, bool)>,
    tls: Tls,
}

#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
struct Side {
    stage: Stage,
    /// Whether the last byte outside TLS did not end a line.
    within_line: bool,
    held: Vec<u8>,
    /// Bytes to come of a record that is not whole.
    skipped: usize,
    /// Whether it is not known where the next record begins.
    hunting: bool,
    /// Whether records may be missing.
    gap: bool,
    /// The number of the next record.
    number: u64,
    /// Records that failed to open since one did not.
    failed: u32,
    cipher: Option<Cipher>,
    /// Whether the next record tells which of the candidates is right.
    is_trying: bool,
    secret: Option<Secret>,
    /// TLS 1.3: the secret behind the handshake.
    next: Option<Secret>,
    messages: Messages,
    /// All since TLS began, until a record was opened.
    begun: Vec<u8>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    #[default]
    Clear,
    Tls,
    /// Passed on as it is.
    Opaque,
    /// Passed over.
    Lost,
}

/// What became of a record.
enum Fate {
    Read,
    /// It cannot be opened.
    Shut,
    /// Clear text follows.
    Closed,
    GivenUp(Unread),
}

impl Channel {
    /// Takes in-order bytes of one end and tells what they are.
    pub fn push(&mut self, end: usize, bytes: &[u8], keys: Lookup<'_>, out: &mut dyn FnMut(Opened<'_>)) {
        let mut at = 0;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(side) = self.sides.get_mut(end) else { return };
            match side.stage {
                Stage::Clear => {
                    let begins = side.begins_tls(rest);
                    let clear = begins.unwrap_or(rest.len());
                    if clear > 0 {
                        out(Opened::Clear(at..at + clear));
                    }
                    at += clear;
                    if begins.is_some() {
                        side.stage = Stage::Tls;
                    }
                }
                Stage::Opaque => {
                    let kept = [take(&mut side.begun), take(&mut side.held)].concat();
                    if !kept.is_empty() {
                        out(Opened::Text(&kept));
                    }
                    out(Opened::Clear(at..bytes.len()));
                    self.pass(end, &kept);
                    self.pass(end, rest);
                    return;
                }
                Stage::Lost => {
                    out(Opened::Records(at..bytes.len()));
                    return;
                }
                Stage::Tls => {
                    out(Opened::Records(at..bytes.len()));
                    at = bytes.len();
                    side.held.extend_from_slice(rest);
                    self.records(end, keys, out);
                }
            }
        }
    }

    /// Looks for the choice of a server that is not read otherwise.
    fn pass(&mut self, end: usize, bytes: &[u8]) {
        if self.tls.suite.is_some() || self.client.is_none_or(|client| client == end) {
            return;
        }
        let room = HELLO_BYTES.saturating_sub(self.passed.len());
        self.passed.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        if let Some(hello) = handshake::server_hello_in(&self.passed) {
            (self.tls.version, self.tls.suite) = (hello.version, Some(hello.suite));
            self.passed = Vec::new();
        }
    }

    /// The client random of its ClientHello.
    pub fn random(&self) -> Option<Random> {
        self.random
    }

    /// The master secret of a session of TLS 1.2 that was opened.
    pub fn master(&self) -> Option<&Master> {
        self.master.as_ref().filter(|_| self.tls.decrypted)
    }

    /// So many bytes of one end were not captured.
    pub fn gap(&mut self, end: usize, len: u64) {
        let Some(side) = self.sides.get_mut(end).filter(|side| side.stage == Stage::Tls) else { return };
        side.gap = true;
        side.messages.lost();
        let len = usize::try_from(len).unwrap_or(usize::MAX);
        let missing =
            if side.skipped > 0 { side.skipped } else { side.record_len().map_or(0, |whole| whole - side.held.len()) };
        side.held.clear();
        side.hunting |= len > missing;
        side.skipped = missing.saturating_sub(len);
    }

    /// What is known of its TLS; `None` while there is none.
    pub fn tls(&self) -> Option<Tls> {
        (self.random.is_some() || self.tls.unread.is_some()).then_some(self.tls)
    }

    /// Bytes that are kept.
    pub fn held(&self) -> usize {
        let of_side = |side: &Side| side.held.capacity() + side.begun.capacity() + side.messages.held();
        self.sides.iter().map(of_side).sum::<usize>() + self.passed.capacity()
    }

    fn records(&mut self, end: usize, keys: Lookup<'_>, out: &mut dyn FnMut(Opened<'_>)) {
        while let Some(side) = self.sides.get_mut(end) {
            if side.skipped > 0 {
                let step = side.skipped.min(side.held.len());
                side.held.drain(..step);
                side.skipped -= step;
                if side.skipped > 0 {
                    return;
                }
            }
            if side.hunting {
                side.held.drain(..next_record(&side.held));
            }
            if side.held.first_chunk::<HEADER>().is_none() {
                return;
            }
            let Some(len) = side.record_len() else {
                // Some servers say their last words past TLS; and what looked like its beginning may be none.
                let is_text = !side.gap && matches!(side.held.first(), Some(b' '..=b'~'));
                if is_text || self.random.is_none() {
                    return side.leave(0, out);
                }
                return self.give_up(end, Unread::Missing, out);
            };
            let Some(record) = side.held.get(..len).map(<[u8]>::to_vec) else { return };
            self.alert = None;
            let was_clear = side.cipher.is_none() && !side.is_trying;
            let fate = self.record(end, &record, keys, out);
            let Some(side) = self.sides.get_mut(end) else { return };
            match fate {
                Fate::GivenUp(unread) => return self.give_up(end, unread, out),
                // Nothing was opened with this key, and nothing is missing.
                Fate::Shut if !side.gap && side.number == 0 => return self.give_up(end, Unread::WrongKey, out),
                Fate::Shut if side.failed >= FAILURES => return self.give_up(end, Unread::Missing, out),
                Fate::Shut => {
                    side.failed += 1;
                    if side.hunting {
                        side.held.drain(..1);
                    } else {
                        // It was spoilt, or records before it are missing.
                        side.gap = true;
                        side.held.drain(..len);
                        out(Opened::Lost(len));
                    }
                }
                Fate::Read => {
                    side.held.drain(..len);
                    side.hunting = false;
                    // Kept until its key is known to be right, in case that it is not.
                    if was_clear && !side.gap && side.begun.len() + record.len() <= BEGUN_BYTES {
                        side.begun.extend_from_slice(&record);
                    }
                    out_header(&record, self.alert, out);
                }
                Fate::Closed => {
                    out_header(&record, self.alert, out);
                    return side.leave(len, out);
                }
            }
        }
    }

    /// What cannot be read is passed on, from its beginning; where that was read, the rest is passed over.
    fn give_up(&mut self, end: usize, unread: Unread, out: &mut dyn FnMut(Opened<'_>)) {
        self.tls.unread = Some(unread);
        for side in &mut self.sides {
            let was_read =
                side.stage == Stage::Lost || side.stage == Stage::Tls && side.begun.is_empty() && side.number > 0;
            side.stage = if was_read { Stage::Lost } else { Stage::Opaque };
            side.cipher = None;
        }
        let Some(side) = self.sides.get_mut(end) else { return };
        let kept = [take(&mut side.begun), take(&mut side.held)].concat();
        if side.stage == Stage::Opaque {
            out(Opened::Text(&kept));
        } else {
            out(Opened::Lost(kept.len()));
        }
    }

    fn record(&mut self, end: usize, record: &[u8], keys: Lookup<'_>, out: &mut dyn FnMut(Opened<'_>)) -> Fate {
        let Some((header, body)) = record.split_first_chunk::<HEADER>() else { return Fate::Shut };
        let Some(side) = self.sides.get_mut(end) else { return Fate::Shut };
        let kind = header[0];
        let version = self.chosen.map(|(version, ..)| version);
        if kind == CHANGE_CIPHER_SPEC && version != Some(TlsVersion::Tls12) {
            return Fate::Read;
        }
        if side.is_trying && !self.settle(end, *header, body) {
            return Fate::GivenUp(self.random.map_or(Unread::Missing, Unread::NoKey));
        }
        let Some(side) = self.sides.get_mut(end) else { return Fate::Shut };
        let Some(cipher) = &side.cipher else {
            return self.clear_record(end, kind, body, keys);
        };
        let numbers = side.number..=side.number + if side.gap { NUMBERS_TRIED } else { 0 };
        let opened = numbers.into_iter().find_map(|number| Some((number, cipher.open(number, *header, body)?)));
        let Some((number, mut plain)) = opened else { return Fate::Shut };
        (side.number, side.gap, side.failed) = (number + 1, false, 0);
        side.begun = Vec::new();
        self.tls.decrypted = true;
        let kind = if version == Some(TlsVersion::Tls13) { handshake::inner_kind(&mut plain) } else { Some(kind) };
        if kind == Some(ALERT) {
            self.alert = plain.as_slice().try_into().ok();
        }
        match kind {
            Some(APPLICATION) => {
                if !plain.is_empty() {
                    out(Opened::Text(&plain));
                }
                Fate::Read
            }
            Some(HANDSHAKE) if version == Some(TlsVersion::Tls13) => {
                self.messages(end, &plain);
                Fate::Read
            }
            Some(ALERT) if plain.get(1) == Some(&CLOSE_NOTIFY) => Fate::Closed,
            _ => Fate::Read,
        }
    }

    /// Finds the candidate that opens the first record that an end encrypted; whether there is one.
    fn settle(&mut self, end: usize, header: [u8; HEADER], body: &[u8]) -> bool {
        let (Some((version, suite, etm)), client) = (self.chosen, self.client) else { return false };
        let role = |end: usize| usize::from(client != Some(end));
        let cipher = |material: &[Material; 2], end| {
            material.get(role(end)).map(|material| Cipher::new(version, suite, etm, material.clone()))
        };
        let opens = |(_, material): &(Master, [Material; 2])| {
            cipher(material, end).is_some_and(|cipher| cipher.open(0, header, body).is_some())
        };
        let Some((master, material)) = take(&mut self.candidates).into_iter().find(opens) else { return false };
        for (end, side) in self.sides.iter_mut().enumerate() {
            if take(&mut side.is_trying) {
                side.cipher = cipher(&material, end);
            }
        }
        (self.master, self.material) = (Some(master), material.map(Some));
        true
    }

    /// A record before the keys.
    fn clear_record(&mut self, end: usize, kind: u8, body: &[u8], keys: Lookup<'_>) -> Fate {
        match kind {
            HANDSHAKE => {
                let Some(side) = self.sides.get_mut(end) else { return Fate::Shut };
                let mut hellos = Vec::new();
                side.messages.take(body, &mut |kind, body| {
                    if matches!(kind, handshake::CLIENT_HELLO | handshake::SERVER_HELLO) {
                        hellos.push((kind, body.to_vec()));
                    }
                });
                let mut fate = Fate::Read;
                for (kind, body) in hellos {
                    let done = if kind == handshake::CLIENT_HELLO {
                        self.client_hello(end, &body, keys)
                    } else {
                        self.server_hello(&body, keys)
                    };
                    if let Err(unread) = done {
                        fate = Fate::GivenUp(unread);
                    }
                }
                // A ClientHello comes first, and in one record.
                if self.random.is_none() && matches!(fate, Fate::Read) {
                    return Fate::GivenUp(Unread::Missing);
                }
                fate
            }
            CHANGE_CIPHER_SPEC => {
                let role = usize::from(self.client != Some(end));
                if !self.candidates.is_empty() {
                    let Some(side) = self.sides.get_mut(end) else { return Fate::Shut };
                    (side.is_trying, side.number) = (true, 0);
                    return Fate::Read;
                }
                let material = self.material.get_mut(role).and_then(Option::take);
                let (Some((version, suite, etm)), Some(material)) = (self.chosen, material) else {
                    return Fate::GivenUp(Unread::Missing);
                };
                let Some(side) = self.sides.get_mut(end) else { return Fate::Shut };
                (side.cipher, side.number) = (Some(Cipher::new(version, suite, etm, material)), 0);
                Fate::Read
            }
            ALERT => {
                self.alert = body.try_into().ok();
                if body.get(1) == Some(&CLOSE_NOTIFY) { Fate::Closed } else { Fate::Read }
            }
            _ => Fate::Read,
        }
    }

    fn client_hello(&mut self, end: usize, body: &[u8], keys: Lookup<'_>) -> Result<(), Unread> {
        let random = handshake::client_random(body).ok_or(Unread::Missing)?;
        (self.client, self.random, self.chosen) = (Some(end), Some(random), None);
        self.tls = Tls::default();
        if cfg!(not(feature = "tls")) {
            return Err(Unread::NotBuilt);
        }
        let may_be_read = (keys.known)(&random).is_some() || !keys.resumable.is_empty();
        if may_be_read { Ok(()) } else { Err(Unread::NoKey(random)) }
    }

    fn server_hello(&mut self, body: &[u8], keys: Lookup<'_>) -> Result<(), Unread> {
        // A HelloRetryRequest settles nothing.
        let Some(hello) = ServerHello::read(body) else { return Ok(()) };
        let random = self.random.ok_or(Unread::Missing)?;
        (self.tls.version, self.tls.suite) = (hello.version, Some(hello.suite));
        let version = hello.version.ok_or(Unread::Version)?;
        let suite = Suite::of(hello.suite).ok_or(Unread::Suite(hello.suite))?;
        let secrets = (keys.known)(&random);
        self.chosen = Some((version, suite, hello.encrypt_then_mac));
        let keys_of = |master: &Secret| schedule::of_master(suite, master.bytes(), [&random, &hello.random]);
        let Some(secrets) = secrets else {
            if version == TlsVersion::Tls13 || keys.resumable.is_empty() {
                return Err(Unread::NoKey(random));
            }
            let candidate = |master: &Master| (master.clone(), keys_of(&master.0));
            self.candidates = keys.resumable.iter().map(candidate).collect();
            return Ok(());
        };
        match version {
            TlsVersion::Tls12 => {
                let master = secrets.master.as_ref().ok_or(Unread::NoKey(random))?;
                (self.material, self.master) = (keys_of(master).map(Some), Some(Master(master.clone())));
            }
            TlsVersion::Tls13 => {
                let client = self.client.unwrap_or(0);
                for (role, end) in [client, 1 - client].into_iter().enumerate() {
                    let secret = secrets.handshake.get(role).and_then(Clone::clone).ok_or(Unread::NoKey(random))?;
                    let Some(side) = self.sides.get_mut(end) else { continue };
                    side.next = secrets.traffic.get(role).and_then(Clone::clone);
                    side.take_secret(suite, secret);
                }
            }
        }
        Ok(())
    }

    /// Handshake messages of TLS 1.3 that were encrypted.
    fn messages(&mut self, end: usize, plain: &[u8]) {
        let Some(((_, suite, _), side)) = self.chosen.zip(self.sides.get_mut(end)) else { return };
        let mut kinds = Vec::new();
        side.messages.take(plain, &mut |kind, _| kinds.push(kind));
        for kind in kinds {
            let next = match kind {
                handshake::FINISHED => side.next.take(),
                handshake::KEY_UPDATE => side.secret.as_ref().map(|secret| schedule::updated(suite, secret)),
                _ => None,
            };
            if let Some(next) = next {
                side.take_secret(suite, next);
            }
        }
    }
}

impl Side {
    /// Where in clear text TLS begins: at the start of a line, with a handshake, which no line of text does.
    fn begins_tls(&mut self, bytes: &[u8]) -> Option<usize> {
        let is_handshake =
            |at: usize| bytes.get(at) == Some(&HANDSHAKE) && bytes.get(at + 1).is_none_or(|major| *major == 3);
        let lines = line_starts(bytes);
        let begins = std::iter::once(0).filter(|_| !self.within_line).chain(lines).find(|at| is_handshake(*at));
        self.within_line = begins.is_none() && bytes.last() != Some(&b'\n');
        begins
    }

    /// The length of the record that is held in part, header and all; `None` where none begins.
    fn record_len(&self) -> Option<usize> {
        let [kind, major, minor, high, low] = *self.held.first_chunk::<HEADER>()?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        is_header(kind, major, minor, len).then_some(HEADER + len)
    }

    /// TLS ends so many bytes into what is held, and clear text follows.
    fn leave(&mut self, len: usize, out: &mut dyn FnMut(Opened<'_>)) {
        let rest = self.held.split_off(len.min(self.held.len()));
        *self = Self::default();
        if !rest.is_empty() {
            self.within_line = rest.last() != Some(&b'\n');
            out(Opened::Text(&rest));
        }
    }

    fn take_secret(&mut self, suite: Suite, secret: Secret) {
        let material = schedule::of_traffic_secret(suite, &secret);
        self.cipher = Some(Cipher::new(TlsVersion::Tls13, suite, false, material));
        (self.secret, self.number) = (Some(secret), 0);
    }
}

fn out_header(record: &[u8], alert: Option<[u8; 2]>, out: &mut dyn FnMut(Opened<'_>)) {
    if let Some(header) = record.first_chunk() {
        out(Opened::Header(*header, alert));
    }
}

/// The places behind line ends.
fn line_starts(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1)
}

fn is_header(kind: u8, major: u8, minor: u8, len: usize) -> bool {
    (CHANGE_CIPHER_SPEC..=0x18).contains(&kind) && major == 3 && minor <= 4 && len <= RECORD_BYTES
}

/// How many bytes come before what looks like the head of an encrypted record.
fn next_record(bytes: &[u8]) -> usize {
    let looks = |window: &[u8]| match window {
        [kind, major, minor, high, low] => {
            is_header(*kind, *major, *minor, usize::from(u16::from_be_bytes([*high, *low])))
        }
        _ => false,
    };
    bytes.windows(HEADER).position(looks).unwrap_or(bytes.len().saturating_sub(HEADER - 1))
}
