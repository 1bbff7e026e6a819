//! Points and clocks in words.

use super::clock::Clock;
use super::{Group, Point};

/// Offsets up to this many seconds, or up to what they are known to, are no difference of clocks.
const EQUAL: f64 = 0.0005;

/// `2 points: client (clock 12.300 s behind server, known to 5 ms), server; 3 of 3 connections at both`.
pub(super) fn incident(group: &Group) -> String {
    let Some(reference) = group.points.first() else { return String::new() };
    let named: Vec<String> = match group.points.as_slice() {
        // Of two, the first one is told by the second.
        [one, other] => vec![format!("{}{}", one.name, clock(&other.clock, &other.name, true)), other.name.clone()],
        all => all.iter().map(|point| of_many(point, reference)).collect(),
    };
    let common = &group.common;
    let at = if group.points.len() == 2 { "both" } else { "all" };
    let connections = if common.all == 1 { "connection" } else { "connections" };
    format!(
        "{} points: {}; {} of {} {connections} at {at}",
        group.points.len(),
        named.join(", "),
        common.at_each,
        common.all
    )
}

fn of_many(point: &Point, reference: &Point) -> String {
    format!("{}{}", point.name, clock(&point.clock, &reference.name, false))
}

/// A clock beside that of another point; of the reverse, if that is what is known.
fn clock(clock: &Clock, other: &str, reversed: bool) -> String {
    let Some(first) = clock.stretches.first() else { return String::new() };
    let known = clock.uncertainty();
    // Interfaces of one capture: there is nothing to know.
    if known == Some(0.0) && first.offset == 0.0 {
        return " (same clock)".to_owned();
    }
    let to = known.map_or_else(|| "not known exactly".to_owned(), |known| format!("known to {}", duration(known)));
    let offset = if reversed { -first.offset } else { first.offset };
    let steps = match clock.stretches.len() {
        1 => String::new(),
        2 => ", one step".to_owned(),
        count => format!(", {} steps", count - 1),
    };
    if offset.abs() <= known.unwrap_or(0.0).max(EQUAL) {
        return format!(" (clock equal to {other}'s, {to}{steps})");
    }
    let way = if offset > 0.0 { "ahead of" } else { "behind" };
    format!(" (clock {:.3} s {way} {other}, {to}{steps})", offset.abs())
}

/// `5 ms`, `0.3 ms`, `12 µs`.
pub fn duration(seconds: f64) -> String {
    match seconds {
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.01 => format!("{:.0} ms", s * 1e3),
        s if s >= 0.0001 => format!("{:.1} ms", s * 1e3),
        s => format!("{:.0} \u{b5}s", (s * 1e6).ceil()),
    }
}
