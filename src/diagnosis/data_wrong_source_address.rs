//! `data-wrong-source-address`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};
use crate::transfer::Direction;
use crate::transfer::attempt::Aim;

diagnosis! {
    /// The server opened the data connection from another address than the one its control connection uses.
    ///
    /// A multihomed server must use the control connection's local address for data (RFC 1123 4.1.2.12). Clients,
    /// firewalls and NATs that expect this drop or reset a connection from another address; IIS 3.0 was known for this
    /// fault.
    ///
    /// Needs: a data SYN to exactly the announced endpoint, between command and reply, from another address than the
    /// control connection's server.
    ///
    /// Helps: the connection is reset or dropped and 425 follows; both addresses are one host's.
    ///
    /// Refuted by: a session of that other address with the same endpoint (FXP, another server).
    ///
    /// Remedy: at the server bind the data socket to the control connection's local address; at the client use passive
    /// mode as a workaround; in the network allow the server's other address.
    "data-wrong-source-address", Error,
    "the data connection came from another address than the control connection's server",
    ["Microsoft KB Q187277", "RFC 1123 4.1.2.12", "RFC 1122 3.3.4.2"],
    verdict: WrongPeer,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let offer = case.offer().filter(|offer| offer.direction == Direction::Active)?;
    let server = case.session.server.ip();
    let attempt = case.concluded.attempts.iter().find(|attempt| {
        attempt.aim == Aim::Announced
            && attempt.from().ip() != server
            && attempt.from().ip() != case.session.client.ip()
            && !attempt.at().precedes(offer.command.at())
            && transfer.ended().is_none_or(|ended| attempt.at() <= ended)
    })?;
    let by_it = case.failed() && !attempt.is_established();
    let confidence = if by_it { Confidence::Probable } else { Confidence::Proven };
    let message = format!(
        "the server opened the data connection to {} from {} although the control connection is with {server}",
        attempt.to(),
        attempt.from(),
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::syns(attempt)?)
            .about(case)
            .hosts([server, attempt.from().ip()])
            .severity(if by_it { Severity::Error } else { Severity::Warning })
            .support(case.dialogue())
            .server("Bind the data socket to the local address of the control connection (RFC 1123 4.1.2.12).")
            .network("As a workaround, allow connections from the server's other address to the client's data ports.")
            .client("As a workaround, use passive mode (EPSV, PASV), or allow the server's other address in the client's firewall.")
            .done(),
    )
}
