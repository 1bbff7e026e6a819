//! What standard output is.

use std::io::{IsTerminal, stdout};

/// What standard output is, for what the arguments leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it is a terminal.
    pub terminal: bool,
    /// The terminal's columns.
    pub width: Option<usize>,
    /// Whether it wants colours: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM` have been asked.
    pub color: bool,
}

impl Terminal {
    /// A file or a pipe.
    pub const NONE: Self = Self { terminal: false, width: None, color: false };

    /// Asks standard output and the environment.
    pub fn of_stdout() -> Self {
        let terminal = stdout().is_terminal();
        // Only the terminal itself is asked: a pipe is as wide everywhere, wherever the other streams lead.
        let width = terminal.then(|| terminal_size::terminal_size_of(stdout())).flatten();
        Self {
            terminal,
            width: width.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0),
            color: anstream::AutoStream::choice(&stdout()) != anstream::ColorChoice::Never,
        }
    }
}
