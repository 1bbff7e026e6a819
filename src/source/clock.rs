//! Turns the ticks of a pcapng interface into nanoseconds since 1970.

use crate::frame::Timestamp;

const NANOS: u64 = 1_000_000_000;

/// The resolution and the zero of an interface's timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Clock {
    /// Ticks per second, at least 1.
    per_second: u64,
    /// Whole nanoseconds per tick, where that is exact.
    nanos_per_tick: Option<u64>,
    /// Seconds to add (`if_tsoffset`).
    offset: i64,
}

impl Clock {
    /// From `if_tsresol` (a negative power of ten, or of two when the high bit is set) and `if_tsoffset`.
    pub(super) fn new(resolution: u8, offset: i64) -> Self {
        let exponent = u32::from(resolution & 0x7f);
        let base: u64 = if resolution & 0x80 == 0 { 10 } else { 2 };
        // Finer than 64 bits can count: only as fine as they can.
        let per_second = base.checked_pow(exponent).unwrap_or(u64::MAX);
        let exact = NANOS.is_multiple_of(per_second);
        Self { per_second, nanos_per_tick: exact.then_some(NANOS / per_second), offset }
    }

    /// The time of a tick count, stopping at the ends of the representable range.
    pub(super) fn time(&self, ticks: u64) -> Timestamp {
        let rest = ticks % self.per_second;
        let nanos = match self.nanos_per_tick {
            Some(nanos) => rest * nanos,
            None => u64::try_from(u128::from(rest) * u128::from(NANOS) / u128::from(self.per_second)).unwrap_or(0),
        };
        let seconds = i64::try_from(ticks / self.per_second).unwrap_or(i64::MAX).saturating_add(self.offset);
        let whole = seconds.saturating_mul(NANOS.cast_signed());
        Timestamp(whole.saturating_add(nanos.cast_signed()))
    }
}

impl Default for Clock {
    /// Microseconds, as for an interface that says nothing.
    fn default() -> Self {
        Self::new(6, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_resolutions() {
        let ticks = 123_456_789_012_345;
        for (resolution, nanos) in [
            (6, 123_456_789_012_345_000),
            (9, 123_456_789_012_345),
            (12, 123_456_789_012),
            (0x80 | 32, 28_744_523_649_184),
            (0x80 | 63, 13_385),
            (40, 6_692),
        ] {
            let time = Clock::new(resolution, 0).time(ticks);
            assert_eq!(time, Timestamp(nanos), "resolution {resolution:#x}");
        }
    }

    #[test]
    fn the_offset_is_in_seconds_and_may_be_negative() {
        assert_eq!(Clock::new(6, -5).time(1_500_000), Timestamp(-3_500_000_000));
    }

    #[test]
    fn absurd_values_saturate() {
        assert_eq!(Clock::new(0, 0).time(u64::MAX), Timestamp(i64::MAX));
        assert_eq!(Clock::new(0, i64::MIN).time(0), Timestamp(i64::MIN));
    }
}
