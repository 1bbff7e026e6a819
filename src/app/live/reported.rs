//! Passes on what is concluded, and remembers of it what the counters, the evidence and the exit status need.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use crate::causes::Causes;
use crate::cli::{FailOn, StatusLine};
use crate::finding::{CauseId, DiagnosisName, Finding, SessionId};
use crate::record::{CauseLocus, Pending, SessionRecord, Sink, Summary, Superseded};
use crate::redact::{Secret, Secrets};
use crate::source::Capture;

/// Causes that the metrics tell apart: one series each, as long as the run lasts.
const MEASURED: usize = 100;

/// How often a cause was found.
pub(super) struct Found {
    pub(super) diagnosis: DiagnosisName,
    /// What its remedy is about.
    pub(super) locus: String,
    pub(super) count: u64,
}

/// The report, and what it has been told.
pub(super) struct Reported {
    report: Box<dyn Sink>,
    causes: Causes,
    fail_on: FailOn,
    /// Findings that make the exit status 1 and still hold.
    reached: u64,
    by_diagnosis: BTreeMap<DiagnosisName, u64>,
    by_cause: BTreeMap<CauseId, Found>,
    /// Findings of which no evidence has been written yet, with the server where that is known.
    new: Vec<(Finding, Option<IpAddr>)>,
    /// What must not be written of them.
    secrets: Secrets,
    /// The session that was told last, whose findings follow, and its server.
    session: Option<(SessionId, IpAddr)>,
    /// Goes before anything is written.
    status: StatusLine,
}

impl Reported {
    pub(super) fn new(report: Box<dyn Sink>, fail_on: FailOn, status: StatusLine) -> Self {
        let (causes, by_diagnosis, by_cause, new, secrets) = Default::default();
        Self { report, causes, fail_on, reached: 0, by_diagnosis, by_cause, new, secrets, session: None, status }
    }

    /// Whether a finding makes the exit status 1.
    pub(super) fn reached(&self) -> bool {
        self.reached > 0
    }

    /// How often each diagnosis has been named.
    pub(super) fn by_diagnosis(&self) -> &BTreeMap<DiagnosisName, u64> {
        &self.by_diagnosis
    }

    /// How often the first causes were found, what they are about redacted.
    pub(super) fn by_cause(&self) -> Vec<(CauseId, Found)> {
        let redacted = |(id, found): (&CauseId, &Found)| {
            let mut locus = found.locus.clone();
            self.secrets.finish(&mut locus);
            (*id, Found { locus, ..*found })
        };
        self.by_cause.iter().map(redacted).collect()
    }

    /// The findings since this was last asked, redacted, each with its server if its session is over.
    pub(super) fn take_new(&mut self) -> Vec<(Finding, Option<IpAddr>)> {
        let mut new = std::mem::take(&mut self.new);
        for (finding, _) in &mut new {
            finding.texts(|text| self.secrets.finish(text));
        }
        new
    }

    /// The line that says how things stand.
    pub(super) fn status(&mut self) -> &mut StatusLine {
        &mut self.status
    }
}

impl Sink for Reported {
    fn begins(&mut self, captures: &[Capture]) -> io::Result<()> {
        self.report.begins(captures)
    }

    fn secret(&mut self, secret: &Secret) {
        self.secrets.learn(secret);
        self.report.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        self.session = Some((session.id, session.server.ip()));
        self.causes.session(session);
        self.report.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        self.status.clear();
        self.reached += u64::from(self.fail_on.reached_by(finding));
        *self.by_diagnosis.entry(finding.diagnosis).or_default() += 1;
        let server = self.session.filter(|(id, _)| finding.session == Some(*id)).map(|(_, server)| server);
        let finding = Finding { cause: self.causes.finding(finding), ..finding.clone() };
        if let Some(id) = finding.cause.filter(|id| self.by_cause.len() < MEASURED || self.by_cause.contains_key(id)) {
            let locus = || CauseLocus::from(&finding.locus).to_string();
            let found = || Found { diagnosis: finding.diagnosis, locus: locus(), count: 0 };
            self.by_cause.entry(id).or_insert_with(found).count += 1;
        }
        self.new.push((finding.clone(), server));
        self.report.finding(&finding)
    }

    fn superseded(&mut self, superseded: &Superseded) -> io::Result<()> {
        self.status.clear();
        let reached = self.fail_on.is_reached(superseded.role, superseded.severity);
        self.reached = self.reached.saturating_sub(u64::from(reached));
        self.causes.superseded(superseded);
        self.report.superseded(superseded)
    }

    fn pending(&mut self, pending: &Pending) -> io::Result<()> {
        self.status.clear();
        self.report.pending(pending)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        self.status.clear();
        self.report.causes(&std::mem::take(&mut self.causes).finish())?;
        self.report.end(captures, summary)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::outfile::Outfile;
    use super::Reported;
    use crate::cli::{FailOn, StatusLine};
    use crate::record::Sink;
    use crate::redact::{Secret, foreign};
    use crate::report::testing::Sample;
    use crate::report::{Format, live_sink};

    #[test]
    fn causes_are_measured() {
        let style = crate::report::testing::narrow();
        let out = Box::new(Outfile::create(Path::new("/dev/null")).expect("opens"));
        let report = live_sink(Format::Full, style, out).expect("begins");
        let mut told = Reported::new(report, FailOn::Error, StatusLine::new(false));
        for finding in &Sample::failing(300).findings {
            told.finding(finding).expect("taken");
        }
        let causes = told.by_cause();
        assert_eq!((causes.len(), causes[0].1.count, &*causes[0].1.locus), (1, 300, "server 10.2.0.20:21"));
    }

    #[test]
    fn evidence_tells_no_secret() {
        let style = crate::report::testing::narrow();
        let report =
            live_sink(Format::Concise, style, Box::new(Outfile::create(Path::new("/dev/null")).expect("opens")))
                .expect("begins");
        let mut told = Reported::new(report, FailOn::Error, StatusLine::new(false));
        let mut finding = Sample::collision().findings.remove(0);
        finding.message = format!("RETR {}", foreign("/a/hunter2"));
        told.finding(&finding).expect("taken");
        // It is seen later, and nothing is written yet.
        told.secret(&Secret::new(b"hunter2", true).expect("long enough"));
        assert_eq!(told.take_new()[0].0.message, "RETR /a/***");
    }
}
