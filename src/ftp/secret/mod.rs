//! Where passwords and tokens can stand in a dialogue, and how its lines are shown without them.
//!
//! Rather hide a little too much: PASS and ACCT in any spelling, what an unknown command says before the login, and what
//! names itself a password. What is found is handed on as [`Secret`], to be hidden wherever else it comes.

mod answer;
mod command;
mod credentials;
mod login;
mod names;

pub(super) use answer::{Said, in_reply, without_echo};
pub(super) use command::{Told, in_fragment, may_begin, tell};
pub(super) use login::{Login, answers_login};
pub(super) use names::secret;

use std::ops::Range;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD};

use super::Verb;
use crate::redact::{MASK, Secret};

/// The command that a line is which says a secret, however it is spelt.
pub fn secret_command(line: &[u8]) -> Option<Verb> {
    secret(line)
}

/// Whether the beginning of a line may be that of a command which says a secret: then the analysis reads nothing of
/// what follows it behind lost bytes.
pub fn may_begin_secret(start: &[u8]) -> bool {
    may_begin(start, &Login::picked_up())
}

/// A text with the mask in each of these places, whatever their order.
fn masked(text: &[u8], mut places: Vec<Range<usize>>) -> Vec<u8> {
    places.retain(|place| !place.is_empty());
    places.sort_by_key(|place| (place.start, place.end));
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    for place in places {
        if place.end <= at {
            continue;
        }
        // One that begins within the last has its mask already.
        if place.start >= at {
            out.extend_from_slice(text.get(at..place.start).unwrap_or_default());
            out.extend_from_slice(MASK.as_bytes());
        }
        at = place.end;
    }
    out.extend_from_slice(text.get(at..).unwrap_or_default());
    out
}

/// What is to be hidden elsewhere of what was said in a place for secrets: itself, what it is without control bytes
/// and URL escapes, and the password within a token that can be read.
fn secrets_in(said: &[u8], whole: bool) -> Vec<Secret> {
    let bare: Vec<u8> = said.iter().copied().filter(|byte| !byte.is_ascii_control()).collect();
    let (unescaped, _) = credentials::unescaped(&bare);
    let decoded = bare.split(u8::is_ascii_whitespace).filter_map(decoded);
    let mut found: Vec<Secret> = Vec::new();
    for text in [said.to_vec(), bare.clone(), unescaped].into_iter().chain(decoded) {
        if let Some(secret) = Secret::new(&text, whole)
            && !found.contains(&secret)
        {
            found.push(secret);
        }
    }
    found
}

/// The password in a token of HTTP's Basic scheme (`user:password`) or of SASL's PLAIN (two zero bytes).
fn decoded(token: &[u8]) -> Option<Vec<u8>> {
    let end = token.iter().rposition(|byte| *byte != b'=').map_or(0, |last| last + 1);
    let token = token.get(..end)?;
    let bytes = BASE64_NOPAD.decode(token).or_else(|_| BASE64URL_NOPAD.decode(token)).ok()?;
    let parts: Vec<&[u8]> = bytes.splitn(3, |byte| *byte == 0).collect();
    if let [_, _, password] = parts[..] {
        return Some(password.to_vec());
    }
    let colon = bytes.iter().position(|byte| *byte == b':')?;
    std::str::from_utf8(&bytes).ok().and_then(|_| bytes.get(colon + 1..)).map(<[u8]>::to_vec)
}

/// The text without control bytes and what is not ASCII: servers look through them.
fn without_control(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| is_text(*byte)).collect()
}

fn is_text(byte: u8) -> bool {
    byte.is_ascii_graphic() || byte == b' '
}

#[cfg(test)]
mod tests;
