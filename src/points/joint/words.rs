//! The lines of a control connection at two points, side by side: the same, rewritten, removed or added on the way.

use super::super::lines::{Line, announced, code, verb};
use super::super::sampled::{Flow, Sample};
use super::way::Way;
use crate::wire::Seq;

/// Lines that are looked ahead for one that both points have.
const AHEAD: usize = 32;

/// What was said so many seconds after a line was said behind it, however clocks differ.
const LONG_AFTER: f64 = 0.5;

/// What became of a line that one point alone has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The other point did not record it.
    Missed,
    /// It was lost, and nobody acknowledged it.
    Lost,
    /// Something between the points took it out.
    Removed,
    /// Something between the points put it in.
    Added,
}

/// A line at both points, or at one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::points) enum Step {
    /// At both; rewritten where the texts differ.
    Both(Line, Line),
    /// At the near point alone.
    Near(Line, Fate),
    /// At the far point alone.
    Far(Line, Fate),
}

/// One direction of a dialogue.
pub struct Words {
    /// In order.
    pub steps: Vec<Step>,
}

impl Words {
    /// The lines of one direction at both points. `None` where one of them shows no text at all: it is encrypted, or cut.
    pub fn of(way: &Way<'_>) -> Option<Self> {
        let (near, far) = (&way.near.lines(way.by), &way.far.lines(way.by));
        let is_text = |lines: &[Line]| {
            lines.iter().all(|line| line.text.iter().all(|byte| *byte >= b' ' || *byte == b'\t' || *byte >= 0xf0))
        };
        if !way.near.is_control || near.is_empty() || far.is_empty() || !is_text(near) || !is_text(far) {
            return None;
        }
        let mut steps = Vec::new();
        let (mut i, mut j) = (0, 0);
        while i < near.len() || j < far.len() {
            let (rest_near, rest_far) = (near.get(i..).unwrap_or_default(), far.get(j..).unwrap_or_default());
            let shift = shift_behind(way, &steps);
            let (skip_near, skip_far) = next_common(rest_near, rest_far, shift);
            between(
                way,
                rest_near.get(..skip_near).unwrap_or_default(),
                rest_far.get(..skip_far).unwrap_or_default(),
                (near.get(i + skip_near), far.get(j + skip_far)),
                &mut steps,
            );
            i += skip_near;
            j += skip_far;
            if let (Some(one), Some(other)) = (near.get(i), far.get(j)) {
                steps.push(Step::Both(one.clone(), other.clone()));
                i += 1;
                j += 1;
            }
        }
        Some(Self { steps })
    }

    /// The lines that are at both points.
    pub fn both(&self) -> impl Iterator<Item = (&Line, &Line)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Both(near, far) => Some((near, far)),
            Step::Near(..) | Step::Far(..) => None,
        })
    }

    /// The endpoint lines that say another thing at the far point.
    pub fn rewritten(&self) -> impl Iterator<Item = (&Line, &Line)> {
        self.both().filter(|(near, far)| match (announced(&near.text), announced(&far.text)) {
            (Some(one), Some(other)) => one != other,
            _ => false,
        })
    }
}

/// How many lines to skip on each side to come to one that both have; all, if there is none near. Of lines with the same
/// words, of which a session has many, those are the same that are at the same place of the stream; only where no byte is
/// missing may one have moved, behind a line that was made longer or shorter. `shift` is by how much numbers are higher at
/// the far point so far.
fn next_common(near: &[Line], far: &[Line], shift: Option<u32>) -> (usize, usize) {
    let has_gap = |lines: &[Line], until: usize| lines.iter().take(until + 1).any(|line| line.after_gap);
    let is_in_place = |one: &Line, other: &Line| shift.is_none_or(|shift| other.seq == one.seq.plus(shift));
    let is_sure = |(i, j): (usize, usize), one: &Line, other: &Line| {
        is_in_place(one, other) || !has_gap(near, i) && !has_gap(far, j)
    };
    let (most_near, most_far) = (near.len().min(AHEAD), far.len().min(AHEAD));
    let mut by_words = None;
    for sum in 0..most_near + most_far {
        for skip in 0..=sum {
            let at = (skip, sum - skip);
            let (Some(one), Some(other)) = (near.get(at.0), far.get(at.1)) else { continue };
            if one.text != other.text {
                continue;
            }
            if is_sure(at, one, other) {
                return at;
            }
            by_words = by_words.or(Some(at));
        }
    }
    by_words.unwrap_or((near.len(), far.len()))
}

/// Lines between two that both points have: as many of one kind on both sides were rewritten.
fn between(way: &Way<'_>, near: &[Line], far: &[Line], next: (Option<&Line>, Option<&Line>), steps: &mut Vec<Step>) {
    // Where both sides have other bytes under the same numbers, none of them missed anything: one was put in for the other.
    let replaced = match (near.first(), far.first(), steps.last()) {
        (Some(one), Some(other), Some(Step::Both(near, far))) => {
            !is_kin(&one.text, &other.text) && one.seq == near.end && other.seq == far.end
        }
        _ => false,
    };
    if replaced {
        steps.extend(near.iter().map(|line| Step::Near(line.clone(), Fate::Removed)));
        steps.extend(far.iter().map(|line| Step::Far(line.clone(), Fate::Added)));
        return;
    }
    let mut there = far.iter().peekable();
    for line in near {
        match there.peek() {
            Some(other) if is_kin(&line.text, &other.text) => {
                steps.push(Step::Both(line.clone(), (*other).clone()));
                there.next();
            }
            _ => steps.push(Step::Near(line.clone(), fate_of_near(way, line, next.1))),
        }
    }
    let shift = shift_behind(way, steps).unwrap_or(0);
    steps.extend(there.map(|line| Step::Far(line.clone(), fate_of_far(way, line, next.0, shift))));
}

/// Whether one line may be the other one, rewritten: the same command, or a reply in its place.
fn is_kin(one: &[u8], other: &[u8]) -> bool {
    match (code(one), code(other)) {
        (Some(one), Some(other)) => one == other || one / 100 == other / 100,
        (None, None) => verb(one) == verb(other),
        _ => false,
    }
}

/// Whether the sender of a line, as its own side shows it, goes on as if it had never said it: behind the moment at which
/// the line was acknowledged to it, or was long there at the other point, its next byte has the number of the line's first.
fn is_disowned(way: &Way<'_>, line: &Line, shift: u32) -> bool {
    let [begin, end] = [line.seq, line.end].map(|seq| Seq(seq.0.wrapping_sub(shift)));
    let sent = || way.near.sent(way.by).filter(|one| !one.is_rst());
    if sent().any(|one| one.end().is_after(begin) && !one.seq.is_before(end)) {
        return false;
    }
    let acked =
        way.near.sent(way.by.peer()).find(|one| one.ack.is_some_and(|ack| !ack.is_before(end)) && !one.is_rst());
    let goes_on = |one: &Sample| {
        let later = acked.is_some_and(|acked| one.at > acked.at) || one.at.seconds_since(line.at) > LONG_AFTER;
        // An empty segment bears the number of what comes next; so do a FIN, and other words in its place.
        later && (one.len == 0 && !one.seq.is_after(begin) || one.seq == begin && one.occupies())
    };
    sent().any(goes_on)
}

/// What became of a line that only the near point has.
fn fate_of_near(way: &Way<'_>, line: &Line, next: Option<&Line>) -> Fate {
    if let Some(next) = next {
        return if next.after_gap { Fate::Missed } else { Fate::Removed };
    }
    let is_acked = |flow: &Flow| {
        let acks = flow.sent(way.by.peer()).filter(|one| !one.is_rst()).filter_map(|one| one.ack);
        acks.into_iter().any(|ack| !ack.is_before(line.end))
    };
    match (is_acked(way.far), is_acked(way.near)) {
        (true, _) => Fate::Missed,
        (false, true) => Fate::Removed,
        (false, false) => Fate::Lost,
    }
}

/// By how much numbers are higher at the far point behind the last line that both have; `None` before the first one where
/// the initial numbers are not known.
fn shift_behind(way: &Way<'_>, steps: &[Step]) -> Option<u32> {
    let last = steps.iter().rev().find_map(|step| match step {
        Step::Both(near, far) => Some((near.end, far.end)),
        Step::Near(..) | Step::Far(..) => None,
    });
    let known = last.or_else(|| way.near.isn(way.by).zip(way.far.isn(way.by)));
    known.map(|(near, far)| far.0.wrapping_sub(near.0))
}

/// What became of a line that only the far point has. `shift` is by how much numbers are higher there.
fn fate_of_far(way: &Way<'_>, line: &Line, next: Option<&Line>, shift: u32) -> Fate {
    if let Some(next) = next {
        return if next.after_gap { Fate::Missed } else { Fate::Added };
    }
    // The sender goes on without it, here and in what followed there.
    if is_disowned(way, line, shift) { Fate::Added } else { Fate::Missed }
}
