//! `port-foreign-address`

use super::announced::{self, Whose};
use super::case::Case;
use super::{lines, port_nat_unrewritten, port_third_party, port_wrong_interface};
use crate::finding::{Confidence, Finding};

diagnosis! {
    /// PORT or EPRT names an address that is not the control connection's client, and the capture does not show whose
    /// it is: another interface of the client, its address behind a NAT, or a third host.
    ///
    /// Needs: a usable PORT address other than the control peer's, and no evidence that makes `port-wrong-interface`,
    /// `port-nat-unrewritten` or `port-third-party` at least possible.
    ///
    /// Refuted by: evidence for one of those three.
    ///
    /// Remedy: at the client announce the control connection's address, or use EPSV/PASV; capture with ARP, to learn
    /// whose address it is; at the server continue to refuse foreign addresses, allow passive mode; in the network use
    /// an FTP helper on the NAT, if there is one.
    "port-foreign-address", Error,
    "PORT names an address that is not the client's as seen here",
    ["RFC 959 5.3.2", "RFC 2577 3", "Microsoft KB Q149528", "Microsoft KB Q185378"],
    verdict: ForeignAddress,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (offer, socket, Whose::Foreign) = announced::whose(case)? else { return None };
    let severity = announced::severity(case);
    let client = case.session.client.ip();
    let own = announced::own_list(case, socket.ip());
    let is_refuted = own.says() == Some(&false);
    let other = if is_refuted { "its" } else { "its other interface, its" };
    let message = format!(
        "{} names {} although the client is {client}: {other} address behind a NAT, or a third host",
        offer.command.name,
        socket.ip(),
    );
    let draft = DIAGNOSIS
            .finding(Confidence::Probable, message, lines::command(case.session, &offer.command))
            .about(case)
            .hosts([client, socket.ip()])
            .severity(severity)
            .support(case.dialogue())
            .host(own.said());
    let draft = if is_refuted {
        draft.rule_out(port_wrong_interface::NAME, "the client's own address list does not have that address")
    } else {
        draft.or(port_wrong_interface::NAME, "a capture on the client's segment, with ARP, shows whether one MAC has both addresses")
    };
    Some(
        draft
            .or(port_nat_unrewritten::NAME, "a capture at the client shows whether its own address is the announced one")
            .or(port_third_party::NAME, "ARP for the announced address from another MAC, or a session of that host")
            .client(format!("Announce {client}, the address of the control connection, or use passive mode (EPSV, PASV)."))
            .server("Continue to refuse PORT to foreign addresses (RFC 2577); allow passive mode.")
            .network("If a NAT lies between, enable its FTP helper (ALG) for the control connection.")
            .done(),
    )
}
