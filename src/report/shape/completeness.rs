//! Whether a run was complete.

use schemars::JsonSchema;
use serde::Serialize;

use crate::record::{Interruption, Summary};
use crate::report::interrupted::interrupted_by;
use crate::source::Capture;

/// Whether the report covers all of its inputs.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Completeness {
    /// Whether every input was read to its end, except those that `--allow-unreadable` names.
    complete: bool,
    /// The signal that stopped the run early; null for a complete run.
    interrupted: Option<Interrupted>,
}

/// What stopped a run early.
#[derive(Serialize, JsonSchema)]
struct Interrupted {
    /// `SIGINT`, `SIGTERM` or `SIGHUP`.
    signal: &'static str,
    /// Inputs that were not read at all; they are not in `captures`.
    not_read: u64,
    /// The same as a sentence.
    message: String,
}

impl Completeness {
    pub(in crate::report) fn of(summary: &Summary, captures: &[Capture]) -> Self {
        let told = |interruption: Interruption| Interrupted {
            signal: interruption.signal.name(),
            not_read: interruption.not_read,
            message: interrupted_by(&interruption, captures),
        };
        let allowed =
            |capture: &Capture| summary.unreadable.iter().any(|input| input.allowed && input.path == capture.file());
        let all_read = captures.iter().all(|capture| capture.is_complete() || allowed(capture));
        Self {
            complete: summary.interrupted.is_none() && summary.is_all_read() && all_read,
            interrupted: summary.interrupted.map(told),
        }
    }
}
