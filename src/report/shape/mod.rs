//! The JSON interface, schema 1: its own types, made from records and findings.
//!
//! Domain types may change their shape, these may only grow. Text is printable here, PASS and ACCT never arrive.

mod capture;
mod cause;
mod completeness;
mod finding;
mod host;
mod pending;
mod point;
mod rule;
mod session;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, Serializer};

pub(super) use capture::{Capture, Unreadable};
pub(super) use cause::Cause;
pub(super) use completeness::Completeness;
pub(super) use finding::Finding;
pub(super) use host::{Host, Inventory};
pub(super) use pending::Pending;
pub(super) use point::Point;
pub(super) use rule::{Rule, Rules};
pub(super) use session::Session;

use super::time;
use crate::finding::DiagnosisName;
use crate::frame::Stamp;
use crate::record;

/// The version of this interface.
pub(super) const SCHEMA: u32 = 1;

/// What ftpwhy concluded from one or more captures.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "ftpwhy report")]
pub(super) struct Report<'a> {
    /// The version of this interface.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: u32,
    pub(super) tool: Tool,
    /// How several inputs were grouped; empty for a single file.
    pub(super) grouping: Vec<String>,
    #[serde(flatten)]
    pub(super) completeness: Completeness,
    pub(super) captures: Vec<Capture>,
    /// Inputs that could not be read, or only in part.
    pub(super) unreadable: Vec<Unreadable>,
    /// The capture points; absent unless an incident was captured at several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) points: Vec<Point>,
    pub(super) sessions: Each<'a, record::SessionRecord, Session>,
    pub(super) findings: Each<'a, crate::finding::Finding, Finding>,
    /// The causes that findings have in common, in order of their ids.
    pub(super) causes: Each<'a, record::Cause, Cause>,
    pub(super) summary: Summary,
}

/// A list of which one at a time is made while it is written: there may be very many.
pub(super) struct Each<'a, T, S> {
    pub(super) of: &'a [T],
    pub(super) shape: &'a dyn Fn(&'a T) -> S,
}

impl<T, S: Serialize> Serialize for Each<'_, T, S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        serializer.collect_seq(self.of.iter().map(self.shape))
    }
}

impl<T, S: JsonSchema> JsonSchema for Each<'_, T, S> {
    fn inline_schema() -> bool {
        Vec::<S>::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        Vec::<S>::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<S>::json_schema(generator)
    }
}

/// One line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
#[schemars(title = "ftpwhy report, one line")]
pub(super) enum Line {
    /// The first line.
    Meta(Meta),
    /// A session that has ended, or a part of a long one; all its transfers are judged.
    Session(Session),
    /// A finding. Findings of a session come after the line of the session.
    Finding(Finding),
    /// An earlier finding that is no longer valid: later packets led to another diagnosis, or to none.
    Superseded(Superseded),
    /// A problem that has not ended, in captures that are analysed while they grow. Repeated while it lasts, and
    /// written once more when it has ended.
    Pending(Pending),
    /// A cause that findings have in common: one line for each, before the last line.
    Cause(Cause),
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
    /// How several inputs were grouped; empty for a single file.
    pub(super) grouping: Vec<String>,
}

/// The last line of `--format ndjson`.
#[derive(Serialize, JsonSchema)]
pub(super) struct Closing {
    #[serde(flatten)]
    pub(super) completeness: Completeness,
    pub(super) captures: Vec<Capture>,
    /// Inputs that could not be read, or only in part.
    pub(super) unreadable: Vec<Unreadable>,
    /// The capture points; absent unless an incident was captured at several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub(super) points: Vec<Point>,
    #[serde(flatten)]
    pub(super) summary: Summary,
}

/// Withdraws an earlier finding.
#[derive(Serialize, JsonSchema)]
pub(super) struct Superseded {
    /// The diagnosis of that finding.
    diagnosis: &'static str,
    session: Option<u32>,
    /// Its transfer; null if it was written before its transfer began.
    transfer: Option<u32>,
    /// Its hosts; empty if it was about a session.
    hosts: Vec<String>,
    /// The diagnosis that replaces it, which is the same one if only its role, confidence or counts changed; null if
    /// none replaces it.
    by: Option<&'static str>,
}

impl From<&record::Superseded> for Superseded {
    fn from(superseded: &record::Superseded) -> Self {
        Self {
            diagnosis: superseded.diagnosis.as_str(),
            session: superseded.session.map(|id| id.0),
            transfer: superseded.transfer.map(|id| id.0),
            hosts: superseded.hosts.iter().map(ToString::to_string).collect(),
            by: superseded.by.map(DiagnosisName::as_str),
        }
    }
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

/// A frame, with its number in Wireshark.
#[derive(Serialize, JsonSchema)]
struct Frame {
    capture: u32,
    #[serde(rename = "frame")]
    number: u64,
    /// RFC 3339.
    time: String,
}

impl From<Stamp> for Frame {
    fn from(stamp: Stamp) -> Self {
        Self { capture: stamp.capture.0, number: stamp.number.0, time: time::rfc3339(stamp.time) }
    }
}

/// Totals of the run. Findings with the role `related` are not counted.
#[derive(Serialize, JsonSchema)]
pub(super) struct Summary {
    transfers: u64,
    failed: u64,
    error: u64,
    warning: u64,
    info: u64,
    quality: u64,
    /// How many findings are counted but not shown (`--max-findings`); absent if all are shown.
    #[serde(skip_serializing_if = "is_none")]
    #[schemars(default)]
    left_out: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl From<&record::Summary> for Summary {
    fn from(summary: &record::Summary) -> Self {
        let record::Summary { transfers, failed, error, warning, info, quality, left_out, .. } = *summary;
        Self { transfers, failed, error, warning, info, quality, left_out }
    }
}
