//! `reply-by-middlebox`

use super::case::Case;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::ftp::Reply;

/// Segments of another TTL that a device in between sends at most: its reply, a repeat, its FIN.
const FEW: u32 = 3;

/// Segments of the server's own that tell its TTL.
const MANY: u64 = 6;

diagnosis! {
    /// The failing reply did not come from the server's stack: a proxy, ALG or firewall on the way seems to have spoken in
    /// its name. An FTP64 gateway, for one, may send 425 itself (RFC 6384).
    ///
    /// Needs: a 4yz or 5yz reply to a transfer or endpoint command in a segment whose TTL is two or more hops away from
    /// that of the server's other control segments, and hardly any other segment like it.
    ///
    /// Helps: a 227 or PORT that was rewritten in the same session (`alg-rewrote-port`).
    ///
    /// Refuted by: a TTL that also varies on other segments (several routes); a second capture behind the device that
    /// shows the same reply.
    ///
    /// Confidence: possible from one point.
    ///
    /// Remedy: in the network look at the FTP rules of the devices on the way; at the server capture, to see what it
    /// said itself; at the client use passive mode, or a way around the device.
    "reply-by-middlebox", Warning,
    "the failing reply seems to come from a device on the way and not from the server",
    ["RFC 6384"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let server = case.control.half(case.client_end().peer());
    let own = server.first_ttl?;
    if server.other_ttl_count() > FEW || server.segments < MANY {
        return None;
    }
    let of_transfer = case.transfer.and_then(|transfer| transfer.reply.as_ref());
    let of_offer = case.offer().and_then(|offer| offer.reply.as_ref()).filter(|_| case.transfer.is_none());
    let replies = of_transfer.into_iter().chain(of_offer).filter(|reply| reply.is_failure());
    let (reply, ttl) = replies.into_iter().find_map(|reply| Some((reply, ttl_of(reply, server.other_ttl())?)))?;
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

fn ttl_of(reply: &Reply, others: &[(crate::frame::Stamp, u8)]) -> Option<u8> {
    others.iter().find(|(at, _)| reply.frames.contains(at)).map(|(_, ttl)| *ttl)
}
