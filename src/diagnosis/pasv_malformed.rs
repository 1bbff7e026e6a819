//! `pasv-malformed`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding, Severity};
use crate::ftp::{Reply, Verb};
use crate::transfer::{Direction, Offer};

diagnosis! {
    /// The reply to PASV, EPSV or LPSV does not say where the client should connect: it cannot be parsed, names port 0,
    /// or is of the wrong kind for the command.
    ///
    /// Needs: a 227, 228 or 229, read whole, whose text has no endpoint, or one that is out of range or incomplete; or
    /// 227 to EPSV, 229 to PASV and the like.
    ///
    /// Helps: a client that closes, complains or tries another command at once.
    ///
    /// Refuted by: bytes of the server that are missing from the capture, or whose copies differ.
    ///
    /// Severity: error if the client fails because of it; warning if it accepts the reply anyway, or another command
    /// works.
    ///
    /// Remedy: at the server correct the reply, or the setting for the passive address; in the network switch off an
    /// FTP helper that rewrites it; at the client use the other passive command, or active mode.
    "pasv-malformed", Error,
    "the reply to PASV or EPSV does not say where to connect",
    ["RFC 959 4.1.2", "RFC 1123 4.1.2.6", "RFC 2428 3"],
    verdict: EndpointRefused,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Passive)?;
    let reply = offer.reply.as_ref().filter(|reply| !reply.unreliable)?;
    let why = fault(offer, reply)?;
    let message = format!("{} was answered {}: {why}", offer.command.name, reply.line());
    let failed = fails_by_it(case);
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .severity(if failed { Severity::Error } else { Severity::Warning })
            .support(case.dialogue())
            .support(case.departure().filter(|_| failed && case.transfer().is_none()))
            .server("Correct the reply: 227 with (h1,h2,h3,h4,p1,p2) to PASV, 229 with (|||port|) to EPSV; look at the setting of the passive address.")
            .network("Switch the FTP helper off if a capture at the server shows another reply than this one.")
            .client("Use the other passive command (PASV for EPSV, EPSV for PASV) or active mode.")
            .done(),
    )
}

/// What is wrong with the reply, a sentence part.
fn fault(offer: &Offer, reply: &Reply) -> Option<String> {
    let wanted = match offer.command.verb {
        Verb::Pasv => 227,
        Verb::Lpsv => 228,
        Verb::Epsv => 229,
        _ => return None,
    };
    if !matches!(reply.code, 227..=229) {
        return None;
    }
    if reply.code != wanted {
        return Some(format!("the reply to {} must be {wanted}", offer.command.name));
    }
    match &reply.endpoint {
        Some(Ok(_)) => None,
        Some(Err(malformed)) => Some(malformed.why.clone()),
        None => (!reply.is_cut()).then(|| "it names no endpoint".to_owned()),
    }
}

/// Whether the client had no data connection by it, and did not get one by another command soon.
fn fails_by_it(case: &Case<'_>) -> bool {
    if case.concluded.established().is_some() || case.fell_back() {
        return false;
    }
    match case.transfer() {
        Some(_) => case.is_data_failure(),
        None => case.left().is_some() && !case.got_data_soon(),
    }
}
