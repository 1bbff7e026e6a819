//! Turns both directions of a control connection into one dialogue: bytes in the order in which one caused the other,
//! with the frames they came from, gaps where the capture holds less than the peers did.
//!
//! Knows no lines and no FTP. A reply is never handed out before the command that it acknowledges.

use super::End;
use super::stream::{CONFLICTS_KEPT, Chunk, Delivered, Head, Missing, OverlapConflict, Stream};
use crate::frame::{CLOCKS_APART, Interval, Stamp, Timestamp};
use crate::wire::{Checksum, Flags, Segment, Seq};

/// How long acknowledged bytes may still turn up: several interfaces and mirror ports are not recorded in exact order.
pub const GRACE: Interval = Interval::millis(200);
/// How many segments may pass in that time.
pub const GRACE_SEGMENTS: u64 = 32;

/// What became readable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes.
    Bytes {
        /// Who sent them.
        from: End,
        /// The bytes, never empty; they may end anywhere.
        bytes: &'a [u8],
        /// The frame they came from.
        at: Stamp,
        /// Whether copies of them differ.
        conflicting: bool,
    },
    /// Bytes that this capture does not hold.
    Gap {
        /// Who sent them.
        from: End,
        /// How many; at the end of a direction a FIN that was not captured counts as one.
        len: u64,
        /// The frame that shows it.
        at: Stamp,
    },
    /// Nothing more comes from this end: FIN, or an RST that fits.
    Closed {
        /// Who closed.
        from: End,
        /// The frame.
        at: Stamp,
    },
}

/// Both directions of one control connection.
#[derive(Debug, Default)]
pub struct Conversation {
    from_origin: Stream,
    from_target: Stream,
    segments: u64,
    conflicts: Vec<OverlapConflict>,
}

/// What can be done next with one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// Hand out what lies there, seen in this frame.
    Ready(Stamp),
    /// It answers bytes of the peer that have not been handed out.
    Blocked(Stamp),
    /// It may still turn up, or be corrected.
    Wait,
    /// Nothing is there.
    Idle,
}

impl Conversation {
    /// A conversation of which nothing was seen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a segment and hands out, in causal order, what became readable. `checksum` is asked only for segments
    /// with payload.
    pub fn push(
        &mut self,
        from: End,
        at: Stamp,
        tcp: &Segment<'_>,
        checksum: impl Fn() -> Checksum,
        out: &mut impl FnMut(Piece<'_>),
    ) {
        self.segments += 1;
        let after = if tcp.flags.has(Flags::ACK) && !tcp.flags.has(Flags::RST) {
            self.stream_mut(from.peer()).acknowledged(tcp.ack, at)
        } else {
            0
        };
        let checksum = if tcp.payload.is_empty() { Checksum::Unknown } else { checksum() };
        let mut found = Vec::new();
        self.stream_mut(from).take(from, at, tcp, after, checksum, &mut found);
        let room = CONFLICTS_KEPT.saturating_sub(self.conflicts.len());
        self.conflicts.extend(found.into_iter().take(room));
        self.drain(Some(at.time), out);
        for end in [End::Origin, End::Target] {
            let segments = self.segments;
            let stream = self.stream_mut(end);
            if matches!(stream.head(), Head::Hole { why: Missing::Acknowledged, .. }) {
                stream.missing_since.get_or_insert((at.time, segments));
            }
        }
    }

    /// The capture, or the connection, has ended: hands out what is held back, with gaps for what is missing.
    pub fn finish(&mut self, out: &mut impl FnMut(Piece<'_>)) {
        self.drain(None, out);
    }

    /// Takes no more room than it needs: both ends have closed.
    pub fn shrink(&mut self) {
        self.from_origin.shrink();
        self.from_target.shrink();
    }

    /// Bytes that are kept back or remembered, about.
    pub fn held(&self) -> usize {
        self.from_origin.held() + self.from_target.held() + self.conflicts.len() * size_of::<OverlapConflict>()
    }

    /// Copies of the same bytes that differed, the first few.
    pub fn conflicts(&self) -> &[OverlapConflict] {
        &self.conflicts
    }

    /// The sequence number of the first byte of an end, once it is known.
    pub fn begins(&self, end: End) -> Option<Seq> {
        self.stream(end).base()
    }

    /// Hands out until nothing more can be; `now` is `None` at the end.
    fn drain(&mut self, now: Option<Timestamp>, out: &mut impl FnMut(Piece<'_>)) {
        loop {
            let (origin, target) = (self.step(End::Origin, now), self.step(End::Target, now));
            let next = match (origin, target) {
                // Where each answers the other, one is a repeat, which acknowledges more than its first copy did.
                (Step::Ready(one), Step::Ready(other)) | (Step::Blocked(one), Step::Blocked(other)) => {
                    earlier(one, other)
                }
                (Step::Ready(_), Step::Blocked(_) | Step::Wait | Step::Idle) | (Step::Blocked(_), Step::Idle) => {
                    End::Origin
                }
                (Step::Blocked(_) | Step::Wait | Step::Idle, Step::Ready(_)) | (Step::Idle, Step::Blocked(_)) => {
                    End::Target
                }
                (Step::Wait, Step::Blocked(_) | Step::Wait | Step::Idle)
                | (Step::Blocked(_) | Step::Idle, Step::Wait)
                | (Step::Idle, Step::Idle) => return,
            };
            self.hand_out(next, out);
        }
    }

    fn step(&self, end: End, now: Option<Timestamp>) -> Step {
        let (stream, peer) = (self.stream(end), self.stream(end.peer()));
        let in_turn = |at: Stamp, after: u64| {
            let answered = peer.is_known() && after.min(peer.acked) > peer.next;
            if answered { Step::Blocked(at) } else { Step::Ready(at) }
        };
        match stream.head() {
            Head::Chunk(chunk) if may_be_corrected(stream, chunk, now) => Step::Wait,
            Head::Chunk(chunk) => in_turn(chunk.at, chunk.after),
            Head::End(end) => in_turn(end.at, end.after),
            Head::Hole { at, why: Missing::Cut | Missing::TooMuchBehind, .. } => Step::Ready(at),
            Head::Hole { at, .. } if now.is_none() || stream.end.is_some_and(|end| end.abrupt) => Step::Ready(at),
            Head::Hole { at, why: Missing::Acknowledged, .. } => {
                let over = stream.missing_since.zip(now).is_some_and(|((since, segments), now)| {
                    now.since(since) >= GRACE || self.segments - segments >= GRACE_SEGMENTS
                });
                if over { Step::Ready(at) } else { Step::Wait }
            }
            Head::Hole { why: Missing::Overtaken, .. } => Step::Wait,
            Head::Nothing => Step::Idle,
        }
    }

    fn hand_out(&mut self, from: End, out: &mut impl FnMut(Piece<'_>)) {
        let answered = self.stream(from.peer()).answers();
        let stream = self.stream_mut(from);
        match stream.head() {
            Head::Chunk(_) => {
                if let Some(Delivered { bytes, at, conflicting, .. }) = stream.deliver() {
                    out(Piece::Bytes { from, bytes, at: *at, conflicting: *conflicting });
                }
            }
            Head::Hole { until, at, .. } => {
                // What the peer said in the middle of it keeps its place.
                let turn = answered.filter(|answered| *answered > stream.next && *answered < until);
                let len = stream.skip(turn.unwrap_or(until));
                out(Piece::Gap { from, len, at });
            }
            Head::End(end) => {
                stream.closed = true;
                out(Piece::Closed { from, at: end.at });
            }
            Head::Nothing => {}
        }
    }

    fn stream(&self, end: End) -> &Stream {
        match end {
            End::Origin => &self.from_origin,
            End::Target => &self.from_target,
        }
    }

    fn stream_mut(&mut self, end: End) -> &mut Stream {
        match end {
            End::Origin => &mut self.from_origin,
            End::Target => &mut self.from_target,
        }
    }
}

/// Bytes with a bad checksum wait until they are acknowledged (then the card wrote the checksum) or come again. What was
/// acknowledged before they came may be a good copy that is yet to come, by the clock of another interface.
fn may_be_corrected(stream: &Stream, chunk: &Chunk, now: Option<Timestamp>) -> bool {
    let acknowledged = stream.acked > stream.next;
    let before = acknowledged && stream.acked_at.is_some_and(|acked_at| acked_at < chunk.at);
    let wait = if before { CLOCKS_APART } else { GRACE };
    chunk.checksum == Checksum::Bad
        && (before || !acknowledged)
        && !stream.is_overfull()
        && now.is_some_and(|now| now.since(chunk.at.time) < wait)
}

fn earlier(origin: Stamp, target: Stamp) -> End {
    if origin <= target { End::Origin } else { End::Target }
}

#[cfg(test)]
mod tests;
