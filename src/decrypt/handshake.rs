//! The messages of a handshake from which keys follow (RFC 5246 7.4, RFC 8446 4).

use super::{Random, TlsVersion};

/// The type of the records that carry them.
pub(super) const HANDSHAKE: u8 = 0x16;
pub(super) const CLIENT_HELLO: u8 = 1;
pub(super) const SERVER_HELLO: u8 = 2;
pub(super) const FINISHED: u8 = 20;
pub(super) const KEY_UPDATE: u8 = 24;

/// Bytes of a message that is put together from several records: certificates are long.
const MESSAGE_BYTES: usize = 1 << 17;
const ENCRYPT_THEN_MAC: u16 = 22;
const SUPPORTED_VERSIONS: u16 = 43;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;
/// Cipher suites that begin with this byte are of TLS 1.3 alone (RFC 8446 B.4).
const SUITES_1_3: u8 = 0x13;
/// The random of a HelloRetryRequest (RFC 8446 4.1.3).
const RETRY: Random = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11,
    0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// Handshake messages of one direction, put together from records.
#[derive(Default)]
pub(super) struct Messages {
    held: Vec<u8>,
    /// Bytes of a message that is too long to be kept, still to come.
    skipped: usize,
}

impl Messages {
    /// Takes the contents of a record and tells the messages that are whole now: type and body.
    pub fn take(&mut self, mut bytes: &[u8], tell: &mut dyn FnMut(u8, &[u8])) {
        let skip = self.skipped.min(bytes.len());
        self.skipped -= skip;
        bytes = bytes.get(skip..).unwrap_or_default();
        self.held.extend_from_slice(bytes);
        while let Some((&[kind, a, b, c], behind)) = self.held.split_first_chunk::<4>() {
            let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
            if len > MESSAGE_BYTES {
                self.skipped = len.saturating_sub(behind.len());
                self.held.clear();
                return;
            }
            let Some(body) = behind.get(..len) else { return };
            tell(kind, body);
            self.held.drain(..4 + len);
        }
    }

    /// Bytes that wait.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Something is missing.
    pub fn lost(&mut self) {
        *self = Self::default();
    }
}

/// Takes padding and type off the contents of a record of TLS 1.3 (RFC 8446 5.2).
pub(super) fn inner_kind(plain: &mut Vec<u8>) -> Option<u8> {
    let len = plain.iter().rposition(|byte| *byte != 0)?;
    let kind = plain.get(len).copied();
    plain.truncate(len);
    kind
}

/// The random of the ClientHello that begins in these bytes of a connection, at their start or behind a line of text.
pub fn random_in(bytes: &[u8]) -> Option<Random> {
    let lines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(lines).find_map(|at| match bytes.get(at..)?.split_first_chunk::<9>()? {
        ([HANDSHAKE, 3, _, _, _, CLIENT_HELLO, ..], body) => client_random(body),
        _ => None,
    })
}

/// The ServerHello among the records that an end begins with, as far as they are there: it may share its record with what
/// follows, be split over several, or be cut.
pub(super) fn server_hello_in(mut records: &[u8]) -> Option<ServerHello> {
    let (mut messages, mut found) = (Messages::default(), None);
    while let Some((&[kind, 3, _, high, low], rest)) = records.split_first_chunk::<5>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        if kind == HANDSHAKE {
            messages.take(rest.get(..len).unwrap_or(rest), &mut |kind, body| {
                found = found.or_else(|| ServerHello::read(body).filter(|_| kind == SERVER_HELLO));
            });
        }
        records = rest.get(len..).unwrap_or_default();
    }
    found.or_else(|| match messages.held.split_first_chunk::<4>()? {
        ([SERVER_HELLO, ..], begun) => ServerHello::read(begun),
        _ => None,
    })
}

/// The random of a ClientHello.
pub(super) fn client_random(body: &[u8]) -> Option<Random> {
    body.get(2..34)?.try_into().ok()
}

/// What a ServerHello settles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ServerHello {
    pub random: Random,
    /// `None` for one that is older than TLS 1.2.
    pub version: Option<TlsVersion>,
    pub suite: u16,
    pub encrypt_then_mac: bool,
}

impl ServerHello {
    /// `None` for a HelloRetryRequest, and for one that is cut before its extensions.
    pub fn read(body: &[u8]) -> Option<Self> {
        let (legacy, behind) = body.split_first_chunk::<2>()?;
        let (random, behind) = behind.split_first_chunk::<32>()?;
        let (id_len, behind) = behind.split_first()?;
        let behind = behind.get(usize::from(*id_len)..)?;
        let (&[high, low, _compression], behind) = behind.split_first_chunk::<3>()?;
        if *random == RETRY {
            return None;
        }
        let mut version = u16::from_be_bytes(*legacy);
        let mut encrypt_then_mac = false;
        let mut rest = behind.get(2..).unwrap_or_default();
        while let Some((&[a, b, c, d], behind)) = rest.split_first_chunk::<4>() {
            let (kind, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
            let Some(value) = behind.get(..len) else { break };
            match (kind, value) {
                (SUPPORTED_VERSIONS, [high, low]) => version = u16::from_be_bytes([*high, *low]),
                (ENCRYPT_THEN_MAC, _) => encrypt_then_mac = true,
                _ => {}
            }
            rest = behind.get(len..).unwrap_or_default();
        }
        let version = match (version, high) {
            // Their extension may have been cut off.
            (TLS_1_3, _) | (TLS_1_2, SUITES_1_3) => Some(TlsVersion::Tls13),
            (TLS_1_2, _) => Some(TlsVersion::Tls12),
            _ => None,
        };
        Some(Self { random: *random, version, suite: u16::from_be_bytes([high, low]), encrypt_then_mac })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A handshake message.
    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let [_, _, a, b] = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 0, a, b][..], body].concat()
    }

    /// A record of handshake messages.
    fn record(body: &[u8]) -> Vec<u8> {
        let [high, low] = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[HANDSHAKE, 3, 3, high, low][..], body].concat()
    }

    fn server_hello(suite: u16, extensions: &[u8]) -> Vec<u8> {
        let [high, low] = suite.to_be_bytes();
        let [long, short] = u16::try_from(extensions.len()).unwrap().to_be_bytes();
        message(SERVER_HELLO, &[&[3, 3][..], &[7; 32], &[0, high, low, 0, long, short], extensions].concat())
    }

    const VERSION_1_3: [u8; 6] = [0, 43, 0, 2, 3, 4];

    #[test]
    fn a_server_hello_is_found_however_records_hold_it() {
        let hello = server_hello(0xc030, &[0, 22, 0, 0]);
        let expected = Some(ServerHello {
            random: [7; 32],
            version: Some(TlsVersion::Tls12),
            suite: 0xc030,
            encrypt_then_mac: true,
        });
        let certificate = message(11, &[5; 2_000]);
        let shared = record(&[hello.clone(), certificate].concat());
        assert_eq!(server_hello_in(&shared), expected);
        assert_eq!(server_hello_in(&shared[..512]), expected, "the first bytes of a connection are kept");
        let (head, tail) = hello.split_at(20);
        assert_eq!(server_hello_in(&[record(head), record(tail)].concat()), expected);
        let warning = [0x15, 3, 3, 0, 2, 1, 112];
        assert_eq!(server_hello_in(&[&warning[..], &record(&hello)].concat()), expected);
        assert_eq!(server_hello_in(&record(&message(11, &hello))), None);
        assert_eq!(server_hello_in(&record(&hello)[..40]), None);
    }

    #[test]
    fn a_long_server_hello_is_of_its_version_also_where_it_is_cut() {
        let share = [&[0, 51, 4, 0x64][..], &[9; 0x464]].concat();
        let version = |extensions: &[u8], kept: usize| {
            let records = record(&server_hello(0x1301, extensions));
            server_hello_in(&records[..kept.min(records.len())]).and_then(|hello| hello.version)
        };
        for extensions in [[&share[..], &VERSION_1_3].concat(), [&VERSION_1_3[..], &share].concat()] {
            assert_eq!(version(&extensions, 9_999), Some(TlsVersion::Tls13));
            assert_eq!(version(&extensions, 512), Some(TlsVersion::Tls13));
        }
    }
}
