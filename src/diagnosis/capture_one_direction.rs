//! `capture-one-direction`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Connection, End};

diagnosis! {
    /// Only one direction of a followed connection was captured, though the other must have existed.
    ///
    /// Needs: segments of one end that acknowledge or answer what the other end sent, and none of that other end. SYNs
    /// do not, nor do segments without data in a connection that is older than the capture: keep-alives look like that.
    ///
    /// Who closed first, what was refused and what went unanswered cannot be told from one direction.
    ///
    /// Remedy: capture both directions: mirror both ports, or both sides of an asymmetric path.
    "capture-one-direction", Quality,
    "one direction of a connection is absent",
    [],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let found = std::iter::once(case.control).chain(case.data()).find_map(|one| Some((one, absent(one)?)));
    let Some((connection, missing)) = found else { return Vec::new() };
    let (from, to) = (connection.socket(missing), connection.socket(missing.peer()));
    let message = format!("nothing that {from} sent to {to} was captured, only what came back");
    let Some(first) = connection.half(missing.peer()).first else { return Vec::new() };
    let primary = Evidence::sent(first, to, from, "first segment of the direction that was captured");
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done()]
}

/// The end of which nothing was captured though it must have sent something: an unanswered SYN is no proof of that, with
/// data or without, and segments without data in an open connection may be keep-alives to a host that is gone.
pub fn absent(connection: &Connection) -> Option<End> {
    let (origin, target) = (&connection.from_origin, &connection.from_target);
    if origin.segments == 0 {
        // The connection begins with a SYN-ACK: any other segment makes its sender the origin.
        return Some(End::Origin);
    }
    let went_on = origin.segments > u64::from(connection.syn_count) && (origin.bytes > 0 || !connection.midstream);
    (target.segments == 0 && went_on).then_some(End::Target)
}
