//! What `data-syn-never-sent` and `data-syn-not-seen` share: a failed active transfer without any SYN that nothing
//! else explains. They differ in where the capture was taken.

use std::net::SocketAddr;

use super::case::Case;
use super::{announced, time_wait_collision, tuple_still_open};
use crate::ftp::Reply;

/// How far back an earlier connection could still hold the 5-tuple, in seconds.
pub const HISTORY: f64 = 240.0;

/// A reply faster than a round trip and this many seconds cannot follow a SYN that was silently dropped: a stack
/// retries for a second at least.
const FAST: f64 = 0.2;

/// Seconds after which known programs give up: wu-ftpd and the BSDs bind and connect loops, vsftpd's and others'
/// timeouts.
const TIMERS: [(f64, &str); 7] = [
    (3.0, "three unanswered ARP requests"),
    (5.0, "one retry of a BSD server"),
    (30.0, "a 30 s connect timeout"),
    (55.0, "the bind retries of a BSD server"),
    (60.0, "a 60 s connect timeout"),
    (90.0, "the connect retries of a BSD server"),
    (120.0, "a 120 s connect timeout"),
];

/// A failed transfer whose data SYN is nowhere.
pub struct Gone<'a> {
    /// The transfer command's verb.
    pub command: &'a str,
    /// The reply's code and text.
    pub answer: String,
    /// The reply.
    pub reply: &'a Reply,
    /// The announced endpoint.
    pub socket: SocketAddr,
    /// Seconds from command to reply.
    delay: f64,
}

impl Gone<'_> {
    /// What the delay of the reply tells.
    pub fn hint(&self, case: &Case<'_>) -> String {
        let rtt = case.control.handshake_rtt().map_or(0.0, |(out, back)| out + back);
        let delay = self.delay;
        if delay < rtt + FAST {
            return format!("the reply came after {:.0} ms, too fast for a SYN that was silently dropped", delay * 1e3);
        }
        TIMERS.iter().find(|(seconds, _)| (delay - seconds).abs() < 0.2 + seconds * 0.02).map_or_else(
            || format!("the reply came after {delay:.1} s"),
            |(_, name)| format!("the reply came after {delay:.1} s, which fits {name}"),
        )
    }
}

/// The case, when an active transfer failed for want of a data connection, no SYN was seen, and the 5-tuple's history
/// does not explain it.
pub fn unexplained<'a>(case: &Case<'a>) -> Option<Gone<'a>> {
    let transfer = case.transfer?;
    let reply = transfer.reply.as_ref()?;
    let socket = case.active_offer()?.socket?;
    if !case.is_data_failure()
        || !case.shows_data()
        || !case.concluded.attempts.is_empty()
        || case.session.other_view.as_ref().is_some_and(|other| other.data_connections > 0)
        || !case.reply_allows_no_syn()
        || announced::has_malformed_offer(case)
        || time_wait_collision::holds(case)
        || tuple_still_open::holds(case)
    {
        return None;
    }
    Some(Gone {
        command: &transfer.command.name,
        answer: reply.line(),
        reply,
        socket,
        delay: transfer.delay().unwrap_or_default(),
    })
}
