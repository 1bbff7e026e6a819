//! `port-refused`

use super::announced::{self, Whose};
use super::case::Case;
use super::{eprt_protocol_mismatch, lines, pasv_ports_exhausted, port_low_port, port_malformed, tls_protection_mismatch};
use crate::finding::{Confidence, Finding};
use crate::transfer::Direction;

diagnosis! {
    /// The server refused the endpoint command, and nothing in its argument explains why.
    ///
    /// Needs: 4xx or 5xx to PORT, EPRT, LPRT, PASV, EPSV or LPSV, and no more specific `port-*` diagnosis at probable
    /// or better.
    ///
    /// Helps: an earlier EPSV ALL; 530 (not logged in); 500 or 502 (not implemented).
    ///
    /// Refuted by: a more specific diagnosis; a reply that belongs to another command; a 4xx after the server's SYN to
    /// the endpoint, or a text about connecting, a timeout or the data connection (some servers connect when they read
    /// PORT and report that: then what happened to the SYN is the cause).
    ///
    /// Traps: a client with a private address and a server with a public one: a NAT may have left PORT as it is.
    ///
    /// There is no finding if the client falls back to another command and the transfer continues.
    ///
    /// Remedy: at the client use the mode the server allows; at the server allow this one in its configuration; in the
    /// network nothing, unless a proxy there answers for the server.
    "port-refused", Error,
    "the server refused PORT, EPRT, PASV or EPSV",
    ["RFC 959 5.4", "RFC 2428 4"],
    verdict: EndpointRefused,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.is_refused())?;
    let reply = offer.reply.as_ref()?;
    let explained = match announced::whose(case) {
        Some((_, _, Whose::Unusable(_) | Whose::Foreign)) => true,
        Some((
            _,
            _,
            Whose::OtherInterface { confidence, .. } | Whose::BehindNat { confidence } | Whose::ThirdParty { confidence, .. },
        )) => confidence >= Confidence::Probable,
        Some((_, _, Whose::Clients)) | None => false,
    };
    if tls_protection_mismatch::demand_to_offer(case).is_some() {
        return None;
    }
    if explained || pasv_ports_exhausted::holds(case) || port_malformed::holds(case) || port_low_port::holds(case) || eprt_protocol_mismatch::holds(case) {
        return None;
    }
    if case.fell_back() || case.connected_at_once() {
        return None;
    }
    let message = format!("the server refused {} with {}", offer.command.line(), reply.line());
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .all_or(announced::nat_beyond(case))
            .client("Use the other mode: EPSV or PASV instead of PORT, or the reverse.")
            .server(format!("Allow {} in the server's configuration if it is wanted ({}).", offer.command.name, option(offer.direction)))
            .network("Nothing to change in the network, unless a proxy or FTP helper there answers for the server.")
            .done(),
    )
}

/// What forbids a mode in common servers.
fn option(direction: Direction) -> &'static str {
    match direction {
        Direction::Active => "vsftpd: port_enable; ProFTPD: <Limit PORT EPRT>",
        Direction::Passive => "vsftpd: pasv_enable; ProFTPD: <Limit PASV EPSV>",
    }
}
