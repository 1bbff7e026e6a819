//! Tells from the first bytes of both directions whether a connection is an FTP control connection, and who serves.
//!
//! By content on any port: SMTP greets with 220 too, POP3 has USER, RETR and LIST, NNTP has three-digit replies, so a
//! port that nobody named needs the words of both sides.

use std::borrow::Cow;

use memchr::memchr;

use super::line::trimmed;
use super::telnet::{IAC, Telnet};
use super::{Verb, reply, verb};
use crate::flow::{End, HEAD_BYTES};
use crate::wire::tls;

/// Bytes without any line that FTP knows after which a side is taken to speak something else.
const NOISE_BYTES: usize = 128;

/// What the ports of a connection promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// Nothing.
    Unnamed,
    /// This end has a port that the user or a registry calls an FTP control port (990, `--port`).
    Named(End),
    /// This end has port 21: a control connection whatever it carries.
    Ftp(End),
}

/// What a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recognition {
    /// Not decided by the bytes so far.
    Unknown,
    /// A control connection.
    Ftp {
        /// The end that serves.
        server: End,
    },
    /// A control connection by its port, on which nobody has spoken FTP so far.
    Silent {
        /// The end that should serve.
        server: End,
    },
    /// Something else.
    NotFtp,
}

/// What the first bytes of one side are, as far as FTP is concerned. The later ones say more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Words {
    /// Nothing yet, or nothing that decides.
    Open,
    /// Another protocol.
    Foreign,
    /// A TLS record.
    Tls,
    /// Three-digit replies, but no greeting.
    Replies,
    /// 220, 120 or 421 at the start.
    Greeting,
    /// Commands of FTP, which other protocols may have too.
    Commands,
    /// PORT, PASV and similar commands, which no other protocol has.
    Endpoints,
}

/// Decides by the first payload bytes of both ends ([`crate::flow::Half::head`]). Ask again when there are more.
pub fn recognise(origin: &[u8], target: &[u8], ports: Ports) -> Recognition {
    let full = origin.len() >= HEAD_BYTES && target.len() >= HEAD_BYTES;
    let decided = match (words(origin), words(target), ports) {
        (Words::Commands | Words::Endpoints, Words::Greeting, _) | (Words::Endpoints, Words::Replies, _) => {
            Recognition::Ftp { server: End::Target }
        }
        (Words::Greeting, Words::Commands | Words::Endpoints, _) | (Words::Replies, Words::Endpoints, _) => {
            Recognition::Ftp { server: End::Origin }
        }
        (Words::Foreign, _, _) | (_, Words::Foreign, _) => Recognition::NotFtp,
        (one, other, Ports::Named(server) | Ports::Ftp(server)) => {
            let (client, server_words) = if server == End::Target { (one, other) } else { (other, one) };
            let by_client = matches!(client, Words::Commands | Words::Endpoints | Words::Tls);
            let by_server = matches!(server_words, Words::Greeting | Words::Replies);
            if by_client || by_server { Recognition::Ftp { server } } else { Recognition::Unknown }
        }
        (one, other, Ports::Unnamed) => {
            if one == Words::Tls || other == Words::Tls {
                Recognition::NotFtp
            } else {
                Recognition::Unknown
            }
        }
    };
    match (decided, ports) {
        (Recognition::Unknown | Recognition::NotFtp, Ports::Ftp(server)) => Recognition::Silent { server },
        (Recognition::Unknown, _) if full => Recognition::NotFtp,
        (decided, _) => decided,
    }
}

/// Whether a stream begins as an FTP server greets: 220, 120, or 421 when it is full. SMTP greets alike.
pub fn server_greeting(bytes: &[u8]) -> bool {
    words(bytes) == Words::Greeting
}

/// Whether a stream holds a command line of FTP and nothing of SMTP, POP3 or HTTP before it.
pub fn client_command(bytes: &[u8]) -> bool {
    words(bytes) >= Words::Commands
}

/// Whether a client's stream begins with TLS: implicit FTPS on a named port.
pub fn begins_with_tls(bytes: &[u8]) -> bool {
    tls::is_record(bytes)
}

fn words(bytes: &[u8]) -> Words {
    if tls::is_record(bytes) {
        return Words::Tls;
    }
    let mut telnet = Telnet::default();
    let text: Cow<'_, [u8]> = if memchr(IAC, bytes).is_some() {
        bytes.iter().filter_map(|byte| telnet.take(*byte)).collect()
    } else {
        bytes.into()
    };
    let mut strongest = Words::Open;
    for (index, line) in lines(&text).enumerate() {
        let complete = line.last() == Some(&b'\n');
        match (line_words(line, index == 0, complete), strongest) {
            (Words::Foreign, Words::Open) => return Words::Foreign,
            (words @ (Words::Greeting | Words::Replies), Words::Open) => return words,
            (words @ (Words::Commands | Words::Endpoints), _) => strongest = strongest.max(words),
            (_, _) => {}
        }
    }
    if strongest == Words::Open && text.len() >= NOISE_BYTES { Words::Foreign } else { strongest }
}

/// The lines of a text with their ends; of the last one, what there is.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        rest.split_off(..end).filter(|line| !line.is_empty())
    })
}

/// What one line is. A line that is not complete tells only what its beginning tells.
fn line_words(line: &[u8], first: bool, complete: bool) -> Words {
    if reply::is_reply(trimmed(line)) && line.len() > 3 {
        let greeting = first && [b"220", b"120", b"421"].iter().any(|code| line.starts_with(*code));
        return if greeting { Words::Greeting } else { Words::Replies };
    }
    let (name, argument) = verb::split(line);
    if is_of_another_protocol(line) || (first && is_binary(line)) {
        return Words::Foreign;
    }
    match verb::known(name) {
        // SMTP knows these too, and a prober says no more.
        _ if [&b"NOOP"[..], b"QUIT", b"HELP"].iter().any(|common| common.eq_ignore_ascii_case(name)) => Words::Open,
        Some(Verb::Auth) if !is_security_mechanism(argument) => Words::Open,
        Some(Verb::Port | Verb::Eprt | Verb::Lprt) if complete && argument.iter().any(u8::is_ascii_digit) => {
            Words::Endpoints
        }
        Some(Verb::Pasv | Verb::Epsv | Verb::Lpsv) if complete => Words::Endpoints,
        Some(_) if complete || !argument.is_empty() => Words::Commands,
        None if is_foreign_verb(name) => Words::Foreign,
        Some(_) | None => Words::Open,
    }
}

/// Whether a line begins as greetings and replies of other protocols do.
pub(super) fn is_of_another_protocol(line: &[u8]) -> bool {
    const OTHERS: [&[u8]; 5] = [b"+OK", b"-ERR", b"SSH-", b"HTTP/", b"* OK"];
    OTHERS.iter().any(|other| line.starts_with(other))
}

/// AUTH is SMTP's and POP3's too, with SASL mechanisms.
fn is_security_mechanism(argument: &[u8]) -> bool {
    [&b"TLS"[..], b"SSL", b"GSS", b"KER"]
        .iter()
        .any(|mechanism| argument.get(..3).is_some_and(|head| head.eq_ignore_ascii_case(mechanism)))
}

/// Whether it is a command of SMTP, POP3 or HTTP, and none of FTP.
pub(super) fn is_foreign_verb(name: &[u8]) -> bool {
    const VERBS: [&[u8]; 16] = [
        b"EHLO",
        b"HELO",
        b"LHLO",
        b"MAIL",
        b"RCPT",
        b"STARTTLS",
        b"CAPA",
        b"STLS",
        b"UIDL",
        b"APOP",
        b"GET",
        b"POST",
        b"HEAD",
        b"PUT",
        b"OPTIONS",
        b"CONNECT",
    ];
    VERBS.iter().any(|verb| verb.eq_ignore_ascii_case(name))
}

/// Control bytes that no line of text holds.
fn is_binary(line: &[u8]) -> bool {
    line.iter().any(|byte| matches!(byte, 0..=8 | 0x0e..=0x1a))
}

#[cfg(test)]
mod tests {
    use super::{Ports, Recognition, begins_with_tls, client_command, recognise, server_greeting};
    use crate::flow::End;

    const BY_TARGET: Recognition = Recognition::Ftp { server: End::Target };

    fn unnamed(origin: &str, target: &str) -> Recognition {
        recognise(origin.as_bytes(), target.as_bytes(), Ports::Unnamed)
    }

    #[test]
    fn greetings() {
        for text in ["220 ready\r\n", "220-Welcome", "120 soon\r\n", "421 full\r\n", "220\r\n"] {
            assert!(server_greeting(text.as_bytes()), "{text}");
        }
        for text in ["", "22", "220", "2200 x", "+OK x", "200 news\r\n", "SSH-2.0-x", "HTTP/1.1 200 OK\r\n"] {
            assert!(!server_greeting(text.as_bytes()), "{text}");
        }
    }

    #[test]
    fn commands() {
        let ours =
            ["USER a\r\n", "auth tls\r\n", "FEAT\n", "port 1,2,3,4,5,6\r\n", "\u{1}", "NOOP\r\nSYST\r\n", "TYPE I"];
        for text in ours {
            assert_eq!(client_command(text.as_bytes()), text != "\u{1}", "{text}");
        }
        let foreign = [
            "EHLO x\r\n",
            "helo x\r\n",
            "CAPA\r\nUSER a\r\n",
            "GET / HTTP/1.1\r\n",
            "AUTH LOGIN\r\n",
            "QUIT\r\n",
            "US",
        ];
        for text in foreign {
            assert!(!client_command(text.as_bytes()), "{text}");
        }
        assert!(client_command(b"\xff\xfb\x01USER a\r\n"));
    }

    #[test]
    fn a_port_that_nobody_named_needs_both_sides() {
        assert_eq!(unnamed("USER a\r\n", "220 hi\r\n"), BY_TARGET);
        assert_eq!(unnamed("220 hi\r\n", "USER a\r\n"), Recognition::Ftp { server: End::Origin });
        assert_eq!(unnamed("AUTH GSSAPI\r\n", "220 GridFTP\r\n"), BY_TARGET);
        assert_eq!(unnamed("", "220 hi\r\n"), Recognition::Unknown);
        assert_eq!(unnamed("USER a\r\n", ""), Recognition::Unknown);
    }

    #[test]
    fn other_protocols_are_not_ftp() {
        let others = [
            ("EHLO me\r\n", "220 mail ESMTP\r\n"),
            ("USER a\r\nRETR 1\r\n", "+OK POP3\r\n"),
            ("GET / HTTP/1.1\r\n", ""),
            ("SSH-2.0-x\r\n", "SSH-2.0-y\r\n"),
            ("\u{1}\u{2}\u{3}", ""),
        ];
        for (origin, target) in others {
            assert_eq!(unnamed(origin, target), Recognition::NotFtp, "{origin} {target}");
        }
        assert_ne!(unnamed("MODE READER\r\nLIST\r\n", "200 news\r\n215 list\r\n"), BY_TARGET);
        assert_ne!(unnamed("QUIT\r\n", "220 mail\r\n"), BY_TARGET);
        assert_eq!(unnamed(&"x".repeat(600), &"y".repeat(600)), Recognition::NotFtp);
    }

    #[test]
    fn a_dialogue_picked_up_needs_an_endpoint_on_such_a_port() {
        assert_eq!(unnamed("TYPE I\r\nPASV\r\n", "200 ok\r\n227 (1,2,3,4,5,6)\r\n"), BY_TARGET);
        assert_eq!(unnamed("TYPE I\r\n", "200 ok\r\n"), Recognition::Unknown);
    }

    #[test]
    fn a_named_port_needs_one_side() {
        let named = |origin: &[u8], target: &[u8]| recognise(origin, target, Ports::Named(End::Target));
        assert_eq!(named(b"", b"220 hi\r\n"), BY_TARGET);
        assert_eq!(named(b"SYST\r\n", b""), BY_TARGET);
        assert_eq!(named(b"\x16\x03\x01\x00\x02ab", b""), BY_TARGET);
        assert_eq!(named(b"GET / HTTP/1.0\r\n", b""), Recognition::NotFtp);
        assert_eq!(named(b"", b""), Recognition::Unknown);
        assert!(begins_with_tls(b"\x16\x03\x01\x00\x02ab"));
    }

    #[test]
    fn port_21_is_a_control_connection_even_when_nobody_speaks_ftp() {
        let silent = Recognition::Silent { server: End::Target };
        for origin in [&b""[..], b"GET / HTTP/1.0\r\n", b"\xff\xfb\x25"] {
            assert_eq!(recognise(origin, b"\xff\xfa\x25\x01\xff\xf0", Ports::Ftp(End::Target)), silent);
        }
        assert_eq!(recognise(b"", b"220 hi\r\n", Ports::Ftp(End::Target)), BY_TARGET);
    }
}
