//! `data-port-bind-contention`

use super::case::Case;
use super::{data_syn_never_sent, time_wait_tuple, lines, no_syn, timers};
use crate::finding::{Confidence, Evidence, Finding};
use crate::ftp::meaning::errno;
use crate::ftp::texts::Errno;

diagnosis! {
    /// The server could not bind its data port because another of its transfers was using it at that moment.
    ///
    /// All active data connections of a server start from one port, 20 for control port 21. A server that binds to it
    /// without sharing it (SO_REUSEADDR in every process) fails, or tries again after growing pauses, while another
    /// client is served.
    ///
    /// Needs: a failed active transfer without any SYN; a text that reports a failed bind (`Can't create data socket`,
    /// `Address already in use`), or the pauses of bind retries (1, 3, 6, 10 … 55 s); another connection of the server
    /// from the same port to another socket, open between command and reply; no earlier connection on the same 5-tuple
    /// that explains it.
    ///
    /// Helps: success once the other transfer is over.
    ///
    /// Refuted by: a SYN; the server's own TIME-WAIT on the tuple (`time-wait-collision`); a text that names another
    /// cause.
    ///
    /// Confidence: probable with such a text, possible with the pauses alone or away from the server.
    ///
    /// Remedy: at the server share the data port among its processes, or use another one for every connection; at the
    /// client use passive mode; in the network nothing.
    "data-port-bind-contention", Error,
    "the server could not bind its data port while another transfer was using it",
    ["RFC 959 3.2"],
    verdict: ServerSocket,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let other = case.concluded.sharing?;
    let gone = no_syn::unexplained(case)?;
    let (command, reply) = case.report()?;
    let words = time_wait_tuple::has_local_words(case) && errno(reply) != Some(Errno::CannotAssignAddress);
    let paused = case.delay().is_some_and(timers::is_bind_retries);
    if !words && !paused {
        return None;
    }
    let confidence = if words && case.would_show_server_syn() { Confidence::Probable } else { Confidence::Possible };
    let message = format!(
        "the server answered {} {} without a SYN to {} while {} -> {} was open: it could not bind to its data port {} at the same time",
        command.name,
        reply.line(),
        gone.socket,
        other.origin,
        other.target,
        other.origin.port(),
    );
    let shared = Evidence::sent(other.first, other.origin, other.target, "another transfer from the same port begins");
    let last = Evidence::sent(other.last, other.origin, other.target, "its last segment");
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .support(case.no_syn())
            .support([shared, last])
            .support(timers::evidence(case))
            .caps(case.absence_caps())
            .all_ruled_out(no_syn::refuted(case))
            .or(data_syn_never_sent::NAME, "the server's log names the error of its bind()")
            .server("Let every process of the server share its data port (SO_REUSEADDR), or send from other ports than 20 (vsftpd: connect_from_port_20=NO).")
            .client("Use passive mode (EPSV, PASV).")
            .network("Nothing to change in the network: the failure is local to the server.")
            .done(),
    )
}
