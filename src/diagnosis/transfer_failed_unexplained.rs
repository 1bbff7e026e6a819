//! `transfer-failed-unexplained`

use super::case::{Case, SessionCase};
use super::lines;
use crate::finding::{Confidence, Evidence, Finding, Party};
use crate::flow::End;
use crate::ftp::Verb;
use crate::ftp::texts::Condition;

/// Replies cited.
const CITED: usize = 8;

diagnosis! {
    /// A transfer failed, and nothing in this capture shows why.
    ///
    /// Needs: a failed transfer for which no other diagnosis holds; or 425 or 426 as an answer to a command that is not
    /// in the capture.
    ///
    /// Refuted by: ABOR, to which 426 is the normal answer; a client that closes the control connection without waiting
    /// for a reply.
    ///
    /// Remedy: capture again, whole frames and without a port filter, from before the control connection until two
    /// seconds after the failure: at the server if it opens the data connection, at the client otherwise, or in the
    /// network next to one of them.
    "transfer-failed-unexplained", Warning,
    "a transfer failed and the capture does not show why",
    ["RFC 959 4.2"],
    verdict: Unexplained,
    locus: Server,
    Unexplained(check),
    Session(orphans)
}

/// For a client on this host.
const AGAIN: &str = "Read the client's log; capture here again, whole frames (-s 0), without a port filter.";

/// For a server on this host.
const LOG: &str = "Read the server's log; capture here from before the login until the failure, without a port filter.";

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let (primary, how) = match (&transfer.reply, &transfer.lost) {
        (Some(reply), _) => (lines::reply(case.session, reply), reply.line()),
        // A client that leaves in order does not want the transfer any more; nothing says that it failed.
        (None, Some(lost)) if lost.orderly_by_client => return None,
        (None, Some(lost)) => (Evidence::seen(lost.at, lost.how.clone()), lost.how.clone()),
        (None, None) => return None,
    };
    let left = transfer.left.as_ref().filter(|_| transfer.reply.is_some());
    let first = left.map_or(String::new(), |left| format!("; the client had already left, {}", left.how));
    // 125 or 150 had accepted the command, and the data connection came to be: the file, the disk or a quota is left.
    let only_words = transfer.preliminary.is_some() && transfer.lost.is_none() && case.concluded.established().is_some();
    let of_the_login = case.meaning().is_some_and(|meaning| meaning.condition == Condition::NotLoggedIn);
    let why = if of_the_login {
        "; the server speaks of the login, not of the data connection"
    } else if only_words {
        "; the data connection was established, and only the text of the reply says why"
    } else {
        " and nothing in this capture shows why"
    };
    let message = format!("{} failed ({how}{first}){why}", transfer.command.name);
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .about(case)
            .support(left.and(case.departure()))
            .support(case.dialogue())
            .client(if case.vantage.is_here(Party::Client) { AGAIN } else { "Capture at the client too, whole frames (-s 0), without a port filter." })
            .server(if case.vantage.is_here(Party::Server) { LOG } else { "Capture at the server from before the login until the failure, and read the server's log." })
            .network("Where neither host can capture, mirror the port of the switch next to one of them, both directions.")
            .done(),
    )
}

/// Replies that report failed transfers, whose commands were not captured: before its start, or by the loss of bytes.
fn orphans(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let explains_itself = session.exchanges.iter().any(|exchange| exchange.is(Verb::Abor));
    let client = case.control.end_of(session.client).unwrap_or(End::Origin);
    let partial = case.control.midstream || !case.control.half(client).gaps().is_empty();
    let mut orphans = session.unsolicited.iter().filter(|reply| matches!(reply.code, 425 | 426));
    let Some(first) = orphans.next().filter(|_| partial && !explains_itself) else { return Vec::new() };
    let more = orphans.clone().count();
    let others = if more == 0 { String::new() } else { format!(" (and {more} more of the kind)") };
    let message = format!(
        "the server reported a failed transfer, {}{others}, whose command is not in this capture: nothing in it shows why",
        first.line()
    );
    let finding = DIAGNOSIS
        .finding(Confidence::Proven, message, lines::reply(session, first))
        .in_session(session)
        .support(orphans.take(CITED - 1).map(|reply| lines::reply(session, reply)))
        .client("Capture again from before the login until the failure, both directions, whole frames, without a port filter.")
        .server("Read the server's log of that time.")
        .network("Where the hosts cannot capture, mirror the port of the switch next to one of them, both directions.");
    vec![finding.done()]
}
