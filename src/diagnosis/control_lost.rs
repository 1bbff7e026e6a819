//! `control-lost`

use super::case::SessionCase;
use super::ending::Ending;
use super::{control_closed_early, control_idle_timeout, control_stalled, rst_injected};
use crate::frame::Interval;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::End;
use crate::ftp::{Command, Verb};

diagnosis! {
    /// The control connection was reset, or closed by the server, while a reply was outstanding and no transfer was
    /// active.
    ///
    /// Needs: a command without reply; then a RST, or a FIN of the server; or a command that comes when the server has
    /// closed; or a FIN of the client where the server's sequence numbers show that its reply was sent and lost before
    /// this capture point.
    ///
    /// Helps: who ended it; a control connection that had been idle for long (NAT and firewall timeouts).
    ///
    /// Refuted by: QUIT; a close by the side that had its final reply; an active transfer
    /// (`control-lost-during-transfer`); a server that never greeted (`control-closed-early`); an idle session that the
    /// server ended by 421 (`control-idle-timeout`); bytes of the server that are missing from the capture.
    ///
    /// Remedy: look first at the side that ended it: at the server read its log; at the client look for its own
    /// timeout, keep the connection alive (NOOP, TCP keep-alive), and log in again; in the network raise idle timeouts
    /// on the path, and find what drops a reply that was sent.
    "control-lost", Warning,
    "the control connection was lost while a reply was outstanding",
    ["RFC 959 5.4", "RFC 5382 5"],
    verdict: never("a finding of the session, which has no verdict"),
    locus: Server,
    Session(check);
    part_of: &[control_stalled::NAME, rst_injected::NAME]
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let Some(end) = session.end.as_ref().filter(|_| !control_closed_early::holds(case) && !control_idle_timeout::holds(case)) else { return Vec::new() };
    let transfer_pending = session.transfers.last().is_some_and(|transfer| transfer.reply.is_none());
    let offers = session.offers.iter().map(|offer| (&offer.command, offer.reply.is_none()));
    let exchanges = session.exchanges.iter().map(|exchange| (&exchange.command, exchange.reply.is_none()));
    let open = offers.chain(exchanges).filter(|(_, open)| *open).map(|(command, _)| command);
    let waiting = open.clone().filter(|command| command.at() <= end.at).max_by_key(|command| command.no);
    let behind = || open.filter(|command| !end.by_client && command.verb != Verb::Quit).min_by_key(|command| command.no);
    let command = waiting.or_else(behind).filter(|_| !transfer_pending && session.opaque.is_empty());
    let server = case.control.half(case.control.end_of(session.server).unwrap_or(End::Target));
    let heard = |command: &Command| {
        let since = session.last_line(end.at).map_or(end.at, |(at, _)| at);
        server.is_whole_since(command.at().min(since))
    };
    let Some(command) = command.filter(|command| heard(command)) else { return Vec::new() };
    let ending = Ending::of(session, case.control, end, command.at(), case.data());
    if ending.is_a_farewell() {
        return Vec::new();
    }
    let (line, after, story) = (command.line(), end.at.age_of(command.at()), ending.story());
    let message = if after < Interval::ZERO {
        format!("{line} came {:.1} s after the control connection was lost: {}{story}", -after, end.how)
    } else {
        format!("{line} got no reply: {} after {after:.1} s{story}", end.how)
    };
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::seen(end.at, end.how.clone()))
        .in_session(session)
        .support([super::lines::command(session, command)])
        .support(ending.evidence());
    vec![ending.advise(draft).done()]
}
