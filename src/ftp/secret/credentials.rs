//! Credentials in any text: `user:password@host`, `password=...`, and what a URL makes of them.

use std::ops::Range;

use super::names::is_key;

/// The text with its URL escapes (`%3A`) undone, and where each byte of it, and its end, was.
pub(super) fn unescaped(text: &[u8]) -> (Vec<u8>, Vec<usize>) {
    let digit = |at: usize| text.get(at).and_then(|byte| char::from(*byte).to_digit(16));
    let (mut out, mut places) = (Vec::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        places.push(at);
        let escaped = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        out.push(escaped.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()).unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    places.push(text.len());
    (out, places)
}

/// Where passwords stand in what a client said. Escapes are looked through.
pub(super) fn of_client(text: &[u8]) -> Vec<Range<usize>> {
    found(text, |text| [in_urls(text), before_hosts(text), behind_keys(text)].concat())
}

/// Where passwords stand in what a server said. A mail address behind a colon is none.
pub(super) fn of_server(text: &[u8]) -> Vec<Range<usize>> {
    found(text, |text| [in_urls(text), behind_keys(text)].concat())
}

fn found(text: &[u8], find: impl Fn(&[u8]) -> Vec<Range<usize>>) -> Vec<Range<usize>> {
    let signs = |byte: &u8| matches!(byte, b':' | b'=' | b'%');
    if !text.iter().any(signs) {
        return Vec::new();
    }
    if !text.contains(&b'%') {
        return find(text);
    }
    let (unescaped, places) = unescaped(text);
    let place = |at: usize| places.get(at).copied().unwrap_or(text.len());
    find(&unescaped).into_iter().map(|found| place(found.start)..place(found.end)).collect()
}

/// `ftp://user:password@host`; the password may hold `/` and `@`, and blanks if there is no other `@`.
fn in_urls(text: &[u8]) -> Vec<Range<usize>> {
    const SCHEME_END: &[u8] = b"://";
    let last = last_at(text);
    let in_token = |(start, token): (usize, &[u8])| {
        let scheme = token.windows(SCHEME_END.len()).position(|part| part == SCHEME_END)? + SCHEME_END.len();
        let (start, rest) = (start + scheme, token.get(scheme..)?);
        let colon = rest.iter().position(|byte| *byte == b':')?;
        let far = last.filter(|at| *at > start && !is_port(rest.get(colon + 1..)));
        let at = last_at(rest).map(|at| start + at).or(far)?;
        (start + colon < at).then_some(start + colon + 1..at)
    };
    tokens(text).filter_map(in_token).collect()
}

/// `user:password@host` as a word of its own.
fn before_hosts(text: &[u8]) -> Vec<Range<usize>> {
    let in_token = |(start, token): (usize, &[u8])| {
        let colon = token.iter().position(|byte| *byte == b':')?;
        let is_url = token.get(colon + 1..).is_some_and(|rest| rest.starts_with(b"//"));
        let at = last_at(token).filter(|at| colon < *at && !is_url)?;
        Some(start + colon + 1..start + at)
    };
    tokens(text).filter_map(in_token).collect()
}

/// What stands between blanks, and where.
fn tokens(text: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut start = 0;
    text.split(u8::is_ascii_whitespace).map(move |token| {
        let begins = start;
        start += token.len() + 1;
        (begins, token)
    })
}

/// `password=...` up to what ends a value, `password: ...` up to the end; quotes may stand around both.
fn behind_keys(text: &[u8]) -> Vec<Range<usize>> {
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let is_quote = |byte: &u8| matches!(byte, b'"' | b'\'' | b'`');
    let mut found: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    for run in text.split(|byte| !is_of_name(byte)) {
        let end = at + run.len();
        let is_hidden = found.last().is_some_and(|last| at < last.end);
        if !is_hidden && is_key(run) {
            let rest = text.get(end..).unwrap_or_default();
            let skip = |from: usize, what: &dyn Fn(&u8) -> bool| {
                rest.iter().skip(from).position(|byte| !what(byte)).map_or(rest.len(), |more| from + more)
            };
            let sign = skip(0, &|byte| is_quote(byte) || *byte == b' ');
            let value = skip(sign + 1, &|byte| is_quote(byte) || *byte == b' ');
            let ends = |byte: &u8| byte.is_ascii_whitespace() || is_quote(byte) || matches!(byte, b'&' | b';');
            let behind = rest.get(value..).unwrap_or_default();
            let length = match rest.get(sign) {
                Some(b'=') if value == sign + 1 => behind.iter().position(ends).unwrap_or(behind.len()),
                Some(b'=' | b':') => behind.len(),
                Some(_) | None => 0,
            };
            if length > 0 {
                found.push(end + value..end + value + length);
            }
        }
        at = end + 1;
    }
    found
}

fn last_at(text: &[u8]) -> Option<usize> {
    text.iter().rposition(|byte| *byte == b'@')
}

/// Whether a number stands behind the colon, up to a slash or the end.
fn is_port(text: Option<&[u8]>) -> bool {
    let digits = text.unwrap_or_default().split(|byte| *byte == b'/').next().unwrap_or_default();
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}
