//! `reply-by-middlebox`

use super::case::Case;
use super::{crossing, lines};
use crate::finding::{Confidence, Evidence, Finding};
use crate::frame::Stamp;
use crate::ftp::{Command, Reply};

/// Segments of another TTL that a device in between sends at most: its reply, a repeat, its FIN.
const FEW: u32 = 3;

/// Segments of the server's own that tell its TTL.
const MANY: u64 = 6;

/// A reply is seen on the server's side at most this long before or behind it is seen on the client's, in seconds.
const SAME_MOMENT: f64 = 0.5;

diagnosis! {
    /// The failing reply did not come from the server's stack: a proxy, ALG or firewall on the way seems to have spoken in
    /// its name. An FTP64 gateway, for one, may send 425 itself (RFC 6384).
    ///
    /// Needs: both sides of a NAT in one capture, and a 4yz or 5yz reply to a transfer or endpoint command on the client's
    /// side that the server's side does not show, although it holds all that both ends said there, and the server spoke on.
    ///
    /// Or, from one side: such a reply in a segment whose TTL is two or more hops away from
    /// that of the server's other control segments, and hardly any other segment like it.
    ///
    /// Helps: a 227 or PORT that was rewritten in the same session (`alg-rewrote-port`).
    ///
    /// Refuted by: a TTL that also varies on other segments (several routes); the same reply on the
    /// server's side; missing bytes or dropped packets, which may hide it there.
    ///
    /// Confidence: proven from both sides, possible from one.
    ///
    /// Remedy: in the network look at the FTP rules of the devices on the way; at the server capture, to see what it
    /// said itself; at the client use passive mode, or a way around the device.
    "reply-by-middlebox", Warning,
    "the failing reply seems to come from a device on the way and not from the server",
    ["RFC 6384"],
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
    let failing_only = server.other_ttl().iter().all(|(at, _)| *at >= reply.frames[0]);
    if !failing_only {
        return None;
    }
    let message = format!(
        "the reply {} arrived with TTL {ttl} while the server's other segments have {own}: a device on the way may have sent it",
        reply.line(),
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Possible, message, lines::reply(case.session, reply))
            .about(case)
            .support(server.first.map(|at| Evidence::seen(at, format!("the server's first segment, TTL {own}"))))
            .network("Look at the FTP rules (ALG, proxy, inspection) of the devices between client and server.")
            .server("Capture at the server to see whether it said so itself.")
            .client("Use passive mode, or another way to the server that does not pass the device.")
            .done(),
    )
}

/// The failing replies to the transfer or, failing that, to the endpoint command, each with the command.
fn failing<'a>(case: &Case<'a>) -> impl Iterator<Item = (&'a Command, &'a Reply)> {
    let of_transfer = case.transfer.and_then(|transfer| Some((&transfer.command, transfer.reply.as_ref()?)));
    let of_offer = case.offer().filter(|_| case.transfer.is_none());
    let of_offer = of_offer.and_then(|offer| Some((&offer.command, offer.reply.as_ref()?)));
    of_transfer.into_iter().chain(of_offer).filter(|(_, reply)| reply.is_failure())
}

/// Whether both sides show that the server never said it.
pub fn is_certain(case: &Case<'_>) -> bool {
    unsaid(case).is_some()
}

/// The reply that the client got and the server did not send, the command, and a later frame of the server on its side.
fn unsaid<'a>(case: &Case<'a>) -> Option<(&'a Command, &'a Reply, Stamp)> {
    let other = case.session.other_view.as_ref()?;
    let whole = case.control.from_origin.gaps().is_empty() && case.control.from_target.gaps().is_empty();
    if !crossing::is_client_side(case, other) || !whole || !other.is_whole || case.scene.dropped() > 0 {
        return None;
    }
    let (command, reply) = failing(case).next()?;
    let later = other.server_last.filter(|last| last.seconds_since(reply.at()) > SAME_MOMENT)?;
    let meanwhile = |at: Stamp| {
        at.seconds_since(command.at()) >= -SAME_MOMENT && reply.at().seconds_since(at) >= -SAME_MOMENT
    };
    let said = other.failures.iter().any(|(at, code)| *code == reply.code && meanwhile(*at));
    (!said).then_some((command, reply, later))
}

fn from_both_sides(case: &Case<'_>) -> Option<Finding> {
    let (command, reply, later) = unsaid(case)?;
    let message = format!(
        "the client got {} to {}, but the server's side of this NAT shows no such reply: a device between both sides said it",
        reply.line(),
        command.name,
    );
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::reply(case.session, reply))
            .about(case)
            .support([lines::command(case.session, command)])
            .support([Evidence::missing(command.at(), later, format!("no reply {} on the server's side", reply.code))])
            .network("Look at the FTP rules (ALG, proxy, inspection) of the device between both interfaces.")
            .server("Nothing to change: the server never sent that reply.")
            .client("Use passive mode, or another way to the server that does not pass the device.")
            .done(),
    )
}

fn ttl_of(reply: &Reply, others: &[(crate::frame::Stamp, u8)]) -> Option<u8> {
    others.iter().find(|(at, _)| reply.frames.contains(at)).map(|(_, ttl)| *ttl)
}
