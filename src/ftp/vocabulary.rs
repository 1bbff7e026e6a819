//! The words of FTP that are nobody's: what the tables know of replies, and the names of commands.
//!
//! For whoever hides the rest of a dialogue and must not hide what it is judged by.

pub use super::line::{LINE_BYTES, Text};

use super::software::{BANNERS, WORDINGS};
use super::texts::{ERRNOS, MEANINGS};
use super::{Verb, command, secret};

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
    command::split(line)
}

/// The command of this name, in any case; `None` if FTP has none.
pub fn verb(name: &[u8]) -> Option<Verb> {
    command::known(name)
}

/// The command that a line is which says a secret, however it is spelt.
pub fn secret_command(line: &[u8]) -> Option<Verb> {
    secret::secret(line)
}

/// Whether the beginning of a line may be that of a command which says a secret: then the analysis reads nothing of
/// what follows it behind lost bytes.
pub fn may_begin_secret(start: &[u8]) -> bool {
    secret::may_begin(start)
}

#[cfg(test)]
mod tests {
    use super::{phrases, split_command, verb};
    use crate::ftp::Verb;

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
