//! `capture-no-mac`

use super::case::SessionCase;
use super::{announced, lines};
use crate::finding::{Confidence, Finding};
use crate::flow::End;
use crate::transfer::{Direction, Offer};

diagnosis! {
    /// The packets of this capture have no MAC addresses, and a diagnosis needed them: PORT names another address than
    /// the client's, and with MAC addresses one could see whether both belong to the same host. Captures of raw IP,
    /// PPP, VPN and loopback interfaces have no MAC addresses, and captures on `any` have only the sender's.
    ///
    /// Needs: frames without link addresses, and a PORT with an address that is not the client's.
    ///
    /// What it changes: a wrong interface of the client, a NAT and a third host cannot be told apart by this capture.
    ///
    /// Remedy: capture on an Ethernet interface in the client's own network (`-i eth0`, not a tunnel), so that ARP and
    /// the MAC addresses of the client are included. Or look at the addresses of the client's interfaces (`ip addr`,
    /// `ipconfig /all`).
    "capture-no-mac", Quality,
    "the capture has no MAC addresses, and a diagnosis needed them",
    ["tcpdump(1)"],
    verdict: never("a limit of the capture, no cause"),
    locus: Capture,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let client = case.session.client.ip().to_canonical();
    let has_mac = [End::Origin, End::Target].into_iter().any(|end| case.control.half(end).first_mac.is_some());
    let needs_one = |offer: &&Offer| {
        let named = offer.socket.map(|socket| socket.ip().to_canonical());
        let foreign = named.is_some_and(|named| {
            named != client && named.is_ipv4() == client.is_ipv4() && announced::unusable(named, client).is_none()
        });
        offer.direction == Direction::Active && foreign
    };
    let Some(offer) = case.session.offers.iter().find(needs_one).filter(|_| !has_mac) else { return Vec::new() };
    let message = "this link type has no MAC addresses, so the host of the announced address cannot be identified".to_owned();
    let primary = lines::command(case.session, &offer.command);
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done()]
}
