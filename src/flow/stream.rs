//! Turns the segments of one direction of a control connection into bytes in order, each with the frame it came from.
//!
//! Counts in 64-bit offsets from the first byte, so that nothing behind it has to think of the wrap. Knows which bytes
//! are at hand, missing or acknowledged; when they may be handed out is for [`super::conversation`] to say.

use std::collections::VecDeque;

use super::End;
use crate::frame::{Stamp, Timestamp};
use crate::wire::{Checksum, Flags, Segment, Seq};

/// Bytes that wait for earlier ones: the largest window without scaling, twice over.
pub const PENDING_BYTES: usize = 128 * 1024;
/// Pieces that wait for earlier ones.
pub const PENDING_CHUNKS: usize = 256;
/// Bytes handed out that later copies are compared with: a few windows of a dialogue.
pub const HISTORY_BYTES: usize = 4096;
/// Conflicts kept of a connection.
pub const CONFLICTS_KEPT: usize = 16;
/// A control connection never has this much on its way: what claims to lie further ahead is not of this stream.
const FARTHEST: u64 = 1 << 20;
/// Stretches cut off by the snap length that are remembered until they are reached.
const CUT_KEPT: usize = 64;

/// Copies of the same bytes that differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OverlapConflict {
    /// Who sent them.
    pub from: End,
    /// The first sequence number that both copies hold.
    pub seq: Seq,
    /// The frame of the first copy.
    pub first: Stamp,
    /// The frame of the second copy.
    pub second: Stamp,
    /// The one of both that was handed out.
    pub winner: Stamp,
}

/// One direction.
#[derive(Debug, Default)]
pub(super) struct Stream {
    /// The sequence number at offset 0; unknown until a segment of this direction is seen.
    base: Option<Seq>,
    /// The first offset not handed out.
    pub next: u64,
    /// The first offset that the peer has not acknowledged, and the frame of that acknowledgement.
    pub acked: u64,
    pub acked_at: Option<Stamp>,
    /// What is at hand behind `next`, in order of offset; without overlap. Nearly always it is one chunk, which stays for a
    /// moment.
    pending: VecDeque<(u64, Chunk)>,
    pending_bytes: usize,
    /// Offsets that the snap length cut off.
    cut: Vec<Cut>,
    /// Where it ends, and the frame that says so.
    pub end: Option<Ending>,
    pub closed: bool,
    history: VecDeque<Delivered>,
    history_bytes: usize,
    /// When it was noticed that acknowledged bytes are missing at `next`, and how many segments had been seen.
    pub missing_since: Option<(Timestamp, u64)>,
}

/// Bytes at hand.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    pub bytes: Vec<u8>,
    pub at: Stamp,
    /// The peer's offset up to which their sender had the peer's bytes.
    pub after: u64,
    pub checksum: Checksum,
    /// Whether copies of them differ.
    pub conflicting: bool,
    /// Whether they came when they were due, rather than ahead of time.
    in_order: bool,
}

/// A stretch whose bytes the snap length cut off.
#[derive(Clone, Copy, Debug)]
struct Cut {
    start: u64,
    end: u64,
    at: Stamp,
}

/// The end of a direction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub offset: u64,
    pub at: Stamp,
    /// As for [`Chunk::after`].
    pub after: u64,
    /// By RST: nothing that is missing will still come.
    pub abrupt: bool,
}

/// What has been handed out, for comparison.
#[derive(Debug)]
pub(super) struct Delivered {
    start: u64,
    pub bytes: Vec<u8>,
    pub at: Stamp,
    /// Whether copies of them differ.
    pub conflicting: bool,
}

/// What lies at `next`.
pub(super) enum Head<'a> {
    Chunk(&'a Chunk),
    /// Missing up to this offset.
    Hole {
        until: u64,
        at: Stamp,
        why: Missing,
    },
    End(Ending),
    /// Nothing yet.
    Nothing,
}

/// Why bytes are missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Captured without them: they will not come.
    Cut,
    /// The peer has them.
    Acknowledged,
    /// Later ones have come, nobody has acknowledged them.
    Overtaken,
    /// Later ones have come, and more must not be kept back.
    TooMuchBehind,
}

impl Stream {
    /// Whether anything of this direction was seen.
    pub fn is_known(&self) -> bool {
        self.base.is_some()
    }

    /// The sequence number at offset 0.
    pub fn base(&self) -> Option<Seq> {
        self.base
    }

    /// The sequence number of an offset.
    fn seq(&self, offset: u64) -> Seq {
        #[expect(clippy::cast_possible_truncation, reason = "sequence numbers are offsets modulo 2^32")]
        self.base.unwrap_or(Seq(0)).plus(offset as u32)
    }

    /// The offset of a sequence number near `next`; `None` before the first byte, or too far ahead.
    fn offset(&self, seq: Seq) -> Option<u64> {
        self.base?;
        let offset = self.next.checked_add_signed(i64::from(seq.distance_from(self.seq(self.next))))?;
        (offset <= self.highest().max(self.acked) + FARTHEST).then_some(offset)
    }

    /// The offset that is due next: behind what has been handed out and what is at hand without a hole.
    fn due(&self) -> u64 {
        self.pending.iter().fold(self.next, |due, (start, chunk)| if *start <= due { start + chunk.len() } else { due })
    }

    /// Behind the last byte known.
    fn highest(&self) -> u64 {
        self.pending.back().map_or(self.next, |(start, chunk)| start + chunk.len())
    }

    /// Bytes that are kept back or remembered, about.
    pub fn held(&self) -> usize {
        let pieces = self.pending.len() * size_of::<(u64, Chunk)>() + self.history.len() * size_of::<Delivered>();
        self.pending_bytes + self.history_bytes + pieces + self.cut.len() * size_of::<Cut>()
    }

    /// Whether more is kept back than is good.
    pub fn is_overfull(&self) -> bool {
        self.pending_bytes > PENDING_BYTES || self.pending.len() > PENDING_CHUNKS
    }

    /// Takes the peer's acknowledgement; returns the offset it acknowledges up to.
    pub fn acknowledged(&mut self, ack: Seq, at: Stamp) -> u64 {
        let offset = self.offset(ack).unwrap_or(0);
        if offset > self.acked {
            self.acked = offset;
            self.acked_at = Some(at);
        }
        offset
    }

    /// Takes a segment. `after` is what it acknowledges of the peer.
    pub fn take(
        &mut self,
        from: End,
        at: Stamp,
        tcp: &Segment<'_>,
        after: u64,
        checksum: Checksum,
        conflicts: &mut Vec<OverlapConflict>,
    ) {
        let first = tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN)));
        if tcp.flags.has(Flags::RST) {
            self.take_rst(at, first, after);
            return;
        }
        let untouched = self.next == 0 && self.pending.is_empty();
        if tcp.flags.has(Flags::SYN) && untouched && self.base != Some(first) {
            // What came before was a stale answer with the numbers of another incarnation.
            (self.base, self.acked) = (Some(first), 0);
        }
        self.base.get_or_insert(first);
        let Some(start) = self.offset(first).or_else(|| self.offset(first.plus(tcp.payload_len)).map(|_| 0)) else {
            return;
        };
        // A segment that begins before the first byte known.
        let before = self.seq(start).distance_from(first);
        let Ok(skip) = usize::try_from(before) else { return };
        let bytes = tcp.payload.get(skip..).unwrap_or_default();
        let end = start + u64::from(tcp.payload_len).saturating_sub(skip as u64);
        let at_hand = start + bytes.len() as u64;
        // A keep-alive may bear one byte of garbage (RFC 9293 3.8.4).
        let keep_alive = tcp.payload_len == 1 && end == self.next && self.acked >= end;
        if !bytes.is_empty() && !keep_alive {
            let chunk =
                Chunk { bytes: bytes.to_vec(), at, after, checksum, conflicting: false, in_order: start <= self.due() };
            self.insert(from, start, chunk, conflicts);
        }
        if at_hand < end && end > self.next && self.cut.len() < CUT_KEPT {
            self.cut.push(Cut { start: at_hand, end, at });
        }
        if tcp.flags.has(Flags::FIN) && self.end.is_none() {
            self.end = Some(Ending { offset: end, at, after, abrupt: false });
        }
    }

    /// An RST ends the stream if it lies where the stream is (RFC 5961 3.2 leaves its receiver little choice).
    fn take_rst(&mut self, at: Stamp, seq: Seq, after: u64) {
        let highest = self.highest();
        let here = self
            .offset(seq)
            .is_some_and(|offset| offset >= self.next.min(self.acked) && offset <= highest.max(self.acked));
        if here && self.end.is_none_or(|end| end.offset >= highest) {
            self.end = Some(Ending { offset: highest, at, after, abrupt: true });
        }
    }

    /// Sorts bytes in among those at hand.
    fn insert(&mut self, from: End, start: u64, chunk: Chunk, conflicts: &mut Vec<OverlapConflict>) {
        if start >= self.highest() {
            self.pending_bytes += chunk.bytes.len();
            return self.pending.push_back((start, chunk));
        }
        let chunk = &chunk;
        conflicts.extend(self.conflict_with_history(from, start, chunk));
        let end = start + chunk.len();
        let mut cursor = start.max(self.next);
        for old_start in self.overlapping(cursor, end) {
            let Some(old) = self.remove(old_start) else { continue };
            let old_end = old_start + old.len();
            self.put(cursor, old_start, start, chunk);
            let (common, common_end) = (cursor.max(old_start), end.min(old_end));
            cursor = common_end;
            let same = chunk.range(start, common, common_end) == old.range(old_start, common, common_end);
            if same {
                // Said twice, once with a good checksum: good.
                let better = old.checksum == Checksum::Bad && common == old_start && common_end == old_end;
                let checksum = if better { chunk.checksum } else { old.checksum };
                self.put(old_start, old_end, old_start, &Chunk { checksum, ..old });
                continue;
            }
            let wins = chunk.wins_over(&old);
            conflicts.push(OverlapConflict {
                from,
                seq: self.seq(common),
                first: old.at,
                second: chunk.at,
                winner: if wins { chunk.at } else { old.at },
            });
            self.put(old_start, common, old_start, &old);
            let (winner, winner_start) = if wins { (chunk, start) } else { (&old, old_start) };
            self.put(common, common_end, winner_start, &Chunk { conflicting: true, ..winner.clone() });
            self.put(common_end, old_end, old_start, &old);
        }
        self.put(cursor, end, start, chunk);
    }

    /// Offsets of the chunks at hand that overlap `start..end`.
    fn overlapping(&self, start: u64, end: u64) -> Vec<u64> {
        if start >= end {
            return Vec::new();
        }
        let place = self.pending.partition_point(|(at, chunk)| at + chunk.len() <= start);
        self.pending.iter().skip(place).map(|(at, _)| *at).take_while(|at| *at < end).collect()
    }

    fn remove(&mut self, start: u64) -> Option<Chunk> {
        let place = self.pending.binary_search_by_key(&start, |(at, _)| *at).ok()?;
        let (_, chunk) = self.pending.remove(place)?;
        self.pending_bytes -= chunk.bytes.len();
        Some(chunk)
    }

    /// Keeps `start..end` of a chunk that begins at `chunk_start`.
    fn put(&mut self, start: u64, end: u64, chunk_start: u64, chunk: &Chunk) {
        let bytes = chunk.range(chunk_start, start, end).to_vec();
        if !bytes.is_empty() {
            self.pending_bytes += bytes.len();
            let place = self.pending.partition_point(|(at, _)| *at < start);
            self.pending.insert(place, (start, chunk.of(bytes)));
        }
    }

    fn conflict_with_history(&self, from: End, start: u64, chunk: &Chunk) -> Option<OverlapConflict> {
        if start >= self.next {
            return None;
        }
        let end = start + chunk.len();
        self.history.iter().find_map(|delivered| {
            let delivered_end = delivered.start + delivered.bytes.len() as u64;
            let (common, common_end) = (start.max(delivered.start), end.min(delivered_end));
            let differs = common < common_end
                && chunk.range(start, common, common_end)
                    != range(&delivered.bytes, delivered.start, common, common_end);
            let (first, second) = (delivered.at, chunk.at);
            differs.then(|| OverlapConflict { from, seq: self.seq(common), first, second, winner: first })
        })
    }

    /// How far its sender had heard the peer when it sent what lies at `next`.
    pub fn answers(&self) -> Option<u64> {
        match self.head() {
            Head::Chunk(chunk) => Some(chunk.after),
            Head::End(end) => Some(end.after),
            Head::Hole { .. } | Head::Nothing => None,
        }
    }

    /// What lies at `next`.
    pub fn head(&self) -> Head<'_> {
        let first = self.pending.front();
        if let Some((start, chunk)) = first
            && *start <= self.next
        {
            return Head::Chunk(chunk);
        }
        if self.closed || self.base.is_none() {
            return Head::Nothing;
        }
        if let Some(end) = self.end.filter(|end| end.offset <= self.next) {
            return Head::End(end);
        }
        let end = self.end.map_or(u64::MAX, |end| end.offset);
        let until = first.map_or(u64::MAX, |(start, _)| *start).min(end);
        if let Some(cut) = self.cut.iter().find(|cut| cut.start <= self.next && self.next < cut.end) {
            return Head::Hole { until: until.min(cut.end), at: cut.at, why: Missing::Cut };
        }
        if let Some(at) = self.acked_at.filter(|_| self.acked > self.next) {
            return Head::Hole { until: until.min(self.acked), at, why: Missing::Acknowledged };
        }
        match (first, self.end) {
            (Some((_, chunk)), _) => {
                let why = if self.is_overfull() { Missing::TooMuchBehind } else { Missing::Overtaken };
                Head::Hole { until, at: chunk.at, why }
            }
            (None, Some(end)) => Head::Hole { until, at: end.at, why: Missing::Overtaken },
            (None, None) => Head::Nothing,
        }
    }

    /// Hands out the chunk at `next`.
    pub fn deliver(&mut self) -> Option<&Delivered> {
        let (start, chunk) = self.pending.pop_front()?;
        self.pending_bytes -= chunk.bytes.len();
        self.advance(start + chunk.len());
        self.remember(start, chunk);
        self.history.back()
    }

    /// Takes no more room than it needs: little more will come.
    pub fn shrink(&mut self) {
        self.pending.shrink_to_fit();
        self.history.shrink_to_fit();
    }

    /// Goes on behind missing bytes; returns how many.
    pub fn skip(&mut self, until: u64) -> u64 {
        let missing = until.saturating_sub(self.next);
        self.advance(until);
        missing
    }

    fn advance(&mut self, next: u64) {
        self.next = self.next.max(next);
        self.missing_since = None;
        let next = self.next;
        self.cut.retain(|cut| cut.end > next);
    }

    fn remember(&mut self, start: u64, Chunk { bytes, at, conflicting, .. }: Chunk) {
        self.history_bytes += bytes.len();
        self.history.push_back(Delivered { start, bytes, at, conflicting });
        while self.history_bytes > HISTORY_BYTES && self.history.len() > 1 {
            let Some(old) = self.history.pop_front() else { break };
            self.history_bytes -= old.bytes.len();
        }
    }
}

impl Chunk {
    /// Other bytes, seen like these.
    fn of(&self, bytes: Vec<u8>) -> Self {
        let Self { at, after, checksum, conflicting, in_order, .. } = *self;
        Self { bytes, at, after, checksum, conflicting, in_order }
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The bytes from `from` to `to`, both stream offsets, of a chunk that begins at `start`.
    fn range(&self, start: u64, from: u64, to: u64) -> &[u8] {
        range(&self.bytes, start, from, to)
    }

    /// Whether these bytes replace `old` ones that differ: a good checksum beats a bad one; bytes that are due beat
    /// bytes that came ahead of time (receivers hand the former out and trim the latter); else the first copy stays.
    fn wins_over(&self, old: &Self) -> bool {
        match (self.checksum, old.checksum) {
            (Checksum::Valid, Checksum::Bad) => true,
            (Checksum::Bad, Checksum::Valid) => false,
            _ => self.in_order && !old.in_order,
        }
    }
}

fn range(bytes: &[u8], start: u64, from: u64, to: u64) -> &[u8] {
    let index = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    bytes.get(index(from)..index(to)).unwrap_or_default()
}
