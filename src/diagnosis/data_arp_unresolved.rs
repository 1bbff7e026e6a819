//! `data-arp-unresolved`

use super::case::Case;
use crate::finding::{Confidence, Evidence, Finding, Route};
use crate::transfer::Direction;
use std::net::SocketAddr;

/// Requests that make a case: one may be answered just behind the capture's end.
const REQUESTS: usize = 2;

/// Frames cited.
const CITED: usize = 6;

diagnosis! {
    /// Somebody wanted to reach the announced host and asked for its MAC address, by ARP or neighbour discovery, and nobody
    /// answered.
    ///
    /// Needs: two or more requests for the announced address between command and reply, none answered, no packet from that
    /// address; a transfer that failed by it.
    ///
    /// Helps: requests a second apart and the 425 about three seconds behind the first, `No route to host`; the address is
    /// another interface's, a stale lease, or mistyped.
    ///
    /// Refuted by: an answer, or any packet from that address.
    ///
    /// Remedy: announce an address that exists on that segment; bring the host or its VLAN up.
    "data-arp-unresolved", Error,
    "nobody answers ARP for the announced address",
    ["RFC 826", "RFC 1122 2.3.2", "RFC 4861 7.2"],
    Transfer(check)
}

fn check(case: &Case<'_>) -> Option<Finding> {
    let offer = case.concluded.in_force()?;
    let socket = offer.socket?;
    let failed = case.failed_for_want_of_data() || (case.transfer.is_none() && !case.fell_back());
    if !failed || case.concluded.established().is_some() {
        return None;
    }
    let (from, until) = case.window().unwrap_or((offer.at(), case.session.last));
    let query = case.network.unanswered_queries(socket.ip(), from, until)?;
    if query.asked.len() < REQUESTS {
        return None;
    }
    let who = if offer.direction == Direction::Active { "towards the client" } else { "towards the server" };
    let message = format!(
        "{} asked {} times who has {} ({who}) and nobody answered: the host {} announced is not there",
        query.asker,
        query.asked.len(),
        socket.ip(),
        offer.command.name,
    );
    let frames = query.asked.iter().copied().take(CITED).collect();
    let route = Some(Route { from: SocketAddr::new(query.asker, 0), to: SocketAddr::new(socket.ip(), 0) });
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, Evidence::seen_all(frames, route, format!("who has {}?", socket.ip()))?)
            .about(case)
            .hosts([socket.ip()])
            .support(case.dialogue())
            .client(format!("Announce an address that exists: {} does not answer on its segment.", socket.ip()))
            .network("Bring that host or its VLAN up, or correct the address.")
            .done(),
    )
}
