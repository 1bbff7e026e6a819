//! `control-lost`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;

diagnosis! {
    /// The control connection was reset or closed by the server while a reply was outstanding and no transfer was under
    /// way.
    ///
    /// Needs: a command without reply; then a RST, or a FIN of the server.
    ///
    /// Refuted by: QUIT; a close by the side that had its final reply; a transfer under way
    /// (`control-lost-during-transfer`); words of the server that the capture lacks.
    ///
    /// Remedy: at the server read its log, if it closed; in the network raise idle timeouts on the way; at the client
    /// keep the connection alive (NOOP, TCP keep-alive), and log in again.
    "control-lost", Warning,
    "the control connection was lost while a reply was outstanding",
    ["RFC 959 5.4", "RFC 5382 5"],
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let Some(end) = session.end.as_ref().filter(|end| !end.orderly_by_client) else { return Vec::new() };
    let transfer_pending = session.transfers.last().is_some_and(|transfer| transfer.reply.is_none());
    let offers = session.offers.iter().map(|offer| (&offer.command, offer.reply.is_none()));
    let exchanges = session.exchanges.iter().map(|exchange| (&exchange.command, exchange.reply.is_none()));
    let pending = offers.chain(exchanges).filter(|(command, open)| *open && command.at() <= end.at).max_by_key(|(command, _)| command.no);
    let server = case.control.half(case.control.end_of(session.server).unwrap_or(End::Target));
    let pending = pending.filter(|_| !transfer_pending && session.opaque.is_empty());
    let Some((command, _)) = pending.filter(|(command, _)| server.is_whole_since(command.at())) else { return Vec::new() };
    let message = format!("{} got no reply: {}", command.line(), end.how);
    vec![
        DIAGNOSIS
            .finding(Confidence::Proven, message, Evidence::seen(end.at, end.how.clone()))
            .in_session(session)
            .support([super::lines::command(session, command)])
            .server("Read the server's log for the reason it closed the connection.")
            .network("Raise the idle timeout of NAT and firewall for established connections (RFC 5382: 2 h 4 min).")
            .client("Keep an idle control connection alive (NOOP, TCP keep-alive), and log in again when it is lost.")
            .done(),
    ]
}
