//! Which sizes of packets of one direction arrive: the largest that was acknowledged, and one that was sent again and again
//! and was not. A path that drops what is larger than its MTU, and says nothing, shows itself so.

use super::seq::Span;
use crate::frame::Stamp;
use crate::wire::Seq;

/// Frames kept of a packet that does not pass; TCP gives up after about 15 repeats (RFC 9293 3.8.3).
const FRAMES_KEPT: usize = 16;

/// Once a packet was sent this often in vain, it is remembered though its bytes arrive in smaller ones.
const IN_VAIN: usize = 3;

/// The sizes of packets that pass, in bytes of the IP packet; small, for every connection has two of them.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Passed {
    /// The largest packet that was acknowledged.
    largest: u16,
    /// A larger one that is on its way, or 0.
    under_way: u16,
    /// Where its bytes end.
    end: Seq,
}

impl Passed {
    pub fn largest(self) -> u32 {
        u32::from(self.largest)
    }

    /// Takes a packet with bytes that were not sent before, of which `acked` may have been recorded first.
    pub fn sent(&mut self, span: Span, size: u32, acked: Option<Seq>) {
        let size = u16::try_from(size).unwrap_or(u16::MAX);
        if acked.is_some_and(|acked| !span.end.is_after(acked)) {
            self.largest = self.largest.max(size);
        } else if size > self.largest && self.under_way == 0 {
            (self.under_way, self.end) = (size, span.end);
        }
    }

    /// Takes a packet with bytes that were sent before: if they are acknowledged now, nobody knows in which packet they came.
    pub fn again(&mut self, span: Span, size: u32) {
        if u32::from(self.under_way) > size && !span.start.is_after(self.end) {
            self.under_way = 0;
        }
    }

    pub fn acknowledged(&mut self, ack: Seq) {
        if self.under_way > 0 && !self.end.is_after(ack) {
            self.largest = self.largest.max(self.under_way);
            self.under_way = 0;
        }
    }
}

/// A packet that was sent again and again, and not acknowledged as it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Stuck {
    /// The first sequence number of its bytes.
    pub seq: Seq,
    /// Bytes of the IP packet.
    pub size: u32,
    /// Its frames, the first few and the last one.
    pub frames: Vec<Stamp>,
    /// The same bytes again in a smaller packet, the largest such: bytes of that IP packet, and its frame.
    pub smaller: Option<(u32, Stamp)>,
    /// The acknowledgement behind that.
    pub passed: Option<Stamp>,
}

impl Stuck {
    /// A packet that was sent for the second time.
    pub(super) fn new(seq: Seq, size: u32, first: Option<Stamp>, at: Stamp) -> Self {
        let frames = first.into_iter().chain([at]).collect();
        Self { seq, size, frames, smaller: None, passed: None }
    }

    /// Whether it is remembered for good.
    fn is_proven(&self) -> bool {
        self.frames.len() >= IN_VAIN && self.smaller.is_some()
    }

    /// Takes a repeat of the oldest bytes that are not acknowledged. Whether it was of these bytes.
    pub(super) fn again(&mut self, seq: Seq, size: u32, at: Stamp) -> bool {
        if self.passed.is_some() {
            return self.is_proven();
        }
        if seq != self.seq {
            return false;
        }
        if size < self.size {
            let larger = self.smaller.is_none_or(|(known, _)| size > known);
            if larger {
                self.smaller = Some((size, at));
            }
            return true;
        }
        if self.smaller.is_none() {
            if self.frames.len() >= FRAMES_KEPT {
                self.frames.pop();
            }
            self.frames.push(at);
        }
        true
    }

    /// Takes an acknowledgement. Whether it is still worth remembering.
    pub(super) fn acknowledged(&mut self, ack: Seq, at: Stamp) -> bool {
        if self.passed.is_none() && ack.is_after(self.seq) {
            self.passed = Some(at);
            return self.is_proven();
        }
        true
    }
}
