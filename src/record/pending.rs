//! Trouble of a transfer that is still under way.

use std::net::SocketAddr;

use crate::finding::{DiagnosisName, SessionId, TransferId};
use crate::frame::Stamp;

/// SYNs of a data connection that nobody has answered yet. Only of captures that are judged while they go on.
#[derive(Clone, Debug, PartialEq)]
pub struct Pending {
    /// The session.
    pub session: SessionId,
    /// The transfer, once its command is there.
    pub transfer: Option<TransferId>,
    /// The command that the data connection is for: `RETR`, or `PASV` as long as no transfer was asked for; none where it
    /// is encrypted.
    pub command: Option<String>,
    /// Sender of the SYNs.
    pub from: SocketAddr,
    /// Their destination.
    pub to: SocketAddr,
    /// The SYNs.
    pub frames: Vec<Stamp>,
    /// How many they are; of very many `frames` has some.
    pub syns: u32,
    /// Seconds from the first to the last.
    pub seconds: f64,
    /// How it stands.
    pub state: State,
}

/// How pending trouble stands. What is open is told again with every further SYN, until it is told once how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody has answered.
    Open,
    /// It has failed: the finding that says so.
    Ended(DiagnosisName),
    /// It was none, or is not told of further: why, a sentence part.
    Withdrawn(String),
}

impl Pending {
    /// What it is about: `session 3 RETR`.
    pub fn subject(&self) -> String {
        let command = self.command.as_ref().map_or_else(String::new, |command| format!(" {command}"));
        format!("session {}{command}", self.session.0)
    }

    /// What is the matter: `4 SYNs unanswered for 7 s`.
    pub fn matter(&self) -> String {
        format!("{} SYNs unanswered for {:.0} s", self.syns, self.seconds)
    }
}
