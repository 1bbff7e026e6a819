//! Decodes the commonest frames in one step instead of layer by layer: a TCP segment in IPv4 without options, in Ethernet
//! without a tag.

use super::bytes::Bytes;
use super::glimpse::{is_fragment, part, plain};
use super::ip::TCP;
use super::{Body, Decoded, IpHeader, Link, Mac, Wrapping, tcp};
use crate::frame::Frame;

/// Length of the headers of Ethernet and of IPv4.
const ETHERNET: usize = 14;
const IPV4: usize = 20;

/// What [`super::Decoder`] says of such a frame. `None` of any other, and of one that is malformed or a fragment.
#[inline]
pub(super) fn segment<'a>(frame: &Frame<'a>) -> Option<Decoded<'a>> {
    let head = plain(frame)?;
    let [ttl, protocol] = part(head, 22);
    if protocol != TCP || is_fragment(part(head, 20)) {
        return None;
    }
    let len = usize::from(u16::from_be_bytes(part(head, 16))).checked_sub(IPV4)?;
    let missing = (frame.wire_len as usize).saturating_sub(frame.bytes.len());
    let packet = Bytes { captured: frame.bytes.get(ETHERNET + IPV4..)?, missing };
    let segment = tcp::segment(packet.limit(len))?;
    let [source, destination] = [part::<4, _>(head, 26), part(head, 30)].map(Into::into);
    let identification = Some(u16::from_be_bytes(part(head, 18)));
    let ip = IpHeader { source, destination, ttl, identification, tunnelled: false };
    let [to, from] = [part(head, 0), part(head, 6)].map(|mac| Some(Mac(mac)));
    let link = Link { source: from, destination: to, ..Link::default() };
    Some(Decoded { link, wrapping: Wrapping::NONE, body: Body::Tcp(ip, segment), fragments: &[] })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::segment;
    use crate::wire::Decoder;
    use crate::wire::samples::{MACS, SYN, frame, hex, v4};

    proptest! {
        /// Whatever is changed, cut and added behind, it is what the way through all layers gives.
        #[test]
        fn one_step_comes_where_all_layers_lead(
            changes in proptest::collection::vec((12..60_usize, any::<u8>()), 0..4),
            (cut, missing) in (0..80_usize, 0..50_u32),
        ) {
            let mut bytes = hex(&format!("{MACS} 0800 {} 0000", v4(6, &format!("{SYN} 414243"))));
            for (at, byte) in changes {
                if let Some(slot) = bytes.get_mut(at) {
                    *slot = byte;
                }
            }
            bytes.truncate(cut.max(30));
            let mut frame = frame(1, 1, &bytes);
            frame.wire_len += missing;
            if let Some(straight) = segment(&frame) {
                let mut decoder = Decoder::new();
                prop_assert_eq!(format!("{straight:?}"), format!("{:?}", decoder.through_layers(&frame)));
                prop_assert_eq!(decoder.undecoded(), []);
            }
        }
    }

    #[test]
    fn a_whole_segment_takes_it() {
        let bytes = hex(&format!("{MACS} 0800 {}", v4(6, SYN)));
        assert!(segment(&frame(1, 1, &bytes)).is_some());
        assert!(segment(&frame(1, 1, &bytes[..40])).is_none(), "cut before its flags");
    }
}
