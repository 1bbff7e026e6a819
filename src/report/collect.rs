//! Gathers a run for the formats that need all of it before they write their first line, in a stable order.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};

use super::findings::Findings;
use super::packed::Sessions;
use super::{Out, Style, Verbosity};
use crate::finding::{CauseId, DiagnosisName, Finding, Role, SessionId, Severity};
use crate::frame::{CaptureId, Stamp};
use crate::record::{Cause, Circumstances, HostRecord, Outcome, SessionRecord, Sink, Summary, Superseded};
use crate::redact::{Secret, Secrets};
use crate::source::Capture;
use crate::text::printable_str;

/// Characters of a point's name that stand before the number of a frame.
const NAME: usize = 12;

/// Findings of a cause that are named as examples.
pub(super) const EXAMPLES: usize = 3;

/// Everything a run concluded. Sessions by number; findings by session, transfer, role, severity and frame, those
/// without a session last.
#[derive(Default)]
pub(super) struct Run {
    pub(super) captures: Vec<Capture>,
    /// Empty for a format that shows none.
    pub(super) sessions: Vec<SessionRecord>,
    /// Those of which more chapters follow, by their places.
    pub(super) begun: HashMap<SessionId, usize>,
    pub(super) tally: Tally,
    pub(super) findings: Vec<Finding>,
    /// What they have in common, in order of their numbers.
    pub(super) causes: Vec<Cause>,
    /// Sessions with nothing but findings for which others stand; they are counted alone.
    pub(super) hidden: BTreeSet<SessionId>,
    /// The notes on them, by diagnosis.
    pub(super) hidden_notes: BTreeMap<DiagnosisName, usize>,
    /// Empty unless they were asked for.
    pub(super) hosts: Vec<HostRecord>,
    pub(super) summary: Summary,
    pub(super) grouping: Vec<String>,
    /// What must not be written of all this.
    pub(super) secrets: Secrets,
}

/// What the totals need of the sessions.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) sessions: u64,
    pub(super) completed: u64,
    pub(super) failed: u64,
    pub(super) aborted: u64,
    pub(super) unknown: u64,
    /// Transfers of encrypted sessions, which are none of the others.
    pub(super) inferred: u64,
    /// The captures with a session.
    pub(super) captures: BTreeSet<CaptureId>,
}

impl Tally {
    /// All transfers.
    pub(super) fn transfers(&self) -> u64 {
        self.completed + self.failed + self.aborted + self.unknown + self.inferred
    }

    pub(super) fn count(&mut self, session: &SessionRecord) {
        self.sessions += u64::from(!session.continues);
        self.captures.extend(&session.captures);
        self.inferred += session.inferred.len() as u64;
        for transfer in &session.transfers {
            *match transfer.outcome {
                Outcome::Completed => &mut self.completed,
                Outcome::Failed => &mut self.failed,
                Outcome::Aborted => &mut self.aborted,
                Outcome::Unknown => &mut self.unknown,
            } += 1;
        }
    }
}

impl Run {
    pub(super) fn session(&self, id: SessionId) -> Option<&SessionRecord> {
        let at = self.sessions.binary_search_by_key(&id, |session| session.id).ok()?;
        self.sessions.get(at)
    }

    /// Captures are numbered in the order in which they are opened.
    pub(super) fn capture(&self, id: CaptureId) -> Option<&Capture> {
        let at = self.captures.binary_search_by_key(&id, |capture| capture.id).ok()?;
        self.captures.get(at)
    }

    /// The findings of a session, once everything is in its order.
    pub(super) fn findings_of(&self, id: SessionId) -> &[Finding] {
        let before = |finding: &Finding, end: SessionId| finding.session.is_some_and(|session| session < end);
        let from = self.findings.partition_point(|finding| before(finding, id));
        let until = self.findings.partition_point(|finding| before(finding, SessionId(id.0.saturating_add(1))));
        self.findings.get(from..until).unwrap_or_default()
    }

    /// The places of the first findings of each cause.
    pub(super) fn examples(&self) -> HashMap<CauseId, Vec<usize>> {
        let mut examples: HashMap<CauseId, Vec<usize>> = HashMap::new();
        for (place, cause) in self.findings.iter().enumerate().filter_map(|(place, one)| Some((place, one.cause?))) {
            let places = examples.entry(cause).or_default();
            if places.len() < EXAMPLES {
                places.push(place);
            }
        }
        examples
    }

    /// The capture's path as it was named, control bytes escaped.
    pub(super) fn path(&self, id: CaptureId) -> String {
        self.capture(id).map_or_else(|| format!("capture {}", id.0), path_of)
    }

    /// The number of a frame, behind the name of its point if there are several.
    pub(super) fn frame_at_point(&self, at: Stamp) -> String {
        match self.summary.point_of(at) {
            Some(point) => {
                let name: String = printable_str(&point.name).chars().take(NAME).collect();
                format!("{name} {}", at.number)
            }
            None => at.number.to_string(),
        }
    }

    /// Takes a session of a format that shows them.
    pub(super) fn add_session(&mut self, mut session: SessionRecord) {
        self.tally.count(&session);
        // Once more at the end, for what is seen later; by then the oldest secrets may be forgotten.
        session.texts(|text| self.secrets.hide(text));
        let (id, continues) = (session.id, session.continues);
        if let Some(begun) = self.begun.get(&id).and_then(|place| self.sessions.get_mut(*place)) {
            begun.append(&session);
        } else {
            self.begun.insert(id, self.sessions.len());
            self.sessions.push(session);
        }
        if !continues {
            self.begun.remove(&id);
        }
    }

    /// Takes a finding.
    pub(super) fn add_finding(&mut self, finding: &Finding) {
        let mut finding = finding.clone();
        finding.texts(|text| self.secrets.hide(text));
        self.findings.push(finding);
    }

    /// The run is over: puts everything in its order, and makes it fit to be written.
    pub(super) fn finish(&mut self, captures: &[Capture], summary: &Summary) {
        self.captures = captures.to_vec();
        self.summary = summary.clone();
        self.sort();
        let secrets = &self.secrets;
        self.sessions.iter_mut().for_each(|session| session.texts(|text| secrets.finish(text)));
        self.findings.iter_mut().for_each(|finding| finding.texts(|text| secrets.finish(text)));
        for cause in &mut self.causes {
            cause.texts(|text| secrets.finish(text));
        }
    }

    /// Counts what is here, for a view of some sessions of a run.
    pub(super) fn recount(&mut self) {
        let Tally { completed, failed, aborted, unknown, .. } = self.tally;
        let transfers = completed + failed + aborted + unknown;
        let count = |severity| {
            let counts = |finding: &&Finding| finding.severity == severity && finding.role != Role::Related;
            self.findings.iter().filter(counts).count() as u64
        };
        self.summary = Summary {
            points: std::mem::take(&mut self.summary.points),
            only: self.summary.only,
            left_out: self.summary.left_out,
            transfers,
            failed,
            error: count(Severity::Error),
            warning: count(Severity::Warning),
            info: count(Severity::Info),
            quality: self.findings.iter().filter(|finding| finding.severity == Severity::Quality).count() as u64,
            interrupted: self.summary.interrupted,
            unreadable: std::mem::take(&mut self.summary.unreadable),
        };
    }

    fn sort(&mut self) {
        self.captures.sort_by_key(|capture| capture.id);
        // Mostly they come in their order; what is in order is not moved, for that takes half as much memory again.
        if !self.sessions.is_sorted_by_key(|session| session.id) {
            self.sessions.sort_by_key(|session| session.id);
        }
        in_order(&mut self.findings);
    }
}

/// Puts findings into the order in which reports list them, from which they have their numbers.
pub fn in_order(findings: &mut [Finding]) {
    let place = |finding: &Finding| {
        (
            finding.session.is_none(),
            finding.session,
            finding.transfer.is_none(),
            finding.transfer,
            role_order(finding.role),
            Reverse(finding.severity),
            finding.primary.first(),
            finding.diagnosis,
        )
    };
    if !findings.is_sorted_by_key(place) {
        findings.sort_by_key(place);
    }
}

/// The path as it was named, control bytes and what is not UTF-8 escaped.
pub(super) fn path_of(capture: &Capture) -> String {
    crate::text::printable(capture.path.as_os_str().as_encoded_bytes())
}

fn role_order(role: Role) -> u8 {
    match role {
        Role::Verdict => 0,
        Role::Related => 1,
        Role::Context => 2,
    }
}

/// Writes a whole run.
pub(super) type WriteRun = fn(&Run, &Style, &mut dyn Write) -> io::Result<()>;

/// A sink that collects, and writes at the end.
pub(super) struct Collecting {
    pub(super) write: WriteRun,
    /// Whether the format shows sessions: a capture may hold very many.
    pub(super) with_sessions: bool,
    pub(super) run: Run,
    sessions: Sessions,
    findings: Findings,
    pub(super) style: Style,
    pub(super) out: Box<dyn Out>,
}

impl Sink for Collecting {
    fn secret(&mut self, secret: &Secret) {
        self.run.secrets.learn(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.with_sessions {
            let mut session = session.clone();
            session.circumstances = Circumstances::default();
            // What only the longest page explains is not kept of every session.
            if self.style.verbosity < Verbosity::Verbose {
                session.vantage.clues = Vec::new();
            }
            self.run.tally.count(&session);
            session.texts(|text| self.run.secrets.hide(text));
            self.sessions.add(session);
        } else {
            self.run.tally.count(session);
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let mut finding = finding.clone();
        finding.texts(|text| self.run.secrets.hide(text));
        self.findings.add(&finding);
        Ok(())
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        self.run.causes.extend_from_slice(causes);
        Ok(())
    }

    fn hosts(&mut self, hosts: &[HostRecord]) -> io::Result<()> {
        self.run.hosts.extend_from_slice(hosts);
        Ok(())
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.findings.take_back(superseded)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.end_with(captures, summary, |_| {})
    }
}

impl Collecting {
    /// Nothing collected yet.
    pub(super) fn new(write: WriteRun, with_sessions: bool, run: Run, style: Style, out: Box<dyn Out>) -> Self {
        let (sessions, findings) = (Sessions::default(), Findings::default());
        Self { write, with_sessions, run, sessions, findings, style, out }
    }

    /// Writes the run, after `arrange` has changed its order.
    pub(super) fn end_with(
        &mut self,
        captures: &[Capture],
        summary: &Summary,
        arrange: impl FnOnce(&mut Run),
    ) -> io::Result<()> {
        self.run.sessions = std::mem::take(&mut self.sessions).into_vec()?;
        self.run.findings = std::mem::take(&mut self.findings).into_vec()?;
        self.run.finish(captures, summary);
        arrange(&mut self.run);
        let mut out = io::BufWriter::new(&mut self.out);
        (self.write)(&self.run, &self.style, &mut out)?;
        out.flush()?;
        drop(out);
        self.out.finish()
    }
}
