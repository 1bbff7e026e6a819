//! Sequence number arithmetic modulo 2^32 (RFC 9293 3.4), in one place.

use crate::wire::Seq;

impl Seq {
    /// This number moved forward by `bytes`.
    #[must_use]
    pub fn plus(self, bytes: u32) -> Self {
        Self(self.0.wrapping_add(bytes))
    }

    /// Signed distance from `other` to `self`: positive when `self` is later.
    #[expect(clippy::cast_possible_wrap, reason = "serial number arithmetic is this wrap")]
    pub fn distance_from(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0) as i32
    }

    /// Whether `self` lies before `other`.
    pub fn is_before(self, other: Self) -> bool {
        self.distance_from(other) < 0
    }

    /// Whether `self` lies behind `other`.
    pub fn is_after(self, other: Self) -> bool {
        self.distance_from(other) > 0
    }
}

#[cfg(test)]
mod tests {
    use crate::wire::Seq;

    #[test]
    fn order_survives_the_wrap() {
        let before = Seq(0xffff_fff0);
        let after = before.plus(0x20);
        assert_eq!(after, Seq(0x10));
        assert!(after.is_after(before) && before.is_before(after));
        assert_eq!(after.distance_from(before), 0x20);
    }
}
