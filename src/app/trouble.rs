//! Why a command cannot do what is asked.

use std::io;
use std::path::PathBuf;

use super::output::Failure;
use crate::source::{FilterError, reason};

/// Why a run came to no end.
pub(super) enum Trouble {
    Filter(FilterError),
    /// Standard output, or a pipe whose reader has gone.
    Output(io::Error),
    /// Standard output, for something that is no report.
    Print(io::Error),
    /// A file that could not be read or written, and the reason.
    File {
        doing: &'static str,
        path: PathBuf,
        reason: String,
    },
    /// What is asked for cannot be done, and why.
    Refused(String),
}

impl std::fmt::Display for Trouble {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Filter(error) => error.fmt(f),
            Self::Output(error) => write!(f, "could not write the report: {}", reason(error)),
            Self::Print(error) => write!(f, "could not write to standard output: {}", reason(error)),
            Self::Refused(why) => f.write_str(why),
            Self::File { doing, path, reason } => write!(f, "could not {doing} {}: {reason}", path.display()),
        }
    }
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        match Failure::within(&error) {
            Some(Failure { path, reason }) => Self::File { doing: "write", path: path.clone(), reason: reason.clone() },
            None => Self::Output(error),
        }
    }
}
