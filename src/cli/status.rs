//! One line on a terminal that says how things stand and goes before anything else is written.

use std::io::{IsTerminal, Write, stderr};

/// The line, on standard error.
#[derive(Debug)]
pub struct StatusLine {
    wanted: bool,
    shown: bool,
}

impl StatusLine {
    /// `wanted`: not with `--quiet`. Without a terminal it is never shown.
    pub fn new(wanted: bool) -> Self {
        Self { wanted: wanted && stderr().is_terminal(), shown: false }
    }

    /// Shows `text` in place of what stood there.
    pub fn show(&mut self, text: &str) {
        if self.wanted {
            self.shown = true;
            // A terminal that is gone is noticed where it matters.
            let _ = write!(stderr(), "\r\x1b[K{text}").and_then(|()| stderr().flush());
        }
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if self.shown {
            self.shown = false;
            let _ = write!(stderr(), "\r\x1b[K").and_then(|()| stderr().flush());
        }
    }
}
