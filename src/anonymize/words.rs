//! The words of replies that tell nothing of anybody, and stay.

use crate::ftp::vocabulary::{is_common, phrases};

/// What stays in replies.
#[derive(Debug)]
pub(super) struct Words {
    /// What replies are judged by, lower case: it stays wherever it stands.
    phrases: Vec<String>,
}

impl Words {
    pub fn new() -> Self {
        let mut phrases: Vec<String> = phrases().chain(QUOTING).map(str::to_ascii_lowercase).collect();
        phrases.sort();
        phrases.dedup();
        Self { phrases }
    }

    /// Whether a word tells nothing of anybody.
    #[expect(clippy::unused_self, reason = "the words are those of the phrases, and others")]
    pub fn is_common(&self, word: &[u8]) -> bool {
        word.len() == 1 || is_common(word)
    }

    /// Which bytes of a line are parts of phrases.
    pub fn pinned(&self, line: &[u8]) -> Vec<bool> {
        let lower = line.to_ascii_lowercase();
        let mut pinned = vec![false; line.len()];
        for phrase in &self.phrases {
            let phrase = phrase.as_bytes();
            for (at, part) in lower.windows(phrase.len()).enumerate() {
                let inside = at > 0 && lower.get(at - 1).is_some_and(u8::is_ascii_alphanumeric);
                let begins = !inside || !phrase.first().is_some_and(u8::is_ascii_alphanumeric);
                if part == phrase && begins {
                    pinned.iter_mut().skip(at).take(phrase.len()).for_each(|pin| *pin = true);
                }
            }
        }
        pinned
    }
}

/// What stands before the addresses that refusals quote.
const QUOTING: [&str; 3] = ["(only to", "open a connection to", "connect to"];

#[cfg(test)]
mod tests {
    use super::Words;

    #[test]
    fn names_are_not_common() {
        let words = Words::new();
        for word in ["Opening", "PORT", "s", "vsFTPd", "refused"] {
            assert!(words.is_common(word.as_bytes()), "{word}");
        }
        for word in ["alice", "root", "corp", "example", "secret"] {
            assert!(!words.is_common(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn phrases_begin_at_the_beginning_of_a_word() {
        let words = Words::new();
        let line = b"xno such file; No such file";
        let pinned = words.pinned(line);
        assert!(pinned[15..].iter().all(|pin| *pin));
        assert!(!pinned[1]);
    }
}
