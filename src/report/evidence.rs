//! Evidence in the order in which a reader wants it.

use crate::finding::{Evidence, Finding};

/// All evidence in order of time; a gap stands behind the frame that opens it.
pub(super) fn in_order(finding: &Finding) -> Vec<&Evidence> {
    let mut evidence = finding.evidence();
    evidence.sort_by_key(|evidence| (evidence.first(), matches!(evidence, Evidence::Missing { .. })));
    evidence
}
