//! Where a session was captured, per end, and how sure that is (evidence by addresses, marks, offload, handshake timing,
//! TTL, ARP).
//!
//! Absence is evidence only near the host that would have sent: this is what caps such claims. An end that is *at* this
//! point is this host: its packets were recorded behind its filter when it sent them, and before it when they came.

use crate::facts::Facts;
use crate::finding::Party;
use crate::flow::{Connection, End, Half};
use crate::frame::Interval;
use crate::network::Network;
use crate::record::{Nearness, VantageRecord};

/// The split of the handshake's round trip tells the side only above this ratio.
const SPLIT_RATIO: i64 = 5;

/// Shorter round trips do not tell sides apart: scheduling noise is of that size.
const SPLIT_FLOOR: Interval = Interval::millis(1);

/// TTLs and hop limits with which stacks start; a packet that still has one has passed no router.
const INITIAL_TTLS: [u8; 3] = [64, 128, 255];

/// TTLs with which old stacks start; four routers behind a newer one look like the first.
const OLD_INITIAL_TTLS: [u8; 2] = [60, 32];

/// So many packets in two captures show that these were taken at two places.
const COPIED: usize = 3;

/// The largest IP packet on Ethernet without jumbo frames.
const ETHERNET_MTU: u32 = 1500;

/// Where a session was captured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vantage {
    /// Seen from the control connection's client.
    pub client: Nearness,
    /// Seen from the server.
    pub server: Nearness,
    /// The clues it rests on.
    pub clues: Vec<String>,
    /// Whether all that the client sends passes this point: on its host, or next to it by its MAC and by the timing of the
    /// handshake. One link alone does not show it: a switch may filter.
    client_passes: bool,
}

impl Vantage {
    /// The vantage of a control connection whose client is its `client` end, in that neighbourhood, by what the kernels of
    /// its hosts say.
    pub fn of(control: &Connection, client: End, network: &Network, facts: &Facts) -> Self {
        if is_of_several_points(control) {
            return Self::of_several_places();
        }
        let mut clues = Vec::new();
        let near = split(control, &mut clues);
        let judged = |end: End, clues: &mut Vec<String>| {
            let name = if end == client { "client" } else { "server" };
            let on_host = on_host(control, end, network, name, clues);
            let adjacent = by_own_macs(control, end, facts, name, clues);
            let adjacent = adjacent.or_else(|| by_mac(control, end, network, name, clues));
            on_host.or(adjacent).or_else(|| by_ttl(half(control, end), name, clues))
        };
        let (mut origin, mut target) = (judged(End::Origin, &mut clues), judged(End::Target, &mut clues));
        // A host that was captured on itself is adjacent at most to the other one.
        if let Some((end, nearness)) = near {
            let slot = if end == End::Origin { &mut origin } else { &mut target };
            if !matches!(slot, Some(Nearness::At | Nearness::Adjacent)) {
                *slot = Some(nearness);
            }
            let other = if end == End::Origin { &mut target } else { &mut origin };
            other.get_or_insert(Nearness::Far);
        }
        let (origin, target) = (origin.unwrap_or(Nearness::Unknown), target.unwrap_or(Nearness::Unknown));
        let timed = near.is_some_and(|(end, _)| end == client);
        let (client, server) = if client == End::Origin { (origin, target) } else { (target, origin) };
        let client_passes = client == Nearness::At || (client == Nearness::Adjacent && timed);
        Self { client, server, clues, client_passes }
    }

    /// Captures of several places were read as one.
    pub fn of_several_places() -> Self {
        let clues = vec!["its packets are in several captures from different places".to_owned()];
        Self { client: Nearness::Unknown, server: Nearness::Unknown, clues, client_passes: false }
    }

    /// The same, where the client's SYNs to other passive ports of the server were seen: next to the client all of them
    /// pass.
    #[must_use]
    pub fn with_passive_syns(mut self) -> Self {
        self.client_passes |= is_close(self.client);
        self
    }

    /// Whether a packet that the server sends must pass this point.
    pub fn sees_all_of_server(&self) -> bool {
        is_close(self.server)
    }

    /// Whether no router lies between the client and this point, so that its packets bear its own MAC.
    pub fn is_beside_client(&self) -> bool {
        matches!(self.client, Nearness::At | Nearness::Adjacent)
    }

    /// Whether a packet that the client sends must pass this point.
    pub fn sees_all_of_client(&self) -> bool {
        self.client_passes
    }

    /// Which end is this host; none where it is neither, or both: of two hosts that were captured each, or of one that
    /// speaks with itself, "this" says nothing.
    pub fn this_host(&self) -> Option<Party> {
        match (self.client == Nearness::At, self.server == Nearness::At) {
            (true, false) => Some(Party::Client),
            (false, true) => Some(Party::Server),
            (true, true) | (false, false) => None,
        }
    }

    /// Whether that end is this host.
    pub fn is_here(&self, end: Party) -> bool {
        self.this_host() == Some(end)
    }

    /// As reports show it.
    pub fn record(&self) -> VantageRecord {
        VantageRecord { client: self.client, server: self.server, clues: self.clues.clone() }
    }
}

/// Whether packets of a connection are in more than one capture of the timeline: what one of them shows of its place does
/// not hold of the others. One or two may lie on both sides of a change of files.
fn is_of_several_points(control: &Connection) -> bool {
    let copies = [End::Origin, End::Target].into_iter().flat_map(|end| half(control, end).duplicates());
    copies.filter(|(one, other)| one.capture != other.capture).count() >= COPIED
}

fn is_close(nearness: Nearness) -> bool {
    matches!(nearness, Nearness::At | Nearness::Adjacent | Nearness::Near)
}

fn half(control: &Connection, end: End) -> &Half {
    match end {
        End::Origin => &control.from_origin,
        End::Target => &control.from_target,
    }
}

/// The end that the handshake's timing puts this capture next to.
fn split(control: &Connection, clues: &mut Vec<String>) -> Option<(End, Nearness)> {
    let syn = control.syns.last()?;
    let syn_ack = control.syn_acks.first()?;
    let done = control.established?;
    let (out, back) = (syn_ack.at.since(syn.at), done.since(syn_ack.at));
    if out < Interval::ZERO || back < Interval::ZERO || out.max(back) < SPLIT_FLOOR {
        return None;
    }
    let near = if back > out.times(SPLIT_RATIO) {
        End::Target
    } else if out > back.times(SPLIT_RATIO) {
        End::Origin
    } else {
        return None;
    };
    clues.push(format!("SYN to SYN-ACK {:.1} ms, SYN-ACK to ACK {:.1} ms", out.as_millis_f64(), back.as_millis_f64()));
    Some((near, Nearness::Near))
}

/// Clues that the capture was taken on the host itself. A router's own are neither the packets that it forwards nor those
/// that bear its address because it translates: their TTL is counted down.
fn on_host(control: &Connection, end: End, network: &Network, name: &str, clues: &mut Vec<String>) -> Option<Nearness> {
    let own = half(control, end);
    if own.largest_packet > ETHERNET_MTU {
        // Segmentation offload of the sender, or receive offload of the other end: a host's own view in both cases.
        clues.push(format!(
            "packets of up to {} bytes from the {name}: such packets exist on a host, not on the network",
            own.largest_packet
        ));
    }
    let sign = sign_of_own(control, end, network, name)?;
    if let Some(ttl) = own.first_ttl.filter(|ttl| !INITIAL_TTLS.contains(ttl) && !OLD_INITIAL_TTLS.contains(ttl)) {
        clues
            .push(format!("{sign}, but their TTL of {ttl} is that of forwarded packets: another host was captured on"));
        return None;
    }
    clues.push(sign);
    Some(Nearness::At)
}

/// What tells that the capturing host itself sent the packets of an end, a sentence part.
fn sign_of_own(control: &Connection, end: End, network: &Network, name: &str) -> Option<String> {
    let handshake = match end {
        End::Origin => control.syns.first(),
        End::Target => control.syn_acks.first(),
    };
    if handshake.is_some_and(|seen| seen.link.outgoing == Some(true)) {
        return Some(format!("the {name}'s packets are marked as sent by the capturing host"));
    }
    let (own, peer) = (half(control, end), half(control, end.peer()));
    if own.bad_checksums > 0 && own.good_checksums == 0 && peer.bad_checksums == 0 && peer.good_checksums > 0 {
        return Some(format!("only the {name}'s TCP checksums are not filled in (checksum offload)"));
    }
    let how = network.own(control.socket(end).ip())?;
    Some(format!("the {name} is the capturing host, by {how}"))
}

/// The MAC of a host's packets is that of one of its interfaces, or of another host: its own list says so.
fn by_own_macs(control: &Connection, end: End, facts: &Facts, name: &str, clues: &mut Vec<String>) -> Option<Nearness> {
    let mac = half(control, end).first_mac?;
    let own = facts.has_mac(control.socket(end).ip(), &mac.to_string(), control.first.time);
    let (is_own, said) = (own.says()?, own.said()?);
    if *is_own {
        // Of what a NAT forwards it is the address, and the TTL is counted down.
        half(control, end).first_ttl.filter(|ttl| INITIAL_TTLS.contains(ttl) || OLD_INITIAL_TTLS.contains(ttl))?;
        clues.push(format!("no router lies between the {name} and this point: {} ({})", said.fact, said.source));
        return Some(Nearness::Adjacent);
    }
    clues.push(format!("a router or proxy lies between the {name} and this point: {} ({})", said.fact, said.source));
    Some(Nearness::Far)
}

/// The MAC of a host's packets answers ARP or ND for its address: no router lies between.
fn by_mac(control: &Connection, end: End, network: &Network, name: &str, clues: &mut Vec<String>) -> Option<Nearness> {
    let mac = half(control, end).first_mac?;
    // A proxy answers for others too, but it counts their TTL down.
    half(control, end).first_ttl.filter(|ttl| INITIAL_TTLS.contains(ttl) || OLD_INITIAL_TTLS.contains(ttl))?;
    let owners = network.owners(control.socket(end).ip());
    let owner = owners.iter().find(|claim| claim.mac == mac && claim.how.is_strong())?;
    if network.is_router(owner.place, mac).is_some() {
        return None;
    }
    let how = owner.how.text();
    clues.push(format!(
        "the {name}'s packets come from the MAC of its address, known by {how} (frame {})",
        owner.at.number
    ));
    Some(Nearness::Adjacent)
}

fn by_ttl(half: &Half, name: &str, clues: &mut Vec<String>) -> Option<Nearness> {
    let ttl = half.first_ttl?;
    if INITIAL_TTLS.contains(&ttl) {
        clues.push(format!("the {name}'s packets arrive with TTL {ttl}: no router in between"));
        return Some(Nearness::Adjacent);
    }
    if OLD_INITIAL_TTLS.contains(&ttl) {
        clues.push(format!(
            "the {name}'s packets arrive with TTL {ttl}: from an old TCP stack on this link, or from behind routers"
        ));
        return None;
    }
    clues.push(format!("the {name}'s packets arrive with TTL {ttl}: there are routers in between"));
    Some(Nearness::Far)
}

#[cfg(test)]
mod tests;
