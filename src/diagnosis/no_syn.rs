//! What `data-syn-never-sent` and `data-syn-not-seen` share: a failed active transfer without any SYN that nothing
//! else explains. They differ in where the capture was taken.

use std::net::SocketAddr;

use super::case::Case;
use super::{
    announced, data_arp_unresolved, held_tuple, reply_by_middlebox, time_wait_collision, time_wait_default_port,
    timers, tuple_still_open,
};
use crate::finding::RuledOut;
use crate::ftp::Reply;

/// How far back an earlier connection could still hold the 5-tuple, in seconds.
pub const HISTORY: f64 = super::two_msl::NOMINAL;

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
    /// What the delay of the reply tells, a sentence part.
    pub hint: String,
}

/// The case, when an active transfer failed for want of a data connection, no SYN was seen, and the 5-tuple's history
/// does not explain it.
pub fn unexplained<'a>(case: &Case<'a>) -> Option<Gone<'a>> {
    let transfer = case.transfer?;
    let reply = transfer.reply.as_ref()?;
    let socket = case.active_offer()?.socket?;
    if !case.is_data_failure()
        || case.was_tried()
        || case.session.other_view.as_ref().is_some_and(|other| other.data_connections > 0)
        || !case.reply_allows_no_syn()
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
    let hint = timers::hint(case)?;
    Some(Gone { command: &transfer.command.name, answer: reply.line(), reply, socket, hint })
}

/// Causes that the tuple's history refutes.
pub fn refuted(case: &Case<'_>) -> Option<RuledOut> {
    held_tuple::why_not(case)
}
