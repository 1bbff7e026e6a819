//! `tls-closure-missing`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::record::Outcome;
use crate::transfer::protection::unannounced_end;

diagnosis! {
    /// The data connection ended with a FIN but without the TLS alert close_notify, and the peer treated the file as
    /// truncated.
    ///
    /// An attacker could cause such an end to cut a file: some programs (GnuTLS: error -110) refuse it, others accept
    /// it. It is reported only if the transfer failed: an end that the peer accepted did no harm.
    ///
    /// Needs: TLS from both sides on the data connection; a FIN of the sender whose last record is not an alert; and a
    /// 4xx or 5xx reply after that FIN.
    ///
    /// Helps: the keys (`--keylog`). In TLS 1.3 two bytes of data look like an alert until they are decrypted.
    ///
    /// Refuted by: an alert as the last record; a RST before the FIN; bytes that are missing from the capture; a text
    /// that names another reason; a reply that came before the FIN; an unknown text, if another transfer that ended in
    /// the same way succeeded.
    ///
    /// Confidence: probable with a text about a broken data connection, possible with others. If the control connection
    /// is encrypted the reply cannot be read, and nothing is reported.
    ///
    /// Remedy: at the client or the server, whichever sent the data, end TLS with close_notify (SSL_shutdown) before
    /// the FIN; at the other side accept files without it, if the program has such a setting; in the network nothing.
    "tls-closure-missing", Error,
    "the data connection ended without close_notify and the peer treated it as truncated",
    ["RFC 5246 7.2.1", "RFC 8446 6.1", "RFC 4217 12.3"],
    verdict: TlsClosure,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref()?;
    let attempt = case.concluded.established()?;
    let connection = attempt.connection;
    let sender = case.concluded.sender(transfer);
    let fin = unannounced_end(connection, sender).filter(|fin| fin.at < reply.at())?;
    if case.concluded.outcome() != Outcome::Failed {
        return None;
    }
    // Words that mean something else name the reason; and words that nobody knows mean little, the less so where transfers
    // that ended so have succeeded.
    let confidence = match case.meaning() {
        Some(meaning) if meaning.condition.tells_of_established() => Confidence::Probable,
        None if !case.siblings.completed_unannounced() => Confidence::Possible,
        Some(_) | None => return None,
    };
    let (from, to) = (connection.socket(sender), connection.socket(sender.peer()));
    let bytes = connection.half(sender).bytes;
    let message = format!(
        "{} ended the data connection {from} -> {to} with a FIN without close_notify after {bytes} bytes, and the server answered {}",
        from.ip(),
        reply.line(),
    );
    let by_client = from.ip() == case.session.client.ip();
    let shutdown = "End TLS on the data connection with close_notify (SSL_shutdown, gnutls_bye) before the FIN.";
    let accept = "If the program has such a setting, accept files without close_notify.";
    let draft = DIAGNOSIS
        .finding(confidence, message, Evidence::sent(fin.at, from, to, "FIN, no alert before it"))
        .about(case)
        .support([lines::reply(case.session, reply)])
        .support(case.dialogue())
        .network("Nothing to change in the network, unless a device there ends connections.");
    Some(if by_client { draft.client(shutdown).server(accept) } else { draft.server(shutdown).client(accept) }.done())
}
