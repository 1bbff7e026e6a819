//! Hides in a line of the dialogue what names somebody or something, and keeps what it is judged by.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::address::Addresses;
use super::located::{Replaced, addresses_in};
use super::names::pseudonym;
use super::script::What;
use super::words::Words;
use crate::ftp::vocabulary::{split_command, verb};
use crate::ftp::{Speaker, Verb};

/// Names of a session that are looked for in replies.
const NAMES: usize = 256;
/// By how much a line grows that is seen on both sides of a NAT: no pseudonym is so much longer than its address.
const WIDER: u64 = 40;
/// Replies that announce an endpoint.
const ENDPOINT_CODES: [&[u8]; 3] = [b"227", b"228", b"229"];

/// What a session has said so far that must not be said again.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeSet<Vec<u8>>);

impl Names {
    /// The addresses at the ends of a connection as single numbers, the way some servers announce them.
    pub fn of_ends(ends: [SocketAddr; 2]) -> Self {
        let number = |end: SocketAddr| match end.ip() {
            IpAddr::V4(address) => Some(address.to_bits().to_string().into_bytes()),
            IpAddr::V6(_) => None,
        };
        Self(ends.into_iter().filter_map(number).collect())
    }

    /// What a command says as the name of something.
    pub fn add(&mut self, argument: &[u8]) {
        let parts = argument.split(|byte| matches!(byte, b'/' | b'\\'));
        let numbers = argument.split(|byte| !byte.is_ascii_digit()).filter(|number| number.len() > 2);
        for name in std::iter::once(argument).chain(parts).chain(numbers) {
            if self.0.len() < NAMES && name.len() > 1 {
                self.0.insert(name.to_ascii_lowercase());
            }
        }
    }

    fn holds(&self, word: &[u8]) -> bool {
        self.0.contains(&word.to_ascii_lowercase())
    }
}

/// Makes a line with an endpoint longer by always the same, with blanks behind its first word: the same line on the
/// other side of a NAT remains as much longer or shorter as it was, which the numbers of TCP count on.
pub(super) fn widened(speaker: Speaker, line: &[u8], said: Vec<What>) -> Vec<What> {
    let announces = match speaker {
        Speaker::Client => verb(split_command(line).0).is_some_and(Verb::is_active_endpoint),
        Speaker::Server => ENDPOINT_CODES.iter().any(|code| line.starts_with(code)),
    };
    let length = |of: fn(&What) -> u64| said.iter().map(of).sum::<u64>();
    let room = (length(What::len) + WIDER).checked_sub(length(What::now_len));
    let blank = line.iter().position(|byte| *byte == b' ');
    let (true, Some(room), Some(blank), [What::Text(was, now), rest @ ..]) = (announces, room, blank, &said[..]) else {
        return said;
    };
    let (Some((was, [b' ', was_rest @ ..])), Some((now, [_, now_rest @ ..]))) =
        (was.split_at_checked(blank), now.split_at_checked(blank))
    else {
        return said;
    };
    let blanks = usize::try_from(room).map_or(Vec::new(), |room| vec![b' '; room + 1]);
    let first = [
        What::Text(was.to_vec(), now.to_vec()),
        What::Text(vec![b' '], blanks),
        What::Text(was_rest.to_vec(), now_rest.to_vec()),
    ];
    first.into_iter().chain(rest.iter().cloned()).collect()
}

/// A text with other bytes in the same places, and with what stands instead of some parts.
pub(super) struct Hidden {
    pub now: Vec<u8>,
    pub replaced: Vec<Replaced>,
}

/// A reply without what it names.
pub(super) fn reply(text: &[u8], names: &Names, words: &Words, addresses: &mut Addresses) -> Hidden {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    // What stands behind it says whether it is one.
    let code = if digits == 3 { 3 + usize::from(text.get(3).is_some_and(|byte| *byte >= 0x80)) } else { 0 };
    let (code, rest) = text.split_at_checked(code).unwrap_or((&[], text));
    let mut hidden = hide_words(rest, names, words, addresses);
    if ENDPOINT_CODES.iter().any(|endpoint| code.starts_with(endpoint)) {
        keep_ports(rest, &mut hidden.now);
    }
    let moved = hidden.replaced.into_iter().map(|(range, now)| (range.start + code.len()..range.end + code.len(), now));
    Hidden { now: [code, &hidden.now].concat(), replaced: moved.collect() }
}

/// Leaves numbers that may be those of a port, or of a half of it.
fn keep_ports(text: &[u8], now: &mut [u8]) {
    let mut start = 0;
    for run in text.split(|byte| !byte.is_ascii_digit()) {
        if run.len() <= 5 {
            put(now, start..start + run.len(), run);
        }
        start += run.len() + 1;
    }
}

/// A text that somebody wrote: pseudonyms for addresses and for all but common words; longer numbers may be anything.
pub(super) fn comment(text: &[u8], words: &Words, addresses: &mut Addresses) -> Vec<u8> {
    let hidden = hide_words(text, &Names::default(), words, addresses);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for (range, said) in hidden.replaced {
        out.extend(number_free(hidden.now.get(at..range.start).unwrap_or_default(), addresses));
        out.extend(said);
        at = range.end;
    }
    out.extend(number_free(hidden.now.get(at..).unwrap_or_default(), addresses));
    out
}

/// The text with other digits in every number that is too long for a port.
fn number_free(text: &[u8], addresses: &Addresses) -> Vec<u8> {
    let mut out = text.to_vec();
    let mut start = 0;
    for run in text.split(|byte| !byte.is_ascii_digit()) {
        if run.len() > 5 {
            put(&mut out, start..start + run.len(), &pseudonym(addresses.key(), run));
        }
        start += run.len() + 1;
    }
    out
}

/// Keeps phrases, common words and numbers, and hides every other word.
pub(super) fn hide_words(text: &[u8], names: &Names, words: &Words, addresses: &mut Addresses) -> Hidden {
    let replaced = addresses_in(text, addresses);
    let mut pinned = words.pinned(text);
    for (range, _) in &replaced {
        pinned.iter_mut().take(range.end).skip(range.start).for_each(|pin| *pin = true);
    }
    let mut now = text.to_vec();
    let mut quoted = false;
    for chunk in chunks(text) {
        let bytes = text.get(chunk.clone()).unwrap_or_default();
        let marks = bytes.split(|byte| *byte == b'"').count() - 1;
        let hide =
            quoted || marks > 0 || !is_harmless(bytes, pinned.get(chunk.clone()).unwrap_or_default(), names, words);
        quoted ^= marks % 2 == 1;
        if hide {
            hide_chunk(&mut now, &pinned, chunk, addresses);
        }
    }
    Hidden { now, replaced }
}

/// Gives the words of a chunk other letters, but for those that stay.
fn hide_chunk(now: &mut [u8], pinned: &[bool], chunk: Range<usize>, addresses: &Addresses) {
    let mut word = chunk.start;
    for at in chunk.start..=chunk.end {
        let stays = |at: usize| pinned.get(at).copied().unwrap_or(true);
        let in_word = at < chunk.end && !stays(at) && now.get(at).copied().is_some_and(is_of_word);
        if !in_word {
            let hidden = pseudonym(addresses.key(), now.get(word..at).unwrap_or_default());
            put(now, word..at, &hidden);
            word = at + 1;
        }
    }
}

/// Whether all of a chunk is common words and numbers that nobody has said as a name.
fn is_harmless(chunk: &[u8], pinned: &[bool], names: &Names, words: &Words) -> bool {
    let is_path = chunk.iter().zip(pinned).any(|(byte, pin)| !pin && matches!(byte, b'/' | b'\\' | b'@' | 0x7f..));
    let free: Vec<u8> = chunk.iter().zip(pinned).map(|(byte, pin)| if *pin { b' ' } else { *byte }).collect();
    if is_path || names.holds(bare(chunk)) || is_link_address(bare(&free)) {
        return false;
    }
    let common = |word: &[u8]| words.is_common(word);
    let mut letters = free.split(|byte| !byte.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut numbers = free.split(|byte| !byte.is_ascii_digit());
    let mut words = free.split(|byte| !byte.is_ascii_alphanumeric());
    letters.all(common) && !numbers.any(|number| names.holds(number)) && !words.any(is_hexadecimal)
}

/// Whether a word may be a number of the base 16: letters and digits by turns, as no word of a language has them.
fn is_hexadecimal(word: &[u8]) -> bool {
    let runs = word.chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()).count();
    runs > 3 || word.len() > 3 && word.starts_with(b"0x")
}

/// Whether a text is a link-layer address: 00:11:22:33:44:55, with other signs between or none, or 0011.2233.4455.
fn is_link_address(text: &[u8]) -> bool {
    let parts: Vec<&[u8]> = text.split(|byte| matches!(byte, b':' | b'-' | b'.')).collect();
    let all = |len: usize| parts.iter().all(|part| part.len() == len && part.iter().all(u8::is_ascii_hexdigit));
    match parts.len() {
        6.. => all(2) || text.split(|byte| *byte == b':').count() > 5,
        3 => all(4),
        1 => all(12) && !text.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// A chunk without the punctuation around it.
fn bare(chunk: &[u8]) -> &[u8] {
    let start = chunk.iter().position(|byte| is_of_word(*byte)).unwrap_or(0);
    let end = chunk.iter().rposition(|byte| is_of_word(*byte)).map_or(0, |last| last + 1);
    chunk.get(start..end).unwrap_or_default()
}

fn is_of_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte >= 0x80
}

/// Writes over a part of a text.
pub(super) fn put(now: &mut [u8], range: Range<usize>, bytes: &[u8]) {
    for (slot, byte) in now.iter_mut().take(range.end).skip(range.start).zip(bytes) {
        *slot = *byte;
    }
}

/// The stretches between blanks.
fn chunks(text: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut chunks = Vec::new();
    for chunk in text.split(u8::is_ascii_whitespace) {
        if !chunk.is_empty() {
            chunks.push(start..start + chunk.len());
        }
        start += chunk.len() + 1;
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::super::reading::Line;
    use super::super::redacted::redacted;
    use super::*;
    use crate::anonymize::key::Key;

    fn read(bytes: &[u8]) -> Line {
        let mut line = Line::default();
        for byte in bytes {
            line.push(*byte);
        }
        line
    }

    #[test]
    fn both_sides_of_a_rewritten_line_grow_alike() {
        let mut addresses = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap());
        let mut widened = |speaker, line: &str| {
            let line = read(line.as_bytes());
            let said = redacted(speaker, &line, &mut Names::default(), &Words::new(), &mut addresses);
            let said = super::widened(speaker, &line.raw, said);
            let (was, now): (Vec<_>, Vec<_>) = said
                .into_iter()
                .map(|what| match what {
                    What::Text(was, now) => (was, now),
                    other => panic!("{other:?}"),
                })
                .unzip();
            assert_eq!(was.concat(), line.raw);
            String::from_utf8(now.concat()).unwrap()
        };
        for (speaker, line, grows) in [
            (Speaker::Client, "PORT 1,1,1,1,19,137\r\n", 40),
            (Speaker::Client, "PORT 203,0,113,111,19,137\r\n", 40),
            (Speaker::Client, "EPRT |2|2001:db8:1111:2222:3333:4444:5555:6666|5001|\r\n", 40),
            (Speaker::Client, "EPRT |2|2620::1|5001|\r\n", 40),
            (Speaker::Server, "227 Entering Passive Mode (192,168,100,200,4,1).\r\n", 40),
            (Speaker::Server, "227\r\n", 0),
            (Speaker::Client, "RETR name\r\n", 0),
        ] {
            let now = widened(speaker, line);
            assert_eq!(now.len(), line.len() + grows, "{line} {now}");
            assert_eq!(now.split(' ').next(), line.split(' ').next());
        }
    }

    fn said(speaker: Speaker, lines: &[&str]) -> String {
        let mut addresses = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap());
        let (mut names, words) = (Names::default(), Words::new());
        let mut out = Vec::new();
        for line in lines {
            let mut was = Vec::new();
            out.clear();
            let speaker = if line.starts_with("> ") { Speaker::Client } else { speaker };
            for what in
                redacted(speaker, &read(line.trim_start_matches("> ").as_bytes()), &mut names, &words, &mut addresses)
            {
                let What::Text(old, now) = what else { panic!("{what:?}") };
                was.extend(old);
                out.extend(now);
            }
            assert_eq!(String::from_utf8(was).unwrap(), line.trim_start_matches("> "));
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies_keep_what_they_are_judged_by() {
        for line in [
            "425 Failed to establish connection.\r\n",
            "220 (vsFTPd 3.0.3)\r\n",
            "425 Unable to build data connection: Connection refused\r\n",
            "500 Illegal PORT command.\r\n",
            "150 Opening ASCII mode data connection for file list\r\n",
            "226 Transfer complete.\r\n",
            "229 Entering Extended Passive Mode (|||6446|)\r\n",
            "425 Use PORT/PASV first\r\n",
            "331 Anonymous login ok, send your complete email address as your password\r\n",
            "425 could not establish active connection: dial tcp\r\n",
        ] {
            assert_eq!(said(Speaker::Server, &[line]), line);
        }
    }

    #[test]
    fn names_in_replies_are_hidden() {
        for (lines, hidden) in [
            (&["220 ftp.example.com FTP server ready.\r\n"][..], &["example", "com "][..]),
            (&["257 \"/home/alice/my data\" is the current directory\r\n"], &["home", "alice", "data"]),
            (&["331 Password required for alice.\r\n"], &["alice"]),
            (&["550 plan-2026.xlsx: No such file or directory\r\n"], &["plan", "2026", "xlsx"]),
            (&["> RETR 4711\r\n", "550 4711: Not found\r\n"], &["4711"]),
            (&["> USER list\r\n", "230 User list logged in\r\n"], &[" list "]),
            (&["220 alice@example.org 00:11:22:33:44:55\r\n"], &["alice", "example", "00:11"]),
            (
                &["220 3c-5a-b4-99-88-77 0018.8411.2233 3c5ab4998877 0x0a4d210b 0a4d210b\r\n"][..],
                &["3c-5a", "0018", "2233", "3c5a", "0x0a4d", "a4d210b"],
            ),
        ] {
            let said = said(Speaker::Server, lines);
            for name in hidden {
                assert!(!said.contains(name), "{said}");
            }
            assert_eq!(said.len(), lines.last().unwrap().len());
        }
        assert!(
            said(Speaker::Server, &["550 plan.txt: No such file or directory\r\n"])
                .ends_with("No such file or directory\r\n")
        );
    }

    #[test]
    fn addresses_are_hidden_as_numbers_too() {
        let mut addresses = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap());
        let ends = ["10.1.0.10:1050", "198.51.100.77:21"].map(|end| end.parse().unwrap());
        let (mut names, words) = (Names::of_ends(ends), Words::new());
        let line = read(b"227 (3325256781,51,9)\r\n");
        let said = redacted(Speaker::Server, &line, &mut names, &words, &mut addresses);
        let now: Vec<u8> = said
            .into_iter()
            .flat_map(|what| match what {
                What::Text(_, now) => now,
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(now.starts_with(b"227 (") && now.len() == 23, "{now:?}");
        assert!(!now.windows(10).any(|part| part == b"3325256781"));
    }

    #[test]
    fn commands_keep_their_verbs_and_lose_their_arguments() {
        assert_eq!(said(Speaker::Client, &["PASS hunter2 and more\r\n"]), "PASS xxxxxxxx\r\n");
        assert_eq!(said(Speaker::Client, &["pass\r\n"]), "pass\r\n");
        assert_eq!(said(Speaker::Client, &["USER anonymous\r\n"]), "USER anonymous\r\n");
        assert_eq!(said(Speaker::Client, &["TYPE I\r\n"]), "TYPE I\r\n");
        assert_eq!(said(Speaker::Client, &["EPSV ALL\r\n"]), "EPSV ALL\r\n");
        for line in ["EPSV 1\r\n", "AUTH TLS\r\n", "AUTH TLS-C\r\n", "PROT P\r\n", "REST 4711\r\n", "TYPE L 8\r\n"] {
            assert_eq!(said(Speaker::Client, &[line]), line);
        }
        for line in [
            "EPSV alice\r\n",
            "AUTH alice\r\n",
            "USER alice\r\n",
            "RETR plan.txt\r\n",
            "CWD /home/alice\r\n",
            "hunter2\r\n",
            "STOR Bücher\r\n",
        ] {
            let said = said(Speaker::Client, &[line]);
            assert_eq!(said.len(), line.len());
            assert!(!["alice", "plan", "hunter", "cher"].iter().any(|name| said.contains(name)), "{said}");
        }
        assert!(said(Speaker::Client, &["RETR plan.txt\r\n"]).starts_with("RETR "));
    }

    #[test]
    fn a_secret_is_hidden_however_its_command_is_spelt() {
        for (line, now) in [
            ("PASShunter2\r\n", "PASSxxxxxxxx\r\n"),
            ("pa\u{1}ss hunter2\r\n", "pa\u{1}ssxxxxxxxx\r\n"),
            ("ACCT\u{0}hunter2\r\n", "ACCTxxxxxxxx\r\n"),
        ] {
            assert_eq!(said(Speaker::Client, &[line]), now);
        }
    }

    #[test]
    fn ports_in_replies_stay_whatever_stands_beside_them() {
        for text in ["227 Entering Passive Mo|||5000|(10,1,0,10,195,80)\r\n", "227 of alice,10,1,0,10,195,80\r\n"] {
            let said = said(Speaker::Server, &["> RETR 195\r\n", text]);
            assert!(said.contains(",195,80") && !said.contains("alice") && !said.contains("10,1,0,10"), "{said}");
        }
    }

    #[test]
    fn a_malformed_endpoint_hides_what_address_it_was() {
        for line in ["PORT x10,1,0,10,4,1\r\n", "EPRT |1|10.1.0.1O|5000|\r\n", "EPRT 10.1.0.10\r\n"] {
            let said = said(Speaker::Client, &[line]);
            assert!(!said.contains("1,0,10") && !said.contains("10.1.0"), "{said}");
        }
    }

    #[test]
    fn announced_addresses_become_pseudonyms() {
        let address = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap()).v4("10.1.0.10".parse().unwrap());
        let commas = address.to_string().replace('.', ",");
        assert_eq!(said(Speaker::Client, &["PORT 10,1,0,10,4,1\r\n"]), format!("PORT {commas},4,1\r\n"));
        assert_eq!(said(Speaker::Client, &["port10,1,0,10,4,1\n"]), format!("port{commas},4,1\n"));
        assert_eq!(said(Speaker::Client, &["EPRT |1|10.1.0.10|5000|\r\n"]), format!("EPRT |1|{address}|5000|\r\n"));
        assert_eq!(
            said(Speaker::Server, &["227 Entering Passive Mode (10,1,0,10,156,173).\r\n"]),
            format!("227 Entering Passive Mode ({commas},156,173).\r\n")
        );
        assert_eq!(
            said(Speaker::Server, &["500 I won't open a connection to 10.1.0.10 (only to 10.1.0.10)\r\n"]),
            format!("500 I won't open a connection to {address} (only to {address})\r\n")
        );
    }

    #[test]
    fn telnet_commands_stay() {
        let mut addresses = Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap());
        let line = b"\xff\xf4\xff\xf2RE\xff\xf1TR x\r\n";
        let what = redacted(Speaker::Client, &read(line), &mut Names::default(), &Words::new(), &mut addresses);
        let [What::Text(_, now)] = &what[..] else { panic!("{what:?}") };
        assert_eq!(now.get(..11), line.get(..11));
        // Behind PORT this is no letter: it stays so, for a letter would make another command of it.
        let line = read(b"PORT\x9d10,1,0,10,4,1\r\n");
        let what = redacted(Speaker::Client, &line, &mut Names::default(), &Words::new(), &mut addresses);
        assert!(matches!(&what[0], What::Text(_, now) if now.starts_with(b"PORT")));
        assert!(matches!(&what[1], What::Text(_, now) if now == b"\x8099"));
    }
}
