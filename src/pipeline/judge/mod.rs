//! What is said of the model: runs the diagnoses over what has been concluded and hands the results to the sink.

mod case;
mod host_review;
mod pending;
mod reported;
mod rollover;
mod session_record;
mod subject;
mod trace;

use std::collections::BTreeSet;
use std::io;

use super::model::{Analysis, View};
use super::settings::Settings;
use crate::diagnosis::selection::Selection;
use crate::diagnosis::verdict::{self, Blame};
use crate::finding::Finding;
use crate::record::trace::Trace;
use crate::record::{Outcome, Pending, SessionRecord, Sink, State, Summary};
use crate::transfer::sessions::SessionIndex;
use case::{Judged, judge_all, of_session};
use host_review::HostReview;
pub(super) use host_review::interval;
use pending::PendingAttempts;
use reported::{Changes, Reported};
use session_record::{record, seen, traced};
use subject::subject_of;

/// Hosts that are remembered as reported with a failure, while a capture goes on: beyond it one may be reported again.
const BLAMED: usize = 8_192;

/// What has been said of one capture group.
pub(super) struct Judge {
    /// The findings that are wanted.
    selection: Selection,
    reported: Reported,
    pending: PendingAttempts,
    hosts: HostReview,
    /// Hosts that were named as the cause of a failed transfer or session, by diagnosis.
    blamed: BTreeSet<Blame>,
    summary: Summary,
}

impl Judge {
    /// Nothing said yet.
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            selection: settings.selection,
            reported: Reported::new(settings.judging),
            pending: PendingAttempts::default(),
            hosts: HostReview::default(),
            blamed: BTreeSet::new(),
            summary: Summary::default(),
        }
    }

    /// Counts of what was said so far.
    pub(super) fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Judges a session that is over, as one or two views show it.
    pub(super) fn session(
        &mut self,
        analysis: Analysis<'_>,
        views: &[SessionIndex],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let views = analysis.views(views);
        let Some(lead) = views.first() else { return Ok(()) };
        let all: Vec<_> = views.iter().map(|view| view.conclusions.all()).collect();
        let siblings: Vec<_> = views.iter().zip(&all).map(|(view, all)| view.siblings(Some(all))).collect();
        let judged = judge_all(&analysis, &views, &siblings, &all, |_, _| true);
        let mut changes = self.changes(&views, &judged);
        changes.findings.extend(verdict::settle(of_session(&analysis, &views, &siblings), &changes.findings));
        self.blame(&changes.findings);
        for view in &views {
            self.reported.over(view.index);
            changes.pending.extend(self.pending.over(view.index));
        }
        if lead.session.id.0 > 0 {
            let trace = analysis.dialogue(lead.index).map(|dialogue| {
                let connections = traced(&views, &all, &analysis);
                Box::new(Trace { connections, ..dialogue })
            });
            let seen = seen(&views, &all, |syn| analysis.segment_of(syn));
            let Some(mut record) = record(&views, &lead.session.offers, &judged) else { return Ok(()) };
            record.circumstances.vlan = vlan(analysis, lead);
            let record = SessionRecord { trace, views: seen, ..record };
            self.count(&record);
            sink.session(&record)?;
        } else {
            for finding in &mut changes.findings {
                finding.session = None;
            }
        }
        self.report(&changes, sink)
    }

    /// What a judgement changes of what was reported of the same transfers and offers.
    fn changes(&mut self, views: &[View<'_>], judged: &[Judged<'_>]) -> Changes {
        let mut changes = Changes::default();
        let Some(lead) = views.first() else { return changes };
        for judged in judged {
            let Some(one) = judged.shown() else { continue };
            for seen in [judged.own, judged.other].into_iter().flatten() {
                changes.pending.extend(self.pending.judged(seen, &judged.findings));
            }
            let findings = judged.findings.clone();
            changes.extend(self.reported.compare(subject_of(views), lead.session.id, one, findings));
        }
        changes
    }

    /// Notes the hosts that are named as the cause of a failure: what holds of them by itself is not said again.
    fn blame(&mut self, findings: &[Finding]) {
        self.blamed.extend(findings.iter().filter(|finding| verdict::is_blamed(finding)).map(verdict::blame));
    }

    fn count(&mut self, record: &SessionRecord) {
        let failed = record.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed);
        self.summary.failed += failed.count() as u64;
        self.summary.transfers += record.transfers.len() as u64;
    }

    fn report(&mut self, changes: &Changes, sink: &mut dyn Sink) -> io::Result<()> {
        let wanted = |diagnosis| self.selection.takes(diagnosis);
        for finding in changes.findings.iter().filter(|finding| wanted(finding.diagnosis)) {
            self.summary.add(finding.severity, finding.role);
            sink.finding(finding)?;
        }
        for superseded in changes.superseded.iter().filter(|superseded| wanted(superseded.diagnosis)) {
            self.summary.subtract(superseded.severity, superseded.role);
            sink.superseded(superseded)?;
        }
        for pending in &changes.pending {
            match &pending.state {
                State::Ended(by) if !wanted(*by) => {
                    let state = State::Withdrawn("its finding is not selected".to_owned());
                    sink.pending(&Pending { state, ..pending.clone() })?;
                }
                State::Open | State::Ended(_) | State::Withdrawn(_) => sink.pending(pending)?,
            }
        }
        Ok(())
    }
}

/// The VLANs and tunnels around the control connection; empty where there are none.
fn vlan(analysis: Analysis<'_>, view: &View<'_>) -> String {
    view.control.syns.first().map(|syn| analysis.wrapping_of(syn)).unwrap_or_default()
}
