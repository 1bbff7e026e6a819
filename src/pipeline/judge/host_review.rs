//! Tells what is found about the hosts and the capture itself while a capture goes on.
//!
//! What is said of hosts rests on more than one packet, and the next one may give it another name: a finding is told
//! once it has held for a while, and taken back when it no longer does. At the end the same holds as if nothing had
//! been said before.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use super::reported::Changes;
use super::{BLAMED, Judge};
use crate::diagnosis::{ALL, verdict};
use crate::finding::{Confidence, DiagnosisName, Finding, Role, Severity};
use crate::frame::{Interval, Timestamp};
use crate::pipeline::model::Analysis;
use crate::record::{Sink, Superseded};

/// Between two looks, in packet time, while the tables are small.
const EVERY: Interval = Interval::seconds(2);

/// So many pairs of talking addresses make the pause between two looks that much longer: a look takes the longer the
/// more there are.
const PAIRS: usize = 1_024;

/// A finding about hosts is told when it has held this long.
const HOLDS: Interval = Interval::seconds(4);

/// A finding by what it is about: the n-th of a diagnosis about the same hosts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    diagnosis: DiagnosisName,
    hosts: Vec<IpAddr>,
    number: usize,
}

/// A finding that has been told, as far as it can differ from a later one.
#[derive(Debug)]
struct ReportedFinding {
    role: Role,
    severity: Severity,
    confidence: Confidence,
    message: String,
}

impl ReportedFinding {
    fn of(finding: &Finding) -> Self {
        let Finding { role, severity, confidence, message, .. } = finding;
        Self { role: *role, severity: *severity, confidence: *confidence, message: message.clone() }
    }

    /// Whether a finding says the same. What limits claims is brought up to date at the end: it counts.
    fn is_same_as(&self, finding: &Finding, at_end: bool) -> bool {
        (self.role, self.severity, self.confidence) == (finding.role, finding.severity, finding.confidence)
            && !(at_end && finding.severity == Severity::Quality && self.message != finding.message)
    }

    fn superseded(&self, key: &Key, by: Option<DiagnosisName>) -> Superseded {
        Superseded {
            diagnosis: key.diagnosis,
            role: self.role,
            severity: self.severity,
            session: None,
            transfer: None,
            hosts: key.hosts.clone(),
            by,
        }
    }
}

/// What is said of hosts and of the capture, and what is about to be.
#[derive(Debug, Default)]
pub(super) struct HostReview {
    /// What holds and has not been told, and since when.
    waiting: BTreeMap<Key, Timestamp>,
    reported: BTreeMap<Key, ReportedFinding>,
}

impl HostReview {
    /// What is new in `findings`, which is everything that holds now. `now` is absent at the end. `forgotten`: whether
    /// nothing is known any more of the hosts of a finding, so that its absence tells nothing.
    fn compare(
        &mut self,
        findings: Vec<Finding>,
        now: Option<Timestamp>,
        blamed: &BTreeSet<verdict::Blame>,
        forgotten: impl Fn(&[IpAddr]) -> bool,
    ) -> Changes {
        let mut news = Changes::default();
        let mut holding = BTreeSet::new();
        for finding in findings {
            let mut key = Key { diagnosis: finding.diagnosis, hosts: finding.hosts.clone(), number: 0 };
            while holding.contains(&key) {
                key.number += 1;
            }
            holding.insert(key.clone());
            if let Some(said) = self.reported.get(&key) {
                if said.is_same_as(&finding, now.is_none()) {
                    continue;
                }
                news.superseded.push(said.superseded(&key, Some(key.diagnosis)));
            } else if let Some(now) = now
                && finding.severity > Severity::Quality
            {
                let since = *self.waiting.entry(key.clone()).or_insert(now);
                if now.since(since) < HOLDS {
                    continue;
                }
            }
            self.reported.insert(key, ReportedFinding::of(&finding));
            news.findings.push(finding);
        }
        self.waiting.retain(|key, _| holding.contains(key) && !self.reported.contains_key(key));
        self.reported.retain(|key, said| {
            if holding.contains(key) {
                return true;
            }
            let blame = (key.diagnosis, key.hosts.clone());
            // With the failure that it caused it has been told again.
            let by = blamed.contains(&blame).then_some(key.diagnosis);
            if by.is_some() || !forgotten(&key.hosts) {
                news.superseded.push(said.superseded(key, by));
            }
            false
        });
        news
    }
}

/// How long until the hosts are looked at again, where so many pairs of addresses talk.
pub(in crate::pipeline) fn interval(pairs: usize) -> Interval {
    EVERY.times(i64::try_from(1 + pairs / PAIRS).unwrap_or(i64::MAX))
}

impl Judge {
    /// Reports what is new about the hosts and the capture; without `now` at the end.
    pub(in crate::pipeline) fn group(
        &mut self,
        analysis: Analysis<'_>,
        now: Option<Timestamp>,
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        if now.is_some() {
            while self.blamed.len() > BLAMED {
                self.blamed.pop_first();
            }
        }
        let mut findings: Vec<Finding> = analysis
            .with_group(|hosts, capture| ALL.iter().flat_map(|diagnosis| diagnosis.of_group(hosts, capture)).collect());
        // What was reported with a failure is not said again.
        findings.retain(|finding| !self.blamed.contains(&verdict::blame(finding)));
        let network = analysis.network();
        let forgotten = |hosts: &[IpAddr]| !hosts.is_empty() && hosts.iter().all(|ip| network.owners(*ip).is_empty());
        let changes = self.hosts.compare(findings, now, &self.blamed, forgotten);
        self.report(&changes, sink)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Evidence;
    use crate::frame::{CaptureId, FrameNo, Stamp};

    fn finding(diagnosis: &'static str, host: u8, confidence: Confidence) -> Finding {
        let diagnosis = crate::diagnosis::ALL.iter().find(|one| one.name.as_str() == diagnosis).unwrap();
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let draft = diagnosis.finding(confidence, format!("about {host}"), Evidence::seen(at, "here"));
        if host == 0 { draft.done() } else { draft.hosts([IpAddr::from([10, 0, 0, host])]).done() }
    }

    fn second(seconds: i64) -> Timestamp {
        Timestamp(seconds * 1_000_000_000)
    }

    /// What is told and what is taken back.
    fn names(news: &Changes) -> (Vec<&str>, Vec<(&str, Option<&str>)>) {
        let told = news.findings.iter().map(|finding| finding.message.as_str()).collect();
        (told, news.superseded.iter().map(|one| (one.diagnosis.as_str(), one.by.map(DiagnosisName::as_str))).collect())
    }

    const NONE: (Vec<&str>, Vec<(&str, Option<&str>)>) = (Vec::new(), Vec::new());

    #[test]
    fn what_holds_for_a_while_is_told_once() {
        let mut review = HostReview::default();
        let moved =
            || vec![finding("mac-changed", 1, Confidence::Proven), finding("mac-changed", 2, Confidence::Proven)];
        let mut look = |now: Option<Timestamp>, findings| review.compare(findings, now, &BTreeSet::new(), |_| false);
        assert_eq!(names(&look(Some(second(0)), moved())), NONE);
        assert_eq!(names(&look(Some(second(2)), moved())), NONE);
        assert_eq!(names(&look(Some(second(4)), moved())), (vec!["about 1", "about 2"], vec![]));
        assert_eq!(names(&look(Some(second(6)), moved())), NONE);
        assert_eq!(names(&look(None, moved())), NONE);
    }

    #[test]
    fn what_passes_is_not_told_and_what_was_told_is_taken_back() {
        let mut review = HostReview::default();
        let moved = || vec![finding("mac-changed", 1, Confidence::Proven)];
        let mut look = |now: Option<Timestamp>, findings| review.compare(findings, now, &BTreeSet::new(), |_| false);
        look(Some(second(0)), moved());
        assert_eq!(names(&look(Some(second(2)), Vec::new())), NONE);
        look(Some(second(4)), moved());
        look(Some(second(8)), moved());
        assert_eq!(names(&look(Some(second(10)), Vec::new())), (vec![], vec![("mac-changed", None)]));
    }

    #[test]
    fn what_is_surer_or_unsurer_is_told_again() {
        let mut review = HostReview::default();
        let with = |confidence| vec![finding("mac-changed", 1, confidence)];
        let mut look = |now: Option<Timestamp>, findings| review.compare(findings, now, &BTreeSet::new(), |_| false);
        look(Some(second(0)), with(Confidence::Possible));
        look(Some(second(4)), with(Confidence::Possible));
        let news = look(Some(second(6)), with(Confidence::Proven));
        assert_eq!(names(&news), (vec!["about 1"], vec![("mac-changed", Some("mac-changed"))]));
    }

    #[test]
    fn a_host_that_was_forgotten_refutes_nothing_and_one_that_is_blamed_was_told() {
        let moved = || vec![finding("mac-stale-peer", 1, Confidence::Proven)];
        let mut review = HostReview::default();
        review.compare(moved(), Some(second(0)), &BTreeSet::new(), |_| false);
        review.compare(moved(), Some(second(4)), &BTreeSet::new(), |_| false);
        assert_eq!(names(&review.compare(Vec::new(), Some(second(6)), &BTreeSet::new(), |_| true)), NONE);
        review.compare(moved(), Some(second(8)), &BTreeSet::new(), |_| false);
        review.compare(moved(), Some(second(12)), &BTreeSet::new(), |_| false);
        let blamed = BTreeSet::from([(crate::diagnosis::mac_stale_peer::NAME, vec![IpAddr::from([10, 0, 0, 1])])]);
        let news = review.compare(Vec::new(), Some(second(14)), &blamed, |_| true);
        assert_eq!(names(&news), (vec![], vec![("mac-stale-peer", Some("mac-stale-peer"))]));
    }

    #[test]
    fn what_limits_claims_is_told_at_once_and_brought_up_to_date_at_the_end() {
        let mut review = HostReview::default();
        let lost = |message: &str| {
            let finding = finding("capture-drops", 0, Confidence::Proven);
            vec![Finding { message: message.to_owned(), ..finding }]
        };
        let mut look = |now: Option<Timestamp>, findings| review.compare(findings, now, &BTreeSet::new(), |_| false);
        assert_eq!(names(&look(Some(second(0)), lost("3 lost"))), (vec!["3 lost"], vec![]));
        assert_eq!(names(&look(Some(second(2)), lost("5 lost"))), NONE);
        assert_eq!(
            names(&look(None, lost("9 lost"))),
            (vec!["9 lost"], vec![("capture-drops", Some("capture-drops"))])
        );
    }
}
