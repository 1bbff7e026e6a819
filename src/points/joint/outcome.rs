//! What became of a SYN between the points: how far it came, what answered it, and how far that came.

use std::net::IpAddr;

use super::super::alike::Relation;
use super::super::sampled::{Flow, Sample};
use super::web::{Strand, Web, neighbours};
use crate::flow::End;
use crate::frame::Stamp;

/// How a connection failed to come about, as all points together show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Story {
    /// Which connection.
    pub strand: Strand,
    /// What happened.
    pub what: What,
    /// The points, from who opened it to whom.
    pub path: Vec<usize>,
    /// The last point that has the packet in question.
    pub at: usize,
    /// The first one behind it that has not, with the frames around: it was recording.
    pub absent: Option<Absent>,
}

/// A point that does not show a packet, and the frames around that moment which it does show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::points) struct Absent {
    /// The point.
    pub point: usize,
    /// The last frame before.
    pub after: Stamp,
    /// The first frame behind.
    pub until: Stamp,
}

/// What happened to a SYN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::points) enum What {
    /// It was lost between two points.
    SynLost,
    /// It came to the last point, and its SYN-ACK was lost on the way back.
    SynAckLost,
    /// It came to the last point, and nothing came back.
    Ignored,
    /// The host, or what lies behind the last point, refused it; `lost` if the refusal did not come back.
    Refused {
        /// Whether the RST was lost on the way back.
        lost: bool,
    },
    /// Something between two points refused it in the host's name.
    RefusedBetween,
    /// An ICMP error; from behind the last point.
    Rejected {
        /// Who sent it.
        by: IpAddr,
        /// Whether it was lost on the way back.
        lost: bool,
    },
    /// An ICMP error by something between two points.
    RejectedBetween {
        /// Who sent it.
        by: IpAddr,
    },
}

/// The RST that answers the SYN.
pub fn refusal(flow: &Flow) -> Option<&Sample> {
    let isn = flow.isns[0]?;
    flow.sent(End::Target).find(|one| one.is_rst() && one.ack == Some(isn.plus(1)))
}

/// What all points show of a connection that did not come about. `path` leads from who opened it to whom.
pub fn story(web: &Web, strand: Strand, path: &[usize]) -> Option<Story> {
    let has_syn: Vec<usize> = path.iter().copied().filter(|point| syns(web, strand, *point).next().is_some()).collect();
    if path.iter().any(|point| web.at(strand, *point).is_some_and(Flow::is_established)) {
        return None;
    }
    // Where a proxy opens another connection, each side has its own story.
    if neighbours(path).any(|[one, other]| web.relation(strand, one, other) == Some(Relation::Terminated)) {
        return None;
    }
    let reached = path.iter().rposition(|point| has_syn.contains(point))?;
    let (at, next) = (path.get(reached).copied()?, path.get(reached + 1).copied());
    let flow = web.at(strand, at)?;
    let (first, latest) = (syns(web, strand, at).next()?.at, syns(web, strand, at).last()?.at);
    let tell = |what, at, absent: Option<Absent>| Some(Story { strand, what, path: path.to_vec(), at, absent });
    if let Some(next) = next {
        if !web.shows_data(next) {
            return None;
        }
        let absent = absence(web, next, at, first, latest)?;
        let what = match (refusal(flow), flow.errors.first()) {
            (Some(_), _) => What::RefusedBetween,
            (None, Some(error)) => What::RejectedBetween { by: error.from },
            (None, None) if flow.syn_acks().next().is_some() => return None,
            (None, None) => What::SynLost,
        };
        return tell(what, at, Some(absent));
    }
    // It came to the last point: how far did the answer come back?
    let opener = *path.first()?;
    let back = |has: &dyn Fn(&Flow) -> Option<Stamp>| -> Option<(usize, Absent)> {
        let with = path
            .iter()
            .rev()
            .copied()
            .take_while(|point| web.at(strand, *point).is_some_and(|flow| has(flow).is_some()))
            .last()?;
        let place = path.iter().position(|point| *point == with)?;
        let without = path.get(place.checked_sub(1)?).copied()?;
        let answered = has(web.at(strand, with)?)?;
        Some((with, absence(web, without, with, answered, answered)?))
    };
    let forged = |has: &dyn Fn(&Flow) -> Option<Stamp>| -> Option<(usize, Absent)> {
        let with = path
            .iter()
            .copied()
            .take_while(|point| web.at(strand, *point).is_some_and(|flow| has(flow).is_some()))
            .last()?;
        let place = path.iter().position(|point| *point == with)?;
        let without = path.get(place + 1).copied()?;
        let answered = has(web.at(strand, with)?)?;
        Some((with, absence(web, without, with, answered, answered)?))
    };
    let rst = |flow: &Flow| refusal(flow).map(|one| one.at);
    let icmp = |flow: &Flow| flow.errors.first().map(|one| one.at);
    let syn_ack = |flow: &Flow| flow.syn_acks().next().map(|one| one.at);
    let here = web.at(strand, opener)?;
    if rst(flow).is_some() {
        let swallowed = back(&rst);
        let lost = swallowed.is_some();
        return tell(
            What::Refused { lost },
            swallowed.map_or(at, |(with, _)| with),
            swallowed.map(|(_, absent)| absent),
        );
    }
    if rst(here).is_some() {
        let (with, absent) = forged(&rst)?;
        return tell(What::RefusedBetween, with, Some(absent));
    }
    if let Some(error) = flow.errors.first() {
        let lost = back(&icmp);
        let what = What::Rejected { by: error.from, lost: lost.is_some() };
        return tell(what, lost.map_or(at, |(with, _)| with), lost.map(|(_, absent)| absent));
    }
    if let Some(error) = here.errors.first() {
        let (with, absent) = forged(&icmp)?;
        return tell(What::RejectedBetween { by: error.from }, with, Some(absent));
    }
    if syn_ack(flow).is_some() {
        let (with, absent) = back(&syn_ack)?;
        return tell(What::SynAckLost, with, Some(absent));
    }
    (path.len() > 1).then(|| tell(What::Ignored, at, None)).flatten()
}

fn syns(web: &Web, strand: Strand, point: usize) -> impl Iterator<Item = &Sample> + Clone {
    web.at(strand, point).into_iter().flat_map(Flow::syns)
}

/// That a point was recording from before `first` to behind `last`, by the clock of another one.
pub fn absence(web: &Web, point: usize, other: usize, first: Stamp, last: Stamp) -> Option<Absent> {
    let (after, until) = web.recorded(point, first, last, other)?;
    Some(Absent { point, after, until })
}
