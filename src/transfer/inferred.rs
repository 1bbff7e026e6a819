//! What a data connection of an encrypted session tells of the transfer that it served: its command and replies cannot be
//! read, its ends, its close and the sizes of its TLS records can.
//!
//! Knows no keys and no causes. That it was a data connection at all is concluded from its ends and its time.

use super::attempt::Attempt;
use super::concluded::Concluded;
use super::protection::{Carried, DataTls, carried, emptied_by_server, is_alert, is_alike, is_finished};
use super::session::Session;
use crate::flow::{Close, Connection, End, TlsRecords};
use crate::frame::Stamp;
use crate::record::{AttemptOutcome, Heading, Outcome};
use crate::wire::hello::{Handshake, Version};
use crate::wire::tls::{Kind, Record};

/// The data connections of a session that are inferred.
pub fn inferred<'a>(session: &'a Session, concluded: &'a [Concluded<'a>]) -> impl Iterator<Item = &'a Attempt<'a>> {
    let hidden = concluded.iter().filter(|one| one.transfer.is_none() && one.offer.is_none());
    hidden.flat_map(|one| &one.attempts).filter(|attempt| session.is_opaque_at(attempt.at()))
}

/// Whether TLS protected what was carried; `None` when nothing was, or only one end spoke TLS.
pub fn is_protected(connection: &Connection) -> Option<bool> {
    match carried(connection) {
        Carried::Tls(_) => Some(true),
        Carried::Clear => Some(false),
        Carried::Nothing | Carried::OneSided(_) => None,
    }
}

/// Bytes of data that `end` sent: of TLS the sizes of its records of application data, without what is known to be the
/// handshake or the alert that closes. TLS 1.3 hides its handshake and its tickets among them: of a new session they are
/// known by the control connection of `session`, whose handshake is of the same make, of a resumed one the tickets are not.
pub fn bytes(session: &Session, connection: &Connection, end: End) -> u64 {
    let half = connection.half(end);
    let Some((records, all)) = half.tls_records().and_then(|records| Some((records, records.application()?))) else {
        return half.bytes;
    };
    let (client, shown) = match carried(connection) {
        Carried::Tls(DataTls { client: Some(client), handshake }) => (client, handshake),
        Carried::Tls(_) | Carried::Nothing | Carried::Clear | Carried::OneSided(_) => return all,
    };
    let [of_client, of_server] = &session.records;
    let handshake = match shown {
        Handshake::Full(Version::New) => alike(records, if end == client { of_client } else { of_server }),
        Handshake::Resumed(Version::New) => {
            let finished = connection.half(client).tls_records().and_then(finished);
            let Some(finished) = finished else { return 0 };
            let ends = |at: Stamp| if end == client { at > finished } else { at >= finished };
            records.first().iter().take_while(|(_, at)| !ends(*at)).count()
        }
        Handshake::Full(Version::Old) | Handshake::Resumed(Version::Old) | Handshake::Unknown => return all,
    };
    let alert = records.last().filter(|(record, _)| is_alert(*record, Version::New)).map(|(record, _)| record);
    let not_data = records.first().iter().take(handshake).map(|(record, _)| *record).chain(alert);
    let not_data = not_data.filter(|record| record.kind == Kind::Application).map(|record| u64::from(record.len));
    all.saturating_sub(not_data.sum())
}

/// How many of the first records are alike to those of the control connection.
fn alike(records: &TlsRecords, control: &[(Record, Stamp)]) -> usize {
    records.first().iter().zip(control).take_while(|((one, _), (other, _))| is_alike(*one, *other)).count()
}

/// The frame in which the client of a resumed session of TLS 1.3 says that its handshake is finished.
fn finished(records: &TlsRecords) -> Option<Stamp> {
    records.first().iter().find(|(record, _)| is_finished(*record, Version::New)).map(|(_, at)| *at)
}

/// Which way the data went, as far as it can be told: whoever sends them closes first, for that is how a file ends (RFC
/// 959 3.3). `client` is the end of the FTP client.
pub fn heading(session: &Session, connection: &Connection, client: End) -> Option<Heading> {
    let sent = |end: End| bytes(session, connection, end) > 0;
    match (sent(client), sent(client.peer())) {
        (false, false) => connection.established.map(|_| Heading::Nothing),
        (true, false) => Some(Heading::Upload),
        (false, true) => Some(Heading::Download),
        (true, true) => {
            let first = closed(connection, End::Origin).into_iter().chain(closed(connection, End::Target)).min()?;
            Some(if first.1 == (client == End::Target) { Heading::Upload } else { Heading::Download })
        }
    }
}

/// When an end said that nothing more is to come, by an alert or a FIN, and whether it is the target.
fn closed(connection: &Connection, end: End) -> Option<(Stamp, bool)> {
    let half = connection.half(end);
    let last = half.tls_records().and_then(TlsRecords::last);
    let alert = last
        .zip(version(connection))
        .filter(|((record, _), version)| is_alert(*record, *version))
        .map(|((_, at), _)| at);
    let at = alert.into_iter().chain(half.fin.map(|fin| fin.at)).min()?;
    Some((at, end == End::Target))
}

/// How the transfer ended, as far as the data connection tells.
pub fn outcome(session: &Session, attempt: &Attempt<'_>, client: End) -> Outcome {
    let connection = attempt.connection;
    match attempt.outcome() {
        AttemptOutcome::Refused | AttemptOutcome::Unanswered | AttemptOutcome::Icmp | AttemptOutcome::Aborted => {
            return Outcome::Failed;
        }
        AttemptOutcome::Challenged | AttemptOutcome::Unknown => return Outcome::Unknown,
        AttemptOutcome::Established => {}
    }
    let sender = match heading(session, connection, client) {
        Some(Heading::Upload) => client,
        Some(Heading::Download) => client.peer(),
        Some(Heading::Nothing) | None => return Outcome::Unknown,
    };
    // A refused TLS session and an empty file look alike.
    if emptied_by_server(connection, session).is_some() {
        return Outcome::Unknown;
    }
    match (connection.half(sender).fin, connection.close()) {
        // Its reader may reset what it does not care to close.
        (Some(fin), Close::Reset { at, .. }) if at < fin.at => Outcome::Failed,
        (Some(_), _) => Outcome::Completed,
        (None, Close::Reset { .. }) => Outcome::Failed,
        (None, Close::Open | Close::Half { .. } | Close::TimeWait { .. }) => Outcome::Unknown,
    }
}

/// The version of TLS.
fn version(connection: &Connection) -> Option<Version> {
    match carried(connection) {
        Carried::Tls(DataTls { handshake: Handshake::Full(version) | Handshake::Resumed(version), .. }) => {
            Some(version)
        }
        Carried::Tls(_) | Carried::Nothing | Carried::Clear | Carried::OneSided(_) => None,
    }
}
