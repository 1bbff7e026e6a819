//! Colours, by what is coloured.

use anstyle::{AnsiColor, Effects, Style as Ansi};

use super::Style;
use crate::finding::Severity;

/// What a piece of text is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Error,
    Warning,
    Info,
    /// The gutter of a block, and what is drawn.
    Gutter,
    Strong,
    Dim,
    /// A result without a fault.
    Good,
}

impl Ink {
    pub(super) fn of(severity: Severity) -> Self {
        match severity {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Info,
            Severity::Quality => Self::Dim,
        }
    }

    fn ansi(self) -> Ansi {
        let bold = |color: AnsiColor| color.on_default() | Effects::BOLD;
        match self {
            Self::Error => bold(AnsiColor::BrightRed),
            Self::Warning => bold(AnsiColor::Yellow),
            Self::Info => bold(AnsiColor::Cyan),
            Self::Gutter => bold(AnsiColor::BrightBlue),
            Self::Strong => Ansi::new() | Effects::BOLD,
            Self::Dim => Ansi::new() | Effects::DIMMED,
            Self::Good => bold(AnsiColor::Green),
        }
    }
}

impl Style {
    /// `text`, which must be safe already, in colour if colours are on.
    pub(super) fn paint(&self, ink: Ink, text: &str) -> String {
        if !self.color || text.is_empty() {
            return text.to_owned();
        }
        let ansi = ink.ansi();
        format!("{ansi}{text}{ansi:#}")
    }
}
