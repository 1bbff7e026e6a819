//! `tls-control-opaque`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::ftp::Verb;

diagnosis! {
    /// The control connection is encrypted from here on: PORT, 227 and replies cannot be read.
    ///
    /// Needs: TLS records behind the 234 to AUTH TLS, or from the start on port 990; or GSSAPI-protected commands.
    ///
    /// What can still be said: what happened to the SYNs of data connections. What cannot: which transfer they served,
    /// what was announced, what the server answered.
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
            let message = format!(
                "the control connection is encrypted ({}) from frame {}{until}: endpoints and replies cannot be read there",
                span.by, span.from.number
            );
            DIAGNOSIS
                .finding(Confidence::Proven, message, Evidence::seen(span.from, "first encrypted segment"))
                .in_session(case.session)
                .support(auth.clone())
                .support(span.until.map(|until| Evidence::seen(until, "clear text again")))
                .done()
        })
        .into_iter()
        .collect()
}
