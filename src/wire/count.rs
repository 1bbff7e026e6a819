//! Counts what could not be decoded, by kind.

use std::collections::BTreeMap;
use std::fmt;

use crate::frame::{LinkType, Stamp};

/// How many kinds are told apart: there are a few dozen names, but link types are numbers that a file chooses.
const KINDS: usize = 256;

/// Frames of one kind that could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecoded {
    /// What they are: "link type 147 (USER0)", "Geneve", "malformed IPv4 header".
    pub kind: String,
    /// How many.
    pub count: u64,
    /// The first of them.
    pub first: Stamp,
}

/// Why a frame, or the rest of one, was not decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The link type is not known.
    LinkType(LinkType),
    /// An encapsulation that may carry IP and is not decoded.
    Encapsulation(&'static str),
    /// A header that contradicts itself or is longer than its packet.
    Malformed(&'static str),
    /// A header that the snap length cut.
    Cut(&'static str),
    /// A further kind, when there are too many.
    Other,
}

/// The counts.
#[derive(Debug, Default)]
pub(super) struct Counts(BTreeMap<Kind, (u64, Stamp)>);

impl Counts {
    /// Counts one frame.
    pub fn add(&mut self, kind: Kind, at: Stamp) {
        let kind = if self.0.len() < KINDS || self.0.contains_key(&kind) { kind } else { Kind::Other };
        self.0.entry(kind).or_insert((0, at)).0 += 1;
    }

    /// All counts, by the frame in which their kind appeared first.
    pub fn all(&self) -> Vec<Undecoded> {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(kind, (_, first))| (*first, **kind));
        kinds.into_iter().map(|(kind, &(count, first))| Undecoded { kind: kind.to_string(), count, first }).collect()
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LinkType(LinkType(105 | 119 | 127 | 163)) => f.write_str("IEEE 802.11"),
            Self::LinkType(LinkType(number)) => match link_type_name(*number) {
                Some(name) => write!(f, "link type {number} ({name})"),
                None => write!(f, "link type {number}"),
            },
            Self::Encapsulation(name) => f.write_str(name),
            Self::Malformed(name) => write!(f, "malformed {name} header"),
            Self::Cut(name) => write!(f, "{name} header cut by the snap length"),
            Self::Other => f.write_str("other kinds"),
        }
    }
}

/// The names of those link types in the tcpdump registry that turn up in captures of IP traffic.
fn link_type_name(number: u32) -> Option<&'static str> {
    const USER: [&str; 16] = [
        "USER0", "USER1", "USER2", "USER3", "USER4", "USER5", "USER6", "USER7", "USER8", "USER9", "USER10", "USER11",
        "USER12", "USER13", "USER14", "USER15",
    ];
    Some(match number {
        6 => "IEEE802_5",
        10 => "FDDI",
        107 => "FRELAY",
        109 => "ENC",
        117 => "PFLOG",
        122 => "IP_OVER_FC",
        147..=162 => return USER.get(number as usize - 147).copied(),
        187 | 201 => "BLUETOOTH_HCI_H4",
        189 | 220 => "USB_LINUX",
        192 => "PPI",
        195 | 230 => "IEEE802_15_4",
        219 => "MPLS",
        227 => "CAN_SOCKETCAN",
        239 => "NFLOG",
        247 => "INFINIBAND",
        249 => "USBPCAP",
        252 => "WIRESHARK_UPPER_PDU",
        253 => "NETLINK",
        271 => "VSOCK",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::{Counts, KINDS, Kind};
    use crate::frame::{CaptureId, FrameNo, LinkType, Stamp, Timestamp};

    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(i64::try_from(number).unwrap()))
    }

    #[test]
    fn kinds_are_listed_by_first_appearance_with_readable_names() {
        let mut counts = Counts::default();
        counts.add(Kind::Malformed("IPv4"), at(1));
        counts.add(Kind::LinkType(LinkType(147)), at(2));
        counts.add(Kind::LinkType(LinkType(127)), at(3));
        counts.add(Kind::Malformed("IPv4"), at(4));
        counts.add(Kind::LinkType(LinkType(4000)), at(5));
        let all: Vec<_> = counts.all().into_iter().map(|u| (u.kind, u.count, u.first.number.0)).collect();
        assert_eq!(
            all,
            [
                ("malformed IPv4 header".to_owned(), 2, 1),
                ("link type 147 (USER0)".to_owned(), 1, 2),
                ("IEEE 802.11".to_owned(), 1, 3),
                ("link type 4000".to_owned(), 1, 5),
            ]
        );
    }

    #[test]
    fn endless_link_types_end_in_one_count() {
        let mut counts = Counts::default();
        for number in 0..2000 {
            counts.add(Kind::LinkType(LinkType(10_000 + number)), at(1));
        }
        let all = counts.all();
        assert_eq!(all.len(), KINDS + 1);
        assert_eq!(all.iter().map(|u| u.count).sum::<u64>(), 2000);
    }
}
