//! Trouble that is under way.

use schemars::JsonSchema;
use serde::Serialize;

use crate::record;
use crate::text::printable_str;

/// SYNs of a data connection that nobody has answered yet.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Pending {
    session: u32,
    /// Null if no transfer was requested yet.
    transfer: Option<u32>,
    /// The command that needs the data connection; null if it is encrypted.
    command: Option<String>,
    state: State,
    /// What is wrong, as a sentence.
    message: String,
    /// The diagnosis, if it has failed; otherwise null.
    by: Option<&'static str>,
    /// Why it was withdrawn; otherwise null.
    why: Option<String>,
    syns: u32,
    /// From the first SYN to the last.
    seconds: f64,
    /// Sender of the SYNs, address and port.
    from: String,
    /// Their destination, address and port.
    to: String,
    capture: u32,
    /// The SYNs, or the first of very many.
    frames: Vec<u64>,
}

/// The state of a pending problem.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum State {
    /// Nobody has answered.
    Open,
    /// It has failed, with the diagnosis in `by`.
    Ended,
    /// It is no longer a problem.
    Withdrawn,
}

impl From<&record::Pending> for Pending {
    fn from(pending: &record::Pending) -> Self {
        let (state, by, why) = match &pending.state {
            record::State::Open => (State::Open, None, None),
            record::State::Ended(by) => (State::Ended, Some(by.as_str()), None),
            record::State::Withdrawn(why) => (State::Withdrawn, None, Some(printable_str(why))),
        };
        Self {
            session: pending.session.0,
            transfer: pending.transfer.map(|id| id.0),
            command: pending.command.as_deref().map(printable_str),
            state,
            message: format!("{}: {}", printable_str(&pending.subject()), pending.matter()),
            by,
            why,
            syns: pending.syns,
            seconds: pending.seconds,
            from: pending.from.to_string(),
            to: pending.to.to_string(),
            capture: pending.frames.first().map_or(0, |first| first.capture.0),
            frames: pending.frames.iter().map(|at| at.number.0).collect(),
        }
    }
}
