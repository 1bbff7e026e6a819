//! `command-refused`

use super::case::Case;
use super::{data_syn_not_seen, lines};
use crate::finding::{Confidence, Finding};
use crate::ftp::texts::Condition;

diagnosis! {
    /// The server refused the transfer command itself: the file is missing, may not be read or written, or the command
    /// is not known. The data connection was not the problem.
    ///
    /// Needs: 4xx or 5xx to RETR, STOR, LIST and the like whose text is not about the data connection (550, 553, 552,
    /// 501, 502, 504).
    ///
    /// Refuted by: 125 or 150 before it, which accepted the command; 425, 426, 421; a text about the data connection;
    /// 530 (`login-refused`).
    ///
    /// Traps: a server that resets a waiting data connection: the RST is a result of the refusal.
    ///
    /// Remedy: at the client check the path and the command's arguments; at the server check the file, its permissions
    /// and the limits; in the network nothing.
    "command-refused", Info,
    "the server refused the transfer command itself",
    ["RFC 959 4.2.2", "RFC 959 5.4"],
    verdict: CommandRefused,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref().filter(|reply| reply.is_failure())?;
    let login = reply.code == 530 || case.meaning().is_some_and(|meaning| meaning.condition == Condition::NotLoggedIn);
    let crashed = case.meaning().is_some_and(|meaning| meaning.condition == Condition::ServerError);
    if case.is_data_failure() || reply.code == 421 || login || crashed || transfer.abor.is_some() {
        return None;
    }
    let message = format!("the server refused {}: {}", transfer.command.line(), reply.line());
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .support([lines::command(case.session, &transfer.command)])
            .rule_out(data_syn_not_seen::NAME, "the reply is about the file or the command, not about the data connection")
            .client("Check the path and the arguments of the command.")
            .server("Check the file, its permissions and the server's limits.")
            .done(),
    )
}
