//! `control-closed-early`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, Connection, End, Half};
use crate::frame::Stamp;
use crate::ftp::Reply;
use crate::transfer::session::Session;

diagnosis! {
    /// The server accepted the control connection and closed or reset it before a greeting, or greeted with 421.
    ///
    /// Needs: a complete handshake; no byte of the server, then its FIN or RST; or 421 as the first reply, whatever the
    /// client sends then.
    ///
    /// Helps: a 421 text that names a limit; TCP wrappers and connection limits close without a reply.
    ///
    /// Refuted by: a client that closed first; a greeting that is missing from the capture.
    ///
    /// Traps: a RST that answers what the client sends after the close: the FIN before it is the event.
    ///
    /// Remedy: at the server look at the access rules and connection limits; at the client open fewer sessions at a
    /// time; in the network look for a firewall or proxy that accepts the connection instead of the server.
    "control-closed-early", Error,
    "the server closed the control connection before its greeting",
    ["RFC 959 5.4"],
    verdict: never("a finding of the session, which has no verdict"),
    locus: Server,
    Session(check)
}

/// Whether the server took the control connection back at once.
pub(super) fn holds(case: &SessionCase<'_>) -> bool {
    greeted_with_421(case.session, case.control).is_some() || closed_without_a_word(case).is_some()
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    if let Some(reply) = greeted_with_421(session, case.control) {
        let message = format!("the server {} greeted with {}", session.server, reply.line());
        return vec![finding(case, message, lines::reply(session, reply))];
    }
    let Some((at, how)) = closed_without_a_word(case) else { return Vec::new() };
    let message = format!("the server {} accepted the control connection and {how} it without a greeting", session.server);
    vec![finding(case, message, Evidence::sent(at, session.server, session.client, format!("the server {how} the connection")))]
}

/// The 421 that is the first word of the server, but for 120, whatever the client said then.
pub(super) fn greeted_with_421<'a>(session: &'a Session, control: &Connection) -> Option<&'a Reply> {
    let whole = was_opened(control) && server(session, control).gaps().is_empty();
    let first = session.unsolicited.iter().find(|reply| !reply.is_preliminary());
    first.filter(|reply| whole && session.greeting.is_none() && reply.code == 421)
}

/// When and how the server ended a connection on which it had said nothing, before the client did. What follows its FIN
/// answers that.
fn closed_without_a_word(case: &SessionCase<'_>) -> Option<(Stamp, &'static str)> {
    let control = case.control;
    let server = server(case.session, control);
    if !was_opened(control) || server.bytes > 0 || server.lost_before_here().is_some() {
        return None;
    }
    let by_server = |end: End| control.socket(end) == case.session.server;
    match (control.first_fin(), control.close()) {
        (Some((end, fin)), Close::Reset { at, .. }) if fin.at <= at => by_server(end).then_some((fin.at, "closed")),
        (_, Close::Reset { by, at }) => by_server(by).then_some((at, "reset")),
        (Some((end, fin)), _) => by_server(end).then_some((fin.at, "closed")),
        (None, _) => None,
    }
}

fn was_opened(control: &Connection) -> bool {
    control.established.is_some() && !control.midstream
}

fn server<'a>(session: &Session, control: &'a Connection) -> &'a Half {
    control.half(control.end_of(session.server).unwrap_or(End::Target))
}

fn finding(case: &SessionCase<'_>, message: String, primary: Evidence) -> Finding {
    DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .in_session(case.session)
        .support(case.control.established.map(|at| Evidence::seen(at, "handshake complete")))
        .server("Look at the server's access rules (TCP wrappers, host lists) and limits (vsftpd max_per_ip, max_clients; ProFTPD MaxInstances).")
        .client("Open fewer sessions at a time, and try again from an address that the server allows.")
        .network("If the server's log does not have the connection, look for a firewall or proxy that accepts it instead of the server.")
        .done()
}
