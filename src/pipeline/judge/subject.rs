//! Judges a transfer or offer as soon as its outcome is known, and takes back later what turns out otherwise.
//!
//! For captures that have no end to wait for. What is said of a session once it is over is the same as if nothing
//! had been said before.

use std::io;

use super::Judge;
use super::case;
use super::reported::Changes;
use crate::diagnosis::port_reused_within_2msl;
use crate::finding::{DiagnosisName, Finding, SessionId};
use crate::frame::Interval;
use crate::pipeline::model::{Analysis, Shown, View, is_same};
use crate::pipeline::schedule::Subject;
use crate::record::Sink;
use crate::transfer::concluded::Concluded;
use crate::transfer::offers::OfferNumber;
use crate::transfer::sessions::SessionIndex;

/// A capture that goes on limits no claim by its end: it is taken to end this much later.
const GOES_ON: Interval = Interval::seconds(10);

/// The diagnosis that warns before the failure it announces.
pub(super) const EARLY: DiagnosisName = port_reused_within_2msl::NAME;

impl Judge {
    /// Judges a transfer or offer of session `index` while that is under way.
    pub(in crate::pipeline) fn subject(
        &mut self,
        analysis: Analysis<'_>,
        views: &[SessionIndex],
        (index, subject): (SessionIndex, Subject),
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        self.judge_subject(analysis, views, (index, subject), |_| true, sink)
    }

    /// Warns of an offer that was just announced, if it is likely to fail.
    pub(in crate::pipeline) fn announced(
        &mut self,
        analysis: Analysis<'_>,
        views: &[SessionIndex],
        (index, offer): (SessionIndex, OfferNumber),
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        self.judge_subject(analysis, views, (index, Subject::Offer(offer)), |name| name == EARLY, sink)
    }

    fn judge_subject(
        &mut self,
        analysis: Analysis<'_>,
        views: &[SessionIndex],
        (index, subject): (SessionIndex, Subject),
        chosen: fn(DiagnosisName) -> bool,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let analysis = analysis.until(analysis.ends().time.plus(GOES_ON));
        let views = analysis.views(views);
        let Some((one, id, findings)) = findings_of(&analysis, &views, (index, subject), chosen) else { return Ok(()) };
        let pending = self.pending.judged(&one, &findings);
        let changes = self.reported.compare(subject_of(&views), id, &one, findings);
        self.report(&Changes { pending, ..changes }, sink)
    }
}

/// The number by which findings of a session are compared with earlier ones, whichever view it is told by.
pub(super) fn subject_of(views: &[View<'_>]) -> SessionIndex {
    views.iter().map(|view| view.index).min().unwrap_or_default()
}

/// What is judged of a subject of session `index`, whose session that is, and what the diagnoses chosen by name say of it.
fn findings_of<'a>(
    analysis: &Analysis<'_>,
    views: &'a [View<'a>],
    (index, subject): (SessionIndex, Subject),
    chosen: fn(DiagnosisName) -> bool,
) -> Option<(Concluded<'a>, SessionId, Vec<Finding>)> {
    let of = |view: &'a View<'a>| match subject {
        Subject::Transfer(id) => view.conclusions.transfer(id),
        Subject::Offer(number) => view.conclusions.offer(number),
    };
    let lead = views.first()?;
    let all: Vec<_> = views.iter().filter_map(|view| Some((view, of(view)?, view.siblings(None)))).collect();
    let (_, one, _) = all.iter().find(|(view, ..)| view.index == index)?;
    // What the other view lacks, or numbers otherwise, is judged when both are over: then its number is known.
    if all.len() < views.len() || !all.iter().all(|(_, other, _)| is_same(one, other)) {
        return None;
    }
    let own = all.iter().filter(|(view, ..)| view.index == index);
    let other = all.iter().filter(|(view, ..)| view.index != index);
    let mut shown = own.chain(other).map(|(view, one, siblings)| Shown { view, siblings, one });
    let (mut findings, _) = case::judge(analysis, shown.next()?, shown.next(), chosen);
    for finding in &mut findings {
        finding.session = finding.session.and(Some(lead.session.id));
    }
    Some((one.clone(), lead.session.id, findings))
}
