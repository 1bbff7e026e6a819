//! `alg-rewrote-port`

use super::case::SessionCase;
use crate::finding::{Confidence, Evidence, Finding};

/// Rewritten endpoints cited.
const CITED: usize = 4;

diagnosis! {
    /// A middlebox on the way (the FTP helper of a NAT or firewall) rewrote the endpoint in PORT, EPRT, 227 or 229.
    ///
    /// Needs: the same control connection seen on both sides of the middlebox with different endpoints in the same
    /// command or reply. From one side alone it cannot be told.
    ///
    /// Helps: a constant shift of the sequence numbers by the change of length; a data SYN to the new endpoint that is
    /// translated back.
    ///
    /// Refuted by: identical bytes; two different sessions.
    ///
    /// Remedy: none needed while transfers work.
    "alg-rewrote-port", Info,
    "a middlebox rewrote the announced endpoint",
    ["RFC 3022 4.4", "RFC 6384"],
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let Some(other) = case.session.other_view.as_ref().filter(|other| case.session.first < other.first) else {
        return Vec::new();
    };
    let rewritten: Vec<_> = case
        .session
        .offers
        .numbered()
        .filter_map(|(number, own)| Some((own, other.offers.get(&number)?)))
        .filter_map(|(own, other)| Some((own, own.socket?, other.socket?, other.at)))
        .filter(|(_, own, other, _)| own != other)
        .collect();
    let Some((offer, own, new, at)) = rewritten.first().copied() else { return Vec::new() };
    let message = format!("a middlebox rewrote {} from {own} to {new}", offer.command.name);
    let support = rewritten.iter().skip(1).take(CITED).flat_map(|(offer, own, new, at)| {
        [Evidence::seen(offer.at(), format!("names {own} here")), Evidence::seen(*at, format!("names {new} there"))]
    });
    vec![
        DIAGNOSIS
            .finding(Confidence::Proven, message, Evidence::seen(offer.at(), format!("names {own} here")))
            .in_session(case.session)
            .support([Evidence::seen(at, format!("names {new} on the other side"))])
            .support(support)
            .done(),
    ]
}
