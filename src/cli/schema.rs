//! `ftpwhy schema`: print a JSON Schema.

use clap::{Args, ValueEnum};

/// Print the JSON Schema of --format json, or of the facts of a host
///
/// A line of --format ndjson is #/$defs/Line of the first one.
#[derive(Args)]
pub(super) struct Schema {
    /// Whose schema
    #[arg(value_name = "DOCUMENT", default_value = "report")]
    document: DocumentName,
}

#[derive(Clone, Copy, ValueEnum)]
enum DocumentName {
    /// What --format json writes
    Report,
    /// What ftpwhy facts writes
    Facts,
}

/// A document that has a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Document {
    /// The report as JSON.
    Report,
    /// The facts of a host.
    Facts,
}

impl Schema {
    pub(super) fn document(&self) -> Document {
        match self.document {
            DocumentName::Report => Document::Report,
            DocumentName::Facts => Document::Facts,
        }
    }
}
