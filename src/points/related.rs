//! How two points relate: the connections that both saw, and their clocks.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;

use foldhash::fast::RandomState;

use super::alike::{self, Pair, Relation};
use super::clock::{self, Crossed, Fit, Order};
use super::dialogue::Dialogue;
use super::sampled::{Flow, Sample, Sampled};
use crate::flow::End;

/// Packets of one connection that clocks are told from.
const TIMED: usize = 512;
/// Of all connections of two points.
const TIMED_IN_ALL: usize = 16_384;

/// Control connections without a partner whose words are compared.
const DIALOGUES: usize = 256;

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
            let (one, other) = (&a.flows[pair.a], &b.flows[pair.b]);
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
        pairs.sort_by_key(|pair| pair.a);
        let fit = fit.or_else(|| clock::fit(&said, None));
        match fit {
            Some(fit) => Some(Self { pairs, fit, turned }),
            None if known => Some(Self { pairs, fit: Fit::unknown(), turned }),
            None => None,
        }
    }

    /// Which point is nearer to the client of a control connection of the first one.
    pub fn order(&self, control: &Flow) -> Option<Order> {
        let hosts = [control.ends[0].ip(), control.ends[1].ip()];
        self.fit.order.map(|order| if self.turned.contains(&hosts) { order.reversed() } else { order })
    }

    /// Where a connection of the first point is at the second.
    pub fn at_second(&self, place: usize) -> Option<usize> {
        self.pairs.iter().find(|pair| pair.a == place).map(|pair| pair.b)
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
            Some((at, Dialogue::of(&a.flows[place], &b.flows[*other], known)?))
        });
        if let Some((at, dialogue)) = dialogue {
            found.push(Pair { a: place, b: there.remove(at), relation: Relation::Terminated });
            said.extend(dialogue.crossed);
        }
    }
    (found, said)
}

/// Who are clients, and of which servers, by the control connections of a point.
struct Sides(HashMap<Hosts, (), RandomState>);

impl Sides {
    fn of(point: &Sampled) -> Self {
        let controls = point.flows.iter().filter(|flow| flow.is_control);
        Self(controls.map(|flow| ([flow.ends[0].ip(), flow.ends[1].ip()], ())).collect())
    }

    /// Client and server of a connection, and which of its ends the client is. Where no control connection tells, the
    /// lower address counts as the client: the order is then that of these two hosts.
    fn of_flow(&self, flow: &Flow) -> (Hosts, End) {
        let [origin, target] = [flow.ends[0].ip(), flow.ends[1].ip()];
        if flow.is_control || self.0.contains_key(&[origin, target]) {
            ([origin, target], End::Origin)
        } else if self.0.contains_key(&[target, origin]) || target < origin {
            ([target, origin], End::Target)
        } else {
            ([origin, target], End::Origin)
        }
    }
}

/// What a packet is known by among those of its connection. Numbers may be rewritten on the way; then time stamps are not.
type Mark = (End, u32, u32, u32, u8);

fn by_numbers(sample: &Sample) -> Option<Mark> {
    Some((sample.from, sample.seq.0, sample.ack.map_or(0, |ack| ack.0), sample.len, sample.flags.0))
}

fn by_times(sample: &Sample) -> Option<Mark> {
    let (value, echo) = sample.times?;
    Some((sample.from, value, echo, sample.len, sample.flags.0))
}

/// The packets of a connection that both points saw, each once. RSTs may be forged on both sides and are none of them.
pub(super) fn crossed(one: &Flow, other: &Flow, client: End) -> Vec<Crossed> {
    let found = common(one, other, client, by_numbers);
    if found.is_empty() { common(one, other, client, by_times) } else { found }
}

fn common(one: &Flow, other: &Flow, client: End, mark: fn(&Sample) -> Option<Mark>) -> Vec<Crossed> {
    let marked = |flow: &Flow| {
        let mut marks: HashMap<Mark, (usize, Sample), RandomState> = HashMap::default();
        for sample in flow.samples.iter().filter(|sample| !sample.is_rst()).take(TIMED) {
            if let Some(mark) = mark(sample) {
                marks.entry(mark).or_insert((0, *sample)).0 += 1;
            }
        }
        marks
    };
    let there = marked(other);
    let mut found: Vec<Crossed> = marked(one)
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
