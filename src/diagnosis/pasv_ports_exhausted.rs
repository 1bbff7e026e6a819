//! `pasv-ports-exhausted`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Finding};
use crate::ftp::texts::Condition;
use crate::transfer::Direction;

diagnosis! {
    /// The server has no free passive port, so it refuses PASV or EPSV itself, and no data connection is tried. Every
    /// passive transfer occupies one port of the configured range, and for some time after its end the port can stay in
    /// TIME-WAIT.
    ///
    /// Needs: 425 or 421 to PASV, EPSV or LPSV itself.
    ///
    /// Helps: words such as `All reserved TCP ports are busy`, `could not find any port to listen to`; ports that cycle
    /// through a small set; many recent closes.
    ///
    /// Refuted by: a 421 that closes the session for another reason (idle, too many users).
    ///
    /// Remedy: at the server widen the passive port range, close idle data connections sooner; in the network open the
    /// wider range too; at the client try later, or use active mode.
    "pasv-ports-exhausted", Error,
    "the server cannot offer a passive port",
    ["RFC 959 5.4"],
    verdict: EndpointRefused,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Passive && offer.is_refused())?;
    let reply = offer.reply.as_ref()?;
    let meaning = case.meaning_of(offer.command.verb, reply).map(|meaning| meaning.condition);
    let confidence = match (meaning, reply.code) {
        (Some(Condition::PassivePortsExhausted), _) => Confidence::Proven,
        (None | Some(Condition::ConnectFailed | Condition::LocalAddressError), 425) => Confidence::Probable,
        _ => return None,
    };
    let message = format!("the server could not offer a passive port: it answered {} with {}", offer.command.name, reply.line());
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .server("Widen the passive port range (vsftpd pasv_max_port, ProFTPD PassivePorts), and let idle data connections end sooner.")
            .client("Try again later, or use active mode.")
            .network("Open the wider range in the firewall as well.")
            .done(),
    )
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
