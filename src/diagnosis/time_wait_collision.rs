//! `time-wait-collision`

use super::case::Case;
use super::{lines, two_msl};
use crate::finding::{Cap, Confidence, Evidence, Finding};
use crate::flow::{Close, End, Holder};
use crate::ftp::texts::Condition;
use crate::record::Outcome;
use crate::transfer::concluded::Earlier;

diagnosis! {
    /// The server refused, locally and without sending anything, to open the data connection, because its own
    /// previous connection on that exact 5-tuple (its address and data port, the client's address and PORT port) is
    /// still in TIME-WAIT.
    ///
    /// The end that closes a TCP connection first holds it in TIME-WAIT for 2MSL: 240 s by the RFC and on Windows NT,
    /// 120 s on later Windows, 60 s on Linux and the BSDs, 30 s on macOS. After RETR and LIST that end is the server. A
    /// client that announces the same port again within that time asks the server for a tuple it may not use yet; its
    /// connect() fails at once and it answers 425.
    ///
    /// Needs: an accepted PORT or EPRT; a transfer command answered 425 (or another 4yz/5yz that speaks of a local
    /// address); an earlier connection on the same 5-tuple, completely closed, the server holding TIME-WAIT by the
    /// acknowledgement numbers of the FINs, no RST behind it; an age inside 2MSL; no data SYN between command and
    /// reply; a capture point that would have shown that SYN.
    ///
    /// Helps: a reply that says `Address already in use` or `Cannot assign requested address`; retries every 5 s or
    /// 1 s before the 425; success with a fresh port in between; success on the tuple once 2MSL has passed.
    ///
    /// Refuted by: any data SYN in the window; a RST on the old connection; a client that closed first; an age above
    /// 300 s; another source port or address of the server; the tuple reused with success at a younger age.
    ///
    /// A Linux server recycles its own TIME-WAIT when the old connection used TCP timestamps, so there the finding is
    /// one level less sure.
    ///
    /// Remedy: the client lets its system pick the port and sends a new one with every PORT, or uses EPSV/PASV; the
    /// server uses a data port other than 20, enables TCP timestamps (Linux), or lowers TcpTimedWaitDelay (Windows).
    "time-wait-collision", Error,
    "the server still holds the 5-tuple of the data connection in TIME-WAIT",
    ["Q129395", "RFC 959 3.3", "RFC 1122 4.2.2.13", "RFC 1123 4.1.2.5", "RFC 9293 3.6.1"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let transfer = case.transfer?;
    let offer = case.active_offer().filter(|offer| offer.accepted() == Some(true))?;
    let socket = offer.socket?;
    let meaning = case.meaning();
    if !case.is_data_failure() || !case.concluded.attempts.is_empty() || speaks_of_something_else(case) {
        return None;
    }
    let earlier = case.concluded.earlier.as_ref()?;
    let Close::TimeWait { holder, since, assassinated, gapless } = earlier.close else { return None };
    if !holder.includes(End::Origin) || reused_younger(case, earlier) {
        return None;
    }
    let age = transfer.at().seconds_since(since);
    let family = case.session.software.family();
    let bite = two_msl::bite(age, case.policy.time_wait, family)?;

    let local_words = meaning.is_some_and(|meaning| meaning.condition == Condition::LocalAddressError);
    let by_server = case.would_show_server_syn();
    let fresh_works = fresh_port_worked(case);
    let confidence = match (by_server, local_words || fresh_works) {
        (true, true) => Confidence::Proven,
        (true, false) => Confidence::Probable,
        (false, _) if local_words => Confidence::Probable,
        (false, _) => Confidence::Possible,
    };
    let mut caps: Vec<Cap> = case.absence_caps();
    caps.extend(bite.cap(age));
    if !by_server {
        let ceiling = if local_words { Confidence::Probable } else { Confidence::Possible };
        let why = "this capture was not taken at the server: a SYN may have been lost before it got here".to_owned();
        caps.push(Cap { diagnosis: "data-syn-not-seen", ceiling, why });
    }
    if assassinated.is_some() {
        let why = "a RST followed the close, which ends TIME-WAIT on Linux (RFC 1337)".to_owned();
        caps.push(Cap { diagnosis: "tuple-still-open", ceiling: Confidence::Possible, why });
    }
    if !gapless {
        let why = "bytes of the earlier connection are missing, so who closed first is less sure".to_owned();
        caps.push(Cap { diagnosis: "capture-gap", ceiling: Confidence::Possible, why });
    }
    if earlier.connection.from_origin.timestamps && earlier.connection.from_target.timestamps {
        let why = "the earlier connection used TCP timestamps, with which Linux recycles TIME-WAIT at once".to_owned();
        let ceiling = if confidence == Confidence::Proven { Confidence::Probable } else { Confidence::Possible };
        caps.push(Cap { diagnosis: "time-wait-reuse-accepted", ceiling, why });
    }

    let holds = match holder {
        Holder::One(_) => "the server, which closed it first, holds",
        Holder::Both => "both ends closed at once, so the server too holds",
    };
    let from = earlier.connection.origin;
    let message = format!(
        "the server did not open {from} -> {socket} because the previous connection on that 5-tuple ended {age:.1} s before: {holds} it in TIME-WAIT"
    );
    let reply = transfer.reply.as_ref()?;
    let primary = lines::reply(case.session, reply);
    let mut finding = DIAGNOSIS
        .finding(confidence, message, primary)
        .about(case)
        .support(case.dialogue())
        .support(case.no_syn())
        .support(lines::close(earlier.connection))
        .support([Evidence::sent(since, from, socket, "last ACK of the earlier connection: TIME-WAIT begins")])
        .caps(caps)
        .rule_out("data-syn-unanswered", "no data SYN lies between the command and the reply")
        .rule_out("data-syn-refused", "no RST came from the client: nothing was sent to it")
        .rule_out("tuple-still-open", "both FINs of the earlier connection were acknowledged")
        .client("Let the system pick the data port and announce a new one with every PORT, or use passive mode (EPSV, PASV).")
        .server("Send data from a port other than 20, or enable TCP timestamps on both ends (Linux); on Windows lower TcpTimedWaitDelay.");
    if !by_server && !local_words {
        finding = finding
            .or("data-syn-not-seen", "a capture at the server shows whether a SYN left it");
    }
    Some(finding.done())
}

/// A reply that names another cause.
fn speaks_of_something_else(case: &Case<'_>) -> bool {
    case.meaning().is_some_and(|meaning| {
        !matches!(meaning.condition, Condition::LocalAddressError | Condition::ConnectFailed | Condition::ServerError)
    })
}

/// Whether the same tuple was opened again with success at a younger age: then TIME-WAIT does not bite there.
fn reused_younger(case: &Case<'_>, earlier: &Earlier<'_>) -> bool {
    let Close::TimeWait { since, .. } = earlier.close else { return false };
    let Some(transfer) = case.transfer else { return false };
    let age = transfer.at().seconds_since(since);
    case.flows.history(&earlier.connection.key).any(|later| {
        later.established.is_some_and(|_| {
            later.previous.and_then(|id| case.flows.connection(id)).is_some_and(|before| match before.close() {
                Close::TimeWait { since, holder, .. } => {
                    holder.includes(End::Origin) && later.first.seconds_since(since) < age && later.first > since
                }
                Close::Open | Close::Half { .. } | Close::Reset { .. } => false,
            })
        })
    })
}

/// Whether another transfer of the session, with a port of its own, worked behind the earlier connection.
fn fresh_port_worked(case: &Case<'_>) -> bool {
    let socket = case.offer().and_then(|offer| offer.socket);
    let failures = case
        .siblings
        .iter()
        .filter(|one| one.outcome() == Outcome::Failed && one.offer.and_then(|offer| offer.socket) == socket)
        .count();
    failures >= 2
        && case.siblings.iter().any(|one| {
            one.outcome() == Outcome::Completed
                && one.offer.is_some_and(|offer| offer.socket != socket)
                && one.transfer.is_some_and(|transfer| case.concluded.earlier.is_some_and(|e| transfer.at() > e.connection.last))
        })
}

/// Whether it holds for the case.
pub fn holds(case: &Case<'_>) -> bool {
    check(case).is_some()
}
