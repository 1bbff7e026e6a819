//! `alg-broken-rewrite`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding, Route};
use crate::flow::End;
use crate::frame::Stamp;

/// Copies of the segment that make it dropped and not lost: the first and two repeats.
const COPIES: usize = 3;

/// Frames cited.
const CITED: usize = 8;

diagnosis! {
    /// An FTP helper (ALG) on the way breaks the control connection: it drops a PORT, EPRT or 227 that is split over two
    /// segments, because it wants to rewrite whole lines only.
    ///
    /// Linux's helper does so by design when a segment ends within a PORT. The rest of the line passes, the first part
    /// is sent again and again.
    ///
    /// Needs: a PORT, EPRT, 227 or 229 whose bytes lie in two or more segments; the one with its beginning sent three
    /// times or more and never acknowledged; segments of the other side meanwhile (the path is up).
    ///
    /// Helps: other sessions whose PORT comes in one segment and works.
    ///
    /// Refuted by: a late acknowledgement; nothing at all coming back (then the path is down: `control-stalled`).
    ///
    /// Confidence: probable from one point. A rewriting that shifts the sequence numbers wrongly takes two points to prove.
    ///
    /// Remedy: switch the helper off or update it and use passive mode; or let the client send each command in one segment.
    "alg-broken-rewrite", Error,
    "an FTP helper on the way drops an endpoint command that is split over segments",
    ["RFC 1123 4.1.2.10", "RFC 3022 4.4"],
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let client_end = case.control.end_of(case.session.client).unwrap_or(End::Origin);
    let commands = case.session.offers.iter().map(|offer| (client_end, &offer.command.frames, offer.command.line()));
    let announced = case.session.offers.iter().filter_map(|offer| offer.reply.as_ref()).filter(|one| one.endpoint.is_some());
    let replies = announced.map(|reply| (client_end.peer(), &reply.frames, reply.line()));
    let split = commands.chain(replies).filter(|(_, frames, _)| frames.len() >= 2);
    let dropped = split.filter(|(end, frames, _)| is_dropped(case, *end, frames)).map(|(end, _, line)| (end, line)).next();
    let Some((end, line)) = dropped else { return Vec::new() };
    let (from, to) = (case.control.socket(end), case.control.socket(end.peer()));
    let mut copies = case.control.half(end).unacknowledged().to_vec();
    let message = format!(
        "the first part of {line} was sent {} times and never acknowledged, while the rest passed: an FTP helper on the way drops what it cannot read whole",
        copies.len(),
    );
    copies.truncate(CITED);
    let Some(primary) = Evidence::seen_all(copies, Some(Route { from, to }), "the first part of the line, never acknowledged")
    else {
        return Vec::new();
    };
    let alive = case.control.half(end.peer()).last.map(|at| Evidence::sent(at, to, from, "the other side is alive"));
    vec![
        DIAGNOSIS
            .finding(Confidence::Probable, message, primary)
            .in_session(case.session)
            .support(alive)
            .client("Send each command in one segment; use passive mode.")
            .network("Update the FTP helper (ALG) on the way, or switch it off and use passive mode.")
            .done(),
    ]
}

/// Whether the segment with the beginning of a line is sent again and again while the other side goes on sending.
fn is_dropped(case: &SessionCase<'_>, end: End, frames: &[Stamp]) -> bool {
    let copies = case.control.half(end).unacknowledged();
    let Some(first) = copies.first().filter(|first| frames.first() == Some(first)) else { return false };
    let alive = case.control.half(end.peer()).last.is_some_and(|last| last > *first);
    copies.len() >= COPIES && alive
}
