//! What is found survives the tap: every capture of the fixtures is rewritten as other taps would have recorded the same
//! packets, and its errors and warnings, and how its transfers ended, must stay.
//!
//! [`LESS`] lists what a tap may show less of, and why. `FTPWHY_FIXTURE=part/of/a/path` narrows the run.

mod kit;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ftpwhy::check::Observed;
use ftpwhy::source::Capture;
use kit::frames::{Owned, observed, specimens};
use kit::taps::{TAPS, is_plain};

/// Captures with more frames are left out: their kinds are among the smaller ones.
const FRAMES: usize = 400;

/// Stands in [`LESS`] for how transfers ended.
const OUTCOMES: &str = "outcomes";

/// Taps (by parts of the name), the fixtures (likewise) and what is found there less, each for its reason; and what may be
/// found in its stead, with `|` between them.
const LESS: &[(&str, &str, &str, &str)] = &[
    // Without a link layer, or with the directions of a link apart, nobody knows which MAC has which address, and so who is
    // another interface of whom.
    (
        "raw late vlan",
        "",
        "mac-changed|mac-stale-peer|arp-conflict|source-spoof-mismatch|antispoof-drop",
        "mac-changed",
    ),
    ("raw late vlan", "", "port-wrong-interface|port-third-party|port-nat-unrewritten", "port-foreign-address"),
    ("raw", "data-arp-unresolved", "data-arp-unresolved", "data-syn-not-seen"),
    ("raw", "_points/alg_227_rewritten_wrong", "data-arp-unresolved", "data-syn-not-seen"),
    // Without MACs, or the handshake that tells by its times where it was captured, nothing may be claimed of what is absent.
    ("raw late", "", "data-syn-never-sent|data-syn-not-seen", "data-syn-not-seen"),
    ("raw late", "", "pasv-client-never-connects|pasv-syn-not-seen", "pasv-syn-not-seen|transfer-failed-unexplained"),
    // What was held, announced or asked before the capture began is not in it.
    (
        "late",
        "time-wait",
        "time-wait-silent-drop|time-wait-default-port",
        "time-wait-middlebox|transfer-failed-unexplained",
    ),
    ("late", "data-syn-never-sent", "data-syn-never-sent", "time-wait-collision"),
    ("late", "time-wait-collision/fires-begins-with-data", "time-wait-collision", "data-syn-never-sent"),
    ("late", "no-data-endpoint", "no-data-endpoint", "transfer-failed-unexplained"),
    ("late", "", "control-closed-early|control-unanswered|alg-broken-rewrite|data-syn-unanswered", ""),
    // Both views begin with another packet, so that nothing shows that they are one.
    ("late", "port-nat-unrewritten/silent-two-sides", "", "data-syn-never-sent"),
    ("late", "alg-rewrote-port/fires-cut-views", "transfer-failed-unexplained", "data-syn-never-sent"),
    // Data connections are known on both sides of a NAT, and replies of a device between, by the handshakes.
    (
        "late",
        "",
        "data-syn-lost-in-transit|reply-by-middlebox",
        "data-syn-not-seen|transfer-failed-unexplained|time-wait-collision",
    ),
    ("late", "silent-lab-no-helper", "", "port-refused"),
    ("late", "fires-lab-port-2121", "", "port-refused"),
    ("late", "silent-lab-nat", "", "port-refused"),
    // The sides of a router or bridge are told apart by tags too, so a tag for each direction makes four of two.
    (
        "vlan",
        "",
        "data-syn-lost-in-transit|reply-by-middlebox",
        "data-syn-not-seen|data-syn-never-sent|transfer-failed-unexplained",
    ),
    // A stale answer fits nothing under its own tag: its numbers are those of another tenant.
    ("vlan", "time-wait-challenge/fires-stale-state", "time-wait-challenge", "data-syn-unanswered"),
    // A cut record of TLS tells neither what it is nor what follows it.
    ("snap", "", "tls-session-reuse-required|pasv-connect-failed|tls-handshake-failed|tls-closure-missing", ""),
    // Nor does it tell where clear text begins again.
    ("snap", "_keylog/ccc", OUTCOMES, ""),
    // The clocks were skewed the other way: it is what really failed.
    ("skew", "_keylog/resumption", "", "tls-session-reuse-required"),
    // The ARP that explains another host's RST, the 421 of the greeting, and the packets that a RST is compared with come
    // before the start.
    ("late", "arp-conflict/fires-lab-later", "", "rst-injected"),
    ("late", "control-closed-early/fires-field-speaks-on", "", "control-lost"),
    ("late", "rst-injected", "rst-injected", "data-connection-broken"),
    // That the capture goes on is shown by packets that are no IP.
    ("raw", "data-stalled/fires-capture-ends", "data-stalled", ""),
    // Small segments are no question of size.
    ("tiny", "path-mtu-blackhole/fires-control", "path-mtu-blackhole", ""),
    // What is known of a whole line in one segment is not known of its bytes in many.
    ("tiny", "", "alg-broken-rewrite|reply-by-middlebox", ""),
    // The line with the bad checksum stays whole, and the good segments beside it become many.
    ("tiny", "alg-broken-rewrite/silent-checksum", "", "alg-broken-rewrite"),
    // Skewed already: twice of what clocks may differ by.
    ("skew", "fires-lab-skewed", "data-wrong-source-address", ""),
];

#[test]
fn what_is_found_survives_the_tap() {
    let wanted = std::env::var("FTPWHY_FIXTURE").unwrap_or_default();
    let mut said = String::new();
    for specimen in specimens(FRAMES) {
        let name = specimen.path.strip_prefix(kit::root().join("fixtures")).expect("a fixture").display().to_string();
        if !name.contains(&wanted) || !is_plain(&specimen.frames) {
            continue;
        }
        let whole = Answer::of(&specimen.frames, &specimen.captures);
        for (tap, record) in TAPS {
            let recorded = record(&specimen.frames, &specimen.captures);
            let answer = Answer::of(&recorded.frames, &recorded.captures);
            if let Some(difference) = whole.difference(&answer, &name, tap) {
                let _ = writeln!(said, "{name}, {tap}: {difference}");
            }
        }
    }
    assert!(said.is_empty(), "\n{said}");
}

/// What is said of a capture.
struct Answer {
    names: BTreeSet<String>,
    transfers: Vec<String>,
}

impl Answer {
    fn of(frames: &[Owned], captures: &[Capture]) -> Self {
        let seen = observed(frames, captures);
        let serious = seen.findings.into_iter().filter(Observed::is_serious);
        let mut transfers = seen.transfers;
        transfers.sort_unstable();
        Self { names: serious.map(|finding| finding.diagnosis).collect(), transfers }
    }

    /// What differs and is not allowed to.
    fn difference(&self, other: &Self, fixture: &str, tap: &str) -> Option<String> {
        let rules =
            LESS.iter().filter(|(taps, part, ..)| taps.split(' ').any(|one| one == tap) && fixture.contains(part));
        let rules: Vec<_> = rules.collect();
        let may_go =
            |name: &&String| rules.iter().any(|(_, _, less, _)| less.split('|').any(|less| less == name.as_str()));
        let may_come =
            |name: &&String| rules.iter().any(|(_, _, _, instead)| instead.split('|').any(|one| one == name.as_str()));
        let lost: Vec<&String> = self.names.difference(&other.names).filter(|name| !may_go(name)).collect();
        let new: Vec<&String> = other.names.difference(&self.names).filter(|name| !may_come(name)).collect();
        // Transfers that began before the capture are not in it.
        let excused = rules.iter().any(|(_, _, less, _)| *less == OUTCOMES);
        let transfers = tap == "late" || excused || self.transfers == other.transfers;
        let same = lost.is_empty() && new.is_empty() && transfers;
        (!same).then(|| format!("lost {lost:?}, new {new:?}, {:?} -> {:?}", self.transfers, other.transfers))
    }
}
