//! Which sessions and transfers of several points are one.

use super::web::{Strand, Web};
use crate::flow::End;
use crate::record::{Outcome, SessionRecord, TransferRecord};

/// The same command is heard at two points within this many seconds.
const SAME_MOMENT: f64 = 2.0;

/// A tap that misses some packets hardly misses this many in a row.
const FEW: usize = 2;

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

impl<'a> Together<'a> {
    /// `None` where there is no session.
    pub fn of(web: &Web, control: Strand, sessions: &[(usize, &'a SessionRecord)]) -> Option<Self> {
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

    /// Whether so few packets may be missing at a point because it did not record all that passed.
    pub fn may_have_missed(&self, point: usize, packets: usize) -> bool {
        let missed = self.path.iter().zip(&self.missed).any(|(one, missed)| *one == point && *missed > 0);
        missed && packets < FEW
    }

    /// The data connections of all its transfers, as all points tell them.
    pub fn attempts_of_all(&self, web: &Web) -> Vec<Strand> {
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
    pub fn asked(&self) -> Vec<Asked<'a>> {
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

    /// As one point has it, by its place on the path.
    pub fn by(&self, place: usize) -> Option<&'a TransferRecord> {
        self.told.get(place).copied().flatten()
    }

    /// As the first point that has it tells it.
    pub fn first(&self) -> Option<&'a TransferRecord> {
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
