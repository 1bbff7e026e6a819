//! A client's line as it may be shown.

use std::ops::Range;

use super::super::Verb;
use super::super::recognise::{is_foreign_verb, is_of_another_protocol};
use super::super::verb::{body, known, split};
use super::super::vocabulary::is_common;
use super::answer::Said;
use super::login::{Login, Stage, is_anonymous};
use super::names::{hides_secret, is_key, is_mistyped, secret, secret_name, takes_secret};
use super::{credentials, masked, secrets_in, without_control};
use crate::redact::{MASK, Secret};

/// Bytes in which a verb is looked for.
const NEAR: usize = 32;
/// Words of one place that are secrets of their own.
const WORDS: usize = 32;
const PASS: &[u8] = b"PASS";
const ACCT: &[u8] = b"ACCT";

/// A line as it may be shown, and what it says that may not.
pub(in super::super) struct Told {
    /// The verb.
    pub(in super::super) name: Vec<u8>,
    /// What stands behind it.
    pub(in super::super) argument: Vec<u8>,
    /// What must not be shown anywhere.
    pub(in super::super) secrets: Vec<Secret>,
}

/// Whether the beginning of a line may be that of one with a secret.
pub(in super::super) fn may_begin(start: &[u8], login: &Login) -> bool {
    let text = without_control(body(start));
    let name = text.get(..4).unwrap_or(&text);
    let begins = |secret: &[u8]| secret.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let (verb, argument) = split(start);
    let told = || tell(start, false, login);
    !name.is_empty()
        && (begins(PASS)
            || begins(ACCT)
            || hides_secret(start)
            || told().argument != argument
            || (known(verb).is_none() && matches!(login.stage(), Stage::Silent | Stage::Asked)))
}

/// What a line says and what of it may be shown. `whole`: no part of it is missing.
pub(in super::super) fn tell(line: &[u8], whole: bool, login: &Login) -> Told {
    let (name, argument) = split(line);
    if let Some(verb) = secret(line) {
        let said = Said::in_line(line).filter(|said| verb == Verb::Acct || !login.is_convention(said));
        let secrets = said.map(|said| of_login(said.bytes(), whole)).unwrap_or_default();
        let name = if verb == Verb::Pass { "PASS" } else { "ACCT" };
        return Told { name: name.into(), argument: MASK.into(), secrets };
    }
    let verb = known(name);
    let (hidden_name, mut places) = match verb {
        Some(verb) => (Vec::new(), of_known(verb, name, argument)),
        None => of_unknown(line, name, argument, login.stage()),
    };
    places.extend(embedded(argument, !takes_path(name)));
    places.extend(credentials::of_client(argument));
    let mut secrets = [said_in(name, &hidden_name, whole), said_in(argument, &places, whole)].concat();
    if !hidden_name.is_empty() && !argument.is_empty() {
        // Who typed a phrase for a password typed no verb.
        secrets.extend(secrets_in(body(line), whole));
    }
    if verb == Some(Verb::User) && is_anonymous(first_word(argument).0) {
        secrets.clear();
    }
    Told { name: masked(name, hidden_name), argument: masked(argument, places), secrets }
}

/// What was said in these places, and each word and value (`sid=...;`) of it that is no name of a scheme.
fn said_in(text: &[u8], places: &[Range<usize>], whole: bool) -> Vec<Secret> {
    let mut secrets = Vec::new();
    for said in places.iter().filter_map(|place| text.get(place.clone())) {
        secrets.extend(secrets_in(said, whole));
        let words = said.split(|byte| byte.is_ascii_whitespace() || matches!(byte, b';' | b','));
        let values = words.clone().filter_map(|word| word.splitn(2, |byte| *byte == b'=').nth(1));
        let parts = words.chain(values).map(without_quotes).filter(|part| part.len() < said.len());
        let parts = parts.filter(|part| !part.is_empty() && !is_mechanism(part) && !is_common(part)).take(WORDS);
        secrets.extend(parts.flat_map(|part| secrets_in(part, whole)));
    }
    secrets
}

fn without_quotes(text: &[u8]) -> &[u8] {
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'');
    let start = text.iter().take_while(|byte| is_quote(byte)).count();
    let end = text.iter().rposition(|byte| !is_quote(byte)).map_or(start, |last| last + 1);
    text.get(start..end).unwrap_or_default()
}

/// What PASS or ACCT said; z/OS takes `old/new/new` to change a password.
fn of_login(said: &[u8], whole: bool) -> Vec<Secret> {
    let parts: Vec<&[u8]> = said.split(|byte| *byte == b'/').collect();
    let changes = matches!(parts[..], [_, new, again] if new == again);
    let parts = parts.into_iter().filter(|_| changes);
    std::iter::once(said).chain(parts).flat_map(|said| secrets_in(said, whole)).collect()
}

/// What the end of a line may tell whose beginning was not captured, if it was that of a PASS or ACCT.
pub(in super::super) fn in_fragment(line: &[u8]) -> Vec<Secret> {
    let (name, argument) = split(line);
    let ends = |verb: &[u8]| {
        let end = verb.len().checked_sub(name.len()).and_then(|start| verb.get(start..));
        end.is_some_and(|end| end.eq_ignore_ascii_case(name))
    };
    let is_end = !argument.is_empty() && (ends(PASS) || ends(ACCT));
    secrets_in(if is_end { argument } else { body(line) }, is_end)
}

/// Where secrets stand in the argument of a command of FTP.
fn of_known(verb: Verb, name: &[u8], argument: &[u8]) -> Vec<Range<usize>> {
    let (word, rest) = first_word(argument);
    let all = 0..argument.len();
    let is = |verb: &[u8]| name.eq_ignore_ascii_case(verb);
    match verb {
        // `name password account` is what the command line of clients takes.
        Verb::User => word
            .iter()
            .position(|byte| *byte == b':')
            .map(|colon| colon + 1..at_host(word))
            .into_iter()
            .chain([rest])
            .collect(),
        Verb::Auth if is_mechanism(word) => vec![rest],
        Verb::Auth => vec![all],
        _ if is(b"ADAT") => vec![all],
        _ if is(b"SITE") => of_site(argument),
        _ => Vec::new(),
    }
}

/// Where the host begins in `user:password@host`; the end if none is named.
fn at_host(word: &[u8]) -> usize {
    word.iter().rposition(|byte| *byte == b'@').unwrap_or(word.len())
}

/// The passwords that some servers change and check by SITE (`SITE PSWD old new`, `SITE ADDUSER name password`,
/// `SITE EXEC program -p password`).
fn of_site(argument: &[u8]) -> Vec<Range<usize>> {
    const ASKING: [&[u8]; 9] = [b"PASS", b"PSW", b"PWD", b"LOGIN", b"LOGON", b"AUTH", b"SECRET", b"TOKEN", b"USER"];
    let (word, rest) = first_word(argument);
    let upper = word.to_ascii_uppercase();
    if upper == b"SU" || ASKING.iter().any(|part| upper.windows(part.len()).any(|window| window == *part)) {
        return vec![rest];
    }
    if upper == b"EXEC" { of_options(argument, rest) } else { Vec::new() }
}

/// The values of options that are called after passwords: `-p secret`, `-psecret`, `--password secret`, `-u name:secret`.
fn of_options(argument: &[u8], range: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut option: &[u8] = b"";
    for place in words(argument, range) {
        let word = argument.get(place.clone()).unwrap_or_default();
        let colon = word.iter().position(|byte| *byte == b':');
        match (option, word, colon) {
            (b"-p" | b"-P", _, _) => found.push(place),
            ([b'-', b'-', key @ ..], _, _) if is_key(key) => found.push(place),
            (b"-u" | b"--user", _, Some(colon)) => found.push(place.start + colon + 1..place.end),
            (_, [b'-', b'p' | b'P', _, ..], _) => found.push(place.start + 2..place.end),
            _ => {}
        }
        option = word;
    }
    found
}

/// What of the name and of the argument is hidden of a command that FTP does not know.
fn of_unknown(line: &[u8], name: &[u8], argument: &[u8], stage: Stage) -> (Vec<Range<usize>>, Vec<Range<usize>>) {
    let foreign = is_foreign_verb(name) || is_of_another_protocol(line);
    let (word, _) = first_word(argument);
    let takes = takes_secret(name);
    let opens = name.eq_ignore_ascii_case(b"OPEN");
    let orders = [&b"LOGIN"[..], b"AUTH", b"AUTHENTICATE", b"AUTHINFO"];
    let tagged = is_mistyped(word) || orders.iter().any(|order| order.eq_ignore_ascii_case(word));
    let suspect = !foreign && (hides_secret(line) || stage != Stage::In);
    let hides_argument = takes || tagged || suspect || opens;
    let like_a_verb = matches!(name.len(), 3 | 4) && name.iter().all(u8::is_ascii_alphabetic);
    let instead_of_pass = match stage {
        Stage::Asked => !takes,
        Stage::Silent => argument.is_empty(),
        Stage::Out => argument.is_empty() && !like_a_verb,
        Stage::In => false,
    };
    let hides_name = hides_secret(name) || (instead_of_pass && !foreign);
    let all = |text: &[u8]| -> Vec<Range<usize>> { std::iter::once(0..text.len()).collect() };
    let of_argument = match hides_argument {
        true if opens => behind_host(argument),
        true => all(argument),
        false => Vec::new(),
    };
    let mut of_name = credentials::of_client(name);
    if hides_name {
        of_name.extend(all(name));
    }
    (of_name, of_argument)
}

/// `OPEN host [port] user password`.
fn behind_host(argument: &[u8]) -> Vec<Range<usize>> {
    let (_, rest) = first_word(argument);
    let is_port =
        |place: &Range<usize>| argument.get(place.clone()).is_some_and(|word| word.iter().all(u8::is_ascii_digit));
    words(argument, rest)
        .into_iter()
        .enumerate()
        .filter(|(nth, place)| *nth > 0 || !is_port(place))
        .map(|(_, place)| place)
        .collect()
}

/// A PASS or ACCT within an argument: behind a control byte, which servers may take for the end of the line, or behind a
/// blank if `blanks`. What follows it is hidden.
fn embedded(argument: &[u8], blanks: bool) -> Option<Range<usize>> {
    let separates = |byte: &u8| byte.is_ascii_control() && *byte != b'\t';
    (0..argument.len()).find_map(|start| {
        let before = start.checked_sub(1).and_then(|before| argument.get(before));
        let own_line = before.is_some_and(separates);
        let apart = own_line || (blanks && before.is_none_or(|byte| !byte.is_ascii_alphanumeric()));
        let rest = argument.get(start..).filter(|_| apart)?;
        // No verb is so long, and a line may have thousands of words.
        let (word, said) = first_word(rest.get(..NEAR).unwrap_or(rest));
        let said = said.start..rest.len();
        if secret_name(word).is_some() || (own_line && is_mistyped(word)) {
            return (!said.is_empty()).then_some(start + said.start..argument.len());
        }
        let glued = own_line && secret(rest.get(..NEAR).unwrap_or(rest)).is_some();
        glued.then_some(start + PASS.len()..argument.len())
    })
}

/// Whether the argument of a command is a path, which may hold any words.
fn takes_path(name: &[u8]) -> bool {
    const PATHS: [&[u8]; 22] = [
        b"RETR", b"STOR", b"STOU", b"APPE", b"LIST", b"NLST", b"MLSD", b"MLST", b"DELE", b"CWD", b"XCWD", b"MKD",
        b"XMKD", b"RMD", b"XRMD", b"RNFR", b"RNTO", b"SIZE", b"MDTM", b"MFMT", b"STAT", b"SMNT",
    ];
    PATHS.iter().any(|path| path.eq_ignore_ascii_case(name))
}

/// Whether it is the name of a security mechanism (RFC 2228, RFC 4217, SASL, HTTP).
fn is_mechanism(word: &[u8]) -> bool {
    const MECHANISMS: [&[u8]; 24] = [
        b"TLS",
        b"TLS-C",
        b"TLS-P",
        b"SSL",
        b"GSSAPI",
        b"KERBEROS_V4",
        b"KERBEROS_V5",
        b"SPNEGO",
        b"PLAIN",
        b"LOGIN",
        b"CRAM-MD5",
        b"DIGEST-MD5",
        b"NTLM",
        b"SCRAM-SHA-1",
        b"SCRAM-SHA-256",
        b"XOAUTH2",
        b"EXTERNAL",
        b"ANONYMOUS",
        b"OTP",
        b"SKEY",
        b"BASIC",
        b"DIGEST",
        b"BEARER",
        b"NEGOTIATE",
    ];
    MECHANISMS.iter().any(|mechanism| mechanism.eq_ignore_ascii_case(word))
}

/// The first word, and where the others stand.
fn first_word(text: &[u8]) -> (&[u8], Range<usize>) {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let end = text.iter().position(is_blank).unwrap_or(text.len());
    let (word, rest) = text.split_at_checked(end).unwrap_or((text, &[]));
    let blanks = rest.iter().take_while(|byte| is_blank(byte)).count();
    (word, end + blanks..text.len())
}

/// Each word within a part of a text.
fn words(text: &[u8], part: Range<usize>) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = part.start;
    for word in text.get(part).unwrap_or_default().split(u8::is_ascii_whitespace) {
        found.extend((!word.is_empty()).then_some(start..start + word.len()));
        start += word.len() + 1;
    }
    found
}
