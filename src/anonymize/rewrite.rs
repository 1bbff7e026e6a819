//! Writes a frame anew, header by header: pseudonyms for addresses, zeros for whatever is not understood.
//!
//! Goes the way of `wire::decoder`. Every step takes the bytes of a layer, appends what they become, and gives their
//! new length on the wire; who calls it sees to its own length and checksum.

use super::Fragments;
use super::address::Addresses;
use super::cut::{Cut, adjust, set};
use super::handshakes::Handshakes;
use super::scripts::Scripts;
use crate::frame::{Frame, Stamp};
use crate::wire::field::ethernet::{self, LENGTH_MAX};
use crate::wire::{Cooked, Mac, Opening, SLL_802_2, Wrapping, opening};

/// Headers within each other: four tunnels with all their layers are about forty.
pub(super) const LAYERS: u32 = 64;

/// One frame being written.
pub(super) struct Rewrite<'a> {
    pub addresses: &'a mut Addresses,
    pub scripts: &'a Scripts,
    pub handshakes: &'a Handshakes,
    pub fragments: &'a Fragments,
    /// The VLANs and tunnels around what the frame carries.
    pub wrapping: Wrapping,
    pub at: Stamp,
    pub out: &'a mut Vec<u8>,
    pub layers: u32,
}

/// How bytes are to be read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Layer {
    Ethernet,
    EtherType(u16),
    Llc,
    Ppp,
    Pppoe,
    Mpls,
    Ip,
}

impl Layer {
    /// How many bytes of its header name nobody and say how it is to be read.
    fn told(self) -> usize {
        match self {
            Self::EtherType(0x0806) | Self::Llc => 8,
            Self::Pppoe => 6,
            Self::Ppp => 4,
            Self::Ip => 1,
            Self::EtherType(_) | Self::Ethernet | Self::Mpls => 0,
        }
    }
}

impl Rewrite<'_> {
    /// The whole frame; its new length on the wire.
    pub fn frame(&mut self, frame: &Frame<'_>) -> usize {
        let bytes = Cut { captured: frame.bytes, len: (frame.wire_len as usize).max(frame.bytes.len()) };
        match opening(frame.link_type) {
            Some(Opening::Ethernet) => self.layer(Layer::Ethernet, bytes),
            Some(Opening::Ip) => self.layer(Layer::Ip, bytes),
            Some(Opening::Ppp) => self.layer(Layer::Ppp, bytes),
            Some(Opening::Pppoe) => self.layer(Layer::Pppoe, bytes),
            Some(Opening::Cooked(cooked)) => self.cooked(bytes, cooked),
            Some(Opening::Loopback) => self.loopback(bytes),
            Some(Opening::Hdlc) => self.hdlc(bytes),
            None => self.blank(bytes),
        }
    }

    /// A layer that is named by the one before; what cannot be read is blanked, and cannot be read then either.
    pub fn layer(&mut self, layer: Layer, bytes: Cut<'_>) -> usize {
        if self.layers == 0 {
            return self.blank(bytes);
        }
        self.layers -= 1;
        let written = self.out.len();
        let len = match layer {
            Layer::Ethernet => self.ethernet(bytes),
            Layer::EtherType(ether_type) => self.ether_type(ether_type, bytes),
            Layer::Llc => self.llc(bytes),
            Layer::Ppp => self.ppp(bytes),
            Layer::Pppoe => self.pppoe(bytes),
            Layer::Mpls => self.mpls(bytes),
            Layer::Ip => match bytes.u8(0).map(|byte| byte >> 4) {
                Some(4) => self.v4(bytes),
                Some(6) => self.v6(bytes),
                _ => None,
            },
        };
        len.unwrap_or_else(|| {
            self.out.truncate(written);
            self.unread(layer.told(), bytes)
        })
    }

    /// Blanks a header that cannot be read, but for its first bytes, which tell why.
    pub fn unread(&mut self, told: usize, bytes: Cut<'_>) -> usize {
        let (head, rest) = bytes.limit(told);
        self.keep(head.captured);
        self.blank(rest);
        bytes.len
    }

    /// Zeros, as many as there were bytes.
    pub fn blank(&mut self, bytes: Cut<'_>) -> usize {
        self.out.resize(self.out.len() + bytes.captured.len(), 0);
        bytes.len
    }

    /// Bytes that tell of nobody.
    pub fn keep(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// A link-layer address.
    pub fn mac(&mut self, bytes: &[u8]) {
        match bytes.first_chunk() {
            Some(octets) => {
                let Mac(octets) = self.addresses.mac(Mac(*octets));
                self.keep(&octets);
            }
            None => self.out.resize(self.out.len() + bytes.len(), 0),
        }
    }

    /// The header of a "cooked" capture.
    fn cooked(&mut self, bytes: Cut<'_>, cooked: Cooked) -> usize {
        let Some((head, rest)) = bytes.split(cooked.len) else { return self.blank(bytes) };
        let start = self.out.len();
        self.keep(head);
        let address = cooked.address.of(head).filter(|_| cooked.is_ethernet(head)).map(Mac);
        let Mac(octets) = address.map_or(Mac([0; 6]), |mac| self.addresses.mac(mac));
        let slot = self.out.get_mut(start..).unwrap_or_default();
        set(slot, cooked.address.0, &octets);
        set(slot, cooked.address.0 + octets.len(), &[0, 0]);
        let layer = match cooked.protocol.of(head).map(u16::from_be_bytes) {
            Some(SLL_802_2) => Layer::Llc,
            protocol => Layer::EtherType(protocol.unwrap_or_default()),
        };
        cooked.len + self.layer(layer, rest)
    }

    fn loopback(&mut self, bytes: Cut<'_>) -> usize {
        let Some((family, rest)) = bytes.split(4) else { return self.blank(bytes) };
        self.keep(family);
        4 + self.layer(Layer::Ip, rest)
    }

    fn hdlc(&mut self, bytes: Cut<'_>) -> usize {
        match (bytes.u8(0), bytes.u16(2), bytes.split(4)) {
            (Some(0x0f | 0x8f), Some(ether_type), Some((head, rest))) => {
                self.keep(head);
                4 + self.layer(Layer::EtherType(ether_type), rest)
            }
            _ => self.layer(Layer::Ppp, bytes),
        }
    }

    fn ethernet(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(ethernet::LEN)?;
        let start = self.out.len();
        self.mac(&ethernet::DESTINATION.of(head)?);
        self.mac(&ethernet::SOURCE.of(head)?);
        let ether_type = ethernet::TYPE.of(head)?;
        self.keep(&ether_type);
        Some(ethernet::LEN + self.typed(start + ethernet::TYPE.0, u16::from_be_bytes(ether_type), rest))
    }

    /// What follows an EtherType or a length, which stands at `at` in the output.
    fn typed(&mut self, at: usize, ether_type: u16, rest: Cut<'_>) -> usize {
        if ether_type > LENGTH_MAX {
            return self.layer(Layer::EtherType(ether_type), rest);
        }
        let (inside, trailer) = rest.limit(ether_type.into());
        let len = self.layer(Layer::Llc, inside);
        adjust(self.out, at, inside.len, len);
        self.blank(trailer);
        rest.with(inside, len)
    }

    fn ether_type(&mut self, ether_type: u16, bytes: Cut<'_>) -> Option<usize> {
        match ether_type {
            // The packet itself says its version.
            0x0800 | 0x86dd => Some(self.layer(Layer::Ip, bytes)),
            0x0806 => self.arp(bytes),
            0x8100 | 0x88a8 | 0x9100 | 0x9200 => {
                let (tag, rest) = bytes.split(4)?;
                let at = self.out.len() + 2;
                self.keep(tag);
                Some(4 + self.typed(at, bytes.u16(2)?, rest))
            }
            0x8847 | 0x8848 => Some(self.layer(Layer::Mpls, bytes)),
            0x8864 => Some(self.layer(Layer::Pppoe, bytes)),
            0x880b => Some(self.layer(Layer::Ppp, bytes)),
            0x6558 => Some(self.layer(Layer::Ethernet, bytes)),
            0x8870 => Some(self.layer(Layer::Llc, bytes)),
            _ => None,
        }
    }

    fn llc(&mut self, bytes: Cut<'_>) -> Option<usize> {
        match *bytes.captured.first_chunk()? {
            [0xaa, 0xaa, 0x03] => {
                let (head, rest) = bytes.split(8)?;
                let snap = matches!(head.get(3..6), Some([0, 0, 0 | 0xf8]));
                self.keep(head);
                Some(8 + if snap { self.layer(Layer::EtherType(bytes.u16(6)?), rest) } else { self.blank(rest) })
            }
            [0x06, 0x06, 0x03] => {
                let (head, rest) = bytes.split(3)?;
                self.keep(head);
                Some(3 + self.layer(Layer::Ip, rest))
            }
            _ => {
                let (head, rest) = bytes.split(3)?;
                self.keep(head);
                Some(3 + self.blank(rest))
            }
        }
    }

    fn ppp(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let framed = if bytes.captured.starts_with(&[0xff, 0x03]) { 2 } else { 0 };
        let first = bytes.u8(framed)?;
        let (protocol, len) =
            if first & 1 == 1 { (u16::from(first), framed + 1) } else { (bytes.u16(framed)?, framed + 2) };
        let (head, rest) = bytes.split(len)?;
        self.keep(head);
        Some(
            len + match protocol {
                0x0021 | 0x0057 => self.layer(Layer::Ip, rest),
                0x0281 | 0x0283 => self.layer(Layer::Mpls, rest),
                _ => self.blank(rest),
            },
        )
    }

    fn pppoe(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(6)?;
        let at = self.out.len() + 4;
        self.keep(head);
        let (inside, trailer) = rest.limit(bytes.u16(4)?.into());
        let len = if bytes.u8(1)? == 0 { self.layer(Layer::Ppp, inside) } else { self.blank(inside) };
        adjust(self.out, at, inside.len, len);
        self.blank(trailer);
        Some(bytes.with(inside, len))
    }

    fn mpls(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let labels =
            bytes.captured.chunks_exact(4).take(8).position(|label| label.get(2).is_some_and(|s| s & 1 == 1))?;
        let (head, rest) = bytes.split((labels + 1) * 4)?;
        self.keep(head);
        let has_ether_type = |bytes: Cut<'_>| {
            matches!(
                bytes.u16(12),
                Some(0x0800 | 0x86dd | 0x0806 | 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x8847 | 0x8864)
            )
        };
        Some(
            head.len()
                + match (rest.u8(0)? >> 4, rest.split(4)) {
                    (4 | 6, _) => self.layer(Layer::Ip, rest),
                    (0, Some((word, behind))) if has_ether_type(behind) => {
                        self.keep(word);
                        4 + self.layer(Layer::Ethernet, behind)
                    }
                    (1, _) if !has_ether_type(rest) => self.unread(1, rest),
                    (first, _) => {
                        let at = self.out.len();
                        let len = self.layer(Layer::Ethernet, rest);
                        // It says that no IP follows.
                        if let Some(byte) = self.out.get_mut(at) {
                            *byte = first << 4 | *byte & 0xf;
                        }
                        len
                    }
                },
        )
    }
}
