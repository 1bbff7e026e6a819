//! What `live` and `run` capture.

use clap::Args;

use crate::source::live::Scope;

/// The options, in the order of the help.
#[derive(Args)]
pub(super) struct ScopeArguments {
    /// Also treat these ports as FTP control, as in 2121,2122
    #[arg(
        long = "port",
        value_name = "PORT",
        value_delimiter = ',',
        value_parser = clap::value_parser!(u16).range(1..),
        help_heading = "Capture"
    )]
    ports: Vec<u16>,

    /// Find control connections on any port, by their content
    #[arg(long, help_heading = "Capture")]
    any_port: bool,

    /// Keep data connections whole, for their TLS handshakes
    #[arg(long, help_heading = "Capture")]
    full_data: bool,
}

impl From<ScopeArguments> for Scope {
    fn from(ScopeArguments { ports, any_port, full_data }: ScopeArguments) -> Self {
        Self { ports, any_port, full_data }
    }
}
