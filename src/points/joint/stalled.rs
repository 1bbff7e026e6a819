//! What was lost for good on a connection that stood: a reply or command that never arrived, or every large segment.

use super::amend::take;
use super::rewritten::Spoken;
use super::together::Together;
use super::web::{Strand, Web, neighbours};
use crate::diagnosis::{control_stalled, data_stalled, path_mtu_blackhole};
use crate::finding::{Confidence, Evidence, Finding, Route, Severity};
use crate::flow::End;
use crate::frame::Stamp;

/// Copies of a control segment that nobody got.
const COPIES: usize = 2;

/// Frames cited.
const CITED: usize = 8;

/// Lost segments that show a limit, and their least size above what passes.
const LARGE: usize = 3;

/// Tells of control lines that were sent again and again and lost between the points.
pub fn of_session(
    web: &Web,
    spoken: &Spoken,
    together: &Together<'_>,
    of_transfers: &[Finding],
    all: &mut Vec<Finding>,
) {
    let lost =
        pairs(together).find_map(|(near, far, by_client)| lost_line(web, spoken, together, near, far, by_client));
    let Some(lost) = lost else { return };
    let known = take(all, control_stalled::NAME);
    let is_told = of_transfers.iter().any(|finding| finding.diagnosis == control_stalled::NAME);
    if is_told {
        return;
    }
    let mut finding = lost;
    if let Some(known) = known {
        finding.hosts.clone_from(&known.hosts);
        finding.remedies.clone_from(&known.remedies);
        finding.role = known.role;
    }
    all.push(finding);
}

/// Each two points, the one first that what the client, and the server, sends passes first.
fn pairs<'a>(together: &'a Together<'_>) -> impl Iterator<Item = (usize, usize, bool)> + 'a {
    neighbours(&together.path).flat_map(|[one, other]| [(one, other, true), (other, one, false)])
}

fn lost_line(
    web: &Web,
    spoken: &Spoken,
    together: &Together<'_>,
    near: usize,
    far: usize,
    by_client: bool,
) -> Option<Finding> {
    let by = if by_client { End::Origin } else { End::Target };
    let (_, lost) = web.tally(together.control, near, far, by)?;
    let flow = web.at(together.control, near)?;
    let segment = flow.samples.iter().filter(|one| one.from == by && one.len > 0).find(|one| {
        lost.contains(&one.at) && flow.sent(by).filter(|other| other.seq == one.seq && other.len > 0).count() >= COPIES
    })?;
    let acked = flow.sent(by.peer()).filter_map(|one| one.ack).any(|ack| ack.is_after(segment.seq));
    let copies: Vec<Stamp> =
        flow.sent(by).filter(|one| one.seq == segment.seq && one.len > 0).map(|one| one.at).collect();
    let (first, latest) = (*copies.first()?, *copies.last()?);
    if acked {
        return None;
    }
    let missing = super::outcome::absence(web, far, near, first, first)?;
    // Who leaves does not wait for the answer.
    if spoken.is_farewell(near, by_client, segment.seq) {
        return None;
    }
    let text = spoken.line_at(near, by_client, segment.seq).unwrap_or_else(|| "a segment".to_owned());
    let (from, to) = (flow.socket(by), flow.socket(by.peer()));
    let name = |point: usize| web.name(point);
    let message = format!(
        "{from} sent {text} {} times within {:.1} s, and it was lost between the points {} and {}",
        copies.len(),
        latest.seconds_since(first).max(0.0),
        name(near),
        name(far)
    );
    let frames = copies.into_iter().take(CITED).collect();
    let primary = Evidence::seen_all(frames, Some(Route { from, to }), format!("{text}, never acknowledged"))?;
    let draft = control_stalled::DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .hosts([flow.ends[0].ip(), flow.ends[1].ip()])
        .support([super::amend::absent(web, missing, "this segment")])
        .network(format!("Find what drops this segment between the points {} and {}: an FTP helper that needs whole lines, a path MTU, an anti-spoofing filter, an idle timeout.", name(near), name(far)));
    Some(draft.done())
}

/// Tells that only segments above a size were lost, where no error said so.
pub fn of_transfer(web: &Web, together: &Together<'_>, strands: &[Strand], failed: bool, all: &mut Vec<Finding>) {
    let found = strands.iter().find_map(|strand| {
        pairs(together).find_map(|(near, far, by_client)| {
            let client = web.client_end(*strand, together.control, near);
            blackhole(web, *strand, near, far, if by_client { client } else { client.peer() })
        })
    });
    let known = take(all, path_mtu_blackhole::NAME);
    let severity = if failed { Severity::Error } else { Severity::Warning };
    match (found, known) {
        (Some(mut finding), known) => {
            if let Some(known) = known {
                finding.hosts.clone_from(&known.hosts);
                finding.remedies.clone_from(&known.remedies);
                super::amend::support(&mut finding, known);
            }
            finding.severity = severity;
            all.push(finding);
        }
        (None, Some(known)) => all.push(known),
        (None, None) => return,
    }
    // The point at the receiver knows only that nothing more came.
    if !failed {
        take(all, data_stalled::NAME);
    }
}

fn blackhole(web: &Web, strand: Strand, near: usize, far: usize, by: End) -> Option<Finding> {
    let way = web.way(strand, near, far, by)?;
    let (sender, receiver) = (way.near, way.far);
    let is_data = |one: &&super::super::sampled::Sample| one.len > 0 && !one.is_rst();
    let passed = receiver.sent(by).filter(is_data).map(|one| one.len).max().unwrap_or(0);
    let large: Vec<_> = sender.sent(by).filter(is_data).filter(|one| one.len > passed).collect();
    // Segments that offload has yet to cut say nothing of what was on the wire.
    let is_cut_later = sender.sent(by).any(|one| one.len > 1460) && receiver.sent(by).any(|one| one.len > 0);
    let later = |one: &super::super::sampled::Sample| large.first().is_some_and(|large| one.at.time > large.at.time);
    let passes_small = receiver.sent(by).any(|one| is_data(&one) || !one.is_rst() && later(one));
    let again = large.iter().filter(|one| large.iter().filter(|other| other.seq == one.seq).count() > 1).count();
    if large.len() < LARGE
        || again == 0
        || is_cut_later
        || !passes_small
        || sender
            .errors
            .iter()
            .any(|one| matches!((one.error.v6, one.error.kind, one.error.code), (false, 3, 4) | (true, 2, _)))
    {
        return None;
    }
    // The last ones may have come when the far point recorded nothing any more.
    let first = large.first()?.at;
    let again = large.iter().rev().find_map(|one| super::outcome::absence(web, far, near, first, one.at));
    let missing = again?;
    let size = large.iter().map(|one| one.len).min()?;
    let (from, to) = (sender.socket(by), sender.socket(by.peer()));
    let name = |point: usize| web.name(point);
    let smaller =
        if passed > 0 { format!(", and those of up to {passed} pass") } else { ", and the empty ones pass".to_owned() };
    let message = format!(
        "segments of {size} bytes and more from {} are lost between the points {} and {}{smaller}: no ICMP error reported a smaller MTU to the sender",
        from.ip(),
        name(near),
        name(far)
    );
    let frames = large.iter().map(|one| one.at).take(CITED).collect();
    let primary = Evidence::seen_all(frames, Some(Route { from, to }), format!("segments of {size} bytes and more"))?;
    let draft = path_mtu_blackhole::DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .hosts([from.ip(), to.ip()])
        .support([super::amend::absent(web, missing, "none of these segments")])
        .network("Let ICMP 3/4 (packet too big) through, or clamp the MSS to the path MTU.")
        .server("Turn on MTU probing (Linux: net.ipv4.tcp_mtu_probing=1).");
    Some(draft.done())
}
