//! `tls-closure-missing`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::record::Outcome;
use crate::transfer::protection::unannounced_end;

diagnosis! {
    /// The data connection ended by a FIN without the TLS alert close_notify, and the peer treated the file as
    /// truncated.
    ///
    /// An end without close_notify may be an attacker's: some programs (GnuTLS: error -110) refuse it, others take it.
    /// It is reported only where the transfer failed: an end that the peer took did no harm.
    ///
    /// Needs: TLS from both sides on the data connection; a FIN of the sender whose last record is no alert; and a 4yz
    /// or 5yz reply behind that FIN.
    ///
    /// Helps: the keys (`--keylog`). In TLS 1.3 two bytes of data look like an alert until they are decrypted.
    ///
    /// Refuted by: an alert as the last record; a RST before the FIN; bytes that the capture lacks; words that name
    /// another reason; a reply that was said before the FIN; words that are not known, where another transfer that
    /// ended so succeeded.
    ///
    /// Confidence: probable by words that tell of a broken data connection, possible by others. Where the control
    /// connection is encrypted the complaint cannot be read, and nothing is said.
    ///
    /// Remedy: at the client or the server, whichever sent the data, end TLS by close_notify (shutdown) before the FIN;
    /// at the other one accept its lack if the program is known to be so; in the network nothing.
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
        "{} ended the data connection {from} -> {to} by a FIN without close_notify after {bytes} bytes, and the server answered {}",
        from.ip(),
        reply.line(),
    );
    let by_client = from.ip() == case.session.client.ip();
    let shutdown = "End TLS on the data connection by close_notify (SSL_shutdown, gnutls_bye) before the FIN.";
    let accept = "If the program has such a setting, accept files without close_notify.";
    let draft = DIAGNOSIS
        .finding(confidence, message, Evidence::sent(fin.at, from, to, "FIN, no alert before it"))
        .about(case)
        .support([lines::reply(case.session, reply)])
        .support(case.dialogue())
        .network("Nothing to change on the way, if no device there ends connections by itself.");
    Some(if by_client { draft.client(shutdown).server(accept) } else { draft.server(shutdown).client(accept) }.done())
}
