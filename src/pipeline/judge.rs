//! Runs the diagnoses over what has been concluded and hands the results to the sink.

use std::io;
use std::net::IpAddr;

use super::Pipeline;
use super::drops::Drops;
use super::prompt::{News, concerned};
use super::telling::{record, seen, traced};
use super::views::{Places, side_by_side};
use crate::diagnosis::case::{CaptureCase, Case, NetworkCase, Policy, Scene, SessionCase};
use crate::diagnosis::siblings::Siblings;
use crate::diagnosis::{ALL, contradiction, place, verdict, views as once};
use crate::finding::{DiagnosisName, Finding, TransferId};
use crate::flow::{Connection, End, Table};
use crate::frame::{Stamp, Timestamp};
use crate::network::Network;
use crate::record::trace::Trace;
use crate::record::{Outcome, SessionRecord, Sink};
use crate::source::Capture;
use crate::transfer::conclude::Conclusions;
use crate::transfer::concluded::Concluded;
use crate::transfer::correlator::{Correlator, SessionIndex};
use crate::transfer::session::Session;
use crate::vantage::Vantage;
use crate::wire::{Flags, LostDatagram};

/// The [`Ground`] of a pipeline, of which other fields may be changed meanwhile.
macro_rules! ground {
    ($pipeline:ident, $begins:expr, $ends:expr, $captures:expr) => {
        $crate::pipeline::judge::Ground {
            flows: &$pipeline.flows,
            correlator: &$pipeline.correlator,
            network: &$pipeline.network,
            drops: &$pipeline.drops,
            policy: &$pipeline.settings.policy,
            scene: $crate::diagnosis::case::Scene {
                begins: $begins,
                ends: $ends,
                captures: $captures,
                lasts: &$pipeline.lasts,
                shows_more_than_control: $pipeline.shows_more_than_control,
            },
        }
    };
}
pub(super) use ground;

impl Pipeline {
    /// Judges a session, once, and forgets it, with its other view if it has one. The capture goes on until `due` at least,
    /// if it is not over.
    pub(super) fn judge(
        &mut self,
        index: SessionIndex,
        due: Option<Timestamp>,
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        if due.is_some() && self.waits_for_other_view(index) {
            return Ok(());
        }
        for index in std::iter::once(index).chain(self.other_view(index)) {
            if let Some(control) = self.sessions.get(index).map(|session| session.control) {
                self.end_control(control);
            }
        }
        self.tell_secrets(sink);
        let sessions = self.take_views(index);
        for (index, session) in &sessions {
            self.correlator.over(*index, session);
        }
        let (Some(begins), Some(mut ends)) = (self.begins, self.ends) else { return Ok(()) };
        ends.time = due.map_or(ends.time, |due| ends.time.max(due));
        let ground = ground!(self, begins, ends, captures);
        let views = ground.views(&sessions);
        let Some(lead) = views.first() else { return Ok(()) };
        let all: Vec<_> = views.iter().map(|view| view.conclusions.all()).collect();
        let siblings: Vec<_> = views.iter().zip(&all).map(|(view, all)| view.siblings(Some(all))).collect();
        let judged = ground.judge_all(&views, &siblings, &all, |_, _| true);
        let mut news = News::default();
        for judged in &judged {
            let Some(one) = judged.shown() else { continue };
            for seen in [judged.own, judged.other].into_iter().flatten() {
                news.pending.extend(self.open.judged(seen, &judged.findings));
            }
            news.extend(self.prompt.compare(subject_of(&views), lead.session.id, one, judged.findings.clone()));
        }
        let is_scan = |view: &View<'_>| self.scanners.is_scanner(view.session.client.ip());
        let reached =
            |view: &View<'_>| self.reached.behind(view.session.client.ip(), view.session.server, view.control.last);
        let of_session = ground.of_session(&views, &all, is_scan, reached);
        news.findings.extend(verdict::settle(of_session, &news.findings));
        self.blamed.extend(news.findings.iter().filter(|finding| verdict::is_blamed(finding)).map(verdict::blame));
        for view in &views {
            self.prompt.over(view.index);
            news.pending.extend(self.open.over(view.index));
        }
        if lead.session.id.0 > 0 {
            let trace = self.settings.in_full.then(|| {
                let connections = traced(&views, &all, &ground);
                Box::new(Trace { connections, ..self.dialogues.of(lead.index) })
            });
            let seen = seen(&views, &all, |syn| self.segment_of(syn));
            let Some(record) = record(&views, &lead.session.offers, &judged) else { return Ok(()) };
            let record = SessionRecord { trace, views: seen, ..record };
            for view in &views {
                self.dialogues.forget(view.index);
            }
            self.summary.transfers += record.transfers.len() as u64;
            self.summary.failed +=
                record.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed).count() as u64;
            sink.session(&record)?;
        } else {
            for finding in &mut news.findings {
                finding.session = None;
            }
        }
        self.tell_news(&news, sink)
    }

    /// What holds of the hosts and the capture itself, and was not told with a failure.
    pub(super) fn of_group(&self, captures: &[Capture]) -> Vec<Finding> {
        // Without any packet that passes a filter, damage is all there is to tell.
        let damaged = captures.iter().find_map(|capture| capture.damage.as_ref()?.after);
        let (Some(begins), Some(ends)) = (self.begins.or(damaged), self.ends.or(damaged)) else { return Vec::new() };
        let scene =
            Scene { begins, ends, captures, lasts: &self.lasts, shows_more_than_control: self.shows_more_than_control };
        let mut parties: Vec<IpAddr> = self.contacts.iter().copied().collect();
        parties.sort_unstable();
        let hosts = NetworkCase { network: &self.network, parties: &parties, scene: &scene };
        let undecoded = self.decoder.as_ref().map(|decoder| decoder.undecoded()).unwrap_or_default();
        let let_go = self.let_go();
        let lost = self.decoder.as_ref().map(|decoder| decoder.fragments_lost()).unwrap_or_default();
        let fragments: Vec<LostDatagram> = lost.datagrams.into_iter().filter(|lost| self.is_of_ftp(lost)).collect();
        let capture = CaptureCase { scene: &scene, undecoded: &undecoded, fragments: &fragments, let_go: &let_go };
        let all = ALL.iter().flat_map(|diagnosis| diagnosis.of_group(&hosts, &capture));
        all.filter(|finding| !self.blamed.contains(&verdict::blame(finding))).collect()
    }
}

impl Pipeline {
    /// Whether a datagram that never became whole holds a control segment, or a SYN of FTP hosts.
    fn is_of_ftp(&self, lost: &LostDatagram) -> bool {
        let hosts = self.contacts.contains(&lost.source) && self.contacts.contains(&lost.destination);
        lost.tcp.is_some_and(|(from, to, flags)| {
            // Where no segment of a control connection is whole, its hosts are not known for what they are.
            self.is_control_port(from) || self.is_control_port(to) || (hosts && flags.has(Flags::SYN))
        })
    }
}

/// A session as it is judged: as it was seen at one place.
pub(super) struct View<'a> {
    pub(super) index: SessionIndex,
    pub(super) session: &'a Session,
    pub(super) control: &'a Connection,
    pub(super) conclusions: Conclusions<'a>,
    pub(super) vantage: Vantage,
}

impl View<'_> {
    pub(super) fn siblings<'b>(&'b self, all: Option<&'b [Concluded<'b>]>) -> Siblings<'b> {
        Siblings::of(self.session, &self.conclusions, all)
    }
}

/// What sessions are judged by.
pub(super) struct Ground<'a> {
    pub(super) flows: &'a Table,
    pub(super) correlator: &'a Correlator,
    pub(super) network: &'a Network,
    pub(super) drops: &'a Drops,
    pub(super) policy: &'a Policy,
    pub(super) scene: Scene<'a>,
}

/// A transfer or offer in each view that shows it, and what is said of it.
pub(super) struct Judged<'a> {
    pub(super) own: Option<&'a Concluded<'a>>,
    pub(super) other: Option<&'a Concluded<'a>>,
    /// The number of the transfer in the session.
    pub(super) number: Option<TransferId>,
    pub(super) findings: Vec<Finding>,
    pub(super) verdict: Option<DiagnosisName>,
}

impl<'a> Ground<'a> {
    /// The views of a session that can be judged.
    pub(super) fn views<S: AsRef<Session>>(&self, sessions: &'a [(SessionIndex, S)]) -> Vec<View<'a>> {
        let view = |(index, session): &'a (SessionIndex, S)| {
            let (index, session) = (*index, session.as_ref());
            let control = self.flows.connection(session.control)?;
            let origin = control.end_of(session.client).unwrap_or(End::Origin);
            let vantage = Vantage::of(control, origin, self.network);
            let vantage = if session.passive_syns { vantage.with_passive_syns() } else { vantage };
            let conclusions = Conclusions::of(index, session, self.flows, self.correlator);
            Some(View { index, session, control, conclusions, vantage })
        };
        sessions.iter().filter_map(view).collect()
    }
}

/// One transfer or offer as a view shows it.
#[derive(Clone, Copy)]
pub(super) struct Shown<'a> {
    pub(super) view: &'a View<'a>,
    pub(super) siblings: &'a Siblings<'a>,
    pub(super) one: &'a Concluded<'a>,
}

impl Ground<'_> {
    /// Judges all that is `wanted` of what the views conclude, by their places, in order of time.
    pub(super) fn judge_all<'a>(
        &self,
        views: &'a [View<'a>],
        siblings: &'a [Siblings<'a>],
        all: &'a [Vec<Concluded<'a>>],
        wanted: impl Fn(usize, &Concluded<'_>) -> bool,
    ) -> Vec<Judged<'a>> {
        let of = |view: usize, place: Option<usize>| {
            Some(Shown { view: views.get(view)?, siblings: siblings.get(view)?, one: all.get(view)?.get(place?)? })
        };
        let places: Vec<Places> = match all {
            [own, other] => side_by_side(own, other),
            _ => (0..all.first().map_or(0, Vec::len)).map(|place| [Some(place), None]).collect(),
        };
        let last = all.first().into_iter().flatten().filter_map(|one| one.transfer).map(|transfer| transfer.id.0).max();
        let before = views.first().map_or(0, |lead| lead.session.transfers_before);
        let mut numbers = last.unwrap_or(before) + 1..;
        let pairs = places.into_iter().map(|[own, other]| [of(0, own), of(1, other)]);
        let pairs = pairs.filter(|[own, other]| match (own, other) {
            (Some(own), _) => wanted(0, own.one),
            (None, Some(other)) => wanted(1, other.one),
            (None, None) => false,
        });
        pairs
            .filter_map(|[own, other]| {
                let (first, second) = if own.is_some() { (own?, other) } else { (other?, None) };
                let number = match own {
                    Some(own) => own.one.transfer.map(|transfer| transfer.id),
                    // The view that the session is told by does not hold it.
                    None => first.one.transfer.and_then(|_| numbers.next()).map(TransferId),
                };
                let (mut findings, verdict) = self.judge(first, second, |_| true);
                for finding in &mut findings {
                    finding.session = finding.session.and(views.first().map(|lead| lead.session.id));
                    finding.transfer = finding.transfer.and(number);
                }
                let [own, other] = [own, other].map(|shown| shown.map(|shown| shown.one));
                Some(Judged { own, other, number, findings, verdict })
            })
            .collect()
    }

    /// What the diagnoses chosen by name say of one transfer or offer, as one or two views show it, and the verdict.
    pub(super) fn judge(
        &self,
        shown: Shown<'_>,
        other: Option<Shown<'_>>,
        chosen: fn(DiagnosisName) -> bool,
    ) -> (Vec<Finding>, Option<DiagnosisName>) {
        let captures = self.scene.captures;
        let both = [Some(shown), other];
        let lost = both.map(|shown| concerned(self.drops, shown?.one, self.scene.ends, captures));
        let scenes = lost.each_ref().map(|lost| Scene { captures: lost.as_deref().unwrap_or(captures), ..self.scene });
        let [scene, there] = &scenes;
        judge_case(&self.case(shown, scene), other.map(|other| self.case(other, there)).as_ref(), chosen)
    }

    fn case<'a>(&'a self, shown: Shown<'a>, scene: &'a Scene<'a>) -> Case<'a> {
        let Shown { view, siblings, one } = shown;
        let case = Case {
            session: view.session,
            control: view.control,
            concluded: one,
            transfer: one.transfer,
            siblings,
            vantage: &view.vantage,
            network: self.network,
            flows: self.flows,
            scene,
            policy: self.policy,
            gave_up: false,
        };
        case.of(one)
    }

    /// What the diagnoses say of a session as a whole.
    fn of_session(
        &self,
        views: &[View<'_>],
        all: &[Vec<Concluded<'_>>],
        client_scans: impl Fn(&View<'_>) -> bool,
        reached_later: impl Fn(&View<'_>) -> Option<Stamp>,
    ) -> Vec<Finding> {
        let mut views = views.iter().zip(all).map(|(view, concluded)| {
            let session = view.session;
            let case = SessionCase {
                session,
                control: view.control,
                concluded,
                vantage: &view.vantage,
                network: self.network,
                flows: self.flows,
                scene: &self.scene,
                reached_later: reached_later(view),
                client_scans: client_scans(view),
            };
            let mut findings: Vec<Finding> = ALL.iter().flat_map(|diagnosis| diagnosis.of_session(&case)).collect();
            for finding in &mut findings {
                place::of_session(&case, finding);
            }
            (findings, [session.client.ip(), session.server.ip()])
        });
        let Some((own, here)) = views.next() else { return Vec::new() };
        match views.next() {
            Some((other, there)) => once::of_session(own, other, here, there),
            None => own,
        }
    }
}

impl<'a> Judged<'a> {
    /// As the view shows it that the session is told by, if that does.
    pub(super) fn shown(&self) -> Option<&'a Concluded<'a>> {
        self.own.or(self.other)
    }
}

/// The number by which findings of a session are compared with earlier ones, whichever view it is told by.
pub(super) fn subject_of(views: &[View<'_>]) -> SessionIndex {
    views.iter().map(|view| view.index).min().unwrap_or_default()
}

/// What the diagnoses chosen by name say of one transfer or offer, with their roles, and the verdict.
fn judge_case(
    case: &Case<'_>,
    other: Option<&Case<'_>>,
    chosen: fn(DiagnosisName) -> bool,
) -> (Vec<Finding>, Option<DiagnosisName>) {
    let asked = || ALL.iter().filter(|diagnosis| chosen(diagnosis.name));
    let said = |case: &Case<'_>| asked().filter_map(|diagnosis| diagnosis.of_transfer(case)).collect();
    let mut findings = match other {
        Some(other) => once::of_transfer(said(case), said(other)),
        None => said(case),
    };
    // How it ended may be seen on one side alone, as may the data connection.
    let ended = other.filter(|_| case.concluded.outcome() == Outcome::Unknown && !case.gave_up).unwrap_or(case);
    let tried = other.filter(|_| case.concluded.attempts.is_empty()).unwrap_or(ended);
    let mut verdict = verdict::assign(&mut findings, ended.is_to_be_explained());
    if ended.failed() && verdict.is_none() {
        findings.extend(asked().filter_map(|diagnosis| diagnosis.of_unexplained(ended)));
        verdict = verdict::assign(&mut findings, true);
    }
    contradiction::note(tried, &mut findings);
    for finding in &mut findings {
        place::of_transfer(tried, finding);
    }
    if case.transfer.is_none() {
        verdict::of_no_transfer(&mut findings);
    }
    (findings, verdict)
}
