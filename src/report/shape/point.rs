//! Capture points of one incident, their clocks, and what became of packets between them.

use schemars::JsonSchema;
use serde::Serialize;

use super::Frame;
use crate::finding::Evidence;
use crate::record::{self, PathRecord, PointRecord};
use crate::text::printable_str;

/// A place where packets of one incident were captured.
#[derive(Serialize, JsonSchema)]
pub(in crate::report) struct Point {
    id: u32,
    name: String,
    captures: Vec<u32>,
    /// The interface of these captures that is this point, if several interfaces are points.
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<u32>,
    /// Null for the reference point. All times in the report are those of its clock.
    clock: Option<Clock>,
}

/// How a clock differs from the reference clock.
#[derive(Serialize, JsonSchema)]
struct Clock {
    /// The point whose clock is the reference.
    reference: u32,
    /// How many seconds it is ahead at the first packet that both points saw.
    offset_s: f64,
    /// The uncertainty in seconds; null if packets of only one direction were seen at both points.
    uncertainty_s: Option<f64>,
    /// How much faster it runs, in parts per million.
    skew_ppm: f64,
    steps: Vec<Step>,
}

/// A moment when the clock was set.
#[derive(Serialize, JsonSchema)]
struct Step {
    /// The first frame after it.
    at: Frame,
    by_s: f64,
}

impl From<&PointRecord> for Point {
    fn from(point: &PointRecord) -> Self {
        Self {
            id: point.id,
            name: printable_str(&point.name),
            captures: point.captures.iter().map(|id| id.0).collect(),
            interface: point.interface.map(|id| id.0),
            clock: point.clock.as_ref().map(|clock| Clock {
                reference: clock.reference,
                offset_s: rounded(clock.offset, 6),
                uncertainty_s: clock.uncertainty.map(|known| rounded(known, 6)),
                skew_ppm: rounded(clock.skew * 1e6, 3),
                steps: clock.steps.iter().map(|(at, by)| Step { at: (*at).into(), by_s: rounded(*by, 6) }).collect(),
            }),
        }
    }
}

/// The number with so many digits behind the point: what nobody knows is not told.
fn rounded(number: f64, digits: i32) -> f64 {
    let scale = 10_f64.powi(digits);
    (number * scale).round() / scale
}

/// What happened to the packets of a session between one capture point and the next.
#[derive(Serialize, JsonSchema)]
pub(super) struct Path {
    from_point: u32,
    to_point: u32,
    direction: Direction,
    packets: u64,
    /// Lost, and not retransmitted with success.
    lost: u64,
    /// Lost, and retransmitted with success.
    recovered: u64,
    /// Not recorded at the next point, although they arrived.
    missed_by_tap: u64,
    duplicated: u64,
    reordered: u64,
    /// The one-way delay; null if no packet was seen at both points.
    delay_ms: Option<Delay>,
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Direction {
    ToServer,
    ToClient,
}

#[derive(Serialize, JsonSchema)]
struct Delay {
    min: f64,
    median: f64,
    max: f64,
    /// The uncertainty in milliseconds; the sum of both directions is exact. Null if that of the clocks is.
    uncertainty: Option<f64>,
}

impl From<&PathRecord> for Path {
    fn from(path: &PathRecord) -> Self {
        let ms = |seconds: f64| rounded(seconds * 1e3, 3);
        Self {
            from_point: path.from,
            to_point: path.to,
            direction: if path.from_client { Direction::ToServer } else { Direction::ToClient },
            packets: path.packets,
            lost: path.lost,
            recovered: path.recovered,
            missed_by_tap: path.missed_by_tap,
            duplicated: path.duplicated,
            reordered: path.reordered,
            delay_ms: path.delay.map(|[min, median, max]| Delay {
                min: ms(min),
                median: ms(median),
                max: ms(max),
                uncertainty: path.uncertainty.map(ms),
            }),
        }
    }
}

/// The name of the point where evidence was captured, if there are several.
pub(super) fn of_evidence(evidence: &Evidence, points: &[record::PointRecord]) -> Option<String> {
    record::point_of(points, evidence.first()).map(|point| printable_str(&point.name))
}
