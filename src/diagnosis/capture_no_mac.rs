//! `capture-no-mac`

use super::case::SessionCase;
use super::{announced, lines};
use crate::finding::{Confidence, Finding};
use crate::flow::End;
use crate::transfer::{Direction, Offer};

diagnosis! {
    /// The link type of the capture has no MAC addresses, and a rule needed one.
    ///
    /// Needs: frames without link addresses (raw IP, PPP, loopback), and a PORT that names another address than the
    /// client's: whether that is another interface of the same host could have been told by its MAC.
    ///
    /// Remedy: capture on an Ethernet interface next to the client.
    "capture-no-mac", Quality,
    "the capture has no MAC addresses, and a rule needed one",
    [],
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
    let message = "this link type has no MAC addresses: whose the announced address is cannot be told by them".to_owned();
    let primary = lines::command(case.session, &offer.command);
    vec![DIAGNOSIS.finding(Confidence::Proven, message, primary).in_session(case.session).done()]
}
