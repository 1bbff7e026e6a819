//! Reads what TLS hides, where its keys are known: key logs (RFC 9850) and the secrets that pcapng files carry.
//!
//! Knows records and handshakes as far as keys follow from them (RFC 5246, RFC 8446), and nothing of what is said in
//! them. Keys and what was decrypted have no `Debug` that shows them, and are wiped when they are no longer needed.

mod cipher;
mod handshake;
mod keys;
mod records;
mod schedule;
mod suite;

pub use keys::{Keys, Random, Secrets};
pub use records::{Channel, Lookup, Opened, Tls, Unread};

/// A protocol version as it stands on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// TLS 1.2.
    Tls12,
    /// TLS 1.3.
    Tls13,
}

/// Type, version and length of a record.
pub const HEADER: usize = 5;
/// Longest fragment of a record: 2^14 bytes and 2048 for the expansion of old ciphers (RFC 5246 6.2.3).
const RECORD_BYTES: usize = (1 << 14) + 2048;
