//! Turns the segments of one direction that begins with TLS into the sizes of its first records.
//!
//! Follows the record headers by sequence number, without reassembly: what arrives out of order or is missing ends
//! it, unless it lies within one record. Knows nothing of what is inside.

use super::Half;
use crate::frame::Stamp;
use crate::wire::tls::{Record, Records};
use crate::wire::{Flags, Segment, Seq};

/// Records kept of one direction: a handshake with its tickets has about twelve, what follows is data.
pub const RECORDS_KEPT: usize = 24;

/// The first TLS records of one direction.
#[derive(Clone, Debug, PartialEq)]
pub struct TlsRecords {
    kept: Vec<(Record, Stamp)>,
    count: u64,
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
        let (kept, count) = (&mut self.kept, &mut self.count);
        let clear = self.walker.walk(held, &mut |record| {
            *count += 1;
            if kept.len() < RECORDS_KEPT {
                kept.push((record, at));
            }
        });
        if clear.is_some() {
            self.walker = Records::Lost;
        }
        self.walker.skip(u64::from(tcp.payload_len - skip).saturating_sub(held.len() as u64));
        self.next = start.plus(tcp.payload_len);
    }
}

impl Half {
    /// The TLS records of this direction; `None` when it does not begin with one, when its beginning was not captured,
    /// or when many newer connections have come.
    pub fn tls_records(&self) -> Option<&TlsRecords> {
        self.records.as_deref()
    }

    /// Takes a segment with payload.
    pub(super) fn follow_records(&mut self, at: Stamp, tcp: &Segment<'_>) {
        let start = tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN)));
        if self.records.is_none() && self.head.is_empty() && self.head_at == Some(start) && begins_tls(tcp.payload) {
            let records = TlsRecords { kept: Vec::new(), count: 0, walker: Records::First, next: start };
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
