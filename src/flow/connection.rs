//! Turns the segments of one incarnation into its facts: handshake, answers that belong elsewhere, FINs, RSTs.
//!
//! Is told by the table which segments are its own; knows no other incarnation.

use std::net::SocketAddr;
use std::num::NonZeroU64;

use super::sighting::{Kind, Sighting};
use super::{Connection, ConnectionId, End, FinSeen, Half, IcmpSeen, RstSeen, StaleAck, SynSeen};
use crate::frame::{Interval, Stamp};
use crate::wire::{Checksum, Flags, IcmpError, IpHeader, Segment, Seq};

/// SYNs and SYN-ACKs kept of one incarnation; no stack repeats a SYN more often (Linux 10, tcp_syn_retries 6 and
/// four linear ones). The last one is always kept.
pub const SYNS_KEPT: usize = 12;
/// Stale answers kept of one incarnation: one for each SYN.
pub const STALE_ACKS_KEPT: usize = 12;
/// RSTs kept of one incarnation: a burst of segments in flight draws one each.
pub const RSTS_KEPT: usize = 8;
/// ICMP errors kept of one incarnation: one for each SYN.
pub const ICMP_KEPT: usize = 12;
/// The first segments of each direction whose checksum is verified: enough to tell who leaves checksums to the card.
const CHECKSUMS_VERIFIED: u64 = 6;
/// Repeats that make a stall: one lost packet is repaired by one retransmission.
const STALLING_REPEATS: usize = 2;
/// How far ahead of SND.NXT an RST may lie where the capture is known to miss bytes of its sender.
const UNSEEN_BEFORE_RST: i32 = 1 << 20;
/// Linux sets the ISN of a recycled TIME-WAIT this far behind the old SND.NXT (tcp_minisocks.c, tcp_ipv4.c).
const RECYCLED_ISN_STEP: u32 = 65_537;
/// Linux: 1 where that sum is 0.
const RECYCLED_ISN_FOR_ZERO: Seq = Seq(1);

/// Computes what became of a segment's checksum.
pub type Verify = fn(&Segment<'_>, &IpHeader) -> Checksum;

/// What a segment did to its connection. A segment may carry payload whatever its event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowEvent {
    /// A new incarnation started with it.
    Opened,
    /// The SYN again.
    Retried,
    /// SYN-ACK.
    Answered,
    /// The handshake is complete.
    Established,
    /// Payload.
    Data,
    /// A FIN.
    Closing,
    /// An RST, acceptable or not.
    Reset,
    /// Anything else: acknowledgements, keep-alives, stale answers.
    Other,
}

impl Connection {
    /// An incarnation that starts with this segment, not yet booked. A SYN-ACK is sent by the target.
    pub(super) fn new(id: ConnectionId, seen: &Sighting<'_>, previous: Option<ConnectionId>) -> Self {
        let (origin, target) = match seen.kind() {
            Kind::SynAck => (seen.destination(), seen.source()),
            Kind::Syn | Kind::Rst | Kind::Later => (seen.source(), seen.destination()),
        };
        Self {
            id,
            key: seen.key,
            origin,
            target,
            syns: Vec::new(),
            syn_count: 0,
            syn_acks: Vec::new(),
            established: None,
            established_at_once: false,
            midstream: matches!(seen.kind(), Kind::Rst | Kind::Later),
            stale_acks: Vec::new(),
            rsts: Vec::new(),
            icmp: Vec::new(),
            from_origin: Half::default(),
            from_target: Half::default(),
            first: seen.at,
            last: seen.at,
            previous,
            rearmed: None,
            payload_hidden: false,
            translated: None,
            elsewhere: None,
            isn: None,
        }
    }

    /// What `end` sent.
    pub fn half(&self, end: End) -> &Half {
        match end {
            End::Origin => &self.from_origin,
            End::Target => &self.from_target,
        }
    }

    pub(super) fn half_mut(&mut self, end: End) -> &mut Half {
        match end {
            End::Origin => &mut self.from_origin,
            End::Target => &mut self.from_target,
        }
    }

    /// Which end `socket` is.
    pub fn end_of(&self, socket: SocketAddr) -> Option<End> {
        if socket == self.origin { Some(End::Origin) } else { (socket == self.target).then_some(End::Target) }
    }

    /// The socket of `end`.
    pub fn socket(&self, end: End) -> SocketAddr {
        match end {
            End::Origin => self.origin,
            End::Target => self.target,
        }
    }

    /// The origin's initial sequence number, from its SYN or from what the SYN-ACK acknowledges.
    pub fn isn(&self) -> Option<Seq> {
        self.isn
    }

    /// The same connection under other addresses, before or behind a NAT: one whose SYN is the same, at the same moment.
    pub fn elsewhere(&self) -> Option<ConnectionId> {
        self.elsewhere.map(|number| ConnectionId(number.get() - 1))
    }

    pub(super) fn seen_as(&mut self, other: ConnectionId) {
        self.elsewhere = self.elsewhere.or(NonZeroU64::new(other.0.saturating_add(1)));
    }

    /// Whether it was open at some time: its handshake was completed, or it was picked up mid-stream.
    pub fn was_open(&self) -> bool {
        self.established.is_some() || (self.midstream && self.rsts.len() as u64 != self.segments())
    }

    /// Whose segment is never acknowledged though sent again and again, and its frames: the connection has stalled.
    pub fn stalled(&self) -> Option<(End, &[Stamp])> {
        [End::Origin, End::Target].into_iter().find_map(|end| {
            let stamps = self.half(end).unacknowledged();
            (stamps.len() > STALLING_REPEATS && self.half(end.peer()).segments > 0).then_some((end, stamps))
        })
    }

    /// Who closed first, and its FIN: not the one whose FIN acknowledges the other's, whatever the clocks say.
    pub fn first_fin(&self) -> Option<(End, &FinSeen)> {
        let fin = |end: End| self.half(end).fin.as_ref().map(|fin| (end, fin));
        let (Some(one), Some(other)) = (fin(End::Origin), fin(End::Target)) else {
            return fin(End::Origin).or(fin(End::Target));
        };
        let answers = |fin: &FinSeen, first: &FinSeen| fin.ack == first.seq.plus(1);
        match (answers(one.1, other.1), answers(other.1, one.1)) {
            (true, false) => Some(other),
            (false, true) => Some(one),
            _ => Some(if other.1.at < one.1.at { other } else { one }),
        }
    }

    /// Segments seen of both directions.
    pub fn segments(&self) -> u64 {
        self.from_origin.segments + self.from_target.segments
    }

    /// The time from SYN to SYN-ACK and from SYN-ACK to ACK; `None` when one is missing or was sent more than once, or the
    /// first ACK seen is not the first one sent. Two SYN-ACKs within a millisecond may be one that was captured twice.
    pub fn handshake_rtt(&self) -> Option<(Interval, Interval)> {
        let ([syn], [syn_ack, repeats @ ..]) = (self.syns.as_slice(), self.syn_acks.as_slice()) else { return None };
        let once = repeats.iter().all(|repeat| repeat.at.since(syn_ack.at).abs() <= super::copy::MIRRORED);
        let established = self.established.filter(|_| once && self.established_at_once)?;
        Some((syn_ack.at.since(syn.at), established.since(syn_ack.at)))
    }

    /// The SYN or SYN-ACK, and its sender, whose ISN is the one Linux gives when it recycles the `previous`
    /// incarnation's state: old SND.NXT + 65537. Known only where that end's old FIN was seen. Whether the old state
    /// was TIME-WAIT is for its [`close`](Self::close) to say: an orphaned FIN-WAIT-2 gives the same number.
    pub fn isn_is_recycled(&self, previous: &Connection) -> Option<(Stamp, End)> {
        let is_recycled = |syn: &SynSeen, end: End| {
            let fin = previous.half(previous.end_of(self.socket(end))?).fin?;
            let expected = match fin.seq.plus(1).plus(RECYCLED_ISN_STEP) {
                Seq(0) => RECYCLED_ISN_FOR_ZERO,
                isn => isn,
            };
            (syn.isn == expected).then_some((syn.at, end))
        };
        let syn = self.syns.first().and_then(|syn| is_recycled(syn, End::Origin));
        syn.or_else(|| self.syn_acks.first().and_then(|syn_ack| is_recycled(syn_ack, End::Target)))
    }

    /// Whether this is an attempt that nothing but stale answers came back to.
    pub(super) fn is_unanswered(&self) -> bool {
        self.isn.is_some() && self.syn_acks.is_empty() && self.established.is_none() && self.from_target.next.is_none()
    }

    /// Whether `ack` acknowledges this incarnation's SYN (and at most the data that came with it).
    pub(super) fn syn_is_acked_by(&self, ack: Seq) -> bool {
        let Some(isn) = self.isn else { return false };
        let ahead = ack.distance_from(isn);
        let sent = self.from_origin.next.map_or(1, |next| next.distance_from(isn));
        ack == isn.plus(1) || (ahead > 1 && ahead <= sent && self.syn_acks.is_empty())
    }

    /// Takes a segment that belongs to this incarnation.
    pub(super) fn book(&mut self, seen: &Sighting<'_>, from: End, verify: Verify) -> FlowEvent {
        self.last = self.last.max(seen.at);
        let half = self.half_mut(from);
        half.saw(seen);
        half.sighted(seen);
        let control = Flags::SYN | Flags::FIN | Flags::RST;
        if half.segments <= CHECKSUMS_VERIFIED || seen.tcp.flags.0 & control != 0 {
            half.verified(verify(seen.tcp, seen.ip));
        }
        match seen.kind() {
            Kind::Syn => self.book_syn(seen, from),
            Kind::SynAck => self.book_syn_ack(seen, from),
            Kind::Rst => self.book_rst(seen, from),
            Kind::Later => {
                let event = self.book_later(seen, from);
                self.half_mut(from).repeat_verified(seen.at, || verify(seen.tcp, seen.ip));
                event
            }
        }
    }

    fn book_syn(&mut self, seen: &Sighting<'_>, from: End) -> FlowEvent {
        self.half_mut(from).timestamps |= seen.tcp.options.timestamps.is_some();
        if from == End::Target {
            // Simultaneous open (RFC 9293 3.5).
            self.half_mut(from).sent(seen.at, seen.ip, seen.tcp);
            return FlowEvent::Other;
        }
        let again = self.syn_count > 0;
        self.syn_count = self.syn_count.saturating_add(1);
        self.isn = Some(seen.tcp.seq);
        keep_last(&mut self.syns, seen.syn(), SYNS_KEPT);
        if again {
            return FlowEvent::Retried;
        }
        self.from_origin.sent(seen.at, seen.ip, seen.tcp);
        // A SYN-ACK may have been recorded just before its SYN by another interface.
        if self.syn_acks.is_empty() { FlowEvent::Opened } else { FlowEvent::Other }
    }

    fn book_syn_ack(&mut self, seen: &Sighting<'_>, from: End) -> FlowEvent {
        if from == End::Target && self.isn.is_none() && !self.midstream {
            self.isn = Some(seen.tcp.ack.plus(u32::MAX));
        }
        if from == End::Target && !self.syn_is_acked_by(seen.tcp.ack) {
            return self.book_stale(seen, from);
        }
        let half = self.half_mut(from);
        half.timestamps |= seen.tcp.options.timestamps.is_some();
        half.window_zero = seen.tcp.window == 0;
        let first = half.first_seq.is_none();
        if first {
            half.sent(seen.at, seen.ip, seen.tcp);
        }
        self.half_mut(from.peer()).acknowledged(seen.tcp.ack, seen.at);
        if from == End::Origin {
            return FlowEvent::Other;
        }
        keep_last(&mut self.syn_acks, seen.syn(), SYNS_KEPT);
        if self.syn_count == 0 && self.syn_acks.len() == 1 { FlowEvent::Opened } else { FlowEvent::Answered }
    }

    /// An answer to the SYN with the numbers of another incarnation.
    fn book_stale(&mut self, seen: &Sighting<'_>, from: End) -> FlowEvent {
        let stale = StaleAck {
            at: seen.at,
            from,
            seq: seen.tcp.seq,
            ack: seen.tcp.ack,
            syn: seen.tcp.flags.has(Flags::SYN),
            ttl: seen.ip.ttl,
            identification: seen.ip.identification,
            timestamps: seen.tcp.options.timestamps,
            reset: None,
        };
        if self.stale_acks.len() < STALE_ACKS_KEPT {
            push_tight(&mut self.stale_acks, stale);
        }
        FlowEvent::Other
    }

    fn book_rst(&mut self, seen: &Sighting<'_>, from: End) -> FlowEvent {
        let acceptable = self.would_accept_rst(seen, from);
        let rst = RstSeen {
            at: seen.at,
            from,
            seq: seen.tcp.seq,
            ack: seen.ack(),
            ttl: seen.ip.ttl,
            identification: seen.ip.identification,
            mac: seen.link.source,
            acceptable,
            after_close: self.both_fins_acked(),
            unlike: self.half(from).unlike(seen.link, seen.ip, seen.tcp),
        };
        if self.rsts.len() < RSTS_KEPT {
            push_tight(&mut self.rsts, rst);
        } else if acceptable && !self.rsts.iter().any(|rst| rst.acceptable) {
            self.rsts.pop();
            self.rsts.push(rst);
        }
        FlowEvent::Reset
    }

    /// Whether the receiver takes this RST: in SYN-SENT it must acknowledge the SYN (RFC 9293 3.10.7.3), else it must
    /// bear exactly RCV.NXT (RFC 5961 3.2). RCV.NXT is what the receiver last acknowledged or, with segments on their
    /// way, something up to what was sent.
    fn would_accept_rst(&self, seen: &Sighting<'_>, from: End) -> bool {
        let seq = seen.tcp.seq;
        let half = self.half(from);
        if from == End::Target && self.is_unanswered() {
            return seen.ack().is_some_and(|ack| self.syn_is_acked_by(ack));
        }
        if let Some(fin) = half.fin.filter(|_| self.both_fins_acked()) {
            return seq == fin.seq.plus(1);
        }
        let Some(next) = half.next.or(half.acked) else {
            // Nothing is known of its sender's numbers.
            return true;
        };
        let acked = half.acked.filter(|acked| acked.is_before(next)).unwrap_or(next);
        let highest = half.acked.filter(|acked| acked.is_after(next)).unwrap_or(next);
        let within = !seq.is_before(acked) && !seq.is_after(highest);
        let behind_missing = seq.is_after(highest) && seq.distance_from(highest) <= UNSEEN_BEFORE_RST;
        within || (behind_missing && !half.gaps().is_empty())
    }

    fn book_later(&mut self, seen: &Sighting<'_>, from: End) -> FlowEvent {
        let tcp = seen.tcp;
        if from == End::Target
            && self.is_unanswered()
            && seen.is_bare_ack()
            && seen.ack().is_none_or(|ack| !self.syn_is_acked_by(ack))
        {
            return self.book_stale(seen, from);
        }
        if self.holder().is_some_and(|holder| holder.includes(from.peer())) && seen.ack().is_some() {
            self.rearmed = Some(seen.at);
        }
        let peer_window_zero = self.half(from.peer()).window_zero;
        let half = self.half_mut(from);
        // Whoever closes has read, or thrown away, what filled its buffer: the window tells nothing of before.
        half.window_zero = tcp.window == 0 || (half.window_zero && tcp.flags.has(Flags::FIN));
        if half.first_seq.is_none() {
            half.timestamps = tcp.options.timestamps.is_some();
        }
        let probe = half.is_probe(tcp, peer_window_zero);
        if !probe {
            half.sent(seen.at, seen.ip, tcp);
            if seen.is_bare_ack() {
                half.bare(seen.at, tcp.seq);
            }
        }
        if let Some(ack) = seen.ack() {
            self.book_ack(seen.at, from, ack);
        }
        let completes = self.completes_handshake(seen, from);
        if completes {
            self.established = Some(seen.at);
            self.established_at_once = self.from_target.first_seq.is_some_and(|isn| seen.ack() == Some(isn.plus(1)));
        }
        if tcp.flags.has(Flags::FIN) {
            self.book_fin(seen, from);
        }
        if tcp.flags.has(Flags::FIN) {
            FlowEvent::Closing
        } else if completes {
            FlowEvent::Established
        } else if tcp.payload_len > 0 && !probe {
            FlowEvent::Data
        } else {
            FlowEvent::Other
        }
    }

    fn book_ack(&mut self, at: Stamp, from: End, ack: Seq) {
        let next = self.half(from.peer()).next;
        if let (Some(translated), Some(next)) = (&mut self.translated, next) {
            translated.acknowledges(from.peer(), ack.distance_from(next), at);
        }
        let peer = self.half_mut(from.peer());
        peer.acknowledged(ack, at);
        if let Some(fin) = &mut peer.fin
            && ack.is_after(fin.seq)
        {
            fin.acked.get_or_insert(at);
            self.half_mut(from).last_ack_of_fin = Some(at);
        }
    }

    fn book_fin(&mut self, seen: &Sighting<'_>, from: End) {
        let (peer_last, peer_said) = (self.half(from.peer()).last, self.half(from.peer()).last_data);
        let half = self.half_mut(from);
        if half.fin.is_some() {
            half.fin_repeated = true;
            return;
        }
        let seq = seen.tcp.seq.plus(seen.tcp.payload_len);
        // The acknowledgement may have been recorded first, by another interface.
        let acked = peer_last.filter(|_| half.acked.is_some_and(|acked| acked.is_after(seq)));
        half.fin = Some(FinSeen { at: seen.at, seq, ack: seen.tcp.ack, acked, peer_said });
        if acked.is_some() {
            self.half_mut(from.peer()).last_ack_of_fin = acked;
        }
    }

    /// Whether this segment shows that the handshake is complete: the origin speaks again, or the target sends what
    /// it may send only then.
    fn completes_handshake(&self, seen: &Sighting<'_>, from: End) -> bool {
        if self.midstream || self.established.is_some() {
            return false;
        }
        match from {
            End::Origin => match (seen.ack(), self.from_target.first_seq) {
                (Some(ack), Some(isn)) => ack.is_after(isn),
                (ack, None) => ack.is_some(),
                (None, Some(_)) => false,
            },
            End::Target => !seen.is_bare_ack(),
        }
    }

    /// Takes an ICMP error that quotes this incarnation; copies within a few milliseconds are left out.
    pub(super) fn book_icmp(&mut self, at: Stamp, ip: &IpHeader, about: End, error: &IcmpError) {
        let icmp = IcmpSeen { at, from: ip.source, ttl: ip.ttl, about, error: *error };
        let is_copy = self.icmp.iter().any(|known| {
            known.from == icmp.from
                && known.error == icmp.error
                && known.ttl.abs_diff(icmp.ttl) <= 1
                && at.since(known.at).abs() <= super::copy::FORWARDED
        });
        if !is_copy && self.icmp.len() < ICMP_KEPT {
            push_tight(&mut self.icmp, icmp);
        }
    }
}

/// Pushes without reserving more than is needed: there are many connections and most lists hold one.
fn push_tight<T>(list: &mut Vec<T>, item: T) {
    list.reserve_exact(1);
    list.push(item);
}

/// Pushes; where `list` is full, the last one makes room.
fn keep_last<T>(list: &mut Vec<T>, item: T, kept: usize) {
    if list.len() >= kept {
        list.pop();
    }
    push_tight(list, item);
}

#[cfg(test)]
mod tests {
    use super::super::script::{data_key, play};
    use super::super::{Connection, End};
    use crate::frame::Interval;

    const HANDSHAKE: &str = "
        =0.000s S:20 > C:5001 S seq=1000 ts=1/0
        =0.010s C:5001 > S:20 SA seq=9000 ack=1001 id=0";

    #[test]
    fn the_handshake_tells_its_times_when_it_is_clear() {
        let rtt = |rest: &str| play(&format!("{HANDSHAKE}\n{rest}")).only().handshake_rtt();
        let (there, back) = rtt("=0.012s S:20 > C:5001 A seq=1001 ack=9001").expect("clear");
        assert_eq!((there, back), (Interval::millis(10), Interval::millis(2)));
        assert_eq!(rtt(""), None);
        let ack = "=3.0s S:20 > C:5001 A seq=1001 ack=9001";
        assert_eq!(rtt(&format!("=1.0s S:20 > C:5001 S seq=1000\n{ack}")), None);
        assert_eq!(rtt(&format!("=1.0s C:5001 > S:20 SA seq=9000 ack=1001\n{ack}")), None);
        assert!(rtt(&format!("=0.0102s C:5001 > S:20 SA seq=9000 ack=1001 id=0\n{ack}")).is_some());
    }

    #[test]
    fn two_equal_syn_acks_without_identification_are_two() {
        // One by timer, one for a SYN that came in just then.
        let played = play(&format!("{HANDSHAKE}\n=0.0101s C:5001 > S:20 SA seq=9000 ack=1001 id=0"));
        assert_eq!(played.only().syn_acks.len(), 2);
        assert_eq!(played.only().from_target.duplicate_count(), 0);
    }

    #[test]
    fn the_ends_keep_their_sockets_and_options() {
        let played = play(HANDSHAKE);
        let only = played.only();
        assert_eq!((only.origin.port(), only.target.port()), (20, 5001));
        assert_eq!(only.end_of(only.target), Some(End::Target));
        assert_eq!(only.socket(End::Origin), only.origin);
        assert!(only.from_origin.timestamps && !only.from_target.timestamps);
        assert_eq!(only.key, data_key());
    }

    #[test]
    fn data_of_the_target_prove_the_handshake_too() {
        let played = play(&format!("{HANDSHAKE}\n=0.02s C:5001 > S:20 A seq=9001 ack=1001 len=5"));
        assert!(played.only().established.is_some());
        let bare = play(&format!("{HANDSHAKE}\n=0.02s C:5001 > S:20 A seq=9001 ack=1001"));
        assert!(bare.only().established.is_none());
    }

    #[test]
    fn a_missing_syn_ack_does_not_hide_the_handshake() {
        let played = play("=0.0s S:20 > C:5001 S seq=1000\n=0.1s S:20 > C:5001 A seq=1001 ack=9001");
        assert!(played.only().established.is_some() && played.only().was_open());
    }

    #[test]
    fn a_lone_reset_was_never_open() {
        let played = play("=0.0s S:20 > C:5001 R seq=1000");
        assert!(played.only().midstream && !played.only().was_open());
    }

    #[test]
    fn the_fin_that_acknowledges_the_other_is_the_second_whatever_the_clock_says() {
        let closed = |first: &str, second: &str| {
            let ack = "=0.012s S:20 > C:5001 A seq=1001 ack=9001";
            let played = play(&format!("{HANDSHAKE}\n{ack}\n=1.0s {first}\n=1.0002s {second}"));
            played.only().first_fin().map(|(end, _)| end)
        };
        let (origins, targets) = ("S:20 > C:5001 F seq=1001 ack=9001", "C:5001 > S:20 F seq=9001 ack=1002");
        assert_eq!(closed(origins, targets), Some(End::Origin));
        assert_eq!(closed(targets, origins), Some(End::Origin), "recorded before what it acknowledges");
        let both = "C:5001 > S:20 F seq=9001 ack=1001";
        assert_eq!((closed(both, origins), closed(origins, both)), (Some(End::Target), Some(End::Origin)));
        assert_eq!(play(HANDSHAKE).only().first_fin(), None);
    }

    #[test]
    fn a_connection_stays_small() {
        // The table's memory is CONNECTIONS_KEPT times this and its SYNs.
        assert!(size_of::<Connection>() <= 1280, "{}", size_of::<Connection>());
    }
}
