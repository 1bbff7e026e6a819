//! Turns the segments of one direction into what its sender sent and what the capture holds of it.
//!
//! Knows the numbers of one direction and the acknowledgements for it; nothing of handshakes or closes.

use super::crossing::Sight;
use super::seq::Span;
use super::sighting::Sighting;
use super::{Anomalies, Crossing, Denied, GapSeen, HEAD_BYTES, Half, Lag, Stuck};
use crate::frame::{Interval, Stamp};
use crate::wire::{Checksum, Flags, IpHeader, Segment, Seq};

/// Stretches not seen yet that are watched: a burst loss leaves a few, more are one story.
pub const HOLES_KEPT: usize = 16;
/// Gaps kept for each direction; the first ones are evidence enough.
pub const GAPS_KEPT: usize = 32;
/// Reordered segments kept as evidence.
pub const REORDERED_KEPT: usize = 16;
/// Copies kept as evidence.
pub const DUPLICATES_KEPT: usize = 16;
/// Frames kept of one segment that is sent again and again; TCP gives up after about 15 repeats (RFC 9293 3.8.3).
pub const REPEATS_KEPT: usize = 16;
/// A segment this much late that was never seen before was overtaken, not lost: losses are repaired after a round trip.
pub const OVERTAKEN: Interval = Interval::millis(3);
/// Segments kept that lag behind what the peer acknowledged.
const LAGGING_KEPT: usize = 16;
/// A sender that lags by more was merely overtaken on the way; numbers shifted by a rewritten line differ by less.
const LARGEST_LAG: i32 = 64;
/// Segments kept whose TTL is another: a device on the way that answers in somebody's name sends few.
const OTHER_TTL_KEPT: usize = 8;
/// TTLs that differ by fewer hops may be routes that differ.
const OTHER_TTL_HOPS: u8 = 2;
/// IP identifications this far below a later segment's were given out shortly before it.
const IDENTIFICATIONS_BACK: u16 = 32;
/// IP identifications this far above were given out after it: to a repeat, behind what was on its way meanwhile.
const IDENTIFICATIONS_AHEAD: u16 = 4096;
/// An acknowledgement numbered further ahead of what was seen than a window without scaling is not taken for a loss.
const LARGEST_LOSS: i32 = 65_535;
/// An acknowledgement further ahead than the largest window (RFC 7323 2.3) is no acknowledgement of this stream.
const LARGEST_WINDOW: i32 = 65_535 << 14;

/// A stretch that was jumped over: lost before the capture, lost by the capture, or still to come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hole {
    span: Span,
    /// The segment that jumped over it.
    at: Stamp,
    /// Its IP identification.
    identification: Option<u16>,
}

impl Half {
    /// First and last repeat of segments that were sent again.
    pub fn retransmitted(&self) -> Option<(Stamp, Stamp)> {
        self.anomalies.as_ref()?.retransmitted
    }

    /// The oldest segment with payload that was sent again and is not acknowledged: its first frame (if it was seen)
    /// and its repeats, bounded; empty when there is none.
    pub fn unacknowledged(&self) -> &[Stamp] {
        self.anomalies.as_ref().map_or(&[], |anomalies| &anomalies.unacknowledged)
    }

    /// The sequence number of that segment.
    pub fn unacknowledged_seq(&self) -> Option<Seq> {
        self.anomalies.as_ref()?.unacknowledged_seq
    }

    /// How many of its repeats have a checksum that is not known to be bad.
    pub fn intact_repeats(&self) -> u32 {
        self.anomalies.as_ref().map_or(0, |anomalies| anomalies.intact_repeats)
    }

    /// A packet that was sent again and again and is not acknowledged, or only in smaller ones.
    pub fn stuck(&self) -> Option<&Stuck> {
        self.anomalies.as_ref()?.stuck.as_ref()
    }

    /// The largest packet that was acknowledged as it was sent, in bytes of the IP packet. The card of a host may cut what is
    /// larger than the largest segment.
    pub fn largest_passed(&self) -> u32 {
        self.passed.largest()
    }

    /// The last bare acknowledgements, if they lag behind what the peer has acknowledged.
    pub fn lag(&self) -> Option<&Lag> {
        self.anomalies.as_ref()?.lag.as_ref()
    }

    /// Segments that arrived behind later ones without being retransmissions, the first few.
    pub fn reordered(&self) -> &[Stamp] {
        self.anomalies.as_ref().map_or(&[], |anomalies| &anomalies.reordered)
    }

    /// How many there were.
    pub fn reordered_count(&self) -> u32 {
        self.anomalies.as_ref().map_or(0, |anomalies| anomalies.reordered_count)
    }

    /// Segments that were captured more than once: first sight and copy, the first few.
    pub fn duplicates(&self) -> &[(Stamp, Stamp)] {
        self.anomalies.as_ref().map_or(&[], |anomalies| &anomalies.duplicates)
    }

    /// How many copies there were.
    pub fn duplicate_count(&self) -> u32 {
        self.anomalies.as_ref().map_or(0, |anomalies| anomalies.duplicate_count)
    }

    /// Segments whose TTL is two or more away from the first segment's, with their TTL, the first few.
    pub fn other_ttl(&self) -> &[(Stamp, u8)] {
        self.anomalies.as_ref().map_or(&[], |anomalies| &anomalies.other_ttl)
    }

    /// How many there were.
    pub fn other_ttl_count(&self) -> u32 {
        self.anomalies.as_ref().map_or(0, |anomalies| anomalies.other_ttl_count)
    }

    /// First segment cut by the snap length.
    pub fn first_cut(&self) -> Option<Stamp> {
        self.anomalies.as_ref()?.first_cut
    }

    /// Bytes that the peer acknowledged and this capture does not hold, in order of discovery, the first few.
    pub fn gaps(&self) -> &[GapSeen] {
        self.anomalies.as_ref().map_or(&[], |anomalies| &anomalies.gaps)
    }

    /// Whether all that this end said since then was captured, as far as the peer's acknowledgements tell.
    pub fn is_whole_since(&self, from: Stamp) -> bool {
        self.segments > 0 && self.gaps().iter().all(|gap| gap.at < from)
    }

    /// Whether this segment is a keep-alive or a zero-window probe: at most one byte, directly before SND.NXT, that
    /// the peer has already (RFC 9293 3.8.4) or has no room for (3.8.6.1).
    pub(super) fn is_probe(&self, tcp: &Segment<'_>, peer_window_zero: bool) -> bool {
        let Some(next) = self.next else { return false };
        tcp.payload_len <= 1
            && tcp.flags.0 & (Flags::SYN | Flags::FIN | Flags::RST) == 0
            && tcp.seq.plus(1) == next
            && (self.acked == Some(next) || peer_window_zero)
    }

    /// Facts of any segment, whatever its numbers.
    pub(super) fn saw(&mut self, seen: &Sighting<'_>) {
        let Sighting { at, link, wrapping, ip, tcp, .. } = *seen;
        self.segments += 1;
        if self.first.is_none() {
            self.first = Some(at);
            self.first_ttl = Some(ip.ttl);
            self.first_mac = link.source;
            self.first_wrapping = Some(wrapping);
        }
        self.last = Some(at);
        self.looked(link, ip, tcp);
        if self.first_ttl.is_some_and(|first| first.abs_diff(ip.ttl) >= OTHER_TTL_HOPS) {
            let anomalies = self.anomalies();
            anomalies.other_ttl_count = anomalies.other_ttl_count.saturating_add(1);
            if anomalies.other_ttl.len() < OTHER_TTL_KEPT {
                anomalies.other_ttl.push((at, ip.ttl));
            }
        }
        self.ttl = Some(self.ttl.map_or((ip.ttl, ip.ttl), |(low, high)| (low.min(ip.ttl), high.max(ip.ttl))));
        self.largest_packet = self.largest_packet.max(packet_len(ip, tcp));
        if (tcp.payload.len() as u64) < u64::from(tcp.payload_len) {
            self.cut = self.cut.saturating_add(1);
            self.anomalies().first_cut.get_or_insert(at);
        }
    }

    /// Counts a checksum.
    pub(super) fn verified(&mut self, checksum: Checksum) {
        match checksum {
            Checksum::Valid => self.good_checksums = self.good_checksums.saturating_add(1),
            Checksum::Bad => self.bad_checksums = self.bad_checksums.saturating_add(1),
            Checksum::Unknown => {}
        }
    }

    /// Takes the sequence space that a segment of this incarnation occupies.
    pub(super) fn sent(&mut self, at: Stamp, ip: &IpHeader, tcp: &Segment<'_>) {
        let span = Span::of(tcp);
        if self.first_seq.is_none() {
            self.first_seq = Some(tcp.seq);
            self.head_at = Some(tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN))));
            self.next = Some(tcp.seq);
        }
        if tcp.payload_len > 0 {
            self.follow_records(at, tcp);
            self.keep_head(tcp);
        }
        if span.is_empty() {
            return;
        }
        let next = self.next.unwrap_or(span.start);
        // Only what lies beyond SND.NXT is new; the rest was sent again, or was overtaken on the way.
        let fresh = span.end.distance_from(next);
        if fresh <= 0 || span.start.is_before(next) {
            self.again(at, ip, tcp, span, next);
        } else {
            self.passed.sent(span, packet_len(ip, tcp), self.acked);
            // What the peer has already acknowledged is a gap by now.
            let from = self.acked.filter(|acked| acked.is_after(next)).unwrap_or(next);
            if span.start.is_after(from) {
                self.jumped_over(Span { start: from, end: span.start }, at, ip.identification);
            }
            self.fill(span);
        }
        if fresh > 0 {
            self.next = Some(span.end);
            // SYN and FIN take a number each and are no bytes.
            let flags = u32::from(tcp.flags.has(Flags::SYN)) + u32::from(tcp.flags.has(Flags::FIN));
            let before = if span.start.is_before(next) { next.distance_from(span.start).unsigned_abs() } else { 0 };
            self.bytes += u64::from(span.len().saturating_sub(before).saturating_sub(flags));
        }
        if tcp.payload_len > 0 {
            self.first_data.get_or_insert(at);
            self.last_data = Some(at);
            if fresh > 0 {
                self.last_data_seq = tcp.seq;
                if self.oldest.is_none() && self.acked.is_none_or(|acked| span.end.is_after(acked)) {
                    self.oldest = Some((tcp.seq, at));
                }
            }
        }
    }

    /// Books a segment of which a part lies before SND.NXT: sent again, or overtaken on the way.
    fn again(&mut self, at: Stamp, ip: &IpHeader, tcp: &Segment<'_>, span: Span, next: Seq) {
        let late = self.late(at, ip, span);
        // What fills a hole was never seen before: it counts as new, though its numbers are old.
        let first_sight = self.fill(span.cut_at(next)).min(tcp.payload_len);
        self.fill(span);
        self.bytes += u64::from(first_sight);
        if late == Some(Late::Overtaken) {
            let anomalies = self.anomalies();
            anomalies.reordered_count = anomalies.reordered_count.saturating_add(1);
            if anomalies.reordered.len() < REORDERED_KEPT {
                anomalies.reordered.push(at);
            }
            return;
        }
        self.retransmissions = self.retransmissions.saturating_add(1);
        let anomalies = self.anomalies();
        let first = anomalies.retransmitted.map_or(at, |(first, _)| first);
        anomalies.retransmitted = Some((first, at));
        let open = self.acked.is_none_or(|acked| span.end.is_after(acked));
        self.passed.again(span, packet_len(ip, tcp));
        if tcp.payload_len > 0 && late.is_none() && open {
            self.repeated(at, tcp.seq);
            self.stuck_again(at, tcp.seq, packet_len(ip, tcp));
        }
    }

    /// A segment with payload that the peer has not acknowledged was sent again.
    fn repeated(&mut self, at: Stamp, seq: Seq) {
        let oldest = self.oldest;
        let anomalies = self.anomalies();
        match anomalies.unacknowledged_seq {
            Some(known) if known == seq => {}
            Some(known) if !seq.is_before(known) => return,
            _ => {
                anomalies.unacknowledged_seq = Some(seq);
                anomalies.unacknowledged.clear();
                anomalies.intact_repeats = 0;
                anomalies.unacknowledged.extend(oldest.filter(|(first, _)| *first == seq).map(|(_, first)| first));
            }
        }
        if anomalies.unacknowledged.len() >= REPEATS_KEPT {
            anomalies.unacknowledged.pop();
        }
        anomalies.unacknowledged.push(at);
    }

    /// Likewise, with the size of its packet.
    fn stuck_again(&mut self, at: Stamp, seq: Seq, size: u32) {
        let first = self.oldest.filter(|(first, _)| *first == seq).map(|(_, first)| first);
        let anomalies = self.anomalies();
        // What does not pass holds up all behind it.
        let behind = anomalies.stuck.as_ref().is_some_and(|stuck| stuck.passed.is_none() && seq.is_after(stuck.seq));
        if !behind && !anomalies.stuck.as_mut().is_some_and(|stuck| stuck.again(seq, size, at)) {
            anomalies.stuck = Some(Stuck::new(seq, size, first, at));
        }
    }

    /// Takes the peer's acknowledgement.
    pub(super) fn acknowledged(&mut self, ack: Seq, at: Stamp) {
        let before = self.acked;
        if before.is_some_and(|acked| !ack.is_after(acked)) {
            return;
        }
        if let Some(next) = self.next {
            // So much cannot be in flight unseen: the number is another incarnation's, or nobody's.
            if ack.distance_from(next) > LARGEST_WINDOW {
                return;
            }
            self.gaps_up_to(ack, next, before, at);
        } else if before.is_some_and(|acked| ack.distance_from(acked) > LARGEST_WINDOW) {
            return;
        }
        self.acked = Some(ack);
        self.passed.acknowledged(ack);
        if self.oldest.is_some_and(|(seq, _)| ack.is_after(seq)) {
            self.oldest =
                self.last_data.filter(|_| !ack.is_after(self.last_data_seq)).map(|at| (self.last_data_seq, at));
        }
        if let Some(anomalies) = self.anomalies.as_deref_mut()
            && anomalies.unacknowledged_seq.is_some_and(|seq| ack.is_after(seq))
        {
            anomalies.unacknowledged_seq = None;
            anomalies.unacknowledged.clear();
        }
        if let Some(anomalies) = self.anomalies.as_deref_mut()
            && anomalies.stuck.as_mut().is_some_and(|stuck| !stuck.acknowledged(ack, at))
        {
            anomalies.stuck = None;
        }
    }

    /// Bytes that this end sent, as the numbers of what it sent later show, and that neither this capture nor the peer has
    /// got: how many, and the frame that shows it. They were lost before this capture point.
    pub fn lost_before_here(&self) -> Option<(u32, Stamp)> {
        let (anomalies, next) = (self.anomalies.as_deref()?, self.next?);
        let known = self.acked.filter(|acked| acked.is_after(next)).unwrap_or(next);
        let ahead = anomalies.ahead.filter(|(seq, _)| seq.is_after(known));
        let hole = anomalies.holes.iter().map(|hole| (hole.span.len(), hole.at)).find(|(len, _)| *len > 0);
        hole.or_else(|| ahead.map(|(seq, at)| (seq.distance_from(known).unsigned_abs(), at)))
    }

    /// Compares the number of a bare acknowledgement with what this end has sent, and with what the peer has acknowledged.
    pub(super) fn bare(&mut self, at: Stamp, seq: Seq) {
        // It acknowledges from a number that lies ahead of all that came: what is between was sent and lost before here.
        if self.next.is_some_and(|next| seq.is_after(next) && seq.distance_from(next) <= LARGEST_LOSS) {
            let anomalies = self.anomalies();
            anomalies.ahead = anomalies.ahead.filter(|(known, _)| !seq.is_after(*known)).or(Some((seq, at)));
        }
        let Some(bytes) = self.acked.map(|acked| acked.distance_from(seq)) else { return };
        if !(1..=LARGEST_LAG).contains(&bytes) {
            if let Some(anomalies) = self.anomalies.as_deref_mut() {
                anomalies.lag = None;
            }
            return;
        }
        let bytes = bytes.unsigned_abs();
        let anomalies = self.anomalies();
        let lag = anomalies.lag.take().filter(|lag| lag.bytes == bytes);
        let lag = anomalies.lag.insert(lag.unwrap_or(Lag { bytes, frames: Vec::new() }));
        if lag.frames.len() < LAGGING_KEPT {
            lag.frames.push(at);
        }
    }

    /// Verifies a segment that was just sent again, not being acknowledged.
    pub(super) fn repeat_verified(&mut self, at: Stamp, checksum: impl FnOnce() -> Checksum) {
        let Some(anomalies) = self.anomalies.as_deref_mut() else { return };
        if anomalies.unacknowledged.last() == Some(&at) && checksum() != Checksum::Bad {
            anomalies.intact_repeats = anomalies.intact_repeats.saturating_add(1);
        }
    }

    /// Turns what was acknowledged and not seen into gaps.
    fn gaps_up_to(&mut self, ack: Seq, next: Seq, acked: Option<Seq>, at: Stamp) {
        if let Some(anomalies) = self.anomalies.as_deref_mut() {
            for hole in &mut anomalies.holes {
                let known = hole.span.cut_at(ack);
                if !known.is_empty() {
                    push_gap(&mut anomalies.gaps, known, at);
                    hole.span.start = known.end;
                }
            }
            anomalies.holes.retain(|hole| !hole.span.is_empty());
        }
        let start = acked.filter(|acked| acked.is_after(next)).unwrap_or(next);
        if ack.is_after(start) {
            push_gap(&mut self.anomalies().gaps, Span { start, end: ack }, at);
        }
    }

    /// How its segments cross a host that was captured on both sides, if they do.
    pub fn crossing(&self) -> Option<&Crossing> {
        self.anomalies.as_ref()?.crossing.as_ref()
    }

    /// What leaves such a host in this end's name, and was not sent by it.
    pub fn denied(&self) -> &[Denied] {
        self.anomalies.as_ref().map_or(&[], |anomalies| anomalies.both_sides.denied())
    }

    /// Takes a sight of a segment that is no copy.
    pub(super) fn sighted(&mut self, seen: &Sighting<'_>) {
        if let Some(anomalies) = self.anomalies.as_deref_mut()
            && let Some(crossing) = &anomalies.crossing
        {
            anomalies.both_sides.take(crossing, seen, false);
        }
    }

    /// Records that a copy of a segment was captured.
    pub(super) fn copied(&mut self, sights: [Sight; 2], seen: &Sighting<'_>) {
        let [one, other] = sights;
        let (first, copy) = (one.at, other.at);
        let anomalies = self.anomalies();
        match (&mut anomalies.crossing, Crossing::of(one, other)) {
            (Some(known), Some(new)) => known.again(&new),
            (known, new) => *known = known.or(new),
        }
        if let Some(crossing) = &anomalies.crossing {
            anomalies.both_sides.crossed(crossing, sights, seen);
            anomalies.both_sides.take(crossing, seen, true);
        }
        self.recorded_again(first, copy);
    }

    /// Counts that a segment was captured once more.
    pub(super) fn recorded_again(&mut self, first: Stamp, copy: Stamp) {
        let anomalies = self.anomalies();
        anomalies.duplicate_count = anomalies.duplicate_count.saturating_add(1);
        if anomalies.duplicates.len() < DUPLICATES_KEPT {
            anomalies.duplicates.push((first, copy));
        }
    }

    fn jumped_over(&mut self, span: Span, at: Stamp, identification: Option<u16>) {
        let holes = &mut self.anomalies().holes;
        if holes.len() >= HOLES_KEPT {
            holes.remove(0);
        }
        holes.push(Hole { span, at, identification });
    }

    /// Why this segment comes behind later ones, if the capture did not hold its bytes yet.
    fn late(&self, at: Stamp, ip: &IpHeader, span: Span) -> Option<Late> {
        let anomalies = self.anomalies.as_ref()?;
        let hole = anomalies.holes.iter().find(|hole| hole.span.overlaps(span));
        let gap = anomalies.gaps.iter().find(|gap| gap.span().overlaps(span));
        let since = hole.map(|hole| hole.at).or(gap.map(|gap| gap.at))?;
        let later = hole.and_then(|hole| hole.identification).filter(|id| *id != 0);
        let mine = ip.identification.filter(|id| *id != 0);
        // Hosts that count their identifications up tell in which order they sent; zero tells nothing (RFC 6864 4.1).
        if let Some((later, mine)) = later.zip(mine) {
            if (1..=IDENTIFICATIONS_BACK).contains(&later.wrapping_sub(mine)) {
                return Some(Late::Overtaken);
            }
            if (1..=IDENTIFICATIONS_AHEAD).contains(&mine.wrapping_sub(later)) {
                return Some(Late::SentAgain);
            }
        }
        let soon = at.since(since).abs() < OVERTAKEN;
        Some(if soon { Late::Overtaken } else { Late::SentAgain })
    }

    /// Takes `span` out of holes and gaps; how much of it was in one.
    fn fill(&mut self, span: Span) -> u32 {
        let Some(anomalies) = self.anomalies.as_deref_mut() else { return 0 };
        let mut filled = 0_u32;
        let mut rest = |from: Span| {
            filled = filled.saturating_add(from.common(span));
            from.without(span)
        };
        let holes = std::mem::take(&mut anomalies.holes);
        let holes = holes.into_iter().flat_map(|hole| rest(hole.span).map(move |span| Hole { span, ..hole }));
        anomalies.holes = holes.take(HOLES_KEPT).collect();
        let gaps = std::mem::take(&mut anomalies.gaps);
        let gaps = gaps.into_iter().flat_map(|gap| rest(gap.span()).map(move |span| GapSeen::new(span, gap.at)));
        anomalies.gaps = gaps.take(GAPS_KEPT).collect();
        filled
    }

    fn keep_head(&mut self, tcp: &Segment<'_>) {
        let Some(at) = self.head_at else { return };
        let start = tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN)));
        let Ok(skip) = usize::try_from(at.distance_from(start)) else { return };
        let Some(bytes) = tcp.payload.get(skip..).filter(|bytes| !bytes.is_empty()) else { return };
        let bytes = bytes.get(..HEAD_BYTES.saturating_sub(self.head.len())).unwrap_or(bytes);
        self.head.extend_from_slice(bytes);
        let cut_inside = tcp.payload.len() < tcp.payload_len as usize;
        let full = self.head.len() >= HEAD_BYTES;
        self.head_at = (!cut_inside && !full).then(|| at.plus(u32::try_from(bytes.len()).unwrap_or(u32::MAX)));
    }

    /// Gives the head and the TLS records back and keeps no more of them.
    pub(super) fn forget_head(&mut self) {
        self.head = Vec::new();
        self.head_at = None;
        self.records = None;
    }

    fn anomalies(&mut self) -> &mut Anomalies {
        self.anomalies.get_or_insert_default()
    }
}

/// Why a segment came behind later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Late {
    Overtaken,
    SentAgain,
}

impl GapSeen {
    fn new(span: Span, at: Stamp) -> Self {
        Self { seq: span.start, len: span.len(), at }
    }

    fn span(&self) -> Span {
        Span { start: self.seq, end: self.seq.plus(self.len) }
    }
}

/// Adds a gap, or lengthens the last one where it continues.
fn push_gap(gaps: &mut Vec<GapSeen>, span: Span, at: Stamp) {
    if let Some(last) = gaps.last_mut()
        && last.span().end == span.start
    {
        last.len = last.len.saturating_add(span.len());
    } else if gaps.len() < GAPS_KEPT {
        gaps.push(GapSeen::new(span, at));
    }
}

/// Length of the IP packet that carried a segment.
fn packet_len(ip: &IpHeader, tcp: &Segment<'_>) -> u32 {
    let ip_header = if ip.source.is_ipv4() { 20 } else { 40 };
    let tcp_header = u32::try_from(tcp.raw.len().saturating_sub(tcp.payload.len())).unwrap_or(20);
    ip_header + tcp_header.max(20) + tcp.payload_len
}

#[cfg(test)]
mod tests;
