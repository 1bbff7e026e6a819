//! How a client turns away from what it asked for before it was answered or used: the sign that it had waited in vain.

use crate::frame::Stamp;
use crate::ftp::Verb;

/// What the client does instead of waiting any longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// ABOR.
    Abor,
    /// Another PORT, PASV or kin.
    Endpoint,
    /// USER or REIN: it begins anew.
    Login,
    /// QUIT.
    Quit,
    /// It closes the control connection.
    Closed,
    /// It resets the control connection.
    Reset,
}

impl Sign {
    /// What a command is the sign of.
    pub fn of(verb: Verb) -> Option<Self> {
        match verb {
            Verb::Abor => Some(Self::Abor),
            Verb::User | Verb::Rein => Some(Self::Login),
            Verb::Quit => Some(Self::Quit),
            verb if verb.is_endpoint() => Some(Self::Endpoint),
            _ => None,
        }
    }

    /// Whether it tells of itself that something went wrong. Whoever merely leaves may have wanted nothing more.
    pub fn is_a_complaint(self) -> bool {
        matches!(self, Self::Abor | Self::Endpoint | Self::Login)
    }
}

/// A client's turning away from an offer or a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departure {
    /// The frame that shows it.
    pub at: Stamp,
    /// What it was.
    pub sign: Sign,
    /// The same, as it is shown: `QUIT`, `FIN`.
    pub how: String,
}
