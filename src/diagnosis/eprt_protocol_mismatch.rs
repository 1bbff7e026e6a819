//! `eprt-protocol-mismatch`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};
use crate::ftp::Verb;

diagnosis! {
    /// EPRT or EPSV asks for a network protocol that the server does not support, or that is not the control
    /// connection's.
    ///
    /// Needs: 522 to EPRT or EPSV; or an EPRT whose protocol number is unknown or names another family than the control
    /// connection's.
    ///
    /// Helps: the list of protocols in the 522, `use (1,2)`.
    ///
    /// Refuted by: a 522 that answers a transfer command (there it is about TLS, RFC 4217).
    ///
    /// Severity: warning when the server took it and nothing failed, info when the client falls back or no reply is
    /// known.
    ///
    /// Remedy: at the client use EPSV, or EPRT with the control connection's family; at the server listen on IPv6 too,
    /// if clients need it; in the network let a NAT64 translate EPRT and EPSV too (RFC 6384).
    "eprt-protocol-mismatch", Error,
    "EPRT or EPSV names a network protocol that does not fit",
    ["RFC 2428 2", "RFC 2428 3"],
    verdict: UnreadableEndpoint,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| matches!(offer.command.verb, Verb::Eprt | Verb::Epsv))?;
    let client = case.session.client.ip().to_canonical();
    let why = match offer.announced() {
        Some(Err(malformed)) => format!("protocol {} is not known", malformed.protocol?),
        Some(Ok(endpoint))
            if endpoint.address.is_some_and(|address| address.to_canonical().is_ipv4() != client.is_ipv4()) =>
        {
            let (named, used) = if client.is_ipv4() { ("IPv6", "IPv4") } else { ("IPv4", "IPv6") };
            format!("it names an {named} address on an {used} control connection")
        }
        _ if offer.reply.as_ref().is_some_and(|reply| reply.code == 522) => "the server does not support that protocol".to_owned(),
        _ => return None,
    };
    let harmed = offer.is_refused() || case.failed();
    let severity = match offer.accepted() {
        _ if harmed && !case.fell_back() => Severity::Error,
        Some(true) if !case.fell_back() => Severity::Warning,
        Some(_) | None => Severity::Info,
    };
    let message = format!("{} does not fit: {why}", offer.command.line());
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
            .about(case)
            .severity(severity)
            .support(case.dialogue())
            .client("Use EPSV, or EPRT with the address family of the control connection (1 for IPv4, 2 for IPv6).")
            .server("If clients are to use IPv6, let the server listen on it too (vsftpd: listen_ipv6=YES, ProFTPD: UseIPv6 on).")
            .network("If a NAT64 lies between, it needs an FTP helper that translates EPRT and EPSV (RFC 6384).")
            .done(),
    )
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
