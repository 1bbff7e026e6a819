//! Keeps the arguments of PASS and ACCT, and the passwords that SITE takes, out of all that is shown.
//!
//! They are hidden where a client says them, however it is split or spelt, and where a server repeats them.

use super::Verb;
use super::command::{body, known, split};
use super::line::{shown, trimmed};

/// What is shown instead of a secret.
pub(super) const SECRET: &str = "***";

/// Whether a line is a PASS or ACCT. Control bytes are looked through, as servers do, and a missing blank is no
/// excuse: rather hide a little too much.
pub(super) fn secret(line: &[u8]) -> Option<Verb> {
    without_control(body(line)).first_chunk::<4>().and_then(|name| secret_name(name))
}

/// Whether PASS or ACCT is anywhere in it: noise before a command makes another verb of it.
pub(super) fn hides_secret(text: &[u8]) -> bool {
    without_control(text).windows(4).any(|name| secret_name(name).is_some())
}

/// Whether the beginning of a line may be that of a PASS or ACCT.
pub(super) fn may_begin(start: &[u8]) -> bool {
    let text = without_control(body(start));
    let name = text.get(..4).unwrap_or(&text);
    let begins = |secret: &[u8]| secret.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    !name.is_empty() && (begins(b"PASS") || begins(b"ACCT") || hides_secret(start))
}

fn secret_name(name: &[u8]) -> Option<Verb> {
    known(name).filter(|verb| verb.is_secret())
}

fn without_control(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| byte.is_ascii_graphic() || *byte == b' ').collect()
}

/// A reply's text up to the password that it may repeat: servers quote the line that they could not read
/// (`500 'PASS ...': syntax error`), and the password may hold any quote.
pub(super) fn without_echo(text: &[u8], code: u16, answers: Option<Verb>) -> Vec<u8> {
    let to_secret = answers.is_some_and(Verb::is_secret);
    // The command was not captured, and the reply begins as it did.
    let repeats = answers.is_none() && code >= 500;
    let is_quote = |byte: u8| matches!(byte, b'\'' | b'"' | b'`');
    for start in 0..text.len() {
        let before = start.checked_sub(1).and_then(|before| text.get(before)).copied();
        let quoted = before.is_some_and(is_quote) && code >= 400;
        let word = !before.is_some_and(|byte| byte.is_ascii_alphanumeric())
            && text.get(start + 4).is_some_and(|byte| !byte.is_ascii_graphic());
        if word
            && (quoted || to_secret || (repeats && start == 0))
            && text.get(start..start + 4).and_then(secret_name).is_some()
        {
            return [text.get(..start + 5).unwrap_or_default(), SECRET.as_bytes()].concat();
        }
    }
    text.to_vec()
}

/// What a server is asked by SITE, without the passwords that some servers change and check by it (`SITE PSWD old new`,
/// `SITE CHPASS`, `SITE GPASS`).
pub(super) fn site(argument: &[u8]) -> String {
    let end = argument.iter().position(u8::is_ascii_whitespace).unwrap_or(argument.len());
    let word = argument.get(..end).unwrap_or_default();
    let asks = |part: &[u8]| word.windows(part.len()).any(|window| window.eq_ignore_ascii_case(part));
    if end < argument.len() && (asks(b"PASS") || asks(b"PSW") || asks(b"PWD")) {
        return format!("{} {SECRET}", shown(word));
    }
    shown(argument)
}

/// What a PASS or ACCT said, to find it again in the replies. Has no `Debug`.
pub(super) struct Said(Vec<u8>);

impl Said {
    /// From a line that is one; the word behind the verb may be missing.
    pub(super) fn in_line(line: &[u8]) -> Option<Self> {
        secret(line)?;
        let (_, argument) = split(line);
        // Glued to the verb, or behind control bytes in it.
        let glued = || without_control(body(line)).get(4..).map(|rest| trimmed(rest).to_vec());
        let said = if argument.is_empty() { glued()? } else { argument.to_vec() };
        (!said.is_empty()).then_some(Self(said))
    }

    /// The text with `***` for every place where it stands as a word of its own, or anywhere if it is long enough not to
    /// be there by chance.
    pub(super) fn hidden_in(&self, text: &[u8]) -> Vec<u8> {
        const LONG: usize = 4;
        let Self(secret) = self;
        let mut hidden = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((byte, behind)) = rest.split_first() {
            let inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let apart = !inside(hidden.last()) && !inside(rest.get(secret.len()));
            if rest.starts_with(secret) && (apart || secret.len() >= LONG) {
                hidden.extend_from_slice(SECRET.as_bytes());
                rest = rest.get(secret.len()..).unwrap_or_default();
            } else {
                hidden.push(*byte);
                rest = behind;
            }
        }
        hidden
    }
}

#[cfg(test)]
mod tests {
    use super::{Said, Verb, site, without_echo};

    #[test]
    fn a_secret_that_a_reply_repeats_is_hidden() {
        let hidden = |text: &str, code, verb| String::from_utf8(without_echo(text.as_bytes(), code, verb)).unwrap();
        assert_eq!(hidden("'PASS  a'b': syntax error", 500, None), "'PASS ***");
        assert_eq!(hidden("'pass a b", 500, None), "'pass ***");
        assert_eq!(hidden("PASS a: not understood", 500, Some(Verb::Pass)), "PASS ***");
        assert_eq!(hidden("PASS a: not understood", 500, None), "PASS ***");
        assert_eq!(hidden("PASS a file", 500, Some(Verb::Other)), "PASS a file");
        for text in ["Login with USER and PASS first", "Bypass x", "PASS", "'PASS'", "'PASV x'"] {
            assert_eq!(hidden(text, 503, None), text);
        }
    }

    #[test]
    fn what_was_said_is_found_again() {
        let hidden = |line: &str, text: &str| {
            let said = Said::in_line(line.as_bytes()).map(|said| said.hidden_in(text.as_bytes()));
            said.map(|bytes| String::from_utf8(bytes).unwrap())
        };
        assert_eq!(hidden("PASS hunter2", "Login incorrect for hunter2.").unwrap(), "Login incorrect for ***.");
        assert_eq!(hidden(" pass  hunter2 ", "xhunter2x hunter2hunter2").unwrap(), "x***x ******");
        assert_eq!(hidden("ACCT ab", "ab: no account about ab").unwrap(), "***: no account about ***");
        assert_eq!(hidden("PASS b c", "bad b c").unwrap(), "bad ***");
        assert_eq!(hidden("PASS pässwörd", "no pässwörd").unwrap(), "no ***");
        assert_eq!(hidden("PASShunter2", "hunter2?").unwrap(), "***?");
        assert_eq!(hidden("PASS", "x"), None);
        assert_eq!(hidden("PASV", "x"), None);
    }

    #[test]
    fn site_tells_no_password() {
        let argument = |text: &str| site(text.split_once(' ').unwrap().1.as_bytes());
        assert_eq!(argument("SITE PSWD old new"), "PSWD ***");
        assert_eq!(argument("site chpass x"), "chpass ***");
        assert_eq!(argument("SITE CPWD x"), "CPWD ***");
        assert_eq!(argument("SITE CHMOD 644 passwords.txt"), "CHMOD 644 passwords.txt");
        assert_eq!(argument("SITE HELP"), "HELP");
    }
}
