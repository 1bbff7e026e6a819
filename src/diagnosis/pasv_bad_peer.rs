//! `pasv-bad-peer`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::ftp::texts::Condition;
use crate::transfer::Direction;
use crate::transfer::attempt::Aim;

diagnosis! {
    /// The connection to the passive port came from another address than the control connection's client; the server
    /// closed it.
    ///
    /// Needs: a SYN to the announced passive endpoint from an address that is not the control client's, and the server
    /// ends the connection without a byte of data; or the server's text.
    ///
    /// Helps: `425 Security: Bad IP connecting`, `Possible PASV port theft`; both addresses belong to one host.
    ///
    /// Refuted by: two addresses of one client after NAT; data that the server sent first.
    ///
    /// Confidence: proven where the packets and the text agree. The text alone makes it probable: on the client's side
    /// of a NAT both connections have one address, and only a capture at the server shows both.
    ///
    /// Traps: carrier NAT with several public addresses; load balancers; IPv4 and IPv6 mixed; another host that steals
    /// the port.
    ///
    /// Remedy: at the client use one address for all connections; in the network let NAT, proxy or load balancer keep
    /// it; at the server switch the check off (vsftpd: pasv_promiscuous=YES), which also removes its protection.
    "pasv-bad-peer", Error,
    "the passive connection came from another address than the client's",
    ["RFC 2577 4", "RFC 2577 8"],
    verdict: WrongPeer,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let client = case.session.client.ip();
    let says_so = case.meaning().is_some_and(|meaning| meaning.condition == Condition::BadPassivePeer);
    let attempt = case.concluded.attempts.iter().find(|attempt| {
        attempt.aim == Aim::Announced && attempt.from().ip() != client && attempt.at() >= offer.at()
    });
    let own = case.concluded.attempts.iter().find(|attempt| attempt.from().ip() == client && attempt.is_established());
    let failed = case.is_data_failure() && (own.is_none() || says_so);
    let confidence = if says_so && attempt.is_some() { Confidence::Proven } else { Confidence::Probable };
    let (message, primary) = match (attempt, &transfer.reply) {
        (Some(attempt), _) => (
            format!("the connection to the passive port {} came from {} although the client is {client}", attempt.to(), attempt.from()),
            lines::syns(attempt)?,
        ),
        (None, Some(reply)) if says_so => {
            let here = if own.is_some() { ", but at this capture point it did: a NAT or proxy on the path shows the server two addresses" } else { "" };
            let message = format!("the server says that the connection to its passive port did not come from {client}{here}");
            (message, lines::reply(case.session, reply))
        }
        _ => return None,
    };
    if (own.is_some() && !says_so) || (!failed && transfer.reply.is_none()) {
        return None;
    }
    let bytes = attempt.map(|attempt| attempt.connection.from_target.bytes);
    let ended = attempt.and_then(|attempt| attempt.connection.from_target.fin.as_ref()).map(|fin| fin.at);
    Some(
        DIAGNOSIS
            .finding(confidence, message, primary)
            .about(case)
            .hosts(std::iter::once(client).chain(attempt.map(|attempt| attempt.from().ip())))
            .severity(if failed { Severity::Error } else { Severity::Warning })
            .support(own.filter(|_| attempt.is_none()).and_then(lines::syns))
            .support(ended.zip(bytes).map(|(at, bytes)| Evidence::seen(at, format!("the server closes it after {bytes} bytes"))))
            .support(case.dialogue())
            .client("Let control and data connections use one source address: bind the client to it, or fix the NAT's address pool.")
            .server("Switch off the peer check (vsftpd pasv_promiscuous=YES) only if the other address is known to be the client's.")
            .network("Let NAT, proxy or load balancer show the same client address on both connections.")
            .done(),
    )
}
