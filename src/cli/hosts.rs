//! `ftpwhy hosts`: the inventory.

use std::path::PathBuf;

use clap::Args;

use super::input::InputArguments;
use super::layout::{PlainArguments, TextOrJson, TimeArguments};
use super::{HostsOptions, Terminal};
use crate::report::Style;

/// List the hosts of a capture: MAC, addresses, interface, role, and how each is known
///
/// The diagnoses about hosts, interfaces and MACs use this list.
#[derive(Args)]
pub(super) struct Hosts {
    #[command(flatten)]
    input: InputArguments,

    /// How to write the list
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    format: TextOrJson,

    #[command(flatten)]
    plain: PlainArguments,

    #[command(flatten)]
    time: TimeArguments,
}

impl Hosts {
    pub(super) fn into_options(self, terminal: &Terminal, config: Option<PathBuf>) -> HostsOptions {
        HostsOptions {
            input: self.input.into_input(config),
            json: self.format == TextOrJson::Json,
            style: Style { time: self.time.style(), ..self.plain.into_style(terminal) },
        }
    }
}
