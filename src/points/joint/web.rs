//! The connections of all points, woven: which connection at one point is which at the others, and what each point
//! recorded when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::super::alike::{Pair, Relation};
use super::super::clock::{Clock, Order};
use super::super::related::{self, Related};
use super::super::sampled::Flow;
use super::Told;
use super::tally::Tally;
use super::way::Way;
use super::words::Words;
use crate::finding::{Finding, SessionId};
use crate::flow::End;
use crate::frame::{CaptureId, Stamp};
use crate::record::{ClockRecord, PointRecord};

/// Beyond what clocks are known to, packets are this many seconds under way or waiting.
const SLACK: f64 = 0.005;

/// A connection as it is at each point that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Strand(pub usize);

/// Everything that the points recorded.
pub struct Web {
    /// The points.
    pub points: Vec<Told>,
    relations: Vec<(usize, usize, Related)>,
    partners: Partners,
    strands: Vec<Vec<Option<usize>>>,
    by_flow: HashMap<(usize, usize), Strand, RandomState>,
    /// The connections of each point by their sockets, the lower one first.
    by_ends: Vec<HashMap<[SocketAddr; 2], Vec<usize>, RandomState>>,
    /// When each point recorded something of a kept connection, in order.
    moments: Vec<Vec<Stamp>>,
}

impl Web {
    /// Weaves what points recorded, their clocks corrected.
    pub fn of(mut points: Vec<Told>) -> Self {
        let mut relations = Vec::new();
        for first in 0..points.len() {
            for second in first + 1..points.len() {
                let (before, behind) = points.split_at_mut(second);
                let (Some(one), Some(other)) = (before.get_mut(first), behind.first_mut()) else { continue };
                relations.extend(
                    Related::of(&mut one.sampled, &mut other.sampled, true).map(|related| (first, second, related)),
                );
            }
        }
        let partners = Partners::of(&relations);
        let mut strands: Vec<Vec<Option<usize>>> = Vec::new();
        let mut by_flow: HashMap<(usize, usize), Strand, RandomState> = HashMap::default();
        for (point, told) in points.iter().enumerate() {
            for place in 0..told.sampled.flows.len() {
                let known = (0..point).find_map(|earlier| {
                    let (there, _) = partners.of_flow((point, place), earlier)?;
                    let strand = by_flow.get(&(earlier, there)).copied()?;
                    strands.get(strand.0)?.get(point)?.is_none().then_some(strand)
                });
                let strand = known.unwrap_or_else(|| {
                    strands.push(vec![None; points.len()]);
                    Strand(strands.len() - 1)
                });
                if let Some(slot) = strands.get_mut(strand.0).and_then(|places| places.get_mut(point)) {
                    *slot = Some(place);
                }
                by_flow.insert((point, place), strand);
            }
        }
        let moments = points.iter().map(|told| {
            let packets = told.sampled.flows.iter().flat_map(|flow| flow.samples.iter().map(|one| one.at));
            let mut all: Vec<Stamp> = packets.chain(told.sampled.moments.iter().copied()).collect();
            all.sort_unstable();
            all.dedup();
            all
        });
        let moments = moments.collect();
        let by_ends = points.iter().map(|told| {
            let mut all: HashMap<[SocketAddr; 2], Vec<usize>, RandomState> = HashMap::default();
            for (place, flow) in told.sampled.flows.iter().enumerate() {
                all.entry(sorted(flow.ends)).or_default().push(place);
            }
            all
        });
        let by_ends = by_ends.collect();
        Self { points, relations, partners, strands, by_flow, by_ends, moments }
    }

    /// What a point is called.
    pub fn name(&self, point: usize) -> &str {
        self.points.get(point).map_or("", |told| &told.name)
    }

    /// Whether a capture is of a point.
    pub fn has(&self, point: usize, capture: CaptureId) -> bool {
        self.points.get(point).is_some_and(|told| told.captures.contains(&capture))
    }

    /// The connections of a point.
    pub fn flows(&self, point: usize) -> &[Flow] {
        self.points.get(point).map(|told| told.sampled.flows.as_slice()).unwrap_or_default()
    }

    /// What a point says of one of its sessions.
    pub fn findings(&self, point: usize, session: SessionId) -> impl Iterator<Item = &Finding> {
        let all = self.points.get(point).map(|told| told.findings.as_slice()).unwrap_or_default();
        all.iter().filter(move |finding| finding.session == Some(session))
    }

    /// A connection as one point has it.
    pub fn at(&self, strand: Strand, point: usize) -> Option<&Flow> {
        let place = (*self.strands.get(strand.0)?.get(point)?)?;
        self.flows(point).get(place)
    }

    /// The connection of a point with these sockets at that moment.
    pub fn find(&self, point: usize, ends: [SocketAddr; 2], at: Stamp) -> Option<Strand> {
        let flows = self.flows(point);
        let places = self.by_ends.get(point)?.get(&sorted(ends))?.iter();
        let begun =
            places.filter_map(|place| Some((flows.get(*place)?.first, *place))).filter(|(first, _)| *first <= at);
        let (_, place) = begun.max()?;
        self.by_flow.get(&(point, place)).copied()
    }

    /// All connections.
    pub fn all(&self) -> impl Iterator<Item = Strand> + use<> {
        (0..self.strands.len()).map(Strand)
    }

    /// Whether two points are interfaces of one capture.
    pub fn are_of_one_capture(&self, one: usize, other: usize) -> bool {
        let both = self.points.get(one).zip(self.points.get(other));
        both.is_some_and(|(one, other)| one.interface.is_some() && one.files == other.files)
    }

    /// Points in the order of the path, the one nearest to the client first: of those that have this control connection.
    pub fn path(&self, control: Strand) -> Vec<usize> {
        let mut points: Vec<usize> =
            (0..self.points.len()).filter(|point| self.at(control, *point).is_some()).collect();
        let nearer = |one: usize, other: usize| {
            self.relations.iter().find_map(|(a, b, related)| {
                let order = related.order(self.at(control, *a)?)?;
                match (*a, *b) {
                    (a, b) if (a, b) == (one, other) => Some(order == Order::FirstIsNearer),
                    (a, b) if (b, a) == (one, other) => Some(order == Order::SecondIsNearer),
                    _ => None,
                }
            })
        };
        let rank: BTreeMap<usize, usize> = points
            .iter()
            .map(|point| (*point, points.iter().filter(|other| nearer(**other, *point) == Some(true)).count()))
            .collect();
        points.sort_by_key(|point| rank.get(point).copied());
        points
    }

    /// To how many seconds the clocks of two points are known beside each other; `None` where they are not.
    pub fn known(&self, one: usize, other: usize) -> Option<f64> {
        let known = |point: usize| if point == 0 { Some(0.0) } else { self.points.get(point)?.clock.uncertainty() };
        Some(known(one)?.max(known(other)?))
    }

    /// To how many seconds the times of two points compare.
    pub fn slack(&self, one: usize, other: usize) -> f64 {
        let known = |point: usize| self.points.get(point).and_then(|told| told.clock.uncertainty()).unwrap_or(0.0);
        known(one).max(known(other)) + SLACK
    }

    /// The frames of a point around a span of time by another one's clock: between them it was recording.
    pub fn recorded(&self, point: usize, from: Stamp, until: Stamp, other: usize) -> Option<(Stamp, Stamp)> {
        // What counts dropped packets may have dropped any.
        self.points.get(point).filter(|told| !told.is_lossy)?;
        let slack = self.slack(point, other);
        let moments = self.moments.get(point)?;
        let before = moments.partition_point(|at| at.time <= from.time.plus_seconds(-slack)).checked_sub(1)?;
        let behind = moments.partition_point(|at| at.time < until.time.plus_seconds(slack));
        Some((*moments.get(before)?, *moments.get(behind)?))
    }

    /// Whether a point would show packets of any connection: its filter hides no data connections.
    pub fn shows_data(&self, point: usize) -> bool {
        self.points.get(point).is_some_and(|told| told.sampled.shows_more_than_control)
    }

    /// One direction of a connection from one point to the next, and its words if it is a control connection.
    pub fn way(&self, strand: Strand, near: usize, far: usize, by: End) -> Option<Way<'_>> {
        Some(Way { near: self.at(strand, near)?, far: self.at(strand, far)?, by })
    }

    /// Whether a frame of a kept packet is this point's.
    pub fn has_frame(&self, point: usize, at: Stamp) -> bool {
        self.moments.get(point).is_some_and(|moments| moments.binary_search(&at).is_ok())
    }

    /// Whether the times of a point allow to say that it recorded at that moment.
    pub fn is_alive(&self, point: usize, at: Stamp, other: usize) -> bool {
        self.recorded(point, at, at, other).is_some()
    }

    /// Whether a tap missed packets of this connection that arrived: then no absence at it is proof.
    pub fn tap_loss(&self, strand: Strand, point: usize, path: &[usize]) -> u64 {
        let Some(place) = path.iter().position(|one| *one == point) else { return 0 };
        let beside =
            [place.checked_sub(1), Some(place + 1)].into_iter().flatten().filter_map(|at| path.get(at).copied());
        let missed = beside.flat_map(|other| {
            [End::Origin, End::Target]
                .map(|by| self.tally(strand, other, point, by).map_or(0, |(tally, _)| tally.missed))
        });
        missed.sum()
    }

    /// What became of one direction of a connection from one point to the next.
    pub fn tally(&self, strand: Strand, near: usize, far: usize, by: End) -> Option<(Tally, Vec<Stamp>)> {
        let way = self.way(strand, near, far, by)?;
        if self.relation(strand, near, far) == Some(Relation::Terminated) {
            return None;
        }
        let words = Words::of(&way);
        let (tally, lost) = way.tally(words.as_ref(), |at| self.is_alive(far, at, near));
        Some((tally, lost.into_iter().map(|one| one.at).collect()))
    }

    /// How the numbers of a connection at two points relate.
    pub fn relation(&self, strand: Strand, one: usize, other: usize) -> Option<Relation> {
        let place = (*self.strands.get(strand.0)?.get(one)?)?;
        let (there, relation) = self.partners.of_flow((one, place), other)?;
        (self.strands.get(strand.0)?.get(other)? == &Some(there)).then_some(relation)
    }

    /// Whether a line was made longer or shorter between two points.
    pub fn is_shifted(&self, strand: Strand, one: usize, other: usize) -> bool {
        let (Some(own), Some(its)) = (self.at(strand, one), self.at(strand, other)) else { return false };
        one != other
            && [End::Origin, End::Target].into_iter().any(|by| {
                let way = Way { near: own, far: its, by };
                Words::of(&way).is_some_and(|words| words.both().any(|(one, other)| one.text.len() != other.text.len()))
            })
    }

    /// How long packets of one direction took from one point to the next, in seconds.
    pub fn delays(&self, strand: Strand, near: usize, far: usize, by: End) -> Vec<f64> {
        let Some(way) = self.way(strand, near, far, by) else { return Vec::new() };
        related::crossed(way.near, way.far, by)
            .into_iter()
            .filter(|one| one.from_client)
            .map(|one| one.b.seconds_since(one.a))
            .collect()
    }

    /// The points as reports show them.
    pub fn records(&self, first: u32) -> Vec<PointRecord> {
        let records = (first..).zip(&self.points).map(|(id, told)| PointRecord {
            id,
            name: told.name.clone(),
            captures: told.captures.clone(),
            interface: None,
            frames: BTreeSet::new(),
            clock: told.clock.stretches.first().map(|stretch| ClockRecord {
                reference: first,
                offset: stretch.offset,
                uncertainty: told.clock.uncertainty(),
                skew: stretch.skew,
                steps: steps(&told.clock),
            }),
        });
        records.collect()
    }
}

/// Where a clock was set, and by how many seconds.
fn steps(clock: &Clock) -> Vec<(Stamp, f64)> {
    let pairs = clock.stretches.iter().zip(clock.stretches.iter().skip(1));
    pairs.map(|(before, behind)| (behind.from, behind.offset - before.offset)).collect()
}

/// Each two neighbours.
pub fn neighbours(path: &[usize]) -> impl Iterator<Item = [usize; 2]> + '_ {
    path.iter().zip(path.iter().skip(1)).map(|(one, other)| [*one, *other])
}

fn sorted([one, other]: [SocketAddr; 2]) -> [SocketAddr; 2] {
    if one <= other { [one, other] } else { [other, one] }
}

/// Where a connection of one point is at another: by both points and its place at the first.
struct Partners(HashMap<(usize, usize, usize), (usize, Relation), RandomState>);

impl Partners {
    fn of(relations: &[(usize, usize, Related)]) -> Self {
        let pairs = relations.iter().flat_map(|(one, other, related)| {
            related.pairs.iter().flat_map(|pair| {
                let Pair { a, b, relation } = *pair;
                [((*one, *other, a), (b, relation)), ((*other, *one, b), (a, relation))]
            })
        });
        Self(pairs.collect())
    }

    fn of_flow(&self, (point, place): (usize, usize), at: usize) -> Option<(usize, Relation)> {
        self.0.get(&(point, at, place)).copied()
    }
}
