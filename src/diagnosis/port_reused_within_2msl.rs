//! `port-reused-within-2msl`

use super::case::Case;
use super::two_msl;
use super::{time_wait_tuple, lines, time_wait_collision, time_wait_reuse_accepted, tuple_still_open};
use crate::facts::{Answer, Moment, Tuple};
use crate::finding::{Confidence, Finding, Party};
use crate::flow::{Close, Connection, End};
use crate::frame::Stamp;
use crate::record::Outcome;

/// Reuses in one session that make a client which counts its ports round.
const A_HABIT: usize = 2;

diagnosis! {
    /// The client announces a port whose 5-tuple was closed less than 2MSL ago, or reuses its own ports in turn within
    /// 2MSL, and the server is in TIME-WAIT for it: the next transfer will probably collide.
    ///
    /// Needs: an accepted PORT or EPRT; an earlier connection from the server's data port to the same socket,
    /// completely closed, with the server in TIME-WAIT; an age within 2MSL (240 s by the RFC, or `--time-wait`); an
    /// outcome that is not known yet, or two such reuses in one session that went well on this server.
    ///
    /// Refuted by: facts of the server (`--facts`) whose complete table of TIME-WAIT does not have it, or whose kernel is
    /// Linux and would reuse the tuple, because both ends used TCP timestamps; a server whose data source port is
    /// ephemeral (the tuple differs). Once the outcome is known, `time-wait-collision` or `time-wait-reuse-accepted`
    /// takes its place.
    ///
    /// Confidence: proven within the 60 s of common systems; after that possible or, on a Windows server, probable.
    ///
    /// Remedy: at the client let the system pick the port, or use a range so large that no port repeats within 2MSL; at
    /// the server send data from a port other than 20; in the network nothing.
    "port-reused-within-2msl", Warning,
    "the client announces a port again while the server may still have its 5-tuple in TIME-WAIT",
    ["Microsoft KB Q129395", "RFC 959 3.3", "RFC 1123 4.1.2.5"],
    verdict: never("it warns before the outcome is known, and gives way to what the outcome is"),
    locus: Announced,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    // Said before the reply comes: an offer that is not answered yet counts, unless replies are not captured at all.
    let replies = case.control.half(case.client_end().peer()).segments > 0;
    let offer = case.active_offer().filter(|offer| offer.accepted().unwrap_or(replies))?;
    let (previous, since) = reused(case)?;
    let pending = case.concluded.attempts.is_empty() && !matches!(case.concluded.outcome(), Outcome::Completed | Outcome::Failed);
    let known = time_wait_collision::holds(case) || time_wait_reuse_accepted::holds(case) || tuple_still_open::holds(case);
    if known || !(pending || case.concluded.outcome() == Outcome::Completed && is_habit(case)) {
        return None;
    }
    let moment = Moment { closed: Some(since.time), wanted: offer.at().time, is_here: case.vantage.is_here(Party::Server) };
    let kernel = case.policy.facts.tuple(previous.origin, previous.target, moment);
    if kernel.says() == Some(&Tuple::Free) || is_recycled(case, previous) {
        return None;
    }
    let age = offer.at().age_of(since);
    let bite = two_msl::bite_of_server(case, age)?;
    let message = format!(
        "the client announces {} again {age:.1} s after the server closed {} -> {} (frame {}): TIME-WAIT lasts {}",
        previous.target, previous.origin, previous.target, since.number, bite.lasts,
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
            .about(case)
            .support(lines::close(previous))
            .host(kernel.said())
            .host(recycling(case).said())
            .caps(bite.cap(age))
            .client("Let the system pick the data port, or use a range so large that no port repeats within 2MSL, or use passive mode.")
            .server("Send data from a port other than 20 (vsftpd: connect_from_port_20=NO).")
            .network("Nothing to change in the network: the server itself has the 5-tuple in TIME-WAIT.")
            .done(),
    )
}

/// Whether the server's kernel is known to use the tuple of a connection again at once: Linux does where both ends used
/// TCP timestamps (RFC 6191).
fn is_recycled(case: &Case<'_>, previous: &Connection) -> bool {
    let is_linux = case.policy.facts.time_wait(case.session.server.ip(), case.session.last.time).says().is_some();
    is_linux && previous.from_origin.timestamps && previous.from_target.timestamps
}

/// Whether the server's kernel uses TCP timestamps, with which it would use a tuple in TIME-WAIT again.
fn recycling(case: &Case<'_>) -> Answer<u32> {
    let (server, at) = (case.session.server.ip(), case.session.last.time);
    case.policy.facts.setting(server, "net.ipv4.tcp_timestamps", at)
}

/// The connection whose tuple is announced again while the server holds it, and since when.
fn reused<'a>(case: &Case<'a>) -> Option<(&'a Connection, Stamp)> {
    let offer = case.active_offer()?;
    let previous = match case.concluded.attempts.first() {
        Some(attempt) => attempt.previous?,
        None => time_wait_tuple::active(case)?.connection,
    };
    let Close::TimeWait { holder, since, .. } = previous.close_before(offer.at()) else { return None };
    let by_data_port = previous.origin.port() == case.session.default_data_port();
    let inside = offer.at().age_of(since) <= case.policy.time_wait.unwrap_or(two_msl::NOMINAL);
    (by_data_port && inside && holder.includes(End::Origin)).then_some((previous, since))
}

fn is_habit(case: &Case<'_>) -> bool {
    case.siblings.is_habit(|all| {
        let again = all.iter().filter(|one| reused(&Case { concluded: one, ..*case }).is_some());
        again.take(A_HABIT).count() == A_HABIT
    })
}
