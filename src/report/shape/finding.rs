//! Findings with their evidence.

use schemars::JsonSchema;
use serde::Serialize;

use super::point;
use crate::finding::{self, DiagnosisName};
use crate::record::PointRecord;
use crate::report::evidence::in_order;
use crate::report::words::{Confidence, Party, Role, Severity, Where};
use crate::report::{filter, time};
use crate::text::printable_str;

/// A diagnosis that applies, and what supports it.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Finding {
    diagnosis: &'static str,
    role: Role,
    severity: Severity,
    confidence: Confidence,
    /// Where the fault is; null if the capture does not show it.
    r#where: Option<Where>,
    message: String,
    /// The capture it was found in.
    capture: u32,
    /// Null if it is about a host or the capture.
    session: Option<u32>,
    /// Null if it is not about one transfer.
    transfer: Option<u32>,
    /// The id of its cause; null if its role is `related` or its severity `quality`.
    cause: Option<u32>,
    /// The addresses it is about.
    hosts: Vec<String>,
    /// In order of time, never empty; facts from hosts come last.
    evidence: Vec<Evidence>,
    /// Why the confidence is not higher.
    caps: Vec<Cap>,
    /// Diagnoses that were considered and ruled out.
    ruled_out: Vec<RuledOut>,
    /// Diagnoses that this capture cannot rule out.
    alternatives: Vec<Alternative>,
    /// What to do.
    remedies: Vec<Remedy>,
    references: Vec<&'static str>,
    /// A Wireshark display filter for the evidence in `capture`.
    display_filter: String,
}

impl Finding {
    /// A finding, with the names of the points where its evidence was captured, if there are several.
    pub(in crate::report) fn of(finding: &finding::Finding, points: &[PointRecord]) -> Self {
        Self {
            diagnosis: finding.diagnosis.as_str(),
            role: finding.role.into(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            r#where: finding.place.map(Into::into),
            message: printable_str(&finding.message),
            capture: finding.capture.0,
            session: finding.session.map(|id| id.0),
            transfer: finding.transfer.map(|id| id.0),
            cause: finding.cause.map(|id| id.0),
            hosts: finding.hosts.iter().map(ToString::to_string).collect(),
            evidence: {
                let shown = in_order(finding).into_iter().map(|one| Evidence::of(one, points));
                shown.chain(finding.host_facts.iter().map(Evidence::from)).collect()
            },
            caps: finding.caps.iter().map(Cap::from).collect(),
            ruled_out: finding.ruled_out.iter().map(RuledOut::from).collect(),
            alternatives: finding.alternatives.iter().map(Alternative::from).collect(),
            remedies: finding.remedies.iter().map(Remedy::from).collect(),
            references: finding.references.to_vec(),
            display_filter: filter::filters(finding).into_iter().next().map(|(_, filter)| filter).unwrap_or_default(),
        }
    }
}

/// A fact that can be checked in the capture, or that the kernel of a host reported.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
enum Evidence {
    /// These frames show it.
    Seen {
        capture: u32,
        frames: Vec<u64>,
        /// Time of the first of them, RFC 3339.
        time: String,
        /// Sender, address and port, if it is a packet or a control line.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// Receiver, in the same form.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        note: String,
        /// The capture point, if there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        point: Option<String>,
    },
    /// Packets that are missing between two frames.
    Missing {
        /// The capture of `after`.
        capture: u32,
        /// The last frame before the gap.
        after: u64,
        /// The first frame after the gap.
        until: u64,
        /// The capture of `until`, if it is another one.
        #[serde(skip_serializing_if = "Option::is_none")]
        until_capture: Option<u32>,
        note: String,
        /// The capture point that lacks them, if there are several.
        #[serde(skip_serializing_if = "Option::is_none")]
        point: Option<String>,
        /// When that point last recorded a packet before the gap, RFC 3339.
        #[serde(skip_serializing_if = "Option::is_none")]
        alive_from: Option<String>,
        /// When it next recorded one, RFC 3339.
        #[serde(skip_serializing_if = "Option::is_none")]
        alive_to: Option<String>,
    },
    /// What the kernel of a host reported, or why nothing can be concluded from it.
    Host {
        fact: String,
        /// When it was read, RFC 3339, by the clock of that host.
        at: String,
        /// The document it is from, or `this host`.
        source: String,
    },
}

impl From<&finding::HostFact> for Evidence {
    fn from(host: &finding::HostFact) -> Self {
        let (fact, source) = (printable_str(&host.fact), printable_str(&host.source));
        Self::Host { fact, at: time::rfc3339(host.at), source }
    }
}

impl Evidence {
    fn of(evidence: &finding::Evidence, points: &[PointRecord]) -> Self {
        let point = point::of_evidence(evidence, points);
        match evidence {
            finding::Evidence::Seen { frames, route, note } => {
                let first = evidence.first();
                Self::Seen {
                    capture: first.capture.0,
                    frames: frames.iter().map(|stamp| stamp.number.0).collect(),
                    time: time::rfc3339(first.time),
                    from: route.map(|route| route.from.to_string()),
                    to: route.map(|route| route.to.to_string()),
                    note: printable_str(note),
                    point,
                }
            }
            finding::Evidence::Missing { after, until, note } => Self::Missing {
                capture: after.capture.0,
                after: after.number.0,
                until: until.number.0,
                until_capture: (until.capture != after.capture).then_some(until.capture.0),
                note: printable_str(note),
                alive_from: point.is_some().then(|| time::rfc3339(after.time)),
                alive_to: point.is_some().then(|| time::rfc3339(until.time)),
                point,
            },
        }
    }
}

/// A limit of the capture or of the rule, which lowers the confidence.
#[derive(Serialize, JsonSchema)]
struct Cap {
    /// The diagnosis that states the limit; null if it is one of the rule itself, as `why` says.
    diagnosis: Option<&'static str>,
    why: String,
}

impl From<&finding::Cap> for Cap {
    fn from(cap: &finding::Cap) -> Self {
        Self { diagnosis: cap.diagnosis.map(DiagnosisName::as_str), why: printable_str(&cap.why) }
    }
}

/// A diagnosis that was considered and ruled out.
#[derive(Serialize, JsonSchema)]
struct RuledOut {
    diagnosis: &'static str,
    why: String,
}

impl From<&finding::RuledOut> for RuledOut {
    fn from(ruled_out: &finding::RuledOut) -> Self {
        Self { diagnosis: ruled_out.diagnosis.as_str(), why: printable_str(&ruled_out.why) }
    }
}

/// A diagnosis that this capture cannot rule out.
#[derive(Serialize, JsonSchema)]
struct Alternative {
    diagnosis: &'static str,
    would_decide: String,
}

impl From<&finding::Alternative> for Alternative {
    fn from(alternative: &finding::Alternative) -> Self {
        Self { diagnosis: alternative.diagnosis.as_str(), would_decide: printable_str(&alternative.would_decide) }
    }
}

/// What to change, and who has to do it.
#[derive(Serialize, JsonSchema)]
struct Remedy {
    side: Party,
    text: String,
}

impl From<&finding::Remedy> for Remedy {
    fn from(remedy: &finding::Remedy) -> Self {
        Self { side: remedy.side.into(), text: printable_str(&remedy.text) }
    }
}
