//! The same again: how often what has one cause was found, so that who watches a capture that goes on hears of the first at
//! once, and of the others by their number.

use std::collections::HashMap;

use super::CauseLocus;
use crate::finding::{CauseId, DiagnosisName, Finding};

/// Kinds that are counted; what is new beyond them is told each time.
const KINDS: usize = 8_192;

/// What findings have in common: their cause, or for what has none the diagnosis and what its remedy is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Recurring {
    /// A cause.
    Cause(CauseId),
    /// What stands beside a failure or limits the capture.
    Beside(DiagnosisName, CauseLocus),
}

impl Recurring {
    /// The kind of a finding that carries its cause.
    pub fn of(finding: &Finding) -> Self {
        let beside = || Self::Beside(finding.diagnosis, CauseLocus::from(&finding.locus));
        finding.cause.map_or_else(beside, Self::Cause)
    }
}

/// How often each kind was found.
#[derive(Debug, Default)]
pub struct Recurrence {
    counts: HashMap<Recurring, u64>,
}

impl Recurrence {
    /// Counts a finding: how many of its kind there are with it.
    pub fn count(&mut self, finding: &Finding) -> u64 {
        let kind = Recurring::of(finding);
        if self.counts.len() >= KINDS && !self.counts.contains_key(&kind) {
            return 1;
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        *count
    }

    /// How many of its kind were counted.
    pub fn so_far(&self, finding: &Finding) -> u64 {
        self.counts.get(&Recurring::of(finding)).copied().unwrap_or(0)
    }

    /// Whether a number is told: 2, 10, 100 and so on.
    pub fn is_told(count: u64) -> bool {
        count == 2 || (count >= 10 && count == 10_u64.pow(count.ilog10()))
    }
}

#[cfg(test)]
mod tests {
    use super::Recurrence;
    use crate::finding::CauseId;
    use crate::report::testing::Sample;

    #[test]
    fn two_and_powers_of_ten_are_told() {
        let told: Vec<u64> = (1..=20_000).filter(|count| Recurrence::is_told(*count)).collect();
        assert_eq!(told, [2, 10, 100, 1_000, 10_000]);
    }

    #[test]
    fn each_cause_is_counted_alone() {
        let mut finding = Sample::collision().findings.remove(0);
        let mut recurrence = Recurrence::default();
        let mut count = |cause: Option<u32>| {
            finding.cause = cause.map(CauseId);
            recurrence.count(&finding)
        };
        assert_eq!([count(Some(1)), count(Some(2)), count(Some(1)), count(None), count(None)], [1, 1, 2, 1, 2]);
    }
}
