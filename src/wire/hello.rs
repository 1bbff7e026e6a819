//! Tells from the first bytes of a TLS server whether it took up an earlier session (RFC 5246 7.3, RFC 8446 2.2).
//!
//! Reads clear handshake messages only; what is encrypted or cut off is not guessed.

/// What the server's half of a handshake shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Handshake {
    /// A new session: certificates are exchanged.
    Full(Version),
    /// An earlier session goes on: abbreviated handshake, or a pre-shared key was chosen.
    Resumed(Version),
    /// Cannot be told.
    Unknown,
}

/// TLS up to 1.2 shows records by their type, 1.3 hides all behind application data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// TLS 1.2 or older.
    Old,
    /// TLS 1.3.
    New,
}

/// Type, version and length.
const HEADER: usize = 5;
const CHANGE_CIPHER_SPEC: u8 = 0x14;
const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const NEW_SESSION_TICKET: u8 = 4;
const SUPPORTED_VERSIONS: u16 = 43;
const PRE_SHARED_KEY: u16 = 41;
/// Behind type and length: version and random.
const RANDOM: std::ops::Range<usize> = 2..34;
/// The random of a HelloRetryRequest begins with this (RFC 8446 4.1.3: SHA-256 of its name).
const RETRY: [u8; 8] = [0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11];

/// Whether these bytes begin with a ClientHello.
pub fn is_client(head: &[u8]) -> bool {
    matches!(head, [HANDSHAKE, 3, _, _, _, CLIENT_HELLO, ..])
}

/// What the server's first bytes show.
pub fn judge(head: &[u8]) -> Handshake {
    let mut hello = false;
    for item in items(head) {
        match item {
            Item::Message(SERVER_HELLO, body) if !hello => {
                if body.get(RANDOM).is_some_and(|random| random.starts_with(&RETRY)) {
                    continue;
                }
                match by_extensions(body) {
                    Some(handshake) => return handshake,
                    None => hello = true,
                }
            }
            // The server's next word after its hello tells (RFC 5246 7.3, RFC 5077 3.1).
            Item::Message(NEW_SESSION_TICKET, _) | Item::ChangeCipherSpec if hello => {
                return Handshake::Resumed(Version::Old);
            }
            Item::Message(..) if hello => return Handshake::Full(Version::Old),
            Item::Message(..) => return Handshake::Unknown,
            Item::ChangeCipherSpec => {}
        }
    }
    Handshake::Unknown
}

enum Item<'a> {
    Message(u8, &'a [u8]),
    ChangeCipherSpec,
}

/// The clear messages in order, up to the first encrypted record. The last body may be cut.
fn items(head: &[u8]) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut rest = head;
    while let Some((&[kind, _, _, high, low], behind)) = rest.split_first_chunk::<HEADER>() {
        let len = usize::from(u16::from_be_bytes([high, low]));
        let body = behind.get(..len).unwrap_or(behind);
        match kind {
            HANDSHAKE => messages(body, &mut items),
            CHANGE_CIPHER_SPEC => items.push(Item::ChangeCipherSpec),
            _ => break,
        }
        rest = behind.get(len..).unwrap_or_default();
    }
    items
}

fn messages<'a>(mut body: &'a [u8], items: &mut Vec<Item<'a>>) {
    while let Some((&[kind, a, b, c], behind)) = body.split_first_chunk::<4>() {
        let len = usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap_or(usize::MAX);
        items.push(Item::Message(kind, behind.get(..len).unwrap_or(behind)));
        body = behind.get(len..).unwrap_or_default();
    }
}

/// What a ServerHello of TLS 1.3 says by its extensions; `None` for an older one, as for one that is cut.
fn by_extensions(body: &[u8]) -> Option<Handshake> {
    let (id_len, behind) = body.get(RANDOM.end..)?.split_first()?;
    // The session identifier, then cipher suite and compression.
    let behind = behind.get(usize::from(*id_len) + 3..)?;
    let (&[high, low], extensions) = behind.split_first_chunk::<2>()?;
    let mut rest = extensions.get(..usize::from(u16::from_be_bytes([high, low])))?;
    let (mut new, mut resumed) = (false, false);
    while let Some((&[a, b, c, d], behind)) = rest.split_first_chunk::<4>() {
        let (kind, len) = (u16::from_be_bytes([a, b]), usize::from(u16::from_be_bytes([c, d])));
        let value = behind.get(..len)?;
        new |= kind == SUPPORTED_VERSIONS && value == [3, 4];
        resumed |= kind == PRE_SHARED_KEY;
        rest = behind.get(len..)?;
    }
    new.then_some(if resumed { Handshake::Resumed(Version::New) } else { Handshake::Full(Version::New) })
}

#[cfg(test)]
mod tests {
    use super::{Handshake, RETRY, Version, is_client, judge};

    fn record(kind: u8, body: &[u8]) -> Vec<u8> {
        let len = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3, len[0], len[1]], body].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        [&[kind, 0, 0, u8::try_from(body.len()).unwrap()], body].concat()
    }

    fn hello(random: &[u8], extensions: &[u8]) -> Vec<u8> {
        let mut body = vec![3, 3];
        body.extend(random.iter().chain(std::iter::repeat(&7)).take(32));
        body.extend([2, 9, 9, 0xc0, 0x2f, 0, 0, u8::try_from(extensions.len()).unwrap()]);
        message(2, &[&body, extensions].concat())
    }

    const NEW: &[u8] = &[0, 43, 0, 2, 3, 4];
    const KEY: &[u8] = &[0, 41, 0, 2, 0, 0];

    #[test]
    fn a_new_server_says_it_by_its_choice_of_a_key() {
        let full = record(0x16, &hello(&[], NEW));
        assert_eq!(judge(&full), Handshake::Full(Version::New));
        let resumed = record(0x16, &hello(&[], &[NEW, KEY].concat()));
        assert_eq!(judge(&resumed), Handshake::Resumed(Version::New));
        let retried = [record(0x16, &hello(&RETRY, NEW)), record(0x14, &[1]), resumed].concat();
        assert_eq!(judge(&retried), Handshake::Resumed(Version::New));
    }

    #[test]
    fn an_old_server_says_it_by_its_next_word() {
        let hello = hello(&[], &[]);
        let certificate = record(0x16, &[hello.clone(), message(11, b"cert")].concat());
        assert_eq!(judge(&certificate), Handshake::Full(Version::Old));
        let abbreviated = [record(0x16, &hello), record(0x14, &[1]), record(0x16, b"encrypted")].concat();
        assert_eq!(judge(&abbreviated), Handshake::Resumed(Version::Old));
        let ticket = [record(0x16, &hello), record(0x16, &message(4, b"ticket"))].concat();
        assert_eq!(judge(&ticket), Handshake::Resumed(Version::Old));
    }

    #[test]
    fn what_is_cut_is_not_guessed() {
        let full = record(0x16, &hello(&[], &[NEW, KEY].concat()));
        for len in 0..full.len() {
            assert_eq!(judge(&full[..len]), Handshake::Unknown, "{len}");
        }
        assert_eq!(judge(b"150 no TLS at all"), Handshake::Unknown);
        assert_eq!(judge(&record(0x15, &[2, 40])), Handshake::Unknown);
    }

    #[test]
    fn a_client_is_known_by_its_hello() {
        assert!(is_client(&record(0x16, &message(1, b"x"))));
        assert!(!is_client(&record(0x16, &message(2, b"x"))) && !is_client(b"USER x"));
    }
}
