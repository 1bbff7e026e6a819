//! Learns in the first reading where the TLS records of data connections lie, so that they stay delimited when what
//! they hold is blanked.

use std::collections::HashMap;
use std::net::SocketAddr;

use foldhash::fast::RandomState;

use super::opaque::{Next, Records};
use super::script::{Script, What};
use crate::flow::RECORDS_KEPT;
use crate::wire::{Flags, Segment, Seq, Wrapping};

/// Directions that are learned; of others the data is blanked with its records. Some 4 kB each.
const DIRECTIONS: usize = 1 << 13;
/// Directions whose beginning is waited for.
const OPENED: usize = 1 << 14;

/// A direction of a data connection.
type From = (Wrapping, SocketAddr, SocketAddr);

/// The data connections that speak TLS.
#[derive(Debug, Default)]
pub(super) struct Handshakes {
    /// Behind a SYN: where the data begins.
    opened: HashMap<From, Seq, RandomState>,
    /// In the order of their beginnings.
    learned: HashMap<From, Vec<Learned>, RandomState>,
    count: usize,
}

#[derive(Debug)]
struct Learned {
    base: Seq,
    next: Seq,
    records: Records,
    script: Script,
}

impl Handshakes {
    /// Takes a segment of any connection.
    pub fn look(&mut self, from: From, tcp: &Segment<'_>) {
        let start = tcp.seq.plus(u32::from(tcp.flags.has(Flags::SYN)));
        if tcp.flags.has(Flags::SYN) && (self.opened.len() < OPENED || self.opened.contains_key(&from)) {
            self.opened.insert(from, start);
        }
        if tcp.payload_len == 0 {
            return;
        }
        let opened = self.opened.get(&from) == Some(&start);
        if opened {
            self.opened.remove(&from);
        }
        let is_known = self.learned.get(&from).and_then(|all| all.last()).is_some_and(|last| last.holds(start));
        let begins = matches!(tcp.payload, [0x15 | 0x16, 3, ..]) && (opened || !is_known);
        if begins
            && self.count < DIRECTIONS
            && !self.learned.get(&from).is_some_and(|all| all.iter().any(|one| one.base == start))
        {
            let mut script = Script::default();
            script.begins(start);
            self.count += 1;
            let one = Learned { base: start, next: start, records: Records::default(), script };
            self.learned.entry(from).or_default().push(one);
        }
        if let Some(last) = self.learned.get_mut(&from).and_then(|all| all.last_mut()) {
            last.follow(start, tcp);
        }
    }

    /// What a segment from here says, if it is of a connection that speaks TLS.
    pub fn of(&self, from: From, seq: Seq) -> Option<&Script> {
        let all = self.learned.get(&from)?;
        let nearest = all.iter().filter(|one| one.holds(seq)).min_by_key(|one| seq.distance_from(one.base))?;
        Some(&nearest.script)
    }
}

impl Learned {
    /// Whether a number lies in what was learned.
    fn holds(&self, seq: Seq) -> bool {
        !seq.is_before(self.base) && !seq.is_after(self.next)
    }

    /// As the analysis does it: what is missing or comes late ends it, unless it lies within one record.
    fn follow(&mut self, start: Seq, tcp: &Segment<'_>) {
        if self.records.count as usize > RECORDS_KEPT {
            return;
        }
        let ahead = start.distance_from(self.next);
        if ahead > 0 {
            self.blank(u64::from(ahead.unsigned_abs()));
        }
        let skip = if ahead < 0 { ahead.unsigned_abs() } else { 0 };
        if skip >= tcp.payload_len {
            return;
        }
        let mut rest = usize::try_from(skip).ok().and_then(|skip| tcp.payload.get(skip..)).unwrap_or_default();
        let cut = u64::from(tcp.payload_len - skip).saturating_sub(rest.len() as u64);
        while !rest.is_empty() {
            let next = self.records.next(rest);
            let (Next::Kept(len) | Next::Blank(len)) = next;
            self.script.say(match next {
                Next::Kept(len) => What::Kept(len as u64),
                Next::Blank(len) => What::Blank(len as u64),
            });
            rest = rest.get(len..).unwrap_or_default();
        }
        if cut > 0 {
            self.blank(cut);
        }
        self.next = start.plus(tcp.payload_len);
    }

    fn blank(&mut self, len: u64) {
        self.records.skip(len);
        self.script.say(What::Blank(len));
    }
}
