//! How two points relate: the connections that both saw, and their clocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};

use foldhash::fast::RandomState;

use super::alike::{self, Pair, Relation};
use super::clock::{self, Clock, Crossed, Fit, Order, Stretch};
use super::dialogue::Dialogue;
use super::sampled::{Flow, Sample, Sampled};
use crate::flow::End;
use crate::wire::Seq;

/// Packets of one connection that clocks are told from.
const TIMED: usize = 512;
/// Of all connections of two points.
const TIMED_IN_ALL: usize = 16_384;

/// Control connections without a partner whose words are compared.
const DIALOGUES: usize = 256;

/// A connection opens at two points within this many seconds.
const UNDER_WAY: f64 = 2.0;

/// Two points that saw one network.
#[derive(Clone, Debug)]
pub struct Related {
    /// The connections that both saw.
    pub pairs: Vec<Pair>,
    /// The clock of the second beside the first, and which is nearer to most clients.
    pub fit: Fit,
    /// Clients and servers, as the first point shows them, for which the order is the other one.
    turned: Vec<Hosts>,
}

/// A client and a server.
type Hosts = [IpAddr; 2];

impl Related {
    /// How two points relate; `None` where they have nothing in common, unless they are known to be of one incident.
    pub fn of(a: &mut Sampled, b: &mut Sampled, known: bool) -> Option<Self> {
        let mut pairs = alike::pairs(a, b, known);
        if pairs.is_empty() && !known && !a.flows.iter().any(|flow| flow.is_control) {
            return None;
        }
        let sides = Sides::of(a);
        let mut groups: BTreeMap<Hosts, Vec<Crossed>> = BTreeMap::new();
        let mut room = TIMED_IN_ALL;
        for pair in pairs.iter().filter(|pair| pair.relation == Relation::Same) {
            let (Some(one), Some(other)) = (a.flows.get(pair.a), b.flows.get(pair.b)) else { continue };
            let (hosts, client) = sides.of_flow(one);
            let crossed = crossed(one, other, client);
            let count = crossed.len().min(room);
            room -= count;
            groups.entry(hosts).or_default().extend(crossed.into_iter().take(count));
        }
        let main = groups.values().filter_map(|group| Some((group.len(), clock::fit(group, None)?)));
        let order = main.max_by_key(|(count, fit)| (fit.order.is_some(), *count)).and_then(|(_, fit)| fit.order);
        let is_turned = |group: &[Crossed]| {
            let own = clock::fit(group, None).and_then(|fit| fit.order);
            own.zip(order).is_some_and(|(own, order)| own != order)
        };
        let turned: Vec<Hosts> = groups.iter().filter(|(_, group)| is_turned(group)).map(|(hosts, _)| *hosts).collect();
        for hosts in &turned {
            groups.get_mut(hosts).into_iter().flatten().for_each(|one| one.from_client = !one.from_client);
        }
        let all: Vec<Crossed> = groups.into_values().flatten().collect();
        let fit = clock::fit(&all, order);
        let (through_proxies, said) = dialogues(a, b, &pairs, fit.as_ref());
        pairs.extend(through_proxies);
        let fit = fit.or_else(|| clock::fit(&said, None));
        if let Some(fit) = &fit {
            let same = by_sockets(a, b, &pairs, fit);
            pairs.extend(same);
        }
        pairs.sort_by_key(|pair| pair.a);
        match fit {
            Some(fit) => Some(Self { pairs, fit, turned }),
            None if known => Some(Self { pairs, fit: Fit::unknown(), turned }),
            None => None,
        }
    }

    /// The same of points whose packets one clock gave their times, within so many seconds: where an offset of 0 explains
    /// these, it is 0.
    #[must_use]
    pub fn by_one_clock(mut self, within: f64) -> Self {
        if let [stretch] = self.fit.clock.stretches.as_slice()
            && stretch.offset.abs() <= stretch.uncertainty.unwrap_or(0.0) + within
        {
            self.fit.clock =
                Clock { stretches: vec![Stretch { offset: 0.0, skew: 0.0, uncertainty: Some(0.0), ..*stretch }] };
        }
        self
    }

    /// Whether packets themselves pass from one point to the other, within so many seconds and by one clock.
    pub fn is_within(&self, seconds: f64) -> bool {
        let by_one_clock = self.fit.clock.stretches.iter().all(|one| one.offset == 0.0 && one.skew == 0.0);
        let unbroken = self.pairs.iter().all(|pair| pair.relation == Relation::Same);
        by_one_clock && unbroken && self.fit.round_trip.is_none_or(|round_trip| round_trip < seconds)
    }

    /// Which point is nearer to the client of a control connection of the first one.
    pub fn order(&self, control: &Flow) -> Option<Order> {
        let hosts = [control.ends[0].ip(), control.ends[1].ip()];
        self.fit.order.map(|order| if self.turned.contains(&hosts) { order.reversed() } else { order })
    }
}

/// Control connections that something between the points ends and opens anew, and the lines that both points have of them.
fn dialogues(a: &Sampled, b: &Sampled, pairs: &[Pair], fit: Option<&Fit>) -> (Vec<Pair>, Vec<Crossed>) {
    let free = |point: &Sampled, taken: &dyn Fn(&Pair) -> usize| {
        let taken: HashSet<usize, RandomState> = pairs.iter().map(taken).collect();
        let flows = point.flows.iter().enumerate();
        flows
            .filter(|(place, flow)| flow.is_control && !taken.contains(place))
            .map(|(place, _)| place)
            .take(DIALOGUES)
            .collect::<Vec<_>>()
    };
    let (here, mut there) = (free(a, &|pair| pair.a), free(b, &|pair| pair.b));
    let ahead = fit.and_then(|fit| Some((fit.clock.stretches.first()?.offset, fit.clock.uncertainty().unwrap_or(0.0))));
    let (mut found, mut said) = (Vec::new(), Vec::new());
    for place in here {
        let dialogue = there.iter().enumerate().find_map(|(at, other)| {
            let near = |crossed: &Crossed| ahead.is_none_or(|(ahead, slack)| Dialogue::is_near(ahead, crossed, slack));
            let known: Option<&dyn Fn(&Crossed) -> bool> = if ahead.is_some() { Some(&near) } else { None };
            Some((at, Dialogue::of(a.flows.get(place)?, b.flows.get(*other)?, known)?))
        });
        if let Some((at, dialogue)) = dialogue {
            let other = there.remove(at);
            let (Some(one), Some(two)) = (a.flows.get(place), b.flows.get(other)) else { continue };
            let relation = relation(one, two, &dialogue.crossed);
            found.push(Pair { a: place, b: other, relation });
            said.extend(dialogue.crossed);
        }
    }
    (found, said)
}

/// Whether two connections with one dialogue are one that a device gave other numbers: then each packet crosses, the
/// handshake too. A proxy answers a SYN itself.
fn relation(one: &Flow, other: &Flow, said: &[Crossed]) -> Relation {
    let order = clock::fit(said, None).and_then(|fit| fit.order);
    let relative = by_relation(one, other, End::Origin);
    let has = |wanted: fn(&Sample) -> bool| [one, other].iter().all(|flow| flow.samples.iter().any(wanted));
    let whole = has(Sample::is_syn) && has(Sample::is_syn_ack);
    let most = one.samples.len().max(other.samples.len());
    let crosses = clock::fit(&relative, order).is_some_and(|fit| fit.clock.stretches.len() == 1);
    if whole && crosses && relative.len() * 10 >= most * 8 { Relation::Same } else { Relation::Terminated }
}

/// Connections without a partner that have the same sockets at the same moment: a device gave them other numbers, or a
/// proxy that keeps addresses stands between.
fn by_sockets(a: &Sampled, b: &Sampled, pairs: &[Pair], fit: &Fit) -> Vec<Pair> {
    let taken = |of: fn(&Pair) -> usize| -> HashSet<usize, RandomState> { pairs.iter().map(of).collect() };
    let (here, there) = (taken(|pair| pair.a), taken(|pair| pair.b));
    let mut free: HashMap<[SocketAddr; 2], Vec<usize>, RandomState> = HashMap::default();
    for (place, flow) in b.flows.iter().enumerate().filter(|(place, _)| !there.contains(place)) {
        free.entry(flow.ends).or_default().push(place);
    }
    let mut found = Vec::new();
    let slack = fit.clock.uncertainty().unwrap_or(0.0) + UNDER_WAY;
    for (place, flow) in a.flows.iter().enumerate().filter(|(place, _)| !here.contains(place)) {
        let Some(others) = free.get_mut(&flow.ends) else { continue };
        let near = |other: &usize| {
            let Some(first) = b.flows.get(*other).map(|other| other.first) else { return false };
            fit.clock.by_reference(first).seconds_since(flow.first.time).abs() <= slack
        };
        let Some(at) = others.iter().position(near) else { continue };
        let other = others.remove(at);
        let stamps = |flow: &Flow| flow.syns().find_map(|syn| syn.times).map(|(value, _)| value);
        let differ = stamps(flow).zip(b.flows.get(other).and_then(stamps)).is_some_and(|(one, other)| one != other);
        let relation = if differ { Relation::Terminated } else { Relation::Same };
        found.push(Pair { a: place, b: other, relation });
    }
    found
}

/// Who are clients, and of which servers, by the control connections of a point.
struct Sides(HashSet<Hosts, RandomState>);

impl Sides {
    fn of(point: &Sampled) -> Self {
        let controls = point.flows.iter().filter(|flow| flow.is_control);
        Self(controls.map(|flow| flow.ends.map(|end| end.ip())).collect())
    }

    /// Client and server of a connection, and which of its ends the client is. Where no control connection tells, the
    /// lower address counts as the client: the order is then that of these two hosts.
    fn of_flow(&self, flow: &Flow) -> (Hosts, End) {
        let [origin, target] = [flow.ends[0].ip(), flow.ends[1].ip()];
        if flow.is_control || self.0.contains(&[origin, target]) {
            ([origin, target], End::Origin)
        } else if self.0.contains(&[target, origin]) || target < origin {
            ([target, origin], End::Target)
        } else {
            ([origin, target], End::Origin)
        }
    }
}

/// What a packet is known by among those of its connection. Numbers may be rewritten on the way; then time stamps are not.
type Mark = (End, u32, u32, u32, u8);

fn by_numbers(sample: &Sample) -> Mark {
    (sample.from, sample.seq.0, sample.ack.map_or(0, |ack| ack.0), sample.len, sample.flags.0)
}

fn by_times(sample: &Sample) -> Option<Mark> {
    let (value, echo) = sample.times?;
    Some((sample.from, value, echo, sample.len, sample.flags.0))
}

/// By numbers since the initial ones: what is left of them where a device chose others.
fn by_relative_numbers(isns: [Option<Seq>; 2]) -> impl Fn(&Sample) -> Option<Mark> {
    move |sample| {
        let [own, peers] = if sample.from == End::Origin { isns } else { [isns[1], isns[0]] };
        let seq = sample.seq.0.wrapping_sub(own?.0);
        let ack = match sample.ack {
            Some(ack) => ack.0.wrapping_sub(peers?.0),
            None => 0,
        };
        Some((sample.from, seq, ack, sample.len, sample.flags.0))
    }
}

/// The packets of a connection that both points saw, each once. RSTs may be forged on both sides and are none of them.
pub(super) fn crossed(one: &Flow, other: &Flow, client: End) -> Vec<Crossed> {
    let numbered = |sample: &Sample| Some(by_numbers(sample));
    let found = common(one, other, client, numbered, numbered);
    let found = if found.is_empty() { common(one, other, client, by_times, by_times) } else { found };
    if found.is_empty() { by_relation(one, other, client) } else { found }
}

fn by_relation(one: &Flow, other: &Flow, client: End) -> Vec<Crossed> {
    common(one, other, client, by_relative_numbers(one.isns), by_relative_numbers(other.isns))
}

/// The packets with one mark at both points.
fn common(
    one: &Flow,
    other: &Flow,
    client: End,
    here: impl Fn(&Sample) -> Option<Mark>,
    there: impl Fn(&Sample) -> Option<Mark>,
) -> Vec<Crossed> {
    let marked = |flow: &Flow, mark: &dyn Fn(&Sample) -> Option<Mark>| {
        let mut marks: HashMap<Mark, (usize, Sample), RandomState> = HashMap::default();
        for sample in flow.samples.iter().filter(|sample| !sample.is_rst()).take(TIMED) {
            if let Some(mark) = mark(sample) {
                marks.entry(mark).or_insert((0, *sample)).0 += 1;
            }
        }
        marks
    };
    let there = marked(other, &there);
    let mut found: Vec<Crossed> = marked(one, &here)
        .into_iter()
        .filter_map(|(mark, (count, sample))| {
            let (copies, seen) = there.get(&mark)?;
            // Of a packet that was sent again nobody knows which copy is which, unless its identification tells.
            let named = sample.identification.is_some() && sample.identification == seen.identification;
            let only = count == 1 && *copies == 1 || named;
            only.then_some(Crossed { a: sample.at, b: seen.at, from_client: sample.from == client })
        })
        .collect();
    found.sort_by_key(|one| one.a);
    found
}
