//! Whoever attends a run at a terminal: sees on standard error what the run complains of, and how far it is.

use std::io;

pub(super) use crate::cli::Progress;
use crate::cli::{write_error, write_note};

/// Says what is wrong and what to do, if there is something; both without full stop.
pub(super) fn complain(message: &str, help: Option<&str>) {
    // When standard error is gone too, the exit status remains.
    let _ = write_error(&mut io::stderr(), false, message, help);
}

/// Says what is not taken for an error.
pub(super) fn note(message: &str) {
    // The report remains.
    let _ = write_note(&mut io::stderr(), message);
}
