//! The cipher suites that are understood (IANA TLS parameters), by their numbers.

/// The hash of a suite's key derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha384,
}

/// How records are protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protection {
    Gcm,
    /// With a tag of so many bytes.
    Ccm(usize),
    ChaCha20Poly1305,
    /// CBC with HMAC.
    Cbc(Mac),
}

/// The hash of a record's HMAC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mac {
    Sha1,
    Sha256,
    Sha384,
}

impl Mac {
    /// Bytes of the code and of its key.
    pub fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha384 => 48,
        }
    }
}

/// What a suite's number means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    pub hash: Hash,
    pub protection: Protection,
    /// Bytes of the key.
    pub key: usize,
}

impl Suite {
    pub fn of(number: u16) -> Option<Self> {
        use Protection::{Cbc, Ccm, ChaCha20Poly1305, Gcm};
        let (protection, key) = match number {
            0x1301 | 0x009c | 0x009e | 0xc02b | 0xc02f => (Gcm, 16),
            0x1302 | 0x009d | 0x009f | 0xc02c | 0xc030 => (Gcm, 32),
            0x1303 | 0xcca8..=0xccaa => (ChaCha20Poly1305, 32),
            0x1304 | 0xc09c | 0xc09e | 0xc0ac => (Ccm(16), 16),
            0xc09d | 0xc09f | 0xc0ad => (Ccm(16), 32),
            0x1305 | 0xc0a0 | 0xc0a2 | 0xc0ae => (Ccm(8), 16),
            0xc0a1 | 0xc0a3 | 0xc0af => (Ccm(8), 32),
            0x002f | 0x0032 | 0x0033 | 0xc009 | 0xc013 => (Cbc(Mac::Sha1), 16),
            0x0035 | 0x0038 | 0x0039 | 0xc00a | 0xc014 => (Cbc(Mac::Sha1), 32),
            0x003c | 0x0040 | 0x0067 | 0xc023 | 0xc027 => (Cbc(Mac::Sha256), 16),
            0x003d | 0x006a | 0x006b => (Cbc(Mac::Sha256), 32),
            0xc024 | 0xc028 => (Cbc(Mac::Sha384), 32),
            _ => return None,
        };
        let hash = match number {
            0x1302 | 0x009d | 0x009f | 0xc02c | 0xc030 | 0xc024 | 0xc028 => Hash::Sha384,
            _ => Hash::Sha256,
        };
        Some(Self { hash, protection, key })
    }
}
