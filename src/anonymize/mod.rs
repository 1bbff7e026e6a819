//! Turns frames into frames that tell the same of FTP and nothing of anybody: pseudonyms for addresses and names,
//! nothing for passwords and data.
//!
//! Works in two readings of the same captures. In the first the analysis listens to the control connections, and what
//! it overheard is taken by [`Anonymizer::hear`]; in the second every frame goes through [`Anonymizer::frame`]. Between
//! them it is known what each control connection says from its first byte to its last, so that a segment becomes the
//! same bytes whatever part of a line it carries, and however often. Does no I/O.
//!
//! What it keeps: times, lengths of data, ports, TTLs, IP identifications, TCP sequence numbers (but for what longer or
//! shorter addresses move), checksums as right or as wrong as they were, VLANs, tunnels, and which addresses share a
//! prefix.

mod address;
mod checksum;
mod command;
mod control;
mod cut;
mod handshakes;
mod ip;
mod key;
mod line;
mod located;
mod names;
mod opaque;
mod reading;
mod redacted;
mod remarks;
mod rewrite;
mod script;
mod scripts;
mod transport;
mod tree;
mod veil;
mod words;

pub use address::Addresses;
pub use key::Key;
pub use remarks::RemarksOn;

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;

use foldhash::fast::RandomState;

use handshakes::Handshakes;
use rewrite::{LAYERS, Rewrite};
use scripts::Scripts;

use crate::facts::Host;
use crate::flow::{ConnectionId, FlowKey};
use crate::frame::{CaptureId, Frame, FrameNo, Stamp};
use crate::pipeline::Overheard;
use crate::source::Interface;
use crate::wire::{Body, Decoder, Mac};

/// Names of interfaces that systems give; others may be somebody's.
const INTERFACE_NAMES: [&str; 28] = [
    "any", "awdl", "bond", "br", "bridge", "docker", "dummy", "em", "en", "eno", "enp", "ens", "eth", "ib", "igb",
    "lo", "ppp", "re", "sit", "tap", "tun", "usb", "utun", "veth", "virbr", "vlan", "wl", "wlan",
];

/// Anonymises the frames of one capture group.
#[derive(Debug)]
pub struct Anonymizer {
    addresses: Addresses,
    scripts: Scripts,
    /// Interns VLANs and tunnels in the same order as that of the analysis.
    decoder: Decoder,
    handshakes: Handshakes,
    fragments: Fragments,
    /// Bytes in them.
    fragmented: usize,
    out: Vec<u8>,
}

/// Segments that came in IP fragments, each with the frame that made it whole, by the frames of their fragments.
type Fragments = HashMap<(CaptureId, FrameNo), (Stamp, Rc<[u8]>), RandomState>;

/// Bytes of such segments that are kept. Of those behind it the text is masked: fragments of control text are rare, and
/// those of a flood are none.
const FRAGMENTED_BYTES: usize = 16 << 20;

impl Anonymizer {
    /// Equal keys give equal pseudonyms.
    pub fn new(key: Key) -> Self {
        Self {
            addresses: Addresses::new(key),
            scripts: Scripts::new(),
            decoder: Decoder::new(),
            handshakes: Handshakes::default(),
            fragments: Fragments::default(),
            fragmented: 0,
            out: Vec::new(),
        }
    }

    /// Takes a frame of the first reading and the connection it was booked on, for TLS records and for what lies in
    /// fragments; what was overheard with it has been heard.
    pub fn look(&mut self, frame: &Frame<'_>, booked: Option<ConnectionId>) {
        let decoded = self.decoder.decode(frame);
        let Body::Tcp(ip, tcp) = decoded.body else { return };
        let from = SocketAddr::new(ip.source, tcp.source_port);
        let to = SocketAddr::new(ip.destination, tcp.destination_port);
        if let Some(connection) = booked {
            self.scripts.booked(FlowKey::new(decoded.wrapping, from, to), frame.at, connection);
        }
        self.handshakes.look((decoded.wrapping, from, to), &tcp);
        let is_whole = tcp.payload.len() == tcp.payload_len as usize;
        if decoded.fragments.is_empty() || !is_whole || self.fragmented > FRAGMENTED_BYTES {
            return;
        }
        let segment: Rc<[u8]> = tcp.raw.into();
        self.fragmented += segment.len();
        for at in decoded.fragments.iter().chain([&frame.at]) {
            self.fragments.insert((at.capture, at.number), (frame.at, Rc::clone(&segment)));
        }
    }

    /// Takes what the first reading overheard, in its order.
    pub fn hear(&mut self, overheard: Overheard) {
        self.scripts.hear(overheard, &mut self.addresses);
    }

    /// The first reading has ended.
    pub fn heard(&mut self) {
        self.scripts.finish(&mut self.addresses);
        self.decoder = Decoder::new();
    }

    /// Whether there was more control text than is kept; the rest of it is masked as a whole.
    pub fn is_overfull(&self) -> bool {
        self.scripts.overfull
    }

    /// The frame as it may be shown. All frames have to come, in the order of the first reading.
    pub fn frame<'a>(&'a mut self, frame: &Frame<'_>) -> Frame<'a> {
        let wrapping = self.decoder.decode(frame).wrapping;
        self.out.clear();
        let mut rewrite = Rewrite {
            addresses: &mut self.addresses,
            scripts: &self.scripts,
            handshakes: &self.handshakes,
            fragments: &self.fragments,
            wrapping,
            at: frame.at,
            out: &mut self.out,
            layers: LAYERS,
        };
        let wire_len = rewrite.frame(frame);
        Frame { bytes: &self.out, wire_len: u32::try_from(wire_len).unwrap_or(u32::MAX), ..*frame }
    }

    /// Gives the facts of a host the addresses that frames have.
    pub fn host(&mut self, host: &mut Host) {
        let addresses = RefCell::new(&mut self.addresses);
        let mac = |text: &str| {
            let octets: Vec<u8> = text.split(':').filter_map(|octet| u8::from_str_radix(octet, 16).ok()).collect();
            let known = <[u8; 6]>::try_from(octets).map(|octets| addresses.borrow_mut().mac(Mac(octets)).to_string());
            // What is none tells nobody's.
            known.unwrap_or_default()
        };
        host.replace(|address| addresses.borrow_mut().ip(address), mac);
    }

    /// The pseudonym of an address.
    pub fn address(&mut self, address: IpAddr) -> IpAddr {
        self.addresses.ip(address)
    }

    /// The interface as it may be shown: pseudonyms for its addresses, no description and no filter, a number for a
    /// name that no system gives.
    pub fn interface(&mut self, interface: &mut Interface) {
        self.remarks(&mut interface.remarks, RemarksOn::Interface);
        for address in &mut interface.addresses {
            *address = self.addresses.ip(*address);
        }
        interface.description = None;
        interface.filter = None;
        if let Some(name) = &mut interface.name {
            let kind = name.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '.' | '@' | ':'));
            let kind = kind.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default();
            if !INTERFACE_NAMES.contains(&kind) || name.len() > 15 {
                *name = format!("if{}", interface.in_section);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Anonymizer, Key};
    use crate::frame::{CaptureId, Frame, FrameNo, InterfaceId, LinkType, Stamp, Timestamp};
    use crate::source::Interface;
    use crate::wire::{Body, Decoder};

    fn anonymizer() -> Anonymizer {
        Anonymizer::new(Key::from_hex(&"3c".repeat(16)).unwrap())
    }

    fn frame(link_type: u32, bytes: &[u8]) -> Frame<'_> {
        let at = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(0));
        let wire_len = u32::try_from(bytes.len()).unwrap();
        Frame { at, interface: InterfaceId(0), link_type: LinkType(link_type), bytes, wire_len }
    }

    /// How far a frame can be read: what is in it, and what of it is not understood.
    fn understood(frame: &Frame<'_>) -> (&'static str, Vec<String>) {
        let mut decoder = Decoder::new();
        let body = match decoder.decode(frame).body {
            Body::Tcp(..) => "TCP",
            Body::Icmp(..) => "ICMP",
            Body::Arp(_) => "ARP",
            Body::Nd(..) => "ND",
            Body::Fragment(_) => "fragment",
            Body::OtherIp(_) => "IP",
            Body::Nothing => "nothing",
        };
        (body, decoder.undecoded().into_iter().map(|undecoded| undecoded.kind).collect())
    }

    #[test]
    fn interfaces_tell_no_names() {
        let mut anonymizer = anonymizer();
        for (name, shown) in [("eth0.100", "eth0.100"), ("enp3s0", "enp3s0"), ("acme-vpn", "if0"), ("any", "any")] {
            let mut interface = Interface::new(InterfaceId(0), LinkType::ETHERNET);
            interface.name = Some(name.to_owned());
            interface.description = Some("uplink of Acme".to_owned());
            interface.filter = Some("host 10.1.0.10".to_owned());
            anonymizer.interface(&mut interface);
            assert_eq!(interface.name.as_deref(), Some(shown));
            assert_eq!((interface.description, interface.filter), (None, None));
        }
    }

    /// A SYN from 192.0.2.1 to 192.0.2.2 behind the header of each link type that is read.
    fn syn_behind(link_type: LinkType) -> Vec<u8> {
        let header: &[u8] = match link_type {
            LinkType::NULL => &[2, 0, 0, 0],
            LinkType::LOOP => &[0, 0, 0, 2],
            LinkType::ETHERNET => &[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0],
            LinkType::PPP | LinkType::PPP_HDLC => &[0xff, 3, 0, 0x21],
            LinkType::PPP_ETHER => &[0x11, 0, 0, 1, 0, 42, 0, 0x21],
            LinkType::C_HDLC => &[0x0f, 0, 8, 0],
            LinkType::LINUX_SLL => &[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0],
            LinkType::LINUX_SLL2 => &[8, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0],
            _ => &[],
        };
        let ip = [0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2];
        let tcp = [0, 20, 195, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0];
        [header, &ip, &tcp].concat()
    }

    #[test]
    fn every_link_type_that_is_read_is_anonymised() {
        let source = |frame: &Frame<'_>| match Decoder::new().decode(frame).body {
            Body::Tcp(ip, tcp) => (ip.source, tcp.source_port),
            other => panic!("{:?}: {other:?}", frame.link_type),
        };
        for link_type in LinkType::READ {
            let bytes = syn_behind(link_type);
            let original = frame(link_type.0, &bytes);
            let mut anonymizer = anonymizer();
            let shown = anonymizer.frame(&original);
            let (before, now) = (source(&original), source(&shown));
            assert!(before.0 != now.0 && before.1 == now.1, "{link_type:?}: {now:?}");
        }
        for link_type in (0..400).map(LinkType) {
            assert_eq!(crate::wire::opening(link_type).is_some(), LinkType::READ.contains(&link_type), "{link_type:?}");
        }
    }

    #[test]
    fn what_is_not_understood_becomes_zeros() {
        let mut anonymizer = anonymizer();
        assert_eq!(anonymizer.frame(&frame(147, b"secret")).bytes, [0; 6]);
        let lldp = [&[1, 0x80, 0xc2, 0, 0, 14, 2, 0, 0, 0, 0, 9, 0x88, 0xcc][..], b"switch.example"].concat();
        let shown = anonymizer.frame(&frame(1, &lldp));
        assert_eq!(shown.bytes.get(..6), lldp.get(..6));
        assert!(shown.bytes.iter().skip(14).all(|byte| *byte == 0));
    }

    proptest! {
        #[test]
        fn any_bytes_keep_their_length_and_are_understood_as_far(
            bytes in prop::collection::vec(any::<u8>(), 0..200),
            link_type in prop::sample::select(vec![0_u32, 1, 9, 50, 51, 101, 113, 276, 105]),
            ether_type in prop::sample::select(vec![0x0800_u16, 0x86dd, 0x0806, 0x8100, 0x8847, 0x8864, 60]),
            first in prop::sample::select(vec![0x45_u8, 0x46, 0x60, 0x00]),
            protocol in prop::sample::select(vec![1_u8, 4, 6, 17, 41, 43, 44, 47, 51, 58, 60, 137]),
        ) {
            let mut bytes = bytes;
            let start = match link_type { 1 => 14, 113 => 16, 276 => 20, _ => 0 };
            let set = |bytes: &mut Vec<u8>, at: usize, value: &[u8]| {
                if let Some(slot) = bytes.get_mut(at..at + value.len()) {
                    slot.copy_from_slice(value);
                }
            };
            set(&mut bytes, if link_type == 276 { 0 } else { start.max(2) - 2 }, &ether_type.to_be_bytes());
            set(&mut bytes, start, &[first]);
            set(&mut bytes, start + if first == 0x60 { 6 } else { 9 }, &[protocol]);
            let mut anonymizer = anonymizer();
            let original = frame(link_type, &bytes);
            anonymizer.look(&original, None);
            anonymizer.heard();
            let shown = anonymizer.frame(&original);
            prop_assert_eq!((shown.bytes.len(), shown.wire_len), (bytes.len(), original.wire_len));
            prop_assert_eq!(understood(&shown), understood(&original));
        }
    }
}
