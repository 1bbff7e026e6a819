//! Pseudonyms of names, of the same length: letters for letters, digits for digits.

use super::key::Key;

const PURPOSE: u8 = 1;

/// The pseudonym of a name; the same name has the same one everywhere.
pub(super) fn pseudonym(key: &Key, name: &[u8]) -> Vec<u8> {
    let lower = name.to_ascii_lowercase();
    let mut state = key.number(PURPOSE, &lower);
    let mut drawn = 0_u8;
    let mut draw = |below: u8| {
        if drawn == 8 {
            state = key.number(PURPOSE, &state.to_be_bytes());
            drawn = 0;
        }
        let [.., byte] = state.to_be_bytes();
        state = state.rotate_right(8);
        drawn += 1;
        byte % below
    };
    let mut other = |byte: u8| match byte {
        b'A'..=b'Z' => b'A' + (byte - b'A' + 1 + draw(25)) % 26,
        b'a'..=b'z' => b'a' + (byte - b'a' + 1 + draw(25)) % 26,
        b'0'..=b'9' => b'0' + (byte - b'0' + 1 + draw(9)) % 10,
        0x80.. => b'a' + draw(26),
        _ => byte,
    };
    name.iter().map(|byte| other(*byte)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Key, pseudonym};

    #[test]
    fn every_letter_and_digit_is_another_one() {
        let key = Key::from_hex(&"5a".repeat(16)).unwrap();
        let name = b"Quarterly-Report_2026 v2.xlsx";
        let other = pseudonym(&key, name);
        assert_eq!(other, pseudonym(&key, name));
        assert_eq!(other.len(), name.len());
        for (old, new) in name.iter().zip(&other) {
            assert_eq!(old.is_ascii_alphanumeric(), old != new, "{}", String::from_utf8_lossy(&other));
        }
    }

    #[test]
    fn bytes_beyond_ascii_become_letters() {
        let key = Key::from_hex(&"5a".repeat(16)).unwrap();
        assert!(pseudonym(&key, "größe".as_bytes()).is_ascii());
    }
}
