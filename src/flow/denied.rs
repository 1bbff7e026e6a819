//! Recognises what leaves a forwarding host in somebody's name without having come to it, where that sender's own
//! sequence numbers deny it.
//!
//! That a segment was not seen coming in proves nothing: a capture loses packets, and routes differ. What comes in later
//! does: a sender that says other bytes under the same numbers, or goes on from where the segment begins, never sent it.

use super::crossing::Sight;
use super::seq::Span;
use super::sighting::Sighting;
use super::{Crossing, Side};
use crate::frame::{Interval, Stamp};
use crate::wire::{Flags, Seq};

/// Denied segments kept of one direction: a connection on which nobody mends the numbers does not survive many.
const DENIED_KEPT: usize = 16;

/// Payload bytes by which two segments are told apart: the code of a reply.
const BEGINNING: usize = 3;

/// A segment without payload that comes in this much later, was not overtaken by what it denies. What else
/// comes in within this time may be the denied one under other numbers.
const SAME_MOMENT: Interval = Interval::millis(500);

/// A segment that left and did not come in, and that its sender denies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Denied {
    /// The segment.
    pub at: Stamp,
    /// The segment that denies it, where it comes in.
    pub by: Stamp,
    /// Whether that one has other bytes under the same numbers; else it has none, and begins where the denied one does.
    pub otherwise: bool,
    start: Seq,
}

/// What one end says, on both sides of a host that forwards it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct BothSides {
    /// Up to where both sides have shown it, under the same numbers.
    crossed: Option<Seq>,
    /// Up to where it came in.
    came: Option<Seq>,
    /// What has left ahead of all that came in, and is neither denied nor seen to come in.
    lone: Option<Lone>,
    denied: Vec<Denied>,
    /// Packets were seen in both orders: the clock does not tell where they come in.
    disordered: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Lone {
    at: Stamp,
    start: Seq,
    beginning: [u8; BEGINNING],
}

impl BothSides {
    /// What is denied, oldest first; nothing where it is not clear on which side packets come in.
    pub fn denied(&self) -> &[Denied] {
        if self.disordered { &[] } else { &self.denied }
    }

    /// Takes both sights of one packet.
    pub fn crossed(&mut self, usual: &Crossing, [one, other]: [Sight; 2], seen: &Sighting<'_>) {
        let Some(sights) = Crossing::of(one, other) else { return };
        if (sights.from, sights.to) == (usual.to, usual.from) {
            self.disordered = true;
        }
        if (sights.from, sights.to) == (usual.from, usual.to) {
            raise(&mut self.crossed, Span::of(seen.tcp).end);
        }
    }

    /// Takes one sight of a packet, the first or another one.
    pub fn take(&mut self, usual: &Crossing, seen: &Sighting<'_>, is_copy: bool) {
        let tcp = seen.tcp;
        if self.disordered || tcp.flags.has(Flags::RST) {
            return;
        }
        let side = Side::of(seen);
        if side == usual.from {
            self.comes_in(seen);
        } else if tcp.payload_len > 0 && side == usual.to {
            if !is_copy {
                self.leaves(seen);
            }
        } else if tcp.payload_len > 0 && self.lone.is_some_and(|lone| Span::of(tcp).end.is_after(lone.start)) {
            // It has a third way in.
            self.lone = None;
        }
    }

    /// Only what begins exactly where both sides agree is told apart: once they count differently, or cut into other
    /// segments, numbers say nothing of what is the same.
    fn leaves(&mut self, seen: &Sighting<'_>) {
        let start = seen.tcp.seq;
        let known =
            self.lone.is_some_and(|lone| lone.start == start) || self.denied.iter().any(|one| one.start == start);
        let ahead = self.crossed == Some(start) && self.came.is_none_or(|came| !came.is_after(start));
        if let Some(beginning) = beginning(seen).filter(|_| ahead && !known) {
            self.lone = Some(Lone { at: seen.at, start, beginning });
        }
    }

    fn comes_in(&mut self, seen: &Sighting<'_>) {
        let span = Span::of(seen.tcp);
        raise(&mut self.came, span.end);
        if self.lone.is_none() && self.denied.is_empty() {
            return;
        }
        let may_be_it = |one: &Denied| seen.tcp.payload_len > 0 && seen.at.since(one.at).abs() <= SAME_MOMENT;
        self.denied.retain(|one| !may_be_it(one));
        let Some(lone) = self.lone else { return };
        if let Some(otherwise) = lone.denied_by(seen) {
            if self.denied.len() < DENIED_KEPT {
                self.denied.push(Denied { at: lone.at, by: seen.at, otherwise, start: lone.start });
            }
        } else if !span.end.is_after(lone.start) {
            // Sent before the lone one, or perhaps.
            return;
        }
        // Denied; or the same bytes, perhaps cut into other segments, or its sender counts them as sent.
        self.lone = None;
    }
}

impl Lone {
    /// Whether this segment, which comes in, shows that its sender did not send the lone one: by other bytes, or by its
    /// number. A segment without payload bears the number of the next byte to be sent (RFC 9293 3.10.7.4), a FIN that of
    /// the end.
    fn denied_by(&self, seen: &Sighting<'_>) -> Option<bool> {
        if seen.tcp.seq != self.start {
            return None;
        }
        if seen.tcp.payload_len > 0 {
            return beginning(seen).filter(|mine| *mine != self.beginning).map(|_| true);
        }
        let later = seen.at.since(self.at) > SAME_MOMENT;
        (later || seen.tcp.flags.has(Flags::FIN)).then_some(false)
    }
}

fn beginning(seen: &Sighting<'_>) -> Option<[u8; BEGINNING]> {
    seen.tcp.payload.first_chunk().copied()
}

fn raise(highest: &mut Option<Seq>, seq: Seq) {
    if highest.is_none_or(|known| seq.is_after(known)) {
        *highest = Some(seq);
    }
}

#[cfg(test)]
mod tests {
    use super::{DENIED_KEPT, SAME_MOMENT};
    use crate::flow::script::play;

    /// What the server says comes in on interface 1 and leaves on 0; three frames of it cross, its next number is 1005.
    const OPEN: &str = "
        =0.0000s S:20 > C:5001 S seq=1000 id=1 on=if1
        =0.0001s S:20 > C:5001 S seq=1000 id=1 on=if0 ttl=63
        =0.0010s C:5001 > S:20 SA seq=9000 ack=1001 on=if0
        =0.0020s S:20 > C:5001 A seq=1001 ack=9001 id=2 on=if1
        =0.0021s S:20 > C:5001 A seq=1001 ack=9001 id=2 on=if0 ttl=63
        =0.0030s S:20 > C:5001 A seq=1001 ack=9001 id=3 on=if1 \"220x\"
        =0.0031s S:20 > C:5001 A seq=1001 ack=9001 id=3 on=if0 ttl=63 \"220x\"";

    /// Frame 8, which leaves and does not come in.
    const LONE: &str = "=1.0s S:20 > C:5001 A seq=1005 ack=9001 on=if0 \"425lone\"";

    /// What is denied by what, and whether by other bytes.
    fn denied(rest: &str) -> Vec<(u64, u64, bool)> {
        let played = play(&format!("{OPEN}\n{rest}"));
        let number = |at: crate::frame::Stamp| at.number.0;
        let all = played.only().from_origin.denied();
        all.iter().map(|one| (number(one.at), number(one.by), one.otherwise)).collect()
    }

    fn behind(rest: &str) -> Vec<(u64, u64, bool)> {
        denied(&format!("{LONE}\n{rest}"))
    }

    #[test]
    fn other_bytes_under_the_same_numbers_deny() {
        let other = "S:20 > C:5001 A seq=1005 ack=9001 on=if1 \"150other\"";
        assert_eq!(behind(&format!("=1.001s {other}")), [(8, 9, true)]);
        assert_eq!(behind(&format!("=9.0s {other}")), [(8, 9, true)]);
        assert_eq!(
            behind(&format!("=1.001s {other}\n=5.0s S:20 > C:5001 A seq=1013 ack=9001 on=if1 \"425own\"")),
            [(8, 9, true)]
        );
        assert!(behind("=1.001s S:20 > C:5001 A seq=1005 ack=9001 on=if1 \"15\"").is_empty(), "too little to tell");
    }

    #[test]
    fn an_acknowledgement_denies_when_it_cannot_have_been_on_its_way() {
        let ack = |at: f64| format!("={at}s S:20 > C:5001 A seq=1005 ack=9001 on=if1\n");
        let (soon, late) = (ack(0.9 + SAME_MOMENT.as_secs_f64()), ack(1.1 + SAME_MOMENT.as_secs_f64()));
        assert!(behind(&soon).is_empty());
        assert_eq!(behind(&late), [(8, 9, false)]);
        assert_eq!(behind(&(soon + &late)), [(8, 10, false)]);
        assert!(behind("=9.0s S:20 > C:5001 A seq=1005 ack=9001 on=if0").is_empty(), "not where it comes in");
        assert!(behind("=9.0s S:20 > C:5001 R seq=1005 on=if1").is_empty(), "an RST bears any number");
    }

    #[test]
    fn a_fin_denies_at_once() {
        assert_eq!(behind("=1.001s S:20 > C:5001 F seq=1005 ack=9001 on=if1"), [(8, 9, false)]);
        assert!(behind("=1.001s S:20 > C:5001 F seq=1012 ack=9001 on=if1").is_empty());
    }

    #[test]
    fn a_sender_that_counts_it_sent_it() {
        let later = "=9.0s S:20 > C:5001 A seq=1005 ack=9001 on=if1";
        for counts in
            ["A seq=1012 ack=9001 on=if1", "A seq=1012 ack=9001 on=if1 \"200on\"", "F seq=1012 ack=9001 on=if1"]
        {
            assert!(behind(&format!("=2.0s S:20 > C:5001 {counts}\n{later}")).is_empty(), "{counts}");
        }
    }

    #[test]
    fn what_comes_in_at_any_time_and_cut_anyhow_is_not_alone() {
        let later = "=9.0s S:20 > C:5001 A seq=1005 ack=9001 on=if1";
        for (seq, text) in [(1005, "425lone"), (1005, "425"), (1003, "0x425lone"), (1007, "5lo")] {
            let own = format!("S:20 > C:5001 A seq={seq} ack=9001 on=if1 \"{text}\"");
            assert!(behind(&format!("=1.05s {own}\n{later}")).is_empty(), "behind it: {own}");
            assert!(denied(&format!("=0.95s {own}\n{LONE}\n{later}")).is_empty(), "before it: {own}");
        }
        let copied = "=1.002s S:20 > C:5001 A seq=1005 ack=9001 id=8 on=if1 ttl=65 \"425lone\"";
        assert!(behind(&format!("{copied}\n{later}")).is_empty());
        let third = "=1.05s S:20 > C:5001 A seq=1005 ack=9001 on=if2 \"425lone\"";
        assert!(behind(&format!("{third}\n{later}")).is_empty(), "a third way in");
    }

    #[test]
    fn what_came_before_and_comes_again_says_nothing() {
        assert_eq!(
            behind(
                "=2.0s S:20 > C:5001 A seq=1001 ack=9001 on=if1 \"220x\"
                 =9.0s S:20 > C:5001 A seq=1005 ack=9001 on=if1"
            ),
            [(8, 10, false)]
        );
    }

    #[test]
    fn numbers_tell_only_where_both_sides_agree() {
        let ahead = "=1.0s S:20 > C:5001 A seq=1008 ack=9001 on=if0 \"425lone\"";
        let there = "=9.0s S:20 > C:5001 A seq=1008 ack=9001 on=if1";
        assert!(denied(&format!("{ahead}\n{there}")).is_empty());
        // A line is left out on the way, and the numbers of the next are shifted.
        assert!(
            behind(
                "=1.001s S:20 > C:5001 A seq=1005 ack=9001 on=if1 \"150x\"
                 =1.002s S:20 > C:5001 A seq=1009 ack=9001 on=if1 \"425lone\""
            )
            .is_empty()
        );
    }

    #[test]
    fn nothing_is_denied_where_packets_cross_in_both_orders() {
        let crossing = "=1.2s S:20 > C:5001 A seq=1005 ack=9002 id=5 on=if1 ttl=63
                        =1.201s S:20 > C:5001 A seq=1005 ack=9002 id=5 on=if0 ttl=64";
        let later = "=9.0s S:20 > C:5001 A seq=1005 ack=9001 on=if1";
        assert_eq!(behind(later).len(), 1);
        assert!(behind(&format!("{crossing}\n{later}")).is_empty());
        assert!(behind(&format!("{later}\n{crossing}")).is_empty());
    }

    #[test]
    fn a_repeat_is_one_and_few_are_kept() {
        let round = |number: usize| {
            let (at, seq, id) = (10 + 10 * number, 1005 + number, 100 + number);
            format!(
                "={at}.0s S:20 > C:5001 A seq={seq} ack=9001 on=if0 \"425lone\"
                 ={at}.3s S:20 > C:5001 A seq={seq} ack=9001 on=if0 \"425lone\"
                 ={at}.8s S:20 > C:5001 A seq={seq} ack=9001 on=if1
                 ={at}.9s S:20 > C:5001 A seq={seq} ack=9001 on=if0 \"425lone\"
                 ={at}.95s S:20 > C:5001 A seq={seq} ack=9001 id={id} on=if1 \"x\"
                 ={at}.951s S:20 > C:5001 A seq={seq} ack=9001 id={id} on=if0 ttl=63 \"x\"\n"
            )
        };
        let rest: String = (0..2 * DENIED_KEPT).map(round).collect();
        let all = denied(&rest);
        assert_eq!(all.len(), DENIED_KEPT);
        assert_eq!(all[..2], [(8, 10, false), (14, 16, false)]);
    }
}
