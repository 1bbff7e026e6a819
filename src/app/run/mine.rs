//! Which sessions are the command's: only they are told of.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{IpAddr, SocketAddr};

use super::owners::Owners;
use crate::causes::Caused;
use crate::cli::FailOn;
use crate::finding::{Finding, SessionId, Severity};
use crate::frame::{Frame, Timestamp};
use crate::record::{Outcome, SessionRecord, Sink, Summary};
use crate::redact::Secret;
use crate::source::Capture;
use crate::wire::{Body, Decoder, Flags};

/// Connections whose first SYN is remembered.
const OPENED: usize = 65_536;
/// What is said of a session that was open before.
const MIDSTREAM: &str = "capture-midstream";
/// Ports that are named.
const NAMED: usize = 5;

/// What was concluded of the command's sessions, and how many there were of others.
pub(super) struct Mine {
    /// This host's addresses.
    here: Vec<IpAddr>,
    began: Timestamp,
    owners: Owners,
    decoder: Decoder,
    /// Connections that this host opened since the command began, with their first SYN.
    opened: BTreeMap<(SocketAddr, SocketAddr), Timestamp>,
    sessions: BTreeMap<SessionId, SessionRecord>,
    others: BTreeSet<SessionId>,
    findings: Vec<Finding>,
    secrets: Vec<Secret>,
}

impl Mine {
    pub(super) fn new(here: Vec<IpAddr>, began: Timestamp) -> Self {
        Self {
            here,
            began,
            owners: Owners::default(),
            decoder: Decoder::default(),
            opened: BTreeMap::new(),
            sessions: BTreeMap::new(),
            others: BTreeSet::new(),
            findings: Vec::new(),
            secrets: Vec::new(),
        }
    }

    /// From now on it is known whose sockets are whose.
    pub(super) fn knows(&mut self, owners: Owners) {
        self.owners = owners;
    }

    /// Looks whether a frame opens a connection.
    pub(super) fn glance(&mut self, frame: &Frame<'_>) {
        if let Body::Tcp(ip, tcp) = self.decoder.decode(frame).body
            && tcp.flags.has(Flags::SYN)
            && !tcp.flags.has(Flags::ACK)
            && self.here.contains(&ip.source)
            && self.opened.len() < OPENED
            && frame.at.time >= self.began
        {
            let from = SocketAddr::new(ip.source, tcp.source_port);
            let to = SocketAddr::new(ip.destination, tcp.destination_port);
            self.opened.entry((from, to)).or_insert(frame.at.time);
        }
    }

    /// Whether a session was opened from here since the command began, and by nobody else as far as can be told.
    fn is_mine(&self, session: &SessionRecord) -> bool {
        let first = session.first.time;
        session.ends().any(|[client, server]| {
            self.opened.contains_key(&(client, server)) && !self.owners.is_of_others(client, server, first)
        })
    }

    /// Whether there is a session of the command.
    pub(super) fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Whether a finding is as severe as that.
    pub(super) fn reaches(&self, least: FailOn) -> bool {
        self.findings.iter().any(|finding| least.reached_by(finding))
    }

    /// What there was besides, in sentences without full stop.
    pub(super) fn sentences(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.sessions.is_empty() {
            let instead = match (self.ports(true), self.ports(false)) {
                (Some(ports), _) => format!("; it connected to {ports}"),
                (None, Some(ports)) => format!("; while it ran, this host tried {ports}"),
                (None, None) => String::new(),
            };
            sentences.push(format!("No FTP connection was made by the command{instead}"));
        }
        match self.others.len() {
            0 => {}
            1 => sentences.push("1 other FTP session on this host is not judged: it is not the command's".to_owned()),
            others => sentences
                .push(format!("{others} other FTP sessions on this host are not judged: they are not the command's")),
        }
        sentences
    }

    /// The connections that the command opened: those it was seen to have, or those nobody else was.
    fn opened(&self, is_seen: bool) -> impl Iterator<Item = SocketAddr> {
        let all = self.opened.iter().filter(move |((from, to), at)| {
            let is_mine = self.owners.is_mine(*from, *to);
            is_mine || !is_seen && !self.owners.is_of_others(*from, *to, **at)
        });
        all.map(|((_, to), _)| *to)
    }

    /// Their ports, to be read; `None` if there are none.
    fn ports(&self, is_seen: bool) -> Option<String> {
        let ports: BTreeSet<u16> = self.opened(is_seen).map(|to| to.port()).collect();
        let mut named: Vec<String> = ports.iter().take(NAMED).map(|port| format!("port {port}")).collect();
        if ports.len() > NAMED {
            named.push(format!("{} more", ports.len() - NAMED));
        }
        (!named.is_empty()).then(|| named.join(", "))
    }

    /// Whether a finding about hosts or the capture concerns the command's sessions.
    fn concerns(&self, finding: &Finding) -> bool {
        let ends = || self.sessions.values().flat_map(SessionRecord::ends).flatten().chain(self.opened(false));
        let is_party = |host: &IpAddr| ends().any(|end| end.ip() == *host);
        match finding.session {
            Some(session) => self.sessions.contains_key(&session),
            // The command's own sessions begin with a SYN.
            None if finding.diagnosis.as_str() == MIDSTREAM => false,
            None if finding.severity == Severity::Quality => true,
            None => finding.hosts.iter().any(is_party),
        }
    }

    /// Hands all of it to a report.
    pub(super) fn tell(&self, captures: &[Capture], sink: &mut dyn Sink) -> io::Result<()> {
        let mut summary = Summary::default();
        let mut caused = Caused::new(sink);
        self.secrets.iter().for_each(|secret| caused.secret(secret));
        for (id, session) in &self.sessions {
            caused.session(session)?;
            summary.transfers += session.transfers.len() as u64;
            let failed = session.transfers.iter().filter(|transfer| transfer.outcome == Outcome::Failed);
            summary.failed += failed.count() as u64;
            self.findings
                .iter()
                .filter(|finding| finding.session == Some(*id))
                .try_for_each(|one| caused.finding(one))?;
        }
        self.findings.iter().filter(|finding| finding.session.is_none()).try_for_each(|one| caused.finding(one))?;
        self.findings.iter().for_each(|finding| summary.add(finding.severity, finding.role));
        caused.finish()?;
        sink.end(captures, &summary)
    }
}

impl Sink for Mine {
    fn secret(&mut self, secret: &Secret) {
        self.secrets.push(secret.clone());
    }

    fn session(&mut self, session: &SessionRecord) -> io::Result<()> {
        let is_mine = self.is_mine(session);
        if let Some(begun) = self.sessions.get_mut(&session.id) {
            begun.append(session);
        } else if is_mine {
            self.sessions.insert(session.id, session.clone());
        } else {
            self.others.insert(session.id);
        }
        Ok(())
    }

    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        if self.concerns(finding) {
            self.findings.push(finding.clone());
        }
        Ok(())
    }

    fn end(&mut self, _: &[Capture], _: &Summary) -> io::Result<()> {
        Ok(())
    }
}
