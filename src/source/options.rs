//! Turns the options of a pcapng block into what they say of an interface.
//!
//! Values are read here and not with the parser's accessors, which take every number for little-endian.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use pcap_parser::{InterfaceDescriptionBlock, InterfaceStatisticsBlock, PcapNGOption, SectionHeaderBlock};

use super::clock::Clock;
use super::record::Endian;
use super::thinned::{OF_SOURCE, Thinned};
use super::{Interface, Remarks, remarks};
use crate::frame::{InterfaceId, LinkType};
use crate::text::printable;

/// Bytes of a name or description that are kept; the format allows 65535.
const MAX_TEXT: usize = 256;

/// Addresses of an interface that are kept, far beyond what hosts have.
const MAX_ADDRESSES: usize = 64;

// Option codes of the pcapng draft, sections 4.2 and 4.6.
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_IPV4ADDR: u16 = 4;
const IF_IPV6ADDR: u16 = 5;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const IF_TSOFFSET: u16 = 14;
/// `opt_comment`, `if_MACaddr`, `if_EUIaddr`, `if_speed`, `if_os`, `if_fcslen`, `if_hardware`, `if_txspeed`, `if_rxspeed`:
/// nothing that the analysis needs.
const CARRIED: [u16; 9] = [remarks::COMMENT, 6, 7, 8, 12, 13, 15, 16, 17];
/// `opt_comment`, `shb_hardware`, `shb_os`; the application is this one now.
const CARRIED_OF_SECTION: [u16; 3] = [remarks::COMMENT, 2, 3];
const ISB_IFDROP: u16 = 5;
const ISB_OSDROP: u16 = 7;

/// The interface and its clock.
pub(super) fn interface(block: &InterfaceDescriptionBlock, id: InterfaceId, endian: Endian) -> (Interface, Clock) {
    let link_type = LinkType(block.linktype.0.cast_unsigned() & 0xffff);
    let mut interface = Interface::new(id, link_type);
    interface.snap_len = block.snaplen;
    let (mut resolution, mut offset) = (6, 0);
    for (code, value) in values(&block.options) {
        match code {
            IF_NAME => interface.name = text(value),
            IF_DESCRIPTION => interface.description = text(value),
            IF_IPV4ADDR if interface.addresses.len() < MAX_ADDRESSES => {
                let Some((octets, mask)) = value.split_first_chunk::<4>() else { continue };
                interface.addresses.push(IpAddr::V4(Ipv4Addr::from(*octets)));
                let mask = mask.first_chunk().map_or(u32::MAX, |mask| u32::from_be_bytes(*mask));
                interface.prefixes.push(u8::try_from(mask.leading_ones()).unwrap_or(32));
            }
            IF_IPV6ADDR if interface.addresses.len() < MAX_ADDRESSES => {
                let Some((octets, prefix)) = value.split_first_chunk::<16>() else { continue };
                interface.addresses.push(IpAddr::V6(Ipv6Addr::from(*octets)));
                interface.prefixes.push(prefix.first().copied().unwrap_or(128));
            }
            IF_FILTER => {
                interface.filter = value.split_first().filter(|(kind, _)| **kind == 0).map(|(_, text)| printable(text));
            }
            IF_TSRESOL => resolution = value.first().copied().unwrap_or(resolution),
            IF_TSOFFSET => offset = endian.u64(value, 0).map_or(offset, u64::cast_signed),
            _ if CARRIED.contains(&code) => interface.remarks.take(code, value, remarks::OF_INTERFACE, endian),
            _ => {}
        }
    }
    (interface, Clock::new(resolution, offset))
}

/// What a section header tells besides: comments, hardware and system.
pub(super) fn section(block: &SectionHeaderBlock, endian: Endian) -> Remarks {
    let mut remarks = Remarks::default();
    for (code, value) in values(&block.options) {
        if CARRIED_OF_SECTION.contains(&code) {
            remarks.take(code, value, remarks::OF_SECTION, endian);
        }
    }
    remarks
}

/// What a section header says of thinning, if its file is a thinned one.
pub(super) fn thinned(block: &SectionHeaderBlock) -> Option<Thinned> {
    Thinned::of_section(values(&block.options))
}

/// Of which capture of a thinned file an interface is.
pub(super) fn source(block: &InterfaceDescriptionBlock, endian: Endian) -> u32 {
    let mut told = values(&block.options).filter(|(code, _)| *code == OF_SOURCE);
    told.find_map(|(_, value)| endian.u32(value, 0)).unwrap_or(0)
}

/// How many packets the statistics count as dropped, by the interface and by the system together.
pub(super) fn dropped(block: &InterfaceStatisticsBlock, endian: Endian) -> Option<u64> {
    values(&block.options)
        .filter(|(code, _)| matches!(*code, ISB_IFDROP | ISB_OSDROP))
        .filter_map(|(_, value)| endian.u64(value, 0))
        .reduce(u64::saturating_add)
}

/// Codes and values up to the end-of-options mark.
fn values<'a>(options: &'a [PcapNGOption]) -> impl Iterator<Item = (u16, &'a [u8])> {
    options.iter().map_while(|option| match (option.code.0, option.as_bytes()) {
        (0, _) | (_, Err(_)) => None,
        (code, Ok(value)) => Some((code, value)),
    })
}

fn text(value: &[u8]) -> Option<String> {
    let value = value.split(|byte| *byte == 0).next().unwrap_or_default();
    let kept = value.get(..MAX_TEXT).unwrap_or(value);
    (!kept.is_empty()).then(|| printable(kept))
}
