//! Reads the classic capture format: one link type, one clock, records one after the other.
//!
//! Both byte orders, µs and ns, and Kuznetzov's "modified" records, which carry eight bytes more.

use pcap_parser::parse_pcap_header;

use super::format_error::FormatError;
use super::record::{Endian, MAX_PACKET, Plain, Record, cut, damaged, end_of};
use super::window::Window;
use super::{Damage, Interface};
use crate::frame::{FrameNo, InterfaceId, LinkType, Timestamp};

/// Length of the file header.
const HEADER: usize = 24;

/// Length of a record header.
const RECORD: usize = 16;

/// Magic of the modified format in a file written by a big-endian machine, as its bytes stand in the file.
const MODIFIED_BIG: [u8; 4] = [0xa1, 0xb2, 0xcd, 0x34];

/// Bits of the link type field that have to be zero; those above say whether frames end in a checksum (FCS).
const RESERVED: u32 = 0x03ff_0000;

/// A file being read.
pub(super) struct Pcap {
    endian: Endian,
    nanos_per_tick: i64,
    /// Bytes between record header and packet.
    extra: usize,
    lengths: Lengths,
    link_type: LinkType,
    number: u64,
}

/// The order of captured length and wire length: versions before 2.4 are not sure of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    CapturedFirst,
    WireFirst,
    SmallerIsCaptured,
}

impl Pcap {
    /// Reads the file header; gives the variant's name as well. The error says what is wrong with the header.
    pub(super) fn open(window: &mut Window) -> Result<(Self, Interface, &'static str), FormatError> {
        if !window.fill(HEADER) {
            return Err(FormatError::HeaderCut);
        }
        let head: [u8; HEADER] = *window.data().first_chunk().ok_or(FormatError::NoHeader)?;
        let modified_big = head.starts_with(&MODIFIED_BIG);
        let mut plain = head;
        if modified_big {
            // The parser does not know this magic; the header after it is the usual one.
            if let Some(magic) = plain.first_chunk_mut() {
                *magic = [0xa1, 0xb2, 0xc3, 0xd4];
            }
        }
        let (_, header) = parse_pcap_header(&plain).map_err(|_| FormatError::Header)?;
        let lengths = match (header.version_major, header.version_minor) {
            (2, ..3) | (543, 0) => Lengths::WireFirst,
            (2, 3) => Lengths::SmallerIsCaptured,
            (2.., _) => Lengths::CapturedFirst,
            (major, minor) => {
                return Err(FormatError::PcapVersion(major, minor));
            }
        };
        let field = header.network.0.cast_unsigned();
        if field & RESERVED != 0 {
            return Err(FormatError::LinkType(field));
        }
        let link_type = LinkType(field & 0xffff);
        let modified = modified_big || header.is_modified_format();
        let pcap = Self {
            endian: if modified_big || header.is_bigendian() { Endian::Big } else { Endian::Little },
            nanos_per_tick: if header.is_nanosecond_precision() { 1 } else { 1000 },
            extra: if modified { 8 } else { 0 },
            lengths,
            link_type,
            number: 0,
        };
        let name = match (modified, header.is_nanosecond_precision()) {
            (true, _) => "pcap (modified)",
            (_, true) => "pcap (ns)",
            _ => "pcap",
        };
        let mut interface = Interface::new(InterfaceId(0), link_type);
        interface.snap_len = header.snaplen;
        window.pass(HEADER, 0..0);
        Ok((pcap, interface, name))
    }

    /// The packet at the front of `data`, if all of it is there and it is as it should be.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    pub(super) fn plain<'a>(&self, data: &'a [u8]) -> Option<Plain<'a>> {
        let [seconds, ticks, captured, wire_len] = self.endian.words(*data.first_chunk()?);
        if self.lengths != Lengths::CapturedFirst || captured > MAX_PACKET {
            return None;
        }
        let header = RECORD + self.extra;
        let total = header + captured as usize;
        Some(Plain { time: self.time(seconds, ticks), wire_len, bytes: data.get(header..total)?, header, total })
    }

    fn time(&self, seconds: u32, ticks: u32) -> Timestamp {
        Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(ticks) * self.nanos_per_tick)
    }

    /// The number of the packet read last.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// So many plain packets have been read.
    pub(super) fn passed(&mut self, count: u64) {
        self.number += count;
    }

    /// Reads the next packet into `record`; whether there is one, or the file has come to its clean end.
    #[inline]
    pub(super) fn next(&mut self, window: &mut Window, record: &mut Record) -> Result<bool, Damage> {
        let header = RECORD + self.extra;
        if !window.fill(header) {
            return ending(window);
        }
        let Some(head) = window.data().first_chunk::<RECORD>() else { return ending(window) };
        let [seconds, ticks, first, second] = self.endian.words(*head);
        let (captured, wire_len) = match self.lengths {
            Lengths::CapturedFirst => (first, second),
            Lengths::WireFirst => (second, first),
            Lengths::SmallerIsCaptured => (first.min(second), first.max(second)),
        };
        if captured > MAX_PACKET {
            return Err(damaged(window, FormatError::TooLarge(captured).to_string()));
        }
        let total = header + captured as usize;
        if !window.fill(total) {
            return Err(cut(window, "a packet"));
        }
        self.number += 1;
        *record = Record {
            number: FrameNo(self.number),
            time: self.time(seconds, ticks),
            timed: true,
            interface: InterfaceId(0),
            link_type: self.link_type,
            wire_len,
            bytes: window.pass(total, header..total),
            options: 0..0,
            removed: 0,
        };
        Ok(true)
    }
}

/// The window holds no whole record header.
#[cold]
fn ending(window: &Window) -> Result<bool, Damage> {
    match window.data() {
        [] => end_of(window).map(|()| false),
        _ => Err(cut(window, "a packet header")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::written::{Big, Little, fields, pcap_header, pcap_record, read};
    use super::Endian;

    const MICROS: u32 = 0xa1b2_c3d4;

    fn small(endian: Endian, magic: u32) -> Vec<u8> {
        [
            pcap_header(endian, magic, 1),
            pcap_record(endian, 1_600_000_000, 123_456, b"first"),
            pcap_record(endian, 4_000_000_000, 7, b"second!"),
        ]
        .concat()
    }

    #[test]
    fn both_byte_orders_and_resolutions_are_read() {
        for endian in [Little, Big] {
            for (magic, name, per_tick) in [(MICROS, "pcap", 1000), (0xa1b2_3c4d, "pcap (ns)", 1)] {
                let (frames, capture) = read(&small(endian, magic)).unwrap();
                assert_eq!(
                    frames,
                    [
                        (1, 1_600_000_000_000_000_000 + 123_456 * per_tick, 0, b"first".to_vec(), 5),
                        (2, 4_000_000_000_000_000_000 + 7 * per_tick, 0, b"second!".to_vec(), 7),
                    ]
                );
                assert_eq!((capture.format.as_str(), capture.packets, capture.damage), (name, 2, None));
            }
        }
    }

    #[test]
    fn modified_records_have_eight_bytes_more() {
        for endian in [Little, Big] {
            let record = fields(endian).u32(&[1, 2, 3, 60, 99, 99]).bytes(b"abc").0;
            let (frames, capture) = read(&[pcap_header(endian, 0xa1b2_cd34, 1), record].concat()).unwrap();
            assert_eq!(frames, [(1, 1_000_002_000, 0, b"abc".to_vec(), 60)]);
            assert_eq!(capture.format, "pcap (modified)");
        }
    }

    #[test]
    fn old_versions_have_the_lengths_the_other_way_round() {
        for (minor, lengths) in [(2, [60, 3]), (3, [60, 3]), (3, [3, 60]), (4, [3, 60])] {
            let header = fields(Little).u32(&[MICROS]).u16(&[2, minor]).u32(&[0, 0, 0, 1]).0;
            let record = fields(Little).u32(&[1, 0]).u32(&lengths).bytes(b"abc").0;
            let (frames, _) = read(&[header, record].concat()).unwrap();
            assert_eq!(frames, [(1, 1_000_000_000, 0, b"abc".to_vec(), 60)], "2.{minor}");
        }
    }

    #[test]
    fn a_header_alone_is_a_capture() {
        let (frames, capture) = read(&pcap_header(Little, MICROS, 113)).unwrap();
        assert!(frames.is_empty());
        assert_eq!((capture.interfaces[0].link_type.0, capture.damage, capture.first), (113, None, None));
    }

    #[test]
    fn a_cut_file_gives_what_stands_before_the_cut() {
        let whole = small(Little, MICROS);
        let second = 24 + 16 + 5;
        for (len, what) in [
            (whole.len() - 1, "the file ends in the middle of a packet"),
            (second + 3, "the file ends in the middle of a packet header"),
        ] {
            let (frames, capture) = read(&whole[..len]).unwrap();
            assert_eq!(frames.len(), 1);
            let damage = capture.damage.unwrap();
            assert_eq!((damage.offset, damage.what.as_str()), (second as u64, what));
        }
    }

    #[test]
    fn an_impossible_length_is_damage() {
        let record = fields(Little).u32(&[1, 0, 262_145, 262_145]).0;
        let (frames, capture) = read(&[pcap_header(Little, MICROS, 1), record].concat()).unwrap();
        assert!(frames.is_empty());
        assert_eq!(capture.damage.unwrap().what, "a packet of 262145 bytes, which is too large");
    }

    #[test]
    fn the_upper_bits_of_the_link_type_are_the_checksum_length_or_an_error() {
        let (_, capture) = read(&pcap_header(Little, MICROS, 0x4400_0001)).unwrap();
        assert_eq!(capture.interfaces[0].link_type.0, 1);
        let error = read(&pcap_header(Little, MICROS, 0x0030_0000)).unwrap_err().to_string();
        assert!(error.starts_with("could not read test: its link type field is 0x00300000, but"), "{error}");
    }

    #[test]
    fn other_versions_are_refused() {
        let header = fields(Little).u32(&[MICROS]).u16(&[1, 0]).u32(&[0, 0, 0, 1]).0;
        let error = read(&header).unwrap_err().to_string();
        assert_eq!(error, "could not read test: it is a pcap file of version 1.0; only version 2 is understood");
        let error = read(&header[..20]).unwrap_err().to_string();
        assert_eq!(error, "could not read test: it ends in the middle of the pcap header");
    }
}
