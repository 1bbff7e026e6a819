//! Names of findings that stay the same from one capture of a trouble to the next.

use std::collections::BTreeMap;

use super::collect::Run;
use crate::finding::{Finding, Role, Severity};
use crate::fingerprint::{self, Fingerprint, Subject, Subjects};

/// What tools track findings by: the fingerprint, and which one of its kind it is in the run. In the order of the
/// findings.
pub(super) fn identities(run: &Run) -> Vec<String> {
    let mut seen: BTreeMap<Fingerprint, u32> = BTreeMap::new();
    let mut subjects = Subjects::default();
    let mut name = |finding: &Finding| {
        let fingerprint = fingerprint::of(finding, subject_of(run, finding, &mut subjects));
        let count = seen.entry(fingerprint).or_default();
        *count += 1;
        format!("{fingerprint}:{count}")
    };
    run.findings.iter().map(&mut name).collect()
}

/// What a finding is about, if it is about a session; to be asked in the order of the findings.
pub(super) fn subject_of<'a>(run: &'a Run, finding: &Finding, subjects: &mut Subjects) -> Option<Subject<'a>> {
    let session = finding.session.and_then(|id| run.session(id));
    session.map(|session| subjects.of(finding, session))
}

/// Whether a finding is worth somebody's attention by itself: no detail of another one, no limit of the capture.
pub(super) fn stands_alone(finding: &Finding) -> bool {
    finding.role != Role::Related && finding.severity > Severity::Quality
}
