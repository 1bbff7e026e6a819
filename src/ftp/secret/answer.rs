//! What a server repeats of a secret in its reply to it, whatever its length.

use std::ops::Range;

use super::super::Verb;
use super::super::line::trimmed;
use super::super::verb::{body, split};
use super::super::vocabulary::is_common;
use super::names::{is_mistyped, secret, secret_name};
use super::{credentials, masked, secrets_in, without_control};
use crate::redact::{MASK, Secret};

/// A reply's text without the credentials in it, and up to the password that it may repeat: servers quote the line that
/// they could not read (`500 'PASS ...': syntax error`), and the password may hold any quote.
pub(in super::super) fn without_echo(text: &[u8], code: u16, answers: Option<Verb>) -> Vec<u8> {
    let text = masked(text, [credentials::of_server(text), challenge(text)].concat());
    let to_secret = answers.is_some_and(Verb::is_secret);
    // The command was not captured or not understood, and the reply begins as it did.
    let repeats = answers.is_none_or(|verb| verb == Verb::User) && code >= 500;
    let misread = matches!(code, 500..=502);
    if code < 400 && !to_secret {
        return text;
    }
    let is_quote = |byte: u8| matches!(byte, b'\'' | b'"' | b'`');
    for start in 0..text.len() {
        let before = start.checked_sub(1).and_then(|before| text.get(before)).copied();
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric()) {
            continue;
        }
        let rest = text.get(start..).unwrap_or_default();
        let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        let quoted = before.is_some_and(is_quote) && code >= 400;
        let follows = rest.get(end).is_some_and(|byte| !byte.is_ascii_graphic()) && end + 1 < rest.len();
        let first = start == 0 && repeats;
        let told = secret_name(word).is_some() && (quoted || to_secret || first);
        let mistyped = misread && (quoted || first) && is_mistyped(word) && !is_common(word);
        if follows && (told || mistyped) {
            return [text.get(..=start + end).unwrap_or_default(), MASK.as_bytes()].concat();
        }
    }
    text
}

/// What a reply tells as a password or token, if it is one word: `Your password: ...`.
pub(in super::super) fn in_reply(text: &[u8]) -> Vec<Secret> {
    let places = [credentials::of_server(text), challenge(text)].concat();
    let said = places.into_iter().filter_map(|place| text.get(place));
    let words = said.filter(|said| !said.iter().any(u8::is_ascii_whitespace) && !is_common(said));
    words.flat_map(|said| secrets_in(said, true)).collect()
}

/// The tokens of GSSAPI (RFC 2228 4): `335 ADAT=...`.
fn challenge(text: &[u8]) -> Vec<Range<usize>> {
    const KEY: &[u8] = b"ADAT=";
    let starts =
        (0..text.len()).filter(|at| text.get(*at..at + KEY.len()).is_some_and(|key| key.eq_ignore_ascii_case(KEY)));
    starts.map(|start| start + KEY.len()..text.len()).collect()
}

/// What a PASS or ACCT said, to find it again in the replies to it. Has no `Debug`.
pub(in super::super) struct Said(Vec<u8>);

impl Said {
    /// From a line that is one; the word behind the verb may be missing.
    pub(in super::super) fn in_line(line: &[u8]) -> Option<Self> {
        secret(line)?;
        let (_, argument) = split(line);
        // Glued to the verb, or behind control bytes in it.
        let glued = || without_control(body(line)).get(4..).map(|rest| trimmed(rest).to_vec());
        let said = if argument.is_empty() { glued()? } else { argument.to_vec() };
        (!said.is_empty()).then_some(Self(said))
    }

    /// The bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text with `***` for every place where it stands as a word of its own, or anywhere if it is long enough not to
    /// be there by chance. Words that replies are judged by stay.
    pub(in super::super) fn hidden_in(&self, text: &[u8]) -> Vec<u8> {
        const LONG: usize = 4;
        let Self(secret) = self;
        if is_common(secret) {
            return text.to_vec();
        }
        let mut hidden = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((byte, behind)) = rest.split_first() {
            let inside = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            let apart = !inside(hidden.last()) && !inside(rest.get(secret.len()));
            if rest.starts_with(secret) && (apart || secret.len() >= LONG) {
                hidden.extend_from_slice(MASK.as_bytes());
                rest = rest.get(secret.len()..).unwrap_or_default();
            } else {
                hidden.push(*byte);
                rest = behind;
            }
        }
        hidden
    }
}
