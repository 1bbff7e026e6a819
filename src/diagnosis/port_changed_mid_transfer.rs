//! `port-changed-mid-transfer`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::Connection;
use crate::frame::Stamp;

diagnosis! {
    /// The client sent PORT, PASV or a similar command while a transfer was active: a server must then close the data
    /// connection (RFC 959 3.2).
    ///
    /// Needs: an endpoint command between 150 and the final reply, while the data connection was open (no FIN or RST
    /// yet), or where no data connection was seen a transfer that failed.
    ///
    /// Helps: the data connection closed by the server right after it, and a 426.
    ///
    /// Refuted by: a data connection that had ended before, so that only its 226 was still to come; a final reply that
    /// is in a gap of the capture.
    ///
    /// Remedy: at the client wait for the final reply before the next endpoint is announced; at the server and in the
    /// network nothing.
    "port-changed-mid-transfer", Warning,
    "an endpoint command came while a transfer was active",
    ["RFC 959 3.2", "RFC 959 5.2"],
    verdict: never("a fault of order: what became of the data connection explains the failure"),
    locus: Client,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let command = transfer.disturbed_by.as_ref()?;
    let preliminary = transfer.preliminary.as_ref()?;
    let at = command.at();
    let until = transfer.ended().filter(|until| *until >= at)?;
    let mut holes = case.control.from_origin.gaps().iter().chain(case.control.from_target.gaps());
    if holes.any(|hole| hole.at >= preliminary.at() && hole.at <= at) {
        return None;
    }
    let data = case.concluded.established().map(|attempt| attempt.connection);
    match data {
        Some(data) if end_of(data).is_some_and(|end| end <= at) => return None,
        None if !case.failed() => return None,
        Some(_) | None => {}
    }
    let message = format!(
        "the client sent {} {:.1} s before the final reply to {} ({}), while the transfer was active",
        command.line(),
        until.age_of(at),
        transfer.command.name,
        transfer.reply.as_ref().map_or_else(|| "none came".to_owned(), crate::ftp::Reply::line),
    );
    let closed = data.and_then(|data| {
        let end = end_of(data).filter(|end| *end <= until || case.failed())?;
        Some(Evidence::sent(end, data.origin, data.target, "the data connection is closed"))
    });
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, command))
            .about(case)
            .support(lines::transfer(case.session, transfer))
            .support(closed)
            .client("Wait for the final reply (226, 426) before the next PORT or PASV.")
            .server("Nothing to change: by RFC 959 the server closes the data connection when the endpoint changes.")
            .network("Nothing to change in the network: the client chooses the order of the commands.")
            .done(),
    )
}

/// The first FIN or RST of a connection.
fn end_of(data: &Connection) -> Option<Stamp> {
    let fins = [data.from_origin.fin, data.from_target.fin].into_iter().flatten().map(|fin| fin.at);
    fins.chain(data.rsts.iter().map(|rst| rst.at)).min()
}
