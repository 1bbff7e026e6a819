//! When a fault of hosts and MACs is the cause of a failure: the same two hosts, at the same time, and silence.
//!
//! A cause comes before its symptom (catalogue, "Which one is the verdict").

use std::net::IpAddr;

use super::Draft;
use super::case::{Case, SessionCase, cap_of_rule};
use super::control_unanswered;
use crate::finding::{Cap, Confidence, Severity};
use crate::flow::Connection;
use crate::frame::{Interval, Stamp};
use crate::record::AttemptOutcome;

/// Packets may have gone wrong this long before the first one that was missed: a lone acknowledgement.
const BEFORE: Interval = Interval::seconds(1);

/// Silence, or a refusal, that a fault of hosts and MACs would explain.
#[derive(Clone, Copy, Debug)]
pub struct Symptom {
    /// Between whom.
    pub ends: [IpAddr; 2],
    /// Its first frame.
    from: Stamp,
    /// Its last frame.
    until: Stamp,
    /// Whether anything came back: then packets get through.
    pub answered: bool,
    /// What it is, a sentence part.
    what: &'static str,
}

impl Symptom {
    /// The silence by which a transfer failed: SYNs or SYN-ACKs without answer, or a connection that stalled.
    pub fn of_transfer(case: &Case<'_>) -> Option<Self> {
        let attempt = case.concluded.attempts.iter().find(|attempt| {
            matches!(attempt.outcome(), AttemptOutcome::Unanswered | AttemptOutcome::Aborted | AttemptOutcome::Refused)
        });
        if let Some(attempt) = attempt.filter(|_| case.failed_for_want_of_data()) {
            let answered = attempt.outcome() == AttemptOutcome::Refused;
            return Some(Self {
                ends: [attempt.from().ip(), attempt.to().ip()],
                from: attempt.at(),
                until: attempt.connection.last,
                answered,
                what: if answered { "the data connection was refused" } else { "the data connection got no answer" },
            });
        }
        if !case.failed() {
            return None;
        }
        match case.transfer()?.lost {
            Some(_) => Self::of_stall(case.control, "the control connection stalled"),
            None => Self::of_stall(case.concluded.established()?.connection, "the data connection stalled"),
        }
    }

    /// The silence by which a session failed.
    pub fn of_session(case: &SessionCase<'_>) -> Option<Self> {
        if !control_unanswered::holds(case) {
            return Self::of_stall(case.control, "the control connection stalled");
        }
        let control = case.control;
        let answered = !control.rsts.is_empty();
        Some(Self {
            ends: [control.origin.ip(), control.target.ip()],
            from: control.first,
            until: control.last,
            answered,
            what: if answered { "the control connection was refused" } else { "the control connection got no answer" },
        })
    }

    fn of_stall(connection: &Connection, what: &'static str) -> Option<Self> {
        let (_, stamps) = connection.stalled()?;
        Some(Self {
            ends: [connection.origin.ip(), connection.target.ip()],
            from: *stamps.first()?,
            until: connection.last,
            answered: false,
            what,
        })
    }

    /// Whether the packets that go wrong begin with it: had they gone wrong before without harm, they would explain
    /// nothing.
    pub fn begins_with(&self, first: Stamp) -> bool {
        first <= self.until && self.from.since(first) <= BEFORE
    }

    /// Whether something went on during it, or was over for no more than `lasting`.
    pub fn meets(&self, first: Stamp, last: Stamp, lasting: Interval) -> bool {
        first <= self.until && self.from.is_until(last, lasting)
    }

    /// Makes a fact about hosts the cause of this failure.
    pub fn blame(&self, draft: Draft) -> Draft {
        draft.severity(Severity::Error).caps([self.cap()]).and(self.what)
    }

    fn cap(&self) -> Cap {
        let why = format!("that {} because of this is concluded only from the time: both happened together", self.what);
        cap_of_rule(Confidence::Probable, why)
    }
}
