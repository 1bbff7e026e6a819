//! `multihomed-single-address`

use std::net::IpAddr;

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::record::Outcome;
use crate::transfer::concluded::Concluded;
use crate::transfer::{Direction, Offer};

/// Other addresses named.
const NAMED: usize = 4;

diagnosis! {
    /// The client has several addresses of its own and names the control connection's one in every PORT, as clients do
    /// by default (Microsoft KB Q149528), but the server cannot reach that address.
    ///
    /// Needs: an address of the client's host beside that of the control connection (one MAC, or one capturing host,
    /// has both); every PORT naming the latter; a transfer that failed because no data connection reached it.
    ///
    /// Refuted by: a PORT with another of its addresses (`port-wrong-interface`); transfers that work.
    ///
    /// This is no fault by itself: it shows that there is another interface, which the server may reach.
    ///
    /// Remedy: at the client connect from the interface that the server reaches, or use passive mode; at the server
    /// allow passive mode; in the network give the server a route to the announced address.
    "multihomed-single-address", Info,
    "a client with several addresses names the same one in every PORT",
    ["Microsoft KB Q149528", "RFC 1122 3.3.4"],
    verdict: never("a habit of the client, no fault"),
    locus: Client,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let client = case.session.client.ip().to_canonical();
    let active = case.session.offers.iter().filter(|offer| offer.direction == Direction::Active);
    let mut named = active.clone().filter_map(|offer| offer.socket).map(|socket| socket.ip().to_canonical());
    let failed = case.all_concluded().iter().find(|one| is_unreached(one));
    let (Some(offer), true, Some(failed)) = (active.clone().next(), named.all(|ip| ip == client), failed) else {
        return Vec::new();
    };
    let others = others(case, client);
    let Some((_, why, frames)) = others.first() else { return Vec::new() };
    let list: Vec<String> = others.iter().take(NAMED).map(|(ip, _, _)| ip.to_string()).collect();
    let message = format!(
        "the client also has {}, but every PORT names {client}, and no data connection gets through to it",
        list.join(", "),
    );
    let reply = failed.transfer.and_then(|transfer| transfer.reply.as_ref());
    vec![
        DIAGNOSIS
            .finding(Confidence::Proven, message, lines::command(case.session, &offer.command))
            .in_session(case.session)
            .support(Evidence::seen_all(frames.clone(), None, why.clone()))
            .support(reply.map(|reply| lines::reply(case.session, reply)))
            .client("Connect from the interface that the server reaches, or use passive mode (EPSV, PASV).")
            .done(),
    ]
}

/// Whether a transfer failed because nothing came through to the announced address.
fn is_unreached(one: &Concluded<'_>) -> bool {
    let active = one.in_force().is_some_and(|offer: &Offer| offer.direction == Direction::Active);
    let tried = one.attempts.iter().any(|attempt| !attempt.is_established());
    active && one.outcome() == Outcome::Failed && one.established().is_none() && tried
}

/// The other addresses of the client's host, why, and the frames that show it.
fn others(case: &SessionCase<'_>, client: IpAddr) -> Vec<(IpAddr, String, Vec<crate::frame::Stamp>)> {
    let mut others = case.network.other_addresses(client);
    others.retain(|(ip, ..)| {
        ip.is_ipv4() == client.is_ipv4() && !matches!(ip, IpAddr::V6(v6) if v6.is_unicast_link_local())
    });
    others
}
