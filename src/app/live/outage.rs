//! Something that is written while a capture goes on and cannot be for a time: its disk is full, its directory gone. That
//! is told when it begins and when it is over, and what was lost meanwhile is counted.

use std::io;

use crate::source::reason;

/// How something that is written stands.
#[derive(Debug)]
pub(super) struct Outage {
    /// What is written: the name of a file or directory.
    what: String,
    /// What it consists of: one, several.
    of: [&'static str; 2],
    /// Why it cannot be written at present.
    why: Option<io::ErrorKind>,
    /// Lost since it began.
    lost: u64,
    /// Lost in all.
    in_all: u64,
}

impl Outage {
    pub(super) fn new(what: impl Into<String>, of: [&'static str; 2]) -> Self {
        Self { what: what.into(), of, why: None, lost: 0, in_all: 0 }
    }

    /// Whether it cannot be written at present.
    pub(super) fn is_on(&self) -> bool {
        self.why.is_some()
    }

    /// What it consists of, in the plural, and how many of them were lost in all.
    pub(super) fn in_all(&self) -> (&'static str, u64) {
        (self.of[1], self.in_all)
    }

    /// `1 packet is missing`
    fn missing(&self, count: u64) -> String {
        match (count, self.of) {
            (0, _) => "nothing is missing".to_owned(),
            (1, [one, _]) => format!("1 {one} is missing"),
            (count, [_, several]) => format!("{count} {several} are missing"),
        }
    }

    pub(super) fn lose(&mut self, count: u64) {
        self.lost += count;
        self.in_all += count;
    }

    /// It could not be written. What to tell, if that is new, or the reason is.
    pub(super) fn begins(&mut self, error: &io::Error) -> Option<String> {
        let before = self.why.replace(error.kind());
        let goes_on = match (before, error.kind()) {
            (before, now) if before == Some(now) => return None,
            (Some(io::ErrorKind::NotFound), io::ErrorKind::PermissionDenied) => {
                "the sandbox (Landlock) may not allow a directory that was created again: start ftpwhy again"
            }
            _ => "the capture continues, and writing is tried again",
        };
        Some(format!("could not write {}: {}; {goes_on}", self.what, reason(error)))
    }

    /// It could be written. What to tell, if that is new.
    pub(super) fn ends(&mut self) -> Option<String> {
        let lost = std::mem::take(&mut self.lost);
        self.why.take().map(|_| format!("{} is written again; {}", self.what, self.missing(lost)))
    }

    /// What is to be said of it at the end, if something is missing.
    pub(super) fn verdict(&self) -> Option<String> {
        match (self.in_all, self.is_on()) {
            (0, false) => None,
            (0, true) => Some(format!("could not write the rest of {}", self.what)),
            (lost, _) => Some(format!("could not write all of {}: {}", self.what, self.missing(lost))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_when_it_begins_and_when_it_is_over() {
        let mut outage = Outage::new("ring.pcapng", ["packet", "packets"]);
        let full = io::Error::from(io::ErrorKind::StorageFull);
        assert_eq!(outage.ends(), None);
        let begins = "could not write ring.pcapng: no space left; the capture continues, and writing is tried again";
        assert_eq!(outage.begins(&full).as_deref(), Some(begins));
        outage.lose(1);
        assert_eq!(outage.begins(&full), None);
        outage.lose(2);
        assert_eq!(outage.ends().as_deref(), Some("ring.pcapng is written again; 3 packets are missing"));
        assert_eq!(outage.ends(), None);
        outage.begins(&full);
        assert_eq!(outage.ends().as_deref(), Some("ring.pcapng is written again; nothing is missing"));
        assert_eq!(outage.in_all(), ("packets", 3));
        let verdict = "could not write all of ring.pcapng: 3 packets are missing";
        assert_eq!(outage.verdict().as_deref(), Some(verdict));
    }
}
