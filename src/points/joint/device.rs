//! Interfaces of one router or bridge as points: what it told of the packets that pass it stays, and here is said which of its
//! interfaces has what.

use std::collections::BTreeSet;

use super::together::Together;
use super::web::Web;
use super::{sessions, traced};
use crate::finding::Finding;
use crate::frame::{CaptureId, FrameNo, Stamp};
use crate::record::trace::Trace;
use crate::record::{PathRecord, PointRecord, SessionRecord};

/// A session with the points that have it, if there are several.
pub fn along(web: &Web, mut session: SessionRecord, first_point: u32) -> SessionRecord {
    if let Some(seen) = seen(web, &session, first_point) {
        for view in &mut session.views {
            let own = web.points.iter().position(|told| told.interface == Some(view.interface));
            view.point = own.map(|point| sessions::number(first_point, point));
        }
        (session.points, session.path) = (seen.points, seen.path);
        session.trace = seen.trace.or(session.trace);
    }
    session
}

/// Where a session was seen.
struct Seen {
    points: Vec<u32>,
    path: Vec<PathRecord>,
    trace: Option<Box<Trace>>,
}

fn seen(web: &Web, session: &SessionRecord, first_point: u32) -> Option<Seen> {
    let ends = [session.client, session.server];
    let control = (0..web.points.len()).find_map(|point| web.find(point, ends, session.first))?;
    let with = (0..web.points.len()).filter(|point| web.at(control, *point).is_some());
    let told: Vec<(usize, &SessionRecord)> = with.map(|point| (point, session)).collect();
    if told.len() < 2 {
        return None;
    }
    let together = Together::of(web, control, &told)?;
    let trace = session.trace.as_deref();
    Some(Seen {
        points: together.path.iter().map(|point| sessions::number(first_point, *point)).collect(),
        path: sessions::path(web, &together, first_point),
        trace: trace.map(|trace| Box::new(traced::with_passages(web, &together, trace.clone()))),
    })
}

/// The points as reports show them, with their frames that anything is told of.
pub fn records(web: &Web, first: u32, sessions: &[SessionRecord], findings: &[Finding]) -> Vec<PointRecord> {
    let mut told: BTreeSet<Stamp> = findings.iter().flat_map(Finding::frames).collect();
    for trace in sessions.iter().filter_map(|session| session.trace.as_deref()) {
        told.extend(trace.lines.iter().map(|line| line.at));
        told.extend(trace.connections.iter().flat_map(|one| &one.packets).map(|packet| packet.at));
    }
    let mut records = web.records(first);
    for (point, record) in records.iter_mut().enumerate() {
        record.interface = web.points.get(point).and_then(|told| told.interface);
        let own = told.iter().filter(|at| web.has_frame(point, **at));
        record.frames = own.map(|at| (at.capture, at.number)).collect::<BTreeSet<(CaptureId, FrameNo)>>();
    }
    records
}
