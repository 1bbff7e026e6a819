//! When something was seen: first, last, how often, and some of the frames.

use crate::frame::Stamp;

/// Frames kept of one trail: as many as a reader may want to look at.
const KEPT: usize = 12;

/// Sightings of one thing, at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// The first.
    pub first: Stamp,
    /// The last.
    pub last: Stamp,
    /// How many were booked; before a host was followed, one a second at most.
    pub count: u64,
    /// The first few after the first, in the order in which they came.
    kept: Vec<Stamp>,
}

impl Trail {
    /// One sighting.
    pub fn new(at: Stamp) -> Self {
        Self { first: at, last: at, count: 1, kept: Vec::new() }
    }

    /// Sightings of which only the first and the last are known.
    pub(super) fn between(first: Stamp, last: Stamp, count: u64) -> Self {
        Self { first, last, count, kept: Vec::new() }
    }

    /// One more.
    pub fn push(&mut self, at: Stamp) {
        self.last = self.last.max(at);
        self.count += 1;
        if self.kept.len() < KEPT - 2 {
            self.kept.push(at);
        }
    }

    /// The first few and the last, in order of time.
    pub fn frames(&self) -> Vec<Stamp> {
        let mut frames = self.kept.clone();
        frames.extend([self.first, self.last]);
        frames.sort_unstable();
        frames.dedup();
        frames
    }

    /// Whether both have been going on at one time.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Starts a trail or goes on with it.
pub(super) fn push(trail: &mut Option<Box<Trail>>, at: Stamp) {
    match trail {
        Some(trail) => trail.push(at),
        None => *trail = Some(Box::new(Trail::new(at))),
    }
}
