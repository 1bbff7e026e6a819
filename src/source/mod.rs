//! Gives frames in capture order, from files, standard input or an interface; and what this host says of itself.
//!
//! The only user of `pcap` and `pcap-parser`, and the only reader of the clock. Knows nothing of what frames carry.

#[cfg(feature = "fast-decompression")]
mod ahead;
mod block;
mod broken;
mod clock;
#[cfg(feature = "fast-decompression")]
#[cfg(test)]
mod decoders;
mod error;
mod file;
mod filter;
mod following;
mod format_error;
mod found;
mod frames;
mod gap;
mod given;
#[cfg(target_os = "linux")]
pub mod host;
mod identity;
mod input;
mod lean;
#[cfg(feature = "fast-decompression")]
mod libzstd;
#[cfg(all(feature = "live", target_os = "linux"))]
pub mod live;

pub mod name;
mod options;
mod pcap;
mod pcapng;
mod pipe;
mod record;
pub mod remarks;
mod reorder;
#[cfg(any(test, not(feature = "fast-decompression")))]
mod ruzstd;
mod sniff;
mod spool;
mod stop;
pub mod thinned;
mod timeline;
mod version;
mod window;
pub mod write;
mod zstd;

#[cfg(test)]
mod written;

use std::fs::File;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::decrypt::Keys;
use crate::frame::{CaptureId, InterfaceId, LinkType, Stamp, Timestamp};

pub use error::{OpenError, reason};
pub use filter::{FilterError, check as check_filter};
pub use following::{Came, Following};
pub use found::{has_a_capture, is_capture};
pub use gap::{Gap, Gaps};
pub use given::{Given, can_be_read_twice, give, open_named};
pub use remarks::{Annotations, Named, Remarks};
pub use spool::{is_cut as standard_input_is_cut, is_spooled, spool_standard_input};
pub use stop::{is_stopped, stop_when};
pub use timeline::{MAX_OPEN, Timeline};
pub use version::libpcap_version;

/// What a capture says of itself; complete when its last frame has been read.
#[derive(Clone, Debug, PartialEq)]
pub struct Capture {
    /// Identity.
    pub id: CaptureId,
    /// As it was named; `-` is standard input.
    pub path: PathBuf,
    /// `pcap`, `pcap (ns)`, `pcap (modified)`, `pcapng`, with ` + gzip` and the like.
    pub format: String,
    /// Frames read so far; blocks that only have a number are not among them.
    pub packets: u64,
    /// Time of the earliest frame.
    pub first: Option<Timestamp>,
    /// Time of the latest frame.
    pub last: Option<Timestamp>,
    /// The first thing wrong with the file; reading stops there, unless a single packet could be left out.
    pub damage: Option<Damage>,
    /// The interfaces seen so far, in the order of the file.
    pub interfaces: Vec<Interface>,
    /// Timestamps that run backwards within one interface by more than 1 ms: the first few, as (frame before, frame).
    pub backwards: Vec<(Stamp, Stamp)>,
    /// What it tells besides, to be written again.
    pub annotations: Annotations,
    /// The first capture of the timeline that it is part of.
    pub timeline: CaptureId,
    /// Whether reading was broken off before its end.
    pub unread: bool,
    /// When this program itself captured less than there was; a file counts what was dropped at its interfaces.
    pub gaps: Gaps,
    /// The keys that it carries itself.
    pub keys: Arc<Keys>,
}

impl Capture {
    /// Whether all that the file should hold, or the interfaces showed, was there and was read.
    pub fn is_complete(&self) -> bool {
        self.damage.is_none() && !self.unread && self.gaps.is_empty()
    }

    /// Why it counts as unreadable, once it has been read: no packet of it could be, or the rest was there and could not.
    /// One that is damaged behind a packet is readable as far as it goes.
    pub fn unreadable(&self) -> Option<OpenError> {
        let Damage { offset, what, failed, .. } = self.damage.as_ref()?;
        let what = match (self.packets, failed) {
            (0, true) => what.clone(),
            (0, false) => format!("it is damaged at byte {offset}, before its first packet: {what}"),
            (packets, true) => format!("packets after the first {packets} are missing: {what}"),
            (_, false) => return None,
        };
        Some(OpenError::new(self.file(), what))
    }

    /// The file it is read from: another one than its own where that was thinned.
    pub fn file(&self) -> &Path {
        self.annotations.thinned.as_ref().map_or(&self.path, |thinned| &thinned.file)
    }

    /// How many captures its file holds: several where they were thinned into one.
    fn parts(&self) -> u32 {
        let sources = self.annotations.thinned.as_ref().map_or(1, |thinned| thinned.sources.len());
        u32::try_from(sources).unwrap_or(u32::MAX).max(1)
    }

    /// Books damage: the first is told, unless there is more to read behind it that could not be had.
    fn spoil(&mut self, damage: Damage) {
        if damage.failed || self.damage.is_none() {
            self.damage = Some(damage);
        }
    }

    /// Nothing of it could be read when it was due, whatever had been seen of it before.
    fn lose(&mut self, what: String) {
        (self.packets, self.first, self.last) = (0, None, None);
        self.damage = Some(Damage::failed(0, what));
    }
}

/// Where and how a capture is damaged or cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Byte offset in the (decompressed) file.
    pub offset: u64,
    /// What is wrong there.
    pub what: String,
    /// Whether the file is not to blame: the system failed to read it, or it changed while it was read.
    pub failed: bool,
    /// The last packet before it, whether a filter lets that pass or not.
    pub after: Option<Stamp>,
}

impl Damage {
    /// Damage of the file itself.
    pub fn new(offset: u64, what: impl Into<String>) -> Self {
        Self { offset, what: what.into(), failed: false, after: None }
    }

    /// A file that could not be read on.
    fn failed(offset: u64, what: impl Into<String>) -> Self {
        Self { failed: true, ..Self::new(offset, what) }
    }
}

/// An interface of a capture.
#[derive(Clone, Debug, PartialEq)]
pub struct Interface {
    /// Identity within the capture: its place in [`Capture::interfaces`].
    pub id: InterfaceId,
    /// The pcapng section that describes it, from 1 (Wireshark's `frame.section_number`); 1 for other formats.
    pub section: u32,
    /// Its number within the section, from 0 (Wireshark's `frame.interface_id`, which every section restarts).
    pub in_section: u32,
    /// `if_name`, printable.
    pub name: Option<String>,
    /// `if_description`, printable.
    pub description: Option<String>,
    /// Link type.
    pub link_type: LinkType,
    /// Snap length; 0 is no limit.
    pub snap_len: u32,
    /// `if_filter`: the capture filter that stood before it, if that is text; printable.
    pub filter: Option<String>,
    /// `if_IPv4addr` and `if_IPv6addr`.
    pub addresses: Vec<IpAddr>,
    /// The lengths of their prefixes in the same order, where they are told.
    pub prefixes: Vec<u8>,
    /// Packets that the interface statistics count as dropped (`isb_ifdrop`, `isb_osdrop`); `None` when not stated.
    pub dropped: Option<u64>,
    /// What is told of it besides, to be written again.
    pub remarks: Remarks,
}

impl Interface {
    /// An interface of which only the link type is known.
    pub fn new(id: InterfaceId, link_type: LinkType) -> Self {
        Self {
            id,
            section: 1,
            in_section: 0,
            name: None,
            description: None,
            link_type,
            snap_len: 0,
            filter: None,
            addresses: Vec::new(),
            prefixes: Vec::new(),
            dropped: None,
            remarks: Remarks::default(),
        }
    }

    /// Whether segments that carry nothing but payload were left out on purpose, except those of control connections.
    pub fn hides_payload(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| filter.contains(WITHOUT_PAYLOAD))
    }

    /// Whether its filter is this program's own, which leaves no SYN out: one that is not there was not sent past it.
    pub fn shows_every_syn(&self) -> bool {
        self.filter.as_ref().is_some_and(|filter| SHOWS_SYNS.iter().any(|part| filter.contains(part)))
    }
}

/// The parts of this program's own filters by which SYNs pass: as what opens or closes a connection, or with all of TCP.
const SHOWS_SYNS: [&str; 2] =
    ["(ip and tcp and (tcp[13] & 7 != 0 or ", "(ip6 and ip6[6] != 6 and ip6[6] != 17) or tcp"];

/// The part of a capture filter by which tcpdump's users take IPv4 segments without payload (pcap-filter(7)).
const WITHOUT_PAYLOAD: &str = "ip[2:2] - ((ip[0] & 0xf) << 2) - ((tcp[12] & 0xf0) >> 2) = 0";

/// Whether standard input is a file, which keeps nobody waiting and can be read again.
pub fn standard_input_is_a_file() -> bool {
    input::standard_input_is_a_file()
}

/// Whether an open file has no name any more: what is written to it is lost.
#[cfg(unix)]
pub fn is_removed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
}

/// Elsewhere an open file cannot be removed.
#[cfg(not(unix))]
pub fn is_removed(_: &File) -> bool {
    false
}
