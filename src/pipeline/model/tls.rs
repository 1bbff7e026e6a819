//! The TLS of one control connection: taken off where its keys are known. Where they may become known yet, what follows its
//! ClientHello waits for them, so that it is read in its order and with its frames.

use crate::decrypt::{Channel, Lookup, Master, Opened, Random, Tls, TlsSecrets, random_in};
use crate::flow::{End, Piece};
use crate::frame::{Interval, Stamp};

/// Bytes and pieces of one connection that wait: a login and some transfers.
const WAITING_BYTES: usize = 1 << 16;
const WAITING_PIECES: usize = 512;
/// How long they wait: a program writes its keys before it uses them.
const WAITING_TIME: Interval = Interval::seconds(10);

/// The keys at a moment.
#[derive(Clone, Copy)]
pub(super) struct Known<'a> {
    /// By the client random of a connection.
    pub of: &'a dyn Fn(&Random) -> Option<TlsSecrets>,
    /// Of earlier connections between the same hosts.
    pub resumable: &'a dyn Fn() -> Vec<Master>,
    /// Whether there may be more.
    pub may_grow: bool,
}

impl<'a> Known<'a> {
    fn lookup(self, resumable: &'a [Master]) -> Lookup<'a> {
        Lookup { known: self.of, resumable }
    }
}

/// What takes TLS off.
#[derive(Default)]
pub(super) struct Layer {
    channel: Channel,
    waiting: Option<Waiting>,
}

/// What has come of a connection whose keys are not known.
struct Waiting {
    random: Random,
    since: Stamp,
    pieces: Vec<Kept>,
    bytes: usize,
}

/// A piece of its own.
enum Kept {
    Bytes { from: End, bytes: Vec<u8>, at: Stamp, conflicting: bool },
    Gap { from: End, len: u64, at: Stamp },
    Closed { from: End, at: Stamp },
}

/// What takes the pieces that can be read.
pub(super) type Read<'a> = dyn FnMut(&mut Channel, Lookup<'_>, Piece<'_>) + 'a;

impl Layer {
    /// Takes a piece, and gives `read` what can be read now.
    pub(super) fn take(&mut self, piece: Piece<'_>, keys: Known<'_>, read: &mut Read<'_>) {
        if self.waiting.is_none() && self.channel.tls().is_none() {
            self.waiting =
                unknown(piece, keys).map(|(random, since)| Waiting { random, since, pieces: Vec::new(), bytes: 0 });
        }
        let Some(waiting) = &mut self.waiting else { return read(&mut self.channel, keys.lookup(&[]), piece) };
        waiting.keep(piece);
        if waiting.is_over(keys) {
            self.let_go(keys, read);
        }
    }

    /// Whether anything waits for keys.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Gives `read` what waited, if its keys are known by now.
    pub(super) fn retry(&mut self, keys: Known<'_>, read: &mut Read<'_>) {
        if self.waiting.as_ref().is_some_and(|waiting| waiting.is_over(keys)) {
            self.let_go(keys, read);
        }
    }

    /// Gives `read` all that waited.
    pub(super) fn let_go(&mut self, keys: Known<'_>, read: &mut Read<'_>) {
        let Some(waiting) = self.waiting.take() else { return };
        let resumable = (keys.resumable)();
        let resumable = if waiting.resumes(keys, &resumable) == Some(true) { resumable.as_slice() } else { &[] };
        for piece in &waiting.pieces {
            read(&mut self.channel, keys.lookup(resumable), piece.as_piece());
        }
    }

    /// Whether no TLS has begun.
    pub(super) fn is_idle(&self) -> bool {
        self.channel.tls().is_none() && self.channel.held() == 0 && !self.is_waiting()
    }

    /// What is known of it.
    pub(super) fn tls(&self) -> Option<Tls> {
        self.channel.tls()
    }

    /// The client random and the master secret of a session of TLS 1.2 that was read.
    pub(super) fn master(&self) -> Option<(Random, &Master)> {
        self.channel.random().zip(self.channel.master())
    }

    /// Bytes it takes, about.
    pub(super) fn held(&self) -> usize {
        let waiting = self.waiting.as_ref().map_or(0, |waiting| waiting.bytes + size_of_val(waiting.pieces.as_slice()));
        size_of::<Self>() + self.channel.held() + waiting
    }
}

/// The client random of a connection that begins here, if its keys may be found later.
fn unknown(piece: Piece<'_>, keys: Known<'_>) -> Option<(Random, Stamp)> {
    let Piece::Bytes { bytes, at, .. } = piece else { return None };
    let random = random_in(bytes)?;
    let may_be_found = match (keys.of)(&random) {
        Some(secrets) => keys.may_grow && !secrets.are_complete(),
        None => keys.may_grow || !(keys.resumable)().is_empty(),
    };
    may_be_found.then_some((random, at))
}

impl Waiting {
    fn keep(&mut self, piece: Piece<'_>) {
        self.bytes += if let Piece::Bytes { bytes, .. } = piece { bytes.len() } else { 0 };
        self.pieces.push(match piece {
            Piece::Bytes { from, bytes, at, conflicting } => {
                Kept::Bytes { from, bytes: bytes.to_vec(), at, conflicting }
            }
            Piece::Gap { from, len, at } => Kept::Gap { from, len, at },
            Piece::Closed { from, at } => Kept::Closed { from, at },
        });
    }

    /// Whether there is nothing more to wait for.
    fn is_over(&self, keys: Known<'_>) -> bool {
        let is_long = self.pieces.last().is_some_and(|last| last.at().since(self.since) > WAITING_TIME);
        if is_long || self.bytes > WAITING_BYTES || self.pieces.len() > WAITING_PIECES {
            return true;
        }
        match (keys.of)(&self.random) {
            Some(secrets) => !keys.may_grow || secrets.are_complete(),
            None => match self.resumes(keys, &(keys.resumable)()) {
                Some(true) => true,
                Some(false) => !keys.may_grow,
                None => false,
            },
        }
    }

    /// Whether it resumes a session whose master is known; `None` where that is not to be seen yet.
    fn resumes(&self, keys: Known<'_>, resumable: &[Master]) -> Option<bool> {
        if resumable.is_empty() || (keys.of)(&self.random).is_some() {
            return Some(false);
        }
        let mut channel = Channel::default();
        for piece in &self.pieces {
            match piece {
                Kept::Bytes { from, bytes, .. } => {
                    channel.push(from.index(), bytes, keys.lookup(resumable), &mut |_: Opened<'_>| {});
                }
                Kept::Gap { from, len, .. } => channel.gap(from.index(), *len),
                Kept::Closed { .. } => {}
            }
        }
        let tls = channel.tls()?;
        if tls.decrypted { Some(true) } else { tls.unread.map(|_| false) }
    }
}

impl Kept {
    fn at(&self) -> Stamp {
        match self {
            Self::Bytes { at, .. } | Self::Gap { at, .. } | Self::Closed { at, .. } => *at,
        }
    }

    fn as_piece(&self) -> Piece<'_> {
        match self {
            Self::Bytes { from, bytes, at, conflicting } => {
                Piece::Bytes { from: *from, bytes, at: *at, conflicting: *conflicting }
            }
            Self::Gap { from, len, at } => Piece::Gap { from: *from, len: *len, at: *at },
            Self::Closed { from, at } => Piece::Closed { from: *from, at: *at },
        }
    }
}
