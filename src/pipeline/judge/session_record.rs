//! Turns what was judged of a session into the record that sinks get.

use std::collections::HashSet;

use super::case::Judged;
use super::trace::connections;
use crate::finding::{Role, Severity};
use crate::flow::{Connection, ConnectionId, End, SynSeen};
use crate::frame::Stamp;
use crate::ftp::vocabulary::marked;
use crate::ftp::{Reply, Verb};
use crate::pipeline::model::{Analysis, View, only_there};
use crate::record::trace::ConnectionTrace;
use crate::record::{
    AttemptRecord, Circumstances, InferredRecord, Mode, Numbers, OfferRecord, Outcome, ReplyRecord, SessionRecord,
    TransferRecord, ViewRecord,
};
use crate::redact::foreign;
use crate::transfer::attempt::Attempt;
use crate::transfer::concluded::Concluded;
use crate::transfer::offers::OfferNumber;
use crate::transfer::session::Session;
use crate::transfer::{Exchange, Offer, OtherView, Transfer, inferred};

/// What is told of a session, or of a part of it ([`super::rollover`]): some of its offers, and what was judged with its verdicts.
pub(super) fn record<'a>(
    views: &[View<'_>],
    offers: impl IntoIterator<Item = &'a Offer>,
    judged: &[Judged<'_>],
) -> Option<SessionRecord> {
    let View { session, control, vantage, .. } = views.first()?;
    let first_offer = session.offers.first_number();
    let of = |one: &Judged<'_>| Some(if one.own.is_some() { *session } else { views.last()?.session });
    let found = judged.iter().filter_map(|one| {
        let session = if one.own.is_some() { session } else { views.last()?.session };
        Some((session, one.shown()?))
    });
    let found = found.flat_map(|(session, one)| {
        inferred::inferred(session, std::slice::from_ref(one)).map(|attempt| hidden(session, attempt))
    });
    let inferred = found.collect();
    let mut captures: Vec<_> = views.iter().flat_map(|view| stamps(view.session)).map(|stamp| stamp.capture).collect();
    captures.sort_unstable();
    captures.dedup();
    let known = views.iter().find_map(|view| view.session.software.known());
    Some(SessionRecord {
        id: session.id,
        captures,
        client: session.client,
        server: session.server,
        first: views.iter().map(|view| view.session.first).min()?,
        last: views.iter().map(|view| view.session.last).max()?,
        tls: views.iter().find_map(|view| view.session.tls),
        circumstances: circumstances(session, control),
        server_software: known.map(|software| marked(&software.label())),
        encrypted_from: session.opaque.first().map(|span| span.from),
        vantage: vantage.record(),
        views: Vec::new(),
        points: Vec::new(),
        path: Vec::new(),
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
        transfers: judged.iter().filter_map(|one| transferred(of(one)?, one, first_offer)).collect(),
        trace: None,
        continues: false,
    })
}

/// Where the session was seen, if at several places.
pub(super) fn seen(
    views: &[View<'_>],
    all: &[Vec<Concluded<'_>>],
    segment: impl Fn(&SynSeen) -> String,
) -> Vec<ViewRecord> {
    let several = views.iter().zip(all).filter(|_| views.len() > 1);
    several.filter_map(|(one, all)| view(one.session, one.control, all, &segment)).collect()
}

/// A transfer with what each view alone shows of it.
fn transferred(session: &Session, judged: &Judged<'_>, first_offer: OfferNumber) -> Option<TransferRecord> {
    let Judged { own, other, number, verdict, .. } = judged;
    let (one, there) = if own.is_some() { ((*own)?, *other) } else { ((*other)?, None) };
    let transfer = one.transfer?;
    let known = |outcome: &Outcome| *outcome != Outcome::Unknown;
    let reply = transfer.reply.as_ref().or(there.and_then(|there| there.transfer?.reply.as_ref()));
    let outcomes = [Some(one), there].into_iter().flatten().map(Concluded::outcome);
    // No reply tells how it ended, but what became of it is an error.
    let has_error = judged.findings.iter().any(|one| one.role == Role::Verdict && one.severity == Severity::Error);
    let modes = [Some(one), there].into_iter().flatten().map(Concluded::mode);
    let more = there.map(|there| only_there(&one.attempts, &there.attempts)).unwrap_or_default();
    let outcome =
        outcomes.into_iter().find(known).unwrap_or(if has_error { Outcome::Failed } else { Outcome::Unknown });
    let data = [Some(one), there].into_iter().flatten().find_map(Concluded::established).map(|one| one.connection);
    Some(TransferRecord {
        id: (*number)?,
        command: transfer.command.name.clone(),
        mode: modes.into_iter().find(|mode| *mode != Mode::Unknown).unwrap_or(Mode::Unknown),
        // That of the other view is not among those that are told.
        offer: one.offer_number.filter(|_| own.is_some()).and_then(|offer| offer.since(first_offer)),
        at: transfer.at(),
        reply: reply.map(|reply| ReplyRecord { code: reply.code, text: reply.marked(), at: reply.at() }),
        attempts: one.attempts.iter().chain(&more).map(tried).collect(),
        protected: data.and_then(inferred::is_protected).or_else(|| prot(session, transfer)),
        size: announced_size(transfer).or_else(|| {
            let upload = transfer.command.verb.is_upload();
            data.filter(|_| outcome == Outcome::Completed).map(|data| carried(session, data, upload))
        }),
        outcome,
        verdict: *verdict,
    })
}

/// Under which circumstances a session was held; its VLAN is told by who knows the names of VLANs.
fn circumstances(session: &Session, control: &Connection) -> Circumstances {
    let client = control.end_of(session.client).unwrap_or(End::Origin);
    let mac = |end| control.half(end).first_mac.map(|mac| mac.to_string());
    let named = session.exchanges.iter().find(|exchange| exchange.command.name == "CLNT");
    Circumstances {
        greeting: session.greeting.as_ref().map(Reply::marked),
        client_software: named.map(|exchange| foreign(&exchange.command.argument)),
        client_mac: mac(client),
        server_mac: mac(client.peer()),
        vlan: String::new(),
    }
}

/// What the last accepted PROT says of a transfer whose data connection tells nothing; clear without one, in clear text.
fn prot(session: &Session, transfer: &Transfer) -> Option<bool> {
    let accepted = |one: &&Exchange| one.is(Verb::Prot) && one.reply.as_ref().is_some_and(|reply| reply.code == 200);
    let mut before = session.exchanges.iter().filter(accepted).filter(|one| one.command.at() <= transfer.at());
    let level = before.next_back().map(|one| one.command.argument.eq_ignore_ascii_case("P"));
    level.or_else(|| (!session.is_opaque_at(transfer.at())).then_some(false))
}

/// The size in `150 Opening BINARY mode data connection for a (1234 bytes).`
fn announced_size(transfer: &Transfer) -> Option<u64> {
    let text = &transfer.preliminary.as_ref()?.text;
    let (before, _) = text.split_once(" bytes")?;
    before.rsplit(['(', ' ']).next()?.parse().ok()
}

/// What a data connection carried from who sends.
fn carried(session: &Session, data: &Connection, upload: bool) -> u64 {
    let client = if data.origin.ip() == session.client.ip() { End::Origin } else { End::Target };
    inferred::bytes(session, data, if upload { client } else { client.peer() })
}

/// The connections of a session, those that only its other view shows too.
pub(super) fn traced(views: &[View<'_>], all: &[Vec<Concluded<'_>>], analysis: &Analysis<'_>) -> Vec<ConnectionTrace> {
    let (Some(lead), Some(own)) = (views.first(), all.first()) else { return Vec::new() };
    let of =
        |view: &View<'_>, all: &[Concluded<'_>]| connections(view.session, all, analysis.flows(), analysis.time_wait());
    let mut traced = of(lead, own);
    if let (Some(view), Some(all)) = (views.get(1), all.get(1)) {
        let here: Vec<Attempt<'_>> = own.iter().flat_map(|one| &one.attempts).copied().collect();
        let there: Vec<Attempt<'_>> = all.iter().flat_map(|one| &one.attempts).copied().collect();
        let alone: HashSet<ConnectionId> = only_there(&here, &there).iter().map(|one| one.connection.id).collect();
        let attempts = |one: &Concluded<'_>| one.attempts.iter().any(|attempt| alone.contains(&attempt.connection.id));
        let mut more = all.clone();
        more.retain(attempts);
        for one in &mut more {
            one.attempts.retain(|attempt| alone.contains(&attempt.connection.id));
            one.earlier = None;
        }
        // The control connection comes first, and is told already.
        traced.extend(of(view, &more).into_iter().skip(1));
    }
    traced
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

/// A view, as it is told. `segment` names its place.
fn view(
    session: &Session,
    control: &Connection,
    concluded: &[Concluded<'_>],
    segment: impl Fn(&SynSeen) -> String,
) -> Option<ViewRecord> {
    let syn = control.syns.first()?;
    let attempts = concluded.iter().flat_map(|one| &one.attempts);
    let differs = |other: &OtherView| {
        session
            .offers
            .numbered()
            .any(|(number, offer)| other.offers.get(&number).is_some_and(|there| there.line_len != offer.line_len()))
    };
    Some(ViewRecord {
        point: None,
        client: session.client,
        server: session.server,
        capture: syn.at.capture,
        interface: syn.interface,
        segment: segment(syn),
        numbers: if session.other_view.as_ref().is_some_and(differs) { Numbers::Shifted } else { Numbers::Same },
        first: session.first,
        last: session.last,
        data: attempts.map(|attempt| (attempt.from(), attempt.to())).collect(),
        announced: session.offers.iter().filter_map(|offer| offer.socket).collect(),
    })
}
