//! A capture of the user's, again and again until it has the size that is wanted. Every time the hosts have other
//! addresses, so that no repetition finds anything remembered of the one before.
//!
//! Addresses in headers of Ethernet frames move, and their checksums with them. Addresses that tunnels or texts carry stay.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use ftpwhy::frame::{CaptureId, LinkType};
use ftpwhy::source::Timeline;

use super::traffic::Container;

/// Longest time between two packets: captures that were joined may have years between them.
const LONGEST_GAP: i64 = 60_000_000_000;
/// Addresses move within what one byte counts.
const MOST_REPETITIONS: usize = 256;

const ETHERNET: LinkType = LinkType(1);
const VLAN: [u8; 2] = [0x81, 0x00];
const ARP: [u8; 2] = [0x08, 0x06];
const IPV4: [u8; 2] = [0x08, 0x00];
const IPV6: [u8; 2] = [0x86, 0xdd];

struct Taken {
    /// Nanoseconds since the packet before.
    gap: u64,
    bytes: Vec<u8>,
}

/// Writes `capture` (of any format, compressed or not) repeatedly as pcap until `size` bytes are written, or it was
/// repeated as often as addresses can be moved.
pub fn write(capture: &Path, size: u64, to: &Path) -> io::Result<()> {
    let frames = read(capture)?;
    let mut out = BufWriter::with_capacity(1 << 20, File::create(to)?);
    out.write_all(&Container::Pcap.header())?;
    let (mut written, mut time) = (0, 0);
    for repetition in 0..MOST_REPETITIONS {
        let by = u8::try_from(repetition).expect("few repetitions");
        for Taken { gap, bytes } in &frames {
            if written >= size {
                return out.flush();
            }
            time += gap;
            let moved = moved(bytes.clone(), by);
            let (before, after) = Container::Pcap.around(time, moved.len());
            out.write_all(&before)?;
            out.write_all(&moved)?;
            out.write_all(&after)?;
            written += 16 + moved.len() as u64;
        }
    }
    out.flush()
}

/// Its Ethernet frames.
fn read(capture: &Path) -> io::Result<Vec<Taken>> {
    let (mut timeline, errors) = Timeline::open(&[PathBuf::from(capture)], CaptureId(0), None);
    if let Some(error) = errors.first() {
        return Err(io::Error::other(error.to_string()));
    }
    let mut frames = Vec::new();
    let mut before = None;
    while let Some(frame) = timeline.next() {
        if frame.link_type != ETHERNET {
            continue;
        }
        let now = frame.at.time.0;
        let gap = now.saturating_sub(before.replace(now).unwrap_or(now)).clamp(0, LONGEST_GAP);
        frames.push(Taken { gap: gap.unsigned_abs(), bytes: frame.bytes.to_vec() });
    }
    if frames.is_empty() {
        return Err(io::Error::other("it has no Ethernet frames"));
    }
    Ok(frames)
}

/// The frame between hosts whose addresses are another `by` apart.
fn moved(mut frame: Vec<u8>, by: u8) -> Vec<u8> {
    let mut at = 12;
    while frame.get(at..at + 2) == Some(&VLAN) {
        at += 4;
    }
    let body = at + 2;
    match frame.get(at..body).and_then(|kind| kind.try_into().ok()) {
        Some(IPV4) => move_ipv4(&mut frame, body, by),
        Some(IPV6) => move_ipv6(&mut frame, body, by),
        // Sender and target (RFC 826).
        Some(ARP) => {
            for address in [body + 14, body + 24] {
                move_address::<4>(&mut frame, address, by);
            }
        }
        _ => {}
    }
    frame
}

fn move_ipv4(frame: &mut [u8], at: usize, by: u8) {
    let [Some(&first), Some(&protocol)] = [frame.get(at), frame.get(at + 9)] else { return };
    let is_first_fragment = frame.get(at + 6..at + 8).is_some_and(|offset| [offset[0] & 0x1f, offset[1]] == [0, 0]);
    let payload = at + usize::from(first & 0xf) * 4;
    for address in [at + 12, at + 16] {
        let Some(change) = move_address::<4>(frame, address, by) else { continue };
        adjust(frame, at + 10, change);
        if is_first_fragment {
            adjust_transport(frame, payload, protocol, change);
        }
    }
}

fn move_ipv6(frame: &mut [u8], at: usize, by: u8) {
    let Some(&next) = frame.get(at + 6) else { return };
    for address in [at + 8, at + 24] {
        if let Some(change) = move_address::<16>(frame, address, by) {
            adjust_transport(frame, at + 40, next, change);
        }
    }
}

/// The two bytes that a checksum counted as one number, before and after.
type Change = [u16; 2];

/// Moves an address unless it is one that means the same everywhere.
fn move_address<const N: usize>(frame: &mut [u8], at: usize, by: u8) -> Option<Change> {
    let bytes: &mut [u8; N] = frame.get_mut(at..at + N)?.try_into().ok()?;
    let (address, place) = match bytes.as_slice().try_into().map(u32::from_be_bytes) {
        Ok(v4) => (IpAddr::V4(Ipv4Addr::from(v4)), 1),
        Err(_) => (IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?)), 5),
    };
    let is_of_a_host = !address.is_multicast()
        && !address.is_loopback()
        && !address.is_unspecified()
        && address != IpAddr::V4(Ipv4Addr::BROADCAST);
    let number = |bytes: &[u8; N]| u16::from_be_bytes([bytes[place & !1], bytes[place | 1]]);
    let before = number(bytes);
    if is_of_a_host {
        bytes[place] ^= by;
    }
    Some([before, number(bytes)])
}

/// The checksums of TCP, UDP and ICMPv6 count the addresses.
fn adjust_transport(frame: &mut [u8], at: usize, protocol: u8, change: Change) {
    match protocol {
        6 => adjust(frame, at + 16, change),
        // Without a checksum (RFC 768).
        17 if frame.get(at + 6..at + 8) != Some(&[0, 0]) => adjust(frame, at + 6, change),
        58 => adjust(frame, at + 2, change),
        _ => {}
    }
}

/// A checksum, wrong or right, after a change of what it counts (RFC 1624 3).
fn adjust(frame: &mut [u8], at: usize, [before, after]: Change) {
    let Some(sum) = frame.get_mut(at..at + 2) else { return };
    let old = u16::from_be_bytes([sum[0], sum[1]]);
    let mut new = u32::from(!old) + u32::from(!before) + u32::from(after);
    while new > 0xffff {
        new = (new & 0xffff) + (new >> 16);
    }
    sum.copy_from_slice(&(!u16::try_from(new).expect("folded")).to_be_bytes());
}
