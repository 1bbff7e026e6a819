//! What has an entry on a page of blocks: a finding, or all findings of a cause.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};
use std::io::{self, Write};

use super::Verbosity;
use super::block::{self, Detail};
use super::causes;
use super::collect::Run;
use super::page::Page;
use crate::finding::{CauseId, DiagnosisName, Finding, Role, SessionId, Severity};
use crate::record::Cause;

/// A finding, or several of one cause in their order.
pub(super) enum Entry<'a> {
    /// It has no cause, or a cause of its own.
    Alone(&'a Finding),
    /// They have one together.
    Cause(&'a Cause, Vec<&'a Finding>),
}

impl<'a> Entry<'a> {
    /// All its findings.
    pub(super) fn findings(&self) -> Vec<&'a Finding> {
        match self {
            Self::Alone(finding) => vec![finding],
            Self::Cause(_, findings) => findings.clone(),
        }
    }

    /// What it is, and how many findings.
    pub(super) fn counted(&self) -> (DiagnosisName, usize) {
        match self {
            Self::Alone(finding) => (finding.diagnosis, 1),
            Self::Cause(cause, _) => (cause.diagnosis, usize::try_from(cause.findings).unwrap_or(usize::MAX)),
        }
    }

    /// Those that are shown: one that stands for the others, unless all are wanted.
    pub(super) fn shown(&self, page: &Page<'_>) -> Vec<&'a Finding> {
        match self {
            Self::Cause(cause, findings) if page.style.verbosity < Verbosity::Verbose => {
                causes::example(cause, findings).into_iter().collect()
            }
            Self::Alone(_) | Self::Cause(..) => self.findings(),
        }
    }

    /// Whether it stands beside what is told in full.
    pub(super) fn is_minor(&self) -> bool {
        match self {
            Self::Alone(finding) => finding.role == Role::Related || finding.severity <= Severity::Info,
            Self::Cause(cause, _) => cause.severity <= Severity::Info,
        }
    }

    pub(super) fn write(&self, page: &Page<'_>, detail: Detail, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Alone(finding) => block::write(page, finding, detail, out),
            Self::Cause(cause, findings) if page.style.verbosity == Verbosity::Verbose => {
                block::write_cause(page, cause, None, detail, out)?;
                findings.iter().try_for_each(|finding| block::write(page, finding, detail, out))
            }
            Self::Cause(cause, findings) => {
                block::write_cause(page, cause, causes::example(cause, findings), detail, out)
            }
        }
    }

    /// The severity, and how many failed.
    fn weight(&self) -> (Severity, u64) {
        match self {
            Self::Alone(finding) => (finding.severity, 1),
            Self::Cause(cause, _) => (cause.severity, cause.failed.max(cause.findings)),
        }
    }
}

/// Findings by their causes, each where its first one stands.
pub(super) fn grouped<'a>(run: &'a Run, findings: &[&'a Finding]) -> Vec<Entry<'a>> {
    let several = causes::of_several(run);
    let mut places: HashMap<CauseId, usize> = HashMap::new();
    let mut entries: Vec<Entry<'a>> = Vec::new();
    for finding in findings {
        let Some(cause) = finding.cause.and_then(|id| several.get(&id).copied()) else {
            entries.push(Entry::Alone(finding));
            continue;
        };
        let place = *places.entry(cause.id).or_insert_with(|| {
            entries.push(Entry::Cause(cause, Vec::new()));
            entries.len() - 1
        });
        if let Some(Entry::Cause(_, findings)) = entries.get_mut(place) {
            findings.push(finding);
        }
    }
    entries
}

/// The worst first, once there is a cause of several; else as they are.
pub(super) fn worst_first(mut entries: Vec<Entry<'_>>) -> Vec<Entry<'_>> {
    if entries.iter().any(|entry| matches!(entry, Entry::Cause(..))) {
        entries.sort_by_key(|entry| Reverse(entry.weight()));
    }
    entries
}

/// The sessions of findings for which another one stands.
pub(super) fn hidden_sessions<'a, 'b>(
    page: &Page<'_>,
    entries: impl Iterator<Item = &'b Entry<'a>>,
) -> BTreeSet<SessionId>
where
    'a: 'b,
{
    let (mut all, mut shown) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        all.extend(entry.findings().iter().filter_map(|finding| finding.session));
        shown.extend(entry.shown(page).iter().filter_map(|finding| finding.session));
    }
    all.difference(&shown).copied().collect()
}
