//! Whose address a PORT or EPRT names, decided once for all `port-*` diagnoses so that two of them never hold.

use std::net::{IpAddr, SocketAddr};

use super::case::Case;
use super::port_nat_unrewritten;
use crate::facts::Answer;
use crate::finding::{Alternative, Confidence, Evidence, Severity};
use crate::frame::Stamp;
use crate::ftp::meaning::quoted;
use crate::ftp::texts::Condition;
use crate::network::SameHost;
use crate::transfer::attempt::Aim;
use crate::transfer::{Direction, Offer};

/// Whose an announced address is.
#[derive(Clone, Debug)]
pub enum Whose {
    /// The control connection's client.
    Clients,
    /// Nobody's that a server could reach: what is wrong with it, in words.
    Unusable(&'static str),
    /// Another address of the client's host.
    OtherInterface {
        /// How sure.
        confidence: Confidence,
        /// Why.
        why: String,
        /// The frames that show it.
        evidence: Vec<Evidence>,
    },
    /// A private address behind a NAT that did not rewrite the command.
    BehindNat {
        /// How sure.
        confidence: Confidence,
    },
    /// Another host.
    ThirdParty {
        /// How sure.
        confidence: Confidence,
        /// Why.
        why: String,
        /// The frames that show it.
        evidence: Vec<Evidence>,
        /// Another session in which that host was told to listen there: FXP.
        fxp: bool,
    },
    /// Not the client's as seen here, and the capture does not show whose.
    Foreign,
}

/// The active offer with a readable endpoint, and whose address it names.
pub fn whose<'a>(case: &Case<'a>) -> Option<(&'a Offer, SocketAddr, Whose)> {
    let offer = case.offer().filter(|offer| offer.direction == Direction::Active)?;
    let socket = offer.socket?;
    let (named, client) = (socket.ip().to_canonical(), case.session.client.ip().to_canonical());
    if named == client {
        // The other side of a NAT in the same capture shows whether the command was rewritten on the way.
        let unrewritten =
            other_side(case).is_some_and(|(other, other_client)| other == socket && other_client != client);
        let across = case.across_nat().map(|[there, _]| there.ip().to_canonical());
        let sent_so = across.is_some_and(|there| there != client) && !case.is_rewritten(case.client_end());
        let whose = if unrewritten {
            Whose::BehindNat { confidence: Confidence::Proven }
        } else if sent_so || seen_as(offer).is_some_and(|seen| seen != client) {
            Whose::BehindNat { confidence: Confidence::Probable }
        } else {
            Whose::Clients
        };
        return Some((offer, socket, whose));
    }
    if named.is_ipv4() != client.is_ipv4() && unusable(named, client).is_none() {
        // Another family is `eprt-protocol-mismatch`.
        return Some((offer, socket, Whose::Clients));
    }
    if let Some(class) = unusable(named, client) {
        return Some((offer, socket, Whose::Unusable(class)));
    }
    Some((offer, socket, of_a_host(case, socket, named, client)))
}

/// The client as the server says that it sees it, where its refusal quotes the command as it was sent here.
pub fn seen_as(offer: &Offer) -> Option<IpAddr> {
    let quoted = quoted(offer.reply.as_ref().filter(|_| offer.is_refused())?)?;
    let named = offer.socket?.ip().to_canonical();
    let unchanged = quoted.announced.is_none_or(|announced| announced.to_canonical() == named);
    quoted.peer.filter(|_| unchanged).map(|peer| peer.to_canonical())
}

fn of_a_host(case: &Case<'_>, socket: SocketAddr, named: IpAddr, client: IpAddr) -> Whose {
    let own = own_list(case, named);
    if own.says() == Some(&true) {
        let why = own.said().map_or_else(String::new, |said| said.fact.clone());
        return Whose::OtherInterface { confidence: Confidence::Proven, why, evidence: Vec::new() };
    }
    let same = case.network.same_host(named, client);
    match same {
        // It says itself that it does not have it.
        _ if own.says() == Some(&false) => {}
        SameHost::Proven { why, frames } => {
            let evidence = shown(frames, &why);
            return Whose::OtherInterface { confidence: Confidence::Proven, why, evidence };
        }
        SameHost::Probable { why, frames } => {
            let evidence = shown(frames, &why);
            return Whose::OtherInterface { confidence: Confidence::Probable, why, evidence };
        }
        SameHost::Unknown | SameHost::Refuted { .. } => {}
    }
    if let Some(evidence) = case.listens_by_pasv(socket) {
        let why = format!("that host was asked to listen on {socket} in another session (server-to-server transfer)");
        return Whose::ThirdParty { confidence: Confidence::Proven, why, evidence: vec![evidence], fxp: true };
    }
    let across = case.across_nat().is_some_and(|[there, _]| there.ip().to_canonical() == named);
    if across || other_side(case).is_some_and(|(_, other_client)| other_client == named) {
        return Whose::BehindNat { confidence: Confidence::Proven };
    }
    // A server in the same private network could reach it: then NAT is only one reading.
    let near_server = same_net(named, case.session.server.ip());
    if is_private(named) && !is_private(client) && !near_server {
        return Whose::BehindNat { confidence: Confidence::Probable };
    }
    if let SameHost::Refuted { why, frames } = same {
        let evidence = shown(frames, &why);
        return Whose::ThirdParty { confidence: Confidence::Probable, why, evidence, fxp: false };
    }
    Whose::Foreign
}

/// Whether the client's host has an address, too, by its own list.
pub fn own_list(case: &Case<'_>, named: IpAddr) -> Answer<bool> {
    let client = case.session.client.ip().to_canonical();
    case.policy.facts.has(client, named.to_canonical(), case.session.last.time)
}

/// The announced socket and the client's address as the other side of a NAT in the same capture shows them.
fn other_side(case: &Case<'_>) -> Option<(SocketAddr, IpAddr)> {
    let other = case.session.other_view.as_ref()?;
    let offer = other.offers.get(&case.concluded.offer_number?)?;
    Some((offer.socket?, other.client.ip().to_canonical()))
}

fn shown(frames: Vec<Stamp>, why: &str) -> Vec<Evidence> {
    Evidence::seen_all(frames, None, why).into_iter().collect()
}

/// Why no server can reach this address, given the control connection's client; `None` when it can be reached.
/// RFC 6890, RFC 3927, RFC 4291.
pub fn unusable(named: IpAddr, client: IpAddr) -> Option<&'static str> {
    match named {
        IpAddr::V4(v4) => {
            let client_link_local = matches!(client, IpAddr::V4(client) if client.is_link_local());
            match v4.octets() {
                [0, ..] => Some("the unspecified address"),
                [127, ..] if !client.is_loopback() => Some("a loopback address"),
                [169, 254, ..] if !client_link_local => Some("a link-local address"),
                [224..=239, ..] => Some("a multicast address"),
                [240..=255, ..] => Some("a reserved or broadcast address"),
                _ => None,
            }
        }
        IpAddr::V6(v6) => {
            let client_link_local = matches!(client, IpAddr::V6(client) if client.is_unicast_link_local());
            if v6.is_unspecified() {
                Some("the unspecified address")
            } else if v6.is_loopback() && !client.is_loopback() {
                Some("the loopback address")
            } else if v6.is_unicast_link_local() && !client_link_local {
                Some("a link-local address without scope")
            } else if v6.is_multicast() {
                Some("a multicast address")
            } else {
                None
            }
        }
    }
}

/// RFC 1918, RFC 6598 (carrier NAT), RFC 4193.
pub fn is_private(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.is_private() || matches!(v4.octets(), [100, 64..=127, ..]),
        IpAddr::V6(v6) => v6.is_unique_local(),
    }
}

/// Whether a NAT beyond this point may leave PORT as it is: client, and what it announces, have private addresses and the
/// server a public one.
fn may_be_translated_beyond(case: &Case<'_>) -> bool {
    let (client, server) = (case.session.client.ip(), case.session.server.ip());
    let named = case.offer().filter(|offer| offer.direction == Direction::Active).and_then(|offer| offer.socket);
    let local = unusable(server.to_canonical(), client).is_some() || server.to_canonical().is_loopback();
    named.is_some_and(|named| is_private(named.ip())) && is_private(client) && !is_private(server) && !local
}

/// The cause that then cannot be excluded.
pub fn nat_beyond(case: &Case<'_>) -> Option<Alternative> {
    may_be_translated_beyond(case).then(|| Alternative {
        diagnosis: port_nat_unrewritten::NAME,
        would_decide: "a capture at the server shows whether PORT still names the private address there".to_owned(),
    })
}

/// Whether two IPv4 addresses share their first 16 bits, or two IPv6 addresses their first 48: one site, as a guess.
fn same_net(one: IpAddr, other: IpAddr) -> bool {
    match (one, other) {
        (IpAddr::V4(one), IpAddr::V4(other)) => one.octets()[..2] == other.octets()[..2],
        (IpAddr::V6(one), IpAddr::V6(other)) => one.segments()[..3] == other.segments()[..3],
        _ => false,
    }
}

/// Severity of a `port-*` diagnosis about what was announced: error when it was refused, or when the transfer failed
/// by it; warning otherwise.
pub fn severity(case: &Case<'_>) -> Severity {
    let refused = case.offer().is_some_and(Offer::is_refused) && !case.fell_back();
    if refused || failed_by_endpoint(case) { Severity::Error } else { Severity::Warning }
}

/// Whether the transfer failed because nothing came through to the announced endpoint.
pub fn failed_by_endpoint(case: &Case<'_>) -> bool {
    case.is_data_failure()
        && !failed_otherwise(case)
        && case.concluded.established().is_none()
        && case.concluded.attempts.iter().all(|attempt| matches!(attempt.aim, Aim::Announced | Aim::ControlPeer))
}

/// Whether the server says that something else failed, whatever the endpoint: its own local address, or TLS. For an
/// address that nobody can reach the system's words are the same as for a local address that it lacks.
fn failed_otherwise(case: &Case<'_>) -> bool {
    let condition = case.meaning().map(|meaning| meaning.condition);
    let reachable = case
        .offer()
        .and_then(|offer| offer.socket)
        .is_some_and(|socket| unusable(socket.ip().to_canonical(), case.session.client.ip().to_canonical()).is_none());
    match condition {
        Some(Condition::LocalAddressError) => reachable,
        Some(Condition::TlsSessionReuse | Condition::TlsRequired | Condition::TlsFailed) => true,
        _ => false,
    }
}

/// Whether the endpoint command could not be parsed.
pub fn has_malformed_offer(case: &Case<'_>) -> bool {
    case.offer().is_some_and(|offer| matches!(offer.announced(), Some(Err(_))))
}
