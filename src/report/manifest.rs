//! What is known of a thinned file without reading it, as one line of JSON.

use std::path::PathBuf;

use serde::Serialize;

use super::time::rfc3339;
use crate::source::Capture;
use crate::text::printable_str;

/// A thinned file and the capture that it was made from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The file of the capture; nothing where it must not be named.
    pub source: Option<PathBuf>,
    /// The name that `--point` gives where it was captured.
    pub tap: Option<String>,
    /// Bytes of the thinned file.
    pub size: u64,
    /// Their SHA-256 in hexadecimal digits.
    pub sha256: String,
}

/// The line.
#[derive(Serialize)]
struct Line<'a> {
    source: Option<String>,
    tap: Option<&'a str>,
    version: &'static str,
    size: u64,
    sha256: &'a str,
    packets: u64,
    first: Option<String>,
    last: Option<String>,
    damage: Option<String>,
}

impl Manifest {
    /// The line of JSON, with its end; `capture` has been read to its end.
    pub fn line(&self, capture: &Capture) -> String {
        let line = Line {
            source: self.source.as_ref().map(|path| printable_str(&path.to_string_lossy())),
            tap: self.tap.as_deref(),
            version: env!("CARGO_PKG_VERSION"),
            size: self.size,
            sha256: &self.sha256,
            packets: capture.packets,
            first: capture.first.map(rfc3339),
            last: capture.last.map(rfc3339),
            damage: capture.damage.as_ref().map(|damage| printable_str(&damage.what)),
        };
        serde_json::to_string(&line).unwrap_or_default() + "\n"
    }
}
