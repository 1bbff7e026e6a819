//! `no-data-endpoint`

use super::case::Case;
use super::{data_syn_unanswered, lines, time_wait_default_port};
use crate::frame::Interval;
use crate::finding::{Confidence, Finding};
use crate::ftp::texts::Condition;

/// A refusal for want of an endpoint comes at once; a server that tried something takes longer.
const AT_ONCE: Interval = Interval::seconds(1);

diagnosis! {
    /// The client sent a transfer command while no PORT, EPRT, PASV or EPSV was in force. Each of them serves one
    /// transfer only.
    ///
    /// Needs: a transfer command; no endpoint command before it, or the last one refused or used up; an immediate
    /// refusal without any data SYN.
    ///
    /// Helps: the server's own words, `Use PORT or PASV first`, `No data connection`.
    ///
    /// Refuted by: a capture that starts in the middle of the session or where bytes of the client are missing (a PORT
    /// may be among them), unless the server says so; a server that keeps the endpoint for the next transfer, which is
    /// legal.
    ///
    /// Confidence: proven with the server's words, otherwise probable near the server and possible elsewhere.
    ///
    /// Remedy: at the client send PORT or PASV before each transfer (RFC 1123 4.1.2.5), and stop when it is refused; at
    /// the server and in the network nothing.
    "no-data-endpoint", Error,
    "a transfer command came without a PORT or PASV in force",
    ["RFC 959 3.2", "RFC 1123 4.1.2.5"],
    verdict: NoEndpoint,
    locus: Client,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let reply = transfer.reply.as_ref().filter(|reply| reply.is_failure())?;
    if case.was_tried() {
        return None;
    }
    let says_so = case.meaning().is_some_and(|meaning| meaning.condition == Condition::NoEndpoint);
    let none = case.concluded.in_force().is_none();
    let of_order = reply.code == 503 && case.offer().is_none();
    let silent_refusal = none
        && !case.may_miss_an_offer()
        && ((case.is_data_failure() && case.reply_allows_no_syn()) || of_order)
        && transfer.delay().is_some_and(|delay| delay < AT_ONCE);
    if !says_so && (!silent_refusal || time_wait_default_port::holds(case)) {
        return None;
    }
    let confidence = match (says_so, case.would_show_server_syn()) {
        (true, _) => Confidence::Proven,
        (false, true) => Confidence::Probable,
        (false, false) => Confidence::Possible,
    };
    let state = match case.offer() {
        None => "no PORT, EPRT, PASV or EPSV had been sent".to_owned(),
        Some(offer) if offer.is_refused() => format!("the {} before it had been refused", offer.command.name),
        Some(offer) if !transfer.first_on_offer => format!("the {} before it had already served a transfer", offer.command.name),
        Some(offer) => format!("the server did not accept the {} before it", offer.command.name),
    };
    let message = format!("{} was refused ({}) because no PORT or PASV was in force: {state}", transfer.command.name, reply.line());
    Some(
        DIAGNOSIS
            .finding(confidence, message, lines::reply(case.session, reply))
            .about(case)
            .support(case.dialogue())
            .rule_out(data_syn_unanswered::NAME, "no data SYN lies between the command and the reply")
            .client("Send PORT, EPRT, PASV or EPSV before every transfer, and stop if it is refused.")
            .server("Nothing to change: a server may require an endpoint for every transfer (vsftpd uses each PORT or PASV once).")
            .network("Nothing to change in the network: no data connection was tried.")
            .done(),
    )
}
