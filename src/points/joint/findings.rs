//! The findings of a session that several points have: what each said, once, and what only all of them show.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::together::{Asked, Together, attempts};
use super::web::{Strand, Web};
use super::{connecting, copies, resets, rewritten, stalled};
use crate::diagnosis::{Diagnosis, capture_drops, control_lost_during_transfer, rst_injected, verdict, views};
use crate::finding::{Cap, Confidence, DiagnosisName, Evidence, Finding, Role, Severity, TransferId};
use crate::frame::Stamp;
use crate::record::{Outcome, TransferRecord};

/// What is said of a session.
pub struct Judged {
    /// All findings.
    pub findings: Vec<Finding>,
    /// The verdict of each transfer.
    pub verdicts: Vec<Option<DiagnosisName>>,
}

/// Findings about hosts and captures, each once.
pub fn of_group(web: &Web) -> Vec<Finding> {
    let mut all: Vec<Finding> = Vec::new();
    for finding in web.points.iter().flat_map(|told| &told.findings).filter(|finding| finding.session.is_none()) {
        let same = |known: &Finding| known.diagnosis == finding.diagnosis && known.hosts == finding.hosts;
        // What limits a capture is of that capture.
        if finding.severity == Severity::Quality || !all.iter().any(same) {
            all.push(finding.clone());
        }
    }
    all
}

/// Whether what is said of hosts was said with a session that fails by it.
pub fn is_told(of_hosts: &Finding, of_session: &Finding) -> bool {
    of_session.role != Role::Related && of_session.diagnosis == of_hosts.diagnosis && of_session.hosts == of_hosts.hosts
}

/// Judges a session.
pub fn judge(web: &Web, together: &Together<'_>, asked: &[Asked<'_>]) -> Judged {
    let mut judged = Judged { findings: Vec::new(), verdicts: Vec::new() };
    let spoken = rewritten::Spoken::of(web, together);
    let mut served: BTreeSet<Strand> = BTreeSet::from([together.control]);
    for (number, asked) in (1..).zip(asked) {
        let strands = strands(web, together, asked);
        served.extend(&strands);
        let (findings, verdict) = of_transfer(web, together, asked, &strands, &spoken);
        judged
            .findings
            .extend(findings.into_iter().map(|finding| Finding { transfer: Some(TransferId(number)), ..finding }));
        judged.verdicts.push(verdict);
    }
    let of_session = of_whole(web, together, &served, &spoken, &judged.findings);
    judged.findings.extend(verdict::settle(of_session, &judged.findings));
    for finding in &mut judged.findings {
        let lead = together.lead();
        finding.session = Some(lead.id);
        let asked = finding.transfer.and_then(|TransferId(number)| asked.get(number.checked_sub(1)? as usize));
        let announced = asked.and_then(|asked| announced_address(together, asked));
        let remedied = Diagnosis::named(finding.diagnosis).map(|diagnosis| diagnosis.locus);
        if let Some(locus) = remedied.and_then(|remedied| remedied.between(lead.client, lead.server, announced)) {
            finding.locus = locus;
        }
        doubt(together, web, finding);
    }
    judged
}

/// The address that was announced for a transfer, as the leading point has it.
fn announced_address(together: &Together<'_>, asked: &Asked<'_>) -> Option<IpAddr> {
    let offer = asked.by(together.lead)?.offer?;
    together.lead().offers.get(offer)?.endpoint.map(|endpoint| endpoint.ip())
}

/// The data connections of a transfer, as all points tell them. Where a point has them without the words that announce
/// them, the words of another one tell.
fn strands(web: &Web, together: &Together<'_>, asked: &Asked<'_>) -> Vec<Strand> {
    let told = together.path.iter().zip(&asked.told);
    let mut all: Vec<Strand> = told
        .flat_map(|(point, told)| told.iter().flat_map(|transfer| attempts(web, *point, transfer)).collect::<Vec<_>>())
        .collect();
    if all.is_empty() {
        all = announced(web, together, asked);
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The connections between the hosts of a session to the endpoint that was announced for a transfer, opened before it
/// ended.
fn announced(web: &Web, together: &Together<'_>, asked: &Asked<'_>) -> Vec<Strand> {
    let offers = together.told.iter().zip(&asked.told);
    let mut offers = offers.filter_map(|(session, told)| session.offers.get(told.as_ref()?.offer?));
    let Some((offer, port)) = offers.find_map(|offer| Some((offer, offer.endpoint?.port()))) else { return Vec::new() };
    let until = asked.ended().and_then(|ended| ended.reply.as_ref()).map_or(together.lead().last, |reply| reply.at);
    let to_server = !matches!(offer.command.as_str(), "PORT" | "EPRT" | "LPRT");
    let is_to_it = |strand: &Strand| {
        together.path.iter().any(|point| {
            let both = web.at(*strand, *point).zip(web.at(together.control, *point));
            both.is_some_and(|(flow, control)| {
                let [client, server] = control.ends.map(|end| end.ip());
                // The server may connect from another address of its own.
                let between = if to_server {
                    flow.ends.map(|end| end.ip()) == [client, server]
                } else {
                    flow.ends[1].ip() == client
                };
                between
                    && flow.ends[1].port() == port
                    && flow.first.seconds_since(offer.at)
                        >= -web.slack(*point, together.path.first().copied().unwrap_or(0))
                    && flow.first.time <= until.time
            })
        })
    };
    web.all().filter(is_to_it).collect()
}

fn of_transfer(
    web: &Web,
    together: &Together<'_>,
    asked: &Asked<'_>,
    strands: &[Strand],
    spoken: &rewritten::Spoken,
) -> (Vec<Finding>, Option<DiagnosisName>) {
    let ended = asked.ended();
    let failed = ended.is_some_and(|one| one.outcome == Outcome::Failed);
    let mut all: Vec<Finding> = Vec::new();
    for ((point, session), told) in together.seen().zip(&asked.told) {
        let Some(told) = told else { continue };
        let own = web.findings(point, session.id).filter(|one| one.transfer == Some(told.id)).cloned();
        // What a point concludes from a reply that it lacks does not hold where another one has it.
        let holds = |finding: &Finding| !is_outdated(told, ended) || finding.severity < Severity::Error;
        all = views::of_transfer(all, own.filter(holds).collect());
    }
    if failed {
        connecting::tell(web, together, asked, strands, &mut all);
    }
    let by_control =
        all.iter().any(|one| [control_lost_during_transfer::NAME, rst_injected::NAME].contains(&one.diagnosis));
    let broken: Vec<Strand> =
        strands.iter().copied().chain((failed && by_control).then_some(together.control)).collect();
    resets::tell(web, together, &broken, failed, &mut all);
    rewritten::of_transfer(spoken, together, asked, failed, &mut all);
    stalled::of_transfer(web, together, strands, failed, &mut all);
    let verdict = verdict::assign(&mut all, failed);
    (all, verdict)
}

fn is_outdated(told: &TransferRecord, ended: Option<&TransferRecord>) -> bool {
    told.reply.is_none() && ended.is_some_and(|ended| ended.reply.is_some() && ended.outcome == Outcome::Completed)
}

/// What is said of the session as a whole.
fn of_whole(
    web: &Web,
    together: &Together<'_>,
    served: &BTreeSet<Strand>,
    spoken: &rewritten::Spoken,
    of_transfers: &[Finding],
) -> Vec<Finding> {
    let lead = together.lead();
    let here = [lead.client.ip(), lead.server.ip()];
    let mut all: Vec<Finding> = Vec::new();
    for (point, session) in together.seen() {
        let there = [session.client.ip(), session.server.ip()];
        let own: Vec<Finding> = web.findings(point, session.id).filter(|one| one.transfer.is_none()).cloned().collect();
        all = if all.is_empty() { own } else { views::of_session(all, own, here, there) };
    }
    connecting::tell_of_session(web, together, served, &mut all);
    if of_transfers.iter().all(|finding| finding.diagnosis != rst_injected::NAME) {
        resets::tell(web, together, &[together.control], false, &mut all);
    }
    rewritten::of_session(web, spoken, together, &mut all);
    stalled::of_session(web, spoken, together, of_transfers, &mut all);
    let strands: Vec<Strand> = served.iter().copied().collect();
    all.extend(copies::tell(web, together, &strands));
    all
}

/// Absence at a tap that missed other packets of the session is not proof.
fn doubt(together: &Together<'_>, web: &Web, finding: &mut Finding) {
    let absent: Vec<Stamp> = finding
        .evidence()
        .into_iter()
        .filter_map(|one| match one {
            Evidence::Missing { after, .. } => Some(*after),
            Evidence::Seen { .. } => None,
        })
        .collect();
    for (point, missed) in together.path.iter().zip(&together.missed) {
        let Some(told) = web.points.get(*point) else { continue };
        let concerns = absent.iter().any(|at| told.captures.contains(&at.capture));
        if !concerns || *missed == 0 {
            continue;
        }
        let packets = if *missed == 1 { "packet" } else { "packets" };
        let why = format!("{} did not capture {missed} {packets} of this session that arrived", told.name);
        if finding.confidence > Confidence::Probable {
            finding.confidence = Confidence::Probable;
            finding.caps.push(Cap { diagnosis: Some(capture_drops::NAME), ceiling: Confidence::Probable, why });
        }
    }
}
