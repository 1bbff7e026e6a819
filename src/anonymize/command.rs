//! Commands without what they name.

use std::ops::Range;

use super::address::Addresses;
use super::line::{Hidden, Names, hide_words, put};
use super::located::{Replaced, extended_port, long_port, no_number, port};
use super::names::pseudonym;
use super::words::Words;
use crate::ftp::vocabulary::{split_command, verb};
use crate::ftp::{Verb, may_begin_secret, secret_command};

/// What stands for a password.
const SECRET: &[u8] = b"xxxxxxxx";
/// Commands beside those of [`Verb`] whose arguments name nobody.
const HARMLESS: [&[u8]; 9] = [b"TYPE", b"MODE", b"STRU", b"PBSZ", b"ALLO", b"FEAT", b"OPTS", b"LANG", b"NOOP"];
/// How often a pseudonym is drawn that must not be a command; one in some thousand is.
const AGAIN: usize = 8;

/// A command without what it names. What it is stays.
pub(super) fn command(text: &[u8], names: &mut Names, words: &Words, addresses: &mut Addresses) -> Hidden {
    let (name, argument) = split_command(text);
    let (name, argument) = (place_in(text, name), place_in(text, argument));
    let said = |range: &Range<usize>| text.get(range.clone()).unwrap_or_default();
    let known = verb(said(&name));
    let harmless = HARMLESS.iter().any(|verb| verb.eq_ignore_ascii_case(said(&name)));
    let moved = |found: Vec<Replaced>| {
        let by = argument.start;
        found.into_iter().map(|(range, now)| (range.start + by..range.end + by, now)).collect::<Vec<_>>()
    };
    let mut now = text.to_vec();
    let mut replaced = Vec::new();
    match known {
        Some(Verb::Pass | Verb::Acct) if !argument.is_empty() => replaced.push((argument, SECRET.to_vec())),
        None if secret_command(text).is_some() => {
            let said = behind_letters(text, name.start, 4)..text.len();
            if !said.is_empty() {
                replaced.push((said, SECRET.to_vec()));
            }
        }
        Some(Verb::Port) => {
            replaced = moved(port(said(&argument), addresses));
            mask_letters(&mut now, argument);
        }
        Some(Verb::Lprt) => {
            replaced = moved(long_port(said(&argument), addresses));
            mask_letters(&mut now, argument);
        }
        Some(Verb::Eprt) => {
            let found = extended_port(said(&argument), addresses);
            if found.is_none() {
                put(&mut now, argument.clone(), &no_number(said(&argument)));
            }
            replaced = moved(found.unwrap_or_default());
            mask_letters(&mut now, argument);
        }
        // What should stand there is common; nobody sees to it that it does.
        Some(Verb::Epsv | Verb::Auth | Verb::Prot | Verb::Rest | Verb::Other)
            if known != Some(Verb::Other) || harmless =>
        {
            let hidden = hide_words(said(&argument), &Names::default(), words, addresses);
            replaced = moved(hidden.replaced);
            put(&mut now, argument, &hidden.now);
        }
        // These two name nobody.
        Some(Verb::User) if matches!(said(&argument).to_ascii_lowercase().as_slice(), b"anonymous" | b"ftp") => {}
        Some(_) => {
            names.add(said(&argument));
            let hidden = pseudonym(addresses.key(), said(&argument));
            put(&mut now, argument, &hidden);
        }
        None => now = unknown_command(text, addresses),
    }
    Hidden { now, replaced }
}

/// Another line that is no command of FTP either, nor the beginning of a secret where this is none.
fn unknown_command(text: &[u8], addresses: &Addresses) -> Vec<u8> {
    let is_command = |line: &[u8]| verb(split_command(line).0).is_some() || secret_command(line).is_some();
    let mut lines = std::iter::successors(Some(text.to_vec()), |line| Some(pseudonym(addresses.key(), line))).skip(1);
    let is_other = |line: &Vec<u8>| !is_command(line) && !may_begin_secret(line);
    let mut now = lines.by_ref().take(AGAIN).find(is_other).or_else(|| lines.next()).unwrap_or_default();
    if may_begin_secret(text) {
        // The letters that make it one say nothing of anybody.
        let len = text.trim_ascii().len().min(4);
        let begins = |secret: &[u8], name: &[u8]| secret.get(..len).is_some_and(|head| head.eq_ignore_ascii_case(name));
        for (at, name) in text.windows(len.max(1)).enumerate() {
            if begins(b"PASS", name) || begins(b"ACCT", name) {
                put(&mut now, at..at + len, name);
            }
        }
    }
    now
}

/// Where a text goes on behind so many letters, between which control bytes may stand.
fn behind_letters(text: &[u8], start: usize, letters: usize) -> usize {
    let graphic = text.iter().enumerate().skip(start).filter(|(_, byte)| byte.is_ascii_graphic());
    graphic.take(letters).last().map_or(text.len(), |(at, _)| at + 1)
}

/// Letters are hidden, digits and signs stay: for what should hold no letter. What is none stays none.
fn mask_letters(now: &mut [u8], range: Range<usize>) {
    for byte in now.iter_mut().take(range.end).skip(range.start) {
        match *byte {
            b'A'..=b'Z' | b'a'..=b'z' => *byte = b'x',
            0x80.. => *byte = 0x80,
            _ => {}
        }
    }
}

/// Where a part of a text stands in it.
fn place_in(text: &[u8], part: &[u8]) -> Range<usize> {
    if part.is_empty() {
        return text.len()..text.len();
    }
    let start = (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize);
    start..start + part.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;

    fn addresses() -> Addresses {
        Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap())
    }

    #[test]
    fn what_is_no_command_stays_none() {
        let addresses = addresses();
        for number in 0..40_000_u32 {
            let line = [number >> 12, number >> 8, number >> 4, number].map(|n| b'a' + u8::try_from(n & 15).unwrap());
            let now = unknown_command(&line, &addresses);
            assert!(verb(split_command(&now).0).is_none() && secret_command(&now).is_none(), "{line:?}");
            assert_eq!(now.len(), line.len());
        }
    }

    #[test]
    fn the_beginning_of_a_secret_stays_one_and_nothing_becomes_one() {
        let addresses = addresses();
        for (line, now) in [("PA", "PA"), ("acc", "acc"), ("P", "P"), ("PAS ", "PAS")] {
            assert_eq!(unknown_command(line.as_bytes(), &addresses).trim_ascii(), now.as_bytes());
        }
        let now = unknown_command(b"xPASS hunter2", &addresses);
        assert!(may_begin_secret(&now) && !now.windows(6).any(|part| part == b"hunter"), "{now:?}");
        for letters in (b'A'..=b'Z').flat_map(|one| (b'A'..=b'Z').map(move |other| [one, other])) {
            let now = unknown_command(&letters, &addresses);
            assert_eq!(may_begin_secret(&now), may_begin_secret(&letters), "{letters:?}");
        }
    }
}
