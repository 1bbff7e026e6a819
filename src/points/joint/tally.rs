//! What became of the packets of one connection between two points: crossed, lost, or merely missed by a tap.
//!
//! By byte ranges and not by segments, which offload merges and cuts. Numbers of one point are turned into those of the
//! other first, for devices renumber connections, and lines that they rewrite shift what follows.

use super::super::sampled::{Flow, Sample};
use super::way::Way;
use super::words::Words;
use crate::flow::End;
use crate::frame::Stamp;
use crate::wire::Seq;

/// What became of one direction, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Packets that were seen at both points.
    pub crossed: u64,
    /// Lost, and never made up for.
    pub lost: u64,
    /// Lost, and sent again with success.
    pub recovered: u64,
    /// Not recorded at the far point, though the receiver had them.
    pub missed: u64,
    /// Seen more often at the far point than they were sent.
    pub duplicated: u64,
    /// Overtaken on the way.
    pub reordered: u64,
}

/// By how much numbers are higher at the far point, from a number of the near one on.
#[derive(Clone, Debug, Default)]
struct Shifts(Vec<(Seq, u32)>);

impl Shifts {
    fn at(&self, seq: Seq) -> u32 {
        let known = self.0.iter().rev().find(|(from, _)| !seq.is_before(*from)).or(self.0.first());
        known.map_or(0, |(_, by)| *by)
    }
}

impl<'a> Way<'a> {
    /// By how much numbers of the sender are higher at the far point.
    fn shifts(&self, words: Option<&Words>) -> Shifts {
        let isns = self.near.isn(self.by).zip(self.far.isn(self.by));
        let by = |near: Seq, far: Seq| far.0.wrapping_sub(near.0);
        let start = isns.map(|(near, far)| by(near, far)).or_else(|| {
            // Time stamps survive where numbers do not.
            let stamped = |flow: &'a Flow| flow.sent(self.by).filter(|one| one.times.is_some() && one.occupies());
            stamped(self.near).take(64).find_map(|one| {
                let same = |other: &&Sample| other.times == one.times && other.len == one.len;
                stamped(self.far).take(64).find(same).map(|other| by(one.seq, other.seq))
            })
        });
        let mut shifts = vec![(self.near.sent(self.by).next().map_or(Seq(0), |one| one.seq), start.unwrap_or(0))];
        for (near, far) in words.into_iter().flat_map(Words::both) {
            shifts.push((near.seq, by(near.seq, far.seq)));
            shifts.push((near.end, by(near.end, far.end)));
        }
        Shifts(shifts)
    }

    /// What became of its packets, and those whose payload was lost for good. `alive` says whether the far point recorded
    /// at a moment.
    pub fn tally(&self, words: Option<&Words>, alive: impl Fn(Stamp) -> bool) -> (Tally, Vec<&'a Sample>) {
        let shifts = self.shifts(words);
        let there = Ranges::of(self.far.sent(self.by).filter(|one| one.occupies()));
        let acked = self.acked();
        let mut tally = Tally::default();
        let mut lost: Vec<&Sample> = Vec::new();
        let mut highest: Option<Stamp> = None;
        let mut outside = 0;
        for sample in self.near.sent(self.by).filter(|one| one.occupies()) {
            let by = shifts.at(sample.seq);
            let (from, until) = (sample.seq.plus(by), sample.end().plus(shifts.at(sample.end().plus(u32::MAX))));
            let copy = self.far.sent(self.by).find(|other| other.seq == from && other.end() == until);
            if there.cover(from, until) {
                tally.crossed += 1;
                if let Some(copy) = copy {
                    tally.reordered += u64::from(highest.is_some_and(|highest| copy.at < highest));
                    highest = highest.max(Some(copy.at));
                }
            } else if !alive(sample.at) {
                // It was not recording then.
                outside += 1;
            } else if acked.is_some_and(|acked| !until.is_after(acked)) || self.is_shown_to_arrive(sample) {
                tally.missed += 1;
            } else if self.near.is_whole() && self.far.is_whole() {
                tally.lost += 1;
                // Its words may have come before, without the FIN that a later copy has.
                if sample.len > 0 && !there.cover(from, from.plus(sample.len)) {
                    lost.push(sample);
                }
            }
        }
        let copies = |flow: &Flow| flow.sent(self.by).filter(|one| one.occupies()).count() as u64;
        let (sent, came) = (copies(self.near), copies(self.far));
        // Segments that offload merged are fewer at one point, and nothing is lost by that.
        let same_cut =
            self.near.sent(self.by).map(|one| one.len).max() == self.far.sent(self.by).map(|one| one.len).max();
        if same_cut {
            tally.recovered = sent.saturating_sub(came).saturating_sub(tally.lost + tally.missed + outside);
            tally.duplicated = came.saturating_sub(sent);
        }
        (tally, lost)
    }

    /// The highest number that the receiver acknowledges, at the far point.
    fn acked(&self) -> Option<Seq> {
        let acks = self.far.sent(self.by.peer()).filter(|one| !one.is_rst()).filter_map(|one| one.ack);
        acks.reduce(|high, ack| if ack.is_after(high) { ack } else { high })
    }

    /// A SYN or SYN-ACK that is not at the far point arrived nevertheless where the handshake goes on there.
    fn is_shown_to_arrive(&self, sample: &Sample) -> bool {
        let answered = |by: End| self.far.sent(by).any(|one| !one.is_rst() && one.ack.is_some() && !one.is_syn_ack());
        if sample.is_syn() {
            self.far.syn_acks().next().is_some() || answered(self.by.peer())
        } else {
            sample.is_syn_ack() && answered(self.by.peer())
        }
    }
}

/// Ranges of sequence numbers, merged.
struct Ranges {
    base: Seq,
    all: Vec<(i32, i32)>,
}

impl Ranges {
    fn of<'a>(samples: impl Iterator<Item = &'a Sample>) -> Self {
        let mut ranges: Vec<(Seq, Seq)> = samples.map(|one| (one.seq, one.end())).collect();
        let base = ranges.first().map_or(Seq(0), |(from, _)| *from);
        ranges.sort_by_key(|(from, _)| from.distance_from(base));
        let mut all: Vec<(i32, i32)> = Vec::new();
        for (from, until) in ranges {
            let (from, until) = (from.distance_from(base), until.distance_from(base));
            match all.last_mut() {
                Some((_, end)) if from <= *end => *end = until.max(*end),
                _ => all.push((from, until)),
            }
        }
        Self { base, all }
    }

    fn cover(&self, from: Seq, until: Seq) -> bool {
        let (from, until) = (from.distance_from(self.base), until.distance_from(self.base));
        let place = self.all.partition_point(|(begin, _)| *begin <= from);
        place.checked_sub(1).and_then(|place| self.all.get(place)).is_some_and(|(_, end)| until <= *end)
    }
}
