//! `control-closed-early`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Close, End};

diagnosis! {
    /// The server accepted the control connection and closed or reset it before a greeting, or greeted with 421.
    ///
    /// Needs: a complete handshake; no byte of the server, then its FIN or RST; or 421 as the first reply.
    ///
    /// Helps: a 421 text that names a limit; TCP wrappers and connection limits close without a word.
    ///
    /// Refuted by: a client that closed first.
    ///
    /// Remedy: at the server look at the access rules and connection limits; at the client open fewer sessions at a
    /// time; in the network look for a firewall or proxy that accepts in the server's name.
    "control-closed-early", Error,
    "the server closed the control connection before it greeted",
    ["RFC 959 5.4"],
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let (session, control) = (case.session, case.control);
    if control.established.is_none() || control.midstream {
        return Vec::new();
    }
    let server_end = control.end_of(session.server).unwrap_or(End::Target);
    let server = control.half(server_end);
    let first = session.unsolicited.first().filter(|reply| reply.code == 421 && session.greeting.is_none() && session.lines == 1);
    if let Some(reply) = first {
        let message = format!("the server {} greeted with {}", session.server, reply.line());
        return vec![finding(case, message, lines::reply(session, reply))];
    }
    let client_first = control.half(server_end.peer()).fin.as_ref();
    let closed = match control.close() {
        Close::Reset { by, at } if by == server_end => Some((at, "reset")),
        _ => server.fin.as_ref().filter(|fin| client_first.is_none_or(|client| fin.at < client.at)).map(|fin| (fin.at, "closed")),
    };
    let Some((at, how)) = closed.filter(|_| server.bytes == 0) else { return Vec::new() };
    let message = format!("the server {} accepted the control connection and {how} it without a greeting", session.server);
    vec![finding(case, message, Evidence::sent(at, session.server, session.client, format!("the server {how} the connection")))]
}

fn finding(case: &SessionCase<'_>, message: String, primary: Evidence) -> Finding {
    DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .in_session(case.session)
        .support(case.control.established.map(|at| Evidence::seen(at, "handshake complete")))
        .server("Look at the server's access rules (TCP wrappers, host lists) and limits (vsftpd max_per_ip, max_clients; ProFTPD MaxInstances).")
        .client("Open fewer sessions at a time, and try again from an address that the server allows.")
        .network("If the server's log knows nothing of the connection, look for a firewall or proxy that accepts it in its name.")
        .done()
}
