//! What one direction of a control connection says now, and where in its sequence numbers.
//!
//! Runs of the stream, in order, each with what was said and what is said instead. Any segment, whatever part of the
//! stream it carries and however often, becomes the same part of the new stream.

use super::key::Key;
use super::veil::{veiled, veiled_as};
use crate::wire::Seq;

/// What is done with a stretch of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// It said the first and now says the second. Of equal length, they stand byte for byte.
    Text(Vec<u8>, Vec<u8>),
    /// This many bytes stay what they are in each segment.
    Kept(u64),
    /// This many bytes become zeros.
    Blank(u64),
}

#[derive(Clone, Debug)]
struct Run {
    /// Offset in the old stream.
    at: u64,
    /// Offset in the new one.
    now_at: u64,
    what: What,
}

/// One direction of a control connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    /// The sequence number of offset 0.
    base: Option<Seq>,
    runs: Vec<Run>,
    /// Behind the last run, in both streams.
    end: u64,
    now_end: u64,
}

impl What {
    pub fn len(&self) -> u64 {
        match self {
            Self::Text(was, _) => was.len() as u64,
            Self::Kept(len) | Self::Blank(len) => *len,
        }
    }

    pub fn now_len(&self) -> u64 {
        match self {
            Self::Text(_, now) => now.len() as u64,
            Self::Kept(len) | Self::Blank(len) => *len,
        }
    }
}

impl Run {
    fn end(&self) -> u64 {
        self.at + self.what.len()
    }

    /// Where an offset within the old run, or at its end, lies in the new one.
    fn now(&self, offset: u64) -> u64 {
        let inside = if offset >= self.end() { self.what.now_len() } else { offset - self.at };
        self.now_at + inside.min(self.what.now_len())
    }
}

impl Script {
    /// Says where in the sequence numbers the stream begins.
    pub fn begins(&mut self, seq: Seq) {
        self.base = Some(seq);
    }

    /// Adds the next stretch of the stream.
    pub fn say(&mut self, what: What) {
        let (at, now_at) = (self.end, self.now_end);
        self.end += what.len();
        self.now_end += what.now_len();
        let before = self.runs.last_mut().filter(|run| run.end() == at).map(|run| &mut run.what);
        match (before, what) {
            (Some(What::Blank(len)), What::Blank(more)) | (Some(What::Kept(len)), What::Kept(more)) => *len += more,
            (Some(What::Text(was, now)), What::Text(more_was, more_now))
                if was.len() == now.len() && more_was.len() == more_now.len() =>
            {
                was.extend(more_was);
                now.extend(more_now);
            }
            (_, what) if what.len() > 0 => self.runs.push(Run { at, now_at, what }),
            (_, _) => {}
        }
    }

    /// Passes over bytes of which nothing is known: what a segment has of them is masked.
    pub fn skip(&mut self, len: u64) {
        self.end += len;
        self.now_end += len;
    }

    /// The sequence number that stands where `seq` stood.
    pub fn seq(&self, seq: Seq) -> Seq {
        match self.offset(seq) {
            Some(offset) => seq.plus(low(self.now(offset).wrapping_sub(offset))),
            None => seq,
        }
    }

    /// The captured bytes of a segment and the length of all its bytes on the wire, as they are now. `seq` is the
    /// number of the first byte, `len` the old length on the wire.
    pub fn payload(&self, key: &Key, seq: Seq, captured: &[u8], len: usize) -> (Vec<u8>, usize) {
        let Some(start) = self.offset(seq) else {
            let places = seq.0.into()..;
            return (captured.iter().zip(places).map(|(byte, at)| veiled(key, *byte, at, None)).collect(), len);
        };
        let outside = |bytes: &[u8], at: u64, out: &mut Vec<u8>| {
            out.extend(bytes.iter().zip(at..).map(|(byte, at)| veiled(key, *byte, at, None)));
        };
        let mut out = Vec::with_capacity(captured.len());
        let mut at = start;
        let end = start + captured.len() as u64;
        let mut own = captured;
        let first = self.runs.partition_point(|run| run.end() <= start);
        for run in self.runs.get(first..).unwrap_or_default() {
            if run.at >= end {
                break;
            }
            let (unknown, rest) = split(own, run.at.saturating_sub(at));
            outside(unknown, at, &mut out);
            at += unknown.len() as u64;
            let (inside, rest) = split(rest, run.end().min(end) - at);
            say(key, run, at, inside, &mut out);
            at += inside.len() as u64;
            own = rest;
        }
        outside(own, at, &mut out);
        let wire_end = start + len as u64;
        let now_len = self.now(wire_end).saturating_sub(self.now(start));
        (out, usize::try_from(now_len).unwrap_or(len))
    }

    /// The same where nothing is said anew: what is not kept becomes zeros.
    pub fn blanked(&self, seq: Seq, captured: &[u8]) -> Vec<u8> {
        let mut out = vec![0; captured.len()];
        let Some(start) = self.offset(seq) else { return out };
        let first = self.runs.partition_point(|run| run.end() <= start);
        let end = start + captured.len() as u64;
        let runs = self.runs.get(first..).unwrap_or_default().iter().take_while(|run| run.at < end);
        for run in runs.filter(|run| matches!(run.what, What::Kept(_))) {
            let place = |offset: u64| usize::try_from(offset.max(start).min(end) - start).unwrap_or(usize::MAX);
            let kept = place(run.at)..place(run.end());
            if let (Some(slot), Some(bytes)) = (out.get_mut(kept.clone()), captured.get(kept)) {
                slot.copy_from_slice(bytes);
            }
        }
        out
    }

    fn offset(&self, seq: Seq) -> Option<u64> {
        // Numbers wrap after 4 GiB, which no control connection says: behind the first byte is within 2 GiB of it.
        u64::try_from(seq.distance_from(self.base?)).ok()
    }

    fn now(&self, offset: u64) -> u64 {
        let after = self.runs.partition_point(|run| run.at <= offset);
        match after.checked_sub(1).and_then(|index| self.runs.get(index)) {
            Some(run) if offset <= run.end() => run.now(offset),
            Some(run) => run.now(run.end()) + (offset - run.end()),
            None => offset,
        }
    }
}

/// Says the part of a run that a segment has from offset `at` on.
fn say(key: &Key, run: &Run, at: u64, own: &[u8], out: &mut Vec<u8>) {
    match &run.what {
        What::Kept(_) => out.extend(own),
        What::Blank(_) => out.resize(out.len() + own.len(), 0),
        What::Text(was, now) => {
            let from = at - run.at;
            let was = slice(was, from, from + own.len() as u64);
            let end = at + own.len() as u64;
            let now = slice(now, run.now(at) - run.now_at, run.now(end) - run.now_at);
            if was == own {
                out.extend(now);
            } else if was.len() == now.len() {
                let copies = own.iter().zip(at..).zip(was.iter().zip(now));
                let veil = |own: u8, at: u64, now: u8| veiled(key, own, at, Some(now));
                out.extend(copies.map(|((own, at), (was, now))| if own == was { *now } else { veil(*own, at, *now) }));
            } else {
                out.extend(veiled_as(key, own, now));
            }
        }
    }
}

fn split(bytes: &[u8], at: u64) -> (&[u8], &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    bytes.split_at_checked(at).unwrap_or((bytes, &[]))
}

fn slice(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let (from, to) = (usize::try_from(from).unwrap_or(usize::MAX), usize::try_from(to).unwrap_or(usize::MAX));
    bytes.get(from..to.min(bytes.len())).unwrap_or_default()
}

#[expect(clippy::cast_possible_truncation, reason = "sequence numbers are offsets modulo 2^32")]
fn low(offset: u64) -> u32 {
    offset as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Script, What};
    use crate::anonymize::key::Key;
    use crate::wire::Seq;

    fn text(was: &str, now: &str) -> What {
        What::Text(was.as_bytes().to_vec(), now.as_bytes().to_vec())
    }

    fn key() -> Key {
        Key::from_hex(&"21".repeat(16)).unwrap()
    }

    fn script(base: u32) -> Script {
        let mut script = Script::default();
        script.begins(Seq(base));
        script.say(text("PORT ", "PORT "));
        script.say(text("10,1,0,10", "10,203,117,9"));
        script.say(text(",4,1\r\n", ",4,1\r\n"));
        script.say(text("RETR ", "RETR "));
        script.say(text("a.txt", "q.wvx"));
        script.say(text("\r\n", "\r\n"));
        script
    }

    const OLD: &[u8] = b"PORT 10,1,0,10,4,1\r\nRETR a.txt\r\n";
    const NEW: &[u8] = b"PORT 10,203,117,9,4,1\r\nRETR q.wvx\r\n";

    #[test]
    fn what_lies_behind_moves_and_what_lies_before_does_not() {
        let script = script(100);
        assert_eq!(script.seq(Seq(100)), Seq(100));
        assert_eq!(script.seq(Seq(99)), Seq(99));
        assert_eq!(script.seq(Seq(114)), Seq(117));
        assert_eq!(script.seq(Seq(132)), Seq(135));
        assert_eq!(script.seq(Seq(133)), Seq(136));
        assert_eq!(Script::default().seq(Seq(5)), Seq(5));
    }

    #[test]
    fn copies_that_differ_still_differ() {
        let script = script(0);
        let (whole, _) = script.payload(&key(), Seq(0), OLD, OLD.len());
        let (other, len) = script.payload(&key(), Seq(0), b"PORT 10,9,0,10,4,1\r\nRETR b.txt\r\n", OLD.len());
        assert_eq!((whole.len(), other.len()), (len, len));
        assert_ne!(whole[5..17], other[5..17]);
        assert_ne!(whole[28], other[28]);
        assert_eq!(other[29..], whole[29..]);
    }

    #[test]
    fn what_is_not_known_is_masked() {
        let mut script = script(0);
        script.skip(4);
        script.say(text("x\r\n", "y\r\n"));
        let (shown, len) = script.payload(&key(), Seq(32), b"Ab1\nx\r\nmore", 11);
        assert_eq!((&shown[3..7], len), (&b"\ny\r\n"[..], 11));
        assert!([&shown[..3], &shown[7..]].iter().zip([&b"Ab1"[..], b"more"]).all(|(one, other)| *one != other));
        assert_ne!(script.payload(&key(), Seq(u32::MAX - 9), b"before", 6).0, b"before");
    }

    #[test]
    fn a_cut_segment_keeps_its_length_on_the_wire() {
        assert_eq!(script(0).payload(&key(), Seq(0), b"PORT 10,", OLD.len()), (b"PORT 10,".to_vec(), NEW.len()));
    }

    proptest! {
        #[test]
        fn any_segmentation_says_the_new_stream(cuts in prop::collection::btree_set(1..OLD.len(), 0..12), base: u32) {
            let script = script(base);
            let edges: Vec<usize> = std::iter::once(0).chain(cuts).chain([OLD.len()]).collect();
            let mut said = Vec::new();
            for pair in edges.windows(2) {
                let seq = Seq(base).plus(u32::try_from(pair[0]).unwrap());
                prop_assert_eq!(script.seq(seq), Seq(base).plus(u32::try_from(said.len()).unwrap()));
                let (now, len) = script.payload(&key(), seq, &OLD[pair[0]..pair[1]], pair[1] - pair[0]);
                prop_assert_eq!(now.len(), len);
                said.extend(now);
            }
            prop_assert_eq!(said, NEW);
        }
    }
}
