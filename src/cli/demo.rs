//! `ftpwhy demo`: a first look.

use clap::Args;

use super::Terminal;
use super::layout::{PlainArguments, TimeArguments};
use crate::report::Style;

/// Analyse an example capture that is part of the program
///
/// The second LIST of its session fails with 425. The report is as long as on a terminal.
#[derive(Args)]
pub(super) struct Demo {
    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,
}

impl Demo {
    pub(super) fn into_style(self, terminal: &Terminal) -> Style {
        Style { time: self.time.style(), ..self.plain.into_style(terminal) }
    }
}
