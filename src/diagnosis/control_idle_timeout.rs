//! `control-idle-timeout`

use super::case::{Case, SessionCase};
use super::{Draft, control_closed_early, lines, timers};
use crate::finding::{Confidence, Evidence, Finding, Severity};
use crate::flow::Connection;
use crate::frame::{Interval, Stamp};
use crate::ftp::meaning::meaning;
use crate::ftp::texts::Condition;
use crate::ftp::{Command, Reply, Verb};
use crate::transfer::Transfer;
use crate::transfer::session::Session;

/// A command crosses the 421 on the way if it is sent less than a long round trip before that arrives.
const CROSSED: Interval = Interval::seconds(1);

diagnosis! {
    /// The server ended an idle session with 421: its timer for idle sessions, for sessions without a transfer, or for
    /// the login ran out.
    ///
    /// Needs: 421 while no transfer is active and no other command waits; a text about a timeout or an idle session,
    /// or, with another text, a silence as long as a usual timer of servers.
    ///
    /// Helps: which timer it was: the time since the last command, the last transfer, the login, or the connection.
    ///
    /// Refuted by: 421 as the greeting (`control-closed-early`); 421 during a transfer
    /// (`control-lost-during-transfer`); a text about too many connections, a shutdown or the administrator.
    ///
    /// Confidence: proven by its text; probable by a time that fits a timer.
    ///
    /// Remedy: at the client log in again before the next command, send NOOP to keep an idle session alive (does not
    /// stop a timer that counts transfers); at the server raise the timeout (vsftpd idle_session_timeout; ProFTPD
    /// TimeoutIdle, TimeoutNoTransfer, TimeoutLogin; Pure-FTPd -I); in the network nothing.
    "control-idle-timeout", Info,
    "the server ended an idle session",
    ["RFC 959 5.4", "RFC 1123 4.1.3.2"],
    verdict: ControlLost,
    locus: Server,
    Transfer(of_transfer),
    Session(of_session)
}

/// A session that the server ended because nothing went on in it.
pub(super) struct TimedOut<'a> {
    reply: &'a Reply,
    /// The command that was sent when the timer had run out already and that this 421 answers.
    crossed: Option<&'a Command>,
    confidence: Confidence,
    /// What ran out: since when, since what, and its length if it fits one.
    since: Stamp,
    what: &'static str,
    timer: Option<Interval>,
}

/// Whether the session was ended so.
pub(super) fn holds(case: &SessionCase<'_>) -> bool {
    find(case.session, case.control).is_some()
}

/// How the session had been ended so before the transfer of `case` was asked for.
pub(super) fn before<'a>(case: &Case<'a>) -> Option<TimedOut<'a>> {
    let transfer = case.transfer().filter(|transfer| transfer.reply.is_none() && transfer.lost.is_some())?;
    find(case.session, case.control).filter(|ended| is_behind(transfer, ended))
}

fn of_transfer(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer()?;
    let ended = before(case)?;
    let story = format!("{} came {:.1} s later and failed", transfer.command.name, transfer.at().age_of(ended.reply.at()));
    let draft = draft(case.session, &ended).about(case).severity(Severity::Warning).and(&story);
    Some(draft.support([lines::command(case.session, &transfer.command)]).done())
}

fn of_session(case: &SessionCase<'_>) -> Vec<Finding> {
    let session = case.session;
    let Some(ended) = find(session, case.control) else { return Vec::new() };
    if session.transfers.last().is_some_and(|transfer| is_behind(transfer, &ended)) {
        return Vec::new();
    }
    let draft = draft(session, &ended).in_session(session);
    let failed = ended.crossed.or_else(|| unanswered_behind(session, ended.reply.at()));
    let draft = match failed {
        Some(command) => draft
            .severity(Severity::Warning)
            .and(&format!("{} failed because of this", command.line()))
            .support([lines::command(session, command)]),
        None => draft,
    };
    vec![draft.done()]
}

fn draft(session: &Session, ended: &TimedOut<'_>) -> Draft {
    let TimedOut { reply, since, what, timer, .. } = ended;
    let seconds = reply.at().age_of(*since);
    let fits = timer.map_or_else(String::new, |timer| format!(", which fits a timeout of {timer:.0} s"));
    let message = format!("the server ended the idle session with {}, {seconds:.1} s after {what}{fits}", reply.line());
    DIAGNOSIS
        .finding(ended.confidence, message, lines::reply(session, reply))
        .support([Evidence::seen(*since, what.to_owned())])
        .client("Log in again before the next command; keep an idle session alive with NOOP (no help where the timer counts transfers).")
        .server("Raise the timeout if it is too short (vsftpd: idle_session_timeout; ProFTPD: TimeoutIdle, TimeoutNoTransfer, TimeoutLogin; Pure-FTPd: -I).")
        .network("Nothing to change in the network: the server itself ended the session.")
}

fn find<'a>(session: &'a Session, control: &Connection) -> Option<TimedOut<'a>> {
    let greeting = control_closed_early::greeted_with_421(session, control).map(Reply::at);
    let alone = session.unsolicited.iter().map(|reply| (reply, None));
    let crossed = session.exchanges.iter().filter_map(|exchange| Some((exchange.reply.as_ref()?, Some(&exchange.command))));
    let mut last_words = alone.chain(crossed).filter(|(reply, _)| reply.code == 421 && Some(reply.at()) != greeting);
    last_words.find_map(|(reply, crossed)| {
        let at = reply.at();
        // One that had waited for longer was answered by it: the session was not idle.
        if crossed.is_some_and(|command| at.age_of(command.at()) > CROSSED) {
            return None;
        }
        let of_a_transfer = |transfer: &Transfer| transfer.lost.as_ref().is_some_and(|lost| lost.at == at);
        if session.transfers.iter().any(of_a_transfer) {
            return None;
        }
        let says = meaning(Verb::Other, reply, session.software.family()).map(|meaning| meaning.condition);
        let (since, what, timer) = timer(session, reply, crossed.map_or(at, Command::at))?;
        let confidence = match says {
            Some(Condition::SessionTimeout) => Confidence::Proven,
            None if timer.is_some() && crossed.is_none() => Confidence::Probable,
            _ => return None,
        };
        Some(TimedOut { reply, crossed, confidence, since, what, timer })
    })
}

/// What ran out: the time since the last line, since the last transfer or the login, or since the connection began, whichever
/// fits a timer; else what the words name.
fn timer(session: &Session, reply: &Reply, until: Stamp) -> Option<(Stamp, &'static str, Option<Interval>)> {
    let (last, _) = session.last_line(until)?;
    let transferred = session.transfers.iter().rev().find_map(|transfer| transfer.reply.as_ref()).map(Reply::at);
    let admitted = session.exchanges.iter().filter_map(|exchange| exchange.reply.as_ref()).find(|reply| reply.code == 230);
    let admitted = admitted.map(Reply::at);
    let words = reply.text.to_ascii_lowercase();
    let named = words.split(|c: char| !c.is_ascii_digit()).find_map(|number| number.parse().ok()).map(Interval::seconds);
    let idle = (Some(last), "the last command or reply");
    let by_transfer = if transferred.is_some() { (transferred, "the last transfer") } else { (admitted, "the login") };
    let since_start = (Some(session.first).filter(|_| admitted.is_none()), "the connection began");
    let all = if words.contains("transfer") {
        [by_transfer, idle, since_start]
    } else if words.contains("login") || words.contains("log in") {
        [since_start, idle, by_transfer]
    } else {
        [idle, by_transfer, since_start]
    };
    let mut known = all.into_iter().filter_map(|(since, what)| Some((since?, what)));
    let fit = |since: Stamp| timers::of_session(reply.at().age_of(since), named);
    let fitting = known.clone().find_map(|(since, what)| Some((since, what, Some(fit(since)?))));
    fitting.or_else(|| known.next().map(|(since, what)| (since, what, None)))
}

fn is_behind(transfer: &Transfer, ended: &TimedOut<'_>) -> bool {
    transfer.at() > ended.reply.at() && transfer.reply.is_none()
}

/// A command behind that moment that got no answer and is no farewell.
fn unanswered_behind(session: &Session, at: Stamp) -> Option<&Command> {
    let offers = session.offers.iter().map(|offer| (&offer.command, offer.reply.is_none()));
    let exchanges = session.exchanges.iter().map(|exchange| (&exchange.command, exchange.reply.is_none()));
    let unanswered = offers.chain(exchanges).filter(|(command, open)| *open && command.at() > at && command.verb != Verb::Quit);
    unanswered.map(|(command, _)| command).min_by_key(|command| command.no)
}
