//! Causes while a capture goes on: the first failure is told in full, the same again by its number, and what stops.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::counted::counted;
use super::place::place;
use crate::finding::{CauseId, Confidence, DiagnosisName, Finding, SessionId, Severity, TransferId};
use crate::frame::Timestamp;
use crate::record::{Mode, Outcome, Pending, Recurrence, Recurring, SessionRecord, State, Superseded};

/// Transfers that work where others failed before, until a cause has stopped; and seconds without it. Twice as much each
/// time that it comes back, so that what fails now and then does not fill the screen.
const ENOUGH: u64 = 3;
const QUIET: f64 = 600.0;

/// Doublings of both.
const MOST_DOUBLINGS: u32 = 10;

/// Seconds of the capture between two looks at what is quiet.
const LOOK: f64 = 30.0;

/// Findings whose session is not told yet, and ways to transfer that failed before, that are remembered.
const RECENT: usize = 4_096;

/// Transfers of one address whose trouble is told while it lasts, until none had any for long.
const TROUBLED: u32 = 2;

const WAYS: usize = 16_384;

/// What is written of a finding.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// All of it.
    Whole,
    /// A line.
    Line(String),
    /// Nothing: it is counted.
    Nothing,
}

/// Client, server, and how the data connection is opened: what worked in one way says nothing of another.
type Way = (IpAddr, SocketAddr, Mode);

/// The causes that failures of a capture that goes on have so far.
#[derive(Debug, Default)]
pub(super) struct Lasting {
    counts: Recurrence,
    causes: HashMap<CauseId, Cause>,
    /// By which causes transfers failed that go this way.
    ways: HashMap<Way, BTreeSet<CauseId>>,
    /// Of which transfers the session is not told yet.
    recent: VecDeque<(SessionId, TransferId, CauseId)>,
    /// The session that was told last: its findings may follow it.
    session: Option<(SessionId, HashMap<TransferId, Way>)>,
    /// What was told in full, and what it is taken back by.
    told: HashSet<(DiagnosisName, Option<SessionId>, Option<TransferId>)>,
    /// Transfers whose trouble was told while it lasted, and how many of one address when last.
    pending: HashSet<(SessionId, Option<TransferId>)>,
    troubled: HashMap<IpAddr, (u32, Timestamp)>,
    now: Option<Timestamp>,
    looked: Option<Timestamp>,
}

/// A cause.
#[derive(Debug)]
struct Cause {
    diagnosis: DiagnosisName,
    /// Of what was told in full.
    worst: (Severity, Confidence),
    count: u64,
    first: Timestamp,
    last: Timestamp,
    /// Transfers that worked since the last failure, in a way that failed before.
    worked: u64,
    has_stopped: bool,
    /// How often it came back.
    returns: u32,
}

impl Cause {
    fn doubled(&self) -> u64 {
        1 << self.returns.min(MOST_DOUBLINGS)
    }
}

impl Lasting {
    /// How a finding is told; `time` writes a time.
    pub(super) fn finding(&mut self, finding: &Finding, time: impl Fn(Timestamp) -> String) -> Telling {
        let count = self.counts.count(finding);
        let telling = match Recurring::of(finding) {
            Recurring::Cause(id) => self.of_cause(id, finding, count, time),
            Recurring::Beside(..) if count == 1 => Telling::Whole,
            Recurring::Beside(diagnosis, _) if Recurrence::is_told(count) => {
                Telling::Line(format!("again[{diagnosis}]: found {count} times, now in {}", subject(finding)))
            }
            Recurring::Beside(..) => Telling::Nothing,
        };
        if telling == Telling::Whole {
            if self.told.len() >= WAYS {
                self.told.clear();
            }
            self.told.insert((finding.diagnosis, finding.session, finding.transfer));
        }
        telling
    }

    fn of_cause(&mut self, id: CauseId, finding: &Finding, count: u64, time: impl Fn(Timestamp) -> String) -> Telling {
        let at = finding.primary.first().time;
        self.failed(id, finding);
        let weight = (finding.severity, finding.confidence);
        let cause = self.causes.entry(id).or_insert_with(|| Cause {
            diagnosis: finding.diagnosis,
            worst: weight,
            count: 0,
            first: at,
            last: at,
            worked: 0,
            has_stopped: false,
            returns: 0,
        });
        let (is_worse, came_back) = (weight.0 > cause.worst.0 || weight.1 > cause.worst.1, cause.has_stopped);
        cause.worst = (cause.worst.0.max(weight.0), cause.worst.1.max(weight.1));
        let quiet = at.seconds_since(cause.last);
        (cause.count, cause.worked, cause.has_stopped) = (count, 0, false);
        cause.returns += u32::from(came_back);
        (cause.first, cause.last) = (cause.first.min(at), cause.last.max(at));
        let since = time(cause.first);
        match count {
            1 => Telling::Whole,
            _ if is_worse => Telling::Whole,
            _ if came_back => Telling::Line(format!(
                "again[{}] cause {}: back after {quiet:.0} s, found {count} times since {since}, now in {}",
                finding.diagnosis,
                id.0,
                subject(finding)
            )),
            _ if Recurrence::is_told(count) => Telling::Line(format!(
                "again[{}] cause {}: found {count} times since {since}, now in {}",
                finding.diagnosis,
                id.0,
                subject(finding)
            )),
            _ => Telling::Nothing,
        }
    }

    /// Notes which way the transfer went that failed.
    fn failed(&mut self, cause: CauseId, finding: &Finding) {
        self.now = self.now.max(Some(finding.primary.first().time));
        let (Some(session), Some(transfer)) = (finding.session, finding.transfer) else { return };
        let current = self.session.as_ref().filter(|(id, _)| *id == session);
        if let Some(way) = current.and_then(|(_, ways)| ways.get(&transfer).copied()) {
            self.note(way, cause);
            return;
        }
        if self.recent.len() >= RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back((session, transfer, cause));
    }

    fn note(&mut self, way: Way, cause: CauseId) {
        if self.ways.len() < WAYS || self.ways.contains_key(&way) {
            self.ways.entry(way).or_default().insert(cause);
        }
    }

    /// Takes a session that is over, or a chapter of it: lines on what stopped.
    pub(super) fn session(&mut self, session: &SessionRecord, time: impl Fn(Timestamp) -> String) -> Vec<String> {
        self.now = self.now.max(Some(session.last.time));
        let way = |mode| (session.client.ip(), session.server, mode);
        let ways: HashMap<TransferId, Way> = session.transfers.iter().map(|one| (one.id, way(one.mode))).collect();
        for (id, transfer, cause) in std::mem::take(&mut self.recent) {
            match ways.get(&transfer).filter(|_| id == session.id) {
                Some(way) => self.note(*way, cause),
                None => self.recent.push_back((id, transfer, cause)),
            }
        }
        self.session = Some((session.id, ways));
        let asked = session.transfers.iter().filter(|one| one.outcome == Outcome::Completed);
        let inferred = session.inferred.iter().filter(|one| one.outcome == Outcome::Completed);
        let worked = asked.map(|one| (way(one.mode), one.at.time));
        let mut lines = Vec::new();
        for (way, at) in worked.chain(inferred.map(|one| (way(one.mode), one.attempt.syn.time))) {
            for id in self.ways.get(&way).into_iter().flatten() {
                let Some(cause) = self.causes.get_mut(id).filter(|cause| !cause.has_stopped && at > cause.last) else {
                    continue;
                };
                cause.worked += 1;
                if cause.worked >= ENOUGH * cause.doubled() {
                    cause.has_stopped = true;
                    let worked = format!("{} worked where it failed", counted(cause.worked, "transfer"));
                    lines.push(stopped(*id, cause, &worked, &time));
                }
            }
        }
        lines.extend(self.quiet(&time));
        lines
    }

    /// Causes that were not seen for long.
    fn quiet(&mut self, time: impl Fn(Timestamp) -> String) -> Vec<String> {
        let Some(now) = self.now else { return Vec::new() };
        if self.looked.is_some_and(|looked| now.seconds_since(looked) < LOOK) {
            return Vec::new();
        }
        self.looked = Some(now);
        let is_quiet = |cause: &Cause| !cause.has_stopped && now.seconds_since(cause.last) >= longest(cause);
        let mut quiet: Vec<(CauseId, &mut Cause)> =
            self.causes.iter_mut().filter(|(_, cause)| is_quiet(cause)).map(|(id, cause)| (*id, cause)).collect();
        quiet.sort_unstable_by_key(|(id, _)| *id);
        let tell = |(id, cause): (CauseId, &mut Cause)| {
            cause.has_stopped = true;
            stopped(id, cause, &format!("not seen for {:.0} min", now.seconds_since(cause.last) / 60.0), &time)
        };
        quiet.into_iter().map(tell).collect()
    }

    /// Whether trouble that is under way is told: of one address the first ones, each until it ends.
    pub(super) fn pending(&mut self, pending: &Pending) -> bool {
        let subject = (pending.session, pending.transfer);
        if pending.state != State::Open {
            return self.pending.remove(&subject);
        }
        let Some(at) = pending.frames.last().map(|frame| frame.time) else { return true };
        if self.pending.contains(&subject) {
            return true;
        }
        if self.pending.len() >= WAYS || self.troubled.len() >= WAYS {
            self.pending.clear();
            self.troubled.clear();
        }
        let mut is_told = true;
        for ip in [pending.from.ip(), pending.to.ip()] {
            let (count, last) = self.troubled.entry(ip).or_insert((0, at));
            if at.seconds_since(*last) >= QUIET {
                *count = 0;
            }
            (*count, *last) = (count.saturating_add(1), at);
            is_told &= *count <= TROUBLED;
        }
        if is_told {
            self.pending.insert(subject);
        }
        is_told
    }

    /// Whether that a finding no longer holds is to be told: where the finding was.
    pub(super) fn was_told(&mut self, superseded: &Superseded) -> bool {
        let Superseded { diagnosis, session, transfer, .. } = *superseded;
        // What was said of an offer, before there was a transfer, is taken back with the transfer.
        [transfer, None].into_iter().any(|transfer| self.told.remove(&(diagnosis, session, transfer)))
    }
}

/// Seconds without a cause after which it has stopped.
#[expect(clippy::cast_precision_loss, reason = "a thousand at most")]
fn longest(cause: &Cause) -> f64 {
    QUIET * cause.doubled() as f64
}

fn stopped(id: CauseId, cause: &Cause, why: &str, time: impl Fn(Timestamp) -> String) -> String {
    let Cause { diagnosis, count, last, .. } = cause;
    let found = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
    format!("stopped[{diagnosis}] cause {}: {why}; found {found}, last at {}", id.0, time(*last))
}

/// Where a finding is, or the capture.
fn subject(finding: &Finding) -> String {
    Some(place(finding)).filter(|place| !place.is_empty()).unwrap_or_else(|| "the capture".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{Lasting, Telling};
    use crate::finding::{CauseId, Confidence, Finding, SessionId, TransferId};
    use crate::frame::Timestamp;
    use crate::record::{Outcome, Pending, SessionRecord, State, Superseded};
    use crate::report::testing::Sample;

    const START: i64 = 1_500_000_000;

    fn time(at: Timestamp) -> String {
        format!("{} s", at.0 / 1_000_000_000 - START)
    }

    /// A failure of cause 1 in a session of this number, so many seconds behind the start.
    fn failure(session: u32, seconds: i64) -> Finding {
        let mut finding = Sample::collision().findings.into_iter().find(|one| !one.remedies.is_empty()).expect("one");
        let at = crate::report::testing::at(1, seconds * 1_000_000);
        finding.primary = crate::finding::Evidence::seen(at, "RST");
        Finding { session: Some(SessionId(session)), cause: Some(CauseId(1)), ..finding }
    }

    /// Its session, and one in which all worked.
    fn session(id: u32, seconds: i64, outcome: Outcome) -> SessionRecord {
        let mut session = Sample::collision().sessions.remove(0);
        session.id = SessionId(id);
        session.transfers.remove(0);
        session.transfers[0].outcome = outcome;
        session.transfers[0].at = crate::report::testing::at(1, seconds * 1_000_000);
        session.last = session.transfers[0].at;
        session
    }

    fn told(lasting: &mut Lasting, number: u32) -> Telling {
        let seconds = i64::from(number);
        assert_eq!(lasting.session(&session(number, seconds, Outcome::Failed), time), [""; 0]);
        lasting.finding(&failure(number, seconds), time)
    }

    #[test]
    fn the_first_is_told_in_full_and_the_others_by_their_number() {
        let mut lasting = Lasting::default();
        let tellings: Vec<Telling> = (1..=300).map(|number| told(&mut lasting, number)).collect();
        assert_eq!(tellings[0], Telling::Whole);
        let lines: Vec<&String> =
            tellings.iter().filter_map(|one| if let Telling::Line(line) = one { Some(line) } else { None }).collect();
        assert_eq!(lines.len(), 3, "{lines:?}");
        let last = "again[time-wait-collision] cause 1: found 100 times since 1 s, now in session 100, transfer 2";
        assert_eq!(lines[2], last);
    }

    #[test]
    fn what_is_surer_is_told_in_full_again() {
        let mut lasting = Lasting::default();
        told(&mut lasting, 1);
        let surer = Finding { confidence: Confidence::Proven, ..failure(2, 2) };
        assert_eq!(lasting.finding(&surer, time), Telling::Whole);
        assert_eq!(told(&mut lasting, 3), Telling::Nothing);
    }

    #[test]
    fn a_cause_stops_when_what_failed_works_and_comes_back() {
        let mut lasting = Lasting::default();
        (1..=5).for_each(|number| drop(told(&mut lasting, number)));
        let worked = |lasting: &mut Lasting, seconds| lasting.session(&session(90, seconds, Outcome::Completed), time);
        assert_eq!((worked(&mut lasting, 10), worked(&mut lasting, 11)), (vec![], vec![]));
        let line =
            "stopped[time-wait-collision] cause 1: 3 transfers worked where it failed; found 5 times, last at 5 s";
        assert_eq!(worked(&mut lasting, 12), [line]);
        assert!(worked(&mut lasting, 13).is_empty(), "it is said once");
        let again = "again[time-wait-collision] cause 1: back after 15 s, found 6 times since 1 s, now in session 20, transfer 2";
        assert_eq!(told(&mut lasting, 20), Telling::Line(again.to_owned()));
        // It takes more to be believed again.
        assert!((21..26).all(|seconds| worked(&mut lasting, seconds).is_empty()));
        assert_eq!(worked(&mut lasting, 26).len(), 1);
    }

    #[test]
    fn what_works_elsewhere_or_in_another_way_stops_nothing() {
        let mut lasting = Lasting::default();
        told(&mut lasting, 1);
        for seconds in 10..20 {
            let mut other = session(90, seconds, Outcome::Completed);
            other.client = "10.9.9.9:1000".parse().expect("an address");
            assert_eq!(lasting.session(&other, time), [""; 0]);
            let mut passive = session(91, seconds, Outcome::Completed);
            passive.transfers[0].mode = crate::record::Mode::Passive;
            assert_eq!(lasting.session(&passive, time), [""; 0]);
        }
    }

    #[test]
    fn a_cause_that_is_not_seen_for_long_has_stopped() {
        let mut lasting = Lasting::default();
        told(&mut lasting, 1);
        let mut later = |seconds| lasting.session(&session(90, seconds, Outcome::Aborted), time);
        assert_eq!(later(500), [""; 0]);
        let line = "stopped[time-wait-collision] cause 1: not seen for 10 min; found once, last at 1 s";
        assert_eq!(later(625), [line]);
        assert_eq!(later(3_000), [""; 0]);
    }

    #[test]
    fn trouble_of_one_address_is_told_twice_and_how_it_ended() {
        let mut lasting = Lasting::default();
        let pending = |number: u32, seconds: i64, state| Pending {
            session: SessionId(number),
            transfer: Some(TransferId(1)),
            command: None,
            from: "10.2.0.20:20".parse().expect("an address"),
            to: std::net::SocketAddr::from(([10, 1, 0, u8::try_from(number).expect("small")], 5001)),
            frames: vec![crate::report::testing::at(1, seconds * 1_000_000)],
            syns: 3,
            seconds: 3.0,
            state,
        };
        let mut told = |number, seconds, state| lasting.pending(&pending(number, seconds, state));
        let ended = || State::Ended(crate::diagnosis::data_syn_unanswered::NAME);
        assert_eq!([1, 2, 3].map(|number| told(number, 10, State::Open)), [true, true, false]);
        assert!(told(1, 12, State::Open), "what was told goes on");
        // The third was told neither when it began nor when it ends.
        assert_eq!([1, 2, 3].map(|number| told(number, 20, ended())), [true, true, false]);
        assert!(!told(4, 30, State::Open));
        assert!(told(5, 700, State::Open), "none for long");
    }

    #[test]
    fn only_what_was_told_is_taken_back() {
        let mut lasting = Lasting::default();
        (1..=3).for_each(|number| drop(told(&mut lasting, number)));
        let mut was_told = |session| {
            lasting.was_told(&Superseded {
                diagnosis: failure(1, 1).diagnosis,
                role: failure(1, 1).role,
                severity: failure(1, 1).severity,
                session: Some(SessionId(session)),
                transfer: Some(TransferId(2)),
                hosts: Vec::new(),
                by: None,
            })
        };
        assert_eq!([was_told(1), was_told(2), was_told(1)], [true, false, false]);
    }
}
