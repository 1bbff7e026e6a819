//! What a data connection carries by its first bytes and records: nothing, clear text, TLS, or one of each.
//!
//! Without keys: whether a TLS session is new, and whether anything but the handshake passed. Knows no causes.

use super::session::Session;
use crate::flow::{Connection, End, FinSeen, Half};
use crate::frame::Stamp;
use crate::wire::hello::{self, Handshake, Version};
use crate::wire::tls::{Kind, Record};

/// Signatures in two handshakes of one server differ by a few bytes (DER of ECDSA).
const SIGNATURES_DIFFER: u16 = 4;

/// What a data connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// No payload, or its beginning was not captured.
    Nothing,
    /// Clear text, one way or both.
    Clear,
    /// TLS.
    Tls(DataTls),
    /// This end speaks TLS and the other one clear text.
    OneSided(End),
}

/// A TLS session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataTls {
    /// Who sent the ClientHello, if it was seen.
    pub client: Option<End>,
    /// Whether the session is a new one.
    pub handshake: Handshake,
}

/// What a data connection carries.
pub fn carried(connection: &Connection) -> Carried {
    let head = |end| connection.half(end).head.as_slice();
    let ends = [End::Origin, End::Target];
    let is_tls = |end| connection.half(end).tls_records().is_some();
    let client = ends.into_iter().find(|end| hello::is_client(head(*end)));
    let clear = ends.into_iter().any(|end| !head(end).is_empty() && !is_tls(end));
    match (client, clear) {
        (Some(client), true) => Carried::OneSided(client),
        (None, true) => {
            ends.into_iter().find(|end| answers_by_alert(connection, *end)).map_or(Carried::Clear, Carried::OneSided)
        }
        (client, false) if ends.into_iter().any(is_tls) => {
            let handshake = client.map_or(Handshake::Unknown, |client| hello::judge(head(client.peer())));
            Carried::Tls(DataTls { client, handshake })
        }
        (_, false) => Carried::Nothing,
    }
}

/// Whether all that an end says is a TLS alert in clear: it had waited for a ClientHello, and something else came.
pub fn answers_by_alert(connection: &Connection, end: End) -> bool {
    let first = connection.half(end).tls_records().and_then(|records| records.first().first());
    first.is_some_and(|(record, _)| record.is_clear_alert())
}

/// A TLS connection on which nothing but the handshake passed, and that the server ended.
#[derive(Clone, Copy, Debug)]
pub struct Emptied {
    /// The frame in which the client finished its handshake.
    pub finished: Stamp,
    /// The server's alert or FIN.
    pub ended: Stamp,
}

/// Whether the server of a new TLS session closed it behind the handshake, before either side sent data. In TLS 1.3
/// tickets look like data: they are known by the control connection of `session`, whose handshake is of the same make.
pub fn emptied_by_server(connection: &Connection, session: &Session) -> Option<Emptied> {
    let Carried::Tls(DataTls { client: Some(client), handshake: Handshake::Full(version) }) = carried(connection)
    else {
        return None;
    };
    let (of_client, of_server) = (connection.half(client), connection.half(client.peer()));
    let [control_client, control_server] = &session.records;
    let client_rest = beyond_handshake(of_client, version, control_client)?;
    let server_rest = beyond_handshake(of_server, version, control_server)?;
    let finished = of_client.tls_records()?.first().iter().find(|(record, _)| is_finished(*record, version))?.1;
    let first_end = |alert: Option<Stamp>, fin: Option<Stamp>| alert.into_iter().chain(fin).min();
    let server_end = first_end(server_rest.alert, of_server.fin.map(|fin| fin.at))?;
    let client_end = first_end(client_rest.alert, of_client.fin.map(|fin| fin.at));
    let by_server = server_end > finished && client_end.is_none_or(|client_end| server_end < client_end);
    by_server.then_some(Emptied { finished, ended: server_end })
}

/// A direction that carried a handshake and no data.
struct Silent {
    /// The first alert behind the handshake.
    alert: Option<Stamp>,
}

/// `None` when data passed, or may have where the capture has a gap.
fn beyond_handshake(half: &Half, version: Version, control: &[(Record, Stamp)]) -> Option<Silent> {
    let records = half.tls_records()?;
    if !records.are_all() || !half.gaps().is_empty() {
        return None;
    }
    let first = records.first();
    let handshake = match version {
        Version::Old => first.iter().position(|(record, _)| is_alert(*record, version)).unwrap_or(first.len()),
        Version::New => first.iter().zip(control).take_while(|((one, _), (other, _))| is_alike(*one, *other)).count(),
    };
    let rest = first.get(handshake..)?;
    let known = first.get(..handshake)?.iter().all(|(record, _)| match version {
        Version::Old => record.kind != Kind::Application,
        Version::New => true,
    });
    let silent = known && rest.iter().all(|(record, _)| is_alert(*record, version));
    silent.then(|| Silent { alert: rest.first().map(|(_, at)| *at) })
}

/// The FIN of an end that spoke TLS to its end without an alert, all of which was captured.
pub fn unannounced_end(connection: &Connection, sender: End) -> Option<FinSeen> {
    let Carried::Tls(DataTls { handshake, .. }) = carried(connection) else { return None };
    let version = match handshake {
        Handshake::Full(version) | Handshake::Resumed(version) => version,
        Handshake::Unknown => return None,
    };
    let half = connection.half(sender);
    let records = half.tls_records().filter(|records| records.application().is_some_and(|bytes| bytes > 0))?;
    let (last, _) = records.last()?;
    let fin = half.fin?;
    let reset = connection.rsts.iter().any(|rst| rst.at <= fin.at);
    let whole = half.gaps().is_empty() && half.cut == 0;
    let announced = is_alert(last, version);
    (whole && !reset && !announced).then_some(fin)
}

/// Whether a record is an alert, or in TLS 1.3 of the size of one where it was not decrypted.
pub fn is_alert(record: Record, version: Version) -> bool {
    let hidden = version == Version::New && record.kind == Kind::Application && record.may_be_an_alert();
    record.kind == Kind::Alert || hidden
}

/// Whether a record of the client can be the one that finishes its handshake: in TLS 1.3 the first that is hidden, unless
/// the client broke off, which its end shows.
pub fn is_finished(record: Record, version: Version) -> bool {
    match version {
        Version::Old => record.kind == Kind::ChangeCipherSpec,
        Version::New => record.kind == Kind::Application,
    }
}

/// Whether two records can be the same part of two handshakes between the same hosts.
pub fn is_alike(one: Record, other: Record) -> bool {
    one.kind == other.kind && one.len.abs_diff(other.len) <= SIGNATURES_DIFFER
}
