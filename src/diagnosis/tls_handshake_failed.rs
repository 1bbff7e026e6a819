//! `tls-handshake-failed`

use std::net::SocketAddr;

use super::case::{Case, SessionCase};
use super::{Draft, lines};
use super::data_syn_refused;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Connection, End};
use crate::frame::Stamp;
use crate::ftp::Verb;
use crate::record::Outcome;
use crate::transfer::Exchange;
use crate::transfer::handshake::{BrokenHandshake, HandshakeEnd, TlsSide, broken};
use crate::wire::hello;
use crate::wire::tls::Kind;

diagnosis! {
    /// A TLS handshake on the control or data connection was not completed: one side ended it, with an alert or without
    /// one.
    ///
    /// Needs: a ClientHello and records of the other side, or a server that accepted AUTH and then ends the control
    /// connection instead of answering; then a fatal alert without encryption, which says why; or an encrypted
    /// record of an alert's size in place of the end of the handshake (TLS 1.3), or a FIN or RST before both sides had
    /// finished.
    ///
    /// Helps: where it ended. A client that leaves after the server's certificate does not accept it; a server that
    /// leaves after the client's certificate does not accept that one.
    ///
    /// Refuted by: a complete handshake; bytes of either side that are missing from the capture, unless there is an
    /// alert; a side that speaks no TLS at all (`tls-protection-mismatch`).
    ///
    /// Confidence: proven by an unencrypted alert or one that was decrypted (`--keylog`), otherwise probable.
    ///
    /// Traps: the reason in an encrypted alert cannot be read without the keys.
    ///
    /// Remedy: at the client trust the server's certificate authority, or check name and date of the certificate; at
    /// the server send the whole chain, offer a version and cipher suite that the client knows; in the network look for
    /// a device that intercepts TLS, if the certificate is not the server's.
    "tls-handshake-failed", Error,
    "a TLS handshake was not completed",
    ["RFC 5246 7.2.2", "RFC 8446 6.2", "RFC 4217 4"],
    verdict: TlsHandshake,
    locus: Server,
    Transfer(of_data),
    Session(of_control)
}

fn of_control(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let [client, server] = &session.records;
    let server_end = case.control.end_of(session.server).unwrap_or(End::Target);
    let end = first_end(case.control, server_end.peer());
    let Some(failed) = broken(client, server, end).or_else(|| left_unanswered(case, end?)) else { return Vec::new() };
    let sockets = Sockets { client: session.client, server: session.server };
    let hello = client.first().map(|(_, at)| *at);
    let opaque = session.opaque.first().map(|span| Evidence::seen(span.from, format!("{} begins", span.by)));
    vec![draft("control", &failed, sockets, hello).in_session(session).support(opaque).done()]
}

/// The server, which had accepted AUTH, closed or reset the connection instead of answering the ClientHello.
fn left_unanswered(case: &SessionCase<'_>, (by, at): (TlsSide, Stamp)) -> Option<BrokenHandshake> {
    let session = case.session;
    let [client, server] = &session.records;
    let (hello, asked_at) = client.first()?;
    let accepted = |exchange: &Exchange| exchange.is(Verb::Auth) && exchange.reply.as_ref().is_some_and(|reply| reply.code == 234);
    let unanswered = hello.kind == Kind::Handshake && server.is_empty() && by == TlsSide::Server && at > *asked_at;
    let unanswered = unanswered && case.control.end_of(session.server).is_some_and(|end| is_seen_whole(case.control, end));
    (unanswered && session.exchanges.iter().any(accepted)).then_some(BrokenHandshake { by, how: HandshakeEnd::Left, at })
}

/// Whether all that an end sent was captured, up to its FIN or RST: what nobody acknowledged is no gap yet, and may have been
/// an answer.
fn is_seen_whole(connection: &Connection, end: End) -> bool {
    let half = connection.half(end);
    let Some((first, next)) = half.first_seq.zip(half.next) else { return false };
    let mut resets = connection.rsts.iter().filter(|rst| rst.from == end);
    // SYN and FIN take a number each.
    i64::from(next.distance_from(first)) <= i64::try_from(half.bytes + 2).unwrap_or(i64::MAX)
        && resets.all(|rst| rst.seq.distance_from(next) <= 0)
}

fn of_data(case: &Case<'_>) -> Option<Finding> {
    let inferred = case.transfer().is_none() && case.offer().is_none();
    if !inferred && case.concluded.outcome() == Outcome::Completed {
        return None;
    }
    let connection = case.concluded.established()?.connection;
    let head = |end: End| connection.half(end).head.as_slice();
    let client = [End::Origin, End::Target].into_iter().find(|end| hello::is_client(head(*end)))?;
    let said = |end: End| connection.half(end).tls_records().map_or(&[][..], |records| records.first());
    let failed = broken(said(client), said(client.peer()), first_end(connection, client))?;
    let sockets = Sockets { client: connection.socket(client), server: connection.socket(client.peer()) };
    let hello = connection.half(client).first_data;
    let reply = case.transfer().and_then(|transfer| transfer.reply.as_ref()).map(|reply| lines::reply(case.session, reply));
    Some(draft("data", &failed, sockets, hello).about(case).support(reply).support(case.dialogue()).done())
}

/// Who closed or reset a connection first, of which `client` sent the ClientHello; `None` where bytes are missing, which may
/// be the rest of the handshake.
fn first_end(connection: &Connection, client: End) -> Option<(TlsSide, Stamp)> {
    let whole = [&connection.from_origin, &connection.from_target].iter().all(|half| half.gaps().is_empty() && half.cut == 0);
    let fin = connection.first_fin().map(|(end, fin)| (fin.at, end));
    let rst = connection.rsts.iter().map(|rst| (rst.at, rst.from)).min_by_key(|(at, _)| *at);
    let (at, end) = fin.into_iter().chain(rst).min_by_key(|(at, _)| *at).filter(|_| whole)?;
    Some((if end == client { TlsSide::Client } else { TlsSide::Server }, at))
}

/// The ends of a handshake.
#[derive(Clone, Copy)]
struct Sockets {
    client: SocketAddr,
    server: SocketAddr,
}

fn draft(which: &str, failed: &BrokenHandshake, sockets: Sockets, hello: Option<Stamp>) -> Draft {
    let Sockets { client, server } = sockets;
    let (name, from, to) = match failed.by {
        TlsSide::Client => ("client", client, server),
        TlsSide::Server => ("server", server, client),
    };
    let other = if failed.by == TlsSide::Client { "server" } else { "client" };
    let (what, confidence) = match failed.how {
        HandshakeEnd::Alert(number) => (format!("sent the alert {}", described(number, other)), Confidence::Proven),
        HandshakeEnd::HiddenAlert => ("sent an encrypted alert instead of finishing the handshake; the reason cannot be read".to_owned(), Confidence::Probable),
        HandshakeEnd::LeftBehindCertificate => {
            (format!("closed the connection right after the {other}'s certificate; it probably does not accept it"), Confidence::Probable)
        }
        HandshakeEnd::Left => ("closed the connection before it was complete".to_owned(), Confidence::Probable),
    };
    let message = format!("the TLS handshake of the {which} connection {client} -> {server} failed: the TLS {name} {} {what}", from.ip());
    DIAGNOSIS
        .finding(confidence, message, Evidence::sent(failed.at, from, to, format!("the TLS {name} ends the handshake")))
        .support(hello.map(|at| Evidence::sent(at, client, server, "ClientHello")))
        .rule_out(data_syn_refused::NAME, "the TCP connection was established")
        .client("Trust the CA of the server's certificate, and check its name and dates; offer current TLS versions (openssl s_client -starttls ftp shows what the server sends).")
        .server("Send the whole certificate chain; offer TLS versions and cipher suites that clients know; if client certificates are required, check which CA is trusted.")
        .network("If the certificate is not the server's own, a device on the path intercepts TLS.")
}

/// An alert by name and number, with what it means (RFC 5246 7.2.2, RFC 8446 6.2).
fn described(number: u8, other: &str) -> String {
    let (name, meaning) = match number {
        10 => ("unexpected_message", "it did not expect that message"),
        40 => ("handshake_failure", "no common cipher suite or parameter"),
        42 => ("bad_certificate", "it does not accept the certificate"),
        43 => ("unsupported_certificate", "it does not support that kind of certificate"),
        44 => ("certificate_revoked", "the certificate was revoked"),
        45 => ("certificate_expired", "the certificate has expired or is not valid yet"),
        46 => ("certificate_unknown", "it does not accept the certificate"),
        47 => ("illegal_parameter", "a field was out of range"),
        48 => ("unknown_ca", "it does not know the CA of the certificate"),
        50 => ("decode_error", "it could not read a message"),
        51 => ("decrypt_error", "a signature or Finished could not be verified"),
        70 => ("protocol_version", "no common TLS version"),
        71 => ("insufficient_security", "it requires stronger cipher suites"),
        80 => ("internal_error", "it had an internal error"),
        86 => ("inappropriate_fallback", "an older version than necessary was offered"),
        109 => ("missing_extension", "an extension is missing"),
        112 => ("unrecognized_name", "it has no certificate for that name"),
        116 => ("certificate_required", "it requires a certificate"),
        120 => ("no_application_protocol", "no common application protocol"),
        _ => return format!("number {number}"),
    };
    let whose = if (42..=48).contains(&number) && number != 47 { format!(" of the {other}") } else { String::new() };
    format!("{name} ({number}): {meaning}{whose}")
}
