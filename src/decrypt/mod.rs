//! Reads what TLS hides, where its keys are known: key logs (RFC 9850) and the secrets that pcapng files carry.
//!
//! Knows records and handshakes as far as keys follow from them (RFC 5246, RFC 8446), and nothing of what is said in
//! them. Keys and what was decrypted have no `Debug` that shows them, and are wiped when they are no longer needed.

use std::fmt;

use data_encoding::HEXLOWER;

#[cfg(feature = "tls")]
mod cipher;
mod handshake;
mod keys;
#[cfg(not(feature = "tls"))]
mod off;
mod records;
#[cfg(feature = "tls")]
mod schedule;
mod sealed;
mod suite;

#[cfg(not(feature = "tls"))]
use off::{cipher, schedule};

pub use handshake::random_in;
pub use keys::{Keys, Lines, Master, Random, Rest, TlsSecrets};
pub use records::{Channel, Lookup, Opened, Tls, Unread};

pub use sealed::{Inside, Opener, Sealed};
pub use suite::suite_name;

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls12 => "TLS 1.2",
            Self::Tls13 => "TLS 1.3",
        })
    }
}

/// Bytes of a number that are shown to find it by.
const SHOWN: usize = 8;

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey(random) => {
                let shown = random.get(..SHOWN).unwrap_or_default();
                write!(f, "no key for client random {}...", HEXLOWER.encode(shown))
            }
            Self::WrongKey => f.write_str("the key for its client random does not decrypt it"),
            Self::Suite(number) => write!(f, "cipher suite {} is not supported", suite_name(*number)),
            Self::NotBuilt => f.write_str("this ftpwhy was built without tls"),
            Self::Version => f.write_str("it is older than TLS 1.2"),
            Self::Missing => f.write_str("bytes that are needed to decrypt it are missing"),
        }
    }
}

/// Type, version and length of a record.
pub const HEADER: usize = 5;
/// Longest fragment of a record: 2^14 bytes and 2048 for the expansion of old ciphers (RFC 5246 6.2.3).
const RECORD_BYTES: usize = (1 << 14) + 2048;
