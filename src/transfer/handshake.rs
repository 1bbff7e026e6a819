//! How a TLS handshake ended before it was complete, by its clear records: by an alert, or by a peer that left.

use crate::frame::Stamp;
use crate::wire::tls::{Alert, Kind, Record};

/// A certificate with its chain makes what follows the hello longer than this, in bytes.
const CERTIFICATE: u32 = 400;

/// The records of one side, with their frames.
pub type SideRecords<'a> = &'a [(Record, Stamp)];

/// Who takes part in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsSide {
    /// Who sent the ClientHello.
    Client,
    /// The other one.
    Server,
}

/// How a handshake ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeEnd {
    /// By a fatal alert of this number, in clear or decrypted.
    Alert(u8),
    /// By an alert that is encrypted (TLS 1.3).
    HiddenAlert,
    /// By a FIN or RST, behind the peer's certificate, as far as can be told.
    LeftBehindCertificate,
    /// By a FIN or RST at another place.
    Left,
}

impl HandshakeEnd {
    /// By an alert that was encrypted.
    fn of_hidden(record: Record) -> Self {
        record.alert.map_or(Self::HiddenAlert, |alert| Self::Alert(alert.description))
    }
}

/// A handshake that was not completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BrokenHandshake {
    /// Who ended it.
    pub by: TlsSide,
    /// What ended it.
    pub how: HandshakeEnd,
    /// The frame.
    pub at: Stamp,
}

/// How the handshake of a connection was broken off, if both sides spoke TLS. `end` is who closed the connection first, and
/// when; `None` where it is not closed, or the capture lacks bytes.
pub fn broken(
    client: SideRecords<'_>,
    server: SideRecords<'_>,
    end: Option<(TlsSide, Stamp)>,
) -> Option<BrokenHandshake> {
    let begun = client.first().is_some_and(|(record, _)| record.kind == Kind::Handshake) && !server.is_empty();
    if !begun {
        return None;
    }
    let alerts = [(TlsSide::Client, client), (TlsSide::Server, server)].into_iter().filter_map(|(by, said)| {
        let (alert, at) =
            said.iter().filter(|(record, _)| record.is_clear_alert()).find_map(|(record, at)| fatal(*record, *at))?;
        Some(BrokenHandshake { by, how: HandshakeEnd::Alert(alert.description), at })
    });
    alerts.min_by_key(|broken| broken.at).or_else(|| without_alert(client, server, end?))
}

fn without_alert(
    client: SideRecords<'_>,
    server: SideRecords<'_>,
    (by, at): (TlsSide, Stamp),
) -> Option<BrokenHandshake> {
    if is_complete(client, server) {
        return refused_at_the_end(client, server, (by, at));
    }
    let hidden = client.iter().find(|(record, _)| is_hidden(*record)).filter(|(record, _)| is_hidden_alert(*record));
    if let Some((record, at)) = hidden {
        return Some(BrokenHandshake { by: TlsSide::Client, how: HandshakeEnd::of_hidden(*record), at: *at });
    }
    // Who has sent ChangeCipherSpec is content with the other side and waits for its end.
    let content = client.iter().any(|(record, _)| record.kind == Kind::ChangeCipherSpec);
    let how = match by {
        TlsSide::Client if content => return None,
        TlsSide::Client if said_bytes(server) > CERTIFICATE => HandshakeEnd::LeftBehindCertificate,
        // It has heard all that the client says, its certificate among it if it wanted one.
        TlsSide::Server if content && said_bytes(client) > CERTIFICATE => HandshakeEnd::LeftBehindCertificate,
        TlsSide::Server if content => return None,
        TlsSide::Client | TlsSide::Server => HandshakeEnd::Left,
    };
    Some(BrokenHandshake { by, how, at })
}

/// TLS 1.3: the client is done before the server has seen its certificate. A server that then says nothing but an alert, and
/// closes, has refused it.
fn refused_at_the_end(
    client: SideRecords<'_>,
    server: SideRecords<'_>,
    (by, at): (TlsSide, Stamp),
) -> Option<BrokenHandshake> {
    let done = client.iter().find(|(record, _)| is_hidden(*record))?.1;
    let mut behind = server.iter().filter(|(_, at)| *at > done);
    let (alert, _) = *behind.next().filter(|(record, _)| is_hidden_alert(*record) && by == TlsSide::Server)?;
    behind.next().is_none().then_some(BrokenHandshake { by, how: HandshakeEnd::of_hidden(alert), at })
}

/// Whether both sides have finished: up to TLS 1.2 each sends ChangeCipherSpec and something encrypted of the handshake. What
/// the client hides otherwise comes behind that, or is in TLS 1.3 its end of the handshake itself.
fn is_complete(client: SideRecords<'_>, server: SideRecords<'_>) -> bool {
    let finished = |said: SideRecords<'_>| {
        let mut behind = said.iter().skip_while(|(record, _)| record.kind != Kind::ChangeCipherSpec).skip(1);
        behind.next().is_some_and(|(record, _)| record.kind == Kind::Handshake)
    };
    let hides = client.iter().any(|(record, _)| is_hidden(*record) && !is_hidden_alert(*record));
    hides || (finished(client) && finished(server))
}

/// Whether a record hides what it says, or did until it was decrypted (TLS 1.3).
fn is_hidden(record: Record) -> bool {
    matches!(record.kind, Kind::Application | Kind::NoAlert) || is_hidden_alert(record)
}

/// Whether a record of TLS 1.3 is an alert that ends the session, or may be one by its size.
fn is_hidden_alert(record: Record) -> bool {
    match record.kind {
        Kind::Application => record.may_be_an_alert(),
        Kind::Alert => record.len == Record::HIDDEN_ALERT && record.alert.is_some_and(|alert| alert.fatal),
        _ => false,
    }
}

fn fatal(record: Record, at: Stamp) -> Option<(Alert, Stamp)> {
    record.alert.filter(|alert| alert.fatal).map(|alert| (alert, at))
}

/// Bytes behind the hello, which is the first record; one that holds the certificate too tells nothing of that.
fn said_bytes(said: SideRecords<'_>) -> u32 {
    said.iter().skip(1).map(|(record, _)| u32::from(record.len)).sum()
}

#[cfg(test)]
mod tests {
    use super::{BrokenHandshake, HandshakeEnd, TlsSide, broken};
    use crate::frame::{CaptureId, FrameNo, Stamp, Timestamp};
    use crate::wire::tls::{Alert, Kind, Record};

    fn at(number: u64) -> Stamp {
        Stamp::new(CaptureId(0), FrameNo(number), Timestamp(i64::try_from(number).unwrap()))
    }

    fn said(records: &[(u64, Kind, u16)]) -> Vec<(Record, Stamp)> {
        records
            .iter()
            .map(|(number, kind, len)| (Record { kind: *kind, len: *len, alert: None }, at(*number)))
            .collect()
    }

    use Kind::{Application as App, ChangeCipherSpec as Ccs, Handshake as Hello};

    #[test]
    fn an_alert_tells_who_and_why() {
        let mut client = said(&[(1, Hello, 200)]);
        let server = said(&[(2, Hello, 90), (2, Hello, 1200)]);
        client.push((Record { kind: Kind::Alert, len: 2, alert: Some(Alert { fatal: true, description: 48 }) }, at(3)));
        let expected = BrokenHandshake { by: TlsSide::Client, how: HandshakeEnd::Alert(48), at: at(3) };
        assert_eq!(broken(&client, &server, Some((TlsSide::Client, at(4)))), Some(expected));
        assert_eq!(broken(&client, &server, None), Some(expected));
    }

    #[test]
    fn a_client_that_leaves_behind_the_certificate() {
        let (client, server) = (said(&[(1, Hello, 200)]), said(&[(2, Hello, 90), (2, Hello, 1200)]));
        let left = |how| Some(BrokenHandshake { by: TlsSide::Client, how, at: at(4) });
        assert_eq!(broken(&client, &server, Some((TlsSide::Client, at(4)))), left(HandshakeEnd::LeftBehindCertificate));
        assert_eq!(broken(&client, &server[..1], Some((TlsSide::Client, at(4)))), left(HandshakeEnd::Left));
        assert_eq!(broken(&client, &server, None), None);
        assert_eq!(broken(&client, &[], Some((TlsSide::Client, at(4)))), None);
    }

    #[test]
    fn what_is_complete_may_end() {
        let old = [
            said(&[(1, Hello, 200), (3, Hello, 70), (3, Ccs, 1), (3, Hello, 40)]),
            said(&[(2, Hello, 1200), (4, Ccs, 1), (4, Hello, 40)]),
        ];
        let new = [
            said(&[(1, Hello, 200), (3, Ccs, 1), (3, App, 53)]),
            said(&[(2, Hello, 90), (2, Ccs, 1), (2, App, 900), (4, App, 250)]),
        ];
        for [client, server] in [old, new] {
            for by in [TlsSide::Client, TlsSide::Server] {
                assert_eq!(broken(&client, &server, Some((by, at(5)))), None);
            }
        }
    }

    #[test]
    fn the_server_refuses_what_the_client_has_finished_with() {
        let old = said(&[(1, Hello, 200), (3, Hello, 900), (3, Ccs, 1), (3, Hello, 40)]);
        let expected = |how| Some(BrokenHandshake { by: TlsSide::Server, how, at: at(5) });
        assert_eq!(
            broken(&old, &said(&[(2, Hello, 1200)]), Some((TlsSide::Server, at(5)))),
            expected(HandshakeEnd::LeftBehindCertificate)
        );
        let new = said(&[(1, Hello, 200), (3, App, 900), (3, App, 53)]);
        let server = said(&[(2, Hello, 90), (2, App, 900), (4, App, 19)]);
        assert_eq!(broken(&new, &server, Some((TlsSide::Server, at(5)))), expected(HandshakeEnd::HiddenAlert));
        assert_eq!(broken(&new, &server, Some((TlsSide::Client, at(5)))), None);
    }

    #[test]
    fn a_hidden_alert_that_was_decrypted_says_why() {
        let server = said(&[(2, Hello, 90), (2, App, 900)]);
        let mut client = said(&[(1, Hello, 200), (3, Ccs, 1), (3, App, 19)]);
        let ended = Some((TlsSide::Client, at(4)));
        client[2].0 = client[2].0.saying([2, 48]);
        let expected = BrokenHandshake { by: TlsSide::Client, how: HandshakeEnd::Alert(48), at: at(3) };
        assert_eq!(broken(&client, &server, ended), Some(expected));
        // close_notify, and no alert at all.
        client[2].0 = client[2].0.saying([1, 0]);
        assert_eq!(broken(&client, &server, None), None);
        client[2].0.kind = Kind::NoAlert;
        assert_eq!(broken(&client, &server, ended), None);
        // Of a session that was open it says nothing of the handshake.
        let old = said(&[(1, Hello, 200), (3, Hello, 70), (3, Ccs, 1), (3, Hello, 40), (6, Kind::Alert, 26)]);
        let mut alert = said(&[(2, Hello, 1200), (4, Ccs, 1), (4, Hello, 40), (5, Kind::Alert, 26)]);
        alert[3].0 = alert[3].0.saying([2, 20]);
        assert_eq!(broken(&old, &alert, Some((TlsSide::Server, at(7)))), None);
    }

    #[test]
    fn a_hidden_alert_in_place_of_the_end() {
        let (client, server) =
            (said(&[(1, Hello, 200), (3, Ccs, 1), (3, App, 19)]), said(&[(2, Hello, 90), (2, App, 900)]));
        let expected = BrokenHandshake { by: TlsSide::Client, how: HandshakeEnd::HiddenAlert, at: at(3) };
        assert_eq!(broken(&client, &server, Some((TlsSide::Client, at(4)))), Some(expected));
    }
}
