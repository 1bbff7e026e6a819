//! Sequence number arithmetic modulo 2^32 (RFC 9293 3.4), in one place.

use crate::wire::{Flags, Segment, Seq};

impl Seq {
    /// This number moved forward by `bytes`.
    #[must_use]
    pub fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// Signed distance from `other` to `self`: positive when `self` is later.
    #[expect(clippy::cast_possible_wrap, reason = "serial number arithmetic is this wrap")]
    pub fn distance_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether `self` lies before `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.distance_from(other) < 0
    }

    /// Whether `self` lies behind `other`.
    pub fn is_after(self, other: Self) -> bool {
        self.distance_from(other) > 0
    }
}

/// Sequence numbers from `start` up to and without `end`; less than 2^31 of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub start: Seq,
    pub end: Seq,
}

impl Span {
    /// What a segment occupies: its SYN, its payload, its FIN.
    pub fn of(tcp: &Segment<'_>) -> Self {
        let flags = u32::from(tcp.flags.has(Flags::SYN)) + u32::from(tcp.flags.has(Flags::FIN));
        Self { start: tcp.seq, end: tcp.seq.plus(tcp.payload_len.saturating_add(flags)) }
    }

    pub fn len(self) -> u32 {
        u32::try_from(self.end.distance_from(self.start)).unwrap_or(0)
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    pub fn overlaps(self, other: Self) -> bool {
        self.start.is_before(other.end) && other.start.is_before(self.end)
    }

    /// How many numbers both hold.
    pub fn common(self, other: Self) -> u32 {
        let start = if self.start.is_before(other.start) { other.start } else { self.start };
        let end = if self.end.is_before(other.end) { self.end } else { other.end };
        Self { start, end }.len()
    }

    /// The part before `seq`.
    pub fn cut_at(self, seq: Seq) -> Self {
        let end = if seq.is_before(self.end) { seq } else { self.end };
        Self { start: self.start, end: if end.is_before(self.start) { self.start } else { end } }
    }

    /// What is left of this span when `other` is taken out.
    pub fn without(self, other: Self) -> impl Iterator<Item = Self> {
        let left = if self.overlaps(other) {
            [Self { start: self.start, end: other.start }, Self { start: other.end, end: self.end }]
        } else {
            [self, Self { start: self.end, end: self.end }]
        };
        left.into_iter().filter(|span| !span.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::Span;
    use crate::wire::Seq;

    #[test]
    fn order_survives_the_wrap() {
        let before = Seq(0xffff_fff0);
        let after = before.plus(0x20);
        assert_eq!(after, Seq(0x10));
        assert!(after.is_after(before) && before.is_before(after));
        assert_eq!(after.distance_from(before), 0x20);
    }

    #[test]
    fn a_span_is_taken_apart_across_the_wrap() {
        let span = |start: u32, end: u32| Span { start: Seq(start), end: Seq(end) };
        let whole = span(0xffff_fff0, 0x20);
        assert_eq!(whole.len(), 0x30);
        let rest: Vec<Span> = whole.without(span(0xffff_fff8, 0x10)).collect();
        assert_eq!(rest, [span(0xffff_fff0, 0xffff_fff8), span(0x10, 0x20)]);
        assert_eq!(whole.without(span(0x20, 0x30)).collect::<Vec<_>>(), [whole]);
        assert_eq!(whole.without(whole).count(), 0);
        assert_eq!(whole.cut_at(Seq(0)), span(0xffff_fff0, 0));
        assert!(whole.cut_at(Seq(0xffff_ff00)).is_empty());
    }
}
