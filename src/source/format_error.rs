//! What is wrong with a capture file, as it is told to users.

use std::fmt;

/// Why a header, a block or a packet cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FormatError {
    /// The file has no bytes.
    Empty,
    /// The file ends within its header.
    HeaderCut,
    /// The file begins with no header of pcap.
    NoHeader,
    /// The header of a pcap file does not fit.
    Header,
    /// The first block of a pcapng file, and what is wrong with it.
    FirstBlock(String),
    /// The version of a pcap file.
    PcapVersion(u16, u16),
    /// The version of a section of a pcapng file.
    PcapngVersion(u16, u16),
    /// Bits of the link type of a pcap file that must be zero.
    LinkType(u32),
    /// A block that does not fit, by its name.
    Block(&'static str),
    /// A block that is too small for its header or packet.
    TooSmall(&'static str, &'static str),
    /// A section describes more interfaces than this.
    Interfaces(usize),
    /// A packet of so many bytes.
    TooLarge(u32),
}

impl fmt::Display for FormatError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("it is empty (0 bytes)"),
            Self::HeaderCut => f.write_str("it ends in the middle of the pcap header"),
            Self::NoHeader => f.write_str("it has no pcap header"),
            Self::Header => f.write_str("its pcap header is damaged"),
            Self::FirstBlock(what) => write!(f, "its pcapng header is damaged: {what}"),
            Self::PcapVersion(major, minor) => {
                write!(f, "it is a pcap file of version {major}.{minor}; only version 2 is understood")
            }
            Self::PcapngVersion(major, minor) => {
                write!(f, "it is pcapng of version {major}.{minor}; only 1.0 is understood")
            }
            Self::LinkType(field) => write!(
                f,
                "its link type field is 0x{field:08x}, but the reserved bits of it have to be zero; \
                 the header is damaged or not by a pcap writer"
            ),
            Self::Block(name) => write!(f, "{name}"),
            Self::TooSmall(block, part) => write!(f, "{block} that is too small for its {part}"),
            Self::Interfaces(most) => write!(f, "more than {most} interfaces"),
            Self::TooLarge(captured) => write!(f, "a packet of {captured} bytes, which is too large"),
        }
    }
}

impl std::error::Error for FormatError {}
