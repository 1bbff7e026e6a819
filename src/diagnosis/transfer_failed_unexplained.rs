//! `transfer-failed-unexplained`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};

diagnosis! {
    /// A transfer failed, and this capture holds nothing that decides why.
    ///
    /// Needs: a failed transfer for which no other diagnosis holds.
    ///
    /// Remedy: capture again, whole frames and without a port filter, at the server if it opens the data connection and at
    /// the client otherwise, from before the control connection until two seconds behind the failure.
    "transfer-failed-unexplained", Warning,
    "a transfer failed and the capture does not show why",
    ["RFC 959 4.2"],
    Unexplained(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer?;
    let (primary, how) = match (&transfer.reply, &transfer.lost) {
        (Some(reply), _) => (lines::reply(case.session, reply), reply.line()),
        (None, Some(lost)) => (Evidence::seen(lost.at, lost.how.clone()), lost.how.clone()),
        (None, None) => return None,
    };
    let message = format!("{} failed ({how}) and nothing in this capture decides why", transfer.command.name);
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .about(case)
            .support(case.dialogue())
            .client("Capture at the client too, whole frames (-s 0), without a port filter.")
            .server("Capture at the server from before the login until the failure, and read the server's log.")
            .done(),
    )
}
