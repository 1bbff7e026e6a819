//! TLS: record headers stay, and of what is said in clear which messages come and which version and keys the server
//! chooses; names, certificates and everything encrypted become zeros.

use super::script::What;

/// Type, version and length (RFC 8446 5.1).
const HEADER_BYTES: usize = 5;
const HANDSHAKE: u8 = 0x16;
/// Bytes of a record that are read for the messages in them: hellos have a few hundred.
const READ_BYTES: usize = 2048;

const SERVER_HELLO: u8 = 2;
/// Within a message: its type and length.
const MESSAGE_HEADER: usize = 4;
/// Version and random.
const RANDOM: std::ops::Range<usize> = 2..34;
/// Begins the random of a HelloRetryRequest (RFC 8446 4.1.3).
const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
const SUPPORTED_VERSIONS: [u8; 2] = [0, 43];

/// Where in its records a direction stands.
#[derive(Debug, Default)]
pub(super) struct Records {
    header: Vec<u8>,
    /// Bytes of the body to come.
    body: u64,
    /// The first bytes of a handshake record; `None` for other records, and behind missing bytes.
    read: Option<Vec<u8>>,
    /// The boundaries are lost: all that follows is blanked.
    lost: bool,
    /// Headers seen.
    pub count: u32,
}

impl Records {
    /// Whether these bytes, at the beginning of a line, begin TLS (or an SSLv2 hello) and no text.
    pub fn begin(bytes: &[u8]) -> bool {
        match bytes {
            [0x14 | 0x17 | 0x18, 3, ..] => true,
            [first, ..] => matches!(first, 0x15 | 0x16 | 0x80 | 0x81),
            [] => false,
        }
    }

    /// What the next bytes become, and how many they are; none where text begins again.
    pub fn next(&mut self, bytes: &[u8]) -> (What, usize) {
        let Some(first) = bytes.first() else { return (What::Blank(0), 0) };
        if self.lost {
            return (What::Blank(bytes.len() as u64), bytes.len());
        }
        if self.body > 0 {
            return self.of_body(bytes, *first);
        }
        match (self.header.len(), first) {
            (0, b' '..=b'~' | 0xff) => (What::Blank(0), 0),
            (0, 0x80..) => {
                self.lost = true;
                (What::Kept(1), 1)
            }
            (_, byte) => {
                self.header.push(*byte);
                if let [kind, major, minor, high, low] = self.header[..] {
                    self.lost = !((0x14..=0x18).contains(&kind) && major == 3 && minor <= 4);
                    self.body = u64::from(u16::from_be_bytes([high, low]));
                    self.read = (kind == HANDSHAKE).then(Vec::new);
                    self.count += 1;
                    self.header.clear();
                }
                debug_assert!(self.header.len() < HEADER_BYTES);
                (What::Kept(1), 1)
            }
        }
    }

    fn of_body(&mut self, bytes: &[u8], first: u8) -> (What, usize) {
        if let Some(read) = &mut self.read
            && read.len() < READ_BYTES
        {
            read.push(first);
            self.body -= 1;
            return (if is_told(read) { What::Kept(1) } else { What::Blank(1) }, 1);
        }
        let len = usize::try_from(self.body).unwrap_or(usize::MAX).min(bytes.len());
        self.body -= len as u64;
        (What::Blank(len as u64), len)
    }

    /// Passes over missing bytes.
    pub fn skip(&mut self, len: u64) {
        self.lost |= len > self.body || !self.header.is_empty();
        self.body = self.body.saturating_sub(len);
        self.read = None;
    }
}

/// Whether the last of these bytes of a handshake record names nobody.
fn is_told(record: &[u8]) -> bool {
    let mut message = record;
    loop {
        let Some((head, behind)) = message.split_first_chunk::<MESSAGE_HEADER>() else { return true };
        let [kind, high, middle, low] = *head;
        let len = usize::try_from(u32::from_be_bytes([0, high, middle, low])).unwrap_or(usize::MAX);
        if behind.is_empty() {
            return true;
        }
        match behind.get(len..) {
            Some(next) if !next.is_empty() => message = next,
            _ => return kind == SERVER_HELLO && is_told_by_server(behind),
        }
    }
}

/// Whether the last of these bytes of a ServerHello is a length, a choice, or the mark of a retry.
fn is_told_by_server(hello: &[u8]) -> bool {
    let Some(last) = hello.len().checked_sub(1) else { return false };
    if RANDOM.contains(&last) {
        return hello.get(RANDOM.start..).is_some_and(|random| RETRY.starts_with(random));
    }
    let Some((id_len, behind)) = hello.get(RANDOM.end..).and_then(<[u8]>::split_first) else { return true };
    let Some(behind) = behind.get(usize::from(*id_len)..) else { return behind.is_empty() };
    // Cipher suite, compression, length of the extensions.
    let Some(mut rest) = behind.get(5..) else { return !behind.is_empty() };
    loop {
        let Some((&[kind_high, kind_low, high, low], value)) = rest.split_first_chunk::<4>() else { return true };
        let len = usize::from(u16::from_be_bytes([high, low]));
        match value.get(len..) {
            _ if value.is_empty() => return true,
            Some(next) if !next.is_empty() => rest = next,
            _ => return [kind_high, kind_low] == SUPPORTED_VERSIONS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{RETRY, Records, What};
    use crate::wire::hello::{Handshake, Version, judge};

    fn blanked(bytes: &[u8]) -> (Vec<u8>, usize) {
        let (mut records, mut out, mut at) = (Records::default(), Vec::new(), 0);
        while at < bytes.len() {
            let (what, len) = records.next(&bytes[at..]);
            match what {
                What::Kept(_) => out.extend(&bytes[at..at + len]),
                What::Blank(_) => out.resize(out.len() + len, 0),
                What::Text(..) => panic!("no text"),
            }
            if len == 0 {
                break;
            }
            at += len;
        }
        (out, at)
    }

    fn record(body: &[u8]) -> Vec<u8> {
        [&[0x16, 3, 3, 0, u8::try_from(body.len()).unwrap()], body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, u8::try_from(body.len()).unwrap()], body].concat()
    }

    fn server_hello(random: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(random.iter().chain(std::iter::repeat(&b'R')).take(32));
        body.extend([2, b'I', b'D', 0xc0, 0x2f, 0, 0, u8::try_from(extensions.len()).unwrap()]);
        message(2, &[&body, extensions].concat())
    }

    #[test]
    fn headers_stay_and_bodies_go() {
        let bytes = b"\x17\x03\x01\x00\x03sni\x15\x03\x03\x00\x02\x01\x00QUIT\r\n";
        assert_eq!(blanked(bytes), (b"\x17\x03\x01\x00\x03\0\0\0\x15\x03\x03\x00\x02\0\0".to_vec(), 15));
    }

    #[test]
    fn hellos_are_told_and_names_are_not() {
        let new = [&[0, 43, 0, 2, 3, 4][..], &[0, 41, 0, 2, b'K', b'K'], &[0, 16, 0, 3, b'A', b'L', b'P']].concat();
        let cases = [
            (record(&server_hello(&[], &new)), Handshake::Resumed(Version::New)),
            (
                [record(&server_hello(&RETRY, &new[..6])), record(&server_hello(&[], &new[..6]))].concat(),
                Handshake::Full(Version::New),
            ),
            (record(&[server_hello(&[], &[]), message(11, b"CERTIFICATE")].concat()), Handshake::Full(Version::Old)),
            (
                [record(&server_hello(&[], &[])), record(&message(4, b"TICKET"))].concat(),
                Handshake::Resumed(Version::Old),
            ),
        ];
        for (bytes, handshake) in cases {
            assert_eq!(judge(&bytes), handshake);
            let (out, len) = blanked(&bytes);
            assert_eq!((judge(&out), len, out.len()), (handshake, bytes.len(), bytes.len()));
            for secret in [&b"RR"[..], b"ID", b"KK", b"ALP", b"CERT", b"TICK"] {
                assert!(!out.windows(secret.len()).any(|part| part == secret), "{out:02x?}");
            }
        }
        let (client, _) = blanked(&record(&message(1, b"server.example.com")));
        assert!(client[9..].iter().all(|byte| *byte == 0));
        assert_eq!(client[5], 1);
    }

    #[test]
    fn what_cannot_be_delimited_goes_as_a_whole() {
        assert_eq!(blanked(b"\x16\x09\x01\x00\x03secret").0[5..], [0; 6]);
        assert_eq!(blanked(b"\x80\x03secret").0[1..], [0; 7]);
    }

    #[test]
    fn text_is_no_tls() {
        assert!(Records::begin(b"\x16\x03") && Records::begin(b"\x17\x03\x03"));
        assert!(!Records::begin(b"USER") && !Records::begin(b"\xff\xf4") && !Records::begin(b"\x17x"));
    }
}
