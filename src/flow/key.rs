//! What names a connection: a 5-tuple with its VLANs and tunnels.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::wire::{IpHeader, Segment, Wrapping};

/// A 5-tuple with its VLANs and tunnels, without direction. In words that are quick to make, compare and hash: it is made
/// of every segment that is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FlowKey {
    /// Addresses of the lower and the higher of the two sockets.
    ips: [u128; 2],
    /// Their ports, each with [`V4`] or [`V6`].
    ports: [u32; 2],
    /// VLANs and tunnels.
    pub wrapping: Wrapping,
}

/// Versions of IP, in the upper half of a word.
const V4: u32 = 4 << 16;
const V6: u32 = 6 << 16;

/// A socket address: its port with the version, its address.
type Socket = (u32, u128);

#[inline]
fn packed(ip: IpAddr, port: u16) -> Socket {
    match ip {
        IpAddr::V4(ip) => (V4 | u32::from(port), ip.to_bits().into()),
        IpAddr::V6(ip) => (V6 | u32::from(port), ip.to_bits()),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "addresses of IPv4 have 32 bits, ports 16")]
fn unpacked((port, ip): Socket) -> SocketAddr {
    let version = port & !0xffff;
    let ip = if version == V4 { Ipv4Addr::from_bits(ip as u32).into() } else { Ipv6Addr::from_bits(ip).into() };
    SocketAddr::new(ip, port as u16)
}

impl FlowKey {
    /// The key of a segment.
    #[inline]
    pub fn of(wrapping: Wrapping, ip: &IpHeader, tcp: &Segment<'_>) -> Self {
        let (source, destination) = (tcp.source_port, tcp.destination_port);
        Self::between(wrapping, packed(ip.source, source), packed(ip.destination, destination))
    }

    /// The key of a segment between these sockets, whichever sent it.
    pub fn new(wrapping: Wrapping, one: SocketAddr, other: SocketAddr) -> Self {
        Self::between(wrapping, packed(one.ip(), one.port()), packed(other.ip(), other.port()))
    }

    #[inline]
    fn between(wrapping: Wrapping, one: Socket, other: Socket) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self { ips: [low.1, high.1], ports: [low.0, high.0], wrapping }
    }

    /// The same 5-tuple with other VLANs and tunnels around it.
    #[must_use]
    pub fn within(self, wrapping: Wrapping) -> Self {
        Self { wrapping, ..self }
    }

    /// Which of the two sockets sends what comes from `source`.
    pub(super) fn way(&self, source: SocketAddr) -> TupleDirection {
        let ([low, _], [low_ip, _]) = (self.ports, self.ips);
        if (low, low_ip) == packed(source.ip(), source.port()) { TupleDirection::Up } else { TupleDirection::Down }
    }

    /// The two sockets, in an order that does not depend on the direction.
    pub fn ends(&self) -> [SocketAddr; 2] {
        let ([low, high], [low_ip, high_ip]) = (self.ports, self.ips);
        [(low, low_ip), (high, high_ip)].map(unpacked)
    }

    /// The socket at the other end of one of them.
    pub fn opposite(&self, end: SocketAddr) -> SocketAddr {
        let [low, high] = self.ends();
        if low == end { high } else { low }
    }
}

/// In few large pieces: hashing field by field takes longer than the look-up it is for.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        let ([low, high], [low_ip, high_ip]) = (self.ports, self.ips);
        state.write_u128(low_ip);
        state.write_u128(high_ip);
        state.write_u64(u64::from(low) << 32 | u64::from(high));
        state.write_u32(self.wrapping.0);
    }
}

impl fmt::Debug for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.ends();
        write!(f, "{low} {high} in {:?}", self.wrapping)
    }
}

/// A direction of a 5-tuple, which is there before anybody knows who opened the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum TupleDirection {
    /// From the lower of the two sockets to the higher one.
    Up,
    /// The other one.
    Down,
}

/// A value for each direction.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PerDirection<T> {
    up: T,
    down: T,
}

impl<T> PerDirection<T> {
    pub(super) fn of(&self, way: TupleDirection) -> &T {
        match way {
            TupleDirection::Up => &self.up,
            TupleDirection::Down => &self.down,
        }
    }

    /// That of the opposite direction.
    pub(super) fn against(&self, way: TupleDirection) -> &T {
        match way {
            TupleDirection::Up => &self.down,
            TupleDirection::Down => &self.up,
        }
    }

    pub(super) fn set(&mut self, way: TupleDirection, value: T) {
        match way {
            TupleDirection::Up => self.up = value,
            TupleDirection::Down => self.down = value,
        }
    }

    pub(super) fn map<U>(self, change: impl Fn(T) -> U) -> PerDirection<U> {
        PerDirection { up: change(self.up), down: change(self.down) }
    }

    pub(super) fn all(&self, holds: impl Fn(&T) -> bool) -> bool {
        holds(&self.up) && holds(&self.down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_have_one_key_and_any_other_socket_another() {
        let all: Vec<SocketAddr> =
            ["10.0.0.1:21", "10.0.0.1:22", "10.0.0.2:21", "[::a00:1]:21", "[::ffff:10.0.0.1]:21", "[fe80::1]:21"]
                .map(|socket| socket.parse().unwrap())
                .into();
        let key = |one, other| FlowKey::new(Wrapping::NONE, one, other);
        let mut keys = Vec::new();
        for (at, one) in all.iter().enumerate() {
            for other in &all[..=at] {
                let (there, back) = (key(*one, *other), key(*other, *one));
                assert_eq!(there, back);
                assert!(there.ends() == [*one, *other] || there.ends() == [*other, *one], "{there:?}");
                assert_eq!((there.opposite(*one), there.opposite(*other)), (*other, *one));
                assert!(!keys.contains(&there) && there != FlowKey::new(Wrapping(1), *one, *other));
                keys.push(there);
            }
        }
    }
}
