//! `reply-by-middlebox`

use super::case::Case;
use super::{crossing, lines};
use crate::finding::{Confidence, Evidence, Finding};
use crate::flow::{Crossing, Denied};
use crate::frame::{Interval, Stamp, Timestamp};
use crate::ftp::{Command, Reply};
use crate::transfer::OtherView;

/// Segments of another TTL that a device in between sends at most: its reply, a repeat, its FIN.
const FEW: u32 = 3;

/// Segments of the server's own that tell its TTL.
const MANY: u64 = 6;

/// A reply is seen on the server's side at most this long before or behind it is seen on the client's.
const SAME_MOMENT: Interval = Interval::millis(500);

diagnosis! {
    /// The failure reply probably did not come from the server: a proxy, ALG or firewall on the path sent it instead.
    /// An FTP64 gateway, for example, may send 425 itself (RFC 6384).
    ///
    /// Needs: both sides of a NAT in one capture, and a 4xx or 5xx reply to a transfer or endpoint command on the
    /// client's side that the server's side does not show, although the capture has everything that both ends sent
    /// there, and the server continued.
    ///
    /// Or both sides of a router, firewall or bridge, such a reply that leaves on the client's side, directly after
    /// what was seen on both, and never comes in on the server's, and a later segment of the server that contradicts it
    /// there: other bytes with the same sequence numbers, a FIN that begins where the reply does, or an acknowledgement
    /// that does so half a second later. That the reply does not come in is not enough: the capture may have lost it,
    /// or it took another path, but then the server's sequence numbers include it.
    ///
    /// Or, from one side: such a reply in a segment whose TTL is two or more hops away from that of the server's other
    /// control segments, and almost no other segment with that TTL.
    ///
    /// Helps: a 227 or PORT that was rewritten in the same session (`alg-rewrote-port`).
    ///
    /// Refuted by: a TTL that also varies on other segments (several routes); the same reply on the server's side,
    /// whenever it was recorded there, or other text of the server there within half a second, which may be that reply
    /// with other numbers; sequence numbers of the server that include it; missing bytes or dropped packets, which may
    /// hide it there.
    ///
    /// Confidence: proven from both sides, possible from one.
    ///
    /// Traps: where segments are cut differently on both sides (GRO, TSO), or pass in a different order of time,
    /// nothing is reported.
    ///
    /// Remedy: in the network look at the FTP rules of the devices on the path; at the server capture, to see what it
    /// sent itself; at the client use passive mode, or a path that avoids the device.
    "reply-by-middlebox", Warning,
    "the failure reply seems to come from a device on the path, not from the server",
    ["RFC 6384"],
    verdict: ForgedReply,
    locus: Server,
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    if let Some(finding) = from_both_sides(case) {
        return Some(finding);
    }
    let server = case.control.half(case.client_end().peer());
    let own = server.first_ttl?;
    if server.other_ttl_count() > FEW || server.segments < MANY {
        return None;
    }
    let (reply, ttl) = failing(case).find_map(|(_, reply)| Some((reply, ttl_of(reply, server.other_ttl())?)))?;
    let failing_only = server.other_ttl().iter().all(|(at, _)| *at >= reply.frames.first());
    if !failing_only {
        return None;
    }
    let message = format!(
        "the reply {} arrived with TTL {ttl} while the server's other segments have {own}: a device on the path may have sent it",
        reply.line(),
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Possible, message, lines::reply(case.session, reply))
            .about(case)
            .support(server.first.map(|at| Evidence::seen(at, format!("the server's first segment, TTL {own}"))))
            .network("Look at the FTP rules (ALG, proxy, inspection) of the devices between client and server.")
            .server("Capture at the server to see whether the server sent it.")
            .client("Use passive mode, or another path to the server that avoids the device.")
            .done(),
    )
}

/// The failing replies to the transfer or, failing that, to the endpoint command, each with the command.
fn failing<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a Command, &'a Reply)> {
    let of_transfer = case.transfer().and_then(|transfer| Some((&transfer.command, transfer.reply.as_ref()?)));
    let of_offer = case.offer().filter(|_| case.transfer().is_none());
    let of_offer = of_offer.and_then(|offer| Some((&offer.command, offer.reply.as_ref()?)));
    of_transfer.into_iter().chain(of_offer).filter(|(_, reply)| reply.is_failure())
}

/// Whether both sides show that the server never said it.
pub fn is_certain(case: &Case<'_>) -> bool {
    unsaid(case).is_some()
}

/// A reply that the client got and the server did not send.
struct Unsaid<'a> {
    command: &'a Command,
    reply: &'a Reply,
    shown: Shown<'a>,
}

/// How both sides show it.
enum Shown<'a> {
    /// They are a NAT's: up to this frame of the server the far one does not show the reply.
    Translated(Stamp),
    /// They are a router's or bridge's: it does not come in where the server's segments do, and the server denies it there.
    Forwarded(&'a Crossing, &'a Denied),
}

fn unsaid<'a>(case: &Case<'a>) -> Option<Unsaid<'a>> {
    let whole = case.control.from_origin.gaps().is_empty() && case.control.from_target.gaps().is_empty();
    if !whole || case.scene.lacks().is_some() {
        return None;
    }
    let (command, reply) = failing(case).next()?;
    let shown = match &case.session.other_view {
        Some(other) => Shown::Translated(translated(case, other, command, reply)?),
        None => forwarded(case, reply)?,
    };
    Some(Unsaid { command, reply, shown })
}

/// A later frame of the server on its side, which does not show the reply.
fn translated(case: &Case<'_>, other: &OtherView, command: &Command, reply: &Reply) -> Option<Stamp> {
    if !crossing::is_client_side(case, other) || !other.is_whole {
        return None;
    }
    let later = other.server_last.filter(|last| last.since(reply.at()) > SAME_MOMENT)?;
    let (asked, got) = (command.at().time, reply.at().time);
    let before = |(code, at): &(u16, Timestamp)| {
        *code < reply.code || *code == reply.code && at.since(asked) < -SAME_MOMENT
    };
    let next = other.failures.get(other.failures.partition_point(before));
    let said = next.is_some_and(|(code, at)| *code == reply.code && got.since(*at) >= -SAME_MOMENT);
    (!said).then_some(later)
}

/// What is seen of the reply where the server's segments come in and leave. That the client's go the other way tells that
/// the sides were not confused by clocks that differ, or by a device that sets the TTL.
fn forwarded<'a>(case: &Case<'a>, reply: &Reply) -> Option<Shown<'a>> {
    let (client, server) = (case.control.half(case.client_end()), case.control.half(case.client_end().peer()));
    let (there, back) = (client.crossing()?, server.crossing()?);
    let denied = server.denied().iter().find(|denied| reply.frames.first() == denied.at)?;
    ((there.from, there.to) == (back.to, back.from)).then_some(Shown::Forwarded(back, denied))
}

fn from_both_sides(case: &Case<'_>) -> Option<Finding> {
    let Unsaid { command, reply, shown } = unsaid(case)?;
    let (how, support) = match shown {
        Shown::Translated(later) => (
            "the server's side of this NAT shows no such reply: a device between both sides sent it".to_owned(),
            vec![Evidence::missing(command.at(), later, format!("no reply {} on the server's side", reply.code))],
        ),
        Shown::Forwarded(usual, denied) => told(case, command, reply, usual, denied),
    };
    let message = format!("the client got {} to {}, but {how}", reply.line(), command.marked_name());
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .support([lines::command(case.session, command)])
            .support(support)
            .network("Look at the FTP rules (ALG, proxy, inspection) of the device between both interfaces.")
            .server("Nothing to change: the server never sent that reply.")
            .client("Use passive mode, or another path to the server that avoids the device.")
            .done(),
    )
}

/// What happened, a clause, and what shows it.
fn told(
    case: &Case<'_>,
    command: &Command,
    reply: &Reply,
    usual: &Crossing,
    denied: &Denied,
) -> (String, Vec<Evidence>) {
    let [inward, outward] = crossing::places(case, [Some(usual.from), Some(usual.to)]);
    let (server, client) = (case.session.server, case.session.client);
    let (goes_on, note) = if denied.otherwise {
        ("sent something else there with the same sequence numbers", "other bytes of the server with the same sequence numbers")
    } else {
        ("continues there as if it had sent no reply", "the server's next byte has the sequence number where that reply begins")
    };
    let support = vec![
        Evidence::sent(usual.first[0], server, client, format!("the server's segments come in {inward}")),
        Evidence::seen(usual.first[1], format!("and leave {outward}")),
        Evidence::missing(command.at(), denied.by, format!("no reply {} comes in {inward}", reply.code)),
        Evidence::sent(denied.by, server, client, format!("{inward}: {note}")),
    ];
    let how = format!("it left {outward} and never came in {inward}, and the server {goes_on}: a device on the path sent it");
    (how, support)
}

fn ttl_of(reply: &Reply, others: &[(crate::frame::Stamp, u8)]) -> Option<u8> {
    others.iter().find(|(at, _)| reply.frames.contains(at)).map(|(_, ttl)| *ttl)
}
