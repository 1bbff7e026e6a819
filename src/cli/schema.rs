//! `ftpwhy schema`: print a JSON Schema.

use clap::{Args, ValueEnum};

/// Print the JSON Schema of --format json, or of the facts of a host
///
/// A line of --format ndjson is described by #/$defs/Line of the schema of the report.
#[derive(Args)]
pub(super) struct Schema {
    /// Which schema to print
    #[arg(value_name = "DOCUMENT", default_value = "report")]
    document: DocumentName,
}

#[derive(Clone, Copy, ValueEnum)]
enum DocumentName {
    /// The report of --format json
    Report,
    /// The facts of ftpwhy facts
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
