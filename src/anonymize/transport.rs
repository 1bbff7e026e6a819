//! TCP and UDP, and the tunnels in UDP and GRE.

use std::net::SocketAddr;

use super::checksum::{Sum, carried};
use super::cut::{Cut, adjust, set, u16_at};
use super::ip::Ends;
use super::rewrite::{Layer, Rewrite};
use super::script::Script;
use super::veil::masked;
use crate::wire::{Flags, Seq, Wrapping};

const TCP: u8 = 6;
const UDP: u8 = 17;

// TCP option kinds (IANA).
const END: u8 = 0;
const NO_OPERATION: u8 = 1;
const SACK: u8 = 5;
/// Sizes, times and sequence numbers: segment size, window scale, selective acknowledgements, timestamps, user timeout.
/// Others hold digests, cookies, and, where load balancers tell servers of their clients, addresses.
const KEPT: [u8; 8] = [END, NO_OPERATION, 2, 3, 4, SACK, 8, 28];
/// Its subtype tells of nobody.
const MULTIPATH: u8 = 30;

const GRE_CHECKSUM: u16 = 0x8000;
const GRE_ROUTING: u16 = 0x4000;
const GRE_KEY: u16 = 0x2000;
const GRE_SEQUENCE: u16 = 0x1000;
const GRE_ACKNOWLEDGEMENT: u16 = 0x0080;

impl Rewrite<'_> {
    /// A segment; of a header that is cut what there is.
    pub(super) fn tcp(&mut self, ends: &Ends, bytes: Cut<'_>) -> Option<usize> {
        let header_len = bytes.u8(12).map_or(20, |byte| usize::from(byte >> 4) * 4).max(20);
        // The rest of a header may be in the next fragment.
        let header_len = if ends.fragment { header_len.min(bytes.len) } else { header_len };
        let (head, rest) = match bytes.split(header_len) {
            Some(parts) => parts,
            None => (bytes.captured, Cut { captured: &[], len: bytes.len.checked_sub(header_len)? }),
        };
        let from = SocketAddr::new(ends.from, bytes.u16(0)?);
        let to = SocketAddr::new(ends.to, bytes.u16(2)?);
        let seq = Seq(bytes.u32(4)?);
        let flags = Flags(bytes.u8(13).unwrap_or(0));
        let first = seq.plus(u32::from(flags.has(Flags::SYN)));
        let scripts = self.scripts.of(self.wrapping, from, to, self.at);

        let start = self.out.len();
        self.keep(head);
        let now = self.out.get_mut(start..)?;
        if let Some((own, peer)) = scripts {
            renumber(now, head, seq, flags, own, peer);
        }
        blank_options(now.get_mut(20..).unwrap_or_default());
        let (payload, len) = match scripts {
            // The other parts of a datagram have been written without regard to it.
            Some(_) if ends.fragment => (rest.captured.iter().map(|byte| masked(*byte)).collect(), rest.len),
            Some((own, _)) => own.payload(self.addresses.key(), first, rest.captured, rest.len),
            None => (self.data((self.wrapping, from, to), first, rest.captured), rest.len),
        };
        self.keep(&payload);

        let (old_sum, new_sum) = ends.sums(TCP, header_len + rest.len, header_len + len);
        let now = self.out.get_mut(start..)?;
        let sum = |sum: Sum, bytes: &[u8]| {
            let (before, behind) = bytes.split_at(16.min(bytes.len()));
            sum.with(before).with(behind.get(2..).unwrap_or_default())
        };
        let checksum = carried(u16_at(head, 16), sum(old_sum, bytes.captured), sum(new_sum, now));
        set(now, 16, &checksum.to_be_bytes());
        Some(header_len + len)
    }

    /// Data, blanked but for the heads of TLS records.
    fn data(&self, from: (Wrapping, SocketAddr, SocketAddr), seq: Seq, payload: &[u8]) -> Vec<u8> {
        match self.handshakes.of(from, seq) {
            Some(script) => script.blanked(seq, payload),
            None => vec![0; payload.len()],
        }
    }

    pub(super) fn udp(&mut self, ends: &Ends, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(8)?;
        let start = self.out.len();
        self.keep(head);
        let (inside, trailer) = match usize::from(u16_at(head, 4)).checked_sub(8) {
            Some(len) => rest.limit(len),
            None => rest.limit(rest.len),
        };
        let tunnel = match u16_at(head, 2) {
            4789 | 8472 => self.network(Layer::Ethernet, inside, 8),
            4790 => match (inside.u8(0)? & 4, inside.u8(3)?) {
                (0, _) | (_, 3) => self.network(Layer::Ethernet, inside, 8),
                (_, 1 | 2) => self.network(Layer::Ip, inside, 8),
                (_, 5) => self.network(Layer::Mpls, inside, 8),
                _ => None,
            },
            6081 => {
                let options = usize::from(inside.u8(0)? & 0x3f) * 4;
                self.network(Layer::EtherType(inside.u16(2)?), inside, 8 + options)
            }
            _ => None,
        };
        let len = if let Some(len) = tunnel {
            len
        } else {
            // The first words tell encapsulations from what else uses their ports, and what is in them.
            let told = match u16_at(head, 2) {
                1701 | 2152 | 4500 => 4,
                4789 | 4790 | 6081 | 8472 => 8,
                _ => 0,
            };
            self.unread(told, inside)
        };
        let now = self.out.get_mut(start..)?;
        adjust(now, 4, inside.len, len);
        // 0 says that there is none (RFC 768).
        if u16_at(head, 6) != 0 {
            let (old_sum, new_sum) = ends.sums(UDP, 8 + inside.len, 8 + len);
            let old = old_sum.with(head.get(..6)?).with(inside.captured);
            let new = new_sum.with(now.get(..6)?).with(now.get(8..)?);
            let checksum = carried(u16_at(head, 6), old, new);
            set(now, 6, &if checksum == 0 { [0xff; 2] } else { checksum.to_be_bytes() });
        }
        self.blank(trailer);
        Some(bytes.with(inside, len))
    }

    /// A header of `len` bytes, of which the first eight tell of nobody, and what is inside.
    fn network(&mut self, layer: Layer, bytes: Cut<'_>, len: usize) -> Option<usize> {
        let (head, rest) = bytes.split(len)?;
        self.keep(head.get(..8)?);
        self.out.resize(self.out.len() + len - 8, 0);
        Some(len + self.layer(layer, rest))
    }

    pub(super) fn gre(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (flags, protocol) = (bytes.u16(0)?, bytes.u16(2)?);
        if flags & GRE_ROUTING != 0 {
            return None;
        }
        let fields = [GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE].into_iter().filter(|field| flags & field != 0).count();
        let version = flags & 7;
        let acknowledged = version == 1 && flags & GRE_ACKNOWLEDGEMENT != 0;
        let plain = 4 + 4 * (fields + usize::from(acknowledged));
        let (layer, len) = match (version, protocol) {
            (0, 0x88be) if flags & GRE_SEQUENCE == 0 => (Layer::Ethernet, plain),
            (0, 0x88be) => (Layer::Ethernet, plain + 8),
            (0, 0x22eb) => (Layer::Ethernet, plain + if bytes.u8(plain + 11)? & 1 == 1 { 20 } else { 12 }),
            (0, ether_type) => (Layer::EtherType(ether_type), plain),
            (1, _) => (Layer::Ppp, plain),
            _ => return None,
        };
        let (head, rest) = bytes.split(len)?;
        let start = self.out.len();
        self.keep(head);
        let inside = self.layer(layer, rest);
        let now = self.out.get_mut(start..)?;
        if flags & GRE_CHECKSUM != 0 {
            let sum = |bytes: &[u8]| {
                Sum::default().with(bytes.get(..4).unwrap_or_default()).with(bytes.get(6..).unwrap_or_default())
            };
            set(now, 4, &carried(u16_at(head, 4), sum(bytes.captured), sum(now)).to_be_bytes());
        }
        if version == 1 {
            // PPTP says the length of its payload (RFC 2637 4.1).
            adjust(now, 4, rest.len, inside);
        }
        Some(len + inside)
    }
}

/// Sequence numbers, the urgent pointer and selective acknowledgements, as they are now.
fn renumber(now: &mut [u8], head: &[u8], seq: Seq, flags: Flags, own: &Script, peer: &Script) {
    set(now, 4, &own.seq(seq).0.to_be_bytes());
    let number =
        |at: usize| head.get(at..).and_then(<[u8]>::first_chunk::<4>).map(|field| Seq(u32::from_be_bytes(*field)));
    if flags.has(Flags::ACK)
        && let Some(ack) = number(8)
    {
        set(now, 8, &peer.seq(ack).0.to_be_bytes());
    }
    if flags.has(Flags::URG) && head.len() >= 20 {
        let urgent = own.seq(seq.plus(u16_at(head, 18).into())).distance_from(own.seq(seq));
        set(now, 18, &u16::try_from(urgent).unwrap_or(u16::MAX).to_be_bytes());
    }
    for (at, kind, len) in options(head.get(20..).unwrap_or_default()) {
        if kind != SACK {
            continue;
        }
        for edge in (at + 22..at + 20 + len).step_by(4) {
            if let Some(seq) = number(edge) {
                set(now, edge, &peer.seq(seq).0.to_be_bytes());
            }
        }
    }
}

/// Where each option is, its kind and its length with both of these bytes.
fn options(bytes: &[u8]) -> Vec<(usize, u8, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(kind) = bytes.get(at).copied() {
        let len = match kind {
            END => break,
            NO_OPERATION => 1,
            _ => bytes.get(at + 1).map_or(1, |len| usize::from(*len).max(2)),
        };
        found.push((at, kind, len));
        at += len;
    }
    found
}

fn blank_options(bytes: &mut [u8]) {
    for (at, kind, len) in options(bytes) {
        let head = if kind == MULTIPATH { 3 } else { 2 };
        if !KEPT.contains(&kind) {
            bytes.iter_mut().skip(at + head).take(len.saturating_sub(head)).for_each(|byte| *byte = 0);
        }
    }
}
