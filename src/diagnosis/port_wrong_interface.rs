//! `port-wrong-interface`

use super::announced::{self, Whose};
use super::case::Case;
use super::{lines, port_third_party};
use crate::finding::{Finding, Severity};

diagnosis! {
    /// PORT or EPRT names another address of the same multihomed client than the one its control connection uses.
    ///
    /// A multihomed client may bind its data socket to any of its addresses (`ftp -a` binds INADDR_ANY). Servers refuse
    /// a PORT that does not name the control peer, and one that accepts it may have no route to that address.
    ///
    /// Needs: a PORT address other than the control address, and evidence that both belong to one host: one MAC, not a
    /// router's, sends from both or answers ARP for both; or a capture on that host shows both on its interfaces.
    ///
    /// Or the facts of the client (`--facts`), which list both.
    ///
    /// Helps: other transfers of the session use the control address; a data connection to the other address works.
    ///
    /// Refuted by: the address answering ARP from another MAC on the same segment; a NAT's private address; a router's
    /// or virtual MAC; facts of the client that do not list the address.
    ///
    /// Confidence: proven by ownership of both, probable by weaker signs; equal TTL and options alone prove nothing.
    ///
    /// Remedy: at the client bind to the address the server is reached from (do not use `ftp -a`), or use EPSV/PASV; at
    /// the server continue to refuse foreign addresses, allow passive mode; in the network give the server a route to
    /// the other address, if that one should be used.
    "port-wrong-interface", Error,
    "PORT names another interface of the client",
    ["Microsoft KB Q149528", "RFC 959 5.3.2", "RFC 1122 3.3.4.2"],
    verdict: WhoseAddress,
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (offer, socket, Whose::OtherInterface { confidence, why, evidence }) = announced::whose(case)? else { return None };
    let severity = announced::severity(case);
    let client = case.session.client.ip();
    let outcome = if severity == Severity::Error { "" } else { "; the transfer succeeded anyway" };
    let message = format!(
        "{} names {}, another address of the client {client} ({why}){outcome}",
        offer.command.name,
        socket.ip(),
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::command(case.session, &offer.command))
            .about(case)
            .hosts([client, socket.ip()])
            .severity(severity)
            .support(evidence)
            .host(announced::own_list(case, socket.ip()).said())
            .support(case.dialogue())
            .rule_out(port_third_party::NAME, why)
            .client(format!("Bind the FTP client to {client}, the address it reaches the server from (do not use `ftp -a`), or use passive mode (EPSV, PASV)."))
            .server("Continue to refuse PORT to foreign addresses (RFC 2577); allow passive mode.")
            .network(format!("If {} is to be used, give the server a route to it and allow the connections.", socket.ip()))
            .done(),
    )
}
