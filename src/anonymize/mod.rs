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
mod control;
mod cut;
mod handshakes;
mod ip;
mod key;
mod line;
mod located;
mod names;
mod opaque;
mod rewrite;
mod script;
mod scripts;
mod transport;
mod tree;
mod words;

pub use address::Addresses;
pub use key::Key;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use foldhash::fast::RandomState;

use handshakes::Handshakes;
use rewrite::{LAYERS, Rewrite};
use scripts::Scripts;

use crate::frame::{CaptureId, Frame, FrameNo};
use crate::pipeline::Overheard;
use crate::source::Interface;
use crate::wire::{Body, Decoder};

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

/// Segments that came in IP fragments, by the frames of their fragments.
type Fragments = HashMap<(CaptureId, FrameNo), Rc<[u8]>, RandomState>;

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

    /// Takes a frame of the first reading, for TLS records and for what lies in fragments.
    pub fn look(&mut self, frame: &Frame<'_>) {
        let decoded = self.decoder.decode(frame);
        let Body::Tcp(ip, tcp) = decoded.body else { return };
        let from = SocketAddr::new(ip.source, tcp.source_port);
        let to = SocketAddr::new(ip.destination, tcp.destination_port);
        self.handshakes.look((decoded.wrapping, from, to), &tcp);
        let is_whole = tcp.payload.len() == tcp.payload_len as usize;
        if decoded.fragments.is_empty() || !is_whole || self.fragmented > FRAGMENTED_BYTES {
            return;
        }
        let segment: Rc<[u8]> = tcp.raw.into();
        self.fragmented += segment.len();
        for at in decoded.fragments.iter().chain([&frame.at]) {
            self.fragments.insert((at.capture, at.number), Rc::clone(&segment));
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

    /// The interface as it may be shown: pseudonyms for its addresses, no description and no filter, a number for a
    /// name that no system gives.
    pub fn interface(&mut self, interface: &mut Interface) {
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
