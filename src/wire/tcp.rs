//! TCP headers and options (RFC 9293 3.1), also of segments that the snap length cut.

use super::bytes::Bytes;
use super::{Flags, Options, Segment, Seq};

/// Smallest header in bytes.
const HEADER_MIN: usize = 20;
/// Kinds that fit into [`Options::layout`].
const LAYOUT_KINDS: u32 = 8;
/// What the layout shows for kinds that do not fit into four bits.
const LAYOUT_HIGH: u8 = 15;

/// Reads a segment; `None` if it is malformed or cut before its flags.
#[inline]
pub(super) fn segment(bytes: Bytes<'_>) -> Option<Segment<'_>> {
    let [ports @ .., b12, flags] = bytes.array::<14>(0)?;
    let [s0, s1, d0, d1, q0, q1, q2, q3, a0, a1, a2, a3] = ports;
    let header_len = usize::from(b12 >> 4) * 4;
    let payload_len = bytes.wire_len().checked_sub(header_len)?;
    if header_len < HEADER_MIN {
        return None;
    }
    let captured_header = header_len.min(bytes.captured.len());
    Some(Segment {
        source_port: u16::from_be_bytes([s0, s1]),
        destination_port: u16::from_be_bytes([d0, d1]),
        seq: Seq(u32::from_be_bytes([q0, q1, q2, q3])),
        ack: Seq(u32::from_be_bytes([a0, a1, a2, a3])),
        flags: Flags(flags),
        window: bytes.u16(14).unwrap_or(u16::MAX),
        options: bytes.captured.get(HEADER_MIN..captured_header).map(options).unwrap_or_default(),
        payload: bytes.captured.get(header_len..).unwrap_or_default(),
        payload_len: u32::try_from(payload_len).unwrap_or(u32::MAX),
        raw: bytes.captured,
    })
}

/// Reads options as far as they make sense.
fn options(mut bytes: &[u8]) -> Options {
    let mut options = Options::default();
    let mut shift = 0;
    while let [kind, rest @ ..] = bytes {
        if *kind == 0 {
            break;
        }
        if shift < LAYOUT_KINDS * 4 {
            options.layout |= u32::from((*kind).min(LAYOUT_HIGH)) << shift;
            shift += 4;
        }
        if *kind == 1 {
            bytes = rest;
            continue;
        }
        let Some((option, behind)) = rest.first().and_then(|len| bytes.split_at_checked((*len).into())) else { break };
        match *option {
            [2, 4, a, b] => options.mss = Some(u16::from_be_bytes([a, b])),
            [3, 3, shift] => options.window_scale = Some(shift),
            [4, 2] => options.sack_permitted = true,
            [8, 10, ..] => {
                let option = Bytes::whole(option);
                options.timestamps = option.u32(2).zip(option.u32(6));
            }
            // A length below 2 would not get us on.
            [] | [_] => break,
            _ => {}
        }
        bytes = behind;
    }
    options
}

#[cfg(test)]
mod tests {
    use super::{options, segment};
    use crate::wire::bytes::Bytes;
    use crate::wire::{Flags, Options, Seq};

    /// A SYN with the options of Linux: MSS, SACK permitted, timestamps, NOP, window scale.
    const SYN: [u8; 40] = [
        0x00, 0x14, 0xc3, 0x50, 0, 0, 0, 1, 0, 0, 0, 2, 0xa0, 0x02, 0xfa, 0xf0, 0, 0, 0, 0, // header
        2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7,
    ];

    #[test]
    fn a_syn_with_its_options() {
        let segment = segment(Bytes::whole(&SYN)).unwrap();
        assert_eq!((segment.source_port, segment.destination_port), (20, 50000));
        assert_eq!((segment.seq, segment.ack, segment.flags, segment.window), (Seq(1), Seq(2), Flags(2), 64240));
        assert_eq!(
            segment.options,
            Options {
                mss: Some(1460),
                window_scale: Some(7),
                timestamps: Some((7, 9)),
                sack_permitted: true,
                layout: 0x0003_1842,
            }
        );
        assert_eq!((segment.payload.len(), segment.payload_len), (0, 0));
    }

    #[test]
    fn a_cut_header_gives_what_is_there() {
        for len in 0..SYN.len() {
            let cut = segment(Bytes { captured: &SYN[..len], missing: SYN.len() - len + 5 });
            assert_eq!(cut.is_some(), len >= 14, "{len}");
            if let Some(cut) = cut {
                assert_eq!((cut.seq, cut.flags, cut.payload_len), (Seq(1), Flags(2), 5));
                assert_eq!(cut.window, if len < 16 { 0xffff } else { 64240 });
                assert_eq!(cut.options.mss.is_some(), len >= 24);
            }
        }
    }

    #[test]
    fn a_header_longer_than_its_segment_or_shorter_than_20_bytes_is_malformed() {
        let mut bytes = SYN;
        bytes[12] = 0xf0;
        assert!(segment(Bytes::whole(&bytes)).is_none());
        bytes[12] = 0x40;
        assert!(segment(Bytes::whole(&bytes)).is_none());
    }

    #[test]
    fn broken_options_end_the_list() {
        assert_eq!(options(&[8, 0, 1, 2]).layout, 0x8);
        assert_eq!(options(&[1, 1, 8]).layout, 0x811);
        assert_eq!(options(&[2, 40, 0, 0]).mss, None);
        assert_eq!(options(&[0, 2, 4, 5, 6]), Options::default());
        assert_eq!(options(&[254, 2, 1]).layout, 0x1f);
        assert_eq!(options(&[1; 40]).layout, 0x1111_1111);
    }
}
