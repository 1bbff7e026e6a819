//! What a thinned file tells beside its packets: by whom it was thinned, of which captures, and of each packet the number
//! that it has there and how much of it is removed.
//!
//! A thinned file is a pcapng file. What is said here stands in option and block codes that the pcapng draft leaves to local
//! use, which other readers pass over. They see packets that are cut; this one puts zeros in the place of what is removed,
//! so that removed bytes are not taken for bytes that the capture lacks.

use std::path::PathBuf;

use super::Damage;
use super::record::{Endian, MAX_PACKET, Record, fields};
use crate::frame::FrameNo;

/// In a section: the program that thinned the capture, as text. Only a section with this option is one of a thinned file.
const BY: u16 = 0xf701;
/// In a section, once for each capture: the path of the capture as it was named, or nothing.
const SOURCE: u16 = 0xf702;
/// In an interface, 4 bytes: the capture that it is an interface of, from 0. The first one where this is missing.
pub(super) const OF_SOURCE: u16 = 0xf703;
/// In a packet, 8 bytes: its number in its capture, where that is not the one behind the packet before.
const NUMBER: u16 = 0xf704;
/// In a packet, 4 bytes: how much of it was captured, where that is not all that was on the wire.
const CAPTURED: u16 = 0xf705;
/// In a packet, empty: its capture has no time for it.
const UNTIMED: u16 = 0xf707;
/// In a block of the type [`ENDS`]: where the capture is damaged (8 bytes), whether reading failed (1 byte), what is wrong.
pub(super) const DAMAGE: u16 = 0xf706;
/// Behind the last packet: how a capture ended. The number of the capture in 4 bytes, then options.
pub(super) const ENDS: u32 = 0x8000_f701;

/// Behind the options of a block: its length again.
const LENGTH: usize = 4;

/// Captures in one thinned file; each of them costs a reading of it.
const MAX_SOURCES: usize = 1024;

/// What a file says of itself that was thinned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thinned {
    /// The program that thinned it.
    pub by: String,
    /// The captures it was made from, as they were named; nothing for those that must not be named.
    pub sources: Vec<Option<PathBuf>>,
    /// The thinned file itself.
    pub file: PathBuf,
    /// Which of the captures is read, from 0.
    pub part: u32,
}

impl Thinned {
    /// What the options of a section say, if they are those of a thinned file.
    pub(super) fn of_section<'a>(options: impl Iterator<Item = (u16, &'a [u8])>) -> Option<Self> {
        let (mut by, mut sources) = (None, Vec::new());
        for (code, value) in options {
            let text = || String::from_utf8_lossy(value).into_owned();
            match code {
                BY => by = Some(text()),
                SOURCE if sources.len() < MAX_SOURCES => {
                    sources.push(Some(text()).filter(|path| !path.is_empty()).map(PathBuf::from));
                }
                _ => {}
            }
        }
        by.map(|by| Self { by, sources, file: PathBuf::new(), part: 0 })
    }

    /// The options of the section of a file that is being written.
    pub fn options(&self) -> Vec<(u16, Vec<u8>)> {
        let by = (BY, self.by.clone().into_bytes());
        let path = |source: &Option<PathBuf>| source.as_ref().map(|path| path.to_string_lossy().into_owned());
        let sources = self.sources.iter().map(|source| (SOURCE, path(source).unwrap_or_default().into_bytes()));
        std::iter::once(by).chain(sources).collect()
    }
}

/// The options of an interface of this capture among those of a thinned file.
pub fn of_source(source: u32) -> Option<(u16, Vec<u8>)> {
    (source > 0).then(|| (OF_SOURCE, source.to_le_bytes().to_vec()))
}

/// The option of a packet that does not come behind the one of the number before.
pub fn numbered(number: u64) -> (u16, Vec<u8>) {
    (NUMBER, number.to_le_bytes().to_vec())
}

/// The option of a packet of which not all was captured.
pub fn captured(bytes: u32) -> (u16, Vec<u8>) {
    (CAPTURED, bytes.to_le_bytes().to_vec())
}

/// The option of a packet without a time of its own.
pub fn untimed() -> (u16, Vec<u8>) {
    (UNTIMED, Vec::new())
}

/// Whether an option says something of a thinned packet.
pub(super) fn is_of_packet(code: u16) -> bool {
    matches!(code, NUMBER | CAPTURED | UNTIMED)
}

/// A damage as [`DAMAGE`] tells it.
pub(super) fn damage_to_bytes(damage: &Damage) -> Vec<u8> {
    [&damage.offset.to_le_bytes()[..], &[u8::from(damage.failed)], damage.what.as_bytes()].concat()
}

/// The same read again.
fn damage_of_bytes(bytes: &[u8], endian: Endian) -> Option<Damage> {
    let (offset, [failed, what @ ..]) = (endian.u64(bytes, 0)?, bytes.get(8..)?) else { return None };
    let damage = Damage::new(offset, String::from_utf8_lossy(what));
    Some(Damage { failed: *failed != 0, ..damage })
}

/// Reads what a thinned file says of one of its captures.
pub(super) struct Thin {
    source: u32,
    numbers: FrameNumbers,
    /// The place of each interface of the file among those of the capture; nothing for those of another one.
    interfaces: Vec<Option<usize>>,
}

impl Thin {
    pub(super) fn new(source: u32) -> Self {
        Self { source, numbers: FrameNumbers::default(), interfaces: Vec::new() }
    }

    /// Interfaces of the file so far.
    pub(super) fn interfaces(&self) -> usize {
        self.interfaces.len()
    }

    /// Takes the next interface of the file, which is one of `source`; whether that is this capture, so that it stands at
    /// `place` there.
    pub(super) fn describes(&mut self, source: u32, place: usize) -> bool {
        let is_own = source == self.source;
        self.interfaces.push(is_own.then_some(place));
        is_own
    }

    /// Where an interface of the file stands among those of the capture; nothing if it is one of another capture, nowhere if
    /// it is none.
    pub(super) fn place(&self, id: u32) -> Option<usize> {
        self.interfaces.get(id as usize).copied().unwrap_or(Some(usize::MAX))
    }

    /// A packet with what its options tell, up to the end of its block: its number, and how much of what was captured is removed.
    pub(super) fn packet(&mut self, mut record: Record, options: &[u8], endian: Endian) -> Record {
        let (mut number, mut captured) = (None, None);
        let end = options.len().saturating_sub(LENGTH);
        for (code, value) in fields(options.get(..end).unwrap_or_default(), endian) {
            match code {
                NUMBER => number = endian.u64(value, 0),
                CAPTURED => captured = endian.u32(value, 0),
                UNTIMED => record.timed = false,
                _ => {}
            }
        }
        let captured = captured.unwrap_or(record.wire_len).min(MAX_PACKET);
        record.number = FrameNo(self.numbers.read(number));
        record.removed = (captured as usize).saturating_sub(record.bytes.len());
        record
    }

    /// Where the capture was damaged, if the body of this block says that of it.
    pub(super) fn damage(&self, body: &[u8], endian: Endian) -> Option<Damage> {
        let options = body.get(4..).filter(|_| endian.u32(body, 0) == Some(self.source))?;
        let told = fields(options, endian).find(|(code, _)| *code == DAMAGE);
        told.and_then(|(_, value)| damage_of_bytes(value, endian))
    }
}

/// Follows the numbers of packets of one capture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameNumbers(u64);

impl FrameNumbers {
    /// The number of a packet that may tell it.
    fn read(&mut self, told: Option<u64>) -> u64 {
        self.0 = told.unwrap_or(self.0.saturating_add(1));
        self.0
    }

    /// Whether a packet of this number has to tell it.
    pub fn tells(&mut self, number: u64) -> bool {
        let follows = self.0.checked_add(1) == Some(number);
        self.0 = number;
        !follows
    }
}
