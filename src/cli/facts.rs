//! `ftpwhy facts`: what the kernel of this host knows.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Write what the kernel of this host knows and no packet shows: TIME-WAIT, listeners, addresses, routes
///
/// Writes one JSON document, to be used with --facts and a capture. Needs no privileges. It is about this network
/// namespace at this moment: TIME-WAIT lasts 60 seconds, so run it right after the failure. As root it also writes the
/// FTP helpers of nftables and the tracked FTP connections. It contains no process names, no environment and no
/// secrets.
#[derive(Args)]
pub(super) struct Facts {
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// List only TIME-WAIT connections with this address; may be repeated
    #[arg(long = "peer", value_name = "ADDR", help_heading = "Output")]
    peers: Vec<IpAddr>,
}

/// Everything `ftpwhy facts` can be told.
#[derive(Clone, Debug, PartialEq)]
pub struct FactsOptions {
    /// Where the document goes; standard output if `None`.
    pub output: Option<PathBuf>,
    /// The other ends of connections in TIME-WAIT that are wanted; all if empty.
    pub peers: Vec<IpAddr>,
    /// The file that settings were read from.
    pub config: Option<PathBuf>,
}

impl Facts {
    pub(super) fn into_options(self, config: Option<PathBuf>) -> FactsOptions {
        FactsOptions { output: self.output, peers: self.peers, config }
    }
}
