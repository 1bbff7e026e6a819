//! Capture files: packets written as pcap or pcapng in every variant that the program has to read.

use std::io::Write as _;
use std::net::IpAddr;

use super::packet::{Link, Packet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Pcap { nanos: bool, big_endian: bool, modified: bool },
    Pcapng { big_endian: bool },
}

impl Format {
    pub fn parse(name: &str) -> Option<Self> {
        let pcap = |nanos, big_endian, modified| Self::Pcap { nanos, big_endian, modified };
        Some(match name {
            "pcap" => pcap(false, false, false),
            "pcap-be" => pcap(false, true, false),
            "pcap-ns" => pcap(true, false, false),
            "pcap-ns-be" => pcap(true, true, false),
            "pcap-modified" => pcap(false, false, true),
            "pcapng" => Self::Pcapng { big_endian: false },
            "pcapng-be" => Self::Pcapng { big_endian: true },
            _ => return None,
        })
    }

    pub fn extension(self) -> &'static str {
        match self {
            Self::Pcap { .. } => "pcap",
            Self::Pcapng { .. } => "pcapng",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
    Lz4,
}

impl Compression {
    pub fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "gzip" => Self::Gzip,
            "zstd" => Self::Zstd,
            "lz4" => Self::Lz4,
            _ => return None,
        })
    }
}

#[derive(Clone, Debug)]
pub struct Interface {
    pub name: String,
    pub link: Link,
    pub addresses: Vec<IpAddr>,
    /// `isb_ifdrop`, written in a statistics block at the end.
    pub dropped: Option<u64>,
}

#[derive(Clone, Debug)]
pub struct Container {
    pub format: Format,
    pub interfaces: Vec<Interface>,
    /// 0 is no limit.
    pub snap_len: usize,
    pub compression: Compression,
    /// Bytes to cut off the end of the uncompressed file.
    pub cut: usize,
}

impl Container {
    pub fn extension(&self) -> &'static str {
        match self.compression {
            Compression::None => self.format.extension(),
            Compression::Gzip => "pcap.gz",
            Compression::Zstd => "pcap.zst",
            Compression::Lz4 => "pcap.lz4",
        }
    }

    /// The file. `packets` are in file order.
    pub fn write(&self, packets: &[Packet]) -> Vec<u8> {
        let mut file = match self.format {
            Format::Pcap { nanos, big_endian, modified } => self.pcap(packets, nanos, Order(big_endian), modified),
            Format::Pcapng { big_endian } => self.pcapng(packets, Order(big_endian)),
        };
        file.truncate(file.len().saturating_sub(self.cut));
        compress(&file, self.compression)
    }

    fn kept<'a>(&self, frame: &'a [u8]) -> &'a [u8] {
        if self.snap_len == 0 { frame } else { &frame[..frame.len().min(self.snap_len)] }
    }

    fn pcap(&self, packets: &[Packet], nanos: bool, order: Order, modified: bool) -> Vec<u8> {
        let magic = match (modified, nanos) {
            (true, _) => 0xa1b2_cd34,
            (false, true) => 0xa1b2_3c4d,
            (false, false) => 0xa1b2_c3d4,
        };
        let mut out = order.u32(magic).to_vec();
        out.extend(order.u16(2));
        out.extend(order.u16(4));
        out.extend([0; 8]);
        out.extend(order.u32(if self.snap_len == 0 { 262_144 } else { length(self.snap_len) }));
        out.extend(order.u32(self.interfaces[0].link.number()));
        for packet in packets {
            let frame = packet.bytes(self.interfaces[0].link);
            let kept = self.kept(&frame);
            let fraction = packet.at.rem_euclid(1_000_000_000) / if nanos { 1 } else { 1000 };
            out.extend(order.u32(u32::try_from(packet.at.div_euclid(1_000_000_000)).expect("a time after 1970")));
            out.extend(order.u32(u32::try_from(fraction).expect("below a second")));
            out.extend(order.u32(length(kept.len())));
            out.extend(order.u32(length(frame.len())));
            if modified {
                // Interface index, protocol, packet type, padding: what Kuznetzov's patch added.
                out.extend([0; 8]);
            }
            out.extend(kept);
        }
        out
    }

    fn pcapng(&self, packets: &[Packet], order: Order) -> Vec<u8> {
        let section = [&order.u32(0x1a2b_3c4d)[..], &order.u16(1), &order.u16(0), &[0xff; 8]].concat();
        let mut out = order.block(0x0a0d_0d0a, &section);
        for interface in &self.interfaces {
            out.extend(self.interface_block(interface, order));
        }
        for packet in packets {
            let frame = packet.bytes(self.interfaces[packet.interface].link);
            let kept = self.kept(&frame);
            let mut body = order.u32(length(packet.interface)).to_vec();
            body.extend(order.time(packet.at));
            body.extend(order.u32(length(kept.len())));
            body.extend(order.u32(length(frame.len())));
            body.extend(kept);
            body.resize(body.len().next_multiple_of(4), 0);
            out.extend(order.block(6, &body));
        }
        for (index, interface) in self.interfaces.iter().enumerate() {
            let Some(dropped) = interface.dropped else { continue };
            let mut body = order.u32(length(index)).to_vec();
            body.extend(order.time(packets.last().map_or(0, |packet| packet.at)));
            body.extend(order.option(5, &order.u64(dropped)));
            body.extend(order.option(0, &[]));
            out.extend(order.block(5, &body));
        }
        out
    }

    fn interface_block(&self, interface: &Interface, order: Order) -> Vec<u8> {
        let link = u16::try_from(interface.link.number()).expect("a link type below 65536");
        let mut body = [&order.u16(link)[..], &[0, 0], &order.u32(length(self.snap_len))].concat();
        body.extend(order.option(2, interface.name.as_bytes()));
        for address in &interface.addresses {
            match address {
                IpAddr::V4(v4) => body.extend(order.option(4, &[v4.octets(), [255, 255, 255, 0]].concat())),
                IpAddr::V6(v6) => body.extend(order.option(5, &[&v6.octets()[..], &[64]].concat())),
            }
        }
        body.extend(order.option(9, &[9]));
        body.extend(order.option(0, &[]));
        order.block(1, &body)
    }
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("a small fixture")
}

fn compress(file: &[u8], compression: Compression) -> Vec<u8> {
    match compression {
        Compression::None => file.to_vec(),
        Compression::Gzip => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(file).and_then(|()| encoder.finish()).expect("memory can be written")
        }
        Compression::Zstd => ruzstd::encoding::compress_to_vec(file, ruzstd::encoding::CompressionLevel::Fastest),
        Compression::Lz4 => {
            let mut encoder = lz4_flex::frame::FrameEncoder::new(Vec::new());
            encoder.write_all(file).expect("memory can be written");
            encoder.finish().expect("memory can be written")
        }
    }
}

/// Byte order: big endian or not.
#[derive(Clone, Copy)]
struct Order(bool);

impl Order {
    fn u16(self, v: u16) -> [u8; 2] {
        if self.0 { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn u32(self, v: u32) -> [u8; 4] {
        if self.0 { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    fn u64(self, v: u64) -> [u8; 8] {
        if self.0 { v.to_be_bytes() } else { v.to_le_bytes() }
    }

    /// A timestamp of nanosecond resolution, high half first.
    fn time(self, nanos: i64) -> Vec<u8> {
        let bits = u64::try_from(nanos).expect("a time after 1970");
        let half = |shift: u32| u32::try_from(bits >> shift & 0xffff_ffff).expect("32 bits");
        [self.u32(half(32)), self.u32(half(0))].concat()
    }

    fn option(self, code: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(value.len()).expect("a short option");
        let mut out = [self.u16(code), self.u16(len)].concat();
        out.extend(value);
        out.resize(out.len().next_multiple_of(4), 0);
        out
    }

    fn block(self, kind: u32, body: &[u8]) -> Vec<u8> {
        let len = self.u32(length(body.len() + 12));
        [&self.u32(kind)[..], &len, body, &len].concat()
    }
}
