//! Who sent a RST: it is at the point next to its apparent sender, or something between the points sent it.

use super::super::sampled::Sample;
use super::amend::{absent, take};
use super::outcome::absence;
use super::together::Together;
use super::web::{Strand, Web};
use crate::diagnosis::{arp_conflict, mac_changed, rst_injected};
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::End;

/// Tells of RSTs that their apparent sender never sent; takes back what one point suspects of those that it did send.
pub fn tell(web: &Web, together: &Together<'_>, strands: &[Strand], failed: bool, all: &mut Vec<Finding>) {
    // Another host with the address resets what it knows nothing of.
    let other_owner = |finding: &Finding| [arp_conflict::NAME, mac_changed::NAME].contains(&finding.diagnosis);
    if web.points.iter().flat_map(|told| &told.findings).any(other_owner) {
        return;
    }
    let mut is_genuine = false;
    for strand in strands {
        for by in [End::Origin, End::Target] {
            match sent(web, together, *strand, by) {
                Some(Sent::ByHost) => is_genuine = true,
                Some(Sent::Between(finding)) => {
                    let known = take(all, rst_injected::NAME);
                    // The transfer may be told by what followed.
                    let severity = match &known {
                        Some(known) => known.severity,
                        None if failed => Severity::Error,
                        None => Severity::Warning,
                    };
                    let mut finding = Finding { severity, ..*finding };
                    if let Some(known) = known {
                        finding.hosts.clone_from(&known.hosts);
                        super::amend::support(&mut finding, known);
                    }
                    all.push(finding);
                    return;
                }
                None => {}
            }
        }
    }
    if is_genuine {
        take(all, rst_injected::NAME);
    }
}

enum Sent {
    ByHost,
    Between(Box<Finding>),
}

/// Where the RSTs of one end of an established connection come from.
fn sent(web: &Web, together: &Together<'_>, strand: Strand, by: End) -> Option<Sent> {
    let mut path = together.path.clone();
    let point = path.iter().copied().find(|point| web.at(strand, *point).is_some())?;
    // From the sender on.
    if web.client_end(strand, together.control, point) != by {
        path.reverse();
    }
    path.retain(|point| web.at(strand, *point).is_some());
    let flows: Vec<_> = path.iter().filter_map(|point| Some((*point, web.at(strand, *point)?))).collect();
    let (with, flow) = flows.iter().find(|(_, flow)| flow.sent(by).any(Sample::is_rst))?;
    let rst = flow.sent(by).find(|one| one.is_rst())?;
    let closed = [End::Origin, End::Target]
        .iter()
        .all(|end| flow.sent(*end).any(|one| one.flags.has(crate::wire::Flags::FIN) && one.at <= rst.at));
    if !flow.is_established() || closed {
        return None;
    }
    let place = path.iter().position(|one| one == with)?;
    let Some(nearer) = place.checked_sub(1).and_then(|place| path.get(place)).copied() else {
        return (flows.len() > 1).then_some(Sent::ByHost);
    };
    let missing = absence(web, nearer, *with, rst.at, rst.at)?;
    // The sender's own packets are at the nearer point, so a RST would be.
    if !web.at(strand, nearer)?.sent(by).any(Sample::occupies) {
        return None;
    }
    // A tap that misses packets may have missed this one, unless it bears another mark of its sender.
    let count = flow.sent(by).filter(|one| one.is_rst()).count();
    let is_foreign =
        flow.sent(by).any(|one| !one.is_rst()) && flow.sent(by).all(|one| one.is_rst() || one.ttl != rst.ttl);
    if together.may_have_missed(nearer, count) && !is_foreign {
        return None;
    }
    let (from, to) = (flow.socket(by), flow.socket(by.peer()));
    let name = |point: usize| web.name(point);
    let message = format!(
        "a RST with the source address {} broke the connection {from} -> {to}, but {} never sent it: it comes from a device between the points {} and {}",
        from.ip(),
        from.ip(),
        name(nearer),
        name(*with)
    );
    let draft = rst_injected::DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(rst.at, from, to, format!("RST, TTL {}", rst.ttl)))
        .hosts([from.ip(), to.ip()])
        .support([absent(web, missing, "this RST")])
        .network(format!("Read the logs of firewalls and intrusion prevention between the points {} and {} for this connection and time.", name(nearer), name(*with)));
    Some(Sent::Between(Box::new(draft.done())))
}
