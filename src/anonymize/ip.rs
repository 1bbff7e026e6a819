//! IPv4, IPv6 and their extension headers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::checksum::{Sum, carried};
use super::cut::{Cut, adjust, set, u16_at};
use super::rewrite::{Layer, Rewrite};
use crate::wire::field::{ipv4, ipv6, tcp};

// Protocol numbers (IANA).
const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
const AUTHENTICATION: u8 = 51;
const ICMPV6: u8 = 58;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const MPLS: u8 = 137;

/// Extension headers of a packet.
const EXTENSIONS: usize = 8;

/// The addresses of a packet, before and after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ends {
    pub from: IpAddr,
    pub to: IpAddr,
    pub now_from: IpAddr,
    pub now_to: IpAddr,
    /// Whether the bytes at hand are a part of a datagram, of which a first part comes first.
    pub fragment: bool,
}

/// Where a fragment lies in its datagram.
#[derive(Clone, Copy, Debug)]
struct Part {
    /// In bytes.
    offset: usize,
    more: bool,
}

impl Ends {
    /// The sums over the pseudo-headers (RFC 9293 3.1) of the packet as it was and as it is.
    pub fn sums(&self, protocol: u8, len: usize, now_len: usize) -> (Sum, Sum) {
        let sum = |from: IpAddr, to: IpAddr, len: usize| {
            let sum = Sum::default().with_number(protocol.into()).with_number(len);
            [from, to].into_iter().fold(sum, |sum, address| match address {
                IpAddr::V4(address) => sum.with(&address.octets()),
                IpAddr::V6(address) => sum.with(&address.octets()),
            })
        };
        (sum(self.from, self.to, len), sum(self.now_from, self.now_to, now_len))
    }
}

impl Rewrite<'_> {
    pub(super) fn v4(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let header_len = usize::from(bytes.u8(0).filter(|byte| byte >> 4 == 4)? & 0xf) * 4;
        let (head, rest) = bytes.split(Some(header_len).filter(|len| *len >= ipv4::LEN)?)?;
        let (from, to) = (Ipv4Addr::from(ipv4::SOURCE.of(head)?), Ipv4Addr::from(ipv4::DESTINATION.of(head)?));
        let (now_from, now_to) = (self.addresses.v4(from), self.addresses.v4(to));
        let start = self.out.len();
        self.keep(head);
        let now = self.out.get_mut(start..)?;
        set(now, ipv4::SOURCE.0, &now_from.octets());
        set(now, ipv4::DESTINATION.0, &now_to.octets());
        scrub_options(now.get_mut(ipv4::LEN..)?);

        let total = usize::from(u16::from_be_bytes(ipv4::TOTAL_LENGTH.of(head)?));
        let (inside, trailer) = match total.checked_sub(head.len()) {
            Some(len) => rest.limit(len),
            None => rest.limit(rest.len),
        };
        let place = u16::from_be_bytes(ipv4::FRAGMENT.of(head)?);
        let (offset, more) = (place & 0x1fff, place & 0x2000 != 0);
        let ends = Ends {
            from: from.into(),
            to: to.into(),
            now_from: now_from.into(),
            now_to: now_to.into(),
            fragment: offset != 0 || more,
        };
        let part = Part { offset: usize::from(offset) * 8, more };
        let [protocol] = ipv4::PROTOCOL.of(head)?;
        let len = match self.part_of_segment(&ends, part, inside.len) {
            Some(len) => len,
            None if offset == 0 => self.payload(protocol, &ends, inside),
            None => self.later_fragment(protocol, part.offset, inside),
        };
        let now = self.out.get_mut(start..)?;
        adjust(now, ipv4::TOTAL_LENGTH.0, inside.len, len);
        let sum = |header: &[u8]| {
            let (before, behind) = header.split_at(ipv4::CHECKSUM.0.min(header.len()));
            Sum::default().with(before).with(behind.get(2..).unwrap_or_default())
        };
        let carried = carried(u16_at(head, ipv4::CHECKSUM.0), sum(head), sum(now.get(..head.len())?));
        set(now, ipv4::CHECKSUM.0, &carried.to_be_bytes());
        self.blank(trailer);
        Some(bytes.with(inside, len))
    }

    pub(super) fn v6(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(ipv6::LEN)?;
        if head.first()? >> 4 != 6 {
            return None;
        }
        let (from, to) = (Ipv6Addr::from(ipv6::SOURCE.of(head)?), Ipv6Addr::from(ipv6::DESTINATION.of(head)?));
        let (now_from, now_to) = (self.addresses.v6(from), self.addresses.v6(to));
        let start = self.out.len();
        self.keep(head);
        let now = self.out.get_mut(start..)?;
        set(now, ipv6::SOURCE.0, &now_from.octets());
        set(now, ipv6::DESTINATION.0, &now_to.octets());
        let (inside, trailer) = match u16::from_be_bytes(ipv6::PAYLOAD_LENGTH.of(head)?) {
            0 => rest.limit(rest.len),
            len => rest.limit(len.into()),
        };
        let ends = Ends {
            from: from.into(),
            to: to.into(),
            now_from: now_from.into(),
            now_to: now_to.into(),
            fragment: false,
        };
        let [next] = ipv6::NEXT_HEADER.of(head)?;
        let len = self.extensions(next, ends, inside);
        adjust(self.out.get_mut(start..)?, ipv6::PAYLOAD_LENGTH.0, inside.len, len);
        self.blank(trailer);
        Some(bytes.with(inside, len))
    }

    /// Extension headers, and what follows them.
    fn extensions(&mut self, protocol: u8, mut ends: Ends, bytes: Cut<'_>) -> usize {
        let (mut protocol, mut rest, mut len) = (protocol, bytes, 0);
        for _ in 0..EXTENSIONS {
            let size = match protocol {
                FRAGMENT => 8,
                HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY => {
                    rest.u8(1).map_or(8, |units| usize::from(units) * 8 + 8)
                }
                _ => break,
            };
            let Some((head, behind)) = rest.split(size) else { return len + self.unread(2, rest) };
            if protocol == FRAGMENT {
                let place = u16_at(head, 2);
                ends.fragment = place & !6 != 0;
                self.keep(head);
                let part = Part { offset: usize::from(place & !7), more: place & 1 != 0 };
                if let Some(now_len) = self.part_of_segment(&ends, part, behind.len) {
                    return len + size + now_len;
                }
                if part.offset != 0 {
                    let next = head.first().copied().unwrap_or_default();
                    return len + size + self.later_fragment(next, part.offset, behind);
                }
            } else {
                // Their options may hold addresses.
                self.keep(head.get(..4).unwrap_or_default());
                self.pad(head.get(4..).unwrap_or_default(), protocol);
            }
            protocol = head.first().copied().unwrap_or_default();
            rest = behind;
            len += size;
        }
        len + self.payload(protocol, &ends, rest)
    }

    /// Padding instead of options, zeros instead of a routing header's addresses.
    fn pad(&mut self, options: &[u8], protocol: u8) {
        let start = self.out.len();
        self.out.resize(start + options.len(), 0);
        let is_options = matches!(protocol, HOP_BY_HOP | DESTINATION);
        // The options begin two bytes before; those two have been kept.
        if is_options && let Some(len) = start.checked_sub(2).and_then(|at| self.out.get_mut(at..)) {
            let value = u8::try_from(options.len()).unwrap_or(0);
            set(len, 0, &[1, value]);
        }
    }

    /// What an IP packet carries.
    pub(super) fn payload(&mut self, protocol: u8, ends: &Ends, bytes: Cut<'_>) -> usize {
        if self.layers == 0 {
            return self.blank(bytes);
        }
        self.layers -= 1;
        let written = self.out.len();
        let len = match protocol {
            TCP => self.tcp(ends, bytes),
            _ if ends.fragment => None,
            UDP => self.udp(ends, bytes),
            ICMP => self.icmp(bytes),
            ICMPV6 => self.icmpv6(ends, bytes),
            IPV4 | IPV6 => Some(self.layer(Layer::Ip, bytes)),
            GRE => self.gre(bytes),
            MPLS => Some(self.layer(Layer::Mpls, bytes)),
            AUTHENTICATION => self.authentication(ends, bytes),
            _ => None,
        };
        len.unwrap_or_else(|| {
            self.out.truncate(written);
            self.unread(if matches!(protocol, GRE | AUTHENTICATION) { 4 } else { 0 }, bytes)
        })
    }

    fn authentication(&mut self, ends: &Ends, bytes: Cut<'_>) -> Option<usize> {
        let size = (usize::from(bytes.u8(1)?) + 2) * 4;
        let (head, rest) = bytes.split(size)?;
        self.keep(head);
        Some(size + self.payload(*head.first()?, ends, rest))
    }

    /// A fragment of a segment that is known as a whole. The last one takes up what the segment grew or shrank.
    fn part_of_segment(&mut self, ends: &Ends, part: Part, len: usize) -> Option<usize> {
        if !ends.fragment {
            return None;
        }
        let (completed, whole) = self.fragments.get(&(self.at.capture, self.at.number))?.clone();
        let start = self.out.len();
        let at = std::mem::replace(&mut self.at, completed);
        let written = self.tcp(&Ends { fragment: false, ..*ends }, Cut { captured: &whole, len: whole.len() });
        self.at = at;
        written?;
        let segment = self.out.split_off(start);
        let end = if part.more { part.offset + len } else { segment.len() };
        let bytes = segment.get(part.offset..end.min(segment.len())).unwrap_or_default();
        self.keep(bytes);
        Some(bytes.len())
    }

    /// A part of a datagram from `offset` on. The checksum in the first part covers it, so that its sum is kept.
    fn later_fragment(&mut self, protocol: u8, offset: usize, bytes: Cut<'_>) -> usize {
        let of_header = if protocol == TCP { tcp::LEN.saturating_sub(offset) } else { 0 };
        let (header, rest) = bytes.limit(of_header);
        self.keep(header.captured);
        let start = self.out.len();
        self.blank(rest);
        let sum = Sum::default().with(rest.captured).folded();
        if let Some(now) = self.out.get_mut(start..) {
            set(now, 0, &sum.to_be_bytes());
        }
        bytes.len
    }
}

/// The option that says nothing more than that routers should look (RFC 2113).
const ROUTER_ALERT: u8 = 148;

/// No operation instead of every other IPv4 option: routes, timestamps and labels tell of hosts and of whom they serve.
fn scrub_options(options: &mut [u8]) {
    let mut at = 0;
    while let Some(kind) = options.get(at).copied() {
        let len = match kind {
            0 => return,
            1 => 1,
            _ => options.get(at + 1).map_or(1, |len| usize::from(*len).max(2)),
        };
        if kind != ROUTER_ALERT {
            options.iter_mut().skip(at).take(len).for_each(|byte| *byte = 1);
        }
        at += len;
    }
}
