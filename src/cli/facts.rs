//! `ftpwhy facts`: what the kernel of this host knows.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};

/// Write down what the kernel of this host knows and no packet shows: TIME-WAIT, listeners, addresses, routes
///
/// One JSON document, which --facts takes beside a capture. Needs no privilege. Holds for this network namespace and
/// for this moment: TIME-WAIT lasts 60 seconds, so run it right after the failure. As root also the FTP helpers of
/// nftables and the FTP connections that are tracked. No process names, no environment, no secrets.
#[derive(Args)]
pub(super) struct Facts {
    /// Write to FILE instead of standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,

    /// Of TIME-WAIT only connections with this address; may be repeated
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
