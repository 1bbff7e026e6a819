//! MPLS label stacks (RFC 3032) and what is below them, which they do not tell.

use super::Body;
use super::bytes::Bytes;
use super::count::Kind;
use super::step::{Layer, Step};

/// Deepest label stack taken apart; real ones have two to five labels.
const LABELS: usize = 8;

/// Takes off the labels and guesses what follows by its first nibble (RFC 4928 3).
pub(super) fn stack(bytes: Bytes<'_>) -> Option<Step<'_>> {
    let mut rest = bytes;
    for _ in 0..LABELS {
        let bottom = rest.u8(2)? & 1 == 1;
        rest = rest.skip(4)?;
        if bottom {
            return below(rest);
        }
    }
    Some(Step::Undecoded(Kind::Encapsulation("MPLS with more than 8 labels"), Body::Nothing))
}

fn below(bytes: Bytes<'_>) -> Option<Step<'_>> {
    Some(match bytes.u8(0)? >> 4 {
        4 | 6 => Step::Next(Layer::Ip, bytes),
        // A pseudowire control word (RFC 4385), or an Ethernet address that begins with this nibble.
        0 if has_ether_type(bytes.skip(4)?) => Step::Next(Layer::Ethernet, bytes.skip(4)?),
        // The associated channel: operation and maintenance, no traffic.
        1 if !has_ether_type(bytes) => Step::Done(Body::Nothing),
        _ => Step::Next(Layer::Ethernet, bytes),
    })
}

/// Whether these bytes look like an Ethernet frame that matters.
fn has_ether_type(bytes: Bytes<'_>) -> bool {
    matches!(bytes.u16(12), Some(0x0800 | 0x86dd | 0x0806 | 0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x8847 | 0x8864))
}
