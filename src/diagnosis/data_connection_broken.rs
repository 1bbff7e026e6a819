//! `data-connection-broken`

use super::case::{Case, cap};
use super::{capture_gap, data_syn_refused, lines, time_wait_collision};
use crate::frame::Interval;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Connection, End};
use crate::ftp::texts::Condition;
use crate::record::Outcome;

/// Packets of two connections may be recorded in another order than they were sent, this far apart at most.
const SWAPPED: Interval = Interval::millis(50);

diagnosis! {
    /// The data connection was opened and then failed before the final reply.
    ///
    /// Needs: a complete handshake on the data connection, then 425 or 426, or 450 or 451 after 125 or 150, or a RST
    /// before the final reply, or a text that says that the connection broke.
    ///
    /// Helps: the RST and who sent it; the bytes that had passed; a window of zero; silence.
    ///
    /// Refuted by: 550 and similar replies without 125 or 150 before (`command-refused`), even if the server then
    /// resets a waiting data connection; a 421 or a lost control connection (`control-lost-during-transfer`); a user's
    /// ABOR; a server that refuses the peer's address (`pasv-bad-peer`) or the missing TLS session
    /// (`tls-session-reuse-required`); where no final reply came: a FIN before the RST, or bytes of the server that are
    /// missing from the capture.
    ///
    /// Remedy: look first at the side that sent the RST or stopped sending; at the server read the log; at the client
    /// look at the log, the disk, the quota; in the network look for idle timeouts, and for a path MTU that is too
    /// small for large segments.
    "data-connection-broken", Error,
    "the data connection was opened and then broke",
    ["RFC 959 4.2", "RFC 959 5.4"],
    verdict: DataBroken,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let attempt = case.concluded.established()?;
    let connection = attempt.connection;
    let reset = reset_before_reply(case, connection);
    let failed = match case.concluded.outcome() {
        Outcome::Failed if transfer.lost.is_none() => {
            let by_code = transfer.reply.as_ref().is_some_and(|reply| matches!(reply.code, 425 | 426 | 450 | 451));
            let by_words = case.meaning().is_some_and(|meaning| meaning.condition.tells_of_established());
            case.is_data_failure() && (reset.is_some() || by_code || by_words)
        }
        Outcome::Failed => transfer.lost.as_ref().is_some_and(|lost| case.data_was_reset_before(lost.at)),
        // The final reply would have been seen; and a RST behind a FIN may end a file that has come whole.
        Outcome::Unknown => {
            !case.may_miss_the_reply() && transfer.abor.is_none() && reset.is_some() && !is_closed(connection)
        }
        Outcome::Completed | Outcome::Aborted => false,
    };
    let of_its_own = case.meaning().is_some_and(|meaning| {
        matches!(
            meaning.condition,
            Condition::BadPassivePeer | Condition::TlsSessionReuse | Condition::TlsRequired | Condition::TlsFailed
        )
    });
    if !failed || of_its_own {
        return None;
    }
    let bytes = connection.from_origin.bytes + connection.from_target.bytes;
    let how = match reset {
        Some((_, by)) => format!("{} reset it after {bytes} bytes", connection.socket(by).ip()),
        None => format!("it ended after {bytes} bytes without a RST"),
    };
    let answer = transfer.reply.as_ref().map_or("no final reply followed".to_owned(), |reply| format!("the server answered {}", reply.line()));
    let message = format!("the data connection {} -> {} was open when it failed: {how}; {answer}", attempt.from(), attempt.to());
    let primary = match (reset, &transfer.reply) {
        (Some((rst, by)), _) => {
            Evidence::sent(rst, connection.socket(by), connection.socket(by.peer()), "RST on the data connection")
        }
        (None, Some(reply)) => lines::reply(case.session, reply),
        (None, None) => return None,
    };
    let client = reset.is_some_and(|(_, by)| connection.socket(by).ip() == case.session.client.ip());
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, primary)
        .about(case)
        .support(connection.established.map(|at| Evidence::sent(at, attempt.from(), attempt.to(), "handshake complete")))
        .support(case.dialogue())
        .caps(case.may_miss_an_abort().map(|at| {
            let why = format!("frame {} shows that commands of the client are missing: an ABOR may be among them", at.number);
            cap(capture_gap::NAME, Confidence::Possible, why)
        }))
        .rule_out(data_syn_refused::NAME, "the handshake completed")
        .rule_out(time_wait_collision::NAME, "the handshake completed");
    let finding = match reset {
        Some(_) if client => finding
            .client("Find out why the client closed the data connection with a RST: the user cancelled, the program was killed, or its disk is full.")
            .server("Nothing to change, unless the server had stopped sending before the RST: then read its log.")
            .network("If the RST's TTL is not that of the client's other segments, find the device that sent it instead."),
        Some(_) => finding
            .server("Read the server's log for the reason of the RST on the data connection.")
            .client("Nothing to change, unless the client had stopped reading or sending before the RST.")
            .network("If the RST's TTL is not that of the server's other segments, find the device that sent it instead."),
        None => finding
            .server("Read the server's log: the data connection worked at TCP level.")
            .client("Look in the client's log for why the transfer ended: its disk, its quota, its own timeout.")
            .network("If large segments were repeated without an acknowledgement before the end, look for a path MTU problem (tracepath) or an idle timeout on the path."),
    };
    Some(finding.done())
}

/// The first RST on the connection before the final reply, and who sent it.
fn reset_before_reply(case: &Case<'_>, connection: &Connection) -> Option<(crate::frame::Stamp, End)> {
    let reply = case.transfer().and_then(|transfer| transfer.reply.as_ref()).map(crate::ftp::Reply::at);
    let both_closed = connection.from_origin.fin.is_some() && connection.from_target.fin.is_some();
    connection
        .rsts
        .iter()
        .find(|rst| !both_closed && reply.is_none_or(|reply| rst.at.is_until(reply, SWAPPED)))
        .map(|rst| (rst.at, rst.from))
}

/// Whether either side has closed it.
fn is_closed(connection: &Connection) -> bool {
    connection.from_origin.fin.is_some() || connection.from_target.fin.is_some()
}
