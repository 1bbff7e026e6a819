//! `tls-session-reuse-required`

use super::case::{Case, cap};
use super::{data_connection_broken, data_syn_refused, lines, tls_control_opaque, tls_protection_mismatch};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::Connection;
use crate::frame::{Interval, Stamp};
use crate::ftp::texts::Condition;
use crate::transfer::attempt::Attempt;
use crate::transfer::protection::{Carried, Emptied, DataTls, carried, emptied_by_server};
use crate::wire::hello::Handshake;

/// A server that gives up for want of resumption closes the control connection with the data connection: seconds.
const AT_ONCE: Interval = Interval::seconds(2);

/// What vsftpd says of any failed data handshake while the option is on.
const SAID_OF_ANY: &str = "session reuse required";

diagnosis! {
    /// The data connection worked at TCP level and its TLS handshake completed, but with a new session; the server
    /// requires the control connection's session to be resumed.
    ///
    /// Servers require this so that only the client of the control connection can get the data. vsftpd:
    /// require_ssl_reuse; ProFTPD: TLSOptions without NoSessionReuseRequired; FileZilla Server always.
    ///
    /// Needs, where replies can be read (before AUTH, after CCC): 425, 450 or 522 to the transfer, with a text about
    /// session reuse or resumption. Where they cannot: a data connection with a full handshake (TLS 1.2: the server
    /// sends its certificate; TLS 1.3: no pre-shared key in its hello), which the server closes after the handshake
    /// without any data in either direction, and the control connection too, without answering the client's last
    /// command.
    ///
    /// Helps: the same on every data connection of the session.
    ///
    /// Refuted by: data on the connection, or a gap in the capture where it may be; an abbreviated handshake; a client
    /// that closes first (it did not accept the certificate); 522 to EPRT or EPSV, which is about the address family.
    ///
    /// Confidence: proven by the server's text together with a full handshake, or by a text that means nothing else;
    /// probable by vsftpd's text, which it sends for any failed handshake; without readable replies at most probable,
    /// because an empty listing of a server that ends the session looks the same.
    ///
    /// Traps: TLS 1.3 tickets look like data; their size is known from the control connection.
    ///
    /// Remedy: at the client use one that resumes the control connection's TLS session; at the server switch the
    /// requirement off (require_ssl_reuse=NO, NoSessionReuseRequired), but then others can hijack data connections; in
    /// the network nothing, the data connection was open before TLS started.
    "tls-session-reuse-required", Error,
    "the server requires the data connection to resume the TLS session of the control connection",
    ["RFC 4217 10.2", "RFC 8446 2.2", "RFC 5077"],
    verdict: TlsPolicy,
    locus: Server,
    Transfer(check);
    would_decide: "the server's log has the handshake of the data connection"
}

fn check(case: &Case<'_>) -> Option<Finding> {
    by_words(case).or_else(|| by_wire(case))
}

fn by_words(case: &Case<'_>) -> Option<Finding> {
    let reply = case.transfer().filter(|_| case.failed())?.reply.as_ref()?;
    let meaning = case.meaning()?;
    let attempt = case.concluded.established();
    let emptied = attempt.and_then(|attempt| emptied_by_server(attempt.connection, case.session));
    let handshake = attempt.map_or(Handshake::Unknown, |attempt| handshake(attempt.connection));
    let confidence = match (meaning.condition, handshake) {
        (Condition::TlsSessionReuse, Handshake::Resumed(_)) => Confidence::Possible,
        (Condition::TlsSessionReuse, Handshake::Unknown) if meaning.pattern == SAID_OF_ANY => Confidence::Probable,
        (Condition::TlsSessionReuse, Handshake::Full(_) | Handshake::Unknown) => Confidence::Proven,
        // ProFTPD: EPERM when the session is not resumed.
        (Condition::NotPermitted, Handshake::Full(_)) if emptied.is_some() => Confidence::Probable,
        _ => return None,
    };
    let shown = match handshake {
        Handshake::Full(_) => "the data connection's TLS session was a new one",
        Handshake::Resumed(_) => "but the data connection's TLS handshake was abbreviated: it resumed a session, perhaps not the control connection's",
        Handshake::Unknown => "the capture does not show the data connection's TLS handshake",
    };
    let message = format!("the server answered {}; {shown}", reply.line());
    let draft = DIAGNOSIS
        .finding(confidence, message, lines::reply(case.session, reply))
        .about(case)
        .support(attempt.and_then(hellos))
        .support(case.dialogue());
    let draft = match attempt {
        Some(_) => draft.rule_out(data_syn_refused::NAME, "the data connection was established"),
        None => draft,
    };
    Some(remedies(draft).done())
}

/// An encrypted session: what the records of both connections show.
fn by_wire(case: &Case<'_>) -> Option<Finding> {
    if case.transfer().is_some() || case.offer().is_some() {
        return None;
    }
    let attempt = case.concluded.established()?;
    let emptied = emptied_by_server(attempt.connection, case.session)?;
    let control = ended_with(case, &emptied)?;
    let message = format!(
        "the server closed {} -> {} after a full TLS handshake without any data, and the control connection too: it probably requires the control connection's TLS session to be resumed",
        attempt.from(),
        attempt.to(),
    );
    let opaque = "the control connection is encrypted, so the server's answer cannot be read".to_owned();
    let draft = DIAGNOSIS
        .finding(Confidence::Probable, message, Evidence::seen(emptied.ended, "the server closes the TLS session, no data has passed"))
        .about(case)
        .support(hellos(attempt))
        .support([Evidence::seen(emptied.finished, "the client's TLS handshake is finished")])
        .support([Evidence::sent(control, case.session.server, case.session.client, "the server closes the control connection")])
        .caps([cap(tls_control_opaque::NAME, Confidence::Probable, opaque)])
        .rule_out(data_syn_refused::NAME, "the data connection was established")
        .rule_out(tls_protection_mismatch::NAME, "both sides speak TLS on the data connection")
        .or(data_connection_broken::NAME, "the server's log, or its reply after CCC, says why it closed");
    Some(remedies(draft).done())
}

/// The server's FIN on the control connection, if it came at once and left the client without an answer: the client
/// had said nothing since the data connection was closed, or what it said then (QUIT) was answered by the FIN alone.
fn ended_with(case: &Case<'_>, emptied: &Emptied) -> Option<Stamp> {
    let client = case.client_end();
    let server = case.control.half(client.peer());
    let fin = server.fin.as_ref()?;
    let last_word = fin.peer_said?;
    let first = case.control.half(client).fin.as_ref().is_none_or(|own| fin.at < own.at);
    let waiting = last_word <= emptied.ended || server.last_data.is_some_and(|last| last < last_word);
    let at_once = fin.at.since(emptied.ended).is_within(AT_ONCE);
    (first && waiting && at_once).then_some(fin.at)
}

fn handshake(connection: &Connection) -> Handshake {
    match carried(connection) {
        Carried::Tls(DataTls { handshake, .. }) => handshake,
        Carried::Nothing | Carried::Clear | Carried::OneSided(_) => Handshake::Unknown,
    }
}

fn hellos(attempt: &Attempt<'_>) -> Option<Evidence> {
    let connection = attempt.connection;
    let firsts = [connection.from_origin.first_data?, connection.from_target.first_data?];
    let mut frames = firsts.to_vec();
    frames.sort_unstable();
    Evidence::seen_all(frames, None, "the hellos on the data connection")
}

fn remedies(draft: super::Draft) -> super::Draft {
    draft
        .client("Use a client that resumes the control connection's TLS session on data connections (curl, lftp, FileZilla do).")
        .server("If clients cannot: require_ssl_reuse=NO (vsftpd), TLSOptions NoSessionReuseRequired (ProFTPD); but then others can hijack data connections.")
        .network("Nothing to change in the network: the data connection was open before TLS started.")
}
