//! `port-third-party`

use super::announced::{self, Whose};
use super::case::Case;
use super::{lines, port_wrong_interface};
use crate::finding::{Finding, Severity};

diagnosis! {
    /// PORT or EPRT names a host that is neither the client nor its NAT: a server-to-server transfer (FXP), or an
    /// attack that uses the server to reach other hosts (FTP bounce).
    ///
    /// Needs: a PORT address other than the control peer's that is shown to be another host's: it answers ARP from
    /// another MAC on the client's segment, or in another session that host answered 227 with exactly that endpoint.
    ///
    /// Helps: a low service port; many different targets in sequence.
    ///
    /// Refuted by: evidence that both addresses are the client's (`port-wrong-interface`) or a NAT's.
    ///
    /// Remedy: at the server refuse such PORTs (RFC 2577), unless you want FXP; at the client announce its own address;
    /// in the network block connections of the server to hosts and ports that no transfer needs.
    "port-third-party", Warning,
    "PORT names a third host",
    ["RFC 2577 3", "Microsoft KB Q185378", "Microsoft KB Q246173"],
    verdict: WhoseAddress,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (offer, socket, Whose::ThirdParty { confidence, why, evidence, fxp }) = announced::whose(case)? else { return None };
    let severity = announced::severity(case);
    let severity = if fxp && severity != Severity::Error { Severity::Info } else { severity };
    let message = format!(
        "{} names {socket}, which is not the client {}: {why}",
        offer.command.name,
        case.session.client.ip()
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::command(case.session, &offer.command))
            .about(case)
            .hosts([case.session.client.ip(), socket.ip()])
            .severity(severity)
            .support(evidence)
            .host(announced::own_list(case, socket.ip()).said())
            .support(case.dialogue())
            .rule_out(port_wrong_interface::NAME, why)
            .client("Announce an address of the client itself, or use passive mode (EPSV, PASV).")
            .server("Continue to refuse PORT to third hosts (RFC 2577), unless server-to-server transfers are wanted (ProFTPD: AllowForeignAddress).")
            .network("Let the firewall block the server's connections to hosts and ports that no transfer needs.")
            .done(),
    )
}
