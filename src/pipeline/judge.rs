//! Runs the diagnoses over what has been concluded and hands the results to the sink.

use std::io;
use std::net::IpAddr;

use super::Pipeline;
use super::drops::Drops;
use super::prompt::{News, concerned};
use super::trace::connections;
use crate::diagnosis::case::{CaptureCase, Case, NetworkCase, Policy, Scene, SessionCase};
use crate::diagnosis::siblings::Siblings;
use crate::diagnosis::{ALL, contradiction, place, verdict};
use crate::finding::Finding;
use crate::flow::{Connection, End, Table};
use crate::frame::{Stamp, Timestamp};
use crate::ftp::vocabulary::marked;
use crate::network::Network;
use crate::record::trace::Trace;
use crate::record::{
    AttemptRecord, InferredRecord, Mode, OfferRecord, Outcome, ReplyRecord, SessionRecord, Sink, TransferRecord,
};
use crate::source::Capture;
use crate::transfer::attempt::Attempt;
use crate::transfer::conclude::Conclusions;
use crate::transfer::concluded::Concluded;
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;
use crate::transfer::{Offer, inferred};
use crate::vantage::Vantage;
use crate::wire::{Flags, LostDatagram};

impl Pipeline {
    /// Judges a session, once, and forgets it. The capture goes on until `due` at least, if it is not over.
    pub(super) fn judge(
        &mut self,
        index: SessionIndex,
        due: Option<Timestamp>,
        captures: &[Capture],
        sink: &mut dyn Sink,
    ) -> io::Result<()> {
        let Some(control) = self.sessions.get(index).map(|session| session.control) else {
            return Ok(());
        };
        self.end_control(control);
        self.tell_secrets(sink);
        let Some(mut session) = self.sessions.take(index) else { return Ok(()) };
        self.compare_views(index, &mut session);
        self.correlator.over(index, &session);
        let (Some(begins), Some(mut ends)) = (self.begins, self.ends) else { return Ok(()) };
        ends.time = due.map_or(ends.time, |due| ends.time.max(due));
        let scene =
            Scene { begins, ends, captures, lasts: &self.lasts, shows_more_than_control: self.shows_more_than_control };
        let Some(control) = self.flows.connection(session.control) else { return Ok(()) };
        let conclusions = Conclusions::of(index, &session, &self.flows, &self.correlator);
        let concluded = conclusions.all();
        let siblings = Siblings::of(&session, &conclusions, Some(&concluded));
        let vantage = vantage(&session, control, &self.network);
        let session_case = SessionCase {
            session: &session,
            control,
            concluded: &concluded,
            vantage: &vantage,
            network: &self.network,
            flows: &self.flows,
            scene: &scene,
            reached_later: self.reached.behind(session.client.ip(), session.server, control.last),
            client_scans: self.scanners.is_scanner(session.client.ip()),
        };
        let mut news = News::default();
        let mut verdicts = Vec::with_capacity(concluded.len());
        let bench = Bench {
            session: &session,
            control,
            siblings: &siblings,
            vantage: &vantage,
            network: &self.network,
            flows: &self.flows,
            scene,
            drops: &self.drops,
            policy: &self.settings.policy,
        };
        for one in &concluded {
            let (findings, verdict) = bench.judge(one, |_| true);
            verdicts.push(verdict);
            news.pending.extend(self.open.judged(one, &findings));
            news.extend(self.prompt.compare(index, session.id, one, findings));
        }
        let mut of_session: Vec<Finding> =
            ALL.iter().flat_map(|diagnosis| diagnosis.of_session(&session_case)).collect();
        for finding in &mut of_session {
            place::of_session(&session_case, finding);
        }
        news.findings.extend(verdict::settle(of_session, &news.findings));
        self.blamed.extend(news.findings.iter().filter(|finding| verdict::is_blamed(finding)).map(verdict::blame));
        self.prompt.over(index);
        news.pending.extend(self.open.over(index));
        if session.id.0 > 0 {
            let trace = self.settings.in_full.then(|| {
                let connections = connections(&session, &concluded, &self.flows, self.settings.policy.time_wait);
                Box::new(Trace { connections, ..self.dialogues.of(index) })
            });
            let judged = concluded.iter().zip(&verdicts).map(|(one, verdict)| (one, *verdict));
            let record = SessionRecord { trace, ..record(&session, &session.offers, judged, &vantage) };
            self.dialogues.forget(index);
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

    /// Tells a session and its twin, if it has one that is not judged yet, what the other one shows.
    fn compare_views(&mut self, index: SessionIndex, session: &mut Session) {
        let view = |index: SessionIndex, session: &Session| {
            let control = self.flows.connection(session.control)?;
            let concluded = Conclusions::of(index, session, &self.flows, &self.correlator).all();
            Some(session.as_other_view(&self.flows, control, &concluded))
        };
        let Some(number) = session.twin else { return };
        let Some(twin) = self.sessions.get(number) else { return };
        let [here, there] = [session.control, twin.control].map(|id| self.flows.connection(id));
        if !here.zip(there).is_some_and(|(here, there)| here.is_other_side_of(there)) {
            session.twin = None;
            return;
        }
        let (own, other) = (view(index, session), view(number, twin));
        session.other_view = other;
        if let Some(twin) = self.sessions.get_mut(number) {
            twin.other_view = own;
        }
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

/// Where a session was captured.
pub(super) fn vantage(session: &Session, control: &Connection, network: &Network) -> Vantage {
    let vantage = Vantage::of(control, control.end_of(session.client).unwrap_or(End::Origin), network);
    if session.passive_syns { vantage.with_passive_syns() } else { vantage }
}

/// A session and all that its transfers are judged by.
pub(super) struct Bench<'a> {
    pub(super) session: &'a Session,
    pub(super) control: &'a Connection,
    pub(super) siblings: &'a Siblings<'a>,
    pub(super) vantage: &'a Vantage,
    pub(super) network: &'a Network,
    pub(super) flows: &'a Table,
    pub(super) scene: Scene<'a>,
    pub(super) drops: &'a Drops,
    pub(super) policy: &'a Policy,
}

impl Bench<'_> {
    /// What the diagnoses chosen by name say of one transfer or offer, and the verdict.
    pub(super) fn judge(&self, one: &Concluded<'_>, chosen: fn(&str) -> bool) -> (Vec<Finding>, Option<&'static str>) {
        let captures = self.scene.captures;
        let concerned = concerned(self.drops, one, self.scene.ends, captures);
        let scene = Scene { captures: concerned.as_deref().unwrap_or(captures), ..self.scene };
        let case = Case {
            session: self.session,
            control: self.control,
            concluded: one,
            transfer: one.transfer,
            siblings: self.siblings,
            vantage: self.vantage,
            network: self.network,
            flows: self.flows,
            scene: &scene,
            policy: self.policy,
            gave_up: false,
        };
        judge_case(&case.of(one), chosen)
    }
}

/// What the diagnoses chosen by name say of one transfer or offer, with their roles, and the verdict.
fn judge_case(case: &Case<'_>, chosen: fn(&str) -> bool) -> (Vec<Finding>, Option<&'static str>) {
    let asked = || ALL.iter().filter(|diagnosis| chosen(diagnosis.name));
    let mut findings: Vec<Finding> = asked().filter_map(|diagnosis| diagnosis.of_transfer(case)).collect();
    let mut verdict = verdict::assign(&mut findings, case.is_to_be_explained());
    if case.failed() && verdict.is_none() {
        findings.extend(asked().filter_map(|diagnosis| diagnosis.of_unexplained(case)));
        verdict = verdict::assign(&mut findings, true);
    }
    contradiction::note(case, &mut findings);
    for finding in &mut findings {
        place::of_transfer(case, finding);
    }
    if case.transfer.is_none() {
        verdict::of_no_transfer(&mut findings);
    }
    (findings, verdict)
}

/// What is told of a session, or of a chapter of it: some of its offers, and what was judged with its verdicts.
pub(super) fn record<'a>(
    session: &Session,
    offers: impl IntoIterator<Item = &'a Offer>,
    judged: impl Iterator<Item = (&'a Concluded<'a>, Option<&'static str>)>,
    vantage: &Vantage,
) -> SessionRecord {
    let first_offer = session.offers.first_number();
    let judged: Vec<_> = judged.collect();
    let found = judged.iter().flat_map(|(one, _)| inferred::inferred(session, std::slice::from_ref(*one)));
    let inferred = found.map(|attempt| hidden(session, attempt)).collect();
    let mut captures: Vec<_> = stamps(session).map(|stamp| stamp.capture).collect();
    captures.sort_unstable();
    captures.dedup();
    SessionRecord {
        id: session.id,
        captures,
        client: session.client,
        server: session.server,
        first: session.first,
        last: session.last,
        tls: session.tls,
        server_software: session.software.known().map(|software| marked(&software.label())),
        encrypted_from: session.opaque.first().map(|span| span.from),
        vantage: vantage.record(),
        offers: offers
            .into_iter()
            .map(|offer| OfferRecord {
                command: offer.command.name.clone(),
                endpoint: offer.socket,
                at: offer.at(),
                accepted: offer.accepted(),
            })
            .collect(),
        inferred,
        transfers: judged
            .into_iter()
            .filter_map(|(one, verdict)| {
                let transfer = one.transfer?;
                Some(TransferRecord {
                    id: transfer.id,
                    command: transfer.command.name.clone(),
                    mode: one.mode(),
                    offer: one.offer_index.map(|offer| offer - first_offer),
                    at: transfer.at(),
                    reply: transfer.reply.as_ref().map(|reply| ReplyRecord {
                        code: reply.code,
                        text: reply.marked(),
                        at: reply.at(),
                    }),
                    attempts: one.attempts.iter().map(tried).collect(),
                    outcome: one.outcome(),
                    verdict,
                })
            })
            .collect(),
        trace: None,
        continues: false,
    }
}

fn tried(attempt: &Attempt<'_>) -> AttemptRecord {
    AttemptRecord { from: attempt.from(), to: attempt.to(), syn: attempt.at(), outcome: attempt.outcome() }
}

/// A transfer of an encrypted span, by its data connection.
fn hidden(session: &Session, attempt: &Attempt<'_>) -> InferredRecord {
    let connection = attempt.connection;
    let by_client = connection.origin.ip() == session.client.ip();
    let client = if by_client { End::Origin } else { End::Target };
    InferredRecord {
        mode: if by_client { Mode::Passive } else { Mode::Active },
        attempt: tried(attempt),
        outcome: inferred::outcome(session, attempt, client),
        to_client: inferred::bytes(session, connection, client.peer()),
        to_server: inferred::bytes(session, connection, client),
        protected: inferred::is_protected(connection),
        heading: inferred::heading(session, connection, client),
    }
}

fn stamps(session: &Session) -> impl Iterator<Item = Stamp> {
    let lines = session.offers.iter().map(|offer| offer.command.at());
    lines.chain(session.transfers.iter().map(crate::transfer::Transfer::at)).chain([session.first, session.last])
}
