//! Holds the clock that stamps packets against the clocks of the hosts that send them.
//!
//! The TCP timestamps of an end tick evenly while it is up (RFC 7323 5.4). Where the times of the capture leap and those of
//! both ends do not, it is the capture's clock that was set. Knows neither which of the clocks is right nor what time it is.

use super::End;
use crate::frame::{Interval, Stamp};
use crate::wire::Segment;

/// Ticks a second of the stacks that are known: Linux 1000, 250 or 100, Windows 1000 or 10, the BSDs 1000, 100 or 2.
const RATES: [f64; 5] = [1000.0, 250.0, 100.0, 10.0, 2.0];

/// How far a measured rate may be off.
const RATE_TOLERANCE: f64 = 0.2;

/// Ticks and seconds that a rate is measured over, at least.
const MEASURED_TICKS: i32 = 20;
const MEASURED: Interval = Interval::millis(100);

/// Clocks that differ by fewer seconds, and this share of the time gone by, agree: they are read and drift.
const AGREE: Interval = Interval::seconds(2);
const AGREE_PERCENT: i64 = 1;

/// The two ends' measures of one step differ by less than this many seconds.
const SAME_STEP: Interval = Interval::seconds(1);

/// Where the clock of the capture was set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClockStep {
    /// The last frame of an end before it.
    pub before: Stamp,
    /// The first frame behind it that both ends' clocks tell it by.
    pub after: Stamp,
    /// By how much; negative when it was set back.
    pub by: Interval,
}

/// The clocks of both ends of a connection.
#[derive(Clone, Debug, Default)]
pub struct Pace {
    origin: Clock,
    target: Clock,
}

/// The clock of one end.
#[derive(Clone, Copy, Debug, Default)]
struct Clock {
    first: Option<(Stamp, u32)>,
    last: Option<(Stamp, u32)>,
    rate: Option<f64>,
    /// A step that this end tells of and the other one has not confirmed.
    claimed: Option<ClockStep>,
}

impl Pace {
    /// Takes a segment; gives a step of the capture's clock once both ends have told of it.
    pub fn saw(&mut self, from: End, at: Stamp, tcp: &Segment<'_>) -> Option<ClockStep> {
        let (value, _) = tcp.options.timestamps?;
        let (own, other) = match from {
            End::Origin => (&mut self.origin, &mut self.target),
            End::Target => (&mut self.target, &mut self.origin),
        };
        let step = own.saw(at, value)?;
        if other.claimed.is_some_and(|claimed| (claimed.by - step.by).abs() < SAME_STEP) {
            let first = other.claimed.take().map_or(step.before, |claimed| claimed.before);
            return Some(ClockStep { before: first.max(step.before), ..step });
        }
        own.claimed = Some(step);
        None
    }
}

impl Clock {
    fn saw(&mut self, at: Stamp, value: u32) -> Option<ClockStep> {
        let (Some(first), Some(last)) = (self.first, self.last) else {
            (self.first, self.last) = (Some((at, value)), Some((at, value)));
            return None;
        };
        let ticks = value.wrapping_sub(last.1).cast_signed();
        if ticks < 0 {
            return None;
        }
        if self.rate.is_none() {
            self.rate = rate(first, last);
        }
        self.last = Some((at, value));
        let theirs = Interval::from_secs_f64(f64::from(ticks) / self.rate?);
        let by = at.since(last.0) - theirs;
        let is_step = by.abs() > AGREE + theirs.percent(AGREE_PERCENT);
        is_step.then_some(ClockStep { before: last.0, after: at, by })
    }
}

/// The known rate that ticks between two segments fit, if they lie far enough apart to tell.
fn rate((from, first): (Stamp, u32), (until, last): (Stamp, u32)) -> Option<f64> {
    let (ticks, lasted) = (last.wrapping_sub(first).cast_signed(), until.since(from));
    if ticks < MEASURED_TICKS || lasted < MEASURED {
        return None;
    }
    let measured = f64::from(ticks) / lasted.as_secs_f64();
    RATES.into_iter().find(|rate| (measured / rate - 1.0).abs() <= RATE_TOLERANCE)
}

#[cfg(test)]
mod tests {
    use super::{ClockStep, Pace};
    use crate::flow::End;
    use crate::flow::script::stamp;
    use crate::wire::{Flags, Options, Segment, Seq};

    /// Segments of both ends every 50 ms by ticks of a millisecond; those from the tenth on are stamped `step` later.
    fn steps(step: f64, stepping: [bool; 2]) -> Vec<ClockStep> {
        let mut pace = Pace::default();
        let mut found = Vec::new();
        for number in 0..20_u32 {
            let from = if number % 2 == 0 { End::Origin } else { End::Target };
            let own_clock = if number >= 10 && !stepping[(number % 2) as usize] { step } else { 0.0 };
            let capture = if number >= 10 { step } else { 0.0 };
            let seconds = f64::from(number) * 0.05;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few seconds")]
            let passed = ((seconds + own_clock) * 1000.0) as u32;
            let ticks = 4_294_967_000_u32.wrapping_add(passed);
            let options = Options { timestamps: Some((ticks, 0)), ..Options::default() };
            let tcp = Segment {
                source_port: 21,
                destination_port: 1050,
                seq: Seq(0),
                ack: Seq(0),
                flags: Flags(Flags::ACK),
                window: 1000,
                options,
                payload: &[],
                payload_len: 0,
                raw: &[],
            };
            found.extend(pace.saw(from, stamp(u64::from(number) + 1, 100.0 + seconds + capture), &tcp));
        }
        found
    }

    #[test]
    fn a_step_that_both_ends_tell_of_is_one() {
        for step in [3600.0, -90.0] {
            let found = steps(step, [true, true]);
            assert_eq!(found.len(), 1);
            assert!((found[0].by.as_secs_f64() - step).abs() < 0.01);
            assert_eq!((found[0].before.number.0, found[0].after.number.0), (10, 12));
        }
    }

    #[test]
    fn clocks_that_go_together_step_nowhere() {
        assert_eq!(steps(0.0, [true, true]), []);
        assert_eq!(steps(1.5, [true, true]), []);
        assert_eq!(steps(3600.0, [false, false]), []);
    }

    #[test]
    fn one_end_alone_was_suspended() {
        assert_eq!(steps(3600.0, [true, false]), []);
    }
}
