//! Sessions of several points that are one, with their transfers, each once.

use std::collections::BTreeMap;

use super::super::alike::Relation;
use super::findings::{self, Judged};
use super::traced;
use super::web::{Strand, Web, neighbours};
use crate::finding::{Finding, SessionId, TransferId};
use crate::flow::End;
use crate::frame::InterfaceId;
use crate::record::{Numbers, Outcome, PathRecord, SessionRecord, TransferRecord, ViewRecord};

/// The same command is heard at two points within this many seconds.
const SAME_MOMENT: f64 = 2.0;

/// A session at the points that have it, in the order of the path.
pub struct Together<'a> {
    /// The control connection.
    pub control: Strand,
    /// The points, the one nearest to the client first.
    pub path: Vec<usize>,
    /// What each of them tells, in the same order.
    pub told: Vec<&'a SessionRecord>,
    /// Which of these the session is told by.
    pub lead: usize,
    best: &'a SessionRecord,
    /// How many packets that arrived each point missed, in the order of the path.
    pub missed: Vec<u64>,
}

/// A transfer at the points that have it.
#[derive(Clone, Debug)]
pub struct Asked<'a> {
    /// In the order of the path.
    pub told: Vec<Option<&'a TransferRecord>>,
}

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
    (SessionRecord { points: vec![first_point + as_u32(point)], ..session.clone() }, findings)
}

fn as_u32(point: usize) -> u32 {
    u32::try_from(point).unwrap_or(u32::MAX)
}

impl<'a> Together<'a> {
    /// `None` where there is no session.
    fn of(web: &Web, control: Strand, sessions: &[(usize, &'a SessionRecord)]) -> Option<Self> {
        let mut path = web.path(control);
        path.retain(|point| sessions.iter().any(|(of, _)| of == point));
        let told: Vec<&SessionRecord> = path
            .iter()
            .filter_map(|point| sessions.iter().find(|(of, _)| of == point))
            .map(|(_, session)| *session)
            .collect();
        let weight = |session: &SessionRecord| session.transfers.len() * 2 + session.offers.len();
        // Of those that hold most the first one, which is the nearest to the client.
        let (lead, best) = told.iter().copied().enumerate().rev().max_by_key(|(_, session)| weight(session))?;
        let mut together = Self { control, path, told, lead, best, missed: Vec::new() };
        let strands: Vec<Strand> = std::iter::once(control).chain(together.attempts_of_all(web)).collect();
        together.missed = together
            .path
            .iter()
            .map(|point| strands.iter().map(|strand| web.tap_loss(*strand, *point, &together.path)).sum())
            .collect();
        Some(together)
    }

    fn attempts_of_all(&self, web: &Web) -> Vec<Strand> {
        let mut strands: Vec<Strand> = self
            .path
            .iter()
            .zip(&self.told)
            .flat_map(|(point, session)| {
                session.transfers.iter().flat_map(move |transfer| attempts(web, *point, transfer))
            })
            .collect();
        strands.sort_unstable();
        strands.dedup();
        strands
    }

    /// The transfers of all points, each once, in order of time.
    fn asked(&self) -> Vec<Asked<'a>> {
        let count = self.told.len();
        let mut all: Vec<Asked<'a>> =
            self.lead().transfers.iter().map(|own| Asked::at(self.lead, own, count)).collect();
        for (place, session) in self.told.iter().enumerate().filter(|(place, _)| *place != self.lead) {
            let mut from = 0;
            for transfer in &session.transfers {
                let free = |asked: &Asked<'_>| asked.by(place).is_none();
                let same = all
                    .iter_mut()
                    .enumerate()
                    .skip(from)
                    .find(|(_, asked)| free(asked) && asked.first().is_some_and(|other| is_same(other, transfer)));
                match same {
                    Some((at, asked)) => {
                        asked.tell(place, transfer);
                        from = at + 1;
                    }
                    None => all.push(Asked::at(place, transfer, count)),
                }
            }
        }
        all.sort_by_key(|asked| asked.first().map(|transfer| transfer.at));
        all
    }

    /// The points and sessions, from the client on.
    pub fn seen(&self) -> impl DoubleEndedIterator<Item = (usize, &'a SessionRecord)> + '_ {
        self.path.iter().copied().zip(self.told.iter().copied())
    }

    /// The session that it is told by.
    pub fn lead(&self) -> &'a SessionRecord {
        self.best
    }
}

fn is_same(one: &TransferRecord, other: &TransferRecord) -> bool {
    one.command == other.command && one.at.seconds_since(other.at).abs() < SAME_MOMENT
}

impl<'a> Asked<'a> {
    /// A transfer that one point has, of so many.
    fn at(place: usize, transfer: &'a TransferRecord, count: usize) -> Self {
        let mut asked = Self { told: vec![None; count] };
        asked.tell(place, transfer);
        asked
    }

    fn tell(&mut self, place: usize, transfer: &'a TransferRecord) {
        if let Some(slot) = self.told.get_mut(place) {
            *slot = Some(transfer);
        }
    }

    fn by(&self, place: usize) -> Option<&'a TransferRecord> {
        self.told.get(place).copied().flatten()
    }

    fn first(&self) -> Option<&'a TransferRecord> {
        self.told.iter().flatten().next().copied()
    }

    /// How it ended, as the client has it: by what the point nearest to it shows of the final reply.
    pub fn ended(&self) -> Option<&'a TransferRecord> {
        let told = || self.told.iter().flatten().copied();
        told()
            .find(|one| one.reply.is_some())
            .or_else(|| told().find(|one| one.outcome != Outcome::Unknown))
            .or(self.first())
    }
}

/// The data connections of a transfer, as one point tells them.
pub fn attempts<'a>(web: &'a Web, point: usize, transfer: &'a TransferRecord) -> impl Iterator<Item = Strand> + 'a {
    transfer.attempts.iter().filter_map(move |attempt| web.find(point, [attempt.from, attempt.to], attempt.syn))
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
        points: together.path.iter().map(|point| first_point + as_u32(*point)).collect(),
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
            point: Some(first_point + as_u32(point)),
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
fn path(web: &Web, together: &Together<'_>, first_point: u32) -> Vec<PathRecord> {
    let strands: Vec<Strand> = std::iter::once(together.control).chain(together.attempts_of_all(web)).collect();
    let mut records = Vec::new();
    for [one, other] in neighbours(&together.path) {
        for (near, far, from_client) in [(one, other, true), (other, one, false)] {
            let mut record = PathRecord::between(first_point + as_u32(near), first_point + as_u32(far), from_client);
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

impl Web {
    /// Which end of a connection the client is, by its addresses at a point; the one that opened it where these do not tell.
    pub fn client_end(&self, strand: Strand, control: Strand, point: usize) -> End {
        let ends = |strand| self.at(strand, point).map(|flow| flow.ends.map(|end| end.ip()));
        match (ends(strand), ends(control)) {
            (Some([origin, target]), Some([client, server])) => {
                if origin == client {
                    End::Origin
                } else if target == client || origin == server {
                    End::Target
                } else {
                    End::Origin
                }
            }
            _ => End::Origin,
        }
    }
}
