//! Internet checksums (RFC 1071) that stay as right or as wrong as they were when the bytes under them change.

/// A one's complement sum of 16-bit words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum(u64);

impl Sum {
    /// The sum with these bytes, which begin at an even offset.
    pub fn with(self, bytes: &[u8]) -> Self {
        let words = bytes.chunks(2).map(|word| match word {
            [high, low] => u64::from(u16::from_be_bytes([*high, *low])),
            [high] => u64::from(u16::from_be_bytes([*high, 0])),
            _ => 0,
        });
        Self(words.fold(self.0, u64::wrapping_add))
    }

    /// The same with a number, as in a pseudo-header.
    pub fn with_number(self, number: usize) -> Self {
        Self(self.0 + (number as u64 & 0xffff_ffff))
    }

    /// Folded to 16 bits: 0 only for nothing but zeros.
    pub fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        u16::try_from(sum).unwrap_or(u16::MAX)
    }
}

/// The checksum of bytes that summed up to `old` and now sum up to `new`, both without the checksum itself. What was
/// wrong stays wrong by as much (RFC 1624).
pub(super) fn carried(checksum: u16, old: Sum, new: Sum) -> u16 {
    let (old, new) = (old.folded(), new.folded());
    if old == new {
        return checksum;
    }
    // checksum + old - new in one's complement.
    let sum = Sum(u64::from(checksum) + u64::from(old) + u64::from(!new)).folded();
    // A right checksum is the complement of a sum that is not 0, so it is never 0xffff.
    if sum == 0xffff { 0 } else { sum }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Sum, carried};

    fn right(bytes: &[u8]) -> u16 {
        !Sum::default().with(bytes).folded()
    }

    proptest! {
        #[test]
        fn right_stays_right(old in prop::collection::vec(1u8.., 2..40), new in prop::collection::vec(1u8.., 2..40)) {
            let sum = |bytes: &[u8]| Sum::default().with(bytes);
            prop_assert_eq!(carried(right(&old), sum(&old), sum(&new)), right(&new));
        }

        #[test]
        fn wrong_stays_wrong(
            old in prop::collection::vec(1u8.., 2..40),
            new in prop::collection::vec(1u8.., 2..40),
            error in 1u16..0xffff,
        ) {
            let sum = |bytes: &[u8]| Sum::default().with(bytes);
            let wrong = Sum::default().with(&right(&old).to_be_bytes()).with(&error.to_be_bytes()).folded();
            let carried = carried(wrong, sum(&old), sum(&new));
            prop_assert_ne!(carried, right(&new));
        }
    }
}
