//! `tls-protection-mismatch`

use super::case::{Case, cap};
use super::{lines, tls_control_opaque};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;
use crate::ftp::{Reply, Verb};
use crate::ftp::texts::Condition;
use crate::transfer::Exchange;
use crate::transfer::attempt::Attempt;
use crate::transfer::protection::{Carried, answers_by_alert, carried};

diagnosis! {
    /// One side protects the data connection with TLS and the other does not.
    ///
    /// PROT P asks for TLS on data connections, PROT C (and the lack of any PROT) for clear text. If the client does
    /// not send PROT P and the server requires it, or one side lost the setting, both wait for each other.
    ///
    /// Needs one of: a reply to the transfer that requires protection (521, 522, "must be encrypted"); a data
    /// connection on which one side sends a ClientHello, or answers with a TLS alert, and the other sends clear text; a
    /// failed transfer whose data connection does not carry what the accepted PROT says.
    ///
    /// Refuted by: TLS, or clear text, from both sides and no such reply; 522 to EPRT or EPSV, which is about the
    /// address family.
    ///
    /// Confidence: proven by the reply or by the two sides' bytes; with an encrypted control connection probable,
    /// because PROT cannot be read; by PROT alone probable.
    ///
    /// Remedy: at the client send PBSZ 0 and PROT P before transfers; at the server accept the level that clients ask
    /// for; in the network nothing, the data connection was established.
    "tls-protection-mismatch", Error,
    "one side protects the data connection with TLS and the other does not",
    ["RFC 4217 9", "RFC 2228 3"],
    verdict: TlsPolicy,
    locus: Server,
    Transfer(check);
    would_decide: "the server's log has the handshake of the data connection"
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if let Some(reply) = demand_to_offer(case) {
        return Some(demanded(case, reply, None));
    }
    let inferred = case.transfer().is_none() && case.offer().is_none();
    if !inferred && !case.failed() {
        return None;
    }
    let attempt = case.concluded.established();
    let level = level(case);
    by_words(case, level)
        .or_else(|| one_sided(case, attempt?, inferred))
        .or_else(|| against_level(case, attempt?, level?))
}

/// The last PROT before the transfer that the server accepted.
fn level<'a>(case: &Case<'a>) -> Option<&'a Exchange> {
    let at = case.transfer()?.at();
    let accepted = |exchange: &&Exchange| exchange.reply.as_ref().is_some_and(crate::ftp::Reply::is_success);
    let exchanges = case.session.exchanges.iter().rev();
    exchanges.filter(accepted).find(|exchange| exchange.is(Verb::Prot) && exchange.command.at() <= at)
}

fn by_words(case: &Case<'_>, level: Option<&Exchange>) -> Option<Finding> {
    let reply = case.transfer()?.reply.as_ref()?;
    case.meaning().filter(|meaning| meaning.condition == Condition::TlsRequired)?;
    Some(demanded(case, reply, level))
}

/// The reply to PORT, PASV and similar commands that demands protection.
pub(super) fn demand_to_offer<'a>(case: &Case<'a>) -> Option<&'a Reply> {
    let offer = case.offer().filter(|offer| offer.is_refused())?;
    let reply = offer.reply.as_ref()?;
    let meaning = case.meaning_of(offer.command.verb, reply)?;
    (meaning.condition == Condition::TlsRequired).then_some(reply)
}

fn demanded(case: &Case<'_>, reply: &Reply, level: Option<&Exchange>) -> Finding {
    let said = match level {
        Some(exchange) => format!("the client had said {}", exchange.command.line()),
        None => "no PROT was seen before it".to_owned(),
    };
    let message = format!("the server requires TLS on the data connection: {}; {said}", reply.line());
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, lines::reply(case.session, reply))
        .about(case)
        .support(level.map(|exchange| lines::command(case.session, &exchange.command)))
        .support(case.dialogue());
    remedies(draft).done()
}

fn one_sided(case: &Case<'_>, attempt: &Attempt<'_>, inferred: bool) -> Option<Finding> {
    let connection = attempt.connection;
    let Carried::OneSided(tls) = carried(connection) else { return None };
    let clear = tls.peer();
    let (hello, text) = (connection.half(tls).first_data?, connection.half(clear).first_data?);
    let socket = |end: End| connection.socket(end);
    let (spoke, note) = if answers_by_alert(connection, tls) {
        ("waited for TLS", "TLS alert in answer to clear text")
    } else {
        ("began TLS", "ClientHello")
    };
    let message = format!("{} {spoke} on the data connection and {} sent clear text", socket(tls), socket(clear));
    let opaque = inferred.then(|| {
        cap(tls_control_opaque::NAME, Confidence::Probable, "the control connection is encrypted: PROT cannot be read".into())
    });
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::sent(hello, socket(tls), socket(clear), note))
        .about(case)
        .support([Evidence::sent(text, socket(clear), socket(tls), "clear text")])
        .support(case.dialogue())
        .caps(opaque);
    Some(remedies(draft).done())
}

fn against_level(case: &Case<'_>, attempt: &Attempt<'_>, level: &Exchange) -> Option<Finding> {
    let connection = attempt.connection;
    let protected = level.command.argument.eq_ignore_ascii_case("P");
    let shown = match carried(connection) {
        Carried::Clear if protected => "clear text",
        Carried::Tls(tls) if level.command.argument.eq_ignore_ascii_case("C") && tls.client.is_some() => "TLS",
        Carried::Clear | Carried::Tls(_) | Carried::Nothing | Carried::OneSided(_) => return None,
    };
    let first = connection.from_origin.first_data.into_iter().chain(connection.from_target.first_data).min()?;
    let message = format!(
        "the client said {} but the data connection {} -> {} carries {shown}",
        level.command.line(),
        attempt.from(),
        attempt.to(),
    );
    let draft = DIAGNOSIS
        .finding(Confidence::Probable, message, Evidence::seen(first, format!("first payload: {shown}")))
        .about(case)
        .support([lines::command(case.session, &level.command)])
        .support(case.dialogue());
    Some(remedies(draft).done())
}

fn remedies(draft: super::Draft) -> super::Draft {
    draft
        .client("Send PBSZ 0 and PROT P before the first transfer (explicit FTPS), or PROT C if the data may stay unencrypted.")
        .server("Accept the level that clients ask for, or name it in the documentation: force_local_data_ssl (vsftpd), TLSRequired (ProFTPD).")
        .network("Nothing to change in the network: the two hosts disagree about PROT.")
}
