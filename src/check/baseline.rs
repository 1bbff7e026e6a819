//! Trouble that is known already: a list of fingerprints, and the sinks that write it and leave out what is on it.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::io;

use serde::{Deserialize, Serialize};

use super::damage;
use crate::finding::{CauseId, DiagnosisName, Finding, Role, SessionId, Severity, TransferId};
use crate::fingerprint::{self, Subject, Subjects};
use crate::record::{Cause, Hosts, SessionRecord, Sink, Summary, Superseded};
use crate::redact::Secret;
use crate::source::Capture;
use crate::text::printable_str;

const HEAD: &str = "\
# Findings and causes that are known already: `ftpwhy --baseline THIS` leaves them out. A fingerprint holds no time, no frame\n\
# number and no ephemeral port, that of a cause no client; the other lines are for readers. Delete what is fixed.\n";

/// Findings left out that may still be taken back: the newest of them are remembered.
const RECENT: usize = 16_384;

/// Known findings by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeMap<String, Known>,
}

/// The shape of the file.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Shape {
    #[serde(default)]
    known: Vec<Known>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Known {
    #[serde(default)]
    diagnosis: String,
    #[serde(default)]
    about: String,
    fingerprint: String,
    /// Found at several points together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    joined: bool,
}

impl Baseline {
    /// Reads a baseline; the error says where it is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let shape: Shape = toml::from_str(text).map_err(|error| damage(text, &error))?;
        Ok(Self { known: shape.known.into_iter().map(|known| (known.fingerprint.clone(), known)).collect() })
    }

    /// The file, in an order that does not depend on the captures.
    pub fn to_text(&self) -> String {
        let mut known: Vec<Known> = self.known.values().cloned().collect();
        known.sort();
        // Strings and lists of them can always be written.
        HEAD.to_owned() + &toml::to_string(&Shape { known }).unwrap_or_default()
    }

    /// Adds a finding. Those about the capture's quality are left out: they never count.
    pub fn add(&mut self, finding: &Finding, subject: Option<Subject<'_>>) {
        if finding.severity > Severity::Quality {
            let fingerprint = fingerprint::of(finding, subject).to_string();
            let about = printable_str(&fingerprint::about(finding, subject));
            let joined = subject.is_some_and(|subject| subject.session.points.len() > 1);
            let diagnosis = finding.diagnosis.to_string();
            self.known.insert(fingerprint.clone(), Known { diagnosis, about, fingerprint, joined });
        }
    }

    /// Whether this trouble was known as one point sees it, and a finding of several points cannot be compared with that.
    fn knows_from_one_point(&self, finding: &Finding, subject: Subject<'_>) -> bool {
        let Subject { session, .. } = subject;
        if session.points.len() < 2 || finding.severity <= Severity::Quality {
            return false;
        }
        let views = session.views.iter().map(|view| {
            let seen = SessionRecord { client: view.client, server: view.server, ..session.clone() };
            printable_str(&fingerprint::about(finding, Some(Subject { session: &seen, ..subject })))
        });
        let views: Vec<String> = views.collect();
        let mut about = self.known.values().filter(|known| views.contains(&known.about)).peekable();
        about.peek().is_some() && about.all(|known| !known.joined)
    }

    /// Whether a finding is known, or its cause.
    pub fn knows(&self, finding: &Finding, subject: Option<Subject<'_>>) -> bool {
        let mut all = std::iter::once(fingerprint::of(finding, subject)).chain(fingerprint::of_its_causes(finding));
        all.any(|fingerprint| self.known.contains_key(&fingerprint.to_string()))
    }

    /// Puts a cause in the place of its findings.
    fn put_cause(&mut self, cause: &Cause, findings: &BTreeSet<String>) {
        self.known.retain(|fingerprint, _| !findings.contains(fingerprint));
        let fingerprint = fingerprint::of_cause(cause.diagnosis, &cause.locus).to_string();
        let about = printable_str(&fingerprint::about_cause(&cause.locus));
        let diagnosis = cause.diagnosis.to_string();
        self.known.insert(fingerprint.clone(), Known { diagnosis, about, fingerprint, joined: false });
    }
}

/// Passes on what is not in `known`, and adds what is passed on to `found`.
pub struct Baselined<'a> {
    inner: &'a mut dyn Sink,
    known: &'a Baseline,
    /// Everything found, known or not, if it is collected.
    pub found: Baseline,
    collects: bool,
    /// How many findings were left out.
    pub left_out: u64,
    /// How many were found at several points together and are known otherwise, as one point sees them.
    pub seen_from_one_point: u64,
    /// What they would have counted.
    counted: Summary,
    /// What those are taken back by that were told early.
    left: VecDeque<Left>,
    /// The fingerprints of the findings of each cause, if they are collected.
    of_causes: HashMap<CauseId, BTreeSet<String>>,
    /// The causes of which findings were passed on.
    passed: BTreeSet<CauseId>,
    /// Findings follow their session.
    session: Option<SessionRecord>,
    subjects: Subjects,
}

/// What a finding that was left out is taken back by.
struct Left {
    diagnosis: DiagnosisName,
    role: Role,
    severity: Severity,
    session: Option<SessionId>,
    transfer: Option<TransferId>,
    hosts: Hosts,
}

impl Left {
    fn of(finding: &Finding) -> Self {
        let Finding { diagnosis, role, severity, session, transfer, .. } = *finding;
        Self { diagnosis, role, severity, session, transfer, hosts: finding.hosts.clone() }
    }

    /// What was said of an offer, before there was a transfer, is taken back with the transfer.
    fn is_meant_by(&self, gone: &Superseded) -> bool {
        (self.diagnosis, self.role, self.severity, self.session)
            == (gone.diagnosis, gone.role, gone.severity, gone.session)
            && (self.transfer.is_none() || self.transfer == gone.transfer)
            && (self.session.is_some() || self.hosts == gone.hosts)
    }
}

impl<'a> Baselined<'a> {
    /// Leaves out what `known` holds.
    pub fn new(inner: &'a mut dyn Sink, known: &'a Baseline) -> Self {
        let (found, counted, left, of_causes, passed, subjects) = Default::default();
        Self {
            inner,
            known,
            found,
            collects: true,
            left_out: 0,
            seen_from_one_point: 0,
            counted,
            left,
            of_causes,
            passed,
            session: None,
            subjects,
        }
    }

    /// Collects nothing: a capture that goes on finds without end.
    #[must_use]
    pub fn forgetful(self) -> Self {
        Self { collects: false, ..self }
    }

    /// Whether findings are looked at: most runs have no baseline.
    fn compares(&self) -> bool {
        self.collects || !self.known.known.is_empty()
    }
}

impl Sink for Baselined<'_> {
    fn inner(&mut self) -> Option<&mut dyn Sink> {
        Some(&mut *self.inner)
    }

    fn secret(&mut self, secret: &Secret) {
        self.inner.secret(secret);
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        if self.compares() {
            self.session = Some(session.clone());
            self.subjects = Subjects::default();
        }
        self.inner.session(session)
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if !self.compares() {
            return self.inner.finding(finding);
        }
        let session = self.session.as_ref().filter(|session| Some(session.id) == finding.session);
        let subject = session.map(|session| self.subjects.of(finding, session));
        if self.collects {
            self.found.add(finding, subject);
            if let Some(cause) = finding.cause {
                let fingerprint = fingerprint::of(finding, subject).to_string();
                self.of_causes.entry(cause).or_default().insert(fingerprint);
            }
        }
        if !self.known.knows(finding, subject) {
            let known = subject.is_some_and(|subject| self.known.knows_from_one_point(finding, subject));
            self.seen_from_one_point += u64::from(known);
            self.passed.extend(finding.cause);
            return self.inner.finding(finding);
        }
        self.left_out += 1;
        self.counted.add(finding.severity, finding.role);
        if self.left.len() == RECENT {
            self.left.pop_front();
        }
        self.left.push_back(Left::of(finding));
        Ok(())
    }

    fn superseded(&mut self, gone: &Superseded) -> io::Result<()> {
        let left = self.left.iter().position(|left| left.is_meant_by(gone));
        if left.and_then(|place| self.left.remove(place)).is_none() {
            return self.inner.superseded(gone);
        }
        self.left_out = self.left_out.saturating_sub(1);
        self.counted.subtract(gone.severity, gone.role);
        Ok(())
    }

    fn causes(&mut self, causes: &[Cause]) -> io::Result<()> {
        if !self.compares() {
            return self.inner.causes(causes);
        }
        for cause in causes.iter().filter(|cause| cause.is_of_several()) {
            if let Some(findings) = self.of_causes.get(&cause.id) {
                self.found.put_cause(cause, findings);
            }
        }
        let passed: Vec<Cause> = causes.iter().filter(|cause| self.passed.contains(&cause.id)).cloned().collect();
        self.inner.causes(&passed)
    }

    fn end(&mut self, captures: &[Capture], summary: &Summary) -> io::Result<()> {
        let rest = Summary {
            error: summary.error.saturating_sub(self.counted.error),
            warning: summary.warning.saturating_sub(self.counted.warning),
            info: summary.info.saturating_sub(self.counted.info),
            quality: summary.quality.saturating_sub(self.counted.quality),
            ..summary.clone()
        };
        self.inner.end(captures, &rest)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::{Baseline, Baselined};
    use crate::causes::Caused;
    use crate::finding::{Finding, Locus, Role, SessionId, Severity};
    use crate::record::{SessionRecord, Sink, Summary, Superseded};
    use crate::redact::Secret;
    use crate::report::testing::Sample;
    use crate::source::Capture;

    #[derive(Default)]
    struct Kept(Vec<Finding>, Summary, usize);

    impl Sink for Kept {
        fn secret(&mut self, _: &Secret) {}
        fn session(&mut self, _: &SessionRecord) -> io::Result<()> {
            Ok(())
        }
        fn finding(&mut self, finding: &Finding) -> io::Result<()> {
            self.0.push(finding.clone());
            Ok(())
        }
        fn superseded(&mut self, _: &Superseded) -> io::Result<()> {
            self.2 += 1;
            Ok(())
        }
        fn end(&mut self, _: &[Capture], summary: &Summary) -> io::Result<()> {
            self.1 = summary.clone();
            Ok(())
        }
    }

    fn run(sample: &Sample, known: &Baseline) -> (Kept, Baseline, u64) {
        let mut kept = Kept::default();
        let mut sink = Baselined::new(&mut kept, known);
        for session in &sample.sessions {
            sink.session(session).expect("takes it");
        }
        for finding in &sample.findings {
            sink.finding(finding).expect("takes it");
        }
        sink.end(&sample.captures, &sample.summary).expect("ends");
        let (found, left_out) = (std::mem::take(&mut sink.found), sink.left_out);
        (kept, found, left_out)
    }

    #[test]
    fn what_was_written_is_left_out_the_next_time() {
        let sample = Sample::collision();
        let (all, found, none) = run(&sample, &Baseline::default());
        assert_eq!((all.0.len(), none), (4, 0));
        let known = Baseline::parse(&found.to_text()).expect("its own text");
        assert_eq!(known, found);
        let (kept, again, left_out) = run(&sample, &known);
        assert!(kept.0.iter().all(|finding| finding.severity == Severity::Quality));
        assert_eq!((kept.1.error, kept.1.warning, kept.1.quality, left_out), (0, 0, 1, 3));
        assert_eq!(again, found, "known trouble stays in a baseline that is written anew");
    }

    #[test]
    fn what_was_left_out_and_is_taken_back_counts_nowhere() {
        let sample = Sample::collision();
        let known = run(&sample, &Baseline::default()).1;
        let mut kept = Kept::default();
        let mut sink = Baselined::new(&mut kept, &known);
        sink.session(&sample.sessions[0]).expect("takes it");
        let verdict = sample.findings.iter().find(|finding| finding.transfer.is_some()).expect("one");
        let Finding { diagnosis, role, severity, session, transfer, .. } = *verdict;
        let hosts = verdict.hosts.clone();
        let gone = Superseded { diagnosis, role, severity, session, transfer, hosts, by: None };
        let other = Superseded { severity: Severity::Warning, ..gone.clone() };
        sink.finding(verdict).expect("takes it");
        assert_eq!(sink.left_out, 1);
        sink.superseded(&other).expect("takes it");
        assert_eq!(sink.left_out, 1, "that was another one");
        sink.superseded(&gone).expect("takes it");
        assert_eq!(sink.left_out, 0);
        sink.end(&sample.captures, &Summary { error: 1, ..Summary::default() }).expect("ends");
        assert_eq!(kept.1.error, 1, "the one that took its place is counted");
        assert_eq!(kept.2, 1, "only what was passed on is taken back");
    }

    #[test]
    fn a_cause_stands_for_its_findings_and_for_those_to_come() {
        let sample = Sample::collision();
        let verdict = sample.findings.iter().find(|finding| finding.transfer.is_some()).expect("one");
        let several = |clients: std::ops::Range<u8>| {
            let mut kept = Kept::default();
            let known = Baseline::default();
            let mut sink = Baselined::new(&mut kept, &known);
            let mut caused = Caused::new(&mut sink);
            for host in clients {
                let mut session = sample.sessions[0].clone();
                (session.id, session.client) = (SessionId(host.into()), ([10, 1, 0, host], 1050).into());
                caused.session(&session).expect("takes it");
                let hosts = vec![session.client.ip(), session.server.ip()];
                let finding = Finding { session: Some(session.id), hosts, role: Role::Verdict, ..verdict.clone() };
                caused.finding(&finding).expect("takes it");
            }
            caused.finish().expect("ends");
            std::mem::take(&mut sink.found)
        };
        let first = several(1..20);
        assert_eq!(first.known.len(), 1, "one line for all: {}", first.to_text());
        assert_eq!(several(30..40), first, "whatever the clients");
        assert!(first.knows(verdict, None), "a new client's is known");
        let other = Finding { locus: Locus::Server(([10, 2, 0, 99], 21).into()), ..verdict.clone() };
        assert!(!first.knows(&other, None), "that of another server is not");
        assert_eq!(several(1..2).known.values().next().map(|known| known.about.contains("10.1.0.1")), Some(true));
    }

    #[test]
    fn hostile_text_cannot_forge_an_entry() {
        let (_, found, _) = run(&Sample::hostile(), &Baseline::default());
        let text = found.to_text();
        assert_eq!(Baseline::parse(&text).expect("TOML"), found);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'));
    }

    #[test]
    fn a_wrong_key_is_refused() {
        assert!(Baseline::parse("[[known]]\nfingerprnt = \"1\"").expect_err("refused").contains("fingerprnt"));
    }
}
