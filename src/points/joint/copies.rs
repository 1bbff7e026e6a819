//! What interfaces of one capture recorded more than once: a router, a bridge or a mirror port that saw it come and go.

use super::super::related;
use super::together::Together;
use super::web::{Strand, Web, neighbours};
use crate::diagnosis::capture_duplicates;
use crate::finding::{Confidence, Evidence, Finding, Role};
use crate::flow::End;
use crate::frame::Stamp;

/// Packets cited.
const CITED: usize = 4;

/// Tells how many packets of a session are in one capture several times under the same addresses.
pub fn tell(web: &Web, together: &Together<'_>, strands: &[Strand]) -> Option<Finding> {
    let mut pairs: Vec<[Stamp; 2]> = Vec::new();
    for [one, other] in neighbours(&together.path).filter(|[one, other]| web.are_of_one_capture(*one, *other)) {
        let flows = strands.iter().filter_map(|strand| web.at(*strand, one).zip(web.at(*strand, other)));
        for (here, there) in flows.filter(|(here, there)| here.ends == there.ends) {
            pairs.extend(related::crossed(here, there, End::Origin).into_iter().map(|packet| [packet.a, packet.b]));
        }
    }
    pairs.sort_unstable();
    let message = match pairs.len() {
        0 => return None,
        1 => "a packet of this session was recorded twice; it is counted once".to_owned(),
        count => format!("{count} packets of this session were recorded more than once; each is counted once"),
    };
    let frames = pairs.into_iter().take(CITED).flatten().collect();
    let primary = Evidence::seen_all(frames, None, "packet and its copy")?;
    let finding = capture_duplicates::DIAGNOSIS.finding(Confidence::Proven, message, primary).done();
    Some(Finding { role: Role::Context, ..finding })
}
