//! `asymmetric-path`

use super::case::NetworkCase;
use super::neighbours;
use crate::finding::{Confidence, Finding};
use crate::source::Capture;
use crate::network::{Asymmetry, Way};

diagnosis! {
    /// The two directions between two hosts take different paths: other MACs, or other interfaces.
    ///
    /// Harmless by itself. But a stateful firewall on one of the paths sees only half of the connection and may drop
    /// it, and a capture on one path misses the other.
    ///
    /// Needs: at the same time, at least three packets in one direction between two MACs, and at least three in the
    /// other direction, none of them between the same two MACs.
    ///
    /// Helps: `source-spoof-mismatch`, which explains it at a multihomed host; a constant difference of TTLs.
    ///
    /// Refuted by: an address that moved in that time (`mac-changed`); a redundancy protocol's MAC on one side, where
    /// that is normal; a direction that was not captured at all.
    ///
    /// Confidence: proven, because it is seen directly.
    ///
    /// Traps: a mirror port that tags one direction; a router seen on both sides; bonds.
    ///
    /// Remedy: none needed, unless there is a firewall on one of the paths. Then in the network make both directions
    /// pass through it; if the client or the server has several interfaces, use source routing there.
    "asymmetric-path", Info,
    "the two directions take different paths",
    ["Microsoft KB Q175396", "RFC 1122 3.3.4.2"],
    verdict: never("a fact about the network, no fault by itself"),
    locus: Hosts,
    Network(check)
}

fn check(case: &NetworkCase<'_>) -> Vec<Finding> {
    let party = |ip| neighbours::is_party(case.parties, ip);
    let pairs = case.network.pairs().filter(|(a, b)| party(*a) && party(*b));
    pairs.filter_map(|(a, b)| case.network.asymmetric(a, b)).filter_map(|bent| finding(&bent, case.scene.captures)).collect()
}

fn finding(bent: &Asymmetry, captures: &[Capture]) -> Option<Finding> {
    let text = |way| text(way, captures);
    let Asymmetry { a, b, there, back } = bent;
    let message = format!("packets from {a} to {b} go {}, packets from {b} to {a} come {}", text(there), text(back));
    let (primary, rest) =
        neighbours::primary(neighbours::cite(&there.trail.frames(), &format!("{a} to {b}, {}", text(there))))?;
    Some(
        DIAGNOSIS
            .finding(Confidence::Proven, message, primary)
            .hosts([*a, *b])
            .support(rest)
            .support(neighbours::cite(&back.trail.frames(), &format!("{b} to {a}, {}", text(back))))
            .network("If there is a stateful firewall or NAT on one of the paths, make both directions pass through it.")
            .done(),
    )
}

fn text(way: &Way, captures: &[Capture]) -> String {
    let to = way.to_mac.map_or_else(String::new, |to| format!(" to {to}"));
    format!("from {}{to} on {}", way.from_mac, neighbours::interface(captures, way.place))
}
