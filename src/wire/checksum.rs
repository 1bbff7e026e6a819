//! The TCP checksum (RFC 9293 3.1), computed only when somebody asks.
//!
//! Does not know routing headers with segments left: there the last destination counts, and the result is `Bad`.

use std::net::IpAddr;

use super::{Checksum, IpHeader, Segment, ip};

impl Segment<'_> {
    /// Whether the checksum over pseudo header, header and payload verifies.
    pub fn checksum(&self, header: &IpHeader) -> Checksum {
        let header_len = self.raw.get(12).map_or(20, |byte| usize::from(byte >> 4) * 4);
        let len = header_len + self.payload_len as usize;
        if self.raw.len() < len {
            return Checksum::Unknown;
        }
        // Segments beyond 64 KiB (offload) overflow the IPv4 length field; nobody checks theirs.
        let mut sum = u64::from(ip::TCP) + len as u64 + address_sum(header.source) + address_sum(header.destination);
        sum += words(self.raw);
        while sum > 0xffff {
            sum = (sum >> 16) + (sum & 0xffff);
        }
        if sum == 0xffff { Checksum::Valid } else { Checksum::Bad }
    }
}

fn address_sum(address: IpAddr) -> u64 {
    match address {
        IpAddr::V4(address) => words(&address.octets()),
        IpAddr::V6(address) => words(&address.octets()),
    }
}

/// The sum of 16-bit words, the last one padded with a zero byte.
fn words(bytes: &[u8]) -> u64 {
    let (pairs, last) = bytes.as_chunks::<2>();
    let sum: u64 = pairs.iter().map(|pair| u64::from(u16::from_be_bytes(*pair))).sum();
    sum + last.first().map_or(0, |byte| u64::from(*byte) << 8)
}

#[cfg(test)]
mod tests {
    use crate::wire::bytes::Bytes;
    use crate::wire::samples::{SYN, hex};
    use crate::wire::{Checksum, IpHeader, Segment, tcp};

    fn header(source: &str, destination: &str) -> IpHeader {
        IpHeader {
            source: source.parse().unwrap(),
            destination: destination.parse().unwrap(),
            ttl: 64,
            identification: None,
            tunnelled: false,
        }
    }

    fn checksum(digits: &str, missing: usize, header: &IpHeader) -> Checksum {
        tcp::segment(Bytes { captured: &hex(digits), missing }).unwrap().checksum(header)
    }

    #[test]
    fn both_pseudo_headers_verify() {
        let v4 = header("192.0.2.1", "192.0.2.2");
        assert_eq!(checksum(SYN, 0, &v4), Checksum::Valid);
        assert_eq!(checksum("0014c350 00000001 00000000 5018faf0 0b3d0000 323230", 0, &v4), Checksum::Valid);
        let v6 = header("2001:db8::1", "2001:db8::2");
        assert_eq!(checksum("0014c350 00000001 00000000 5002faf0 96170000", 0, &v6), Checksum::Valid);
    }

    #[test]
    fn a_spoilt_segment_is_bad_and_a_cut_one_unknown() {
        let v4 = header("192.0.2.1", "192.0.2.2");
        assert_eq!(checksum("0014c351 00000001 00000000 5002faf0 6d880000", 0, &v4), Checksum::Bad);
        assert_eq!(checksum(SYN, 1, &v4), Checksum::Unknown);
        assert_eq!(checksum("0014c350 00000001 00000000 5002", 6, &v4), Checksum::Unknown);
        assert_eq!(
            Segment { raw: &[], ..tcp::segment(Bytes { captured: &hex(SYN), missing: 0 }).unwrap() }.checksum(&v4),
            Checksum::Unknown
        );
    }
}
