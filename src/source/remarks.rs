//! What a pcapng file tells beside packets and what the analysis uses of their interfaces: comments, names of addresses
//! and the like. Kept only to be written again.

use std::net::IpAddr;

use super::record::{Endian, fields};
use super::thinned::{Thinned, is_of_packet};

/// Bytes of remarks that are kept of a capture, those of packets apart: far more than people write.
const MAX_REMARKS: usize = 16 << 20;

/// Options that are kept of a block: empty ones take more room here than in the file.
const MAX_OPTIONS: usize = 1024;

/// `opt_comment`, the same in every block.
pub(super) const COMMENT: u16 = 1;
/// `nrb_record_ipv4`
pub const IPV4: u16 = 1;
/// `nrb_record_ipv6`
pub const IPV6: u16 = 2;
/// `nrb_record_eui48`
pub const EUI48: u16 = 3;
/// `nrb_record_eui64`
pub const EUI64: u16 = 4;

/// Behind the packet in its block: the length again.
const LENGTH: usize = 4;

/// What is told of a section, an interface or a packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remarks {
    /// Comments.
    pub comments: Vec<String>,
    /// Other options by their code, numbers little-endian.
    pub others: Vec<(u16, Vec<u8>)>,
    /// Of a packet: its file has no time for it, and it was given that of the packet before.
    pub is_untimed: bool,
}

/// A record of a name resolution block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// [`IPV4`], [`IPV6`], [`EUI48`] or [`EUI64`].
    pub kind: u16,
    /// As the kind has it.
    pub address: Vec<u8>,
    /// The names that follow it, each ended by a zero in the file.
    pub names: Vec<Vec<u8>>,
}

/// What a capture tells as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// Of its first section.
    pub section: Remarks,
    /// Names of addresses.
    pub names: Vec<Named>,
    /// By whom it was thinned, if it was.
    pub thinned: Option<Thinned>,
    /// Whether there was more than is kept.
    pub overfull: bool,
    bytes: usize,
}

/// The length of the numbers that options of these codes are; texts and bytes have none.
pub(super) type Numbers = &'static [(u16, usize)];

/// `if_speed`, `if_txspeed`, `if_rxspeed`.
pub(super) const OF_INTERFACE: Numbers = &[(8, 8), (16, 8), (17, 8)];
/// `epb_flags`, `epb_dropcount`, `epb_packetid`, `epb_queue`.
pub(super) const OF_PACKET: Numbers = &[(2, 4), (4, 8), (5, 8), (6, 4)];
/// Hardware and system are texts.
pub(super) const OF_SECTION: Numbers = &[];

impl Remarks {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        self.comments.is_empty() && self.others.is_empty()
    }

    /// Takes an option.
    pub(super) fn take(&mut self, code: u16, value: &[u8], numbers: Numbers, endian: Endian) {
        if self.comments.len() + self.others.len() >= MAX_OPTIONS {
            return;
        }
        if code == COMMENT {
            return self.comments.push(String::from_utf8_lossy(value).into_owned());
        }
        let mut value = value.to_vec();
        let is_number = numbers.iter().any(|(number, len)| *number == code && *len == value.len());
        if is_number && endian == Endian::Big {
            value.reverse();
        }
        self.others.push((code, value));
    }

    /// What the options behind a packet tell; `options` may have the block's second length at its end.
    pub(super) fn of_packet(options: &[u8], endian: Endian) -> Self {
        let mut remarks = Self::default();
        let end = options.len().saturating_sub(LENGTH);
        let told = fields(options.get(..end).unwrap_or_default(), endian).filter(|(code, _)| !is_of_packet(*code));
        told.for_each(|(code, value)| remarks.take(code, value, OF_PACKET, endian));
        remarks
    }

    /// Bytes that are kept for it.
    pub(super) fn size(&self) -> usize {
        let comments = self.comments.iter().map(|comment| comment.len() + size_of::<String>());
        let others = self.others.iter().map(|(_, value)| value.len() + size_of::<(u16, Vec<u8>)>());
        comments.sum::<usize>() + others.sum::<usize>()
    }
}

impl Named {
    /// The address, if it is one of IP.
    pub fn ip(&self) -> Option<IpAddr> {
        match self.kind {
            IPV4 => self.address.first_chunk::<4>().map(|octets| IpAddr::from(*octets)),
            IPV6 => self.address.first_chunk::<16>().map(|octets| IpAddr::from(*octets)),
            _ => None,
        }
    }
}

impl Annotations {
    /// Whether so many more bytes may be kept.
    pub(super) fn has_room(&mut self, bytes: usize) -> bool {
        self.bytes = self.bytes.saturating_add(bytes);
        self.overfull |= self.bytes > MAX_REMARKS;
        self.bytes <= MAX_REMARKS
    }

    /// Takes the records of a name resolution block.
    pub(super) fn resolve(&mut self, body: &[u8], endian: Endian) {
        for (kind, value) in fields(body, endian) {
            let address_len = match kind {
                IPV4 => 4,
                IPV6 => 16,
                EUI48 => 6,
                EUI64 => 8,
                _ => continue,
            };
            let Some((address, names)) = value.split_at_checked(address_len) else { continue };
            let names: Vec<Vec<u8>> =
                names.split(|byte| *byte == 0).filter(|name| !name.is_empty()).map(<[u8]>::to_vec).collect();
            let size = value.len() + names.len() * size_of::<Vec<u8>>() + size_of::<Named>();
            if !names.is_empty() && self.has_room(size) {
                self.names.push(Named { kind, address: address.to_vec(), names });
            }
        }
    }
}
