//! Finds addresses in text: dotted, with colons, between dashes as in names that providers give, and as numbers between
//! commas; gives what is to stand there.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::address::Addresses;

/// What stands somewhere instead.
pub(super) type Replaced = (Range<usize>, Vec<u8>);

/// What stands between the numbers of an IPv4 address.
const MARKS: [u8; 3] = [b'.', b'-', b'_'];

/// Every address in a text, in order, with its pseudonym.
pub(super) fn addresses_in(text: &[u8], addresses: &mut Addresses) -> Vec<Replaced> {
    let mut found = Vec::new();
    for run in runs(text, |byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')) {
        found.extend(colons(text, &run, addresses));
    }
    for mark in MARKS {
        for run in runs(text, |byte| byte.is_ascii_digit() || byte == mark) {
            let taken = found.iter().any(|(range, _): &Replaced| range.start < run.end && run.start < range.end);
            if !taken {
                found.extend(marked(text, &run, mark, addresses));
            }
        }
    }
    let numbers = rows(text);
    for row in numbers {
        found.extend(commas(text, &row, addresses));
    }
    found.sort_by_key(|(range, _)| range.start);
    found
}

/// The numbers of PORT, as far as they are those of an address: also what is wrong about them stays wrong.
pub(super) fn port(argument: &[u8], addresses: &mut Addresses) -> Vec<Replaced> {
    octets(argument, &fields(argument), addresses)
}

/// The numbers of LPRT (RFC 1639): family, length, address.
pub(super) fn long_port(argument: &[u8], addresses: &mut Addresses) -> Vec<Replaced> {
    long(argument, &fields(argument), addresses)
}

/// The address of EPRT, between the second and the last but one of its delimiters. `None` without these.
pub(super) fn extended_port(argument: &[u8], addresses: &mut Addresses) -> Option<Vec<Replaced>> {
    let delimiter = argument.first().copied()?;
    let marks: Vec<usize> = (0..argument.len()).filter(|at| argument.get(*at) == Some(&delimiter)).collect();
    let (start, end) = (marks.get(1)? + 1, *marks.get(marks.len().checked_sub(2)?)?);
    let bytes = argument.get(start..end)?;
    let start = start + bytes.len() - bytes.trim_ascii_start().len();
    let bytes = bytes.trim_ascii();
    let literal = bytes.split(|byte| *byte == b'%').next().unwrap_or_default();
    let parsed = std::str::from_utf8(literal).ok().and_then(|literal| literal.parse::<Ipv6Addr>().ok());
    let pseudonym = match (parsed, plain(literal, b'.')) {
        (Some(address), _) => addresses.v6(address).to_string().into_bytes(),
        (_, Some(address)) => addresses.v4(address).to_string().into_bytes(),
        (None, None) => no_number(bytes),
    };
    Some(vec![(start..start + bytes.len(), pseudonym)])
}

/// Stretches of bytes of a kind.
fn runs(text: &[u8], of: impl Fn(u8) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (at, byte) in text.iter().enumerate() {
        match found.last_mut() {
            _ if !of(*byte) => {}
            Some(run) if run.end == at => run.end = at + 1,
            Some(_) | None => found.push(at..at + 1),
        }
    }
    found
}

fn colons(text: &[u8], run: &Range<usize>, addresses: &mut Addresses) -> Option<Replaced> {
    let bytes = text.get(run.clone())?;
    if bytes.split(|byte| *byte == b':').count() < 3 {
        return None;
    }
    let literal = std::str::from_utf8(bytes).ok()?;
    let dots = literal.trim_end_matches('.');
    let bare = if dots.ends_with("::") { dots } else { dots.trim_end_matches(':') };
    let with_port = bare.rsplit_once(':').map(|(address, _)| address);
    let (literal, address) = [Some(bare), with_port]
        .into_iter()
        .flatten()
        .find_map(|literal| Some((literal, literal.parse::<Ipv6Addr>().ok()?)))?;
    Some((run.start..run.start + literal.len(), addresses.v6(address).to_string().into_bytes()))
}

fn marked(text: &[u8], run: &Range<usize>, mark: u8, addresses: &mut Addresses) -> Option<Replaced> {
    let bytes = text.get(run.clone())?;
    let before = bytes.iter().take_while(|byte| **byte == mark).count();
    let after = bytes.iter().rev().take_while(|byte| **byte == mark).count();
    let range = run.start + before..run.end.checked_sub(after)?.max(run.start + before);
    // Dashes also join the parts of words and of link-layer addresses.
    let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    if mark != b'.' && (letter(range.start.checked_sub(1)) || letter(Some(range.end))) {
        return None;
    }
    let address = plain(text.get(range.clone())?, mark)?;
    let mut said = addresses.v4(address).to_string().into_bytes();
    said.iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = mark);
    Some((range, said))
}

/// Four decimal numbers up to 255 between marks; leading zeros are decimal.
fn plain(text: &[u8], mark: u8) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == mark);
    for octet in &mut octets {
        *octet = u8::try_from(number(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// Rows of at least four numbers between commas, each number's place.
fn rows(text: &[u8]) -> Vec<Vec<Range<usize>>> {
    let mut rows: Vec<Vec<Range<usize>>> = Vec::new();
    for run in runs(text, |byte| byte.is_ascii_digit()) {
        let goes_on = rows.last().and_then(|row| row.last()).is_some_and(|last| {
            let between = text.get(last.end..run.start).unwrap_or_default();
            between.trim_ascii() == b","
        });
        match rows.last_mut() {
            Some(row) if goes_on => row.push(run),
            Some(_) | None => rows.push(vec![run]),
        }
    }
    rows.retain(|row| row.len() >= 4);
    rows
}

fn commas(text: &[u8], row: &[Range<usize>], addresses: &mut Addresses) -> Vec<Replaced> {
    let value = |at: usize| row.get(at).and_then(|range| text.get(range.clone())).and_then(number);
    match (value(0), value(1), row.len()) {
        (Some(4), Some(4), 9..) | (Some(6), Some(16), 18..) => long(text, row, addresses),
        _ => octets(text, row, addresses),
    }
}

/// The places between commas, blanks taken off.
fn fields(argument: &[u8]) -> Vec<Range<usize>> {
    let mut start = 0;
    let mut fields = Vec::new();
    for field in argument.split(|byte| *byte == b',') {
        let blanks = field.len() - field.trim_ascii_start().len();
        let from = start + blanks;
        fields.push(from..from + field.trim_ascii().len());
        start += field.len() + 1;
    }
    fields
}

fn long(text: &[u8], fields: &[Range<usize>], addresses: &mut Addresses) -> Vec<Replaced> {
    let value = |at: usize| fields.get(at).and_then(|range| text.get(range.clone())).and_then(number);
    let rest = fields.get(2..).unwrap_or_default();
    if value(0) != Some(6) {
        return octets(text, rest, addresses);
    }
    let mut octets = [0; 16];
    for (at, octet) in octets.iter_mut().enumerate() {
        *octet = value(at + 2).and_then(|value| u8::try_from(value).ok()).unwrap_or(0);
    }
    say(text, rest, &addresses.v6(octets.into()).octets())
}

/// The first four fields as an IPv4 address. Those that are no octets count as 0 in it, but for the first: addresses that
/// begin so are kept.
fn octets(text: &[u8], fields: &[Range<usize>], addresses: &mut Addresses) -> Vec<Replaced> {
    let value = |at: usize| {
        let field = fields.get(at).and_then(|range| text.get(range.clone()));
        field.and_then(number).and_then(|value| u8::try_from(value).ok())
    };
    let octet = |at: usize| value(at).unwrap_or(0);
    let address = Ipv4Addr::new(value(0).unwrap_or(1), octet(1), octet(2), octet(3));
    say(text, fields, &addresses.v4(address).octets())
}

/// Numbers for numbers; too large ones stay too large, and what is no number stays none.
fn say(text: &[u8], fields: &[Range<usize>], octets: &[u8]) -> Vec<Replaced> {
    let said = fields.iter().zip(octets).filter(|(range, _)| !range.is_empty()).filter_map(|(range, octet)| {
        let field = text.get(range.clone())?;
        let now = match number(field) {
            Some(256..) => b"999".to_vec(),
            Some(_) => octet.to_string().into_bytes(),
            None => no_number(field),
        };
        Some((range.clone(), now))
    });
    said.collect()
}

/// Nines for digits and x for letters: of what is not well formed enough to have a pseudonym.
pub(super) fn no_number(text: &[u8]) -> Vec<u8> {
    let other = |byte: &u8| match byte {
        b'0'..=b'9' => b'9',
        b'A'..=b'Z' | b'a'..=b'z' => b'x',
        0x80.. => 0x80,
        _ => *byte,
    };
    text.iter().map(other).collect()
}

/// A decimal number; what is too large stays too large.
fn number(text: &[u8]) -> Option<u32> {
    (!text.is_empty() && text.iter().all(u8::is_ascii_digit)).then(|| {
        text.iter().fold(0_u32, |value, digit| value.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::anonymize::key::Key;

    fn addresses() -> Addresses {
        Addresses::new(Key::from_hex(&"17".repeat(16)).unwrap())
    }

    /// The text with what was found replaced.
    fn said(text: &str, found: &[Replaced]) -> String {
        let mut out = String::new();
        let mut at = 0;
        for (range, now) in found {
            out += &text[at..range.start];
            out += std::str::from_utf8(now).unwrap();
            at = range.end;
        }
        out + &text[at..]
    }

    #[test]
    fn addresses_are_found_in_every_form() {
        let v4 = addresses().v4("10.1.0.10".parse().unwrap());
        let commas = v4.octets().map(|octet| octet.to_string()).join(",");
        let v6 = addresses().v6("2001:db8::1".parse().unwrap());
        let cases = [
            ("to 10.1.0.10 (only", format!("to {v4} (only")),
            ("address 10.1.0.10:25.", format!("address {v4}:25.")),
            ("010.001.0.10", v4.to_string()),
            ("ip-10-1-0-10.internal", format!("ip-{}.internal", v4.to_string().replace('.', "-"))),
            ("on 2026-11-22 at 1-2-3", "on 2026-11-22 at 1-2-3".to_owned()),
            ("Mode (10,1,0,10,156,173).", format!("Mode ({commas},156,173).")),
            (
                "=10, 1,0 ,10,156,173",
                format!(
                    "={},156,173",
                    commas.replacen(',', ", ", 1).replacen(
                        &format!(",{}", v4.octets()[3]),
                        &format!(" ,{}", v4.octets()[3]),
                        1
                    )
                ),
            ),
            ("(4,4,10,1,0,10,2,19,136)", format!("(4,4,{commas},2,19,136)")),
            ("[::ffff:10.1.0.10]", format!("[::ffff:{v4}]")),
            ("2001:db8::1.", format!("{v6}.")),
            ("at 12:34:56, version 1.2.3", "at 12:34:56, version 1.2.3".to_owned()),
        ];
        for (text, expected) in cases {
            assert_eq!(said(text, &addresses_in(text.as_bytes(), &mut addresses())), expected);
        }
    }

    #[test]
    fn what_is_wrong_about_a_port_stays_wrong() {
        let [a, b, c, _] = addresses().v4("10.1.0.0".parse().unwrap()).octets();
        let text = "10,1,0,300,19,136";
        assert_eq!(said(text, &port(text.as_bytes(), &mut addresses())), format!("{a},{b},{c},999,19,136"));
        let text = "10,1,0";
        assert_eq!(said(text, &port(text.as_bytes(), &mut addresses())), format!("{a},{b},{c}"));
        let text = "10,1,0,x,1,1";
        assert_eq!(said(text, &port(text.as_bytes(), &mut addresses())), format!("{a},{b},{c},x,1,1"));
        let text = "z10,1,0,77,1,1";
        let [_, b, c, d] = addresses().v4("1.1.0.77".parse().unwrap()).octets();
        assert_eq!(said(text, &port(text.as_bytes(), &mut addresses())), format!("x99,{b},{c},{d},1,1"));
    }

    #[test]
    fn extended_ports_have_any_delimiter() {
        let v4 = addresses().v4("10.1.0.10".parse().unwrap());
        let v6 = addresses().v6("2001:db8::1".parse().unwrap());
        for (text, expected) in [
            ("|1|10.1.0.10|5000|", format!("|1|{v4}|5000|")),
            (":2:2001:db8::1:5001:", format!(":2:{v6}:5001:")),
            ("!2!2001:db8::1%eth0!5001!", format!("!2!{v6}!5001!")),
        ] {
            assert_eq!(said(text, &extended_port(text.as_bytes(), &mut addresses()).unwrap()), expected);
        }
        let text = "|1|10.1.0.y|5000|";
        assert_eq!(said(text, &extended_port(text.as_bytes(), &mut addresses()).unwrap()), "|1|99.9.9.x|5000|");
        assert_eq!(extended_port(b"|", &mut addresses()), None);
    }
}
