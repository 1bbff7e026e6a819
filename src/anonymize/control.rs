//! ARP, ICMP and neighbour discovery.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::checksum::{Sum, carried};
use super::cut::{Cut, set, u16_at};
use super::ip::Ends;
use super::rewrite::Rewrite;

const ICMPV6: u8 = 58;
/// Before the quote of an error.
const HEADER: usize = 8;

// Neighbour discovery (RFC 4861) messages and options.
const ROUTER_SOLICITATION: u8 = 133;
const ROUTER_ADVERTISEMENT: u8 = 134;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const REDIRECT: u8 = 137;
const SOURCE_LINK_ADDRESS: u8 = 1;
const TARGET_LINK_ADDRESS: u8 = 2;
const PREFIX: u8 = 3;

impl Rewrite<'_> {
    /// IPv4 over Ethernet (RFC 826), any operation.
    pub(super) fn arp(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (packet, trailer) = bytes.split(28)?;
        let (head, addresses) = packet.split_at_checked(8)?;
        if !head.starts_with(&[0, 1, 8, 0, 6, 4]) {
            return None;
        }
        self.keep(head);
        for pair in addresses.chunks_exact(10) {
            self.mac(pair.get(..6)?);
            let address = Ipv4Addr::from(*pair.get(6..)?.first_chunk::<4>()?);
            let now = self.addresses.v4(address);
            self.keep(&now.octets());
        }
        Some(packet.len() + self.blank(trailer))
    }

    pub(super) fn icmp(&mut self, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(HEADER)?;
        let start = self.out.len();
        self.keep(head);
        let kind = *head.first()?;
        if kind == 5 {
            // A redirect names the better router.
            let router = Ipv4Addr::from(*head.get(4..)?.first_chunk::<4>()?);
            let now = self.addresses.v4(router);
            set(self.out.get_mut(start..)?, 4, &now.octets());
        }
        let len = HEADER + if matches!(kind, 3 | 4 | 5 | 11 | 12) { self.quote(rest) } else { self.blank(rest) };
        self.carry(start, bytes, (Sum::default(), Sum::default()));
        Some(len)
    }

    pub(super) fn icmpv6(&mut self, ends: &Ends, bytes: Cut<'_>) -> Option<usize> {
        let (head, rest) = bytes.split(HEADER)?;
        let start = self.out.len();
        self.keep(head);
        let len = HEADER
            + match *head.first()? {
                1..=4 => self.quote(rest),
                ROUTER_SOLICITATION => self.discovery_options(rest),
                ROUTER_ADVERTISEMENT => {
                    let (times, options) = rest.split(8)?;
                    self.keep(times);
                    8 + self.discovery_options(options)
                }
                SOLICITATION | ADVERTISEMENT => self.targets(1, rest)?,
                REDIRECT => self.targets(2, rest)?,
                _ => self.blank(rest),
            };
        self.carry(start, bytes, ends.sums(ICMPV6, bytes.len, len));
        Some(len)
    }

    /// The packet that an error is about, as far as it is quoted: its length is no longer than what there is. It keeps
    /// its size, so that what comes behind it stays in place.
    fn quote(&mut self, bytes: Cut<'_>) -> usize {
        let start = self.out.len();
        // A quote is cut like a capture, but says so nowhere.
        let said = match bytes.u8(0).map(|byte| byte >> 4) {
            Some(4) => bytes.u16(2).map_or(0, usize::from),
            Some(6) => bytes.u16(4).map_or(0, |len| usize::from(len) + 40),
            _ => return self.blank(bytes),
        };
        let quoted = Cut { captured: bytes.captured, len: said.max(bytes.len) };
        self.layer(super::rewrite::Layer::Ip, quoted);
        self.out.resize(start + bytes.captured.len(), 0);
        bytes.len
    }

    /// Addresses, and the options behind them.
    fn targets(&mut self, count: usize, bytes: Cut<'_>) -> Option<usize> {
        let (addresses, options) = bytes.split(16 * count)?;
        for address in addresses.chunks_exact(16) {
            let now = self.addresses.v6(Ipv6Addr::from(*address.first_chunk::<16>()?));
            self.keep(&now.octets());
        }
        Some(addresses.len() + self.discovery_options(options))
    }

    fn discovery_options(&mut self, bytes: Cut<'_>) -> usize {
        let mut rest = bytes;
        while let (Some(kind), Some(units @ 1..)) = (rest.u8(0), rest.u8(1)) {
            let Some((option, behind)) = rest.split(usize::from(units) * 8) else { break };
            self.discovery_option(kind, option);
            rest = behind;
        }
        bytes.len - rest.len + self.blank(rest)
    }

    fn discovery_option(&mut self, kind: u8, option: &[u8]) {
        let start = self.out.len();
        self.keep(option.get(..2).unwrap_or_default());
        match kind {
            SOURCE_LINK_ADDRESS | TARGET_LINK_ADDRESS => self.mac(option.get(2..8).unwrap_or_default()),
            PREFIX => {
                self.keep(option.get(2..16).unwrap_or_default());
                let len = option.get(2).map_or(0, |len| u32::from(*len).min(128));
                let prefix = option.get(16..).and_then(<[u8]>::first_chunk::<16>).copied().unwrap_or_default();
                let now = self.addresses.v6(Ipv6Addr::from(prefix)).to_bits();
                let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
                self.keep(&(now & mask).to_be_bytes());
            }
            _ => {}
        }
        self.out.resize(start + option.len(), 0);
    }

    /// The checksum in the third and fourth byte, over all of the message that begins at `start` in the output.
    fn carry(&mut self, start: usize, bytes: Cut<'_>, (old, new): (Sum, Sum)) {
        let Some(now) = self.out.get_mut(start..) else { return };
        let sum = |sum: Sum, bytes: &[u8]| {
            sum.with(bytes.get(..2).unwrap_or_default()).with(bytes.get(4..).unwrap_or_default())
        };
        let checksum = carried(u16_at(bytes.captured, 2), sum(old, bytes.captured), sum(new, now));
        set(now, 2, &checksum.to_be_bytes());
    }
}
