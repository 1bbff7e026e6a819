//! `tls-control-opaque`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;
use crate::ftp::Verb;
use crate::transfer::attempt::Attempt;
use crate::transfer::inferred;
use crate::transfer::protection::{Carried, Tls, carried};
use crate::wire::hello::Handshake;

/// Inferred data connections that are named.
const NAMED: usize = 8;

diagnosis! {
    /// The control connection is encrypted from here on: PORT, 227 and replies cannot be read.
    ///
    /// Needs: TLS records behind the 234 to AUTH TLS, or from the start on port 990; or GSSAPI-protected commands.
    ///
    /// What can still be said: which connections between the two hosts were data connections, what happened to their
    /// SYNs, whether their TLS session was a new one, how much they carried. What cannot: which transfer they served, what
    /// was announced, what the server answered.
    ///
    /// Refuted by: clear text behind the 234; CCC ends it.
    ///
    /// Remedy: capture with the server's log at hand, or let the client send CCC for the time of the test.
    "tls-control-opaque", Quality,
    "the control connection is encrypted",
    ["RFC 4217", "RFC 2228"],
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let auth = case.session.exchanges.iter().find(|exchange| exchange.is(Verb::Auth) && !exchange.is_refused()).map(|exchange| {
        std::iter::once(lines::command(case.session, &exchange.command))
            .chain(exchange.reply.iter().map(|reply| lines::reply(case.session, reply)))
            .collect::<Vec<_>>()
    });
    let auth = auth.unwrap_or_default();
    case.session
        .opaque
        .first()
        .map(|span| {
            let until = span.until.map_or(String::new(), |until| format!(" until frame {}", until.number));
            let hidden = match inferred(case).count() {
                0 => String::new(),
                1 => "; one data connection is inferred".to_owned(),
                many => format!("; {many} data connections are inferred"),
            };
            let message = format!(
                "the control connection is encrypted ({}) from frame {}{until}: endpoints and replies cannot be read there{hidden}",
                span.by, span.from.number
            );
            DIAGNOSIS
                .finding(Confidence::Proven, message, Evidence::seen(span.from, "first encrypted segment"))
                .in_session(case.session)
                .support(auth.clone())
                .support(span.until.map(|until| Evidence::seen(until, "clear text again")))
                .support(inferred(case).take(NAMED).map(|attempt| shown(case, attempt)))
                .done()
        })
        .into_iter()
        .collect()
}

/// The connections that by their ends and their time were data connections.
fn inferred<'a>(case: &SessionCase<'a>) -> impl Iterator<Item = &'a Attempt<'a>> {
    inferred::inferred(case.session, case.concluded)
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
        Carried::Tls(Tls { handshake: Handshake::Full(_), .. }) => "TLS, a new session",
        Carried::Tls(Tls { handshake: Handshake::Resumed(_), .. }) => "TLS, a resumed session",
        Carried::Tls(Tls { handshake: Handshake::Unknown, .. }) => "TLS",
    };
    let note = format!(
        "a data connection, to judge by its ends and its time: {what}, {} bytes to the client, {} to the server",
        inferred::bytes(case.session, connection, client.peer()),
        inferred::bytes(case.session, connection, client)
    );
    Evidence::sent(attempt.at(), attempt.from(), attempt.to(), note)
}
