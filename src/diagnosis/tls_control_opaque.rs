//! `tls-control-opaque`

use super::case::SessionCase;
use super::lines;
use crate::decrypt::Unread;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;
use crate::ftp::Verb;
use crate::transfer::attempt::Attempt;
use crate::transfer::inferred;
use crate::transfer::protection::{Carried, DataTls, carried};
use crate::wire::hello::Handshake;

/// Inferred data connections that are named.
const NAMED: usize = 8;

diagnosis! {
    /// The control connection is encrypted from here on: PORT, 227 and replies cannot be read.
    ///
    /// Needs: TLS records after the 234 to AUTH TLS, or from the start on port 990; or GSSAPI-protected commands.
    ///
    /// Still known: which connections between the two hosts were data connections, what happened to their SYNs, whether
    /// their TLS session was new, how much data they carried. Not known: which transfer they belonged to, what was
    /// announced, what the server answered.
    ///
    /// Refuted by: clear text after the 234; CCC ends it.
    ///
    /// Remedy: capture again with the keys. Clients write them where SSLKEYLOGFILE=FILE is set (curl, lftp, programs in
    /// Python, FileZilla), servers where a library that does so is preloaded (vsftpd, ProFTPD, Pure-FTPd); --keylog
    /// FILE reads them, and a pcapng file may carry them. Otherwise look at the server's log, or let the client send
    /// CCC for the time of the test.
    "tls-control-opaque", Quality,
    "the control connection is encrypted",
    ["RFC 4217", "RFC 2228"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let auth = case.session.exchanges.iter().find(|exchange| exchange.is(Verb::Auth) && !exchange.is_refused()).map(|exchange| {
        std::iter::once(lines::command(case.session, &exchange.command))
            .chain(exchange.reply.iter().map(|reply| lines::reply(case.session, reply)))
            .collect::<Vec<_>>()
    });
    let auth = auth.unwrap_or_default();
    let hidden = || match inferred(case).count() {
        0 => String::new(),
        1 => "; one data connection is inferred".to_owned(),
        many => format!("; {many} data connections are inferred"),
    };
    let unread = case.session.tls.and_then(|tls| tls.unread);
    // Where it is not the frame that is named anyway.
    let from = case.session.opaque.first().map(|span| span.from);
    let at = case.session.tls_unread.filter(|at| from.is_some_and(|from| from != *at));
    let at = at.map_or(String::new(), |at| format!(" (frame {})", at.number));
    let why = unread.map_or(String::new(), |why| format!("; {why}{at}"));
    let (message, first) = match (case.session.opaque.first(), case.session.tls_unread) {
        (Some(span), _) => {
            let until = span.until.map_or(String::new(), |until| format!(" until frame {}", until.number));
            let message = format!(
                "the control connection is encrypted ({}) from frame {}{until}: endpoints and replies cannot be read there{}{why}",
                span.by,
                span.from.number,
                hidden(),
            );
            (message, Evidence::seen(span.from, "first encrypted segment"))
        }
        // It was read up to there.
        (None, Some(at)) => {
            let message = format!("the control connection could not be decrypted from frame {} on{why}", at.number);
            (message, Evidence::seen(at, "the first record that could not be opened"))
        }
        (None, None) => return Vec::new(),
    };
    let until = case.session.opaque.first().and_then(|span| span.until);
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, first)
        .in_session(case.session)
        .support(auth)
        .support(until.map(|until| Evidence::seen(until, "clear text again")))
        .support(inferred(case).take(NAMED).map(|attempt| shown(case, attempt)));
    let finding = match unread {
        Some(Unread::NoKey(_) | Unread::WrongKey) => finding
            .client("Let the client write its keys (SSLKEYLOGFILE=FILE for curl, lftp, Python and FileZilla), capture again, and add --keylog FILE.")
            .server("Or let the server write them with a preloaded library (vsftpd, ProFTPD, Pure-FTPd), and add --keylog FILE."),
        _ => finding,
    };
    vec![finding.done()]
}

/// The connections that by their ends and their time were data connections.
fn inferred<'a>(case: &SessionCase<'a>) -> impl Iterator<Item = &'a Attempt<'a>> {
    inferred::inferred(case.session, case.all_concluded())
}

fn shown(case: &SessionCase<'_>, attempt: &Attempt<'_>) -> Evidence {
    let connection = attempt.connection;
    let by_client = connection.origin.ip() == case.session.client.ip();
    let client = if by_client { End::Origin } else { End::Target };
    let what = match carried(connection) {
        _ if !attempt.is_established() => "never established",
        Carried::Nothing => "nothing was carried",
        Carried::Clear => "clear text",
        Carried::OneSided(_) => "TLS from one side only",
        Carried::Tls(DataTls { handshake: Handshake::Full(_), .. }) => "TLS, a new session",
        Carried::Tls(DataTls { handshake: Handshake::Resumed(_), .. }) => "TLS, a resumed session",
        Carried::Tls(DataTls { handshake: Handshake::Unknown, .. }) => "TLS",
    };
    let note = format!(
        "probably a data connection, by its addresses and its time: {what}, {} bytes to the client, {} to the server",
        inferred::bytes(case.session, connection, client.peer()),
        inferred::bytes(case.session, connection, client)
    );
    Evidence::sent(attempt.at(), attempt.from(), attempt.to(), note)
}
