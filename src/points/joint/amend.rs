//! Changes to findings that one point made, by what the points know together.

use super::outcome;
use super::web::Web;
use crate::finding::{DiagnosisName, Evidence, Finding, Role};

/// Takes the finding of that name out, if there is one.
pub fn take(all: &mut Vec<Finding>, diagnosis: DiagnosisName) -> Option<Finding> {
    let place = all.iter().position(|finding| finding.diagnosis == diagnosis)?;
    Some(all.remove(place))
}

/// Another finding's evidence as support: what both sides said around it.
pub fn support(finding: &mut Finding, other: Finding) {
    for evidence in std::iter::once(other.primary).chain(other.supporting) {
        let known =
            std::iter::once(&finding.primary).chain(&finding.supporting).any(|one| shows_the_same(one, &evidence));
        if !known && finding.frames().len() < 30 {
            finding.supporting.push(evidence);
        }
    }
}

/// Whether two pieces of evidence are the same frames, whatever is noted of them.
fn shows_the_same(one: &Evidence, other: &Evidence) -> bool {
    match (one, other) {
        (Evidence::Seen { frames, .. }, Evidence::Seen { frames: others, .. }) => frames == others,
        (one, other) => one == other,
    }
}

/// A finding as context.
pub fn as_context(finding: Finding) -> Finding {
    Finding { role: Role::Context, ..finding }
}

/// That a point lacks something, with the frames around.
pub fn absent(web: &Web, absent: outcome::Absent, what: &str) -> Evidence {
    let name = web.name(absent.point);
    Evidence::missing(absent.after, absent.until, format!("{what} is not at {name}, which was recording"))
}
