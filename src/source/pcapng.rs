//! Reads pcapng: sections, interfaces and packets, block by block.
//!
//! Blocks that carry no packet are skipped, but those that Wireshark numbers take a number here too. Knows nothing
//! of time order.

use std::sync::Arc;

use pcap_parser::{Block, parse_block_be, parse_block_le, parse_sectionheaderblock};

use super::block::{SECTION_HEADER, next_block};
use super::clock::Clock;
use super::format_error::FormatError;
use super::options;
use super::record::{Endian, MAX_PACKET, Plain, Record, damaged};
use super::thinned::{self, Thin};
use super::window::Window;
use super::{Capture, Damage, Remarks};
use crate::frame::{FrameNo, InterfaceId, LinkType, Timestamp};

/// Interfaces that are kept, over all sections; a concatenation of thousands of captures stays below.
const MAX_INTERFACES: usize = 1 << 16;

const INTERFACE: u32 = 1;
/// The obsolete Packet Block.
const PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// A key log of TLS among decryption secrets.
const TLS_KEY_LOG: u32 = 0x544c_534b;

/// Behind the type and length of a block.
const BODY: usize = 8;
/// Where the packet begins in its block.
const ENHANCED_PACKET_DATA: usize = 28;
const PACKET_DATA: usize = 28;
const SIMPLE_PACKET_DATA: usize = 12;

/// Blocks without a packet that have a frame number in Wireshark: systemd journal entries, custom blocks (both
/// kinds) and Sysdig events (three kinds). Found out with tshark 4.0.17.
const NUMBERED: [u32; 6] = [9, 0x0bad, 0x4000_0bad, 0x204, 0x216, 0x221];

/// A file being read.
pub(super) struct Pcapng {
    endian: Endian,
    /// Number of the current section, from 1.
    section: u32,
    /// The place of the section's first interface among all.
    section_base: usize,
    /// The clocks of all interfaces.
    clocks: Vec<Clock>,
    number: u64,
    /// Comments of a later section, for which one of its interfaces stands.
    told: Vec<String>,
    /// Time of the last packet that had one: Simple Packet Blocks have none.
    last: Timestamp,
    thin: Option<Thin>,
}

impl Pcapng {
    /// Reads the first section header. The error says what is wrong with it. Of a thinned file of several captures,
    /// `source` is the one that is read, from 0.
    pub(super) fn open(window: &mut Window, capture: &mut Capture, source: u32) -> Result<Self, FormatError> {
        let mut pcapng = Self {
            endian: Endian::Little,
            section: 0,
            section_base: 0,
            clocks: Vec::new(),
            number: 0,
            told: Vec::new(),
            last: Timestamp(0),
            thin: None,
        };
        let len = match next_block(window, pcapng.endian) {
            Ok(Some((_, len))) => len,
            Ok(None) => return Err(FormatError::Empty),
            Err(damage) => return Err(FormatError::FirstBlock(damage.what)),
        };
        pcapng.begin_section(window.data().get(..len).unwrap_or_default(), capture)?;
        pcapng.thin = capture.annotations.thinned.as_ref().map(|_| Thin::new(source));
        window.pass(len, 0..0);
        Ok(pcapng)
    }

    /// The packet at the front of `data`, if all of it is there, it is as it should be, and of the only interface.
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "the way of nearly all packets")]
    pub(super) fn plain<'a>(&self, data: &'a [u8]) -> Option<Plain<'a>> {
        if self.thin.is_some() {
            return None;
        }
        let ([clock], 0) = (self.clocks.as_slice(), self.section_base) else { return None };
        let [kind, len, interface, high] = self.endian.words(*data.first_chunk()?);
        let [low, captured, wire_len, _] = self.endian.words(*data.get(16..)?.first_chunk()?);
        let (block, packet) = (len as usize, ENHANCED_PACKET_DATA..ENHANCED_PACKET_DATA + captured as usize);
        let fits =
            packet.end + 4 <= block && block % 4 == 0 && self.endian.u32(data, block.checked_sub(4)?) == Some(len);
        if kind != ENHANCED_PACKET || interface != 0 || captured > MAX_PACKET || !fits {
            return None;
        }
        let time = clock.time(u64::from(high) << 32 | u64::from(low));
        Some(Plain { time, wire_len, bytes: data.get(packet)?, header: ENHANCED_PACKET_DATA, total: block })
    }

    /// The number of the packet read last.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// So many plain packets have been read, the last one of this time.
    pub(super) fn passed(&mut self, count: u64, last: Timestamp) {
        self.number += count;
        if count > 0 {
            self.last = last;
        }
    }

    /// Reads the next packet into `record`; whether there is one, or the file has come to its clean end. Interfaces on
    /// the way are added to the capture.
    pub(super) fn next(
        &mut self,
        window: &mut Window,
        capture: &mut Capture,
        record: &mut Record,
    ) -> Result<bool, Damage> {
        while let Some((kind, len)) = next_block(window, self.endian)? {
            let block = window.data().get(..len).unwrap_or_default();
            let found = match kind {
                ENHANCED_PACKET => self.enhanced_packet(block, capture),
                SIMPLE_PACKET => self.simple_packet(block, capture),
                PACKET => self.obsolete_packet(block, capture),
                SECTION_HEADER => self.begin_section(block, capture).map(|()| Found::Other),
                INTERFACE => self.interface(block, capture).map(|()| Found::Other),
                INTERFACE_STATISTICS => self.statistics(block, capture).map(|()| Found::Other),
                NAME_RESOLUTION => {
                    capture.annotations.resolve(block.get(BODY..len - 4).unwrap_or_default(), self.endian);
                    Ok(Found::Other)
                }
                DECRYPTION_SECRETS => {
                    self.secrets(block, capture);
                    Ok(Found::Other)
                }
                thinned::ENDS => {
                    let body = block.get(BODY..len - 4).unwrap_or_default();
                    let told = self.thin.iter().filter_map(|thin| thin.damage(body, self.endian));
                    told.for_each(|damage| capture.spoil(damage));
                    Ok(Found::Other)
                }
                kind => {
                    self.number += u64::from(NUMBERED.contains(&kind));
                    Ok(Found::Other)
                }
            };
            match found {
                Err(what) => return Err(damaged(window, what.to_string())),
                Ok(Found::Packet(packet)) => {
                    // A simple packet has no options, and most others have none.
                    let options = if kind == SIMPLE_PACKET { 0..0 } else { packet.bytes.end.next_multiple_of(4)..len };
                    let packet = match &mut self.thin {
                        Some(thin) => thin.packet(packet, block.get(options.clone()).unwrap_or_default(), self.endian),
                        None => packet,
                    };
                    let options = window.pass(0, options);
                    let bytes = window.pass(len, packet.bytes.clone());
                    *record = Record { bytes, options, ..packet };
                    return Ok(true);
                }
                Ok(Found::Orphan(what)) => {
                    capture.damage.get_or_insert(damaged(window, what));
                }
                Ok(Found::Other) => {}
            }
            window.pass(len, 0..0);
        }
        Ok(false)
    }

    fn begin_section(&mut self, block: &[u8], capture: &mut Capture) -> Result<(), FormatError> {
        let (_, header) =
            parse_sectionheaderblock(block).map_err(|_| FormatError::Block("the section header is damaged"))?;
        let (major, minor) = (header.major_version, header.minor_version);
        // Some writers said 1.2 and meant 1.0; Wireshark takes both.
        if !matches!((major, minor), (1, 0 | 2)) {
            return Err(FormatError::PcapngVersion(major, minor));
        }
        self.endian = if header.big_endian() { Endian::Big } else { Endian::Little };
        self.section += 1;
        self.section_base = self.clocks.len();
        if self.section == 1 {
            capture.annotations.thinned = options::thinned(&header);
        } else if self.thin.is_some() {
            return Err(FormatError::Block("a second section in a thinned file, which has only one"));
        }
        let told = options::section(&header, self.endian);
        if capture.annotations.has_room(told.size()) {
            match self.section {
                1 => capture.annotations.section = told,
                _ => self.told.extend(told.comments),
            }
        }
        Ok(())
    }

    fn interface(&mut self, block: &[u8], capture: &mut Capture) -> Result<(), FormatError> {
        let Ok(Block::InterfaceDescription(description)) = self.parse(block) else {
            return Err(FormatError::Block("a damaged interface description"));
        };
        let count = self.clocks.len();
        if count.max(self.thin.as_ref().map_or(0, Thin::interfaces)) >= MAX_INTERFACES {
            return Err(FormatError::Interfaces(MAX_INTERFACES));
        }
        let thin = self.thin.as_mut();
        if thin.is_some_and(|thin| !thin.describes(options::source(&description, self.endian), count)) {
            return Ok(());
        }
        let id = InterfaceId(u32::try_from(count).unwrap_or(u32::MAX));
        let (mut interface, clock) = options::interface(&description, id, self.endian);
        interface.section = self.section;
        interface.in_section = u32::try_from(count - self.section_base).unwrap_or(u32::MAX);
        interface.remarks.comments.append(&mut self.told);
        if !capture.annotations.has_room(interface.remarks.size()) {
            interface.remarks = Remarks::default();
        }
        capture.interfaces.push(interface);
        self.clocks.push(clock);
        Ok(())
    }

    fn statistics(&self, block: &[u8], capture: &mut Capture) -> Result<(), FormatError> {
        let Ok(Block::InterfaceStatistics(statistics)) = self.parse(block) else {
            return Err(FormatError::Block("a damaged interface statistics block"));
        };
        let Some(index) = self.place(statistics.if_id) else { return Ok(()) };
        if let (Some(interface), Some(dropped)) =
            (capture.interfaces.get_mut(index), options::dropped(&statistics, self.endian))
        {
            // The counters run from the start of the capture: the last block is the one that counts.
            interface.dropped = Some(dropped);
        }
        Ok(())
    }

    /// Where an interface of the current section stands among those of the capture; nothing if it is one of another capture.
    fn place(&self, id: u32) -> Option<usize> {
        match &self.thin {
            Some(thin) => thin.place(id),
            None => Some(self.section_base.saturating_add(id as usize)),
        }
    }

    /// What it holds beside TLS key logs is passed over, as is a damaged one: without keys less is read, nothing wrongly.
    fn secrets(&self, block: &[u8], capture: &mut Capture) {
        let (Some(kind), Some(len)) = (self.endian.u32(block, BODY), self.endian.u32(block, BODY + 4)) else { return };
        let text = block.get(BODY + 8..).and_then(|rest| rest.get(..len as usize));
        if let Some(text) = text.filter(|_| kind == TLS_KEY_LOG) {
            Arc::make_mut(&mut capture.keys).read(text);
        }
    }

    fn enhanced_packet(&mut self, block: &[u8], capture: &Capture) -> Result<Found, FormatError> {
        // The parser would ask for more bytes when the packet does not fit its block: the block is whole, so that is
        // damage like any other error.
        let Ok(Block::EnhancedPacket(packet)) = self.parse(block) else {
            return Err(FormatError::TooSmall("an enhanced packet block", "packet"));
        };
        let (id, captured, wire_len) = (packet.if_id, packet.caplen, packet.origlen);
        let ticks = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
        self.timed_packet(capture, id, ticks, (captured, wire_len), ENHANCED_PACKET_DATA)
    }

    fn obsolete_packet(&mut self, block: &[u8], capture: &Capture) -> Result<Found, FormatError> {
        let field = |at| self.endian.u32(block, at);
        let id = self.endian.u16(block, 8);
        let (Some(id), Some(high), Some(low), Some(captured), Some(wire_len)) =
            (id, field(12), field(16), field(20), field(24))
        else {
            return Err(FormatError::TooSmall("a packet block", "header"));
        };
        if PACKET_DATA + captured as usize + 4 > block.len() {
            return Err(FormatError::TooSmall("a packet block", "packet"));
        }
        let ticks = u64::from(high) << 32 | u64::from(low);
        self.timed_packet(capture, u32::from(id), ticks, (captured, wire_len), PACKET_DATA)
    }

    fn timed_packet(
        &mut self,
        capture: &Capture,
        id: u32,
        ticks: u64,
        (captured, wire_len): (u32, u32),
        data: usize,
    ) -> Result<Found, FormatError> {
        if captured > MAX_PACKET {
            return Err(FormatError::TooLarge(captured));
        }
        let Some(index) = self.place(id) else { return Ok(Found::Other) };
        self.number += 1;
        let (Some(interface), Some(clock)) = (capture.interfaces.get(index), self.clocks.get(index)) else {
            return Ok(Found::Orphan(format!(
                "frame {} has interface {id}, which its section does not describe; such frames are left out",
                self.number
            )));
        };
        self.last = clock.time(ticks);
        Ok(Found::Packet(self.record(index, interface.link_type, wire_len, true, data..data + captured as usize)))
    }

    /// Belongs to the section's first interface and has no time: it is given that of the packet before.
    fn simple_packet(&mut self, block: &[u8], capture: &Capture) -> Result<Found, FormatError> {
        let Ok(Block::SimplePacket(packet)) = self.parse(block) else {
            return Err(FormatError::Block("a damaged simple packet block"));
        };
        let wire_len = packet.origlen;
        let available = packet.data.len();
        let index = self.section_base;
        let Some(interface) = capture.interfaces.get(index) else {
            self.number += 1;
            return Ok(Found::Orphan(format!(
                "frame {} comes before the first interface of its section; such frames are left out",
                self.number
            )));
        };
        let captured = if interface.snap_len == 0 { wire_len } else { wire_len.min(interface.snap_len) };
        if captured as usize > available || captured > MAX_PACKET {
            return Err(FormatError::TooSmall("a simple packet block", "packet"));
        }
        self.number += 1;
        let bytes = SIMPLE_PACKET_DATA..SIMPLE_PACKET_DATA + captured as usize;
        Ok(Found::Packet(self.record(index, interface.link_type, wire_len, false, bytes)))
    }

    fn record(
        &self,
        index: usize,
        link_type: LinkType,
        wire_len: u32,
        timed: bool,
        bytes: std::ops::Range<usize>,
    ) -> Record {
        let interface = InterfaceId(u32::try_from(index).unwrap_or(u32::MAX));
        let (number, time) = (FrameNo(self.number), self.last);
        Record { number, time, timed, interface, link_type, wire_len, bytes, options: 0..0, removed: 0 }
    }

    /// What is told of a packet of the current section, in what stands behind it.
    pub(super) fn remarks(&self, options: &[u8]) -> Remarks {
        Remarks::of_packet(options, self.endian)
    }

    /// The block, which is whole; any failure means that it contradicts itself.
    fn parse<'a>(&self, block: &'a [u8]) -> Result<Block<'a>, ()> {
        let parsed = match self.endian {
            Endian::Little => parse_block_le(block),
            Endian::Big => parse_block_be(block),
        };
        parsed.map(|(_, block)| block).map_err(|_| ())
    }
}

/// What a block turned out to hold.
enum Found {
    /// A packet; its bytes are counted from the start of the block.
    Packet(Record),
    /// A packet of an interface that is not described: neither its link type nor its clock is known.
    Orphan(String),
    /// Anything else.
    Other,
}

#[cfg(test)]
mod tests {
    use super::super::written::{Big, Little, block, fields, interface, option, packet, read, section, simple_packet};
    use crate::frame::{CaptureId, InterfaceId, LinkType};
    use crate::source::{Named, Timeline};

    /// 2020-09-13 in microseconds and nanoseconds.
    const T: u64 = 1_600_000_000_000_000;
    const T_NANOS: i64 = 1_600_000_000_000_000_000;

    #[test]
    fn interfaces_keep_their_own_link_type_clock_and_addresses() {
        for endian in [Little, Big] {
            let nanos = [
                option(endian, 2, b"eth0\0"),
                option(endian, 3, b"up\x1blink"),
                option(endian, 4, &[10, 1, 0, 10, 255, 0, 0, 0]),
                option(endian, 5, &[&[0xfe, 0x80][..], &[0; 13], &[1, 64]].concat()),
                option(endian, 9, &[9]),
                option(endian, 14, &fields(endian).u64(3_600).0),
                option(endian, 0, b""),
                option(endian, 2, b"after the end"),
            ]
            .concat();
            let file = [
                section(endian),
                interface(endian, 1, 0, &[]),
                packet(endian, 0, T, b"one"),
                interface(endian, 101, 96, &nanos),
                packet(endian, 1, T * 1000, b"two"),
            ]
            .concat();
            let (frames, capture) = read(&file).unwrap();
            assert_eq!(
                frames,
                [(1, T_NANOS, 0, b"one".to_vec(), 3), (2, T_NANOS + 3_600_000_000_000, 1, b"two".to_vec(), 3),]
            );
            let second = &capture.interfaces[1];
            assert_eq!((second.id, second.link_type, second.snap_len), (InterfaceId(1), LinkType::RAW, 96));
            assert_eq!(second.name.as_deref(), Some("eth0"));
            assert_eq!(second.description.as_deref(), Some("up\\x1blink"));
            assert_eq!(
                second.addresses,
                ["10.1.0.10".parse::<std::net::IpAddr>().unwrap(), "fe80::1".parse().unwrap()]
            );
        }
    }

    #[test]
    fn what_is_told_besides_is_kept() {
        for endian in [Little, Big] {
            let number = |value: u64| fields(endian).u64(value).0;
            let of_section = [option(endian, 1, b"a case"), option(endian, 3, b"Linux")].concat();
            let header =
                [fields(endian).u32(&[0x1a2b_3c4d]).u16(&[1, 0]).u64(u64::MAX).0, of_section, option(endian, 0, b"")]
                    .concat();
            let of_interface = [
                option(endian, 1, b"the uplink"),
                option(endian, 6, &[2, 0, 0, 0, 0, 9]),
                option(endian, 8, &number(1_000_000)),
            ]
            .concat();
            let names = [option(endian, 1, b"\x0a\x01\0\x0aclient\0alias\0"), option(endian, 0, b"")].concat();
            let of_packet =
                [option(endian, 1, "d\u{fc}sseldorf".as_bytes()), option(endian, 2, &fields(endian).u32(&[1]).0)]
                    .concat();
            let told = fields(endian).u32(&[0, 0x0005_af31, 0, 3, 3]).bytes(b"one").pad().bytes(&of_packet).0;
            let file = [
                block(endian, 0x0a0d_0d0a, &header),
                interface(endian, 1, 0, &of_interface),
                block(endian, 4, &names),
                block(endian, 6, &told),
                packet(endian, 0, T, b"two"),
            ]
            .concat();
            let reader = Box::new(std::io::Cursor::new(file));
            let mut timeline = Timeline::from_reader(std::path::Path::new("x"), reader, CaptureId(0)).unwrap();
            assert!(timeline.step());
            let crate::source::Remarks { comments, others, .. } = timeline.remarks();
            assert_eq!((comments, others), (vec!["d\u{fc}sseldorf".to_owned()], vec![(2, vec![1, 0, 0, 0])]));
            assert!(timeline.step() && timeline.remarks().is_empty());
            let capture = &timeline.captures()[0];
            assert_eq!(capture.annotations.section.comments, ["a case"]);
            assert_eq!(capture.annotations.section.others, [(3, b"Linux".to_vec())]);
            let names = [b"client".to_vec(), b"alias".to_vec()].to_vec();
            assert_eq!(capture.annotations.names, [Named { kind: 1, address: vec![10, 1, 0, 10], names }]);
            let of_interface = &capture.interfaces[0].remarks;
            assert_eq!(of_interface.comments, ["the uplink"]);
            assert_eq!(of_interface.others, [(6, vec![2, 0, 0, 0, 0, 9]), (8, 1_000_000_u64.to_le_bytes().to_vec())]);
        }
    }

    #[test]
    fn every_section_restarts_the_interfaces_in_its_own_byte_order() {
        let file = [
            section(Little),
            interface(Little, 1, 0, &[]),
            interface(Little, 101, 0, &[]),
            packet(Little, 1, T, b"one"),
            section(Big),
            interface(Big, 113, 0, &[]),
            packet(Big, 0, T + 1, b"two"),
        ]
        .concat();
        let (frames, capture) = read(&file).unwrap();
        assert_eq!(frames.iter().map(|frame| (frame.0, frame.2)).collect::<Vec<_>>(), [(1, 1), (2, 2)]);
        let shown: Vec<_> = capture.interfaces.iter().map(|i| (i.section, i.in_section, i.link_type.0)).collect();
        assert_eq!(shown, [(1, 0, 1), (1, 1, 101), (2, 0, 113)]);
    }

    #[test]
    fn simple_packets_take_the_time_of_the_packet_before_and_the_snap_length_of_the_first_interface() {
        let file = [
            section(Little),
            interface(Little, 1, 4, &[]),
            simple_packet(Little, 60, b"cut!"),
            packet(Little, 0, T, b"one"),
            simple_packet(Little, 3, b"two"),
        ]
        .concat();
        let (frames, capture) = read(&file).unwrap();
        assert_eq!(
            frames,
            [(1, 0, 0, b"cut!".to_vec(), 60), (2, T_NANOS, 0, b"one".to_vec(), 3), (3, T_NANOS, 0, b"two".to_vec(), 3),]
        );
        assert_eq!(capture.first.map(|time| time.0), Some(T_NANOS));
    }

    #[test]
    fn obsolete_packet_blocks_are_packets() {
        let body = fields(Big).u16(&[0, 7]).u32(&[0x0005_af31, 0x0758_0000, 3, 60]).bytes(b"abc").0;
        let (frames, _) = read(&[section(Big), interface(Big, 1, 0, &[]), block(Big, 2, &body)].concat()).unwrap();
        let micros = 0x0005_af31_0758_0000_i64;
        assert_eq!(frames, [(1, micros * 1000, 0, b"abc".to_vec(), 60)]);
    }

    #[test]
    fn blocks_without_packets_are_skipped_and_numbered_as_wireshark_does() {
        let mut file = [section(Little), interface(Little, 1, 0, &[])].concat();
        let mut expected = 1;
        for kind in [9, 0xbad, 0x4000_0bad, 0x204, 0x216, 0x221] {
            file.extend(block(Little, kind, &[0; 40]));
            expected += 1;
        }
        for kind in [4, 7, 8, 10, 0x205, 0x999, 0x8000_0001] {
            file.extend(block(Little, kind, &[0; 40]));
        }
        file.extend(packet(Little, 0, T, b"one"));
        let (frames, capture) = read(&file).unwrap();
        assert_eq!(frames, [(expected, T_NANOS, 0, b"one".to_vec(), 3)]);
        assert_eq!((capture.packets, capture.damage), (1, None));
    }

    #[test]
    fn drop_counters_are_summed_and_the_last_ones_count() {
        let statistics = |drops: &[(u16, u64)]| {
            let options = drops.iter().flat_map(|(code, count)| option(Big, *code, &fields(Big).u64(*count).0));
            block(Big, 5, &fields(Big).u32(&[0, 0, 0]).bytes(&options.collect::<Vec<u8>>()).0)
        };
        let start = [section(Big), interface(Big, 1, 0, &[])].concat();
        let dropped = |file: &[u8]| read(file).unwrap().1.interfaces[0].dropped;
        assert_eq!(dropped(&start), None);
        let first = [start, statistics(&[(4, 100), (5, 1), (7, 2)])].concat();
        assert_eq!(dropped(&first), Some(3));
        assert_eq!(dropped(&[first, statistics(&[(5, 17)])].concat()), Some(17));
    }

    #[test]
    fn a_packet_of_an_unknown_interface_is_left_out_and_told() {
        let file = [
            section(Little),
            simple_packet(Little, 3, b"too early"),
            interface(Little, 1, 0, &[]),
            packet(Little, 3, T, b"whose?"),
            packet(Little, 0, T, b"one"),
        ]
        .concat();
        let (frames, capture) = read(&file).unwrap();
        assert_eq!(frames, [(3, T_NANOS, 0, b"one".to_vec(), 3)]);
        let damage = capture.damage.unwrap();
        assert_eq!(damage.offset, 28);
        assert!(damage.what.starts_with("frame 1 comes before the first interface"), "{}", damage.what);
    }

    #[test]
    fn contradictions_are_damage_at_the_block() {
        let start = [section(Little), interface(Little, 1, 0, &[]), packet(Little, 0, T, b"one")].concat();
        let mut two_lengths = packet(Little, 0, T, b"two");
        *two_lengths.last_mut().unwrap() = 1;
        let too_small = block(Little, 6, &fields(Little).u32(&[0, 0, 0, 65_536, 65_536]).0);
        let other_version = block(Little, 0x0a0d_0d0a, &fields(Little).u32(&[0x1a2b_3c4d]).u16(&[1, 1]).u64(0).0);
        for (bad, what) in [
            (two_lengths, "a block of type 0x6 with two lengths, 36 bytes before and 16777252 after it"),
            (too_small, "an enhanced packet block that is too small for its packet"),
            (other_version, "it is pcapng of version 1.1; only 1.0 is understood"),
            (vec![0; 40], "a block of type 0x0 with an impossible length of 0 bytes"),
            (
                fields(Little).u32(&[6, u32::MAX - 3, 0]).0,
                "a block of type 0x6 with an impossible length of 4294967292 bytes",
            ),
            (packet(Little, 0, T, b"two")[..20].to_vec(), "the file ends in the middle of a block"),
            (vec![6, 0, 0], "the file ends in the middle of a block header"),
            (simple_packet(Little, 60, b"short"), "a simple packet block that is too small for its packet"),
            (block(Little, 2, &[0; 4]), "a packet block that is too small for its header"),
        ] {
            let lost = if what.starts_with("the file ends") { Vec::new() } else { packet(Little, 0, T, b"lost") };
            let (frames, capture) = read(&[start.as_slice(), &bad, &lost].concat()).unwrap();
            assert_eq!(frames.len(), 1, "{what}");
            let damage = capture.damage.unwrap();
            assert_eq!((damage.what.as_str(), damage.offset), (what, start.len() as u64));
        }
    }

    #[test]
    fn old_versions_and_cut_headers_are_refused() {
        let old = block(Little, 0x0a0d_0d0a, &fields(Little).u32(&[0x1a2b_3c4d]).u16(&[1, 1]).u64(0).0);
        let error = read(&old).unwrap_err().to_string();
        assert_eq!(error, "could not read test: it is pcapng of version 1.1; only 1.0 is understood");
        let error = read(&section(Little)[..20]).unwrap_err().to_string();
        assert!(error.ends_with("its pcapng header is damaged: the file ends in the middle of a block"), "{error}");
    }

    #[test]
    fn a_section_without_interfaces_is_a_capture() {
        let (frames, capture) = read(&section(Little)).unwrap();
        assert!(frames.is_empty() && capture.interfaces.is_empty() && capture.damage.is_none());
    }
}
