//! `port-nat-unrewritten`

use super::announced::{self, Whose};
use super::case::Case;
use super::{lines, port_wrong_interface};
use crate::finding::{Finding, Severity};

diagnosis! {
    /// PORT or EPRT names a private address although the client is seen with a public one: there is a NAT in between,
    /// and it did not rewrite the command.
    ///
    /// Needs: a private PORT address (RFC 1918, RFC 6598, RFC 4193) on a control connection whose client address, as
    /// seen here, is not private.
    ///
    /// Or, on the inside, a refusal in which the server quotes the address it sees the client with, and that is another
    /// one (Pure-FTPd, Apache FtpServer).
    ///
    /// Helps: SYNs to the private address without an answer; a TTL that shows routers in between.
    ///
    /// Refuted by: a capture on the inside, where PORT names the client's own address and nothing shows how the server
    /// sees it; a rewritten command; proof that both addresses are one host's.
    ///
    /// Confidence: probable, proven where both sides of the NAT are in the file. Where the server is in that private
    /// network too, NAT is only one explanation (`port-foreign-address`).
    ///
    /// Remedy: at the client use EPSV/PASV; at the server allow them, with an address that clients can reach; in the
    /// network use an FTP helper (ALG) on the NAT (Linux: nf_nat_ftp), which needs an unencrypted control connection.
    "port-nat-unrewritten", Error,
    "PORT names a private address behind a NAT that did not rewrite it",
    ["RFC 3022 4.4", "RFC 2428 4", "RFC 1918"],
    verdict: WhoseAddress,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (offer, socket, Whose::BehindNat { confidence }) = announced::whose(case)? else { return None };
    if announced::severity(case) != Severity::Error {
        return None;
    }
    // Inside the NAT the client's own address is the private one; the other side shows what the server sees.
    let own = case.session.client.ip();
    let elsewhere = case.session.other_view.as_ref().map(|other| other.client.ip());
    let across = || case.across_nat().map(|[there, _]| there.ip());
    let elsewhere = elsewhere.or_else(across).or_else(|| announced::seen_as(offer));
    let client = elsewhere.filter(|_| own == socket.ip()).unwrap_or(own);
    let message = format!(
        "{} names the private address {} although the client is seen as {client}: a NAT between them did not rewrite it",
        offer.command.name,
        socket.ip(),
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::command(case.session, &offer.command))
            .about(case)
            .hosts([client, socket.ip()])
            .support(case.dialogue())
            .rule_out(port_wrong_interface::NAME, "nothing shows both addresses on one host")
            .client("Use passive mode (EPSV, PASV; ftp -p): the NAT then sees only connections that the client opens.")
            .server("Allow passive mode, with an address and a port range that clients can reach.")
            .network("Enable the FTP helper (ALG) on the NAT (Linux: nf_nat_ftp); it must see the control connection in clear text.")
            .done(),
    )
}
