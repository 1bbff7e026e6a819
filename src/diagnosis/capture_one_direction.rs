//! `capture-one-direction`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Connection, End};

diagnosis! {
    /// Only one direction of a connection was captured, although the other one must have existed: what was captured
    /// answers or acknowledges it. Usual reasons are a mirror port that copies only received or only sent packets, a
    /// capture filter with `src` or `dst`, and a network where the two directions take different paths.
    ///
    /// Needs: segments of one end that acknowledge or answer the other end, and no segment of that other end. SYNs
    /// alone are not enough, nor segments without data in a connection that is older than the capture: keep-alives look
    /// like that.
    ///
    /// What it changes: who closed first, what was refused and what got no answer cannot be decided.
    ///
    /// Remedy: capture both directions: mirror both directions of the port, capture on one of the hosts, or capture on
    /// both paths and give ftpwhy both files.
    "capture-one-direction", Quality,
    "one direction of a connection is missing",
    ["tcpdump(1)"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let found = std::iter::once(case.control).chain(case.data()).find_map(|one| Some((one, absent(one)?)));
    let Some((connection, missing)) = found else { return Vec::new() };
    let (from, to) = (connection.socket(missing), connection.socket(missing.peer()));
    let message = format!("only one direction was captured: nothing that {from} sent to {to}");
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
