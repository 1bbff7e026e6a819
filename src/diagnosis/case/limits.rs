//! What a capture's faults leave of the claims that rest on it: caps on confidence, each with its reason.

use super::Case;
use crate::diagnosis::{capture_clock_step, capture_control_only, capture_drops, capture_gap, capture_reordered};
use crate::finding::{Cap, Confidence, DiagnosisName};
use crate::frame::{Interval, Stamp};

/// A capture that lost packets of the control connection lost others within this time before and behind.
const AROUND_A_GAP: Interval = Interval::seconds(5);

/// Neighbours of a file that is not quite sorted may be this far apart.
const UNSORTED: Interval = Interval::millis(50);

/// A limit that a diagnosis states.
pub fn cap(diagnosis: DiagnosisName, ceiling: Confidence, why: String) -> Cap {
    Cap { diagnosis: Some(diagnosis), ceiling, why }
}

/// A limit of the rule itself, which no diagnosis states: a capture that starts shortly before an event, or ends shortly
/// after it, is no `capture-midstream` and no `capture-truncated`.
pub fn cap_of_rule(ceiling: Confidence, why: String) -> Cap {
    Cap { diagnosis: None, ceiling, why }
}

impl Case<'_> {
    /// A limit on what is claimed of a time between two frames.
    pub fn clock_cap(&self, from: Stamp, until: Stamp) -> Option<Cap> {
        let step = self.session.clock_steps.iter().find(|step| step.after > from && step.before < until);
        if let Some(step) = step {
            let why =
                format!("the capture's clock was set by {:.1} s in that time (frame {})", step.by, step.after.number);
            return Some(cap(capture_clock_step::NAME, Confidence::Possible, why));
        }
        let back = from.since(until);
        (from < until && back > UNSORTED).then(|| {
            let why = format!(
                "the time of frame {} is {back:.1} s before that of frame {}, which comes first",
                until.number, from.number
            );
            cap(capture_reordered::NAME, Confidence::Possible, why)
        })
    }

    /// Limits on claims that something was not there.
    pub fn absence_caps(&self) -> Vec<Cap> {
        let mut caps = Vec::new();
        let Some((after, until)) = self.window() else { return caps };
        caps.extend(self.clock_cap(after, until));
        if !self.scene.shows_more_than_control {
            let why = "the capture has only control connections: a filter may have hidden the SYN".to_owned();
            caps.push(cap(capture_control_only::NAME, Confidence::Possible, why));
        }
        caps.extend(self.scene.lacks().map(|why| cap(capture_drops::NAME, Confidence::Possible, why)));
        let mut holes = self.control.from_origin.gaps().iter().chain(self.control.from_target.gaps());
        let around = |at: Stamp| after.since(at) < AROUND_A_GAP && at.since(until) < AROUND_A_GAP;
        let hole = holes.find(|hole| around(hole.at));
        if let Some(lost) = hole {
            caps.push(cap(
                capture_gap::NAME,
                Confidence::Possible,
                format!("frame {} shows that packets are missing", lost.at.number),
            ));
        }
        caps
    }

    /// Limits on claims that no earlier connection was there: it may lie before the capture.
    pub fn history_caps(&self, reach: Interval) -> Vec<Cap> {
        let Some((at, _)) = self.window() else { return Vec::new() };
        let age = at.age_of(self.scene.begins);
        if age >= reach {
            return Vec::new();
        }
        let why = format!(
            "the capture starts {age:.*} s earlier: there may have been an earlier connection on the same 5-tuple before it",
            usize::from(age < Interval::seconds(10))
        );
        vec![cap_of_rule(Confidence::Probable, why)]
    }

    /// Limits on claims about what answered a SYN at `at`.
    pub fn scene_caps(&self, at: Stamp) -> Vec<Cap> {
        let mut caps = Vec::new();
        caps.extend(self.scene.lacks().map(|why| cap(capture_drops::NAME, Confidence::Probable, why)));
        if self.scene.ends.since(at) < Interval::seconds(1) {
            caps.push(cap_of_rule(Confidence::Probable, "the capture ends within a second of it".to_owned()));
        }
        caps
    }
}
