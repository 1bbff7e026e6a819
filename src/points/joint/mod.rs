//! What several points of one incident tell together: each was judged by itself; here their sessions, transfers and findings
//! become one list, and what one point could not tell is decided by the others.
//!
//! A packet that one point has and the next one lacks was lost, removed or refused between them, if that point was recording
//! then ([`Web::recorded`]) and it was not merely missed by it ([`way`]). Pure: turns what each point told into one telling.

mod amend;
mod connecting;
mod copies;
mod device;
mod findings;
mod outcome;
mod resets;
mod rewritten;
mod sessions;
mod stalled;
mod tally;
mod together;
mod traced;
mod way;
mod web;
mod words;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::finding::{Finding, SessionId};
use crate::frame::{CaptureId, InterfaceId};
use crate::record::{PointRecord, SessionRecord};

use super::clock::Clock;
use super::sampled::Sampled;
use web::Web;

/// What one point told, its times by the clock of the first one.
pub struct Told {
    /// What it is called.
    pub name: String,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// The interface of these files that is meant, where several of them are points.
    pub interface: Option<InterfaceId>,
    /// Its captures.
    pub captures: Vec<CaptureId>,
    /// Its clock beside the first point's, before it was corrected.
    pub clock: Clock,
    /// Its packets.
    pub sampled: Sampled,
    /// Its sessions.
    pub sessions: Vec<SessionRecord>,
    /// Its findings.
    pub findings: Vec<Finding>,
    /// Whether it counts packets that it dropped.
    pub is_lossy: bool,
}

/// What the points tell together.
#[derive(Debug, Default)]
pub struct Joint {
    /// The points, in their order.
    pub points: Vec<PointRecord>,
    /// The sessions, each with its findings, in order of time.
    pub sessions: Vec<(SessionRecord, Vec<Finding>)>,
    /// Findings about hosts and captures.
    pub others: Vec<Finding>,
}

/// Tells with what one device told which of its interfaces, the points, shows what. Their sessions and findings are those of
/// the device.
pub fn along(points: Vec<Told>, sessions: Vec<SessionRecord>, findings: Vec<Finding>, first_point: u32) -> Joint {
    let web = Web::of(points);
    let sessions: Vec<SessionRecord> =
        sessions.into_iter().map(|session| device::along(&web, session, first_point)).collect();
    let points = device::records(&web, first_point, &sessions, &findings);
    let mut joint = Joint { points, ..Joint::default() };
    let mut of_sessions: BTreeMap<SessionId, Vec<Finding>> = BTreeMap::new();
    for finding in findings {
        match finding.session {
            Some(session) => of_sessions.entry(session).or_default().push(finding),
            None => joint.others.push(finding),
        }
    }
    for session in sessions {
        let own = of_sessions.remove(&session.id).unwrap_or_default();
        joint.sessions.push((session, own));
    }
    joint.others.extend(of_sessions.into_values().flatten());
    joint
}

/// Joins what points told; sessions are numbered from `first` on, points from `first_point` on.
pub fn judge(points: Vec<Told>, first: SessionId, first_point: u32) -> Joint {
    let web = Web::of(points);
    let mut joint = Joint { points: web.records(first_point), ..Joint::default() };
    joint.sessions = sessions::all(&web, first_point);
    joint.sessions.sort_by_key(|(session, _)| session.first);
    for (number, (session, findings)) in (first.0..).zip(&mut joint.sessions) {
        session.id = SessionId(number);
        findings.iter_mut().filter(|finding| finding.session.is_some()).for_each(|one| one.session = Some(session.id));
    }
    let told =
        |finding: &Finding| joint.sessions.iter().flat_map(|(_, all)| all).any(|one| findings::is_told(finding, one));
    joint.others = findings::of_group(&web).into_iter().filter(|finding| !told(finding)).collect();
    joint
}
