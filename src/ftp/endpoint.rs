//! Turns the arguments of PORT, EPRT and LPRT and the texts of 227, 228 and 229 into endpoints.
//!
//! Total on any bytes. Takes every spelling that some server is known to take and that can mean one thing only:
//! leading zeros, blanks around numbers, 0 as an octet (the BNF of RFC 959 5.3.2 forbids it, practice does not).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::line::{shown, trimmed};
use super::{Endpoint, Malformed};
use crate::redact::foreign;

/// What an endpoint text tells.
pub type Parsed = Result<Endpoint, Malformed>;

/// Numbers of an endpoint text that are looked at: RFC 1639 needs 21 for IPv6.
const NUMBERS: usize = 32;
/// Longest address literal within a 229 or EPRT that is looked at: IPv6 in full, with a zone.
const ADDRESS_BYTES: usize = 80;
/// Numbers in a row from which on a 227 that lacks some must have meant an address.
const NEARLY_AN_ADDRESS: usize = 4;

/// `h1,h2,h3,h4,p1,p2` (RFC 959 4.1.2).
pub fn parse_port(argument: &[u8]) -> Parsed {
    from_numbers(&numbers(argument)?)
}

/// `|family|address|port|` with any delimiter from 33 to 126 (RFC 2428 2).
pub fn parse_eprt(argument: &[u8]) -> Parsed {
    let argument = trimmed(argument);
    let (delimiter, rest) = match argument.split_first() {
        None => return Err(malformed("it has no argument")),
        Some((delimiter @ 33..=126, rest)) => (*delimiter, rest),
        Some(_) => return Err(malformed("its delimiter is not a visible ASCII character")),
    };
    let is_delimiter = |byte: &u8| *byte == delimiter;
    // Family and port hold digits only, so that the address may even contain the delimiter.
    let fields = rest.strip_suffix(&[delimiter]).and_then(|rest| {
        let (family, rest) = rest.split_at_checked(rest.iter().position(is_delimiter)?)?;
        let rest = rest.get(1..)?;
        let (address, port) = rest.split_at_checked(rest.iter().rposition(is_delimiter)?)?;
        Some((family, address, port.get(1..)?))
    });
    let (family, address, port) =
        fields.ok_or_else(|| malformed("it is not a protocol, an address and a port, each between two delimiters"))?;
    let family = number(family).ok_or_else(|| no("number", family, "its protocol"))?;
    let address = named_address(family, trimmed(address))?;
    Ok(Endpoint { address: Some(address), port: port_number(port)? })
}

/// `family,length,h1,…,length,p1,…` (RFC 1639 3). Families are IP versions; ports have two bytes.
pub fn parse_lprt(argument: &[u8]) -> Parsed {
    from_long_numbers(&numbers(argument)?)
}

/// The first six numbers in a row, with or without parentheses (RFC 1123 4.1.2.6). `None` if there is no address.
pub fn parse_227(text: &[u8]) -> Option<Parsed> {
    let runs: Vec<Vec<u32>> = runs(text).filter(|run| run.len() >= NEARLY_AN_ADDRESS).collect();
    runs.iter().find(|run| run.len() == 6).or_else(|| runs.first()).map(|run| from_numbers(run))
}

/// The numbers of RFC 1639, with or without parentheses. `None` if there is no address.
pub fn parse_228(text: &[u8]) -> Option<Parsed> {
    runs(text).find(|run| run.len() >= NEARLY_AN_ADDRESS).map(|run| from_long_numbers(&run))
}

/// `(|||port|)` (RFC 2428 3). Protocol and address should be empty; an address that is named is taken.
pub fn parse_229(text: &[u8]) -> Option<Parsed> {
    (0..text.len()).find_map(|start| {
        let (delimiter, rest) = text.get(start..)?.split_first()?;
        (delimiter.is_ascii_punctuation() && !matches!(delimiter, b'(' | b')')).then_some(())?;
        let (family, rest) = field(rest, *delimiter)?;
        let (address, rest) = field(rest, *delimiter)?;
        let (port, _) = field(rest, *delimiter)?;
        (family.iter().chain(port).all(u8::is_ascii_digit) && !port.is_empty()).then_some(())?;
        let address = dotted(address).map(IpAddr::V4).or_else(|| colons(address).map(IpAddr::V6));
        Some(port_number(port).map(|port| Endpoint { address, port }))
    })
}

/// What comes before the next delimiter, and what behind it.
fn field(bytes: &[u8], delimiter: u8) -> Option<(&[u8], &[u8])> {
    let len = bytes.iter().take(ADDRESS_BYTES).position(|byte| *byte == delimiter)?;
    Some((bytes.get(..len)?, bytes.get(len + 1..)?))
}

fn named_address(family: u32, address: &[u8]) -> Result<IpAddr, Malformed> {
    let (v4, v6) = (dotted(address).map(IpAddr::V4), colons(address).map(IpAddr::V6));
    let misfit = |why: String| Malformed { why, protocol: Some(family) };
    match (family, v4, v6) {
        (1, Some(address), _) | (2, _, Some(address)) => Ok(address),
        (1 | 2, None, None) => Err(no("address", address, "its address")),
        (1, _, Some(address)) => Err(misfit(format!("protocol 1 does not fit the address {address}"))),
        (2, Some(address), _) => Err(misfit(format!("protocol 2 does not fit the address {address}"))),
        (_, _, _) => Err(misfit(format!("protocol {} is neither 1 (IPv4) nor 2 (IPv6)", said(family)))),
    }
}

/// An IPv4 address; leading zeros are decimal.
fn dotted(text: &[u8]) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        *octet = u8::try_from(number(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then(|| octets.into())
}

/// An IPv6 address. A zone means something to the sender only and is dropped.
fn colons(text: &[u8]) -> Option<Ipv6Addr> {
    let address = text.split(|byte| *byte == b'%').next()?;
    std::str::from_utf8(address).ok()?.parse().ok()
}

/// All of the argument as numbers between commas.
fn numbers(argument: &[u8]) -> Result<Vec<u32>, Malformed> {
    let argument = trimmed(argument);
    if argument.is_empty() {
        return Err(malformed("it has no argument"));
    }
    argument
        .split(|byte| *byte == b',')
        .take(NUMBERS)
        .map(|field| number(field).ok_or_else(|| no("number", field, "a field")))
        .collect()
}

/// The rows of numbers between commas in a text, in their order.
fn runs(text: &[u8]) -> impl Iterator<Item = Vec<u32>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.get(rest.iter().position(u8::is_ascii_digit)?..)?;
        let mut run = Vec::new();
        loop {
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let (head, tail) = rest.split_at_checked(digits)?;
            if run.len() < NUMBERS {
                run.push(number(head)?);
            }
            rest = tail;
            match tail.trim_ascii_start().strip_prefix(b",").map(<[u8]>::trim_ascii_start) {
                Some(next) if next.first().is_some_and(u8::is_ascii_digit) => rest = next,
                Some(_) | None => return Some(run),
            }
        }
    })
}

/// A decimal number, blanks around it tolerated; what is too large stays too large.
fn number(text: &[u8]) -> Option<u32> {
    let text = trimmed(text);
    (!text.is_empty() && text.iter().all(u8::is_ascii_digit)).then(|| {
        text.iter().fold(0_u32, |value, digit| value.saturating_mul(10).saturating_add(u32::from(digit - b'0')))
    })
}

fn from_numbers(numbers: &[u32]) -> Parsed {
    let [a, b, c, d, high, low] = octets(numbers)?[..] else {
        return Err(malformed(&format!("it has {} numbers instead of 6", numbers.len())));
    };
    Ok(Endpoint { address: Some(Ipv4Addr::new(a, b, c, d).into()), port: nonzero(u16::from_be_bytes([high, low]))? })
}

fn from_long_numbers(numbers: &[u32]) -> Parsed {
    let octets = octets(numbers)?;
    let (address, port): (IpAddr, _) = match octets[..] {
        [4, 4, a, b, c, d, 2, high, low] => (Ipv4Addr::new(a, b, c, d).into(), [high, low]),
        [6, 16, ref rest @ ..] => match rest.split_first_chunk::<16>() {
            Some((address, [2, high, low])) => (Ipv6Addr::from(*address).into(), [*high, *low]),
            Some(_) | None => return Err(malformed("its lengths do not fit its numbers")),
        },
        [4 | 6, ..] => return Err(malformed("its lengths do not fit its numbers")),
        [family, ..] => {
            let why = format!("address family {} is neither 4 nor 6", said(family.into()));
            return Err(Malformed { why, protocol: Some(family.into()) });
        }
        [] => return Err(malformed("it has no argument")),
    };
    Ok(Endpoint { address: Some(address), port: nonzero(u16::from_be_bytes(port))? })
}

fn octets(numbers: &[u32]) -> Result<Vec<u8>, Malformed> {
    numbers
        .iter()
        .map(|number| u8::try_from(*number).map_err(|_| malformed(&format!("{} is above 255", said(*number)))))
        .collect()
}

fn port_number(text: &[u8]) -> Result<u16, Malformed> {
    let port = number(text).ok_or_else(|| no("number", text, "its port"))?;
    nonzero(u16::try_from(port).map_err(|_| malformed(&format!("port {} is above 65535", said(port))))?)
}

fn nonzero(port: u16) -> Result<u16, Malformed> {
    if port == 0 { Err(malformed("its port is 0")) } else { Ok(port) }
}

/// A part of the argument is no `kind`. A longer one is not quoted: a part of a secret would not be known for one, and
/// the whole line stands beside it.
fn no(kind: &str, text: &[u8], what: &str) -> Malformed {
    const QUOTED: usize = 3;
    let quoted = if text.len() <= QUOTED { format!(", '{}',", foreign(&shown(text))) } else { String::new() };
    malformed(&format!("{what}{quoted} is no {kind}"))
}

/// A number as the argument has it.
fn said(number: u32) -> String {
    foreign(&number.to_string())
}

fn malformed(why: &str) -> Malformed {
    Malformed { why: why.to_owned(), protocol: None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::redact::unmarked;

    fn endpoint(address: &str, port: u16) -> Endpoint {
        Endpoint { address: Some(address.parse().unwrap()), port }
    }

    fn why(parsed: Parsed) -> String {
        unmarked(&parsed.unwrap_err().why)
    }

    #[test]
    fn port_in_the_spellings_servers_take() {
        let spellings = ["10,1,0,10,19,146", " 10,1,0,10,19,146  ", "10, 1, 0, 10, 19, 146", "010,001,000,010,019,146"];
        for spelling in spellings {
            assert_eq!(parse_port(spelling.as_bytes()), Ok(endpoint("10.1.0.10", 5010)), "{spelling}");
        }
        assert_eq!(parse_port(b"0,0,0,0,19,0"), Ok(endpoint("0.0.0.0", 4864)));
        assert_eq!(parse_port(b"10,0,0,1,0,20"), Ok(endpoint("10.0.0.1", 20)));
    }

    #[test]
    fn port_that_cannot_be_used() {
        assert_eq!(why(parse_port(b"1,2,3")), "it has 3 numbers instead of 6");
        assert_eq!(why(parse_port(b"10,1,0,10,0,0")), "its port is 0");
        assert_eq!(why(parse_port(b"10,1,0,300,19,136")), "300 is above 255");
        assert_eq!(why(parse_port(b"10,1,0,10,300,1")), "300 is above 255");
        assert_eq!(why(parse_port(b"  ")), "it has no argument");
        assert_eq!(why(parse_port(b"10,1,0,10,19,\x1b")), "a field, '\\x1b', is no number");
        assert_eq!(why(parse_port(b"10,1,0,10,19,hunter2")), "a field is no number");
        assert_eq!(why(parse_eprt(b"|1|a|5|")), "its address, 'a', is no address");
        assert_eq!(why(parse_eprt(b"|1|host.example|5|")), "its address is no address");
        assert_eq!(why(parse_port(b"10,1,0,10,19,99999999999")), "4294967295 is above 255");
        assert!(
            parse_port(b"1234").is_err() && parse_port(b"1,2,3,4,5,6,7").is_err() && parse_port(b"1,2,3,4,5,").is_err()
        );
    }

    #[test]
    fn eprt_in_both_families_with_any_delimiter() {
        assert_eq!(parse_eprt(b"|1|10.1.0.10|5000|"), Ok(endpoint("10.1.0.10", 5000)));
        assert_eq!(parse_eprt(b" !2!2001:db8::1!5001! "), Ok(endpoint("2001:db8::1", 5001)));
        assert_eq!(parse_eprt(b":2:2001:db8::1:5001:"), Ok(endpoint("2001:db8::1", 5001)));
        assert_eq!(parse_eprt(b"|2|fe80::1%eth0|5001|"), Ok(endpoint("fe80::1", 5001)));
        assert_eq!(parse_eprt(b"|2|::ffff:10.0.0.1|5001|"), Ok(endpoint("::ffff:10.0.0.1", 5001)));
        assert_eq!(parse_eprt(b"|1|010.001.0.10|05000|"), Ok(endpoint("10.1.0.10", 5000)));
    }

    #[test]
    fn eprt_tells_a_wrong_family_from_a_wrong_form() {
        let protocol = |argument: &[u8]| parse_eprt(argument).unwrap_err().protocol;
        assert_eq!(protocol(b"|2|10.1.0.10|5000|"), Some(2));
        assert_eq!(protocol(b"|1|2001:db8::1|5000|"), Some(1));
        assert_eq!(protocol(b"|3|10.1.0.10|5000|"), Some(3));
        let forms =
            [&b""[..], b"|", b"||||", b"|1|10.1.0.10|70000|", b"|1|10.1.0.10|0|", b"|1|x|5000|", b"|1|10.1.0.10|5000"];
        for form in forms {
            assert_eq!(protocol(form), None, "{form:?}");
        }
    }

    #[test]
    fn long_port() {
        assert_eq!(parse_lprt(b"4,4,10,1,0,10,2,19,136"), Ok(endpoint("10.1.0.10", 5000)));
        assert_eq!(parse_lprt(b"6,16,32,1,13,184,0,0,0,0,0,0,0,0,0,0,0,1,2,19,137"), Ok(endpoint("2001:db8::1", 5001)));
        assert_eq!(parse_lprt(b"5,4,10,1,0,10,2,19,136").unwrap_err().protocol, Some(5));
        assert!(parse_lprt(b"4,4,10,1,0,10,3,0,19,136").is_err() && parse_lprt(b"6,16,1,2").is_err());
        assert!(parse_lprt(b"4,4,10,1,0,10,2,0,0").is_err() && parse_lprt(b"").is_err());
        assert_eq!(
            parse_228(b"Entering Long Passive Mode (4,4,10,1,0,10,2,19,136)"),
            Some(Ok(endpoint("10.1.0.10", 5000)))
        );
        assert_eq!(parse_228(b"ok"), None);
    }

    #[test]
    fn passive_reply_in_the_spellings_servers_use() {
        let spellings = [
            "Entering Passive Mode (10,2,0,20,156,173)",
            "Entering Passive Mode (10,2,0,20,156,173).",
            "Entering Passive Mode. 10,2,0,20,156,173",
            "=10,2,0,20,156,173",
            "1 of 2,3: mode 10, 2, 0, 20, 156, 173",
        ];
        for spelling in spellings {
            assert_eq!(parse_227(spelling.as_bytes()), Some(Ok(endpoint("10.2.0.20", 40109))), "{spelling}");
        }
    }

    #[test]
    fn passive_reply_without_an_address_has_none() {
        for text in ["Logout.", "", "Response to PASV command", "1,234 users", "AAAA"] {
            assert_eq!(parse_227(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn passive_reply_with_a_wrong_address_is_malformed() {
        for text in ["(10,2,0,300,1,2)", "(10,2,0,20,0,0)", "(10,2,0,20)", "(1,2,3,4,5,6,7)"] {
            assert!(parse_227(text.as_bytes()).unwrap().is_err(), "{text}");
        }
    }

    #[test]
    fn extended_passive_reply() {
        let port = |port| Some(Ok(Endpoint { address: None, port }));
        assert_eq!(parse_229(b"Entering Extended Passive Mode (|||6446|)"), port(6446));
        assert_eq!(parse_229(b"Extended Passive Mode Entered !!!6446!"), port(6446));
        assert_eq!(parse_229(b"ok (|1|10.0.0.1|6446|)"), Some(Ok(endpoint("10.0.0.1", 6446))));
        assert_eq!(parse_229(b"ok (|2|2001:db8::1|6446|)"), Some(Ok(endpoint("2001:db8::1", 6446))));
        assert!(parse_229(b"(|||0|)").unwrap().is_err() && parse_229(b"(|||65536|)").unwrap().is_err());
        assert_eq!(parse_229(b"Entering Extended Passive Mode"), None);
    }

    fn blanks() -> impl Strategy<Value = String> {
        "[ \t]{0,2}"
    }

    /// Numbers in a row, each with zeros and blanks around it.
    fn spelled(octets: Vec<u8>) -> impl Strategy<Value = String> {
        let spellings: Vec<_> = octets
            .into_iter()
            .map(|octet| {
                (blanks(), 0usize..4, blanks())
                    .prop_map(move |(a, zeros, b)| format!("{a}{}{octet}{b}", "0".repeat(zeros)))
            })
            .collect();
        spellings.prop_map(|fields| fields.join(","))
    }

    fn delimiter() -> impl Strategy<Value = char> {
        (33u8..=126).prop_map(char::from).prop_filter("not a digit", |c| !c.is_ascii_digit())
    }

    proptest! {
        #[test]
        fn any_port_reads_back((v4, port, text) in (any::<[u8; 4]>(), 1u16..).prop_flat_map(|(v4, port)| {
            let octets = [&v4[..], &port.to_be_bytes()].concat();
            (Just(v4), Just(port), spelled(octets))
        })) {
            let expected = Endpoint { address: Some(IpAddr::from(v4)), port };
            prop_assert_eq!(parse_port(text.as_bytes()), Ok(expected));
            prop_assert_eq!(parse_227(format!("Entering Passive Mode ({text}).").as_bytes()), Some(Ok(expected)));
            prop_assert_eq!(parse_227(text.as_bytes()), Some(Ok(expected)));
        }

        #[test]
        fn any_eprt_reads_back(v4: [u8; 4], v6: [u8; 16], port in 1u16.., d in delimiter(), zeros in 0usize..3) {
            let zeros = "0".repeat(zeros);
            for (family, address) in [(1, IpAddr::from(v4)), (2, IpAddr::from(v6))] {
                let expected = Endpoint { address: Some(address), port };
                let text = format!("{d}{family}{d}{address}{d}{zeros}{port}{d}");
                prop_assert_eq!(parse_eprt(text.as_bytes()), Ok(expected));
            }
        }

        #[test]
        fn any_long_port_reads_back((v6, port, text) in (any::<[u8; 16]>(), 1u16..).prop_flat_map(|(v6, port)| {
            let octets = [&[6, 16][..], &v6, &[2], &port.to_be_bytes()].concat();
            (Just(v6), Just(port), spelled(octets))
        })) {
            let expected = Endpoint { address: Some(IpAddr::from(v6)), port };
            prop_assert_eq!(parse_lprt(text.as_bytes()), Ok(expected));
            prop_assert_eq!(parse_228(format!("Entering ({text})").as_bytes()), Some(Ok(expected)));
        }

        #[test]
        fn any_extended_passive_reads_back(port in 1u16.., d in r"[!-'*-/:-@\[-`{-~]") {
            let text = format!("Entering ({d}{d}{d}{port}{d})");
            prop_assert_eq!(parse_229(text.as_bytes()), Some(Ok(Endpoint { address: None, port })));
        }

        #[test]
        fn no_bytes_panic_and_no_port_is_zero(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            check_total(&bytes)?;
        }

        #[test]
        fn no_nearly_valid_text_panics(text in r"[0-9,| ():.%a-f]{0,60}") {
            check_total(text.as_bytes())?;
        }
    }

    fn check_total(bytes: &[u8]) -> Result<(), TestCaseError> {
        let all = [
            Some(parse_port(bytes)),
            Some(parse_eprt(bytes)),
            Some(parse_lprt(bytes)),
            parse_227(bytes),
            parse_228(bytes),
            parse_229(bytes),
        ];
        for endpoint in all.into_iter().flatten().flatten() {
            prop_assert_ne!(endpoint.port, 0);
        }
        Ok(())
    }
}
