//! `login-refused`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Finding};
use crate::ftp::Verb;
use crate::transfer::Exchange;

diagnosis! {
    /// The server refused the login, or refused a command because nobody was logged in. The control connection works,
    /// and no data connection was involved, so firewall rules and transfer modes do not matter here. The text of the
    /// reply rarely gives the reason; the server's log does.
    ///
    /// Needs: 530 or a similar reply to USER, PASS or ACCT, or 530 or 532 to a transfer or endpoint command.
    ///
    /// Refuted by: a later login that succeeds.
    ///
    /// Remedy: at the client check user name and password, and whether the server requires TLS first; at the server
    /// check the access rules; in the network nothing.
    "login-refused", Info,
    "the server refused the login",
    ["RFC 959 5.4"],
    verdict: never("a finding of the session, which has no verdict"),
    locus: Account,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let admitted = |exchange: &Exchange| exchange.reply.as_ref().is_some_and(|reply| reply.code == 230);
    let login = session
        .exchanges
        .iter()
        .filter(|exchange| exchange.is(Verb::User) || exchange.is(Verb::Pass) || exchange.is(Verb::Acct))
        .find_map(|exchange| Some((&exchange.command, exchange.reply.as_ref().filter(|reply| reply.is_failure() && reply.code != 421)?)))
        .filter(|(command, _)| !session.exchanges.iter().any(|later| later.command.no > command.no && admitted(later)));
    let wanting = || {
        let transfers = session.transfers.iter().map(|transfer| (&transfer.command, transfer.reply.as_ref()));
        let offers = session.offers.iter().map(|offer| (&offer.command, offer.reply.as_ref()));
        transfers.chain(offers).find_map(|(command, reply)| Some((command, reply.filter(|reply| matches!(reply.code, 530 | 532))?)))
    };
    let Some((command, reply)) = login.or_else(wanting) else { return Vec::new() };
    let message = format!("the server refused {} with {}: no data connection was involved", command.line(), reply.line());
    vec![
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(session, reply))
            .in_session(session)
            .support([lines::command(session, command)])
            .client("Check the user name, the password and whether the server requires TLS first.")
            .server("Check the server's access rules.")
            .done(),
    ]
}
