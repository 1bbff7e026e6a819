//! Which diagnoses are meant: names and globs, as `--select`, `--ignore` and `explain` take them.
//!
//! A pattern that matches nothing is refused when it is read, so that a slip of the pen hides no finding.

use std::cmp::Reverse;
use std::fmt;

use super::{ALL, Diagnosis};
use crate::finding::DiagnosisName;

/// Names that are suggested at most.
const SUGGESTED: usize = 6;

/// A diagnosis's name, or a glob over names: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// A pattern that no diagnosis matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// As it was written.
    pub pattern: String,
    /// Names that are spelt nearly like it or contain it: one of them was probably meant.
    pub near: Vec<&'static str>,
    /// Where none is near: names with a word in common, those with most of them first.
    pub related: Vec<&'static str>,
}

impl Pattern {
    /// Reads a pattern; letter case does not matter.
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let pattern = Self(text.to_ascii_lowercase());
        if ALL.iter().any(|diagnosis| pattern.matches(diagnosis.name)) {
            return Ok(pattern);
        }
        let near = near(&pattern.0);
        let related = if near.is_empty() { related(&pattern.0) } else { Vec::new() };
        Err(Unknown { near, related, pattern: text.to_owned() })
    }

    /// Whether it means the diagnosis of this name.
    pub fn matches(&self, name: DiagnosisName) -> bool {
        is_match(self.0.as_bytes(), name.as_str().as_bytes())
    }

    /// The diagnoses it means, in the order of the catalogue; at least one.
    pub fn diagnoses(&self) -> impl Iterator<Item = &'static Diagnosis> {
        ALL.iter().copied().filter(|diagnosis| self.matches(diagnosis.name))
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no diagnosis is called {:?}; ", self.pattern)?;
        let similar = if self.near.is_empty() { &self.related } else { &self.near };
        match similar.as_slice() {
            [] => f.write_str("`ftpwhy rules` lists them all"),
            [one] => write!(f, "did you mean {one}?"),
            several => write!(f, "similar names: {}", several.join(", ")),
        }
    }
}

impl std::error::Error for Unknown {}

/// The findings the user wants to see. Says nothing of what is true: a transfer keeps its verdict, and what is
/// related to it stays related, whether the verdict's finding is shown or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Only these; all of them when it is empty.
    pub select: Vec<Pattern>,
    /// Not these, even if they are selected.
    pub ignore: Vec<Pattern>,
}

impl Selection {
    /// Whether findings of this diagnosis are wanted.
    pub fn takes(&self, name: DiagnosisName) -> bool {
        let among = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.matches(name));
        (self.select.is_empty() || among(&self.select)) && !among(&self.ignore)
    }
}

/// Goes back to the last `*` only, which is enough: an earlier one could take no more than this one can.
fn is_match(pattern: &[u8], name: &[u8]) -> bool {
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(byte) if *byte == b'?' || name.get(n) == Some(byte) => {
                p += 1;
                n += 1;
            }
            _ => {
                let Some((at, taken)) = star else { return false };
                star = Some((at, taken + 1));
                p = at + 1;
                n = taken + 1;
            }
        }
    }
    pattern.iter().skip(p).all(|byte| *byte == b'*')
}

/// The name with the fewest slips of the pen (letters left out, added, changed or swapped), at most one in three letters.
pub fn nearest<'a>(text: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (slips, name) = names.map(|name| (strsim::osa_distance(text, name), name)).min()?;
    (slips * 3 <= text.chars().count()).then_some(name)
}

/// The name that is spelt nearly so; else those that hold the text.
fn near(text: &str) -> Vec<&'static str> {
    let names = || ALL.iter().map(|diagnosis| diagnosis.name.as_str());
    match nearest(text, names()) {
        Some(name) => vec![name],
        None => names().filter(|name| text.len() > 2 && name.contains(text)).take(SUGGESTED).collect(),
    }
}

/// The names that have words in common with the text.
fn related(text: &str) -> Vec<&'static str> {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| word.len() > 2).collect();
    let common = |name: &str| name.split('-').filter(|part| words.contains(part)).count();
    let mut related: Vec<&str> = ALL.iter().map(|one| one.name.as_str()).filter(|name| common(name) > 0).collect();
    related.sort_by_key(|name| Reverse(common(name)));
    related.truncate(SUGGESTED);
    related
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Selection, is_match, nearest};
    use crate::diagnosis::{port_low_port, port_refused, time_wait_collision};

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::parse(text).expect("a known name")).collect()
    }

    #[test]
    fn stars_stand_for_anything_and_question_marks_for_one() {
        let cases = [
            ("port-*", "port-refused", true),
            ("port-*", "data-port-bind-contention", false),
            ("*-syn-*", "data-syn-refused", true),
            ("*-s*-s*d", "data-syn-not-seen", false),
            ("time?wait-collision", "time-wait-collision", true),
            ("port-refuse", "port-refused", false),
            ("*", "", true),
            ("?", "", false),
        ];
        for (pattern, name, expected) in cases {
            assert_eq!(is_match(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_pattern_without_a_match_says_what_may_be_meant() {
        let near = |text| Pattern::parse(text).expect_err("unknown").near;
        assert_eq!(near("time-wait-colision"), ["time-wait-collision"]);
        assert_eq!(near("syn-refused"), ["data-syn-refused"]);
        assert_eq!(near("mac"), ["mac-changed", "mac-stale-peer", "virtual-mac", "capture-no-mac"]);
        let related = |text| Pattern::parse(text).expect_err("unknown").related;
        assert_eq!(related("lost syn in transit").first(), Some(&"data-syn-lost-in-transit"));
        assert!(near("lost syn in transit").is_empty() && near("x").is_empty() && related("x").is_empty());
        assert_eq!(
            Pattern::parse("zzz*").expect_err("unknown").to_string(),
            "no diagnosis is called \"zzz*\"; `ftpwhy rules` lists them all"
        );
    }

    #[test]
    fn two_swapped_letters_are_one_slip() {
        let keys = || ["clean", "forbid"].into_iter();
        assert_eq!((nearest("clena", keys()), nearest("clxnx", keys())), (Some("clean"), None));
    }

    #[test]
    fn ignoring_beats_selecting() {
        let all = Selection::default();
        assert!(all.takes(port_refused::NAME));
        let some = Selection { select: patterns(&["PORT-*"]), ignore: patterns(&["port-refused"]) };
        assert!(some.takes(port_low_port::NAME));
        assert!(!some.takes(port_refused::NAME));
        assert!(!some.takes(time_wait_collision::NAME));
    }
}
