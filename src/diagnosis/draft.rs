//! Builds a finding: the parts a diagnosis states, with the rest derived from its case.

use std::net::IpAddr;

use super::case::Case;
use super::lines;
use super::{Diagnosis, Remedied};
use crate::facts::Said;
use crate::finding::{
    Alternative, Cap, Confidence, DiagnosisName, Evidence, Finding, HostFact, Locus, Party, Remedy, Role, RuledOut,
    Severity,
};
use crate::frame::FrameList;
use crate::wire::Mac;

/// Frames one finding cites at most: a reader looks at some, not at all of a thousand retransmissions.
pub const FRAMES_CITED: usize = 40;

/// A finding in the making.
#[must_use]
pub struct Draft(Finding, Remedied);

impl Diagnosis {
    /// A finding of this diagnosis, with the evidence without which it would not be said.
    pub fn finding(&self, confidence: Confidence, message: impl Into<String>, primary: Evidence) -> Draft {
        let finding = Finding {
            diagnosis: self.name,
            role: Role::Context,
            severity: self.severity,
            confidence,
            message: message.into(),
            place: None,
            capture: primary.first().capture,
            session: None,
            transfer: None,
            hosts: Vec::new(),
            locus: Locus::default(),
            cause: None,
            primary,
            supporting: Vec::new(),
            host_facts: Vec::new(),
            caps: Vec::new(),
            ruled_out: Vec::new(),
            alternatives: Vec::new(),
            remedies: Vec::new(),
            references: self.references,
        };
        Draft(finding, self.locus)
    }
}

impl Draft {
    /// About the session and transfer of `case`.
    pub fn about(mut self, case: &Case<'_>) -> Self {
        self.0.session = Some(case.session.id);
        self.0.transfer = case.transfer().map(|transfer| transfer.id);
        let announced = case.offer().and_then(|offer| offer.socket).map(|socket| socket.ip());
        self.0.locus = self.1.in_session(case.session, announced).unwrap_or(self.0.locus);
        if self.0.hosts.is_empty() {
            self.0.hosts = vec![case.session.client.ip(), case.session.server.ip()];
        }
        self
    }

    /// About a whole session.
    pub fn in_session(mut self, session: &crate::transfer::session::Session) -> Self {
        self.0.session = Some(session.id);
        self.0.locus = self.1.in_session(session, None).unwrap_or(self.0.locus);
        if self.0.hosts.is_empty() {
            self.0.hosts = vec![session.client.ip(), session.server.ip()];
        }
        self
    }

    /// One more statement behind the message.
    pub fn and(mut self, what: &str) -> Self {
        self.0.message.push_str("; ");
        self.0.message.push_str(what);
        self
    }

    /// The hosts it is about.
    pub fn hosts(mut self, hosts: impl IntoIterator<Item = IpAddr>) -> Self {
        self.0.hosts = hosts.into_iter().collect();
        self
    }

    /// The station that its remedy is about, by its MAC.
    pub fn station(mut self, mac: Mac) -> Self {
        self.0.locus = Locus::Station(mac.to_string());
        self
    }

    /// Another severity than the usual one.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.0.severity = severity;
        self
    }

    /// More evidence.
    pub fn support(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.0.supporting.extend(evidence);
        self
    }

    /// What the kernel of a host says, or why nothing follows from it.
    pub fn host(mut self, said: Option<&Said>) -> Self {
        let fact =
            said.map(|Said { fact, at, source }| HostFact { fact: fact.clone(), at: *at, source: source.clone() });
        self.0.host_facts.extend(fact.filter(|fact| !self.0.host_facts.contains(fact)));
        self
    }

    /// Limits that touch what the finding rests on.
    pub fn caps(mut self, caps: impl IntoIterator<Item = Cap>) -> Self {
        self.0.caps.extend(caps);
        self
    }

    /// A cause that this fact refutes.
    pub fn rule_out(mut self, diagnosis: DiagnosisName, why: impl Into<String>) -> Self {
        self.0.ruled_out.push(RuledOut { diagnosis, why: why.into() });
        self
    }

    /// Causes that facts refute.
    pub fn all_ruled_out(mut self, causes: impl IntoIterator<Item = RuledOut>) -> Self {
        self.0.ruled_out.extend(causes);
        self
    }

    /// A cause that cannot be excluded.
    pub fn or(mut self, diagnosis: DiagnosisName, would_decide: impl Into<String>) -> Self {
        self.0.alternatives.push(Alternative { diagnosis, would_decide: would_decide.into() });
        self
    }

    /// Causes that cannot be excluded.
    pub fn all_or(mut self, causes: impl IntoIterator<Item = Alternative>) -> Self {
        self.0.alternatives.extend(causes);
        self
    }

    /// What the client's side should change.
    pub fn client(self, text: impl Into<String>) -> Self {
        self.remedy(Party::Client, text)
    }

    /// What the server's side should change.
    pub fn server(self, text: impl Into<String>) -> Self {
        self.remedy(Party::Server, text)
    }

    /// What the network's side should change.
    pub fn network(self, text: impl Into<String>) -> Self {
        self.remedy(Party::Network, text)
    }

    fn remedy(mut self, side: Party, text: impl Into<String>) -> Self {
        self.0.remedies.push(Remedy { side, text: text.into() });
        self
    }

    /// The finding, its confidence lowered by its caps.
    pub fn done(mut self) -> Finding {
        let finding = &mut self.0;
        let ceiling = finding.caps.iter().map(|cap| cap.ceiling).min().unwrap_or(Confidence::Proven);
        finding.confidence = finding.confidence.min(ceiling);
        // A cap that did not lower anything explains nothing.
        finding.caps.retain(|cap| cap.ceiling < Confidence::Proven);
        finding.caps.dedup_by(|a, b| a.diagnosis == b.diagnosis && a.why == b.why);
        self.drop_repeats();
        self.1.complete(&mut self.0);
        self.shorten();
        self.part_captures();
        self.0
    }

    /// Of a rotated set, the SYNs of one attempt may lie in several files, each with its own frame numbers.
    fn part_captures(&mut self) {
        let mut primary = self.0.primary.clone().by_capture().into_iter();
        self.0.primary = primary.next().unwrap_or_else(|| self.0.primary.clone());
        let rest = std::mem::take(&mut self.0.supporting);
        self.0.supporting = primary.chain(rest.into_iter().flat_map(Evidence::by_capture)).collect();
    }

    /// What is said twice is shown once.
    fn drop_repeats(&mut self) {
        let mut kept: Vec<Evidence> = Vec::with_capacity(self.0.supporting.len());
        for evidence in std::mem::take(&mut self.0.supporting) {
            if evidence != self.0.primary && !kept.contains(&evidence) {
                kept.push(evidence);
            }
        }
        self.0.supporting = kept;
    }

    fn shorten(&mut self) {
        let mut left = FRAMES_CITED;
        for evidence in std::iter::once(&mut self.0.primary).chain(&mut self.0.supporting) {
            match evidence {
                Evidence::Seen { frames, .. } => {
                    let keep = frames.len().min(left.max(1));
                    // The first ones and the last one tell the story.
                    if let Some(some) = FrameList::of(lines::some_of(frames.to_vec(), keep)) {
                        *frames = some;
                    }
                    left = left.saturating_sub(keep);
                }
                Evidence::Missing { .. } => left = left.saturating_sub(2),
            }
        }
        if left == 0 {
            let mut budget = FRAMES_CITED.saturating_sub(self.0.primary_frames());
            self.0.supporting.retain(|evidence| {
                let cost = frames_of(evidence);
                let fits = cost <= budget;
                if fits {
                    budget -= cost;
                }
                fits
            });
        }
    }
}

impl Finding {
    fn primary_frames(&self) -> usize {
        frames_of(&self.primary)
    }
}

fn frames_of(evidence: &Evidence) -> usize {
    match evidence {
        Evidence::Seen { frames, .. } => frames.len(),
        Evidence::Missing { .. } => 2,
    }
}
