//! Which connection at one point is which at another.
//!
//! By what hosts choose at random: both initial sequence numbers, three segments by their numbers, or three by their time
//! stamps. One such connection shows that two points saw one network. Weaker signs (one number, one time stamp) pair
//! further connections of points that are known to be joined; addresses, words and payload alone show nothing, for
//! logins, banners and addresses are the same in captures that have nothing to do with each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use foldhash::fast::RandomState;

use super::sampled::{Flow, Sample, Sampled};
use crate::flow::End;
use crate::wire::{Flags, Seq};

/// Packets of a connection that are compared.
const COMPARED: usize = 256;

/// Connections that one weak sign points to at most: what more of them have was not drawn at random.
const ALIKE: usize = 64;

/// Equal segments, by numbers or by time stamps, that show a connection.
const STRONG: u32 = 3;

/// How the sequence numbers of a connection at one point relate to those at the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// One TCP connection: the numbers are the same, or differ by a constant, or by what a rewritten line grew.
    Same,
    /// Two TCP connections with one dialogue, or one content: something between ends the one and opens the other.
    Terminated,
}

/// A connection that both points saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// Its place at the first point.
    pub a: usize,
    /// Its place at the second point.
    pub b: usize,
    /// How the numbers relate.
    pub relation: Relation,
}

/// What speaks for two connections to be one.
#[derive(Clone, Copy, Debug, Default)]
struct Votes {
    isns: bool,
    opener: bool,
    stamped: bool,
    numbers: u32,
    times: u32,
    /// Segments that the other point has from the other end.
    turned: u32,
}

impl Votes {
    fn is_strong(&self) -> bool {
        self.isns || self.numbers >= STRONG || self.times >= STRONG
    }

    fn weight(&self) -> u32 {
        let sum = |condition, weight| if condition { weight } else { 0 };
        sum(self.isns, 100)
            + sum(self.opener, 50)
            + sum(self.stamped, 20)
            + self.numbers.saturating_mul(10).min(1000)
            + self.times.saturating_mul(5).min(500)
    }
}

/// By numbers: sequence, acknowledgement, length, SYN and FIN.
type Numbers = (u32, u32, u32, u8);
/// By time stamps: both of them, and the length.
type Times = (u32, u32, u32);

fn numbers(sample: &Sample) -> Option<Numbers> {
    // A RST may be forged, and an acknowledgement number alone is not drawn at random for this packet.
    let kind = sample.flags.0 & (Flags::SYN | Flags::FIN);
    sample.ack.filter(|_| !sample.is_rst()).map(|ack| (sample.seq.0, ack.0, sample.len, kind))
}

fn times(sample: &Sample) -> Option<Times> {
    let (value, echo) = sample.times.filter(|(_, echo)| *echo != 0 && !sample.is_rst())?;
    Some((value, echo, sample.len))
}

/// What the connections of a point are found by.
#[derive(Default)]
struct Index {
    isns: HashMap<[Seq; 2], usize, RandomState>,
    openers: HashMap<Seq, Vec<usize>, RandomState>,
    numbers: HashMap<Numbers, (usize, End), RandomState>,
    times: HashMap<Times, (usize, End), RandomState>,
    stamps: HashMap<(u32, u16), Vec<usize>, RandomState>,
}

fn note(places: &mut Vec<usize>, place: usize) {
    if places.len() < ALIKE {
        places.push(place);
    }
}

impl Index {
    fn of(point: &Sampled) -> Self {
        let mut index = Self::default();
        for (place, flow) in point.flows.iter().enumerate() {
            if let [Some(origin), Some(target)] = flow.isns {
                index.isns.entry([origin, target]).or_insert(place);
            }
            if let Some(isn) = flow.isns[0] {
                note(index.openers.entry(isn).or_default(), place);
            }
            for value in stamps(flow) {
                note(index.stamps.entry((value, flow.ends[1].port())).or_default(), place);
            }
            for sample in flow.samples.iter().take(COMPARED) {
                if let Some(key) = numbers(sample) {
                    index.numbers.entry(key).or_insert((place, sample.from));
                }
                if let Some(key) = times(sample) {
                    index.times.entry(key).or_insert((place, sample.from));
                }
            }
        }
        index
    }

    /// What speaks for each connection to be `flow`.
    fn votes(&self, flow: &Flow, point: &Sampled) -> BTreeMap<usize, Votes> {
        let mut votes: BTreeMap<usize, Votes> = BTreeMap::new();
        if let [Some(origin), Some(target)] = flow.isns
            && let Some(place) = self.isns.get(&[origin, target])
        {
            votes.entry(*place).or_default().isns = true;
        }
        let opened = flow.isns[0].and_then(|isn| self.openers.get(&isn)).into_iter().flatten();
        for place in opened.filter(|place| point.flows.get(**place).is_some_and(|other| !contradict(flow, other))) {
            votes.entry(*place).or_default().opener = true;
        }
        for value in stamps(flow) {
            for place in self.stamps.get(&(value, flow.ends[1].port())).into_iter().flatten() {
                votes.entry(*place).or_default().stamped = true;
            }
        }
        for sample in flow.samples.iter().take(COMPARED) {
            if let Some((place, from)) = numbers(sample).and_then(|key| self.numbers.get(&key)) {
                let votes = votes.entry(*place).or_default();
                votes.numbers += 1;
                votes.turned += u32::from(*from != sample.from);
            }
            if let Some((place, from)) = times(sample).and_then(|key| self.times.get(&key)) {
                let votes = votes.entry(*place).or_default();
                votes.times += 1;
                votes.turned += u32::from(*from != sample.from);
            }
        }
        votes
    }
}

/// The time stamps of SYNs.
fn stamps(flow: &Flow) -> impl Iterator<Item = u32> {
    flow.syns().filter_map(|syn| syn.times).map(|(value, _)| value)
}

/// Whether the other numbers of two connections with one initial number show that they are two: chosen by a stack that
/// always begins with it.
fn contradict(one: &Flow, other: &Flow) -> bool {
    let answered = one.isns[1].zip(other.isns[1]).is_some_and(|(one, other)| one != other);
    // The options of a SYN may be cut off, or stripped on the way.
    let stamped = stamps(one).next().is_some() && stamps(other).next().is_some();
    answered || stamped && !stamps(one).any(|value| stamps(other).any(|other| value == other))
}

/// The connections that two points both saw, one to one. Without one strong pair there are none, unless they are known to
/// be `joined`.
pub fn pairs(a: &mut Sampled, b: &mut Sampled, joined: bool) -> Vec<Pair> {
    let index = Index::of(b);
    let mut found: Vec<(u32, usize, usize, Votes)> = Vec::new();
    for (place, flow) in a.flows.iter().enumerate() {
        found.extend(index.votes(flow, b).into_iter().map(|(other, votes)| (votes.weight(), place, other, votes)));
    }
    if !joined && !found.iter().any(|(_, _, _, votes)| votes.is_strong()) {
        return Vec::new();
    }
    found.sort_by_key(|(weight, place, other, _)| (std::cmp::Reverse(*weight), *place, *other));
    let (mut taken_a, mut taken_b) = (BTreeSet::new(), BTreeSet::new());
    let mut pairs = Vec::new();
    for (_, place, other, votes) in found {
        let weak = votes.opener || votes.stamped;
        if taken_a.contains(&place) || taken_b.contains(&other) || !votes.is_strong() && !weak {
            continue;
        }
        taken_a.insert(place);
        taken_b.insert(other);
        if votes.turned > u32::midpoint(votes.numbers, votes.times)
            && let (Some(one), Some(other)) = (a.flows.get_mut(place), b.flows.get_mut(other))
        {
            let guessed = if other.is_guessed() { other } else { one };
            guessed.turn();
        }
        pairs.push(Pair { a: place, b: other, relation: Relation::Same });
    }
    pairs.sort_by_key(|pair| pair.a);
    pairs
}

/// Whether two points hold one direction each of the connections that they share: two halves of one point.
pub fn are_halves(a: &Sampled, b: &Sampled) -> bool {
    let one_end = |flow: &Flow| {
        let by = flow.samples.first()?.from;
        flow.samples.iter().all(|sample| sample.from == by).then_some((by, flow.ends))
    };
    let halves = |point: &Sampled| {
        point.flows.iter().filter(|flow| flow.samples.len() >= STRONG as usize).all(|flow| one_end(flow).is_some())
    };
    if a.flows.is_empty() || b.flows.is_empty() || !halves(a) || !halves(b) {
        return false;
    }
    let complements = |one: &Flow, other: &Flow| {
        let answers = |one: &Flow, other: &Flow| {
            let acked: Vec<Seq> = one.samples.iter().filter_map(|sample| sample.ack).collect();
            other
                .samples
                .iter()
                .filter(|sample| acked.contains(&sample.end()) && sample.occupies())
                .take(STRONG as usize)
                .count()
        };
        let same_sockets = one.ends == other.ends || one.ends[0] == other.ends[1] && one.ends[1] == other.ends[0];
        same_sockets
            && one.samples.first().map(|one| one.from) != other.samples.first().map(|one| one.from)
            && answers(one, other) + answers(other, one) >= STRONG as usize
    };
    a.flows
        .iter()
        .filter(|flow| !flow.samples.is_empty())
        .any(|one| b.flows.iter().filter(|flow| !flow.samples.is_empty()).any(|other| complements(one, other)))
}
