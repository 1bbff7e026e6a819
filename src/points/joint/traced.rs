//! What a diagram shows of a session at several points: what one of them tells, what only others have, and how far each
//! packet came.

use std::collections::{BTreeMap, BTreeSet};

use super::together::{Together, attempts};
use super::way::Way;
use super::web::{Strand, Web, neighbours};
use super::words::{Fate, Step, Words};
use crate::flow::End;
use crate::frame::{CaptureId, FrameNo, Stamp};
use crate::record::SessionRecord;
use crate::record::trace::{Passage, Trace};

/// By frame.
type Passages = BTreeMap<(CaptureId, FrameNo), Passage>;

/// The trace of a session that several points have, if it was traced.
pub fn trace(web: &Web, together: &Together<'_>, strands: &[Strand]) -> Option<Box<Trace>> {
    let lead = together.lead();
    let mut trace = lead.trace.as_deref()?.clone();
    trace.taps = together.path.iter().map(|point| web.name(*point).to_owned()).collect();
    let lead_point = together.path.get(together.lead).copied()?;
    let said = said(web, together);
    for (point, session) in together.seen().filter(|(point, _)| *point != lead_point) {
        let Some(other) = session.trace.as_deref() else { continue };
        for connection in &other.connections {
            let Some(first) = connection.packets.first() else { continue };
            let strand = web.find(point, [connection.origin.socket, connection.target.socket], first.at);
            let is_there = |strand: Strand| {
                together.path.iter().take_while(|one| **one != point).any(|one| web.at(strand, *one).is_some())
                    || web.at(strand, lead_point).is_some()
            };
            if strand.is_some_and(|strand| !is_there(strand)) {
                trace.connections.push(connection.clone());
            }
        }
        trace.lines.extend(other.lines.iter().filter(|line| said.contains_key(&key(line.at))).cloned());
    }
    trace.lines.sort_by_key(|line| line.at);
    trace.passages = passages(web, together, strands);
    trace.passages.extend(said);
    trace.same = same(web, together);
    Some(Box::new(trace))
}

/// A trace of all points, with how far each packet came.
pub fn with_passages(web: &Web, together: &Together<'_>, mut trace: Trace) -> Trace {
    trace.taps = together.path.iter().map(|point| web.name(*point).to_owned()).collect();
    trace.passages = passages(web, together, &of_session(web, together, &together.told));
    trace.passages.extend(said(web, together));
    trace
}

fn key(at: Stamp) -> (CaptureId, FrameNo) {
    (at.capture, at.number)
}

/// How far the packets of data connections came that not every point has.
fn passages(web: &Web, together: &Together<'_>, strands: &[Strand]) -> Passages {
    let mut found = Passages::default();
    for strand in strands {
        let with: Vec<usize> = (0..together.path.len())
            .filter(|place| together.path.get(*place).is_some_and(|point| web.at(*strand, *point).is_some()))
            .collect();
        let (Some(first), Some(last)) = (with.first().copied(), with.last().copied()) else { continue };
        if with.len() == together.path.len() {
            continue;
        }
        for point in with.iter().filter_map(|place| together.path.get(*place)) {
            let Some(flow) = web.at(*strand, *point) else { continue };
            let client = web.client_end(*strand, together.control, *point);
            for sample in &flow.samples {
                let to_server = sample.from == client;
                let [next, before] = if to_server {
                    [last.checked_add(1), first.checked_sub(1)]
                } else {
                    [first.checked_sub(1), last.checked_add(1)]
                };
                let lacks = |place: Option<usize>| {
                    let other = place.and_then(|place| together.path.get(place).copied());
                    other.is_some_and(|other| web.shows_data(other) && web.is_alive(other, sample.at, *point))
                };
                found.insert(key(sample.at), Passage { seen: (first, last), lost: lacks(next), added: lacks(before) });
            }
        }
    }
    found
}

/// The frames in which other points have a line that the one has which tells the session.
fn same(web: &Web, together: &Together<'_>) -> BTreeMap<(CaptureId, FrameNo), Stamp> {
    let mut found = BTreeMap::new();
    let (before, behind) = together.path.split_at(together.lead.min(together.path.len()));
    // From the telling point on, towards the server and towards the client.
    let lead = behind.first().copied();
    let to_client: Vec<usize> = lead.into_iter().chain(before.iter().rev().copied()).collect();
    for way in [behind, &to_client] {
        for [near, far] in neighbours(way) {
            for by in [End::Origin, End::Target] {
                let Some(way) = web.way(together.control, near, far, by) else { continue };
                for (one, other) in Words::of(&way).iter().flat_map(Words::both) {
                    let told = found.get(&key(one.at)).copied().unwrap_or(one.at);
                    found.insert(key(other.at), told);
                }
            }
        }
    }
    found
}

/// The lines that not every point has, and how far they came.
fn said(web: &Web, together: &Together<'_>) -> Passages {
    let mut found = Passages::default();
    for (place, [one, other]) in neighbours(&together.path).enumerate() {
        for (near, far, by) in [(one, other, End::Origin), (other, one, End::Target)] {
            let (Some(here), Some(there)) = (web.at(together.control, near), web.at(together.control, far)) else {
                continue;
            };
            let Some(words) = Words::of(&Way { near: here, far: there, by }) else { continue };
            let [near_place, far_place] = if by == End::Origin { [place, place + 1] } else { [place + 1, place] };
            for step in &words.steps {
                let (line, passage) = match step {
                    Step::Near(line, Fate::Lost | Fate::Removed) => {
                        (line, Passage { seen: (near_place, near_place), lost: true, added: false })
                    }
                    Step::Far(line, Fate::Added) => {
                        (line, Passage { seen: (far_place, far_place), lost: false, added: true })
                    }
                    Step::Both(..) | Step::Near(..) | Step::Far(..) => continue,
                };
                found.insert(key(line.at), passage);
            }
        }
    }
    found
}

/// The data connections of a session, and its control connection.
pub fn of_session(web: &Web, together: &Together<'_>, sessions: &[&SessionRecord]) -> Vec<Strand> {
    let all = together.path.iter().zip(sessions).flat_map(|(point, session)| {
        session.transfers.iter().flat_map(move |transfer| attempts(web, *point, transfer))
    });
    let strands: BTreeSet<Strand> = all.chain([together.control]).collect();
    strands.into_iter().collect()
}
