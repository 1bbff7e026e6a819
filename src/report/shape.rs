//! The JSON interface, schema 1: its own types, made from records and findings.
//!
//! Domain types may change their shape, these may only grow. Text is printable here, PASS and ACCT never arrive.

use schemars::JsonSchema;
use serde::Serialize;

use super::collect::path_of;
use super::evidence::in_order;
use super::words::{AttemptOutcome, Confidence, Mode, Nearness, Outcome, Party, Role, Severity};
use super::{filter, link_type, time};
use crate::frame::{CaptureId, Stamp};
use crate::text::printable_str;
use crate::{finding, record, source};

/// The version of this interface.
pub(super) const SCHEMA: u32 = 1;

/// What ftpwhy concluded from one or more captures.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "ftpwhy report")]
pub(super) struct Report {
    /// The version of this interface.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: u32,
    pub(super) tool: Tool,
    /// How several inputs were taken; empty for a single file.
    pub(super) grouping: Vec<String>,
    pub(super) captures: Vec<Capture>,
    pub(super) sessions: Vec<Session>,
    pub(super) findings: Vec<Finding>,
    pub(super) summary: Summary,
}

/// One line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(title = "ftpwhy report, one line")]
pub(super) enum Line {
    /// The first line.
    Meta(Meta),
    /// A session has ended, all its transfers judged.
    Session(Session),
    /// A finding. Those of a session follow it.
    Finding(Finding),
    /// An earlier finding no longer holds: what came later gave it another name.
    #[expect(dead_code, reason = "part of schema 1 for readers; nothing supersedes a finding before live capture")]
    Superseded(Superseded),
    /// The last line.
    Summary(Closing),
}

/// The first line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Meta {
    /// The version of this interface.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: u32,
    pub(super) tool: Tool,
    /// How several inputs were taken; empty for a single file.
    pub(super) grouping: Vec<String>,
}

/// The last line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Closing {
    pub(super) captures: Vec<Capture>,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// Names the finding that no longer holds.
#[derive(Serialize, JsonSchema)]
pub(super) struct Superseded {
    /// The diagnosis that was named.
    pub(super) diagnosis: String,
    pub(super) session: Option<u32>,
    pub(super) transfer: Option<u32>,
    /// The diagnosis that takes its place.
    pub(super) by: String,
}

/// The program that wrote this.
#[derive(Serialize, JsonSchema)]
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
}

impl Tool {
    pub(super) fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }
    }
}

/// An input.
#[derive(Serialize, JsonSchema)]
pub(super) struct Capture {
    id: u32,
    /// As it was named; `-` is standard input.
    path: String,
    /// `pcap`, `pcapng`, with ` + gzip` and the like.
    format: String,
    packets: u64,
    /// Time of the earliest frame, RFC 3339.
    first: Option<String>,
    /// Time of the latest frame, RFC 3339.
    last: Option<String>,
    /// Whether it could be read to its end.
    complete: bool,
    interfaces: Vec<Interface>,
}

impl From<&source::Capture> for Capture {
    fn from(capture: &source::Capture) -> Self {
        Self {
            id: capture.id.0,
            path: path_of(capture),
            format: printable_str(&capture.format),
            packets: capture.packets,
            first: capture.first.map(time::rfc3339),
            last: capture.last.map(time::rfc3339),
            complete: capture.damage.is_none(),
            interfaces: capture.interfaces.iter().map(Interface::from).collect(),
        }
    }
}

/// An interface of a capture.
#[derive(Serialize, JsonSchema)]
struct Interface {
    /// Wireshark's interface id.
    id: u32,
    name: Option<String>,
    /// tcpdump's name of the link type; its number where it has none.
    link_type: String,
    /// Packets the capture itself counts as dropped; null when it does not say.
    dropped: Option<u64>,
}

impl From<&source::Interface> for Interface {
    fn from(interface: &source::Interface) -> Self {
        Self {
            id: interface.id.0,
            name: interface.name.as_deref().map(printable_str),
            link_type: link_type::name(interface.link_type).into_owned(),
            dropped: interface.dropped,
        }
    }
}

/// A frame, numbered as Wireshark numbers it.
#[derive(Serialize, JsonSchema)]
struct Frame {
    capture: u32,
    frame: u64,
    /// RFC 3339.
    time: String,
}

impl From<Stamp> for Frame {
    fn from(stamp: Stamp) -> Self {
        Self { capture: stamp.capture.0, frame: stamp.number.0, time: time::rfc3339(stamp.time) }
    }
}

/// A control session.
#[derive(Serialize, JsonSchema)]
pub(super) struct Session {
    id: u32,
    captures: Vec<u32>,
    /// Address and port.
    client: String,
    /// Address and port.
    server: String,
    first: Frame,
    last: Frame,
    server_software: Option<String>,
    /// The first encrypted frame.
    encrypted_from: Option<Frame>,
    vantage: Vantage,
    offers: Vec<Offer>,
    transfers: Vec<Transfer>,
}

impl From<&record::SessionRecord> for Session {
    fn from(session: &record::SessionRecord) -> Self {
        Self {
            id: session.id.0,
            captures: session.captures.iter().map(|CaptureId(id)| *id).collect(),
            client: session.client.to_string(),
            server: session.server.to_string(),
            first: session.first.into(),
            last: session.last.into(),
            server_software: session.server_software.as_deref().map(printable_str),
            encrypted_from: session.encrypted_from.map(Frame::from),
            vantage: Vantage { client: session.vantage.client.into(), server: session.vantage.server.into() },
            offers: session.offers.iter().map(Offer::from).collect(),
            transfers: session.transfers.iter().map(Transfer::from).collect(),
        }
    }
}

/// Where a session was captured.
#[derive(Serialize, JsonSchema)]
struct Vantage {
    client: Nearness,
    server: Nearness,
}

/// An announced endpoint.
#[derive(Serialize, JsonSchema)]
struct Offer {
    command: String,
    /// Address and port; null when it could not be read.
    endpoint: Option<String>,
    at: Frame,
    /// Whether the reply was 2yz; null when none was seen.
    accepted: Option<bool>,
}

impl From<&record::OfferRecord> for Offer {
    fn from(offer: &record::OfferRecord) -> Self {
        Self {
            command: printable_str(&offer.command),
            endpoint: offer.endpoint.map(|endpoint| endpoint.to_string()),
            at: offer.at.into(),
            accepted: offer.accepted,
        }
    }
}

/// A transfer.
#[derive(Serialize, JsonSchema)]
struct Transfer {
    id: u32,
    command: String,
    mode: Mode,
    /// An index into the session's offers.
    offer: Option<usize>,
    at: Frame,
    /// The final reply.
    reply: Option<Reply>,
    /// The data connections tried.
    attempts: Vec<Attempt>,
    outcome: Outcome,
    /// The diagnosis of its verdict.
    verdict: Option<&'static str>,
}

impl From<&record::TransferRecord> for Transfer {
    fn from(transfer: &record::TransferRecord) -> Self {
        Self {
            id: transfer.id.0,
            command: printable_str(&transfer.command),
            mode: transfer.mode.into(),
            offer: transfer.offer,
            at: transfer.at.into(),
            reply: transfer.reply.as_ref().map(Reply::from),
            attempts: transfer.attempts.iter().map(Attempt::from).collect(),
            outcome: transfer.outcome.into(),
            verdict: transfer.verdict,
        }
    }
}

/// A reply.
#[derive(Serialize, JsonSchema)]
struct Reply {
    code: u16,
    text: String,
    at: Frame,
}

impl From<&record::ReplyRecord> for Reply {
    fn from(reply: &record::ReplyRecord) -> Self {
        Self { code: reply.code, text: printable_str(&reply.text), at: reply.at.into() }
    }
}

/// An attempt to open a data connection.
#[derive(Serialize, JsonSchema)]
struct Attempt {
    /// Address and port.
    from: String,
    /// Address and port.
    to: String,
    /// The first SYN; in a connection whose SYN was not captured, its first frame.
    syn: Frame,
    outcome: AttemptOutcome,
}

impl From<&record::AttemptRecord> for Attempt {
    fn from(attempt: &record::AttemptRecord) -> Self {
        Self {
            from: attempt.from.to_string(),
            to: attempt.to.to_string(),
            syn: attempt.syn.into(),
            outcome: attempt.outcome.into(),
        }
    }
}

/// A diagnosis that holds.
#[derive(Serialize, JsonSchema)]
pub(super) struct Finding {
    diagnosis: &'static str,
    role: Role,
    severity: Severity,
    confidence: Confidence,
    message: String,
    /// The capture it was found in.
    capture: u32,
    /// Null when it is about a host or the capture.
    session: Option<u32>,
    /// Null when it is not about one transfer.
    transfer: Option<u32>,
    /// The addresses it is about.
    hosts: Vec<String>,
    /// In order of time, never empty.
    evidence: Vec<Evidence>,
    /// Why the confidence is not higher.
    caps: Vec<Cap>,
    /// Causes considered and refuted.
    ruled_out: Vec<RuledOut>,
    /// Causes this capture cannot exclude.
    alternatives: Vec<Alternative>,
    /// What to do.
    remedies: Vec<Remedy>,
    references: Vec<&'static str>,
    /// A Wireshark display filter for the evidence in `capture`.
    display_filter: String,
}

impl From<&finding::Finding> for Finding {
    fn from(finding: &finding::Finding) -> Self {
        Self {
            diagnosis: finding.diagnosis,
            role: finding.role.into(),
            severity: finding.severity.into(),
            confidence: finding.confidence.into(),
            message: printable_str(&finding.message),
            capture: finding.capture.0,
            session: finding.session.map(|id| id.0),
            transfer: finding.transfer.map(|id| id.0),
            hosts: finding.hosts.iter().map(ToString::to_string).collect(),
            evidence: in_order(finding).into_iter().map(Evidence::from).collect(),
            caps: finding.caps.iter().map(Cap::from).collect(),
            ruled_out: finding.ruled_out.iter().map(RuledOut::from).collect(),
            alternatives: finding.alternatives.iter().map(Alternative::from).collect(),
            remedies: finding.remedies.iter().map(Remedy::from).collect(),
            references: finding.references.to_vec(),
            display_filter: filter::filters(finding).into_iter().next().map(|(_, filter)| filter).unwrap_or_default(),
        }
    }
}

/// A fact that can be looked up in the capture.
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
        /// Receiver, likewise.
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<String>,
        note: String,
    },
    /// Nothing of the kind lies between two frames.
    Missing {
        /// The capture of `after`.
        capture: u32,
        /// The last frame before the span.
        after: u64,
        /// The first frame behind it.
        until: u64,
        /// The capture of `until`, when it is another one.
        #[serde(skip_serializing_if = "Option::is_none")]
        until_capture: Option<u32>,
        note: String,
    },
}

impl From<&finding::Evidence> for Evidence {
    fn from(evidence: &finding::Evidence) -> Self {
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
                }
            }
            finding::Evidence::Missing { after, until, note } => Self::Missing {
                capture: after.capture.0,
                after: after.number.0,
                until: until.number.0,
                until_capture: (until.capture != after.capture).then_some(until.capture.0),
                note: printable_str(note),
            },
        }
    }
}

/// A limit of the capture.
#[derive(Serialize, JsonSchema)]
struct Cap {
    diagnosis: &'static str,
    why: String,
}

impl From<&finding::Cap> for Cap {
    fn from(cap: &finding::Cap) -> Self {
        Self { diagnosis: cap.diagnosis, why: printable_str(&cap.why) }
    }
}

/// A cause considered and refuted.
#[derive(Serialize, JsonSchema)]
struct RuledOut {
    diagnosis: &'static str,
    why: String,
}

impl From<&finding::RuledOut> for RuledOut {
    fn from(ruled_out: &finding::RuledOut) -> Self {
        Self { diagnosis: ruled_out.diagnosis, why: printable_str(&ruled_out.why) }
    }
}

/// A cause that cannot be excluded.
#[derive(Serialize, JsonSchema)]
struct Alternative {
    diagnosis: &'static str,
    would_decide: String,
}

impl From<&finding::Alternative> for Alternative {
    fn from(alternative: &finding::Alternative) -> Self {
        Self { diagnosis: alternative.diagnosis, would_decide: printable_str(&alternative.would_decide) }
    }
}

/// Something to change, and by whom.
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

/// Counts over the run; findings without those whose role is related.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    transfers: u64,
    failed: u64,
    error: u64,
    warning: u64,
    info: u64,
    quality: u64,
}

impl From<&record::Summary> for Summary {
    fn from(summary: &record::Summary) -> Self {
        let record::Summary { transfers, failed, error, warning, info, quality } = *summary;
        Self { transfers, failed, error, warning, info, quality }
    }
}
