//! Capture files written byte by byte, for tests.

use std::io::Cursor;
use std::path::Path;

use super::record::Endian;
use super::{Capture, OpenError, Timeline};
use crate::frame::CaptureId;

pub(super) use Endian::{Big, Little};

/// A frame as a test wants to see it: number, nanoseconds, interface, captured bytes, wire length.
pub(super) type Seen = (u64, i64, u32, Vec<u8>, u32);

/// Everything a byte stream gives.
pub(super) fn read(bytes: &[u8]) -> Result<(Vec<Seen>, Capture), OpenError> {
    let reader = Box::new(Cursor::new(bytes.to_vec()));
    let mut timeline = Timeline::from_reader(Path::new("test"), reader, CaptureId(0))?;
    let mut seen = Vec::new();
    while let Some(frame) = timeline.next() {
        seen.push((frame.at.number.0, frame.at.time.0, frame.interface.0, frame.bytes.to_vec(), frame.wire_len));
    }
    Ok((seen, timeline.captures()[0].clone()))
}

/// Fields in one byte order.
pub(super) struct Bytes(pub Vec<u8>, pub Endian);

impl Bytes {
    pub(super) fn u16(mut self, values: &[u16]) -> Self {
        for value in values {
            self.0.extend(if self.1 == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        self
    }

    pub(super) fn u32(mut self, values: &[u32]) -> Self {
        for value in values {
            self.0.extend(if self.1 == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        }
        self
    }

    pub(super) fn u64(mut self, value: u64) -> Self {
        self.0.extend(if self.1 == Big { value.to_be_bytes() } else { value.to_le_bytes() });
        self
    }

    pub(super) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    /// Zeros up to the next multiple of four.
    pub(super) fn pad(mut self) -> Self {
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }
}

pub(super) fn fields(endian: Endian) -> Bytes {
    Bytes(Vec::new(), endian)
}

/// A pcap header of version 2.4 without a snap length.
pub(super) fn pcap_header(endian: Endian, magic: u32, link_type: u32) -> Vec<u8> {
    fields(endian).u32(&[magic]).u16(&[2, 4]).u32(&[0, 0, 0, link_type]).0
}

pub(super) fn pcap_record(endian: Endian, seconds: u32, fraction: u32, packet: &[u8]) -> Vec<u8> {
    let len = u32::try_from(packet.len()).unwrap();
    fields(endian).u32(&[seconds, fraction, len, len]).bytes(packet).0
}

pub(super) fn block(endian: Endian, kind: u32, body: &[u8]) -> Vec<u8> {
    let body = Bytes(body.to_vec(), endian).pad().0;
    let len = u32::try_from(body.len() + 12).unwrap();
    fields(endian).u32(&[kind, len]).bytes(&body).u32(&[len]).0
}

pub(super) fn option(endian: Endian, code: u16, value: &[u8]) -> Vec<u8> {
    fields(endian).u16(&[code, u16::try_from(value.len()).unwrap()]).bytes(value).pad().0
}

pub(super) fn section(endian: Endian) -> Vec<u8> {
    block(endian, 0x0a0d_0d0a, &fields(endian).u32(&[0x1a2b_3c4d]).u16(&[1, 0]).u64(u64::MAX).0)
}

pub(super) fn interface(endian: Endian, link_type: u16, snap_len: u32, options: &[u8]) -> Vec<u8> {
    block(endian, 1, &fields(endian).u16(&[link_type, 0]).u32(&[snap_len]).bytes(options).0)
}

/// An enhanced packet block; the time is in the interface's ticks.
pub(super) fn packet(endian: Endian, interface: u32, ticks: u64, bytes: &[u8]) -> Vec<u8> {
    let len = u32::try_from(bytes.len()).unwrap();
    let (high, low) = (u32::try_from(ticks >> 32).unwrap(), u32::try_from(ticks & 0xffff_ffff).unwrap());
    block(endian, 6, &fields(endian).u32(&[interface, high, low, len, len]).bytes(bytes).0)
}

pub(super) fn simple_packet(endian: Endian, wire_len: u32, bytes: &[u8]) -> Vec<u8> {
    block(endian, 3, &fields(endian).u32(&[wire_len]).bytes(bytes).0)
}
