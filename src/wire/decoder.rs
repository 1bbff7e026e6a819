//! Goes from header to header of a frame and keeps what outlives it: wrappings, fragments, counts.

use crate::frame::{Frame, Stamp};

use super::bytes::Bytes;
use super::count::{Counts, Kind, Undecoded};
use super::fragment::{FragmentPool, LostFragments, Whole};
use super::layer::{Layer, Step};
use super::link;
use super::wrapping::{Component, Wrappings};
use super::{Body, Decoded, Link, Wrapping};

/// Headers of one frame: four tunnels with all their layers are about forty.
const LAYERS: usize = 64;
/// VLAN tags of one frame, those inside tunnels too.
const VLANS: u8 = 4;
/// Tunnels inside each other.
const TUNNELS: u8 = 4;
/// Fragmented packets inside each other: a fragmented tunnel of fragments is two.
const FRAGMENTED: usize = 3;

/// Decodes frames. One for each point of capture, as it remembers fragments.
#[derive(Debug, Default)]
pub struct Decoder {
    keep: Keep,
    /// The datagrams that the fragments of the last frame completed, the outer one first.
    wholes: [Whole; FRAGMENTED],
}

/// What outlives a frame.
#[derive(Debug, Default)]
struct Keep {
    wrappings: Wrappings,
    pool: FragmentPool,
    counts: Counts,
}

/// What is known from the headers around the bytes at hand.
#[derive(Clone, Copy, Debug)]
struct Around {
    at: Stamp,
    wrapping: Wrapping,
    vlans: u8,
    tunnels: u8,
}

/// How going through the layers ends.
enum End<'a> {
    Body(Body<'a>),
    /// A datagram became whole; it goes on with this layer.
    Whole(Whole, Layer),
}

impl Decoder {
    /// A decoder that has seen nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Decodes a frame, whatever its bytes are.
    pub fn decode<'a>(&'a mut self, frame: &Frame<'a>) -> Decoded<'a> {
        let Self { keep, wholes } = self;
        let nothing = Decoded { link: Link::default(), wrapping: Wrapping::NONE, body: Body::Nothing, fragments: &[] };
        let (link, mut layer, mut bytes) = match link::open(frame) {
            Ok(opened) => opened,
            Err(kind) => {
                keep.counts.add(kind, frame.at);
                return nothing;
            }
        };
        let mut around = Around { at: frame.at, wrapping: Wrapping::NONE, vlans: 0, tunnels: 0 };
        let mut fragments: &[Stamp] = &[];
        for slot in wholes {
            match keep.walk(&mut around, layer, bytes) {
                End::Body(body) => return Decoded { link, wrapping: around.wrapping, body, fragments },
                End::Whole(mut whole, next) => {
                    whole.frames.extend_from_slice(fragments);
                    whole.frames.sort();
                    *slot = whole;
                    layer = next;
                    bytes = Bytes { captured: &slot.bytes, missing: slot.missing };
                    fragments = &slot.frames;
                }
            }
        }
        keep.counts.add(Kind::Encapsulation("fragments nested too deeply"), frame.at);
        Decoded { link, ..nothing }
    }

    /// What could not be decoded, by the frame in which its kind appeared first.
    pub fn undecoded(&self) -> Vec<Undecoded> {
        self.keep.counts.all()
    }

    /// The fragmented datagrams that never became whole. Those that still wait are counted too, so this is to be asked
    /// at the end.
    pub fn fragments_lost(&self) -> LostFragments {
        self.keep.pool.lost()
    }

    /// The VLANs and tunnels from the outermost one, "VXLAN 42 / VLAN 7"; empty for [`Wrapping::NONE`].
    pub fn wrapping_name(&self, wrapping: Wrapping) -> String {
        self.keep.wrappings.name(wrapping)
    }
}

impl Keep {
    /// Reads layer after layer until one has no other inside.
    fn walk<'a>(&mut self, around: &mut Around, layer: Layer, bytes: Bytes<'a>) -> End<'a> {
        let (mut layer, mut bytes) = (layer, bytes);
        for _ in 0..LAYERS {
            match layer.read(bytes, around.tunnels > 0) {
                Some(Step::Next(next, rest)) => (layer, bytes) = (next, rest),
                Some(Step::Wrapped(component, next, rest)) => {
                    if let Err(kind) = self.enter(around, component) {
                        return self.give_up(around.at, kind, Body::Nothing);
                    }
                    (layer, bytes) = (next, rest);
                }
                Some(Step::Fragment(header, fragment)) => {
                    return match self.pool.push(around.at, around.wrapping, &header, &fragment) {
                        Some(whole) => {
                            let next = Layer::Payload(header, whole.protocol);
                            End::Whole(whole, next)
                        }
                        None => End::Body(Body::Fragment(header)),
                    };
                }
                Some(Step::Done(body)) => return End::Body(body),
                Some(Step::Undecoded(kind, body)) => return self.give_up(around.at, kind, body),
                None => {
                    let kind = if bytes.missing > 0 { Kind::Cut(layer.name()) } else { Kind::Malformed(layer.name()) };
                    let body =
                        if let Layer::Payload(header, _) = layer { Body::OtherIp(header) } else { Body::Nothing };
                    return self.give_up(around.at, kind, body);
                }
            }
        }
        self.give_up(around.at, Kind::Encapsulation("more than 64 headers"), Body::Nothing)
    }

    /// Goes into a VLAN or tunnel, unless that is too deep.
    fn enter(&mut self, around: &mut Around, component: Component) -> Result<(), Kind> {
        let (depth, limit, too_deep) = match component {
            Component::Vlan(_) | Component::Pppoe(_) => (&mut around.vlans, VLANS, "more than 4 VLAN tags"),
            Component::Tunnel(..) => (&mut around.tunnels, TUNNELS, "tunnels nested deeper than 4"),
        };
        if *depth == limit {
            return Err(Kind::Encapsulation(too_deep));
        }
        *depth += 1;
        // One wrapping for several would mix up their flows.
        around.wrapping = self
            .wrappings
            .inside(around.wrapping, component)
            .ok_or(Kind::Encapsulation("more than 65536 different VLANs and tunnels"))?;
        Ok(())
    }

    fn give_up<'a>(&mut self, at: Stamp, kind: Kind, body: Body<'a>) -> End<'a> {
        self.counts.add(kind, at);
        End::Body(body)
    }
}
