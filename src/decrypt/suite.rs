//! The cipher suites that are understood (IANA TLS parameters), by their numbers.

use Hash::{Sha256, Sha384};
use Protection::{Cbc, Ccm, ChaCha20Poly1305, Gcm};

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

#[cfg(feature = "tls")]
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

/// A suite that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suite {
    number: u16,
    name: &'static str,
    pub protection: Protection,
    /// Bytes of the key.
    pub key: usize,
    pub hash: Hash,
}

const fn suite(number: u16, name: &'static str, protection: Protection, key: usize, hash: Hash) -> Suite {
    Suite { number, name, protection, key, hash }
}

/// By number.
const SUITES: &[Suite] = &[
    suite(0x002f, "TLS_RSA_WITH_AES_128_CBC_SHA", Cbc(Mac::Sha1), 16, Sha256),
    suite(0x0032, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA", Cbc(Mac::Sha1), 16, Sha256),
    suite(0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", Cbc(Mac::Sha1), 16, Sha256),
    suite(0x0035, "TLS_RSA_WITH_AES_256_CBC_SHA", Cbc(Mac::Sha1), 32, Sha256),
    suite(0x0038, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA", Cbc(Mac::Sha1), 32, Sha256),
    suite(0x0039, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA", Cbc(Mac::Sha1), 32, Sha256),
    suite(0x003c, "TLS_RSA_WITH_AES_128_CBC_SHA256", Cbc(Mac::Sha256), 16, Sha256),
    suite(0x003d, "TLS_RSA_WITH_AES_256_CBC_SHA256", Cbc(Mac::Sha256), 32, Sha256),
    suite(0x0040, "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", Cbc(Mac::Sha256), 16, Sha256),
    suite(0x0067, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256", Cbc(Mac::Sha256), 16, Sha256),
    suite(0x006a, "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256", Cbc(Mac::Sha256), 32, Sha256),
    suite(0x006b, "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", Cbc(Mac::Sha256), 32, Sha256),
    suite(0x009c, "TLS_RSA_WITH_AES_128_GCM_SHA256", Gcm, 16, Sha256),
    suite(0x009d, "TLS_RSA_WITH_AES_256_GCM_SHA384", Gcm, 32, Sha384),
    suite(0x009e, "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256", Gcm, 16, Sha256),
    suite(0x009f, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", Gcm, 32, Sha384),
    suite(0x1301, "TLS_AES_128_GCM_SHA256", Gcm, 16, Sha256),
    suite(0x1302, "TLS_AES_256_GCM_SHA384", Gcm, 32, Sha384),
    suite(0x1303, "TLS_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, 32, Sha256),
    suite(0x1304, "TLS_AES_128_CCM_SHA256", Ccm(16), 16, Sha256),
    suite(0x1305, "TLS_AES_128_CCM_8_SHA256", Ccm(8), 16, Sha256),
    suite(0xc009, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA", Cbc(Mac::Sha1), 16, Sha256),
    suite(0xc00a, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA", Cbc(Mac::Sha1), 32, Sha256),
    suite(0xc013, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", Cbc(Mac::Sha1), 16, Sha256),
    suite(0xc014, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA", Cbc(Mac::Sha1), 32, Sha256),
    suite(0xc023, "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256", Cbc(Mac::Sha256), 16, Sha256),
    suite(0xc024, "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", Cbc(Mac::Sha384), 32, Sha384),
    suite(0xc027, "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256", Cbc(Mac::Sha256), 16, Sha256),
    suite(0xc028, "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384", Cbc(Mac::Sha384), 32, Sha384),
    suite(0xc02b, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", Gcm, 16, Sha256),
    suite(0xc02c, "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", Gcm, 32, Sha384),
    suite(0xc02f, "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", Gcm, 16, Sha256),
    suite(0xc030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", Gcm, 32, Sha384),
    suite(0xc09c, "TLS_RSA_WITH_AES_128_CCM", Ccm(16), 16, Sha256),
    suite(0xc09d, "TLS_RSA_WITH_AES_256_CCM", Ccm(16), 32, Sha256),
    suite(0xc09e, "TLS_DHE_RSA_WITH_AES_128_CCM", Ccm(16), 16, Sha256),
    suite(0xc09f, "TLS_DHE_RSA_WITH_AES_256_CCM", Ccm(16), 32, Sha256),
    suite(0xc0a0, "TLS_RSA_WITH_AES_128_CCM_8", Ccm(8), 16, Sha256),
    suite(0xc0a1, "TLS_RSA_WITH_AES_256_CCM_8", Ccm(8), 32, Sha256),
    suite(0xc0a2, "TLS_DHE_RSA_WITH_AES_128_CCM_8", Ccm(8), 16, Sha256),
    suite(0xc0a3, "TLS_DHE_RSA_WITH_AES_256_CCM_8", Ccm(8), 32, Sha256),
    suite(0xc0ac, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM", Ccm(16), 16, Sha256),
    suite(0xc0ad, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", Ccm(16), 32, Sha256),
    suite(0xc0ae, "TLS_ECDHE_ECDSA_WITH_AES_128_CCM_8", Ccm(8), 16, Sha256),
    suite(0xc0af, "TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8", Ccm(8), 32, Sha256),
    suite(0xcca8, "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, 32, Sha256),
    suite(0xcca9, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, 32, Sha256),
    suite(0xccaa, "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256", ChaCha20Poly1305, 32, Sha256),
];

impl Suite {
    /// The suite with this number.
    pub fn of(number: u16) -> Option<Self> {
        SUITES.iter().find(|suite| suite.number == number).copied()
    }
}

/// The name of a suite, or its number.
pub fn suite_name(number: u16) -> String {
    Suite::of(number).map_or_else(|| format!("0x{number:04x}"), |suite| suite.name.to_owned())
}
