//! Why a data connection did not come about, as several points show it: lost, refused or ignored, and between which points.

use std::collections::BTreeSet;

use super::super::alike::Relation;
use super::super::sampled::Flow;
use super::amend::{absent, support, take};
use super::outcome::{self, Story, What};
use super::together::{Asked, Together};
use super::web::{Strand, Web, neighbours};
use crate::diagnosis::{
    Draft, abor_then_425, antispoof_drop, data_port_bind_contention, data_syn_icmp_rejected, data_syn_lost_in_transit,
    data_syn_never_sent, data_syn_not_seen, data_syn_refused, data_syn_unanswered, data_wrong_source_address,
    pasv_client_never_connects, pasv_connect_failed, pasv_syn_not_seen, source_spoof_mismatch, time_wait_collision,
    time_wait_default_port, time_wait_middlebox, tls_control_opaque, tuple_still_open,
};
use crate::finding::{Confidence, DiagnosisName, Evidence, Finding, Route, Severity};
use crate::flow::End;
use crate::frame::Stamp;

/// What one point alone concludes from a SYN, or from none: the points together know better.
const SYMPTOMS: [DiagnosisName; 9] = [
    data_syn_never_sent::NAME,
    data_syn_not_seen::NAME,
    data_syn_unanswered::NAME,
    data_syn_refused::NAME,
    data_syn_icmp_rejected::NAME,
    data_syn_lost_in_transit::NAME,
    pasv_connect_failed::NAME,
    pasv_client_never_connects::NAME,
    pasv_syn_not_seen::NAME,
];

/// What one point concludes from a SYN that it does not see: refuted where another one has it.
pub const WITHOUT_SYN: [DiagnosisName; 9] = [
    data_syn_never_sent::NAME,
    data_syn_not_seen::NAME,
    time_wait_collision::NAME,
    time_wait_default_port::NAME,
    tuple_still_open::NAME,
    data_port_bind_contention::NAME,
    abor_then_425::NAME,
    pasv_client_never_connects::NAME,
    pasv_syn_not_seen::NAME,
];

/// SYNs that are cited.
const CITED: usize = 6;

/// A firewall forgets a closed connection within this many seconds.
const FORGOTTEN: f64 = 240.0;

/// Tells what became of the data connection of a failed transfer.
pub fn tell(web: &Web, together: &Together<'_>, _: &Asked<'_>, strands: &[Strand], all: &mut Vec<Finding>) {
    let mut stories = strands
        .iter()
        .filter(|strand| is_end_to_end(web, together, **strand))
        .filter_map(|strand| outcome::story(web, *strand, &opened(web, together, *strand)))
        .filter(|story| !is_by_tap(web, together, story));
    match stories.next_back() {
        Some(story) => replace(web, together, &story, all),
        None => never_sent(web, together, strands, all),
    }
    if !strands.is_empty() {
        all.retain(|finding| !WITHOUT_SYN.contains(&finding.diagnosis));
    }
}

/// Whether the packet that a point lacks may have passed it: it is known to miss packets, and lacks only one.
fn is_by_tap(web: &Web, together: &Together<'_>, story: &Story) -> bool {
    let Some((absent, flow)) = story.absent.zip(web.at(story.strand, story.at)) else { return false };
    let count = match story.what {
        What::SynAckLost => flow.syn_acks().count(),
        What::Refused { .. } => flow.rsts().count(),
        What::Rejected { .. } => flow.errors.len(),
        What::SynLost | What::RefusedBetween | What::RejectedBetween { .. } | What::Ignored => flow.syns().count(),
    };
    together.may_have_missed(absent.point, count)
}

/// What no point shows was never sent, where the one next to its sender was recording all the time.
fn never_sent(web: &Web, together: &Together<'_>, strands: &[Strand], all: &mut Vec<Finding>) {
    let unseen = [(data_syn_not_seen::NAME, true), (pasv_syn_not_seen::NAME, false)];
    let Some((name, is_active)) = unseen.into_iter().find(|(name, _)| all.iter().any(|one| one.diagnosis == *name))
    else {
        return;
    };
    let by_server = if is_active { together.path.last() } else { together.path.first() };
    let Some(point) = by_server.copied().filter(|point| strands.is_empty() && web.shows_data(*point)) else { return };
    let Some(place) = all.iter().position(|one| one.diagnosis == name) else { return };
    let Some(finding) = all.get(place) else { return };
    let cited = finding.evidence();
    let (Some(first), Some(last)) =
        (cited.first().map(|one| one.first()), finding.frames().into_iter().max_by_key(|at| at.time))
    else {
        return;
    };
    let Some(lead) = together.path.get(together.lead).copied() else { return };
    let Some(missing) = outcome::absence(web, point, lead, first, last) else { return };
    let name = web.name(point);
    let (diagnosis, who, remedies) = if is_active {
        (
            &data_syn_never_sent::DIAGNOSIS,
            "the server never sent a SYN",
            "Check the server's log, its routes and its own filter: it did not send, or could not.",
        )
    } else {
        (
            &pasv_client_never_connects::DIAGNOSIS,
            "the client never connected",
            "Look at the client: its log, its own filter, its proxy settings.",
        )
    };
    let story = finding.message.split(" and no SYN").next().filter(|_| is_active).map(str::to_owned);
    let message = match story {
        Some(story) => format!("{story}, and {who}: none is at {name}, which is next to it and was recording"),
        None => format!("{who}: no SYN is at {name}, which is next to it and was recording"),
    };
    let draft = diagnosis.finding(Confidence::Probable, message, finding.primary.clone()).hosts(finding.hosts.clone());
    let draft = if is_active { draft.server(remedies) } else { draft.client(remedies) };
    let mut told = draft.support([absent(web, missing, "a SYN")]).done();
    let unseen = all.remove(place);
    told.alternatives.clone_from(&unseen.alternatives);
    told.remedies.extend(
        unseen
            .remedies
            .iter()
            .filter(|other| told.remedies.iter().all(|one| one.side != other.side))
            .cloned()
            .collect::<Vec<_>>(),
    );
    support(&mut told, unseen);
    all.push(told);
}

/// The same for what no transfer asked for: a client that left before.
pub fn tell_of_session(web: &Web, together: &Together<'_>, served: &BTreeSet<Strand>, all: &mut Vec<Finding>) {
    if !all.iter().any(|finding| SYMPTOMS.contains(&finding.diagnosis)) {
        return;
    }
    let lead = together.lead();
    let candidates = web.all().filter(|strand| !served.contains(strand)).filter(|strand| {
        together.path.iter().any(|point| {
            let control = web.at(together.control, *point);
            web.at(*strand, *point).zip(control).is_some_and(|(flow, control)| {
                let hosts = control.ends.map(|end| end.ip());
                !flow.is_control
                    && flow.first >= lead.first
                    && flow.first <= lead.last
                    && flow.ends.iter().all(|end| hosts.contains(&end.ip()))
            })
        })
    });
    let stories: Vec<Story> = candidates
        .filter_map(|strand| outcome::story(web, strand, &opened(web, together, strand)))
        .filter(|story| !is_by_tap(web, together, story))
        .collect();
    if let Some(story) = stories.into_iter().next_back() {
        replace(web, together, &story, all);
    }
}

/// Whether a connection is meant to pass all points: with a proxy between, only where it names both hosts themselves.
fn is_end_to_end(web: &Web, together: &Together<'_>, strand: Strand) -> bool {
    let terminated =
        |[one, other]: [usize; 2]| web.relation(together.control, one, other) == Some(Relation::Terminated);
    if !neighbours(&together.path).any(terminated) {
        return true;
    }
    let ends = |point: Option<&usize>| point.and_then(|point| web.at(together.control, *point)).map(|flow| flow.ends);
    let (Some([client, _]), Some([_, server])) = (ends(together.path.first()), ends(together.path.last())) else {
        return false;
    };
    together.path.iter().filter_map(|point| web.at(strand, *point)).all(|flow| {
        let hosts = flow.ends.map(|end| end.ip());
        hosts.contains(&client.ip()) && hosts.contains(&server.ip())
    })
}

/// The points in the order in which a SYN passes them.
fn opened(web: &Web, together: &Together<'_>, strand: Strand) -> Vec<usize> {
    let mut path = together.path.clone();
    let by_client = path
        .iter()
        .find(|point| web.at(strand, **point).is_some())
        .is_none_or(|point| web.client_end(strand, together.control, *point) == End::Origin);
    if !by_client {
        path.reverse();
    }
    path
}

fn replace(web: &Web, together: &Together<'_>, story: &Story, all: &mut Vec<Finding>) {
    let Some(flow) = web.at(story.strand, story.at) else { return };
    let mut alone: Vec<Finding> = Vec::new();
    for name in SYMPTOMS {
        alone.extend(take(all, name));
    }
    let Some(told) = Telling { web, story, flow, is_active: is_active(web, together, story) }.told() else {
        all.extend(alone);
        return;
    };
    let mut finding = told;
    // What was said and asked before, as the point tells it that saw the packets.
    alone.sort_by_key(|one| (!web.has(story.at, one.capture), std::cmp::Reverse(one.confidence)));
    if let Some(best) = alone.into_iter().next() {
        finding.hosts.clone_from(&best.hosts);
        // Where the control connection is encrypted, which transfer this connection served is a guess.
        let opaque = best.caps.iter().find(|cap| cap.diagnosis == Some(tls_control_opaque::NAME));
        if let Some(cap) = opaque {
            finding.confidence = finding.confidence.min(cap.ceiling);
            finding.caps.push(cap.clone());
        }
        support(&mut finding, best);
    }
    let lost = matches!(story.what, What::SynLost | What::RefusedBetween | What::RejectedBetween { .. });
    if !lost {
        // A firewall that holds an old session does not let the SYN through.
        take(all, time_wait_middlebox::NAME);
    }
    if lost {
        all.extend(spoofed(web, together, story, &finding, all));
        all.extend(held(web, story, flow, &finding));
    }
    all.push(finding);
}

fn is_active(web: &Web, together: &Together<'_>, story: &Story) -> bool {
    web.client_end(story.strand, together.control, story.at) == End::Target
}

struct Telling<'a> {
    web: &'a Web,
    story: &'a Story,
    flow: &'a Flow,
    is_active: bool,
}

impl Telling<'_> {
    fn told(&self) -> Option<Finding> {
        let [from, to] = self.flow.ends;
        let syn = format!("the SYN {from} -> {to}");
        let count = self.flow.syns().count();
        let times = if count == 1 { "once".to_owned() } else { format!("{count} times") };
        let gap = self.gap();
        let draft = match self.story.what {
            What::SynLost => {
                let message = format!("{syn} was lost {gap}: sent {times}");
                self.draft(&data_syn_lost_in_transit::DIAGNOSIS, message, self.syns(self.story.at)?)
                    .rule_out(data_syn_never_sent::NAME, "the SYN was sent")
                    .rule_out(data_syn_refused::NAME, "nothing came back")
            }
            What::SynAckLost => {
                let message = format!("{syn} arrived, and the SYN-ACK was lost {gap}");
                let answers: Vec<Stamp> = self.flow.syn_acks().map(|one| one.at).take(CITED).collect();
                let primary = Evidence::seen_all(answers, Some(Route { from: to, to: from }), "SYN-ACK")?;
                self.draft(&data_syn_lost_in_transit::DIAGNOSIS, message, primary)
                    .support(self.syns(self.story.at))
                    .rule_out(data_syn_unanswered::NAME, "the SYN was answered by a SYN-ACK")
            }
            What::Ignored => self.ignored(&syn, &times)?,
            What::Refused { lost } => {
                let back = if lost { format!(", and the RST was lost {gap}") } else { String::new() };
                let message = format!("{syn} arrived and was answered by a RST: {} refused it{back}", to.ip());
                self.refused(message)?
            }
            What::RefusedBetween => {
                let message =
                    format!("{syn} was answered by a RST that {} did not send: it comes from a device {gap}", to.ip());
                self.refused(message)?
            }
            What::Rejected { by, lost } => {
                let back = if lost { format!(", and the error was lost {gap}") } else { String::new() };
                self.rejected(format!("{syn} arrived and was rejected by an ICMP error from {by}{back}"))?
            }
            What::RejectedBetween { by } => {
                self.rejected(format!("{syn} was rejected by an ICMP error from {by}, {gap}"))?
            }
        };
        let missing = self.story.absent.map(|one| absent(self.web, one, self.missing()));
        Some(draft.support(missing).support(self.elsewhere()).done())
    }

    fn draft(&self, diagnosis: &crate::diagnosis::Diagnosis, message: String, primary: Evidence) -> Draft {
        let draft = diagnosis.finding(Confidence::Proven, message, primary);
        let between = self.between();
        let draft = match self.story.what {
            What::Ignored | What::Refused { lost: false } | What::Rejected { lost: false, .. } => draft,
            What::SynLost
            | What::SynAckLost
            | What::Refused { .. }
            | What::RefusedBetween
            | What::Rejected { .. }
            | What::RejectedBetween { .. } => draft.network(format!(
                "Look at the filter rules, the session table and the FTP helper of what lies {between}."
            )),
        };
        if self.is_active {
            draft
                .client("Use passive mode (EPSV, PASV).")
                .server("Allow passive mode: the client then opens the data connection.")
        } else {
            draft
                .client("Use active mode (PORT, EPRT) until the passive ports are open, if the client has no firewall or NAT in front of it.")
                .server("Offer passive ports from a small range and open that range on the path.")
        }
    }

    /// `between the points server and client`, the one that has the packet first.
    fn between(&self) -> String {
        let name = |point: usize| self.web.name(point).to_owned();
        match self.story.absent {
            Some(absent) => format!("between the points {} and {}", name(self.story.at), name(absent.point)),
            None => "between the points".to_owned(),
        }
    }

    fn gap(&self) -> String {
        self.between()
    }

    fn missing(&self) -> &'static str {
        match self.story.what {
            What::SynAckLost => "this SYN-ACK",
            What::Refused { .. } => "this RST",
            What::Rejected { .. } => "this ICMP error",
            What::SynLost | What::RefusedBetween | What::RejectedBetween { .. } | What::Ignored => "this SYN",
        }
    }

    fn syns(&self, point: usize) -> Option<Evidence> {
        let flow = self.web.at(self.story.strand, point)?;
        let count = flow.syns().count();
        let mut frames: Vec<Stamp> = flow.syns().map(|one| one.at).take(CITED).collect();
        frames.sort_unstable();
        let note = if count > 1 { format!("SYN, sent {count} times") } else { "SYN".to_owned() };
        Evidence::seen_all(frames, Some(Route { from: flow.ends[0], to: flow.ends[1] }), note)
    }

    /// The SYNs at the other points that have them.
    fn elsewhere(&self) -> Vec<Evidence> {
        let others = self.story.path.iter().filter(|point| **point != self.story.at);
        others.filter_map(|point| self.syns(*point)).collect()
    }

    fn ignored(&self, syn: &str, times: &str) -> Option<Draft> {
        let [from, to] = self.flow.ends;
        let last = self.web.name(self.story.at);
        let message = format!(
            "{syn} was sent {times} and reached {last}, and nothing came back: {} itself drops it, or something behind {last} does",
            to.ip()
        );
        let diagnosis = if self.is_active { &data_syn_unanswered::DIAGNOSIS } else { &pasv_connect_failed::DIAGNOSIS };
        let draft = self
            .draft(diagnosis, message, self.syns(self.story.at)?)
            .rule_out(data_syn_lost_in_transit::NAME, format!("the SYN reached {last}"));
        let filter = format!("Look at the host firewall of {}: it drops connections from {}.", to.ip(), from.ip());
        Some(if self.is_active { draft.client(filter) } else { draft.server(filter) })
    }

    fn refused(&self, message: String) -> Option<Draft> {
        let [from, to] = self.flow.ends;
        let rst = outcome::refusal(self.flow)?;
        let primary = Evidence::sent(rst.at, to, from, format!("RST, acknowledges the SYN, TTL {}", rst.ttl));
        let diagnosis = if self.is_active { &data_syn_refused::DIAGNOSIS } else { &pasv_connect_failed::DIAGNOSIS };
        let draft = self.draft(diagnosis, message, primary).support(self.syns(self.story.at));
        let by_host = matches!(self.story.what, What::Refused { .. });
        let listen = "Listen on the announced port before sending PORT, and until the transfer is over; check the host's firewall.";
        Some(if by_host && self.is_active { draft.client(listen) } else { draft })
    }

    fn rejected(&self, message: String) -> Option<Draft> {
        let error = self.flow.errors.first()?;
        let primary =
            Evidence::seen(error.at, format!("ICMP {}/{} from {}", error.error.kind, error.error.code, error.from));
        let diagnosis =
            if self.is_active { &data_syn_icmp_rejected::DIAGNOSIS } else { &pasv_connect_failed::DIAGNOSIS };
        Some(self.draft(diagnosis, message, primary).support(self.syns(self.story.at)))
    }
}

/// That the SYN bears a source that is not its host's, while what that host sends from its own address passes.
fn spoofed(web: &Web, together: &Together<'_>, story: &Story, lost: &Finding, all: &[Finding]) -> Option<Finding> {
    let foreign = all
        .iter()
        .find(|finding| [data_wrong_source_address::NAME, source_spoof_mismatch::NAME].contains(&finding.diagnosis))?;
    let flow = web.at(story.strand, story.at)?;
    let control = web.at(together.control, story.at)?;
    let native = control.ends.map(|end| end.ip());
    let source = flow.ends[0].ip();
    if native.contains(&source) {
        return None;
    }
    let name = |point: usize| web.name(point);
    let message = format!(
        "packets from {source} are dropped between the points {} and {}, while those of the same host from its own address pass: an anti-spoofing filter",
        name(story.at),
        name(story.absent?.point),
    );
    let mut finding = antispoof_drop::DIAGNOSIS
        .finding(Confidence::Probable, message, lost.primary.clone())
        .hosts(foreign.hosts.clone())
        .network("Let the filter accept this source address on that interface (loose reverse path check), or change the route so that it is expected there.")
        .server("Connect from the address of the control connection.")
        .done();
    finding.supporting.extend(lost.supporting.iter().take(2).cloned());
    Some(finding)
}

/// That the same 5-tuple was used before and crossed: a device may still hold its old session.
fn held(web: &Web, story: &Story, flow: &Flow, lost: &Finding) -> Option<Finding> {
    let absent = story.absent?;
    let before = web.flows(story.at).iter().filter(|other| other.ends == flow.ends && other.first < flow.first);
    let before = before.max_by_key(|other| other.first)?;
    let ended = flow.first.seconds_since(before.last);
    let strand = web.find(story.at, before.ends, before.first)?;
    if !before.is_established() || ended > FORGOTTEN || web.at(strand, absent.point).is_none() {
        return None;
    }
    // Where fresh ports fail as well, it is not the tuple.
    let hosts = flow.ends.map(|end| end.ip());
    let is_fresh_failure = |other: &Flow| {
        other.ends.map(|end| end.ip()) == hosts
            && other.ends != flow.ends
            && !other.is_control
            && other.first > before.last
            && other.syns().next().is_some()
            && !other.is_established()
    };
    if web.flows(story.at).iter().any(is_fresh_failure) {
        return None;
    }
    let [from, to] = flow.ends;
    let message = format!(
        "{from} -> {to} was used {ended:.1} s earlier and got through then: a firewall or NAT between the points {} and {} may still have that session",
        web.name(story.at),
        web.name(absent.point)
    );
    let mut finding = time_wait_middlebox::DIAGNOSIS
        .finding(
            Confidence::Probable,
            message,
            Evidence::sent(before.last, before.ends[0], before.ends[1], "the last packet of the earlier connection"),
        )
        .hosts(lost.hosts.clone())
        .network("Shorten the device's timers for closed sessions, or let it accept a SYN for them.")
        .client("Use another port for each PORT.")
        .done();
    finding.severity = Severity::Warning;
    finding.supporting.push(lost.primary.clone());
    Some(finding)
}
