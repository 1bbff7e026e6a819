//! Since when something fails, and what happened shortly before.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use super::compared::Row;
use super::separates::LEAST;
use crate::finding::{Finding, Locus, Severity};
use crate::frame::Timestamp;
use crate::record::{SessionRecord, Turn};

/// What happened may have come this long before the last transfer that worked: caches forget an address within minutes
/// (RFC 1122 2.3.2.1).
const BEFORE_SECONDS: f64 = 60.0;

/// Events that are remembered, the newest.
const EVENTS: usize = 4_096;

/// Servers and clients of which greetings and MACs are remembered, and how many of each: who shows more shows any.
const WATCHED: usize = 8_192;
const VARIANTS: usize = 8;

/// Since when what is alike fails: nothing of it worked afterwards. `None` where it also worked later, or too little did
/// before.
pub(super) fn turn(rows: &[Row<'_>]) -> Option<(Turn, Timestamp)> {
    let at = rows.iter().filter_map(|row| row.failed).map(|tally| tally.first).min()?;
    let last_worked = rows.iter().filter_map(|row| row.worked).map(|tally| tally.last).max()?;
    let before_worked: u64 = rows.iter().map(Row::successes).sum();
    let after_failed: u64 = rows.iter().map(Row::failures).sum();
    let is_turn = last_worked < at && before_worked >= LEAST && after_failed >= LEAST;
    is_turn.then_some((Turn { at, before_worked, after_failed, lead: None }, last_worked))
}

/// Something that may be behind a turn.
#[derive(Debug)]
struct Happened {
    at: Timestamp,
    hosts: Vec<IpAddr>,
    /// What, a sentence part.
    what: String,
    /// Whether a diagnosis says so.
    is_found: bool,
}

/// What happened in a run that may be behind a turn.
#[derive(Debug, Default)]
pub(super) struct Events {
    all: VecDeque<Happened>,
    greetings: BTreeMap<SocketAddr, BTreeSet<String>>,
    paths: BTreeMap<(IpAddr, Option<SocketAddr>), BTreeSet<String>>,
}

impl Events {
    /// A fact about hosts and the way between them.
    pub(super) fn finding(&mut self, finding: &Finding) {
        if matches!(finding.locus, Locus::Hosts(_) | Locus::Station(_)) && finding.severity > Severity::Quality {
            let what = format!("{}: {}", finding.diagnosis, finding.message);
            let at = finding.primary.first().time;
            self.add(Happened { at, hosts: finding.hosts.clone(), what, is_found: true });
        }
    }

    /// A session in which a server greets otherwise than before, or that comes another way.
    pub(super) fn session(&mut self, session: &SessionRecord) {
        let (at, server, client) = (session.first.time, session.server, session.client.ip());
        let around = &session.circumstances;
        if let Some(greeting) = &around.greeting {
            // Clocks and counters in it say nothing new; its version does.
            let words: String = greeting.chars().filter(|c| !c.is_ascii_digit()).collect();
            let words = format!("{words}{}", session.server_software.as_deref().unwrap_or_default());
            if is_another(&mut self.greetings, server, words) {
                let what = format!("server {server} greets otherwise than before: {greeting}");
                self.add(Happened { at, hosts: vec![server.ip()], what, is_found: false });
            }
        }
        for (mac, host, of) in [(&around.server_mac, server.ip(), None), (&around.client_mac, client, Some(server))] {
            let Some(mac) = mac else { continue };
            if is_another(&mut self.paths, (host, of), mac.clone()) {
                let what = format!("packets of {host} come from another MAC than before: {mac}");
                self.add(Happened { at, hosts: vec![host], what, is_found: false });
            }
        }
    }

    fn add(&mut self, happened: Happened) {
        if self.all.len() == EVENTS {
            self.all.pop_front();
        }
        self.all.push_back(happened);
    }

    /// What happened nearest before a turn to one of these hosts, rather what a diagnosis says.
    pub(super) fn lead(&self, turn: Timestamp, last_worked: Timestamp, hosts: &BTreeSet<IpAddr>) -> Option<&str> {
        let from = last_worked.plus_seconds(-BEFORE_SECONDS);
        let near = self.all.iter().filter(|one| one.at >= from && one.at <= turn);
        let mine = near.filter(|one| one.hosts.iter().any(|host| hosts.contains(host)));
        mine.max_by_key(|one| (one.is_found, one.at)).map(|one| one.what.as_str())
    }
}

/// Whether a value is new of something that was seen with another one.
fn is_another<K: Ord>(known: &mut BTreeMap<K, BTreeSet<String>>, key: K, value: String) -> bool {
    if known.len() >= WATCHED && !known.contains_key(&key) {
        return false;
    }
    let values = known.entry(key).or_default();
    let others = values.len();
    others < VARIANTS && values.insert(value) && others > 0
}
