//! What commands, headers and keys are called whose value is a secret, spelt right or not.

use super::super::Verb;
use super::super::verb::{body, known};
use super::{is_text, without_control};

/// Words in the names of commands and headers that take secrets, upper case.
const TELLING: [&[u8]; 13] = [
    b"PASS",
    b"ACCT",
    b"PSW",
    b"PWD",
    b"PWORD",
    b"LOGIN",
    b"LOGON",
    b"APOP",
    b"SECRET",
    b"TOKEN",
    b"CREDENTIAL",
    b"COOKIE",
    b"API-KEY",
];

/// What people mean when they type something like it, and how many letters may be wrong.
const MEANT: [(&str, usize); 5] = [("PASS", 1), ("ACCT", 1), ("PASSWD", 2), ("PASSWORD", 2), ("ACCOUNT", 2)];

/// Letters of the longest word that may be one of them, mistyped.
const LONGEST_SLIP: usize = 10;

/// Ends of the names of keys and fields whose value is a secret, lower case.
const KEYS: [&[u8]; 15] = [
    b"pass",
    b"passwd",
    b"password",
    b"passphrase",
    b"passcode",
    b"pwd",
    b"pswd",
    b"pw",
    b"secret",
    b"token",
    b"apikey",
    b"api_key",
    b"api-key",
    b"credential",
    b"cookie",
];

/// Whether a line is a PASS or ACCT. Control bytes are looked through, as servers do, and a missing blank is no
/// excuse.
pub(in super::super) fn secret(line: &[u8]) -> Option<Verb> {
    let mut name = [0; 4];
    let seen = body(line).iter().filter(|byte| is_text(**byte)).zip(&mut name).map(|(byte, place)| *place = *byte);
    (seen.count() == name.len()).then(|| secret_name(&name)).flatten()
}

/// PASS and ACCT.
pub(super) fn secret_name(name: &[u8]) -> Option<Verb> {
    let is = |verb: &[u8]| name.eq_ignore_ascii_case(verb);
    if is(b"PASS") { Some(Verb::Pass) } else { is(b"ACCT").then_some(Verb::Acct) }
}

/// Whether PASS or ACCT is anywhere in it: noise before a command makes another verb of it.
pub(super) fn hides_secret(text: &[u8]) -> bool {
    without_control(text).windows(4).any(|name| secret_name(name).is_some())
}

/// Whether somebody meant PASS or ACCT and mistyped it.
pub(super) fn is_mistyped(name: &[u8]) -> bool {
    // Longer ones are nobody's slip.
    let mut letters = name.iter().filter(|byte| is_text(**byte));
    let upper: Vec<u8> = letters.by_ref().take(LONGEST_SLIP).map(u8::to_ascii_uppercase).collect();
    if letters.next().is_some() || known(&upper).is_some() {
        return false;
    }
    // Each letter that is missing is a slip of its own: most words are told apart without comparing them.
    let lacks = |meant: &str| meant.bytes().filter(|letter| !upper.contains(letter)).count();
    let mut meant = MEANT.iter().filter(|(meant, wrong)| lacks(meant) <= *wrong).peekable();
    let Some(name) = meant.peek().and_then(|_| str::from_utf8(&upper).ok()) else { return false };
    meant.any(|(meant, wrong)| strsim::osa_distance(name, meant) <= *wrong)
}

/// Whether a command that FTP does not know, or a header, takes a secret by its name.
pub(super) fn takes_secret(name: &[u8]) -> bool {
    let upper = without_control(name).to_ascii_uppercase();
    let has = |part: &[u8]| upper.windows(part.len()).any(|window| window == part);
    let authorises = has(b"AUTH") && !has(b"AUTHOR") || has(b"AUTHORI");
    authorises || TELLING.iter().any(|part| has(part)) || is_mistyped(name)
}

/// Whether a key has a secret for its value: `password`, `ftp_pw`.
pub(super) fn is_key(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_suffix(b"s").filter(|one| one.ends_with(b"credential")).unwrap_or(&lower);
    KEYS.iter().any(|key| {
        let before = lower.len().checked_sub(key.len() + 1).and_then(|before| lower.get(before));
        lower.ends_with(key) && (key.len() > 2 || before.is_none_or(|byte| !byte.is_ascii_alphanumeric()))
    })
}
