//! What findings have in common.

use schemars::JsonSchema;
use serde::Serialize;

use crate::record;
use crate::report::time;
use crate::report::words::{Confidence, Severity};
use crate::text::printable_str;

/// Findings with the same diagnosis that need the same change.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Cause {
    /// Counts from 1, in the order in which causes first appear. Findings refer to it.
    id: u32,
    diagnosis: &'static str,
    /// The highest severity of its findings.
    severity: Severity,
    /// The highest confidence of its findings.
    confidence: Confidence,
    /// What the change concerns: `server 10.2.0.20:21`, `client 10.1.0.10`.
    locus: String,
    message: String,
    findings: CauseFindings,
    /// Transfers that failed for this cause; sessions, if it concerns whole sessions.
    failed: u64,
    /// Those that could have failed in the same way: those that worked, and those that failed, for this or another reason.
    comparable: u64,
    /// Sessions with a finding of this cause.
    sessions: u64,
    /// Address and port of the servers with failures, at most five.
    servers: Vec<String>,
    clients: Clients,
    /// When it first appeared, RFC 3339.
    first: String,
    /// When it last appeared, RFC 3339.
    last: String,
    /// How failures differ from what worked, the clearest difference first; empty if nothing differs.
    separates: Vec<Separation>,
    /// When it began to fail; null if it failed from the start, or if something worked afterwards.
    turn: Option<Turn>,
}

impl Cause {
    /// A cause, with the places of some of its findings in the report.
    pub(in crate::report) fn of(cause: &record::Cause, examples: &[usize]) -> Self {
        Self {
            id: cause.id.0,
            diagnosis: cause.diagnosis.as_str(),
            severity: cause.severity.into(),
            confidence: cause.confidence.into(),
            locus: printable_str(&cause.locus.to_string()),
            message: printable_str(&cause.message),
            findings: CauseFindings { count: cause.findings, examples: examples.to_vec() },
            failed: cause.failed,
            comparable: cause.comparable,
            sessions: cause.sessions,
            servers: cause.servers.iter().map(ToString::to_string).collect(),
            clients: Clients::from(&cause.clients),
            first: time::rfc3339(cause.first),
            last: time::rfc3339(cause.last),
            separates: cause.separates.iter().map(Separation::from).collect(),
            turn: cause.turn.as_ref().map(Turn::from),
        }
    }
}

/// The findings of a cause.
#[derive(Serialize, JsonSchema)]
struct CauseFindings {
    count: u64,
    /// The first of them in this report: indices into `findings`, or into the lines with findings, from 0.
    examples: Vec<usize>,
}

/// The clients with failures.
#[derive(Serialize, JsonSchema)]
struct Clients {
    count: u64,
    /// At most five of their addresses.
    examples: Vec<String>,
    /// The longest network prefix that contains all of them; null for a single client.
    prefix: Option<String>,
}

impl From<&record::Clients> for Clients {
    fn from(clients: &record::Clients) -> Self {
        Self {
            count: clients.count,
            examples: clients.examples.iter().map(ToString::to_string).collect(),
            prefix: clients.prefix.map(|prefix| prefix.to_string()),
        }
    }
}

/// A difference between failures and what worked.
#[derive(Serialize, JsonSchema)]
struct Separation {
    by: By,
    /// The value of all failures, or of at least 95 % of them.
    failed_value: String,
    /// The value of what worked.
    worked_value: String,
    /// Failures with `failed_value`.
    failed: u64,
    /// What worked with `worked_value`; at least three.
    worked: u64,
}

impl From<&record::Separation> for Separation {
    fn from(separation: &record::Separation) -> Self {
        Self {
            by: separation.by.into(),
            failed_value: printable_str(&separation.failed_value),
            worked_value: printable_str(&separation.worked_value),
            failed: separation.failed,
            worked: separation.worked,
        }
    }
}

/// The property by which transfers and sessions are compared.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum By {
    Mode,
    Server,
    Client,
    ClientNetwork,
    Family,
    Protection,
    Direction,
    Size,
    PortRange,
    ClientSoftware,
    ServerSoftware,
    GatewayMac,
    Vlan,
    Point,
}

impl From<record::Trait> for By {
    fn from(by: record::Trait) -> Self {
        match by {
            record::Trait::Mode => Self::Mode,
            record::Trait::Server => Self::Server,
            record::Trait::Client => Self::Client,
            record::Trait::ClientNetwork => Self::ClientNetwork,
            record::Trait::Family => Self::Family,
            record::Trait::Protection => Self::Protection,
            record::Trait::Direction => Self::Direction,
            record::Trait::Size => Self::Size,
            record::Trait::PortRange => Self::PortRange,
            record::Trait::ClientSoftware => Self::ClientSoftware,
            record::Trait::ServerSoftware => Self::ServerSoftware,
            record::Trait::GatewayMac => Self::GatewayMac,
            record::Trait::Vlan => Self::Vlan,
            record::Trait::Point => Self::Point,
        }
    }
}

/// When it began to fail.
#[derive(Serialize, JsonSchema)]
struct Turn {
    /// The first failure, RFC 3339.
    at: String,
    /// Comparable ones that worked before it; none worked afterwards.
    before_worked: u64,
    /// Failures from then on.
    after_failed: u64,
    /// What happened shortly before: a hint, not a proof.
    lead: Option<String>,
}

impl From<&record::Turn> for Turn {
    fn from(turn: &record::Turn) -> Self {
        Self {
            at: time::rfc3339(turn.at),
            before_worked: turn.before_worked,
            after_failed: turn.after_failed,
            lead: turn.lead.as_deref().map(printable_str),
        }
    }
}
