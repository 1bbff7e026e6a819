//! PPP frames (RFC 1661, RFC 1662) and PPPoE sessions (RFC 2516).

use super::Body;
use super::bytes::Bytes;
use super::count::Kind;
use super::step::{Layer, Step};
use super::wrapping::Component;

/// A PPP frame: address and control may be left out, and so may the first byte of the protocol (RFC 1661 6.5, 6.6).
pub(super) fn frame(bytes: Bytes<'_>) -> Option<Step<'_>> {
    let bytes = if bytes.array(0) == Some([0xff, 0x03]) { bytes.skip(2)? } else { bytes };
    let first = bytes.u8(0)?;
    let (protocol, rest) =
        if first & 1 == 1 { (u16::from(first), bytes.skip(1)?) } else { (bytes.u16(0)?, bytes.skip(2)?) };
    Some(match protocol {
        0x0021 | 0x0057 => Step::Next(Layer::Ip, rest),
        0x0281 | 0x0283 => Step::Next(Layer::Mpls, rest),
        0x002d | 0x002f => Step::Undecoded(Kind::Encapsulation("Van Jacobson compressed TCP"), Body::Nothing),
        0x003d => Step::Undecoded(Kind::Encapsulation("multilink PPP"), Body::Nothing),
        0x0053 | 0x00fb | 0x00fd => Step::Undecoded(Kind::Encapsulation("encrypted or compressed PPP"), Body::Nothing),
        _ => Step::Done(Body::Nothing),
    })
}

/// A PPPoE session header; PPP follows without address and control.
pub(super) fn session(bytes: Bytes<'_>) -> Option<Step<'_>> {
    // Version 1, type 1; code 0 is session data, the others are discovery.
    let [0x11, code] = bytes.array(0)? else { return None };
    let session = bytes.u16(2)?;
    let len = bytes.u16(4)?;
    let rest = bytes.skip(6)?.limit(len.into());
    Some(match code {
        0 => Step::Wrapped(Component::Pppoe(session), Layer::Ppp, rest),
        _ => Step::Done(Body::Nothing),
    })
}
