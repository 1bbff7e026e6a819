//! Judges a transfer as soon as its outcome is known, and takes back later what turns out otherwise.
//!
//! For captures that have no end to wait for. What is said of a session once it is over is the same as if nothing
//! had been said before.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::io;

use super::Pipeline;
use super::drops::Drops;
use super::judge::{Ground, Shown, View, ground, subject_of};
use super::views::is_same;
use crate::finding::{Confidence, Finding, Role, SessionId, Severity, TransferId};
use crate::frame::{Stamp, Timestamp};
use crate::ftp::{CommandNo, Event};
use crate::record::{Hosts, Pending, Sink, State, Superseded};
use crate::source::Capture;
use crate::transfer::concluded::Concluded;
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;

/// When transfers are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Judging {
    /// When their session is over.
    #[default]
    AtEnd,
    /// When their final reply has come, and again when their session is over.
    Promptly,
}

/// A data SYN may be recorded this long behind the reply that reports on it. Seconds.
const SETTLES: f64 = 0.06;

/// A refused endpoint command is judged this late, for the client may fall back to another. Seconds.
const FALLS_BACK: f64 = 10.5;

/// A capture that goes on limits no claim by its end: it is taken to end this much later. Seconds.
const GOES_ON: f64 = 10.0;

/// The diagnosis that warns before the failure it announces.
const EARLY: &str = "port-reused-within-2msl";

/// What is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A transfer.
    Transfer(TransferId),
    /// An offer, by its place in the session.
    Offer(usize),
}

/// What has been said of sessions that are not over yet, and what is to be judged when.
#[derive(Debug, Default)]
pub(super) struct Prompt {
    judging: Judging,
    due: BinaryHeap<Reverse<(Timestamp, SessionIndex, Subject)>>,
    /// Offers whose endpoint has just been announced.
    announced: Vec<(SessionIndex, usize)>,
    said: BTreeMap<SessionIndex, BTreeMap<Subject, Vec<Said>>>,
}

/// A final reply, as far as it decides what can be judged.
pub(super) struct Answer {
    pub(super) to: CommandNo,
    at: Stamp,
    refuses: bool,
}

impl Answer {
    pub(super) fn of(event: &Event) -> Option<Self> {
        let Event::Reply(reply) = event else { return None };
        let to = reply.answers.filter(|_| !reply.is_preliminary())?;
        Some(Self { to, at: reply.at(), refuses: reply.is_failure() })
    }
}

/// A finding that has been said of a subject, as far as it can differ from a later one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Said {
    diagnosis: &'static str,
    role: Role,
    severity: Severity,
    confidence: Confidence,
}

impl Said {
    fn of(finding: &Finding) -> Self {
        let Finding { diagnosis, role, severity, confidence, .. } = *finding;
        Self { diagnosis, role, severity, confidence }
    }

    fn says(&self, finding: &Finding) -> bool {
        *self == Self::of(finding)
    }
}

/// What is to be told of a judgement.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) findings: Vec<Finding>,
    pub(super) superseded: Vec<Superseded>,
    pub(super) pending: Vec<Pending>,
}

impl News {
    pub(super) fn extend(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.superseded.extend(other.superseded);
        self.pending.extend(other.pending);
    }
}

impl Prompt {
    pub(super) fn new(judging: Judging) -> Self {
        Self { judging, ..Self::default() }
    }

    /// A command has its final reply: what it asked for can be judged.
    pub(super) fn answered(&mut self, index: SessionIndex, session: &Session, answer: &Answer) {
        if self.judging == Judging::AtEnd {
            return;
        }
        if let Some(transfer) = session.transfer_of(answer.to) {
            let due = answer.at.time.plus_seconds(SETTLES);
            self.due.push(Reverse((due, index, Subject::Transfer(transfer.id))));
        } else if answer.refuses
            && let Some(offer) = session.offers.number_of(answer.to)
        {
            let due = answer.at.time.plus_seconds(FALLS_BACK);
            self.due.push(Reverse((due, index, Subject::Offer(offer))));
        }
    }

    /// An endpoint has been announced.
    pub(super) fn announced(&mut self, index: SessionIndex, offer: usize) {
        if self.judging == Judging::Promptly {
            self.announced.push((index, offer));
        }
    }

    /// What is new in `findings` about `one`, and what of the earlier no longer holds.
    pub(super) fn compare(
        &mut self,
        index: SessionIndex,
        session: SessionId,
        one: &Concluded<'_>,
        findings: Vec<Finding>,
    ) -> News {
        if self.judging == Judging::AtEnd {
            return News { findings, ..News::default() };
        }
        let subject = match (one.transfer, one.offer_index) {
            (Some(transfer), _) => Subject::Transfer(transfer.id),
            (None, Some(offer)) => Subject::Offer(offer),
            // Nothing can have been said of it.
            (None, None) => return News { findings, ..News::default() },
        };
        let of_session = self.said.entry(index).or_default();
        let of_offer = one.offer_index.and_then(|offer| of_session.remove(&Subject::Offer(offer)));
        let said: Vec<Said> = of_offer.into_iter().chain(of_session.remove(&subject)).flatten().collect();
        let by = successor(&findings);
        let gone = said.iter().filter(|said| !findings.iter().any(|finding| said.says(finding)));
        let superseded = gone.map(|said| Superseded {
            diagnosis: said.diagnosis,
            role: said.role,
            severity: said.severity,
            session: (session.0 > 0).then_some(session),
            transfer: one.transfer.map(|transfer| transfer.id),
            hosts: Hosts::new(),
            by,
        });
        let superseded = superseded.collect();
        if !findings.is_empty() {
            of_session.insert(subject, findings.iter().map(Said::of).collect());
        }
        let news = findings.into_iter().filter(|finding| !said.iter().any(|said| said.says(finding)));
        News { superseded, findings: news.collect(), ..News::default() }
    }

    /// What was judged for good will not be compared with anything.
    pub(super) fn forget(&mut self, index: SessionIndex, is_over: impl Fn(Subject) -> bool) {
        if let Some(said) = self.said.get_mut(&index) {
            said.retain(|subject, _| !is_over(*subject));
        }
    }

    /// A session is over: nothing will be compared with what was said of it.
    pub(super) fn over(&mut self, index: SessionIndex) {
        self.said.remove(&index);
    }
}

/// The diagnosis that takes the place of those that no longer hold: the verdict, else what explains most.
fn successor(findings: &[Finding]) -> Option<&'static str> {
    let verdict = findings.iter().find(|finding| finding.role == Role::Verdict);
    let other = || findings.iter().max_by_key(|finding| finding.severity);
    verdict.or_else(other).map(|finding| finding.diagnosis)
}

/// The captures with the packets lost while `one` was under way.
pub(super) fn concerned(drops: &Drops, one: &Concluded<'_>, ends: Stamp, captures: &[Capture]) -> Option<Vec<Capture>> {
    let begins = one.offer.map(|offer| offer.command.at()).or_else(|| one.at())?;
    let until = one.transfer.and_then(crate::transfer::Transfer::ended).unwrap_or(ends);
    drops.captures(begins.time, until.time, captures)
}

/// What is judged of a subject of session `index`, whose session that is, and what the diagnoses chosen by name say of it.
fn news_of<'a>(
    ground: &Ground<'_>,
    views: &'a [View<'a>],
    index: SessionIndex,
    subject: Subject,
    chosen: fn(&str) -> bool,
) -> Option<(Concluded<'a>, SessionId, Vec<Finding>)> {
    let of = |view: &'a View<'a>| match subject {
        Subject::Transfer(id) => view.conclusions.transfer(id),
        Subject::Offer(number) => view.conclusions.offer(number),
    };
    let lead = views.first()?;
    let all: Vec<_> = views.iter().filter_map(|view| Some((view, of(view)?, view.siblings(None)))).collect();
    let (_, one, _) = all.iter().find(|(view, ..)| view.index == index)?;
    // What the other view lacks, or numbers otherwise, is judged when both are over: then its number is known.
    if all.len() < views.len() || !all.iter().all(|(_, other, _)| is_same(one, other)) {
        return None;
    }
    let mut shown =
        all.iter().filter(|(view, ..)| view.index == index).chain(all.iter().filter(|(view, ..)| view.index != index));
    let mut shown = shown.by_ref().map(|(view, one, siblings)| Shown { view, siblings, one });
    let (mut findings, _) = ground.judge(shown.next()?, shown.next(), chosen);
    for finding in &mut findings {
        finding.session = finding.session.and(Some(lead.session.id));
    }
    Some((one.clone(), lead.session.id, findings))
}

impl Pipeline {
    /// Nothing was captured until `now`: judges what is due.
    pub fn tick(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        if let Some(ends) = &mut self.ends {
            ends.time = ends.time.max(now);
        }
        self.wait(now, captures, sink)
    }

    /// No frame has come until `now`, but some may have been captured: judges what is due.
    pub fn wait(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        self.look_for_drops(now, captures);
        self.judge_due(now, captures, sink)?;
        self.look_around(now, captures, sink)
    }

    /// Notes losses of a capture that goes on; a file tells only how many there were.
    pub(super) fn look_for_drops(&mut self, now: Timestamp, captures: &[Capture]) {
        if self.settings.judging == Judging::Promptly {
            self.drops.look(now, captures);
        }
    }

    /// When something is to be judged next, or the hosts to be looked at.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        let hosts = self.next_look();
        let transfer = self.prompt.due.peek().map(|Reverse((due, ..))| *due);
        let session = self.closing.front().map(|(due, _)| *due);
        transfer.into_iter().chain(session).chain(hosts).min()
    }

    /// Judges the transfers whose outcome is known and the sessions that are over.
    #[inline]
    pub(super) fn judge_due(&mut self, now: Timestamp, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        while let Some(Reverse((due, index, subject))) = self.prompt.due.peek().copied()
            && due <= now
        {
            self.prompt.due.pop();
            self.judge_promptly(index, subject, |_| true, captures, sink)?;
        }
        while let Some(&(due, index)) = self.closing.front()
            && due <= now
        {
            self.closing.pop_front();
            self.judge(index, Some(due), captures, sink)?;
        }
        Ok(())
    }

    /// Warns of announced endpoints that are likely to fail.
    #[inline]
    pub(super) fn warn_early(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        if self.prompt.announced.is_empty() {
            return Ok(());
        }
        for (index, offer) in std::mem::take(&mut self.prompt.announced) {
            self.judge_promptly(index, Subject::Offer(offer), |name| name == EARLY, captures, sink)?;
        }
        Ok(())
    }

    fn judge_promptly(
        &mut self,
        index: SessionIndex,
        subject: Subject,
        chosen: fn(&str) -> bool,
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let Some((begins, mut ends)) = self.begins.zip(self.ends) else { return Ok(()) };
        ends.time = ends.time.plus_seconds(GOES_ON);
        let sessions = self.take_views(index);
        let ground = ground!(self, begins, ends, captures);
        let views = ground.views(&sessions);
        let news = news_of(&ground, &views, index, subject, chosen).map(|(one, id, findings)| {
            let pending = self.open.judged(&one, &findings);
            News { pending, ..self.prompt.compare(subject_of(&views), id, &one, findings) }
        });
        drop(views);
        self.put_views_back(sessions);
        news.map_or(Ok(()), |news| self.tell_news(&news, sink))
    }

    pub(super) fn tell_news(&mut self, news: &News, sink: &mut dyn Sink) -> io::Result<()> {
        let wanted = |diagnosis: &str| self.settings.selection.takes(diagnosis);
        for finding in news.findings.iter().filter(|finding| wanted(finding.diagnosis)) {
            self.summary.add(finding.severity, finding.role);
            sink.finding(finding)?;
        }
        for superseded in news.superseded.iter().filter(|superseded| wanted(superseded.diagnosis)) {
            self.summary.subtract(superseded.severity, superseded.role);
            sink.superseded(superseded)?;
        }
        for pending in &news.pending {
            match &pending.state {
                State::Ended(by) if !wanted(by) => {
                    let state = State::Withdrawn("its finding is not selected".to_owned());
                    sink.pending(&Pending { state, ..pending.clone() })?;
                }
                State::Open | State::Ended(_) | State::Withdrawn(_) => sink.pending(pending)?,
            }
        }
        Ok(())
    }
}
