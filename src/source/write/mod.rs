//! Turns frames into a pcapng file: the only writer of captures.
//!
//! One section, little-endian, nanoseconds. Every block reaches the output in one `write_all`, so that whoever reads
//! along finds whole blocks, and a process that dies leaves at most the last one cut. Knows nothing of files, their
//! names or when to begin the next one.

mod block;
mod packing;
mod rotation;

use std::io::{self, Write};
use std::net::IpAddr;

use super::{Damage, Interface, Named, Remarks, thinned};
use crate::frame::{Frame, Timestamp};
use block::Block;

pub use packing::Packing;
pub use rotation::{Counted, Rotating, Rotation};

// Block types and option codes of the pcapng draft, sections 3.5 and 4.
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE: u32 = 1;
const NAME_RESOLUTION: u32 = 4;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;
const DECRYPTION_SECRETS: u32 = 10;
/// Among those: a key log of TLS.
const TLS_KEY_LOG: u32 = 0x544c_534b;
const SHB_USERAPPL: u16 = 4;
const IF_NAME: u16 = 2;
const IF_DESCRIPTION: u16 = 3;
const IF_IPV4ADDR: u16 = 4;
const IF_IPV6ADDR: u16 = 5;
const IF_TSRESOL: u16 = 9;
const IF_FILTER: u16 = 11;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// Names that are written in one block.
const NAMES_PER_BLOCK: usize = 1024;
/// Says in which byte order the section is.
const BYTE_ORDER: u32 = 0x1a2b_3c4d;
/// Ten to the minus ninth.
const NANOSECONDS: u8 = 9;
/// Before a filter that is libpcap text.
const FILTER_IS_TEXT: u8 = 0;

/// An interface of the file that is being written; only good for the [`Writer`] that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WrittenInterface(u32);

/// A pcapng file that is being written. Its blocks go out as they come; buffering is `out`'s business.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    interfaces: u32,
    written: u64,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a file whose section carries `comments`.
    pub fn new(out: W, comments: &[String]) -> io::Result<Self> {
        Self::begin(out, comments, &[])
    }

    /// Begins a file that tells what another one told of its section.
    pub fn telling(out: W, remarks: &Remarks) -> io::Result<Self> {
        Self::begin(out, &remarks.comments, &remarks.others)
    }

    fn begin(out: W, comments: &[String], others: &[(u16, Vec<u8>)]) -> io::Result<Self> {
        let mut writer = Self { out, interfaces: 0, written: 0, buffer: Vec::new() };
        let unknown_length = u64::MAX;
        let block = Block::new(&mut writer.buffer, SECTION_HEADER)
            .u32(BYTE_ORDER)
            .u16(1)
            .u16(0)
            .u64(unknown_length)
            .remarks(comments, others)
            .text(SHB_USERAPPL, concat!("ftpwhy ", env!("CARGO_PKG_VERSION")))
            .end();
        send(&mut writer.out, &mut writer.written, block)?;
        Ok(writer)
    }

    /// Describes an interface. Its place in the section is its turn here, whatever `interface.id` is. Fails when the
    /// link type is none that pcapng can say.
    pub fn interface(&mut self, interface: &Interface) -> io::Result<WrittenInterface> {
        let link_type = u16::try_from(interface.link_type.0).map_err(|_| {
            let what = format!("link type {} does not fit into pcapng", interface.link_type.0);
            io::Error::new(io::ErrorKind::InvalidInput, what)
        })?;
        let prefixes = interface.prefixes.iter().copied().map(Some).chain(std::iter::repeat(None));
        let block = Block::new(&mut self.buffer, INTERFACE)
            .u16(link_type)
            .u16(0)
            .u32(interface.snap_len)
            .options(&interface.name, |block, name| block.text(IF_NAME, name))
            .options(&interface.description, |block, description| block.text(IF_DESCRIPTION, description))
            .options(interface.addresses.iter().zip(prefixes), address)
            .option(IF_TSRESOL, &[NANOSECONDS])
            .options(&interface.filter, |block, filter| {
                let value: Vec<u8> = std::iter::once(FILTER_IS_TEXT).chain(filter.bytes()).collect();
                block.option(IF_FILTER, &value)
            })
            .remarks(&interface.remarks.comments, &interface.remarks.others)
            .end();
        send(&mut self.out, &mut self.written, block)?;
        let id = WrittenInterface(self.interfaces);
        self.interfaces += 1;
        Ok(id)
    }

    /// Appends a frame with its time, its length on the wire and any comments.
    pub fn frame(&mut self, interface: WrittenInterface, frame: &Frame<'_>, comments: &[String]) -> io::Result<()> {
        self.packet(interface, frame, comments, &[])
    }

    /// The same with whatever else was told of it.
    pub fn frame_telling(
        &mut self,
        interface: WrittenInterface,
        frame: &Frame<'_>,
        remarks: &Remarks,
    ) -> io::Result<()> {
        self.packet(interface, frame, &remarks.comments, &remarks.others)
    }

    fn packet(
        &mut self,
        interface: WrittenInterface,
        frame: &Frame<'_>,
        comments: &[String],
        others: &[(u16, Vec<u8>)],
    ) -> io::Result<()> {
        let captured = u32::try_from(frame.bytes.len()).unwrap_or(u32::MAX);
        let block = Block::new(&mut self.buffer, ENHANCED_PACKET)
            .u32(interface.0)
            .time(ticks(frame.at.time))
            .u32(captured)
            .u32(frame.wire_len.max(captured))
            .padded(frame.bytes)
            .remarks(comments, others)
            .end();
        send(&mut self.out, &mut self.written, block)
    }

    /// Appends names of addresses.
    pub fn names(&mut self, names: &[Named]) -> io::Result<()> {
        for some in names.chunks(NAMES_PER_BLOCK) {
            let block = Block::new(&mut self.buffer, NAME_RESOLUTION).options(some, |block, named| {
                let names = named.names.iter().flat_map(|name| name.iter().copied().chain([0]));
                block.option(named.kind, &named.address.iter().copied().chain(names).collect::<Vec<u8>>())
            });
            send(&mut self.out, &mut self.written, block.end())?;
        }
        Ok(())
    }

    /// Appends lines of a TLS key log (`Keys::lines_of`), which readers need before the packets that they decrypt.
    pub fn secrets(&mut self, lines: &str) -> io::Result<()> {
        let len = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let block = Block::new(&mut self.buffer, DECRYPTION_SECRETS).u32(TLS_KEY_LOG).u32(len).padded(lines.as_bytes());
        let sent = send(&mut self.out, &mut self.written, block.end());
        // Nothing of it stays behind.
        self.buffer.fill(0);
        sent
    }

    /// What the capture counted on an interface up to `at`: packets received, and dropped for want of buffers.
    pub fn statistics(
        &mut self,
        interface: WrittenInterface,
        at: Timestamp,
        received: u64,
        dropped: u64,
    ) -> io::Result<()> {
        let block = Block::new(&mut self.buffer, INTERFACE_STATISTICS)
            .u32(interface.0)
            .time(ticks(at))
            .option(ISB_IFRECV, &received.to_le_bytes())
            .option(ISB_IFDROP, &dropped.to_le_bytes())
            .end();
        send(&mut self.out, &mut self.written, block)
    }

    /// Says something of an interface up to `at`, where packets can no longer carry it.
    pub fn comment(&mut self, interface: WrittenInterface, at: Timestamp, comment: &str) -> io::Result<()> {
        let block = Block::new(&mut self.buffer, INTERFACE_STATISTICS)
            .u32(interface.0)
            .time(ticks(at))
            .remarks(&[comment.to_owned()], &[])
            .end();
        send(&mut self.out, &mut self.written, block)
    }

    /// Says of a capture that was thinned, the one of this number among those of the file, where it is damaged.
    pub fn damaged(&mut self, source: u32, damage: &Damage) -> io::Result<()> {
        let block = Block::new(&mut self.buffer, thinned::ENDS)
            .u32(source)
            .option(thinned::DAMAGE, &thinned::damage_to_bytes(damage))
            .end();
        send(&mut self.out, &mut self.written, block)
    }

    /// Bytes written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Hands on what the output still buffers.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Ends the file; gives the output back.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

fn send(out: &mut impl Write, written: &mut u64, block: &[u8]) -> io::Result<()> {
    out.write_all(block)?;
    *written += block.len() as u64;
    Ok(())
}

/// An address of its own is claimed where the length of its prefix is not known.
fn address<'a>(block: Block<'a>, (address, prefix): (&IpAddr, Option<u8>)) -> Block<'a> {
    match address {
        IpAddr::V4(address) => {
            let host_bits = 32 - u32::from(prefix.unwrap_or(32)).min(32);
            let mask = u32::MAX.checked_shl(host_bits).unwrap_or(0);
            block.option(IF_IPV4ADDR, &[address.octets(), mask.to_be_bytes()].concat())
        }
        IpAddr::V6(address) => {
            let value: Vec<u8> = address.octets().into_iter().chain([prefix.unwrap_or(128)]).collect();
            block.option(IF_IPV6ADDR, &value)
        }
    }
}

/// pcapng cannot say times before 1970.
fn ticks(time: Timestamp) -> u64 {
    u64::try_from(time.0).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo, InterfaceId, LinkType, Stamp};
    use crate::source::written;

    fn frame(number: u64, time: i64, bytes: &[u8], wire_len: u32) -> Frame<'_> {
        let at = Stamp::new(CaptureId(0), FrameNo(number), Timestamp(time));
        Frame { at, interface: InterfaceId(0), link_type: LinkType::ETHERNET, bytes, wire_len }
    }

    fn interface(name: &str, link_type: u32) -> Interface {
        let mut interface = Interface::new(InterfaceId(7), LinkType(link_type));
        interface.name = Some(name.to_owned());
        interface.description = Some("the outer one".to_owned());
        interface.addresses = vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()];
        interface.prefixes = vec![20, 64];
        interface.snap_len = 262_144;
        interface.filter = Some("tcp port 21".to_owned());
        interface
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut writer = Writer::new(Vec::new(), &["a case".to_owned()]).unwrap();
        let first = writer.interface(&interface("eth0", 1)).unwrap();
        let second = writer.interface(&interface("any", 276)).unwrap();
        let time = 1_760_000_000_123_456_789;
        writer.frame(second, &frame(1, time, b"cut", 1500), &["SYN".to_owned(), "of the server".to_owned()]).unwrap();
        writer.frame(first, &frame(2, time + 1, b"whole", 5), &[]).unwrap();
        writer.statistics(first, Timestamp(time + 2), 10, 3).unwrap();
        let counted = writer.written();
        let bytes = writer.finish().unwrap();
        assert_eq!(counted, bytes.len() as u64);

        let (frames, capture) = written::read(&bytes).unwrap();
        assert_eq!(frames, [(1, time, 1, b"cut".to_vec(), 1500), (2, time + 1, 0, b"whole".to_vec(), 5)]);
        assert_eq!(capture.format, "pcapng");
        assert_eq!(capture.damage, None);
        let expected = [("eth0", 1, Some(3)), ("any", 276, None)].map(|(name, link_type, dropped)| {
            let mut interface = interface(name, link_type);
            interface.in_section = u32::from(name == "any");
            interface.id = InterfaceId(interface.in_section);
            interface.dropped = dropped;
            interface
        });
        assert_eq!(capture.interfaces, expected);
    }

    #[test]
    fn times_before_1970_become_its_beginning() {
        let mut writer = Writer::new(Vec::new(), &[]).unwrap();
        let id = writer.interface(&interface("eth0", 1)).unwrap();
        writer.frame(id, &frame(1, -5, b"x", 1), &[]).unwrap();
        let (frames, _) = written::read(&writer.finish().unwrap()).unwrap();
        assert_eq!(frames, [(1, 0, 0, b"x".to_vec(), 1)]);
    }

    #[test]
    fn a_link_type_beyond_pcapng_is_an_error() {
        let mut writer = Writer::new(Vec::new(), &[]).unwrap();
        let error = writer.interface(&interface("eth0", 70_000)).unwrap_err();
        assert_eq!(error.to_string(), "link type 70000 does not fit into pcapng");
    }
}
