//! What `data-syn-never-sent` and `data-syn-not-seen` share: a failed active transfer without any SYN that nothing
//! else explains. They differ in where the capture was taken.

use std::net::SocketAddr;

use super::case::Case;
use super::{
    announced, data_arp_unresolved, lines, reply_by_middlebox, time_wait_collision, time_wait_default_port,
    time_wait_tuple, timers, tuple_still_open,
};
use crate::finding::{Evidence, RuledOut};
use crate::frame::Interval;

/// How far back an earlier connection could still hold the 5-tuple.
pub const HISTORY: Interval = super::two_msl::NOMINAL;

/// An active transfer that failed, or a PORT that a server answered after its own attempt, whose data SYN is nowhere.
pub struct Gone {
    /// What failed and how that showed, a sentence part: `LIST failed (425 …)`.
    pub story: String,
    /// Where it showed.
    pub primary: Evidence,
    /// The announced endpoint.
    pub socket: SocketAddr,
    /// What the delay of the reply tells, a sentence part.
    pub hint: String,
}

/// The case, when an active transfer failed for want of a data connection, no SYN was seen, and the 5-tuple's history
/// does not explain it.
pub fn unexplained(case: &Case<'_>) -> Option<Gone> {
    let socket = case.active_offer()?.socket?;
    if !case.is_data_failure()
        || case.was_tried()
        || case.session.other_view.as_ref().is_some_and(|other| other.data_connections > 0)
        || reply_by_middlebox::is_certain(case)
        || announced::has_malformed_offer(case)
        || time_wait_collision::holds(case)
        || time_wait_default_port::holds(case)
        || tuple_still_open::holds(case)
        || data_arp_unresolved::holds(case)
        || !case.shows_data()
    {
        return None;
    }
    let command = case.transfer().map(|transfer| &transfer.command).or(case.offer().map(|offer| &offer.command))?;
    if let Some((asked, reply)) = case.report() {
        let failed = format!("{} failed ({})", asked.name, reply.line());
        return case.reply_allows_no_syn().then_some(Gone {
            story: failed,
            primary: lines::reply(case.session, reply),
            socket,
            hint: timers::hint(case)?,
        });
    }
    Some(Gone {
        story: format!("the client gave {} up ({})", command.name, case.left()?.how),
        primary: case.departure()?,
        socket,
        hint: format!("the client had waited for {:.1} s", case.waited()?),
    })
}

/// Causes that the tuple's history refutes.
pub fn refuted(case: &Case<'_>) -> Option<RuledOut> {
    time_wait_tuple::why_not(case)
}
