//! What standard output is, or standard error.

#[cfg(all(feature = "live", target_os = "linux"))]
use std::io::stderr;
use std::io::stdout;

use anstream::stream::RawStream;

/// What standard output is, for what the arguments leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terminal {
    /// Whether it is a terminal.
    pub terminal: bool,
    /// The terminal's columns.
    pub width: Option<usize>,
    /// Whether it wants colours: `NO_COLOR`, `CLICOLOR`, `CLICOLOR_FORCE` and `TERM` have been asked.
    pub color: bool,
    /// Whether it is a terminal that shows links (OSC 8).
    pub links: bool,
}

impl Terminal {
    /// A file or a pipe.
    pub const NONE: Self = Self { terminal: false, width: None, color: false, links: false };

    /// Asks standard output and the environment.
    pub fn of_stdout() -> Self {
        Self::of(&stdout(), terminal_size::terminal_size_of(stdout()))
    }

    /// Asks standard error and the environment.
    #[cfg(all(feature = "live", target_os = "linux"))]
    pub(super) fn of_stderr() -> Self {
        Self::of(&stderr(), terminal_size::terminal_size_of(stderr()))
    }

    fn of<S: RawStream>(stream: &S, size: Option<(terminal_size::Width, terminal_size::Height)>) -> Self {
        let terminal = stream.is_terminal();
        // Only the terminal itself is asked: a pipe is as wide everywhere, wherever the other streams lead.
        let width = size.filter(|_| terminal);
        let color = anstream::AutoStream::choice(stream) != anstream::ColorChoice::Never;
        Self {
            terminal,
            width: width.map(|(columns, _)| usize::from(columns.0)).filter(|columns| *columns > 0),
            color,
            // Where it is piped on, FORCE_HYPERLINK is for others.
            links: terminal && color && supports_hyperlinks::supports_hyperlinks(),
        }
    }
}
