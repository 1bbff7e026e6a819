//! Gives frames in capture order, from files, standard input or (later) an interface.
//!
//! The only user of `pcap` and `pcap-parser`, and the only reader of the clock. Knows nothing of what frames carry.

mod version;

use std::net::IpAddr;
use std::path::PathBuf;

pub use version::libpcap_version;

use crate::frame::{CaptureId, InterfaceId, LinkType, Timestamp};

/// What a capture says of itself; complete when its last frame has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Identity.
    pub id: CaptureId,
    /// As it was named; `-` is standard input.
    pub path: PathBuf,
    /// `pcap`, `pcap (ns)`, `pcap (modified)`, `pcapng`, with ` + gzip` and the like.
    pub format: String,
    /// Frames read so far.
    pub packets: u64,
    /// Time of the earliest frame.
    pub first: Option<Timestamp>,
    /// Time of the latest frame.
    pub last: Option<Timestamp>,
    /// Why reading stopped early, if it did.
    pub damage: Option<Damage>,
    /// The interfaces seen so far, in the order of Wireshark's interface ids.
    pub interfaces: Vec<Interface>,
    /// Timestamps that run backwards within one interface by more than 1 ms: the first few, as (frame before, frame).
    pub backwards: Vec<(crate::frame::Stamp, crate::frame::Stamp)>,
}

/// Where and how a capture is damaged or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset in the (decompressed) file.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
}

/// An interface of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Identity within the capture.
    pub id: InterfaceId,
    /// `if_name`, printable.
    pub name: Option<String>,
    /// Link type.
    pub link_type: LinkType,
    /// Snap length; 0 is no limit.
    pub snap_len: u32,
    /// `if_IPv4addr` and `if_IPv6addr`.
    pub addresses: Vec<IpAddr>,
    /// Packets that the interface statistics count as dropped (`isb_ifdrop`, `isb_osdrop`); `None` when not stated.
    pub dropped: Option<u64>,
}
