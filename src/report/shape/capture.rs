//! The inputs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::record;
use crate::report::collect::path_of;
use crate::report::{link_type, time};
use crate::source;
use crate::text::printable_str;

/// An input.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Capture {
    id: u32,
    /// The path as given; `-` is standard input.
    path: String,
    /// `pcap`, `pcapng` and others, with ` + gzip` or the like if it is compressed.
    format: String,
    packets: u64,
    /// Time of the earliest frame, RFC 3339.
    first: Option<String>,
    /// Time of the latest frame, RFC 3339.
    last: Option<String>,
    /// Whether it was read to its end.
    complete: bool,
    interfaces: Vec<Interface>,
    /// When a live capture lost packets.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    gaps: Vec<Gap>,
}

impl From<&source::Capture> for Capture {
    fn from(capture: &source::Capture) -> Self {
        Self {
            id: capture.id.0,
            path: path_of(capture),
            format: printable_str(&capture.format),
            packets: capture.packets,
            first: capture.first.map(time::rfc3339),
            last: capture.last.map(time::rfc3339),
            complete: capture.is_complete(),
            interfaces: capture.interfaces.iter().map(Interface::from).collect(),
            gaps: capture.gaps.iter().map(Gap::from).collect(),
        }
    }
}

/// A span of time in which a live capture lost packets.
#[derive(Serialize, JsonSchema)]
struct Gap {
    /// RFC 3339.
    from: String,
    /// RFC 3339.
    until: String,
    /// Packets counted as dropped.
    packets: u64,
    /// Whether an interface was down or gone, so that nothing could be counted.
    away: bool,
}

impl From<&source::Gap> for Gap {
    fn from(gap: &source::Gap) -> Self {
        Self { from: time::rfc3339(gap.from), until: time::rfc3339(gap.until), packets: gap.packets, away: gap.away }
    }
}

/// An input that could not be read, or only in part. The exit status is then 2, unless `allowed`.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Unreadable {
    /// The path as given or found; `-` is standard input.
    path: String,
    /// What is wrong with it.
    why: String,
    /// Whether `--allow-unreadable` names it.
    allowed: bool,
}

impl From<&record::Unreadable> for Unreadable {
    fn from(input: &record::Unreadable) -> Self {
        Self { path: input.path(), why: printable_str(&input.why), allowed: input.allowed }
    }
}

/// An interface of a capture.
#[derive(Serialize, JsonSchema)]
struct Interface {
    /// Its id in Wireshark.
    id: u32,
    name: Option<String>,
    /// The link type by its name in tcpdump, or its number if it has none.
    link_type: String,
    /// Packets dropped, as counted in the capture; null if it does not say.
    dropped: Option<u64>,
}

impl From<&source::Interface> for Interface {
    fn from(interface: &source::Interface) -> Self {
        Self {
            id: interface.id.0,
            name: interface.name.as_deref().map(printable_str),
            link_type: link_type::name(interface.link_type).into_owned(),
            dropped: interface.dropped,
        }
    }
}
