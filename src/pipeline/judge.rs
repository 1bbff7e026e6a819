//! Runs the diagnoses over what has been concluded and hands the results to the sink.

use std::io;
use std::net::IpAddr;

use super::Pipeline;
use super::prompt::News;
use super::trace::connections;
use crate::diagnosis::case::{CaptureCase, Case, NetworkCase, Scene, SessionCase};
use crate::diagnosis::{ALL, Check, verdict};
use crate::finding::Finding;
use crate::flow::{Connection, End};
use crate::frame::Stamp;
use crate::record::trace::Trace;
use crate::record::{AttemptRecord, OfferRecord, Outcome, ReplyRecord, SessionRecord, Sink, TransferRecord};
use crate::source::Capture;
use crate::transfer::concluded::{Concluded, conclude};
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;
use crate::vantage::Vantage;

impl Pipeline {
    /// Judges a session, once, and forgets it.
    pub(super) fn judge(&mut self, index: SessionIndex, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let Some(control) = self.sessions.get(index).map(|session| session.control) else {
            return Ok(());
        };
        self.end_control(control);
        let Some(mut session) = self.sessions.take(index) else { return Ok(()) };
        if let Some(twin) = session.twin.and_then(|twin| self.sessions.get_mut(twin)) {
            twin.other_view = Some(session.as_other_view());
            session.other_view = Some(twin.as_other_view());
        }
        self.correlator.over(index, &session);
        let (Some(begins), Some(ends)) = (self.begins, self.ends) else { return Ok(()) };
        let lasts = self.lasts.clone();
        let scene =
            Scene { begins, ends, captures, lasts: &lasts, shows_more_than_control: self.shows_more_than_control };
        let Some(control) = self.flows.connection(session.control) else { return Ok(()) };
        let concluded = conclude(index, &session, &self.flows, &self.correlator);
        let vantage = vantage(&session, control);
        let session_case = SessionCase {
            session: &session,
            control,
            concluded: &concluded,
            vantage: &vantage,
            network: &self.network,
            flows: &self.flows,
            scene: &scene,
            client_scans: self.scanners.is_scanner(session.client.ip()),
        };
        let mut news = News::default();
        let mut verdicts = Vec::with_capacity(concluded.len());
        for one in &concluded {
            let case = Case {
                session: &session,
                control,
                concluded: one,
                transfer: one.transfer,
                siblings: &concluded,
                vantage: &vantage,
                network: &self.network,
                flows: &self.flows,
                scene: &scene,
                policy: &self.settings.policy,
            };
            let (findings, verdict) = judge_case(&case, |_| true);
            verdicts.push(verdict);
            news.extend(self.prompt.compare(index, session.id, one, findings));
        }
        for diagnosis in ALL {
            if let Check::Session(check) = diagnosis.check {
                news.findings.extend(check(&session_case));
            }
        }
        self.prompt.over(index);
        if session.id.0 > 0 {
            let trace = self.settings.in_full.then(|| {
                let connections = connections(&session, &concluded, &self.flows, self.settings.policy.time_wait);
                Box::new(Trace { connections, ..self.dialogues.of(index) })
            });
            let record = SessionRecord { trace, ..record(&session, &concluded, &verdicts, &vantage) };
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

    /// Judges the hosts and the capture itself.
    pub(super) fn judge_group(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let (Some(begins), Some(ends)) = (self.begins, self.ends) else { return Ok(()) };
        let lasts = self.lasts.clone();
        let scene =
            Scene { begins, ends, captures, lasts: &lasts, shows_more_than_control: self.shows_more_than_control };
        let mut parties: Vec<IpAddr> = self.contacts.iter().copied().collect();
        parties.sort_unstable();
        let hosts = NetworkCase { network: &self.network, parties: &parties, scene: &scene };
        let undecoded = self.decoder.as_ref().map(|decoder| decoder.undecoded()).unwrap_or_default();
        let let_go = self.let_go();
        let capture = CaptureCase { scene: &scene, undecoded: &undecoded, let_go: &let_go };
        let mut findings = Vec::new();
        for diagnosis in ALL {
            match diagnosis.check {
                Check::Network(check) => findings.extend(check(&hosts)),
                Check::Capture(check) => findings.extend(check(&capture)),
                Check::Transfer(_) | Check::Unexplained(_) | Check::Session(_) => {}
            }
        }
        self.tell_news(&News { findings, ..News::default() }, sink)
    }
}

/// Where a session was captured.
pub(super) fn vantage(session: &Session, control: &Connection) -> Vantage {
    Vantage::of(control, control.end_of(session.client).unwrap_or(End::Origin))
}

/// What the diagnoses chosen by name say of one transfer or offer, with their roles, and the verdict.
pub(super) fn judge_case(case: &Case<'_>, chosen: fn(&str) -> bool) -> (Vec<Finding>, Option<&'static str>) {
    let asked = || ALL.iter().filter(|diagnosis| chosen(diagnosis.name));
    let mut findings: Vec<Finding> = asked()
        .filter_map(|diagnosis| match diagnosis.check {
            Check::Transfer(check) => check(case),
            Check::Unexplained(_) | Check::Session(_) | Check::Network(_) | Check::Capture(_) => None,
        })
        .collect();
    let failed = case.failed();
    let mut verdict = verdict::assign(&mut findings, failed);
    if failed && verdict.is_none() {
        findings.extend(asked().filter_map(|diagnosis| match diagnosis.check {
            Check::Unexplained(check) => check(case),
            Check::Transfer(_) | Check::Session(_) | Check::Network(_) | Check::Capture(_) => None,
        }));
        verdict = verdict::assign(&mut findings, failed);
    }
    (findings, verdict)
}

fn record(
    session: &Session,
    concluded: &[Concluded<'_>],
    verdicts: &[Option<&'static str>],
    vantage: &Vantage,
) -> SessionRecord {
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
        server_software: session.software.known().map(crate::ftp::software::Software::label),
        encrypted_from: session.opaque.first().map(|span| span.from),
        vantage: vantage.record(),
        offers: session
            .offers
            .iter()
            .map(|offer| OfferRecord {
                command: offer.command.name.clone(),
                endpoint: offer.socket,
                at: offer.at(),
                accepted: offer.accepted(),
            })
            .collect(),
        transfers: concluded
            .iter()
            .zip(verdicts)
            .filter_map(|(one, verdict)| {
                let transfer = one.transfer?;
                Some(TransferRecord {
                    id: transfer.id,
                    command: transfer.command.name.clone(),
                    mode: one.mode(),
                    offer: one.offer_index,
                    at: transfer.at(),
                    reply: transfer.reply.as_ref().map(|reply| ReplyRecord {
                        code: reply.code,
                        text: reply.text.clone(),
                        at: reply.at(),
                    }),
                    attempts: one
                        .attempts
                        .iter()
                        .map(|attempt| AttemptRecord {
                            from: attempt.from(),
                            to: attempt.to(),
                            syn: attempt.at(),
                            outcome: attempt.outcome(),
                        })
                        .collect(),
                    outcome: one.outcome(),
                    verdict: *verdict,
                })
            })
            .collect(),
        trace: None,
    }
}

fn stamps(session: &Session) -> impl Iterator<Item = Stamp> {
    let lines = session.offers.iter().map(|offer| offer.command.at());
    lines.chain(session.transfers.iter().map(crate::transfer::Transfer::at)).chain([session.first, session.last])
}
