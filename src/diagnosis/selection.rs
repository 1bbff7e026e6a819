//! Which diagnoses are meant: names and globs, as `--select`, `--ignore` and `explain` take them.
//!
//! A pattern that matches nothing is refused when it is read, so that a slip of the pen hides no finding.

use std::fmt;

use super::{ALL, Diagnosis};
use crate::finding::DiagnosisName;

/// A diagnosis's name, or a glob over names: `*` stands for any characters, `?` for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

/// A pattern that no diagnosis matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// As it was written.
    pub pattern: String,
    /// What was probably meant.
    pub nearest: Option<&'static str>,
}

impl Pattern {
    /// Reads a pattern; letter case does not matter.
    pub fn parse(text: &str) -> Result<Self, Unknown> {
        let pattern = Self(text.to_ascii_lowercase());
        if ALL.iter().any(|diagnosis| pattern.matches(diagnosis.name)) {
            return Ok(pattern);
        }
        Err(Unknown { nearest: nearest(&pattern.0), pattern: text.to_owned() })
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
        match self.nearest {
            Some(nearest) => write!(f, "perhaps {nearest} is meant"),
            None => f.write_str("`ftpwhy rules` lists them all"),
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

/// The name with the fewest slips of the pen, at most one in three letters; else one that holds the text.
fn nearest(text: &str) -> Option<&'static str> {
    let names = || ALL.iter().map(|diagnosis| diagnosis.name.as_str());
    let close = names().map(|name| (slips(text, name), name)).min()?;
    if close.0 * 3 <= text.chars().count() {
        return Some(close.1);
    }
    names().find(|name| text.len() > 2 && name.contains(text))
}

/// Letters to insert, leave out or exchange to make `to` of `from` (Levenshtein's distance).
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (index, a) in from.chars().enumerate() {
        let mut next = vec![index + 1];
        for (column, (b, pair)) in to.iter().zip(row.windows(2)).enumerate() {
            let &[diagonal, above] = pair else { continue };
            let left = next.get(column).copied().unwrap_or(0);
            next.push((diagonal + usize::from(a != *b)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Selection, is_match, slips};
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
        let nearest = |text| Pattern::parse(text).expect_err("unknown").nearest;
        assert_eq!(nearest("time-wait-colision"), Some("time-wait-collision"));
        assert_eq!(nearest("syn-refused"), Some("data-syn-refused"));
        assert_eq!(nearest("x"), None);
        assert_eq!(
            Pattern::parse("zzz*").expect_err("unknown").to_string(),
            "no diagnosis is called \"zzz*\"; `ftpwhy rules` lists them all"
        );
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

    #[test]
    fn slips_are_counted_in_letters() {
        assert_eq!(slips("", "abc"), 3);
        assert_eq!(slips("kitten", "sitting"), 3);
        assert_eq!(slips("same", "same"), 0);
    }
}
