//! Sessions of several points that are one, with their transfers, each once.

use std::collections::BTreeMap;

use super::super::alike::Relation;
use super::findings::{self, Judged};
use super::together::Together;
use super::traced;
use super::web::{Strand, Web, neighbours};
use crate::finding::{Finding, SessionId, TransferId};
use crate::frame::InterfaceId;
use crate::record::{Numbers, PathRecord, SessionRecord, TransferRecord, ViewRecord};

/// All sessions with their findings: those of several points once.
pub fn all(web: &Web, first_point: u32) -> Vec<(SessionRecord, Vec<Finding>)> {
    let mut groups: BTreeMap<Strand, Vec<(usize, &SessionRecord)>> = BTreeMap::new();
    let mut alone: Vec<(usize, &SessionRecord)> = Vec::new();
    for (point, told) in web.points.iter().enumerate() {
        for session in &told.sessions {
            match web.find(point, [session.client, session.server], session.first) {
                Some(strand) => groups.entry(strand).or_default().push((point, session)),
                None => alone.push((point, session)),
            }
        }
    }
    let mut all = Vec::new();
    for (strand, sessions) in groups {
        let points: Vec<usize> = sessions.iter().map(|(point, _)| *point).collect();
        let is_one_each = neighbours(&points).all(|[one, other]| one != other);
        match Together::of(web, strand, &sessions).filter(|_| sessions.len() > 1 && is_one_each) {
            Some(together) => all.push(one(web, &together, first_point)),
            None => alone.extend(sessions),
        }
    }
    all.extend(alone.into_iter().map(|(point, session)| by_itself(web, point, session, first_point)));
    all
}

/// A session that only one point has.
fn by_itself(web: &Web, point: usize, session: &SessionRecord, first_point: u32) -> (SessionRecord, Vec<Finding>) {
    let findings = web.findings(point, session.id).cloned().collect();
    (SessionRecord { points: vec![number(first_point, point)], ..session.clone() }, findings)
}

/// The number of a point in the run.
pub fn number(first_point: u32, point: usize) -> u32 {
    first_point.saturating_add(u32::try_from(point).unwrap_or(u32::MAX))
}

/// One session of several points.
fn one(web: &Web, together: &Together<'_>, first_point: u32) -> (SessionRecord, Vec<Finding>) {
    let asked = together.asked();
    let judged = findings::judge(web, together, &asked);
    let lead = together.lead();
    let transfers = (1..).zip(&asked).zip(&judged.verdicts).filter_map(|((number, asked), verdict)| {
        let own = asked.by(together.lead).or(asked.first())?;
        let ended = asked.ended()?;
        let mut attempts = own.attempts.clone();
        if attempts.is_empty() {
            attempts = asked
                .told
                .iter()
                .flatten()
                .find(|one| !one.attempts.is_empty())
                .map(|one| one.attempts.clone())
                .unwrap_or_default();
        }
        let offer = asked.by(together.lead).and_then(|own| own.offer);
        let id = TransferId(number);
        Some(TransferRecord {
            id,
            offer,
            attempts,
            reply: ended.reply.clone(),
            outcome: ended.outcome,
            verdict: *verdict,
            ..own.clone()
        })
    });
    let mut captures: Vec<_> = together.told.iter().flat_map(|session| session.captures.clone()).collect();
    captures.sort_unstable();
    captures.dedup();
    let session = SessionRecord {
        id: SessionId(1),
        captures,
        first: together.told.iter().map(|session| session.first).min().unwrap_or(lead.first),
        last: together.told.iter().map(|session| session.last).max().unwrap_or(lead.last),
        server_software: together.told.iter().find_map(|session| session.server_software.clone()),
        views: views(web, together, first_point),
        transfers: transfers.collect(),
        points: together.path.iter().map(|point| number(first_point, *point)).collect(),
        path: path(web, together, first_point),
        trace: traced::trace(web, together, &traced::of_session(web, together, &together.told)),
        ..lead.clone()
    };
    let Judged { findings, .. } = judged;
    (session, findings)
}

/// The session as each point has it.
fn views(web: &Web, together: &Together<'_>, first_point: u32) -> Vec<ViewRecord> {
    let lead = together.path.get(together.lead).copied().unwrap_or(0);
    let isns = |point: usize| web.at(together.control, point).map(|flow| flow.isns);
    together
        .seen()
        .map(|(point, session)| ViewRecord {
            point: Some(number(first_point, point)),
            client: session.client,
            server: session.server,
            capture: session.first.capture,
            interface: InterfaceId(0),
            segment: String::new(),
            numbers: match (isns(lead), isns(point)) {
                _ if web.relation(together.control, lead, point) == Some(Relation::Terminated) => Numbers::Terminated,
                (Some([Some(own), _]), Some([Some(other), _])) if own != other => Numbers::Rewritten,
                _ if web.is_shifted(together.control, lead, point) => Numbers::Shifted,
                _ => Numbers::Same,
            },
            first: session.first,
            last: session.last,
            data: session.transfers.iter().flat_map(|one| &one.attempts).map(|one| (one.from, one.to)).collect(),
            announced: session.offers.iter().filter_map(|offer| offer.endpoint).collect(),
        })
        .collect()
}

/// What became of the packets of the session from each point to the next, each direction.
pub fn path(web: &Web, together: &Together<'_>, first_point: u32) -> Vec<PathRecord> {
    let strands: Vec<Strand> = std::iter::once(together.control).chain(together.attempts_of_all(web)).collect();
    let mut records = Vec::new();
    for [one, other] in neighbours(&together.path) {
        for (near, far, from_client) in [(one, other, true), (other, one, false)] {
            let mut record = PathRecord::between(number(first_point, near), number(first_point, far), from_client);
            let mut delays: Vec<f64> = Vec::new();
            for strand in &strands {
                let Some(flow) = web.at(*strand, near) else { continue };
                let client = web.client_end(*strand, together.control, near);
                let by = if from_client { client } else { client.peer() };
                record.packets += flow.sent(by).count() as u64;
                if web.at(*strand, far).is_none() && web.shows_data(far) {
                    // None of it came that far.
                    record.lost +=
                        flow.sent(by).filter(|one| one.occupies() && web.is_alive(far, one.at, near)).count() as u64;
                    continue;
                }
                let Some((tally, _)) = web.tally(*strand, near, far, by) else { continue };
                record.lost += tally.lost;
                record.recovered += tally.recovered;
                record.missed_by_tap += tally.missed;
                record.duplicated += tally.duplicated;
                record.reordered += tally.reordered;
                delays.extend(web.delays(*strand, near, far, by));
            }
            delays.sort_by(f64::total_cmp);
            let middle = delays.get(delays.len() / 2);
            let all = delays.first().zip(middle).zip(delays.last());
            record.delay = all.map(|((least, middle), most)| [*least, *middle, *most]);
            record.uncertainty = record.delay.and(web.known(near, far));
            records.push(record);
        }
    }
    records
}
