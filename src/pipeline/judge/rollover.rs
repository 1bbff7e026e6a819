//! Reports a session that goes on and on in parts: what lies far back is judged for good, told and forgotten, so that a
//! session of weeks takes no more room than one of minutes.
//!
//! Only while a capture goes on. What is said of a session as a whole rests on its last part.

use std::io;

use super::case::judge_all;
use super::session_record::record;
use super::subject::subject_of;
use super::{Judge, vlan};
use crate::pipeline::model::{Analysis, Rollover};
use crate::pipeline::schedule::Subject;
use crate::record::{SessionRecord, Sink};
use crate::transfer::session::Session;
use crate::transfer::sessions::SessionIndex;

impl Judge {
    /// Judges what lies far back in a session that has grown long; where that ends, in each view.
    pub(in crate::pipeline) fn roll_over(
        &mut self,
        analysis: Analysis<'_>,
        views: &[SessionIndex],
        sink: &mut dyn Sink,
    ) -> io::Result<Vec<(SessionIndex, Rollover)>> {
        let views = analysis.views(views);
        let first = |id| analysis.flows().connection(id).map(|connection| connection.first);
        let ends: Vec<Option<Rollover>> = views.iter().map(|view| Rollover::of(view.session, first)).collect();
        let (Some(lead), Some(end)) = (views.first(), ends.first().copied().flatten()) else { return Ok(Vec::new()) };
        let all: Vec<_> = views.iter().map(|view| view.conclusions.all()).collect();
        let siblings: Vec<_> = views.iter().zip(&all).map(|(view, all)| view.siblings(Some(all))).collect();
        let judged = judge_all(&analysis, &views, &siblings, &all, |view, one| {
            ends.get(view).copied().flatten().is_some_and(|end| end.includes(one))
        });
        let changes = self.changes(&views, &judged);
        self.blame(&changes.findings);
        let offers = lead.session.offers.numbered().take_while(|(number, _)| *number < end.offer);
        let Some(part) = record(&views, offers.map(|(_, offer)| offer), &judged) else { return Ok(Vec::new()) };
        let mut part = SessionRecord { continues: true, ..part };
        part.circumstances.vlan = vlan(analysis, lead);
        self.count(&part);
        let compared = subject_of(&views);
        let ends: Vec<_> = views.iter().zip(ends).filter_map(|(view, end)| Some((view, end?))).collect();
        // Both views of a session are compared with what was said as one.
        for (view, end) in ends.iter().filter(|(view, _)| view.index == compared) {
            self.forget_before(view.session, compared, *end);
        }
        sink.session(&part)?;
        self.report(&changes, sink)?;
        Ok(ends.into_iter().map(|(view, end)| (view.index, end)).collect())
    }

    fn forget_before(&mut self, session: &Session, index: SessionIndex, end: Rollover) {
        let first_kept = session.transfers.iter().find(|transfer| transfer.at() >= end.before).map(|one| one.id);
        self.reported.forget(index, |subject| match subject {
            Subject::Transfer(id) => first_kept.is_none_or(|kept| id < kept),
            Subject::Offer(number) => number < end.offer,
        });
    }
}
