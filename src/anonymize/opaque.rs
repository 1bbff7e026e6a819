//! TLS: record headers stay, and of what is said in clear which messages come, which version and keys the server chooses,
//! and fatal alerts; names, certificates and everything encrypted become zeros.

use crate::wire::tls::{self, Kind};

/// Bytes of a record that are read for the messages in them: hellos have a few hundred.
const READ_BYTES: usize = 2048;

const SERVER_HELLO: u8 = 2;
/// The level of an alert that ends the session.
const FATAL: u8 = 2;
/// Within a message: its type and length.
const MESSAGE_HEADER: usize = 4;
/// Version and random.
const RANDOM: std::ops::Range<usize> = 2..34;
/// Begins the random of a HelloRetryRequest (RFC 8446 4.1.3).
const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];
const SUPPORTED_VERSIONS: [u8; 2] = [0, 43];

/// Where in its records a direction stands.
#[derive(Debug)]
pub(super) struct Records {
    /// As the analysis walks over them.
    walker: tls::Records,
    /// The first bytes of a handshake record; `None` for other records, and behind missing bytes.
    read: Option<Vec<u8>>,
    /// Headers seen.
    pub count: u32,
}

impl Default for Records {
    fn default() -> Self {
        Self { walker: tls::Records::First, read: None, count: 0 }
    }
}

/// What is done with the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// So many stay.
    Kept(usize),
    /// So many are blanked.
    Blank(usize),
}

impl Records {
    /// The same bytes of a direction that is all records, as they may be shown.
    pub fn blanked(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(bytes.len());
        while let Some(rest @ [_, ..]) = bytes.get(out.len()..) {
            match self.next(rest) {
                Next::Kept(len) => out.extend_from_slice(rest.get(..len).unwrap_or_default()),
                Next::Blank(len) => out.resize(out.len() + len, 0),
            }
        }
        out
    }

    /// What the next bytes become, of which there is one at least. Where text begins the boundaries are lost.
    pub fn next(&mut self, bytes: &[u8]) -> Next {
        match (self.walker, bytes) {
            (tls::Records::Body(left @ 1..), [first, ..]) => self.of_body(left, *first, bytes),
            (tls::Records::Lost, _) | (_, []) => Next::Blank(bytes.len()),
            (before, [first, ..]) => {
                let (read, count) = (&mut self.read, &mut self.count);
                let mut tell = |record: tls::Record| {
                    *read = (record.kind == Kind::Handshake).then(Vec::new);
                    *count += 1;
                };
                let is_text = self.walker.walk(&[*first], &mut tell).is_some();
                if is_text {
                    self.walker = tls::Records::Lost;
                }
                let kept = match before {
                    // What begins no record is no header.
                    tls::Records::First | tls::Records::Body(_) => self.walker != tls::Records::Lost,
                    // What ended a handshake tells nothing of anybody.
                    tls::Records::Alert(_, level) => level.unwrap_or(*first) == FATAL,
                    tls::Records::Header(..) | tls::Records::OldHeader(_) | tls::Records::Lost => true,
                };
                if kept { Next::Kept(1) } else { Next::Blank(1) }
            }
        }
    }

    fn of_body(&mut self, left: u64, first: u8, bytes: &[u8]) -> Next {
        if let Some(read) = &mut self.read
            && read.len() < READ_BYTES
        {
            read.push(first);
            self.walker = tls::Records::Body(left - 1);
            return if is_told(read) { Next::Kept(1) } else { Next::Blank(1) };
        }
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
        self.walker = tls::Records::Body(left - len as u64);
        Next::Blank(len)
    }

    /// Passes over missing bytes.
    pub fn skip(&mut self, len: u64) {
        self.walker.skip(len);
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
    use super::{RETRY, Records};
    use crate::wire::hello::{Handshake, Version, judge};

    fn blanked(bytes: &[u8]) -> Vec<u8> {
        Records::default().blanked(bytes)
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
        let shown = b"\x17\x03\x01\x00\x03\0\0\0\x15\x03\x03\x00\x02\0\0\0\0\0\0\0\0";
        assert_eq!(blanked(bytes), shown, "text that the analysis takes for records is blanked");
        let fatal = b"\x15\x03\x03\x00\x02\x02\x30\x15\x03\x03\x00\x04\x02\x30ab";
        assert_eq!(blanked(fatal), b"\x15\x03\x03\x00\x02\x02\x30\x15\x03\x03\x00\x04\0\0\0\0");
        let old = b"\x80\x03old\x16\x03\x01\x00\x01h";
        assert_eq!(blanked(old), b"\x80\x03\0\0\0\x16\x03\x01\x00\x01h");
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
            let out = blanked(&bytes);
            assert_eq!((judge(&out), out.len()), (handshake, bytes.len()));
            for secret in [&b"RR"[..], b"ID", b"KK", b"ALP", b"CERT", b"TICK"] {
                assert!(!out.windows(secret.len()).any(|part| part == secret), "{out:02x?}");
            }
        }
        let client = blanked(&record(&message(1, b"server.example.com")));
        assert!(client[9..].iter().all(|byte| *byte == 0));
        assert_eq!(client[5], 1);
    }

    #[test]
    fn what_cannot_be_delimited_goes_as_a_whole() {
        assert_eq!(blanked(b"\x16\x09\x01\x00\x03secret")[5..], [0; 6]);
        assert_eq!(blanked(b"secret"), [0; 6]);
    }
}
