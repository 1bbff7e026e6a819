//! `ftpwhy explain` and `ftpwhy rules`: what the program knows.

use clap::Args;

use super::input::pattern;
use super::layout::{PlainArguments, TextOrJson};
use super::{ExplainOptions, RulesOptions, Terminal};
use crate::diagnosis::selection::Pattern;

/// Explain a diagnosis: what it means, how it is recognised, what refutes it, what to do, where to read more
#[derive(Args)]
pub(super) struct Explain {
    /// The diagnosis as findings name it, or a glob as in 'time-wait-*'
    #[arg(value_name = "NAME", required = true, value_parser = pattern)]
    names: Vec<Pattern>,

    #[command(flatten)]
    plain: PlainArguments,
}

/// List all diagnoses with their severities
#[derive(Args)]
pub(super) struct Rules {
    /// How to write them; json holds the explanations too
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: TextOrJson,

    #[command(flatten)]
    plain: PlainArguments,
}

impl Explain {
    pub(super) fn into_options(self, terminal: &Terminal) -> ExplainOptions {
        ExplainOptions { patterns: self.names, style: self.plain.into_style(terminal) }
    }
}

impl Rules {
    pub(super) fn into_options(self, terminal: &Terminal) -> RulesOptions {
        RulesOptions { json: self.format == TextOrJson::Json, style: self.plain.into_style(terminal) }
    }
}
