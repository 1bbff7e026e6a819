//! `tls-closure-missing`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::{Connection, End, FinSeen};
use crate::record::Outcome;
use crate::transfer::protection::{Carried, Tls, carried, is_alert};
use crate::wire::hello::Handshake;

diagnosis! {
    /// The data connection ended by a FIN without the TLS alert close_notify, and the peer took the file for cut off.
    ///
    /// An end without close_notify may be an attacker's: some programs (GnuTLS: error -110) refuse it, others take it.
    ///
    /// Needs: TLS from both sides on the data connection; a FIN of the sender whose last record is no alert; and a 4yz or
    /// 5yz reply behind that FIN.
    ///
    /// Refuted by: an alert as the last record; a RST before the FIN; bytes that the capture lacks; words that name another
    /// reason; a reply that was said before the FIN.
    ///
    /// Confidence: probable. Where the control connection is encrypted the complaint cannot be read, and nothing is said.
    ///
    /// Remedy: at the client or the server, whichever sent the data, end TLS by close_notify (shutdown) before the FIN; at the
    /// other one accept its lack if the program is known to be so; in the network nothing.
    "tls-closure-missing", Warning,
    "the data connection ended without close_notify and the peer took it for cut off",
    ["RFC 5246 7.2.1", "RFC 8446 6.1", "RFC 4217 12.3"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer?;
    let reply = transfer.reply.as_ref()?;
    let attempt = case.concluded.established()?;
    let connection = attempt.connection;
    let client = [End::Origin, End::Target].into_iter().find(|end| connection.socket(*end).ip() == case.session.client.ip())?;
    let sender = if transfer.is_upload() { client } else { client.peer() };
    let fin = unannounced(connection, sender).filter(|fin| fin.at < reply.at())?;
    let failed = case.concluded.outcome() == Outcome::Failed;
    // Words that mean something else name the reason.
    let blamed = failed && case.meaning().is_none_or(|meaning| meaning.condition.tells_of_established());
    if !blamed {
        return None;
    }
    let (from, to) = (connection.socket(sender), connection.socket(sender.peer()));
    let bytes = connection.half(sender).bytes;
    let message = format!(
        "{} ended the data connection {from} -> {to} by a FIN without close_notify after {bytes} bytes, and the server answered {}",
        from.ip(),
        reply.line(),
    );
    let by_client = sender == client;
    let shutdown = "End TLS on the data connection by close_notify (SSL_shutdown, gnutls_bye) before the FIN.";
    let accept = "Until then accept the end of a file without it, where the program has such a setting.";
    let draft = DIAGNOSIS
        .finding(Confidence::Probable, message, Evidence::sent(fin.at, from, to, "FIN, no alert before it"))
        .severity(Severity::Error)
        .about(case)
        .support([lines::reply(case.session, reply)])
        .support(case.dialogue())
        .network("Nothing to change on the way, if no device there ends connections by itself.");
    Some(if by_client { draft.client(shutdown).server(accept) } else { draft.server(shutdown).client(accept) }.done())
}

/// The FIN of an end that spoke TLS to its end without an alert, all of which was captured.
fn unannounced(connection: &Connection, sender: End) -> Option<FinSeen> {
    let Carried::Tls(Tls { handshake, .. }) = carried(connection) else { return None };
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
