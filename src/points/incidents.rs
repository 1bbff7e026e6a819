//! Which captures are points of one incident: they share connections, and one clock explains what they saw.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::PathBuf;

use super::clock::Clock;
use super::related::Related;
use super::sampled::{Flow, Sampled};
use super::{Group, Point, Why, alike};
use crate::flow::FORWARDED;
use crate::frame::{CaptureId, Frame, InterfaceId};
use crate::source::name::{ENDINGS, PACKED};
use crate::source::{Timeline, can_be_read_twice, is_stopped};

/// Captures that are compared with each other; who names more, names files that are no points of one incident.
pub(super) const MAX_COMPARED: usize = 32;

/// How captures are looked through for what they have in common.
#[derive(Clone, Copy, Debug, Default)]
pub struct Looking<'a> {
    /// Control ports besides 21.
    pub ports: &'a [u16],
    /// A capture filter.
    pub filter: Option<&'a str>,
}

/// A host gives packets of its interfaces their times within this many seconds; files of two hosts may have been merged into
/// one, whose clocks agree better than that by chance alone, but where interfaces have names they are mostly one host's.
const STAMPED: f64 = 0.001;
const STAMPED_BY_NAME: f64 = 0.01;

/// Some captures, and the name that the user gave them.
#[derive(Clone, Debug)]
pub(super) struct Unit {
    pub group: Group,
    /// Given by `--point`, which also says that it is one of the incident.
    pub name: Option<String>,
    /// The interface of its files that is meant, and what that is called.
    pub interface: Option<(InterfaceId, Option<String>)>,
}

impl Unit {
    /// All of these captures, without a name.
    pub fn of(group: Group) -> Self {
        Self { group, name: None, interface: None }
    }

    /// Whether both are interfaces of one capture.
    fn is_beside(&self, other: &Self) -> bool {
        self.interface.is_some() && other.interface.is_some() && self.group.files == other.group.files
    }

    /// Within how many seconds one clock gave the packets of both their times, if it was one.
    fn stamped(&self, other: &Self) -> Option<f64> {
        let name = |unit: &Self| unit.interface.as_ref().and_then(|(_, name)| name.clone());
        let by_name = name(self).is_some() && name(other).is_some() && name(self) != name(other);
        self.is_beside(other).then_some(if by_name { STAMPED_BY_NAME } else { STAMPED })
    }
}

/// Joins the units that are points of one incident, and the halves of one point; the others stay as they are.
pub(super) fn join(units: Vec<Unit>, looking: Looking<'_>) -> Vec<Group> {
    let named = units.iter().any(|unit| unit.name.is_some());
    let comparable = units.iter().all(|unit| unit.group.files.iter().all(|file| can_be_read_twice(file)));
    if units.len() < 2 || units.len() > MAX_COMPARED || !comparable && !named {
        return units.into_iter().map(|unit| unit.group).collect();
    }
    let mut sampled: Vec<Sampled> = units.iter().map(|unit| sample(unit, looking)).collect();
    let (units, mut sampled) = one_of_halves(units, &mut sampled);
    let mut relations = Relations::of(&units, &mut sampled);
    let mut groups: Vec<Group> = Vec::new();
    let mut done: BTreeSet<usize> = BTreeSet::new();
    for first in 0..units.len() {
        if done.contains(&first) {
            continue;
        }
        let members = relations.reached_from(first);
        done.extend(&members);
        match members.as_slice() {
            [alone] => groups.extend(units.get(*alone).map(|unit| unit.group.clone())),
            _ => groups.push(relations.incident(&members, &units, &sampled)),
        }
    }
    groups
}

fn sample(unit: &Unit, looking: Looking<'_>) -> Sampled {
    let (mut timeline, _) = Timeline::open(&unit.group.files, CaptureId(0), looking.filter);
    let mut sampled = Sampled::new(looking.ports);
    let wanted = unit.interface.as_ref().map(|(id, _)| *id);
    let mut skips = |frame: &Frame<'_>| wanted.is_some_and(|id| id != frame.interface);
    while !is_stopped() && timeline.step_over(&mut skips) {
        let Some(frame) = timeline.frame() else { break };
        if !skips(&frame) {
            sampled.push(&frame);
        }
    }
    sampled.finish();
    sampled
}

/// Two captures with one direction each of the same connections are one point.
fn one_of_halves(units: Vec<Unit>, sampled: &mut Vec<Sampled>) -> (Vec<Unit>, Vec<Sampled>) {
    let (mut whole, mut kept): (Vec<Unit>, Vec<Sampled>) = (Vec::new(), Vec::new());
    for (unit, sample) in units.into_iter().zip(sampled.drain(..)) {
        let fits = |(other, its): (&Unit, &Sampled)| {
            (other.name.is_none() && unit.name.is_none()) && alike::are_halves(its, &sample)
        };
        let place = whole.iter().zip(&kept).position(fits);
        let known = place.and_then(|place| Some((whole.get_mut(place)?, kept.get_mut(place)?)));
        if let Some((known, its)) = known {
            known.group.files.extend(unit.group.files);
            known.group.why = Why::Halves;
            its.flows.extend(sample.flows);
        } else {
            whole.push(unit);
            kept.push(sample);
        }
    }
    (whole, kept)
}

/// What is known of each two units, the first one earlier in the list.
pub(super) struct Relations(Vec<(usize, usize, Related)>);

impl Relations {
    pub fn of(units: &[Unit], sampled: &mut [Sampled]) -> Self {
        let mut all = Vec::new();
        for first in 0..units.len() {
            for second in first + 1..units.len() {
                let is_named = |unit: usize| units.get(unit).is_some_and(|unit| unit.name.is_some());
                let (before, behind) = sampled.split_at_mut(second);
                let (Some(one), Some(other)) = (before.get_mut(first), behind.first_mut()) else { continue };
                let related = Related::of(one, other, is_named(first) && is_named(second));
                let stamped = units.get(first).zip(units.get(second)).and_then(|(one, other)| one.stamped(other));
                let related = related.map(|related| match stamped {
                    Some(within) => related.by_one_clock(within),
                    None => related,
                });
                all.extend(related.map(|related| (first, second, related)));
            }
        }
        Self(all)
    }

    /// The units that are joined with one, in their order, itself among them.
    pub fn reached_from(&self, first: usize) -> Vec<usize> {
        let mut reached = vec![first];
        let mut at = 0;
        while let Some(unit) = reached.get(at).copied() {
            at += 1;
            for (one, other, _) in &self.0 {
                for (from, to) in [(*one, *other), (*other, *one)] {
                    if from == unit && !reached.contains(&to) {
                        reached.push(to);
                    }
                }
            }
        }
        reached.sort_unstable();
        reached
    }

    /// The points of an incident: each clock beside that of the last one, which most packets connect.
    fn incident(&mut self, members: &[usize], units: &[Unit], sampled: &[Sampled]) -> Group {
        let of: Vec<&Unit> = members.iter().filter_map(|member| units.get(*member)).collect();
        let reference = members.first().copied().unwrap_or(0);
        let mut points: Vec<Point> = Vec::new();
        for ((member, unit), name) in members.iter().zip(&of).zip(names(&of)) {
            let clock = self.clock(*member, reference);
            let interface = unit.interface.as_ref().map(|(id, _)| *id);
            points.push(Point { name, files: unit.group.files.clone(), interface, clock });
        }
        let common = self.counted(members, sampled);
        // Interfaces have their files in common.
        let mut files: Vec<PathBuf> = Vec::new();
        for file in points.iter().flat_map(|point| &point.files) {
            if !files.contains(file) {
                files.push(file.clone());
            }
        }
        let is_one_device = self.is_one_device(members, units);
        Group { files, why: Why::Points, points, common, is_one_device }
    }

    /// Whether all units are interfaces of one capture that packets pass within a moment, by one clock.
    fn is_one_device(&self, members: &[usize], units: &[Unit]) -> bool {
        let is_one_file = |member: &usize| {
            let both = members.first().and_then(|first| units.get(*first)).zip(units.get(*member));
            both.is_some_and(|(first, unit)| unit.is_beside(first))
        };
        let passes = |(one, other, related): &(usize, usize, Related)| {
            !members.contains(one) || !members.contains(other) || related.is_within(FORWARDED.as_secs_f64())
        };
        members.iter().all(is_one_file) && self.0.iter().all(passes)
    }

    /// The clock of a unit beside that of another one, by the shortest chain of units that saw the same packets.
    fn clock(&self, of: usize, beside: usize) -> Clock {
        if of == beside {
            return Clock::default();
        }
        let mut chains: Vec<Vec<usize>> = vec![vec![beside]];
        let mut at = 0;
        while let Some(chain) = chains.get(at).cloned() {
            at += 1;
            let Some(last) = chain.last().copied() else { continue };
            if last == of {
                let clocks =
                    chain.iter().zip(chain.iter().skip(1)).filter_map(|(one, other)| self.direct(*other, *one));
                return clocks.reduce(|sum, clock| clock.behind(&sum)).unwrap_or_default();
            }
            for (one, other, _) in &self.0 {
                for (from, to) in [(*one, *other), (*other, *one)] {
                    if from == last && !chains.iter().any(|chain| chain.last() == Some(&to)) {
                        chains.push([chain.clone(), vec![to]].concat());
                    }
                }
            }
        }
        Clock::default()
    }

    /// The clock of one unit beside that of another one that shares connections with it.
    fn direct(&self, of: usize, beside: usize) -> Option<Clock> {
        self.0.iter().find_map(|(one, other, related)| {
            match (*one == beside, *other == of, *one == of, *other == beside) {
                (true, true, _, _) => Some(related.fit.clock.clone()),
                (_, _, true, true) => Some(related.fit.clock.inverted()),
                _ => None,
            }
        })
    }

    /// How many FTP connections the points show, and how many of them all show.
    fn counted(&self, members: &[usize], sampled: &[Sampled]) -> Common {
        let mut common = Common::default();
        let ftp = |unit: usize| -> Vec<usize> {
            let flows = sampled.get(unit).map(|one| one.flows.as_slice()).unwrap_or_default();
            let ips = |flow: &Flow| flow.ends.map(|end| end.ip());
            let hosts: BTreeSet<[IpAddr; 2]> = flows.iter().filter(|flow| flow.is_control).map(ips).collect();
            let is_ftp = |flow: &Flow| {
                let [origin, target] = ips(flow);
                flow.is_control || hosts.contains(&[origin, target]) || hosts.contains(&[target, origin])
            };
            flows.iter().enumerate().filter(|(_, flow)| is_ftp(flow)).map(|(place, _)| place).collect()
        };
        let known_at = |unit: usize, place: usize, other: usize| {
            self.0.iter().any(|(one, two, related)| {
                let pair = |pair: &alike::Pair| match (*one, *two) {
                    (one, two) if (one, two) == (unit, other) => pair.a == place,
                    (one, two) if (two, one) == (unit, other) => pair.b == place,
                    _ => false,
                };
                related.pairs.iter().any(pair)
            })
        };
        for (position, unit) in members.iter().enumerate() {
            for place in ftp(*unit) {
                // Counted at the first point that has it.
                if members.iter().take(position).any(|earlier| known_at(*unit, place, *earlier)) {
                    continue;
                }
                common.all += 1;
                let others = members.iter().filter(|other| *other != unit);
                common.at_each += u64::from(others.clone().all(|other| known_at(*unit, place, *other)));
            }
        }
        common
    }
}

/// Connections of FTP hosts that the points show.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Common {
    /// At any point.
    pub all: u64,
    /// At each point.
    pub at_each: u64,
}

/// What points are called: as the user says, else by what differs in the names of their files.
fn names(units: &[&Unit]) -> Vec<String> {
    let stem = |unit: &Unit| {
        let name = unit
            .group
            .files
            .first()
            .and_then(|file: &PathBuf| file.file_name())
            .map(|name| name.to_string_lossy().into_owned());
        let name = name.unwrap_or_default();
        let unpacked = PACKED.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        let counted = unpacked.trim_end_matches(|c: char| c.is_ascii_digit());
        let stem =
            ENDINGS.iter().find_map(|ending| counted.strip_suffix(ending)?.strip_suffix('.')).unwrap_or(unpacked);
        stem.to_owned()
    };
    let stems: Vec<String> = units.iter().map(|unit| stem(unit)).collect();
    let folders = units.iter().map(|unit| {
        let folder = unit.group.files.first().and_then(|file| file.parent()).and_then(|folder| folder.file_name());
        folder.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
    });
    // Files of one name in several directories are known by these.
    let same = stems.iter().all(|stem| Some(stem) == stems.first());
    let mut names: Vec<String> = if same { folders.collect() } else { shortened(&stems) };
    let is_one_file = units.iter().all(|unit| units.first().is_some_and(|first| unit.is_beside(first)));
    for (name, unit) in names.iter_mut().zip(units) {
        match (&unit.name, &unit.interface) {
            (Some(given), _) => name.clone_from(given),
            (None, Some((id, interface))) => {
                let interface = interface.clone().unwrap_or_else(|| format!("interface {}", id.0));
                *name = if is_one_file { interface } else { format!("{name} {interface}") };
            }
            (None, None) => {}
        }
    }
    let mut told: Vec<String> = Vec::new();
    for name in names {
        let is_new = !name.is_empty() && !told.contains(&name);
        told.push(if is_new { name } else { format!("point {}", told.len() + 1) });
    }
    told.iter().map(|name| crate::text::printable_str(name)).collect()
}

/// Names without the words that all begin or end with, as `inc-client-1` and `inc-server-1` do.
fn shortened(names: &[String]) -> Vec<String> {
    let is_mark = |c: char| matches!(c, '-' | '_' | '.' | ' ');
    let parts: Vec<Vec<&str>> = names.iter().map(|name| name.split(is_mark).collect()).collect();
    let shortest = parts.iter().map(Vec::len).min().unwrap_or(0);
    let common = |same: &dyn Fn(usize) -> bool, most: usize| (0..most).take_while(|at| same(*at)).count();
    let at = |words: &[&str], place: usize| words.get(place).copied().unwrap_or_default().to_owned();
    let from_end = |words: &[&str], place: usize| words.iter().rev().nth(place).copied().unwrap_or_default().to_owned();
    let first = parts.first().map(Vec::as_slice).unwrap_or_default();
    let before =
        common(&|place| parts.iter().all(|words| at(words, place) == at(first, place)), shortest.saturating_sub(1));
    let behind = common(
        &|place| parts.iter().all(|words| from_end(words, place) == from_end(first, place)),
        shortest.saturating_sub(before + 1),
    );
    let middle = |words: &[&str]| words.get(before..words.len().saturating_sub(behind)).unwrap_or_default().join("-");
    parts.iter().map(|words| middle(words)).collect()
}
