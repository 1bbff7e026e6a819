//! `pasv-address-mismatch`

use super::case::Case;
use super::{announced, lines};
use crate::finding::{Confidence, Finding, Severity};
use crate::ftp::Endpoint;
use crate::transfer::Direction;
use crate::transfer::attempt::Aim;

diagnosis! {
    /// The 227 reply names another address than the one at which the client reached the server: the server is behind a
    /// NAT and does not know its public address, it announces 0.0.0.0, or a setting is wrong.
    ///
    /// Needs: a 227 (or 228) whose address is not the control connection's server address at this point.
    ///
    /// Helps: the client's SYN to that address unanswered or rejected; no SYN at all (0.0.0.0 and loopback lead to the
    /// client itself).
    ///
    /// Refuted by: a capture inside the NAT, where the helper has not rewritten the reply yet; server-to-server
    /// transfer.
    ///
    /// Severity: error when the client used the address and failed, or gave up and sent no SYN that is seen here;
    /// otherwise warning: many clients ignore the address and use the control connection's, and what happens there is
    /// another matter.
    ///
    /// Remedy: at the server set the passive address (vsftpd pasv_address, ProFTPD MasqueradeAddress, Pure-FTPd
    /// ForcePassiveIP, IIS External IP Address of Firewall); at the client use EPSV, or ignore the address; in the
    /// network let an FTP helper on the server's NAT rewrite 227, which needs an unencrypted control connection.
    "pasv-address-mismatch", Error,
    "the 227 reply names another address than the server's",
    ["RFC 1123 4.1.2.6", "RFC 2428 3", "RFC 959 5.4"],
    verdict: WrongPeer,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.concluded.in_force().filter(|offer| offer.direction == Direction::Passive)?;
    let Some(Ok(Endpoint { address: Some(named), port })) = offer.announced() else { return None };
    let server = case.session.server.ip();
    if named.to_canonical() == server.to_canonical() {
        return None;
    }
    let went = |aim: Aim| case.concluded.attempts.iter().any(|attempt| attempt.aim == aim);
    // On the server's side of a NAT the server names itself; that the client uses the address shows that it was not rewritten.
    if !went(Aim::Announced) && case.across_nat().is_some_and(|[_, there]| there.ip().to_canonical() == named.to_canonical()) {
        return None;
    }
    let reply = offer.reply.as_ref()?;
    let established = case.concluded.established().is_some();
    let ignored = went(Aim::ControlPeer) && !went(Aim::Announced);
    let given_up = case.transfer().is_none() && went(Aim::Announced) && !case.fell_back();
    let failed = !established && !ignored && (case.is_data_failure() || given_up);
    let what = announced::unusable(*named, case.session.client.ip()).map_or(String::new(), |class| format!(", {class}"));
    let outcome = match (failed, established) {
        (false, true) => "; the client connected anyway",
        (false, false) if ignored => "; the client ignored that address and used the control connection's",
        (false, false) if case.transfer().is_none() => "; the client did not use it for a transfer",
        (true, _) | (false, false) => "",
    };
    let message = format!("227 names {named}:{port}{what}, but the server's address is {server}{outcome}");
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .hosts([server, *named])
            .severity(if failed { Severity::Error } else { Severity::Warning })
            .support(case.concluded.attempts.iter().take(2).filter_map(lines::syns))
            .support(case.dialogue())
            .client("Use EPSV, or let the client ignore the address in 227 and use the control connection's (curl: --ftp-skip-pasv-ip).")
            .server("Set the address that clients reach the server at (vsftpd pasv_address, ProFTPD MasqueradeAddress, Pure-FTPd ForcePassiveIP).")
            .network("If the server is behind NAT, an FTP helper may rewrite 227; this needs an unencrypted control connection.")
            .done(),
    )
}
