//! `control-lost-during-transfer`

use super::case::Case;
use super::ending::Ending;
use super::{control_idle_timeout, lines};
use crate::frame::Interval;
use crate::finding::{Confidence, Evidence, Finding};
use crate::transfer::ControlLoss;

diagnosis! {
    /// The control connection was reset, timed out or was closed by 421 before the transfer's final reply.
    ///
    /// Needs: an active transfer without a final reply; then a RST, a FIN of the server, or 421 (behind 150, or instead of
    /// it: at once, or with words about a limit or a shutdown); or a FIN of the client
    /// where the server's sequence numbers show that its reply was sent and lost before this capture point.
    ///
    /// Helps: a long transfer beside an idle control connection (NAT and firewall timeouts); a command or a final reply
    /// that is retransmitted and never acknowledged then; a data connection that stalls until the server gives up.
    ///
    /// Refuted by: QUIT and 221; an idle session that the server had ended by 421 before the command
    /// (`control-idle-timeout`); a capture that just ends; bytes of the server that are missing from the capture; a
    /// data connection that was reset before (`data-connection-broken`).
    ///
    /// Remedy: look first at the side that closed; at the client send NOOP or TCP keep-alives during transfers; at the
    /// server read the log, raise the data timeout; in the network raise the idle timeout on the path.
    "control-lost-during-transfer", Error,
    "the control connection was lost during a transfer",
    ["RFC 5382 5", "RFC 1123 4.1.3.2", "RFC 959 5.4"],
    verdict: ControlLost,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    // A 421 behind 150 ends the session, not the transfer (RFC 959 5.4).
    let behind = transfer.reply.as_ref().filter(|reply| reply.code == 421 && transfer.preliminary.is_some());
    let closing = behind.or_else(|| case.ended_instead());
    let closing = closing.map(|reply| ControlLoss { at: reply.at(), how: reply.line(), orderly_by_client: false, by_client: false });
    // A server that dies of a reset data connection: the cause comes before its symptom.
    let lost = transfer.lost.clone().filter(|lost| {
        transfer.reply.is_none()
            && control_idle_timeout::before(case).is_none()
            && case.control.half(case.client_end().peer()).segments > 0
            && !case.data_was_reset_before(lost.at)
    });
    let lost = closing.or(lost)?;
    let connections = case.concluded.established().map(|attempt| attempt.connection);
    let ending = Ending::of(case.session, case.control, &lost, transfer.at(), connections);
    if ending.is_a_farewell() {
        return None;
    }
    let after = lost.at.age_of(transfer.at());
    let story = ending.story();
    let message = if after < Interval::ZERO {
        format!("{} came {:.1} s after the control connection was lost: {}{story}", transfer.command.name, -after, lost.how)
    } else {
        format!("{} got no final reply: {} after {after:.1} s{story}", transfer.command.name, lost.how)
    };
    let data = case.concluded.established().map(|attempt| {
        let connection = attempt.connection;
        let bytes = connection.from_origin.bytes + connection.from_target.bytes;
        let final_data = connection.from_origin.last_data.max(connection.from_target.last_data).unwrap_or(connection.last);
        let apart = if final_data > lost.at {
            format!("{:.1} s after the control connection was lost", final_data.age_of(lost.at))
        } else {
            format!("{:.1} s earlier", lost.at.age_of(final_data))
        };
        Evidence::sent(final_data, attempt.from(), attempt.to(), format!("last of {bytes} data bytes, {apart}"))
    });
    let draft = DIAGNOSIS
        .finding(Confidence::Proven, message, Evidence::seen(lost.at, lost.how.clone()))
        .about(case)
        .support(lines::transfer(case.session, transfer))
        .support(data)
        .support(ending.evidence());
    Some(ending.advise(draft).done())
}
