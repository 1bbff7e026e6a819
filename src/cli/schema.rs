//! `ftpwhy schema`: print the JSON Schema.

use clap::Args;

/// Print the JSON Schema of --format json; a line of --format ndjson is its #/$defs/Line
#[derive(Args)]
pub(super) struct Schema {}
