//! What stands for bytes of a dialogue that are shown to nobody: letters for letters and digits for digits, none of which
//! spell a command or a reply.
//!
//! Equal bytes in the same place become equal ones and others mostly others, so that copies are told apart from what only
//! looks like them. What they were cannot be told without the key.

use super::key::Key;

const PURPOSE: u8 = 2;
/// No command is spelt with these alone.
const LETTERS: &[u8] = b"bdghjkqvwxyzBDGHJKQVWXYZ";
/// No code of a reply begins with one of these (RFC 959 4.2).
const DIGITS: &[u8] = b"0789";

/// What stands for a byte at an offset of its stream, where it must not look like `other`.
pub(super) fn veiled(key: &Key, byte: u8, at: u64, other: Option<u8>) -> u8 {
    drawn(key.number(PURPOSE, &[&at.to_be_bytes()[..], &[byte]].concat()), byte, other)
}

/// What stands for bytes instead of `now`, which is not of their length.
pub(super) fn veiled_as<'a>(key: &Key, bytes: &[u8], now: &'a [u8]) -> impl Iterator<Item = u8> + 'a {
    let mut number = key.number(PURPOSE, bytes);
    now.iter().map(move |now| {
        number = number.rotate_right(7);
        drawn(number, *now, Some(*now))
    })
}

/// Tells nothing but whether it was a letter, a digit or neither.
pub(super) fn masked(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => b'x',
        b'0'..=b'9' => b'0',
        _ => byte,
    }
}

/// One of the kind of `byte` that is not `other`.
fn drawn(number: u64, byte: u8, other: Option<u8>) -> u8 {
    let from = match byte {
        b'A'..=b'Z' | b'a'..=b'z' | 0x80.. => LETTERS,
        b'0'..=b'9' => DIGITS,
        // The last bit of a sign tells nobody from anybody.
        _ => return if Some(byte) == other { byte ^ 1 } else { byte },
    };
    let first = usize::try_from(number % from.len() as u64).unwrap_or(0);
    let drawn = |at: usize| from.get(at % from.len()).copied();
    drawn(first).filter(|letter| Some(*letter) != other).or_else(|| drawn(first + 1)).unwrap_or(byte)
}

#[cfg(test)]
mod tests {
    use super::{masked, veiled, veiled_as};
    use crate::anonymize::key::Key;
    use crate::ftp::vocabulary::verb;

    fn key() -> Key {
        Key::from_hex(&"33".repeat(16)).unwrap()
    }

    #[test]
    fn equal_bytes_in_one_place_stay_equal_and_kinds_stay() {
        for byte in 0..=255 {
            let shown = veiled(&key(), byte, 7, Some(b'x'));
            assert_eq!(shown, veiled(&key(), byte, 7, Some(b'x')));
            assert_ne!(shown, b'x', "{byte}");
            assert_ne!(veiled(&key(), byte, 7, Some(byte)), byte, "{byte}");
            let kind = |byte: u8| (byte.is_ascii_alphabetic() || byte >= 0x80, byte.is_ascii_digit());
            assert_eq!((kind(shown), kind(masked(byte))), (kind(byte), kind(byte)));
        }
        let places: Vec<u8> = (0..64).map(|at| veiled(&key(), b'e', at, None)).collect();
        assert!(places.iter().any(|byte| *byte != places[0]), "a letter is not one letter everywhere");
    }

    #[test]
    fn nothing_is_spelt_with_it() {
        for name in ["LIST", "RETR", "CWD", "MKD", "P@SW"] {
            let shown: Vec<u8> = name.bytes().zip(0..).map(|(byte, at)| veiled(&key(), byte, at, None)).collect();
            assert_eq!(verb(&shown), None);
        }
    }

    #[test]
    fn alternatives_to_a_stretch_of_another_length_differ_from_it_and_from_each_other() {
        let veil = |own: &[u8]| veiled_as(&key(), own, b"10,203,117,9").collect::<Vec<u8>>();
        let [one, other] = [&b"10,9,0,10"[..], b"10,9,0,11"].map(veil);
        assert_ne!(one, other);
        assert!([one, other].iter().all(|veiled| veiled != b"10,203,117,9" && veiled.len() == 12));
    }
}
