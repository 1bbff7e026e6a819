//! How the clocks of two points relate, told from the packets that both saw.
//!
//! A packet cannot arrive before it left: what goes from the first point to the second bounds the offset of the second
//! clock from above, what comes back bounds it from below. The line between both bounds with the widest gap is the clock,
//! half the gap its uncertainty, and the gap the shortest round trip between the points. Only one order of the points
//! leaves a gap, so the sign tells which is nearer to the client. Where no line fits, the clock stepped.
//! (Moon, Skelly, Towsley 1999; Paxson 1998.)

use crate::frame::{Stamp, Timestamp};

/// Slopes looked at: clocks of computers are some 100 ppm off at most.
const MAX_SKEW: f64 = 1e-3;

/// A slope is told only where it widens the gap by this part: short captures cannot show one.
const WIDENS: f64 = 0.2;

/// Bounds that cross by no more than this many seconds do so by the rounding of times.
const ROUNDING: f64 = 3e-6;

/// Times are told to this many seconds.
const RESOLUTION: f64 = 1e-6;

/// Packets of each part of a clock that steps, and parts.
const PART_SAMPLES: usize = 8;
const PARTS: usize = 3;

/// Rounds of the search for the best slope.
const ROUNDS: usize = 60;

/// A packet that both points saw.
#[derive(Clone, Copy, Debug)]
pub struct Crossed {
    /// By the first point's clock.
    pub a: Stamp,
    /// By the second point's.
    pub b: Stamp,
    /// Whether it came from the client.
    pub from_client: bool,
}

/// Which of two points is nearer to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::points) enum Order {
    /// The first one.
    FirstIsNearer,
    /// The second one.
    SecondIsNearer,
}

impl Order {
    /// The other one.
    #[must_use]
    pub fn reversed(self) -> Self {
        match self {
            Self::FirstIsNearer => Self::SecondIsNearer,
            Self::SecondIsNearer => Self::FirstIsNearer,
        }
    }
}

/// A stretch during which a clock did not step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stretch {
    /// From which frame of that clock's point on; the first stretch holds before, too.
    pub from: Stamp,
    /// By how many seconds it is ahead of the reference, at `zero`.
    pub offset: f64,
    /// By how much more with each second.
    pub skew: f64,
    /// The offset is known to this many seconds; `None` where packets of only one direction bound it.
    pub uncertainty: Option<f64>,
    /// The moment, by that clock, at which the offset holds.
    pub zero: Timestamp,
}

/// A clock beside the reference.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    /// In order of time; empty for the reference itself.
    pub stretches: Vec<Stretch>,
}

impl Clock {
    /// The stretch that a frame of this clock is in.
    pub fn stretch(&self, at: Stamp) -> Option<&Stretch> {
        let place = self.stretches.partition_point(|one| (one.from.epoch, one.from.time) <= (at.epoch, at.time));
        self.stretches.get(place.saturating_sub(1))
    }

    /// A moment of this clock by the reference's.
    pub fn by_reference(&self, at: Stamp) -> Timestamp {
        let Some(stretch) = self.stretch(at) else { return at.time };
        // Nobody knows it better than captures tell times.
        at.time.plus_seconds(-(stretch.ahead(at.time) / RESOLUTION).round() * RESOLUTION)
    }

    /// The reference's clock beside this one.
    #[must_use]
    pub fn inverted(&self) -> Self {
        let inverted = |one: &Stretch| {
            let by = |at: Timestamp| at.plus_seconds(-one.ahead(at));
            let from = Stamp { time: by(one.from.time), ..one.from };
            Stretch { from, offset: -one.offset, skew: -one.skew, zero: by(one.zero), ..*one }
        };
        Self { stretches: self.stretches.iter().map(inverted).collect() }
    }

    /// This clock, which is known beside another one, beside the reference of that.
    #[must_use]
    pub fn behind(&self, other: &Self) -> Self {
        let sum = |one: &Stretch| {
            let there = Stamp { time: one.zero.plus_seconds(-one.offset), ..one.from };
            let Some(next) = other.stretch(there) else { return *one };
            let uncertainty = one.uncertainty.zip(next.uncertainty).map(|(one, next)| one + next);
            let offset = one.offset + next.ahead(there.time);
            Stretch { offset, skew: one.skew + next.skew, uncertainty, ..*one }
        };
        Self { stretches: self.stretches.iter().map(sum).collect() }
    }

    /// To how many seconds it is known.
    pub fn uncertainty(&self) -> Option<f64> {
        self.stretches.iter().map(|one| one.uncertainty).try_fold(0.0, |most: f64, one| Some(most.max(one?)))
    }
}

impl Stretch {
    fn ahead(&self, at: Timestamp) -> f64 {
        self.offset + self.skew * at.seconds_since(self.zero)
    }
}

/// How two clocks relate, and the points lie.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The second clock beside the first.
    pub clock: Clock,
    /// Which point is nearer to the client; `None` where packets of one direction only were seen at both.
    pub order: Option<Order>,
    /// The shortest round trip between the points, in seconds.
    pub round_trip: Option<f64>,
}

impl Fit {
    /// Nothing is known: the clocks count as equal.
    pub fn unknown() -> Self {
        Self { clock: Clock::default(), order: None, round_trip: None }
    }
}

/// Seconds of the first clock since the first sample, by how much the second is ahead, and whether that is a bound from
/// above.
type Bound = (f64, f64, bool);

/// Lower and upper bounds are apart by `gap` at this slope, around `middle`.
#[derive(Clone, Copy, Debug)]
struct Line {
    slope: f64,
    middle: f64,
    gap: f64,
}

/// The clock of the second point beside that of the first. `None` where no clock with a few steps explains the packets:
/// they are not the same ones.
pub fn fit(samples: &[Crossed], known: Option<Order>) -> Option<Fit> {
    let mut samples = samples.to_vec();
    samples.sort_by_key(|sample| sample.b);
    let orders = match known {
        Some(order) => vec![order],
        None => vec![Order::FirstIsNearer, Order::SecondIsNearer],
    };
    if !both_directions(&samples) {
        return one_sided(&samples);
    }
    let fits = orders.into_iter().filter_map(|order| in_parts(&samples, order));
    let fit = fits.min_by(|one, other| {
        let worth = |(parts, _): &(Vec<(Stretch, f64)>, Order)| (parts.len(), -gap(parts));
        let ((one, its), (other, others)) = (worth(one), worth(other));
        one.cmp(&other).then(its.total_cmp(&others))
    })?;
    let round_trip = gap(&fit.0).max(0.0);
    Some(Fit {
        clock: Clock { stretches: fit.0.into_iter().map(|(stretch, _)| stretch).collect() },
        order: Some(fit.1),
        round_trip: Some(round_trip),
    })
}

fn gap(parts: &[(Stretch, f64)]) -> f64 {
    parts.iter().map(|(_, gap)| *gap).fold(f64::INFINITY, f64::min)
}

fn both_directions(samples: &[Crossed]) -> bool {
    samples.iter().any(|one| one.from_client) && samples.iter().any(|one| !one.from_client)
}

/// Packets of one direction bound the offset from one side: no order, and no uncertainty.
fn one_sided(samples: &[Crossed]) -> Option<Fit> {
    let ahead = |sample: &Crossed| sample.b.seconds_since(sample.a);
    let nearest = samples.iter().min_by(|one, other| ahead(one).abs().total_cmp(&ahead(other).abs()))?;
    let stretch = Stretch {
        from: samples.first()?.b,
        offset: ahead(nearest),
        skew: 0.0,
        uncertainty: None,
        zero: nearest.b.time,
    };
    Some(Fit { clock: Clock { stretches: vec![stretch] }, order: None, round_trip: None })
}

/// The stretches of one clock, each as long as one line separates the bounds.
fn in_parts(samples: &[Crossed], order: Order) -> Option<(Vec<(Stretch, f64)>, Order)> {
    let mut rest = samples;
    let mut parts = Vec::new();
    while !rest.is_empty() {
        if parts.len() == PARTS {
            return None;
        }
        let separates = |count: usize| best(&bounds(rest.get(..count).unwrap_or_default(), order)).gap >= -ROUNDING;
        let count = if separates(rest.len()) {
            rest.len()
        } else {
            // The longest beginning that one line separates.
            let (mut good, mut bad) = (0, rest.len());
            while bad - good > 1 {
                let middle = usize::midpoint(good, bad);
                if separates(middle) { good = middle } else { bad = middle }
            }
            good
        };
        let (part, behind) = rest.split_at(count);
        let is_all = parts.is_empty() && behind.is_empty();
        let enough = |from_client| part.iter().filter(|one| one.from_client == from_client).count() * 2 >= PART_SAMPLES;
        if count == 0 || !(is_all || enough(true) && enough(false)) {
            return None;
        }
        parts.push(stretch(part, order)?);
        rest = behind;
    }
    Some((parts, order))
}

fn bounds(samples: &[Crossed], order: Order) -> Vec<Bound> {
    let Some(zero) = samples.first().map(|sample| sample.b.time) else { return Vec::new() };
    let bound = |sample: &Crossed| {
        let first_to_second = sample.from_client == (order == Order::FirstIsNearer);
        (sample.b.time.seconds_since(zero), sample.b.seconds_since(sample.a), first_to_second)
    };
    samples.iter().map(bound).collect()
}

fn stretch(samples: &[Crossed], order: Order) -> Option<(Stretch, f64)> {
    let first = samples.first()?;
    let line = best(&bounds(samples, order));
    // Both are open where a part has packets of one direction only; then its gap has no end.
    let uncertainty = line.gap.is_finite().then_some((line.gap / 2.0).max(0.0));
    let stretch = Stretch { from: first.b, offset: line.middle, skew: line.slope, uncertainty, zero: first.b.time };
    Some((stretch, line.gap))
}

/// The line with the widest gap; a level one, unless it separates nothing or a slope widens the gap by much.
fn best(bounds: &[Bound]) -> Line {
    let level = at_slope(bounds, 0.0);
    let (mut low, mut high) = (-MAX_SKEW, MAX_SKEW);
    for _ in 0..ROUNDS {
        let third = (high - low) / 3.0;
        if at_slope(bounds, low + third).gap < at_slope(bounds, high - third).gap {
            low += third;
        } else {
            high -= third;
        }
    }
    let sloped = at_slope(bounds, f64::midpoint(low, high));
    if level.gap >= -ROUNDING && sloped.gap < level.gap * (1.0 + WIDENS) + ROUNDING { level } else { sloped }
}

fn at_slope(bounds: &[Bound], slope: f64) -> Line {
    let (mut above, mut below) = (f64::INFINITY, f64::NEG_INFINITY);
    for (at, ahead, is_upper) in bounds {
        let level = ahead - slope * at;
        if *is_upper { above = above.min(level) } else { below = below.max(level) }
    }
    let middle =
        if above.is_finite() && below.is_finite() { f64::midpoint(above, below) } else { above.min(below.abs()) };
    Line { slope, middle, gap: above - below }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::{CaptureId, FrameNo};

    /// Packets to and fro, one each 100 ms, `way` seconds under way; the second clock is `ahead(t)`.
    fn talk(count: u32, way: [f64; 2], ahead: impl Fn(f64) -> f64) -> Vec<Crossed> {
        let at = |number: u32, seconds: f64| {
            Stamp::new(CaptureId(0), FrameNo(number.into()), Timestamp(0).plus_seconds(seconds))
        };
        let one = |number: u32| {
            let from_client = number.is_multiple_of(2);
            let jitter = f64::from(number * 7 % 5) * 1e-4;
            let sent = f64::from(number) * 0.1;
            let came = sent + way[usize::from(!from_client)] + jitter;
            let (a, b) = if from_client { (sent, came) } else { (came, sent) };
            Crossed { a: at(number, a), b: at(number, b + ahead(b)), from_client }
        };
        (0..count).map(one).collect()
    }

    #[test]
    fn an_offset_is_known_to_half_the_round_trip() {
        for ahead in [0.0, 12.3, -611.0, 3600.0] {
            let fit = fit(&talk(40, [0.002, 0.040], |_| ahead), None).unwrap();
            let found = fit.clock.stretches[0];
            assert_eq!(fit.order, Some(Order::FirstIsNearer));
            let known = found.uncertainty.unwrap();
            assert!((known - 0.021).abs() < 1e-3, "{known}");
            assert!((found.offset - ahead).abs() <= known, "{found:?} for {ahead}");
        }
    }

    #[test]
    fn the_sign_tells_the_order_and_not_the_name() {
        let swapped: Vec<Crossed> = talk(40, [0.005, 0.005], |_| 3.0)
            .iter()
            .map(|one| Crossed { a: one.b, b: one.a, from_client: one.from_client })
            .collect();
        let fit = fit(&swapped, None).unwrap();
        assert_eq!(fit.order, Some(Order::SecondIsNearer));
        assert!((fit.clock.stretches[0].offset + 3.0).abs() <= fit.clock.uncertainty().unwrap());
    }

    #[test]
    fn a_skew_is_found_where_the_capture_is_long_enough_to_show_it() {
        let long = fit(&talk(6000, [0.005, 0.005], |t| 5.0 + t * 80e-6), None).unwrap().clock.stretches[0];
        assert!((long.skew - 80e-6).abs() < 20e-6, "{long:?}");
        let short = fit(&talk(40, [0.005, 0.005], |t| 5.0 + t * 80e-6), None).unwrap().clock.stretches[0];
        assert!(short.skew.abs() < f64::EPSILON, "{short:?}");
    }

    #[test]
    fn a_step_parts_the_clock() {
        let fit = fit(&talk(100, [0.005, 0.005], |t| if t < 5.0 { 0.5 } else { 2.5 }), None).unwrap();
        let [one, two] = fit.clock.stretches.as_slice() else { panic!("{fit:?}") };
        assert!((one.offset - 0.5).abs() < 0.006 && (two.offset - 2.5).abs() < 0.006, "{fit:?}");
        let later = Stamp::new(CaptureId(0), FrameNo(1), Timestamp(9_500_000_000));
        assert!((fit.clock.by_reference(later).seconds_since(Timestamp(0)) - 7.0).abs() < 0.006);
    }

    #[test]
    fn what_no_clock_explains_is_refused() {
        let random = talk(100, [0.005, 0.005], |t| (t * 7919.0).sin() * 10.0);
        assert_eq!(fit(&random, None), None);
        assert_eq!(fit(&[], None), None);
    }

    #[test]
    fn one_direction_bounds_and_tells_no_order() {
        let all = talk(40, [0.005, 0.005], |_| 1.0);
        let one: Vec<Crossed> = all.into_iter().filter(|one| one.from_client).collect();
        let fit = fit(&one, None).unwrap();
        assert_eq!((fit.order, fit.clock.uncertainty()), (None, None));
        assert!((fit.clock.stretches[0].offset - 1.0).abs() < 0.01);
    }
}
