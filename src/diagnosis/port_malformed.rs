//! `port-malformed`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};
use crate::transfer::Direction;

diagnosis! {
    /// The argument of PORT, EPRT or LPRT cannot be parsed, or a value is out of range (port 0 included).
    ///
    /// Needs: a parse failure on the whole, reassembled line.
    ///
    /// Helps: 500 or 501.
    ///
    /// Refuted by: a 0 octet in the address, which is legal; a line cut by the snap length or split over segments.
    ///
    /// Severity: error when refused or when the transfer fails; warning when the server took it and nothing failed.
    ///
    /// Remedy: at the client fix the command; in the network switch off the helper that rewrote the command, if one
    /// did; at the server nothing, it cannot guess.
    "port-malformed", Error,
    "the argument of PORT cannot be read",
    ["RFC 959 5.3.2", "RFC 2428 2", "RFC 1639"],
    verdict: UnreadableEndpoint,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Active)?;
    let Some(Err(malformed)) = offer.announced() else { return None };
    if malformed.protocol.is_some() || offer.command.unreliable {
        return None;
    }
    let harmed = offer.is_refused() || case.failed();
    let message = format!("{} cannot be used: {}", offer.command.line(), malformed.why);
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
            .about(case)
            .severity(if harmed { Severity::Error } else { Severity::Warning })
            .support(case.dialogue())
            .client("Send PORT h1,h2,h3,h4,p1,p2 with six numbers from 0 to 255, or EPRT |af|address|port|.")
            .network("If the client sent it right, a middlebox damaged it: switch its FTP helper off.")
            .server("Nothing to change: a server has to refuse what it cannot read.")
            .done(),
    )
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
