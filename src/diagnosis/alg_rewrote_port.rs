//! `alg-rewrote-port`

use super::case::SessionCase;
use super::lines;
use crate::finding::{Confidence, Evidence, Finding};
use crate::ftp::meaning::quoted;
use crate::transfer::{Direction, Offer};

/// Rewritten endpoints cited.
const CITED: usize = 4;

diagnosis! {
    /// A middlebox on the path (the FTP helper of a NAT or firewall) rewrote the endpoint in PORT, EPRT, 227 or 229.
    ///
    /// Needs: the same control connection seen on both sides of the middlebox with different endpoints in the same
    /// command or reply; or a receiver that acknowledges more or fewer bytes than the line had; or, from one side, a
    /// refusal in which the server quotes another address than the command names here (Pure-FTPd, pyftpdlib).
    ///
    /// Helps: a constant shift of the sequence numbers by the change of length; a data SYN to the new endpoint that is
    /// translated back.
    ///
    /// Refuted by: identical bytes; two different sessions.
    ///
    /// Confidence: proven from two sides, probable from the server's text.
    ///
    /// Remedy: none needed while transfers work. Where they do not: in the network update the helper or switch it off;
    /// at the client and the server use EPSV or AUTH TLS, where there is nothing to rewrite.
    "alg-rewrote-port", Info,
    "a middlebox rewrote the announced endpoint",
    ["RFC 3022 4.4", "RFC 6384"],
    verdict: never("a rewrite that leads to the right place does no harm"),
    locus: Server,
    Session(check)
}

fn check(case: &SessionCase<'_>) -> Vec<Finding> {
    let Some(other) = case.session.other_view.as_ref() else {
        return quoted_otherwise(case).or_else(|| renumbered(case)).into_iter().collect();
    };
    if case.session.first >= other.first {
        return Vec::new();
    }
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

/// A line that grew or shrank on the way, where each direction was captured on another side of a NAT: its receiver
/// acknowledges more or less than was sent here.
fn renumbered(case: &SessionCase<'_>) -> Option<Finding> {
    let translated = case.control.translated.as_ref()?;
    let client = case.control.end_of(case.session.client)?;
    [client, client.peer()].into_iter().find_map(|end| {
        let shift = translated.shift(end)?;
        let announces = |offer: &&Offer| (offer.direction == Direction::Active) == (end == client) && offer.at() < shift.since;
        let offer = case.session.offers.iter().filter(announces).max_by_key(|offer| offer.at())?;
        let (line, by) = if end == client { (offer.command.line(), "server") } else { (offer.reply.as_ref()?.line(), "client") };
        let more = if shift.by > 0 { "more" } else { "less" };
        let bytes = shift.by.unsigned_abs();
        let message = format!("a middlebox rewrote {line}: the {by} acknowledges {bytes} {more} than was sent here");
        let said = Evidence::seen(offer.at(), line.clone());
        let note = format!("acknowledges {bytes} {more} bytes");
        Some(DIAGNOSIS.finding(Confidence::Proven, message, said).in_session(case.session).support([Evidence::seen(shift.since, note)]).done())
    })
}

/// A command that the server's refusal quotes with another address than was sent here.
fn quoted_otherwise(case: &SessionCase<'_>) -> Option<Finding> {
    let (offer, reply, named, read) = case.session.offers.iter().find_map(|offer| {
        let reply = offer.reply.as_ref().filter(|_| offer.is_refused())?;
        let read = quoted(reply)?.announced?.to_canonical();
        let named = offer.socket?.ip().to_canonical();
        (read != named).then_some((offer, reply, named, read))
    })?;
    let message = format!("a middlebox rewrote {}: it names {named} here, and the server read {read}", offer.command.name);
    Some(
        DIAGNOSIS
            .finding(Confidence::Probable, message, lines::reply(case.session, reply))
            .in_session(case.session)
            .support([lines::command(case.session, &offer.command)])
            .done(),
    )
}
