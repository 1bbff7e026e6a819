//! `data-stalled`

use std::net::SocketAddr;

use super::case::{Case, cap};
use super::{capture_drops, data_syn_unanswered, lines, path_mtu_blackhole};
use crate::finding::{Confidence, Evidence, Finding, Route, Severity};
use crate::ftp::texts::Condition;
use crate::record::Outcome;
use crate::transfer::Exchange;
use crate::transfer::standstill::{Silence, Standstill};

/// Repeats cited.
const CITED: usize = 8;

diagnosis! {
    /// The data connection was open and then stalled until one side gave up or the capture ended.
    ///
    /// Needs: a complete handshake on the data connection, then five seconds or more (thirty if the capture just ends)
    /// without progress: the sender sends no more bytes and no FIN; or a segment is sent four times or more and never
    /// acknowledged; or the receiver's window stays zero. Then the client leaves, closes or aborts, the server answers
    /// 425, 426 or 421, or one side sends a RST.
    ///
    /// Helps: which side stopped. A sender that acknowledges and sends nothing more is alive at TCP level, but its
    /// program does not continue. A receiver whose window is zero does not read. Where nothing is acknowledged, the
    /// receiver or the path is down.
    ///
    /// Refuted by: a FIN of the sender; acknowledged bytes that are missing from the capture; only one direction
    /// captured; a text of the server that names another reason, such as the file; a window of zero until the server's
    /// own data timeout, which is `control-lost-during-transfer` or `data-connection-broken`.
    ///
    /// Confidence: proven if one side gave up, probable if the capture ends.
    ///
    /// Remedy: at the server find out what its process waits for (disk, database, a stopped process), read its log; at
    /// the client the same if the client sends, or does not read; in the network look for a firewall that drops
    /// established connections, and for a path MTU.
    "data-stalled", Error,
    "the data connection was open and stalled until one side gave up",
    ["RFC 9293 3.8.3", "RFC 9293 3.8.6.1", "RFC 1123 4.1.3.2"],
    verdict: DataStalled,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let (still, severity, confidence) = found(case)?;
    let who = |socket| named(case, socket);
    let (from, to) = (still.from(), still.to());
    let bytes = still.connection.half(still.sender).bytes;
    let seconds = still.lasted();
    let what = match still.silence {
        Silence::Sender if bytes == 0 => format!("{} sent no data and no FIN for {seconds:.1} s", who(from)),
        Silence::Sender => format!("{} sent nothing more and no FIN for {seconds:.1} s after {bytes} bytes", who(from)),
        Silence::Receiver => format!(
            "{} acknowledged nothing more for {seconds:.1} s, though {} sent the next bytes {} times",
            who(to),
            who(from),
            still.repeats.len(),
        ),
        Silence::Window => format!("{} took no more bytes for {seconds:.1} s: its window was zero", who(to)),
    };
    let end = ending(case, &still);
    let message = format!("the data connection {from} -> {to} stalled: {what}; then {end}");
    let remedied = DIAGNOSIS
        .finding(confidence, message, primary(&still)?)
        .severity(severity)
        .about(case)
        .support([Evidence::seen(still.until, end)])
        .support(case.dialogue())
        .caps(case.clock_cap(still.since, still.until))
        .caps(case.scene.lacks().map(|why| cap(capture_drops::NAME, Confidence::Possible, why)))
        .rule_out(data_syn_unanswered::NAME, "the handshake completed");
    Some(advise(case, &still, remedied).done())
}

/// A standstill, how bad it is, and how sure.
fn found<'a>(case: &Case<'a>) -> Option<(Standstill<'a>, Severity, Confidence)> {
    let concluded = case.concluded;
    if concluded.outcome() == Outcome::Completed {
        let explained = keeps_data_connections(case) || super::path_mtu_blackhole::is_shown(case);
        let still = concluded.standstill_behind_success().filter(|_| !explained)?;
        return Some((still, Severity::Warning, Confidence::Probable));
    }
    let is_why = |still: &Standstill<'_>| !is_told_by_the_server(case, still) && !has_another_reason(case, still);
    let given_up = case.standstill().filter(is_why).map(|still| (still, Severity::Error, Confidence::Proven));
    let at_end = || {
        let still = concluded.standstill_at(case.scene.ends).filter(|_| !case.may_miss_the_reply())?;
        Some((still, Severity::Error, Confidence::Probable))
    };
    given_up.or_else(at_end)
}

/// Whether the client merely did not read until the server's own timer ran out: the server says so, and nobody was silent.
fn is_told_by_the_server(case: &Case<'_>, still: &Standstill<'_>) -> bool {
    let Some(transfer) = case.transfer().filter(|_| still.silence == Silence::Window) else { return false };
    let lost = transfer.lost.as_ref().is_some_and(|lost| !lost.by_client && lost.at == still.until);
    lost || transfer.reply.as_ref().is_some_and(|reply| reply.at() == still.until)
}

/// Whether the session uses another transfer mode than stream: then the data connection outlives the transfer
/// (RFC 959 3.4).
fn keeps_data_connections(case: &Case<'_>) -> bool {
    let mode = |exchange: &Exchange| exchange.command.name == "MODE" && !exchange.is_refused();
    case.session.exchanges.iter().any(|one| mode(one) && !one.command.argument.trim().eq_ignore_ascii_case("S"))
}

/// Whether the reply that ended the waiting tells of another reason than a data connection that makes no progress. One
/// that comes behind another end of it tells of that end.
fn has_another_reason(case: &Case<'_>, still: &Standstill<'_>) -> bool {
    let report = case.report().filter(|(_, reply)| reply.is_failure() && reply.at() <= still.until);
    let Some((_, reply)) = report else { return false };
    let of_standing = case.meaning().map(|meaning| {
        matches!(
            meaning.condition,
            Condition::DataTimeout | Condition::SessionTimeout | Condition::TransferAborted | Condition::DataBroken
        )
    });
    !of_standing.unwrap_or(matches!(reply.code, 421 | 425 | 426))
}

fn primary(still: &Standstill<'_>) -> Option<Evidence> {
    let (from, to) = (still.from(), still.to());
    if still.repeats.is_empty() {
        return Some(Evidence::missing(still.since, still.until, format!("no data and no FIN {from} -> {to}")));
    }
    let frames = lines::some_of(still.repeats.clone(), CITED);
    Evidence::seen_all(frames, Some(Route { from, to }), "the same bytes retransmitted, never acknowledged")
}

fn named(case: &Case<'_>, socket: SocketAddr) -> String {
    let role = if socket.ip() == case.session.client.ip() { "client" } else { "server" };
    format!("the {role} {}", socket.ip())
}

/// What ended the waiting.
fn ending(case: &Case<'_>, still: &Standstill<'_>) -> String {
    let transfer = case.transfer();
    let reply = transfer.and_then(|transfer| transfer.reply.as_ref()).filter(|reply| reply.at() == still.until);
    let lost = transfer.and_then(|transfer| transfer.lost.as_ref()).filter(|lost| lost.at == still.until);
    let left = transfer.and_then(|transfer| transfer.left.as_ref()).filter(|left| left.at == still.until);
    let rst = still.connection.rsts.iter().find(|rst| rst.at == still.until);
    let fin = still.connection.half(still.sender.peer()).fin.filter(|fin| fin.at == still.until);
    if let Some(reply) = reply {
        format!("the server answered {}", reply.line())
    } else if let Some(lost) = lost {
        lost.how.clone()
    } else if let Some(left) = left {
        format!("the client gave up ({})", left.how)
    } else if let Some(rst) = rst {
        format!("{} reset it", named(case, still.connection.socket(rst.from)))
    } else if fin.is_some() {
        format!("{} closed it", named(case, still.to()))
    } else {
        "the capture ends".to_owned()
    }
}

fn advise(case: &Case<'_>, still: &Standstill<'_>, draft: super::Draft) -> super::Draft {
    let silent = if still.silence == Silence::Sender { still.from() } else { still.to() };
    let by_client = silent.ip() == case.session.client.ip();
    let draft = if still.silence == Silence::Window {
        draft
    } else {
        draft.or(path_mtu_blackhole::NAME, "check in a capture at the sender whether only large segments are retransmitted")
    };
    let hung = "Find out what its process waits for: a slow disk or database, a lock, a stopped process; read its log.";
    if by_client {
        draft.client(hung).server("Nothing to change; its data timeout decides how long it waits.")
    } else {
        draft.server(hung).client("Nothing to change; its timeout decides how long it waits.")
    }
    .network("Look for a firewall or NAT that drops established connections, and for a path MTU problem (tracepath).")
}
