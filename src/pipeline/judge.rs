//! Runs the diagnoses over what has been concluded and hands the results to the sink.

use std::io;
use std::net::IpAddr;

use super::Pipeline;
use super::trace::connections;
use crate::diagnosis::case::{CaptureCase, Case, NetworkCase, Scene, SessionCase};
use crate::diagnosis::{ALL, contradiction, verdict};
use crate::finding::{Finding, Role, Severity};
use crate::flow::{Connection, End};
use crate::frame::Stamp;
use crate::record::trace::Trace;
use crate::record::{AttemptRecord, OfferRecord, Outcome, ReplyRecord, SessionRecord, Sink, Summary, TransferRecord};
use crate::source::Capture;
use crate::transfer::concluded::{Concluded, conclude};
use crate::transfer::correlator::SessionIndex;
use crate::transfer::session::Session;
use crate::vantage::Vantage;

impl Pipeline {
    /// Judges a session, once, and forgets it.
    pub(super) fn judge(&mut self, index: SessionIndex, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let Some(control) = self.sessions.get(index).and_then(Option::as_ref).map(|session| session.control) else {
            return Ok(());
        };
        self.end_control(control);
        let Some(mut session) = self.sessions.get_mut(index).and_then(Option::take) else { return Ok(()) };
        if let Some(Some(twin)) = session.twin.and_then(|twin| self.sessions.get_mut(twin)) {
            twin.other_view = Some(session.as_other_view());
            session.other_view = Some(twin.as_other_view());
        }
        self.correlator.over(index, &session);
        let (Some(begins), Some(ends)) = (self.begins, self.ends) else { return Ok(()) };
        let lasts: Vec<Stamp> = self.lasts.values().copied().collect();
        let scene =
            Scene { begins, ends, captures, lasts: &lasts, shows_more_than_control: self.shows_more_than_control };
        let Some(control) = self.flows.connection(session.control) else { return Ok(()) };
        let (record, findings) = self.judged(index, &session, control, &scene);
        self.blamed.extend(findings.iter().filter(|finding| verdict::is_blamed(finding)).map(verdict::blame));
        self.dialogues.forget(index);
        if let Some(record) = record {
            self.summary.transfers += record.transfers.len() as u64;
            self.summary.failed +=
                record.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed).count() as u64;
            sink.session(&record)?;
        }
        self.report(&findings, sink)
    }

    /// Counts the findings that are wanted and hands them out.
    fn report(&mut self, findings: &[Finding], sink: &mut dyn Sink) -> io::Result<()> {
        for finding in findings.iter().filter(|finding| self.settings.selection.takes(finding.diagnosis)) {
            count(&mut self.summary, finding);
            sink.finding(finding)?;
        }
        Ok(())
    }

    fn judged(
        &self,
        index: SessionIndex,
        session: &Session,
        control: &Connection,
        scene: &Scene<'_>,
    ) -> (Option<SessionRecord>, Vec<Finding>) {
        let concluded = conclude(index, session, &self.flows, &self.correlator);
        let client_end = control.end_of(session.client).unwrap_or(End::Origin);
        let vantage = Vantage::of(control, client_end, &self.network);
        let session_case = SessionCase {
            session,
            control,
            concluded: &concluded,
            vantage: &vantage,
            network: &self.network,
            flows: &self.flows,
            scene,
            client_scans: self.scanners.is_scanner(session.client.ip()),
        };
        let mut findings = Vec::new();
        let mut verdicts = Vec::with_capacity(concluded.len());
        for one in &concluded {
            let case = Case {
                session,
                control,
                concluded: one,
                transfer: one.transfer,
                siblings: &concluded,
                vantage: &vantage,
                network: &self.network,
                flows: &self.flows,
                scene,
                policy: &self.settings.policy,
            };
            let mut own: Vec<Finding> = ALL.iter().filter_map(|diagnosis| diagnosis.of_transfer(&case)).collect();
            let mut verdict = verdict::assign(&mut own, case.failed() || case.gave_up());
            if case.failed() && verdict.is_none() {
                own.extend(ALL.iter().filter_map(|diagnosis| diagnosis.of_unexplained(&case)));
                verdict = verdict::assign(&mut own, true);
            }
            contradiction::note(&case, &mut own);
            verdicts.push(verdict);
            findings.append(&mut own);
        }
        let of_session = ALL.iter().flat_map(|diagnosis| diagnosis.of_session(&session_case)).collect();
        findings.extend(verdict::settle(of_session, &findings));
        let known = session.id.0 > 0;
        let trace = (known && self.settings.in_full).then(|| {
            let connections = connections(session, &concluded, &self.flows, self.settings.policy.time_wait);
            Box::new(Trace { connections, ..self.dialogues.of(index) })
        });
        let record = known.then(|| SessionRecord { trace, ..record(session, &concluded, &verdicts, &vantage) });
        if !known {
            for finding in &mut findings {
                finding.session = None;
            }
        }
        (record, findings)
    }

    /// Judges the hosts and the capture itself.
    pub(super) fn judge_group(&mut self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let (Some(begins), Some(ends)) = (self.begins, self.ends) else { return Ok(()) };
        let lasts: Vec<Stamp> = self.lasts.values().copied().collect();
        let scene =
            Scene { begins, ends, captures, lasts: &lasts, shows_more_than_control: self.shows_more_than_control };
        let mut parties: Vec<IpAddr> = self.contacts.iter().copied().collect();
        parties.sort_unstable();
        let hosts = NetworkCase { network: &self.network, parties: &parties, scene: &scene };
        let undecoded = self.decoder.undecoded();
        let given_up = self.network.let_go();
        let let_go = [
            (self.flows.evicted().map_or(0, |(count, _)| count), "connections"),
            (self.correlator.forgotten(), "announced endpoints"),
            (self.parties_refused, "hosts"),
            (given_up.addresses, "addresses of the neighbourhood"),
            (given_up.pairs, "pairs of MAC and IP address"),
        ];
        let capture = CaptureCase { scene: &scene, undecoded: &undecoded, let_go: &let_go };
        let all = ALL.iter().flat_map(|diagnosis| diagnosis.of_group(&hosts, &capture));
        let findings: Vec<Finding> = all.filter(|finding| !self.blamed.contains(&verdict::blame(finding))).collect();
        self.report(&findings, sink)
    }
}

fn count(summary: &mut Summary, finding: &Finding) {
    match finding.severity {
        Severity::Quality => summary.quality += 1,
        _ if finding.role == Role::Related => {}
        Severity::Error => summary.error += 1,
        Severity::Warning => summary.warning += 1,
        Severity::Info => summary.info += 1,
    }
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
