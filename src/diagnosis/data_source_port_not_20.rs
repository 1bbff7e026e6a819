//! `data-source-port-not-20`

use std::collections::BTreeSet;

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding, Route};

/// Ports named in the message.
const PORTS_NAMED: usize = 4;

diagnosis! {
    /// The server's data connections do not come from the port below its control port (20 for 21).
    ///
    /// RFC 959 3.2 asks for the control port minus one; many servers that no longer run as root use any port instead.
    /// It is harmless unless a packet filter relies on port 20.
    ///
    /// Needs: a SYN of an active transfer from another port than that (20 for 21, 989 for 990).
    ///
    /// Refuted by: a NAT that rewrites source ports between the server and this point.
    ///
    /// Remedy: in the network base firewall rules on connection state rather than on port 20; at the server bind port
    /// 20 (vsftpd: connect_from_port_20=YES); at the client use passive mode, if a rule cannot be changed.
    "data-source-port-not-20", Info,
    "active data connections do not come from the server's port 20",
    ["RFC 959 3.2"],
    verdict: never("a habit of the server, no fault"),
    locus: Server,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let server = case.session.server;
    let wanted = case.session.default_data_port();
    let attempts: Vec<_> = case
        .all_concluded()
        .iter()
        .flat_map(|one| &one.attempts)
        .filter(|attempt| attempt.from().ip() == server.ip() && attempt.from().port() != wanted)
        .filter(|attempt| !attempt.connection.syns.is_empty())
        .collect();
    let Some(first) = attempts.first() else { return Vec::new() };
    let ports: BTreeSet<u16> = attempts.iter().map(|attempt| attempt.from().port()).collect();
    let mut named = ports.iter().take(PORTS_NAMED).map(u16::to_string).collect::<Vec<_>>().join(", ");
    if ports.len() > PORTS_NAMED {
        named.push_str(", …");
    }
    let message = format!("{} opens data connections from port {named}, not from {wanted}", server.ip());
    let frames = attempts.iter().map(|attempt| attempt.at()).take(8).collect();
    let route = Route { from: first.from(), to: first.to() };
    let Some(primary) = Evidence::seen_all(frames, Some(route), "SYN of an active data connection") else { return Vec::new() };
    vec![
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .in_session(case.session)
            .hosts([server.ip()])
            .network("Base firewall rules on connection state or an FTP helper, not on source port 20.")
            .server("Where a filter requires port 20, let the server bind to it (vsftpd: connect_from_port_20=YES).")
            .done(),
    ]
}
