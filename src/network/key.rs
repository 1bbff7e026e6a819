//! What tables of addresses are keyed by, hashed in few steps.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

/// A key of a table.
pub(super) trait Key: Copy + Eq {
    /// Hashes it in few large pieces: field by field takes longer than the look-up it is for.
    fn feed<H: Hasher>(&self, state: &mut H);
    /// A cheap hash for tables of sets.
    fn fold(&self) -> u64;
    /// A hash by Fibonacci: the top bits of the product depend on all bits of the fold.
    #[inline]
    fn hash(&self) -> u64 {
        self.fold().wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
    /// The set in a table of `slots` sets, a power of two greater than 1.
    #[inline]
    fn slot(&self, slots: usize) -> usize {
        usize::try_from(self.hash() >> (64 - slots.trailing_zeros())).unwrap_or(0)
    }
}

/// A key as its map has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Keyed<K>(pub K);

impl<K: Key> Hash for Keyed<K> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.feed(state);
    }
}

#[inline]
fn fold_ip(ip: &IpAddr) -> u64 {
    match ip {
        IpAddr::V4(ip) => u64::from(ip.to_bits()),
        #[expect(clippy::cast_possible_truncation, reason = "a fold")]
        IpAddr::V6(ip) => ((ip.to_bits() >> 64) as u64).wrapping_mul(0xd6e8_feb8_6659_fd93) ^ ip.to_bits() as u64,
    }
}

impl Key for IpAddr {
    #[inline]
    fn feed<H: Hasher>(&self, state: &mut H) {
        match self {
            IpAddr::V4(ip) => state.write_u32(ip.to_bits()),
            IpAddr::V6(ip) => state.write_u128(ip.to_bits()),
        }
    }

    fn fold(&self) -> u64 {
        fold_ip(self)
    }
}

impl Key for (IpAddr, IpAddr) {
    #[inline]
    fn feed<H: Hasher>(&self, state: &mut H) {
        if let (IpAddr::V4(one), IpAddr::V4(other)) = self {
            state.write_u64(u64::from(one.to_bits()) << 32 | u64::from(other.to_bits()));
        } else {
            self.0.feed(state);
            self.1.feed(state);
        }
    }

    fn fold(&self) -> u64 {
        fold_ip(&self.0).rotate_left(32) ^ fold_ip(&self.1)
    }
}
