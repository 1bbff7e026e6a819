//! The words of FTP that are nobody's: what the tables know of replies, and the names of commands.
//!
//! For whoever hides the rest of a dialogue and must not hide what it is judged by.

mod common;

use std::collections::HashSet;
use std::net::{IpAddr, SocketAddr};
use std::sync::LazyLock;

use foldhash::fast::RandomState;

pub use super::line::{LINE_BYTES, Text};

use super::software::{BANNERS, WORDINGS};
use super::texts::{ERRNOS, MEANINGS};
use super::{Verb, verb as verbs};
use crate::redact::foreign;

/// The parts of replies that tell what they mean or who says them, in any case.
pub fn phrases() -> impl Iterator<Item = &'static str> {
    let meanings = MEANINGS.iter().flat_map(|meaning| meaning.pattern.split('*'));
    let errors = ERRNOS.iter().map(|(words, _)| *words);
    let banners = BANNERS.iter().map(|(words, _, _)| *words);
    let wordings = WORDINGS.iter().map(|(_, words, _)| *words);
    meanings.chain(errors).chain(banners).chain(wordings).map(str::trim).filter(|phrase| !phrase.is_empty())
}

/// A command line's verb and argument, both parts of `line`.
pub fn split_command(line: &[u8]) -> (&[u8], &[u8]) {
    verbs::split(line)
}

/// The command of this name, in any case; `None` if FTP has none.
pub fn verb(name: &[u8]) -> Option<Verb> {
    verbs::known(name)
}

/// Whether a word, in any case, is one of the protocol or of the replies of common servers: it tells nothing of anybody.
pub fn is_common(word: &[u8]) -> bool {
    static WORDS: LazyLock<HashSet<Vec<u8>, RandomState>> = LazyLock::new(|| {
        let of_phrases = phrases().flat_map(|phrase| phrase.split(|c: char| !c.is_ascii_alphabetic()));
        let words = of_phrases.filter(|word| !word.is_empty()).chain(common::COMMON.iter().copied());
        let words = words.map(|word| word.to_ascii_lowercase().into_bytes());
        words.chain(verbs::names().map(<[u8]>::to_ascii_lowercase)).collect()
    });
    let mut lower = [0; LONGEST_WORD];
    let Some(lower) = lower.get_mut(..word.len()) else { return false };
    lower.copy_from_slice(word);
    lower.make_ascii_lowercase();
    WORDS.contains(&*lower)
}

/// No common word has more bytes.
const LONGEST_WORD: usize = 16;

/// A reply's text with everything marked as a stranger's ([`crate::redact`]) but common words and the numbers of
/// endpoints.
pub fn marked(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    for token in text.split_inclusive(char::is_whitespace) {
        let blank = token.trim_end_matches(char::is_whitespace).len();
        let (word, blank) = token.split_at_checked(blank).unwrap_or((token, ""));
        if is_of_protocol(word) {
            out.push_str(word);
        } else {
            out.push_str(&foreign(word));
        }
        out.push_str(blank);
    }
    out
}

/// Whether what stands between two blanks has nothing but common words, or is an endpoint.
fn is_of_protocol(token: &str) -> bool {
    let mut runs = token.split(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric()).filter(|run| !run.is_empty());
    runs.all(|run| run.len() == 1 || is_common(run.as_bytes())) || is_endpoint(token)
}

/// Whether it is an address, alone or with a port, in any of the forms that commands and replies have.
fn is_endpoint(token: &str) -> bool {
    let numbers = token.split(|c: char| !c.is_ascii_digit()).filter(|run| !run.is_empty()).count();
    let bare = token.trim_matches(['(', ')', '.', ',', ';']);
    let host = bare.trim_matches(['[', ']', '|']);
    (token.bytes().all(|byte| byte.is_ascii_digit() || b".,:;|()[]=".contains(&byte))
        && (numbers >= ENDPOINT_NUMBERS || (numbers > 0 && token.contains("|||"))))
        || host.parse::<IpAddr>().is_ok()
        || bare.parse::<SocketAddr>().is_ok()
}

/// An IPv4 address has four numbers, PORT and 227 have six.
const ENDPOINT_NUMBERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::{is_common, marked, phrases, split_command, verb};
    use crate::ftp::Verb;
    use crate::redact::foreign;

    #[test]
    fn what_replies_are_judged_by_is_common() {
        for phrase in phrases() {
            for word in phrase.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
                assert!(is_common(word.as_bytes()) && is_common(word.to_ascii_uppercase().as_bytes()), "{word}");
            }
        }
        for word in ["", "alice", "secret", "hunter2", "caf\u{e9}"] {
            assert!(!is_common(word.as_bytes()), "{word}");
        }
    }

    #[test]
    fn strangers_words_are_marked() {
        let ours = [
            "Can't build data connection: Connection timed out",
            "Entering Passive Mode (10,0,0,1,156,64).",
            "=10,0,0,1,156,64",
            "Entering Extended Passive Mode (|||40000|)",
            "I won't open a connection to 10.0.0.1 (only to 10.0.0.2)",
            "Address [2001:db8::1]:4000 (2001:db8::1) is not allowed.",
            " no  file ",
            "",
        ];
        for text in ours {
            assert_eq!(marked(text), text);
        }
        let strange =
            [("/a/b.txt:", " No such file"), ("hunter2", "  was wrong"), ("1234", " bytes"), ("'data-xy'", "")];
        for (word, text) in strange {
            assert_eq!(marked(&format!("{word}{text}")), format!("{}{text}", foreign(word)));
        }
        assert_eq!(marked("2024-01-02-1234"), foreign("2024-01-02-1234"));
    }

    #[test]
    fn what_replies_are_judged_by_is_known() {
        for phrase in ["won't open a connection to", "connection refused", "vsftpd", "Goodbye. You uploaded"] {
            assert!(phrases().any(|known| known == phrase), "{phrase}");
        }
    }

    #[test]
    fn commands_are_parts_of_their_line() {
        assert_eq!(split_command(b"retr a b\r\n"), (&b"retr"[..], &b"a b"[..]));
        assert_eq!((verb(b"retr"), verb(b"OPTS"), verb(b"secret")), (Some(Verb::Retr), Some(Verb::Other), None));
    }
}
