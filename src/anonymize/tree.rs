//! Permutes bit strings so that those with a common prefix get pseudonyms with a common prefix of the same length
//! (Xu, Fan, Ammar and Moon, "Prefix-preserving IP address anonymization", 2002), and those of a class stay in it.
//!
//! Whether a bit is flipped depends on the key and on all bits before it. On the way to a class no bit is flipped, so
//! that each class is mapped to itself, and what is in none stays out of all.

use super::key::Key;

/// Bit strings that begin like this stay together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Class {
    /// Left-aligned.
    pub prefix: u128,
    /// In bits.
    pub len: u32,
    /// Whether its members keep their values: they name no host.
    pub kept: bool,
}

/// A family of bit strings with its classes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tree {
    /// Tells the families apart.
    pub purpose: u8,
    /// Length of the strings.
    pub bits: u32,
    pub classes: &'static [Class],
}

impl Tree {
    /// The pseudonym of a left-aligned bit string.
    pub fn permute(&self, key: &Key, value: u128) -> u128 {
        if self.classes.iter().any(|class| class.kept && class.holds(value)) {
            return value;
        }
        (0..self.bits).fold(value, |out, bit| {
            let prefix = value & mask(bit);
            if self.classes.iter().any(|class| class.lies_below(prefix, bit)) {
                return out;
            }
            let [len, ..] = bit.to_le_bytes();
            let mut name = [len; 17];
            if let Some(rest) = name.get_mut(1..) {
                rest.copy_from_slice(&prefix.to_be_bytes());
            }
            let flip = key.number(self.purpose, &name) & 1 == 1;
            if flip { out ^ (1 << (127 - bit)) } else { out }
        })
    }
}

impl Class {
    pub fn holds(self, value: u128) -> bool {
        value & mask(self.len) == self.prefix
    }

    /// Whether the class is reached by going on from a shorter prefix.
    fn lies_below(self, prefix: u128, len: u32) -> bool {
        len < self.len && self.prefix & mask(len) == prefix
    }
}

/// The first `len` bits.
fn mask(len: u32) -> u128 {
    u128::MAX.checked_shl(128 - len).unwrap_or(0)
}
