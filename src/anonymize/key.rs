//! The secret behind all pseudonyms: equal keys give equal pseudonyms, and without the key nobody can go back.

#[cfg(feature = "cli")]
use std::hash::BuildHasher as _;
use std::hash::Hasher as _;

use siphasher::sip::SipHasher24;

/// 128 bits: the key of SipHash, whose outputs nobody can tell from random ones without it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl Key {
    /// A key that nobody knows, from the system; where that has none to give, one from the randomness that the
    /// program was started with.
    #[cfg(feature = "cli")]
    pub fn random() -> Self {
        let mut bytes = [0; 16];
        if getrandom::fill(&mut bytes).is_err() {
            let state = std::collections::hash_map::RandomState::new();
            let [low, high] = [0_u8, 1].map(|half| state.hash_one(half).to_be_bytes());
            bytes = [low, high].as_flattened().try_into().unwrap_or(bytes);
        }
        Self(bytes)
    }

    /// 32 hexadecimal digits. The error says what is wrong.
    pub fn from_hex(text: &str) -> Result<Self, String> {
        let wrong = || "a key is 32 hexadecimal digits".to_owned();
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| wrong())?;
        Ok(Self(number.to_be_bytes()))
    }

    /// A number that depends on the key, what it is for, and `bytes`.
    pub(super) fn number(&self, purpose: u8, bytes: &[u8]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        hasher.write(&[purpose]);
        hasher.write(bytes);
        hasher.finish()
    }
}

/// Never shows itself.
impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}

#[cfg(test)]
mod tests {
    use super::Key;

    #[test]
    fn keys_are_32_hexadecimal_digits() {
        let key = Key::from_hex("000102030405060708090a0b0c0d0e0f").unwrap();
        assert_eq!(key.number(1, b"x"), Key::from_hex("000102030405060708090A0B0C0D0E0F").unwrap().number(1, b"x"));
        assert_ne!(key.number(1, b"x"), key.number(2, b"x"));
        for wrong in ["", "00", "+00102030405060708090a0b0c0d0e0f", "g00102030405060708090a0b0c0d0e0f"] {
            assert!(Key::from_hex(wrong).is_err(), "{wrong}");
        }
    }

    #[cfg(feature = "cli")]
    #[test]
    fn random_keys_differ_and_keep_silent() {
        let (one, other) = (Key::random(), Key::random());
        assert_ne!(one, other);
        assert_eq!(format!("{one:?}"), "Key");
    }
}
