//! What is said of a cause in words.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::prefix;
use crate::record::{Cause, Clients};

/// Servers and clients that are named of a cause.
pub(super) const EXAMPLES: usize = 5;

/// `the data SYN got no answer: 183 transfers, server 10.2.0.20:21`
pub(super) fn message(cause: &Cause, summary: &str) -> String {
    let Cause { failed, findings, locus, .. } = cause;
    let unit = if cause.of_sessions { "session" } else { "transfer" };
    let (count, what) = if *failed > 0 { (failed, unit) } else { (findings, "finding") };
    format!("{summary}: {count} {what}{}, {locus}", if *count == 1 { "" } else { "s" })
}

/// The clients, by their number and some of them.
pub(super) fn clients(all: &BTreeSet<IpAddr>) -> Clients {
    Clients {
        count: all.len() as u64,
        examples: all.iter().copied().take(EXAMPLES).collect(),
        prefix: if all.len() > 1 { prefix::common(all.iter().copied()) } else { None },
    }
}
