//! `data-wrong-destination`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};
use crate::transfer::attempt::Aim;

diagnosis! {
    /// The server connected to another address or port than PORT or EPRT announced.
    ///
    /// Needs: an accepted PORT or EPRT in force; a SYN of the server, from its data port and between command and reply,
    /// to an endpoint that no session announced.
    ///
    /// Helps: the endpoint of the previous PORT; a port with its two bytes exchanged.
    ///
    /// Refuted by: a middlebox that rewrote the command beyond this point (`alg-rewrote-port`); the server's own choice
    /// of the control peer (`server-substituted-address`); another session's transfer.
    ///
    /// Severity: warning when the transfer succeeds.
    ///
    /// Remedy: at the server connect to the endpoint of the last PORT or EPRT; in the network update the helper that
    /// rewrites PORT, or switch it off; at the client use passive mode as a workaround.
    "data-wrong-destination", Error,
    "the server connected to another endpoint than announced",
    ["RFC 959 3.2"],
    verdict: WrongPeer,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let announced = case.active_offer().filter(|offer| offer.accepted() == Some(true))?.socket?;
    let attempt = case.server_attempts().find(|attempt| attempt.aim == Aim::Elsewhere)?;
    let translated = case.session.other_view.is_some() || case.across_nat().is_some();
    if case.concluded.announced_attempts().next().is_some() || translated {
        return None;
    }
    let to = attempt.to();
    let hint = if to.ip() == announced.ip() && to.port() == announced.port().swap_bytes() {
        ", the same port with its bytes swapped"
    } else if case.siblings.announced(to) {
        ", which an earlier command announced"
    } else {
        ""
    };
    let confidence = if hint.is_empty() { Confidence::Probable } else { Confidence::Proven };
    let message = format!("the server connected to {to}{hint}, but the client had announced {announced}");
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::syns(attempt)?)
            .about(case)
            .severity(if case.failed() { Severity::Error } else { Severity::Warning })
            .support(case.dialogue())
            .server("Fix the server: it must connect to the endpoint of the last PORT or EPRT.")
            .network("If a middlebox rewrites PORT, check its FTP helper.")
            .client("As a workaround, use passive mode (EPSV, PASV): the server then opens no connection.")
            .done(),
    )
}
