//! `port-low-port`

use super::{announced, port_foreign_address};
use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding};
use crate::ftp::texts::Condition;
use crate::transfer::Direction;

/// The first port that RFC 2577 lets a client announce.
const FIRST_HIGH: u16 = 1024;

diagnosis! {
    /// PORT or EPRT names a port below 1024 (20 excepted), which servers refuse so that they cannot be used to reach
    /// other services.
    ///
    /// Needs: a parsed port from 1 to 1023 other than 20.
    ///
    /// Helps: a refusal whose text is about the port.
    ///
    /// Refuted by: port 0 (`port-malformed`); a value that a middlebox put there.
    ///
    /// Remedy: at the client use a data port of 1024 or above; at the server continue to refuse low ports; in the
    /// network update an FTP helper that changed the port, or switch it off.
    "port-low-port", Error,
    "PORT names a port below 1024",
    ["RFC 2577 3", "Microsoft KB Q140424", "Microsoft KB Q185378"],
    verdict: LowPort,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Active)?;
    let socket = offer.socket.filter(|socket| socket.port() < FIRST_HIGH && socket.port() != 20)?;
    let severity = announced::severity(case);
    let message = format!("{} names port {}, which servers refuse because it is below {FIRST_HIGH}", offer.command.name, socket.port());
    let spoken = offer.reply.as_ref().is_some_and(|reply| {
        case.meaning_of(offer.command.verb, reply).is_some_and(|meaning| meaning.condition == Condition::LowPort)
    });
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
        .about(case)
        .severity(severity)
        .support(case.dialogue())
        .client("Use a data port of 1024 or above.")
        .server("Continue to refuse ports below 1024 (RFC 2577).")
        .network("If the client sent a higher port, a middlebox changed it: update its FTP helper or switch it off.");
    Some(if spoken { finding.rule_out(port_foreign_address::NAME, "the server's words are about the port") } else { finding }.done())
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
