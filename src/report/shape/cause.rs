//! What findings have in common.

use schemars::JsonSchema;
use serde::Serialize;

use crate::record;
use crate::report::time;
use crate::report::words::{Confidence, Severity};
use crate::text::printable_str;

/// Findings of one diagnosis whose remedy is about the same thing.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Cause {
    /// From 1, in the order in which causes first show; findings carry it.
    id: u32,
    diagnosis: &'static str,
    /// The highest of its findings.
    severity: Severity,
    /// The highest of its findings.
    confidence: Confidence,
    /// What its remedy is about: `server 10.2.0.20:21`, `client 10.1.0.10`.
    locus: String,
    message: String,
    findings: CauseFindings,
    /// Transfers that failed by it; sessions where it is none of transfers.
    failed: u64,
    /// Those that could have failed alike, the failed ones and those that worked included.
    comparable: u64,
    /// Sessions with a finding of it.
    sessions: u64,
    /// Address and port of the servers of what failed, at most five.
    servers: Vec<String>,
    clients: Clients,
    /// When it showed first, RFC 3339.
    first: String,
    /// When it showed last, RFC 3339.
    last: String,
    /// What tells what failed from what worked, the clearest first; empty where nothing does.
    separates: Vec<Separation>,
    /// Since when it fails; null where it failed from the start, or also worked afterwards.
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
    /// The first of them that the report holds: indices into `findings`, or of the lines with findings, from 0.
    examples: Vec<usize>,
}

/// The clients of what failed.
#[derive(Serialize, JsonSchema)]
struct Clients {
    count: u64,
    /// At most five of their addresses.
    examples: Vec<String>,
    /// The longest prefix that holds all of them; null for a single one.
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

/// What tells failures from what worked.
#[derive(Serialize, JsonSchema)]
struct Separation {
    by: By,
    /// What all failures have, or at least 95 % of them.
    failed_value: String,
    /// What those have that worked.
    worked_value: String,
    /// Failures with the first.
    failed: u64,
    /// What worked with the second; at least three.
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

/// What transfers and sessions are compared by.
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

/// Since when it fails.
#[derive(Serialize, JsonSchema)]
struct Turn {
    /// The first failure, RFC 3339.
    at: String,
    /// What was alike and worked before; nothing of it worked afterwards.
    before_worked: u64,
    /// What failed from then on.
    after_failed: u64,
    /// What happened shortly before: a lead, no proof.
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
