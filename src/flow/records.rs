//! Turns the segments of one direction that begins with TLS into the sizes of its first records.
//!
//! Follows the record headers by sequence number, without reassembly: what arrives out of order or is missing ends
//! it, unless it lies within one record. Knows nothing of what is inside.

use super::Half;
use crate::decrypt::{Inside, Sealed};
use crate::frame::Stamp;
use crate::wire::tls::{Kind, Record, Records, Step};
use crate::wire::{Flags, Segment, Seq};

/// Records kept of one direction: a handshake with its tickets has about twelve, what follows is data.
pub const RECORDS_KEPT: usize = 24;

/// Bytes that are kept of a record that may be an alert: one of AES-CBC with SHA-384 has 96.
const SEALED_BYTES: usize = 96;

/// The first TLS records of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsRecords {
    kept: Vec<(Record, Stamp)>,
    /// Those that may be alerts, to be opened once their keys are known, with their places.
    sealed: Vec<(u64, Sealed)>,
    /// Records of application data, and those behind ChangeCipherSpec.
    hidden: u64,
    behind_change: Option<u64>,
    last: Option<(Record, Stamp)>,
    count: u64,
    /// Bytes in records of application data.
    application: u64,
    walker: Records,
    next: Seq,
}

impl TlsRecords {
    /// The first ones, each with the frame in which its header ends.
    pub fn first(&self) -> &[(Record, Stamp)] {
        &self.kept
    }

    /// Whether no record went uncounted, and none beyond the first ones was seen.
    pub fn are_all(&self) -> bool {
        self.count == self.kept.len() as u64 && matches!(self.walker, Records::Body(0))
    }

    /// The last one, with the frame in which its header ends.
    pub fn last(&self) -> Option<(Record, Stamp)> {
        self.last
    }

    /// Bytes in the records that say application data, without their headers: in TLS 1.3 the encrypted part of the handshake
    /// among them. `None` where the capture lost track of the records.
    pub fn application(&self) -> Option<u64> {
        (!matches!(self.walker, Records::Lost)).then_some(self.application)
    }

    /// Opens what may be an alert: what it is takes the place of what it looks like.
    pub(super) fn open(&mut self, open: &dyn Fn(&Sealed) -> Option<Inside>) {
        for (place, sealed) in std::mem::take(&mut self.sealed) {
            let Some(inside) = open(&sealed) else { continue };
            let place_kept = usize::try_from(place).unwrap_or(usize::MAX);
            let kept = self.kept.get_mut(place_kept);
            let last = self.last.as_mut().filter(|_| place + 1 == self.count);
            for (record, _) in kept.into_iter().chain(last) {
                *record = match inside {
                    Inside::Alert(alert) => record.saying(alert),
                    Inside::Other => Record { kind: Kind::NoAlert, ..*record },
                };
            }
        }
    }

    /// Books a record whose header ends in this frame.
    fn record(&mut self, record: Record, at: Stamp) {
        if record.may_be_an_alert() {
            if self.sealed.len() >= RECORDS_KEPT {
                self.sealed.pop();
            }
            let (kind, hidden, behind_change) = (record.hiding_type(), self.hidden, self.behind_change);
            self.sealed.push((self.count, Sealed { kind, hidden, behind_change, body: Vec::new() }));
        }
        self.count += 1;
        self.behind_change =
            if record.kind == Kind::ChangeCipherSpec { Some(0) } else { self.behind_change.map(|records| records + 1) };
        if record.kind == Kind::Application {
            self.application += u64::from(record.len);
            self.hidden += 1;
        }
        self.last = Some((record, at));
        if self.kept.len() < RECORDS_KEPT {
            self.kept.push((record, at));
        }
    }

    /// Keeps the bytes of a record that may be an alert.
    fn body(&mut self, bytes: &[u8]) {
        let count = self.count;
        if let Some((_, sealed)) = self.sealed.last_mut().filter(|(place, _)| place + 1 == count) {
            let room = SEALED_BYTES.saturating_sub(sealed.body.len());
            sealed.body.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
        }
    }

    fn follow(&mut self, at: Stamp, start: Seq, tcp: &Segment<'_>) {
        let ahead = start.distance_from(self.next);
        if ahead > 0 {
            self.walker.skip(u64::from(ahead.unsigned_abs()));
        }
        let skip = if ahead < 0 { ahead.unsigned_abs() } else { 0 };
        if skip >= tcp.payload_len {
            return;
        }
        let held = usize::try_from(skip).ok().and_then(|skip| tcp.payload.get(skip..)).unwrap_or_default();
        let mut walker = self.walker;
        let clear = walker.walk_over(held, &mut |step| match step {
            Step::Record(record) => self.record(record, at),
            Step::Body(bytes) => self.body(bytes),
        });
        self.walker = walker;
        if clear.is_some() {
            self.walker = Records::Lost;
        }
        let not_captured = u64::from(tcp.payload_len - skip).saturating_sub(held.len() as u64);
        if not_captured > 0 {
            self.walker.skip(not_captured);
        }
        self.next = start.plus(tcp.payload_len);
    }
}

impl Half {
    /// The TLS records of this direction; `None` when it does not begin with one, when its beginning was not captured,
    /// or when many newer connections have come.
    pub fn tls_records(&self) -> Option<&TlsRecords> {
        self.records.as_deref()
    }

    /// Opens the records that may be alerts.
    pub(super) fn open_records(&mut self, open: &dyn Fn(&Sealed) -> Option<Inside>) {
        if let Some(records) = &mut self.records {
            records.open(open);
        }
    }

    /// Takes a segment with payload.
    pub(super) fn follow_records(&mut self, at: Stamp, tcp: &Segment<'_>) {
        let start = tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN)));
        if self.records.is_none() && self.head.is_empty() && self.head_at == Some(start) && begins_tls(tcp.payload) {
            let records = TlsRecords {
                kept: Vec::new(),
                sealed: Vec::new(),
                hidden: 0,
                behind_change: None,
                last: None,
                count: 0,
                application: 0,
                walker: Records::First,
                next: start,
            };
            self.records = Some(Box::new(records));
        }
        if let Some(records) = &mut self.records {
            records.follow(at, start, tcp);
        }
    }
}

/// Whether a stream that begins like this may be TLS: a handshake or an alert of version 3.
fn begins_tls(payload: &[u8]) -> bool {
    matches!(payload, [0x15 | 0x16] | [0x15 | 0x16, 3, ..])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::script::segment;
    use super::{Half, Inside, RECORDS_KEPT};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::wire::Flags;
    use crate::wire::tls::Kind;

    const FIRST: u32 = 1000;

    /// Feeds payloads, each at an offset from the first byte and in a frame of its own.
    fn half(segments: &[(u32, &[u8])]) -> Half {
        let mut half = Half { head_at: Some(crate::wire::Seq(FIRST)), ..Half::default() };
        for (number, (offset, payload)) in (1..).zip(segments) {
            let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(0));
            half.follow_records(at, &segment(FIRST + offset, 1, Flags::ACK, payload));
            half.head.extend_from_slice(payload);
        }
        half
    }

    fn seen(half: &Half) -> Vec<(Kind, u16, u64)> {
        let records = half.tls_records().map_or(&[][..], |records| records.first());
        records.iter().map(|(record, at)| (record.kind, record.len, at.number.0)).collect()
    }

    const TWO: &[u8] = b"\x16\x03\x01\x00\x02ab\x17\x03\x03\x00\x04";

    #[test]
    fn records_are_followed_from_the_first_byte() {
        let two = half(&[(0, TWO), (12, b"data")]);
        assert_eq!(seen(&two), [(Kind::Handshake, 2, 1), (Kind::Application, 4, 1)]);
        assert!(two.tls_records().is_some_and(super::TlsRecords::are_all));
        assert!(half(&[(0, b"220 hello"), (9, TWO)]).tls_records().is_none());
        assert!(half(&[(0, b"\x16\x15 binary data")]).tls_records().is_none());
    }

    #[test]
    fn repeats_count_once_and_gaps_are_bridged_within_a_record() {
        let repeated = half(&[(0, TWO), (0, TWO), (10, b"\x00\x04data\x15\x03\x03\x00\x00")]);
        assert_eq!(seen(&repeated), [(Kind::Handshake, 2, 1), (Kind::Application, 4, 1), (Kind::Alert, 0, 3)]);
        let bridged = half(&[(0, TWO), (14, b"ta\x15\x03\x03\x00\x00")]);
        assert_eq!(seen(&bridged).len(), 3);
        let lost = half(&[(0, TWO), (17, b"\x15\x03\x03\x00\x00")]);
        assert_eq!(seen(&lost).len(), 2);
        assert!(!lost.tls_records().is_some_and(super::TlsRecords::are_all));
    }

    #[test]
    fn more_than_are_kept_are_not_all() {
        let many = [&b"\x16\x03\x01\x00\x00"[..]; RECORDS_KEPT + 1].concat();
        let half = half(&[(0, &many)]);
        assert_eq!(seen(&half).len(), RECORDS_KEPT);
        assert!(!half.tls_records().is_some_and(super::TlsRecords::are_all));
    }

    #[test]
    fn what_may_be_an_alert_is_opened() {
        let hello = b"\x16\x03\x03\x00\x02ab\x14\x03\x03\x00\x01\x01";
        let hidden = |fill: u8| [&b"\x17\x03\x03\x00\x13"[..], &[fill; 19]].concat();
        let long = [&b"\x17\x03\x03\x00\x20"[..], &[0; 32]].concat();
        let bytes = [&hello[..], &long, &hidden(1), &long, &hidden(2)].concat();
        let (head, tail) = bytes.split_at(70);
        let mut half = half(&[(0, head), (70, tail)]);
        let opened = std::cell::RefCell::new(Vec::new());
        half.open_records(&|sealed| {
            opened.borrow_mut().push((sealed.hidden, sealed.behind_change, sealed.body.clone()));
            Some(if sealed.body == [2; 19] { Inside::Alert([1, 0]) } else { Inside::Other })
        });
        assert_eq!(opened.into_inner(), [(1, Some(1), vec![1; 19]), (3, Some(3), vec![2; 19])]);
        let kinds: Vec<Kind> = seen(&half).iter().map(|(kind, ..)| *kind).collect();
        let application = Kind::Application;
        assert_eq!(kinds[2..], [application, Kind::NoAlert, application, Kind::Alert]);
        let records = half.tls_records().unwrap();
        assert_eq!(records.last().and_then(|(record, _)| record.alert).map(|alert| alert.description), Some(0));
        assert_eq!(records.application(), Some(2 * 32 + 2 * 19), "what it looked like");
    }

    proptest! {
        #[test]
        fn segmentation_does_not_matter(cuts in proptest::collection::vec(2usize..30, 0..5)) {
            let whole = [TWO, b"data", TWO, b"more", b"\x15\x03\x03\x00\x02\x01\x00"].concat();
            let mut parts: Vec<(u32, &[u8])> = Vec::new();
            let (mut rest, mut offset) = (&whole[..], 0);
            for cut in cuts {
                let (head, tail) = rest.split_at(cut.min(rest.len()));
                parts.push((offset, head));
                offset += u32::try_from(head.len()).unwrap();
                rest = tail;
            }
            parts.push((offset, rest));
            parts.retain(|(_, part)| !part.is_empty());
            let kinds = |half: &Half| seen(half).iter().map(|(kind, len, _)| (*kind, *len)).collect::<Vec<_>>();
            prop_assert_eq!(kinds(&half(&parts)), kinds(&half(&[(0, &whole)])));
        }
    }
}
