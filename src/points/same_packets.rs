//! Whether captures hold the same packets: then they were taken at different points of one network.
//!
//! Packets are compared by what routers leave alone: the fields of the TCP header without its checksum, IP
//! identification and length. Neither link header, addresses (NAT), TTL nor time count, and clocks may be wrong.

use std::path::Path;

use super::Group;
use crate::frame::{CaptureId, Frame, Timestamp};
use crate::source::{Timeline, is_stopped};

/// Captures that are compared with each other; who names more, names the files of a rotation.
const MAX_COMPARED: usize = 32;

/// Packets remembered of each capture from its start, for clocks that are far apart.
const FROM_START: usize = 1 << 16;

/// Packets remembered of each capture from the time on when all have begun.
const FROM_COMMON: usize = 1 << 16;

/// Bytes read of each capture at most: a fraction of a second.
const MAX_READ: u64 = 1 << 30;

/// How far clocks may be apart at the common beginning, in seconds.
const CLOCK_SLACK: f64 = 300.0;

/// Common packets that show it, unless a capture has fewer: a retransmission may fall on both sides of a change of
/// files, but not as many.
const MIN_COMMON: usize = 4;

/// One in so many packets of the smaller capture has to be common.
const MIN_SHARE: usize = 100;

/// For each group, whether another one saw the same packets.
pub(super) fn seen_twice(groups: &[Group]) -> Vec<bool> {
    let mut twice = vec![false; groups.len()];
    let comparable = groups.iter().all(|group| group.files.iter().all(|file| can_be_read_twice(file)));
    if groups.len() < 2 || groups.len() > MAX_COMPARED || !comparable {
        return twice;
    }
    let start = groups.iter().filter_map(start_of).max();
    let samples: Vec<Vec<u64>> = groups.iter().map(|group| sample(group, start)).collect();
    for (at, sample) in samples.iter().enumerate() {
        let same = |(other, its): (usize, &Vec<u64>)| other != at && are_same(sample, its);
        if let Some(flag) = twice.get_mut(at) {
            *flag = samples.iter().enumerate().any(same);
        }
    }
    twice
}

fn can_be_read_twice(file: &Path) -> bool {
    std::fs::metadata(file).is_ok_and(|metadata| metadata.is_file())
}

fn start_of(group: &Group) -> Option<Timestamp> {
    Timeline::open(&group.files, CaptureId(0), None).0.next().map(|frame| frame.at.time)
}

/// The marks of a group's packets, sorted, each once.
fn sample(group: &Group, common_start: Option<Timestamp>) -> Vec<u64> {
    let common_start = common_start.map(|start| start.plus_seconds(-CLOCK_SLACK));
    let (mut timeline, _) = Timeline::open(&group.files, CaptureId(0), None);
    let mut marks = Vec::new();
    let mut later = 0;
    while !is_stopped()
        && let Some(frame) = timeline.next()
    {
        let from_start = marks.len() < FROM_START;
        let from_common = common_start.is_none_or(|start| frame.at.time >= start);
        if from_start || from_common {
            let mark = mark(&frame);
            later += usize::from(mark.is_some() && !from_start);
            marks.extend(mark);
        }
        if later >= FROM_COMMON || timeline.progress().0 > MAX_READ {
            break;
        }
    }
    marks.sort_unstable();
    marks.dedup();
    marks
}

fn are_same(a: &[u64], b: &[u64]) -> bool {
    let (small, large) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let common = small.iter().filter(|mark| large.binary_search(mark).is_ok()).count();
    common > 0 && common >= MIN_COMMON.min(small.len()) && common.saturating_mul(MIN_SHARE) >= small.len()
}

/// The mark of a TCP packet.
fn mark(frame: &Frame<'_>) -> Option<u64> {
    let ip = network_header(frame)?;
    let (identification, length, tcp) = match ip.first()? >> 4 {
        4 => {
            let header = usize::from(ip.first()? & 0xf) * 4;
            let fragment = u16::from_be_bytes(*ip.get(6..)?.first_chunk()?);
            if *ip.get(9)? != 6 || fragment & 0x3fff != 0 {
                return None;
            }
            let length = u16::from_be_bytes(*ip.get(2..)?.first_chunk()?);
            (*ip.get(4..)?.first_chunk()?, usize::from(length).checked_sub(header)?, ip.get(header..)?)
        }
        6 if *ip.get(6)? == 6 => ([0; 2], usize::from(u16::from_be_bytes(*ip.get(4..)?.first_chunk()?)), ip.get(40..)?),
        _ => return None,
    };
    let fields: [u8; 16] = *tcp.first_chunk()?;
    let mut bytes = [0; 20];
    bytes.get_mut(..16)?.copy_from_slice(&fields);
    bytes.get_mut(16..18)?.copy_from_slice(&identification);
    bytes.get_mut(18..)?.copy_from_slice(&u16::try_from(length).ok()?.to_be_bytes());
    Some(fnv(&bytes))
}

/// FNV-1a: the same in every run, and the values it is fed are no secret.
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Where the IP header begins, for the common link types; tunnels are left to those that decode.
fn network_header<'a>(frame: &Frame<'a>) -> Option<&'a [u8]> {
    let bytes = frame.bytes;
    match frame.link_type.0 {
        0 | 108 => bytes.get(4..),
        1 => {
            let mut at = 12;
            while matches!(bytes.get(at..)?.first_chunk()?, [0x81, 0] | [0x88, 0xa8]) {
                at += 4;
            }
            bytes.get(at + 2..)
        }
        101 | 228 | 229 => Some(bytes),
        113 => bytes.get(16..),
        276 => bytes.get(20..),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{FrameNo, InterfaceId, LinkType, Stamp};

    const TCP: [u8; 20] = [0, 21, 4, 1, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x10, 0xff, 0xff, 0xaa, 0xbb, 0, 0];

    fn ipv4(ttl: u8, source: u8) -> Vec<u8> {
        [&[0x45, 0, 0, 40, 0, 7, 0x40, 0, ttl, 6, 0, 0, 10, 0, 0, source, 10, 0, 0, 2][..], &TCP].concat()
    }

    fn mark_of(link_type: u32, bytes: &[u8]) -> Option<u64> {
        mark(&Frame {
            at: Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0)),
            interface: InterfaceId(0),
            link_type: LinkType(link_type),
            bytes,
            wire_len: 0,
        })
    }

    #[test]
    fn a_packet_has_the_same_mark_behind_every_link_header_and_router() {
        let raw = mark_of(101, &ipv4(64, 1));
        assert!(raw.is_some());
        let nat = ipv4(57, 99);
        for (link_type, header) in [
            (0, vec![2, 0, 0, 0]),
            (1, [&[7; 12][..], &[8, 0]].concat()),
            (1, [&[7; 12][..], &[0x88, 0xa8, 0, 5, 0x81, 0, 0, 6, 8, 0]].concat()),
            (113, vec![0; 16]),
            (276, vec![0; 20]),
        ] {
            assert_eq!(mark_of(link_type, &[header, nat.clone()].concat()), raw, "link type {link_type}");
        }
    }

    #[test]
    fn what_is_not_whole_tcp_has_no_mark() {
        let packet = ipv4(64, 1);
        let changed = |at: usize, value: u8| {
            let mut packet = packet.clone();
            packet[at] = value;
            mark_of(101, &packet)
        };
        assert_eq!(changed(9, 17), None, "UDP");
        assert_eq!(changed(6, 0x20), None, "a fragment");
        for len in 0..36 {
            assert_eq!(mark_of(101, &packet[..len]), None);
        }
        assert_ne!(changed(24, 9), mark_of(101, &packet), "another sequence number");
    }

    #[test]
    fn a_few_common_packets_prove_nothing() {
        let many: Vec<u64> = (0..1000).collect();
        assert!(!are_same(&many, &[1, 2, 3, 2001, 2002]));
        assert!(are_same(&many, &[1, 2]), "all it has");
        assert!(are_same(&many, &[1, 2, 3, 4]));
        let other: Vec<u64> = (995..2000).collect();
        assert!(!are_same(&many, &other));
        assert!(!are_same(&[], &many));
    }
}
