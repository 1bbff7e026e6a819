//! `port-address-unusable`

use super::announced::{self, Whose};
use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};

diagnosis! {
    /// PORT or EPRT names an address that no server can reach: unspecified, loopback, link-local, multicast, broadcast
    /// or reserved.
    ///
    /// Needs: the parsed address in such a class while the control connection is not on loopback or link-local itself;
    /// the command refused, or a transfer that failed because of it.
    ///
    /// Refuted by: a server that ignores the address, connects to the control peer and succeeds.
    ///
    /// Remedy: at the client announce the address of the control connection, or use EPSV/PASV; at the server allow
    /// EPSV/PASV; in the network nothing, no route leads to such an address.
    "port-address-unusable", Error,
    "PORT names an address that cannot be reached",
    ["RFC 6890", "RFC 3927", "RFC 959 5.3.2"],
    verdict: UnusableAddress,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (offer, socket, Whose::Unusable(class)) = announced::whose(case)? else { return None };
    if announced::severity(case) != Severity::Error {
        return None;
    }
    let message = format!(
        "{} names {}, {class}, while the client's address is {}",
        offer.command.name,
        socket.ip(),
        case.session.client.ip()
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
            .about(case)
            .support(case.dialogue())
            .client(format!("Announce {}, the address of the control connection, or use passive mode (EPSV, PASV).", case.session.client.ip()))
            .server("Allow passive mode (EPSV, PASV).")
            .network("Nothing to change in the network: no route can lead to such an address.")
            .done(),
    )
}
