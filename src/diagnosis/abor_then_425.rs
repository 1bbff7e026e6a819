//! `abor-then-425`

use super::case::Case;
use super::{data_syn_never_sent, lines, no_syn};
use crate::frame::Interval;
use crate::finding::{Confidence, Evidence, Finding};
use crate::ftp::Verb;

/// The next transfer comes within this time of the ABOR, or has nothing to do with it.
const SOON: Interval = Interval::seconds(10);

diagnosis! {
    /// The server answers the transfer right after an ABOR with 425, although the port is new: the server has not
    /// finished the aborted data connection (IIS 5.0, Microsoft KB Q269285).
    ///
    /// Needs: an ABOR of the transfer before, acknowledged by 426, 225 or 226; then a new PORT and a transfer that is
    /// answered 425 within seconds, without any data SYN; no earlier connection on the 5-tuple that explains it.
    ///
    /// Helps: a banner of IIS; the aborted data connection ended by a RST; a retry some seconds later that works.
    ///
    /// Refuted by: an earlier connection on the tuple (`time-wait-collision`); a SYN; a 425 that is the late reply of
    /// the aborted transfer, which counting the replies shows.
    ///
    /// Confidence: probable at the server, possible elsewhere.
    ///
    /// Remedy: at the client wait some seconds after ABOR, or open a new control connection; at the server update it;
    /// in the network nothing, no data connection was tried.
    "abor-then-425", Error,
    "the transfer right after an ABOR was answered 425 without a SYN",
    ["Microsoft KB Q269285", "RFC 959 4.1.3"],
    verdict: ServerSocket,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref().filter(|reply| reply.code == 425)?;
    let gone = no_syn::unexplained(case)?;
    let aborted = case.session.before(transfer)?;
    let abor = aborted.abor?;
    let acknowledged = case.session.exchanges.iter().filter(|one| one.is(Verb::Abor) && one.command.at() == abor);
    let answer = acknowledged.filter_map(|one| one.reply.as_ref()).chain(&aborted.reply).max_by_key(|one| one.at())?;
    if answer.at() > transfer.at() || transfer.at().age_of(answer.at()) > SOON {
        return None;
    }
    let confidence = if case.would_show_server_syn() { Confidence::Probable } else { Confidence::Possible };
    let message = format!(
        "{} {:.1} s after an ABOR was answered {} without a SYN to {}, a new port: the server has not finished the aborted transfer",
        transfer.command.name,
        transfer.at().age_of(abor),
        reply.code,
        gone.socket,
    );
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(lines::transfer(case.session, aborted))
            .support([
                Evidence::sent(abor, case.session.client, case.session.server, "ABOR"),
                lines::reply(case.session, answer),
            ])
            .support(case.dialogue())
            .support(case.no_syn())
            .caps(case.absence_caps())
            .all_ruled_out(no_syn::refuted(case))
            .or(data_syn_never_sent::NAME, "a transfer without an ABOR before it, at the same server")
            .client("Wait some seconds after ABOR, or open a new control connection.")
            .server("Update the server (Windows 2000: service pack), or find the error of its connect() in its log.")
            .network("Nothing to change in the network: the server has not finished the aborted transfer.")
            .done(),
    )
}
