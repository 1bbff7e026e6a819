//! Tells from the first bytes which capture format a file has, or what it is instead.
//!
//! Only formats that are read get a [`Format`]; the others get a sentence that says what they are and what to do.

use std::path::Path;

use super::error::shown;

/// Bytes that [`sniff`] wants to see; fewer are fine.
pub(super) const SNIFF: usize = 512;

/// As many bytes tell whether a file begins like a capture.
pub(super) const MAGIC: usize = 17;

/// The formats that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// The classic format in any of its variants.
    Pcap,
    /// Blocks.
    Pcapng,
}

/// What the first bytes of a file look like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Looks {
    /// A capture that is read.
    Like(Format),
    /// A capture in a format that is not read.
    Foreign(&'static str),
    /// Perhaps one; there is no magic to be sure of.
    PerhapsForeign(&'static str),
    /// No capture; the text goes on after "it is".
    NoCapture(String),
}

/// Magic numbers of captures that Wireshark reads and we do not.
const FOREIGN: &[(&[u8], &str)] = &[
    (b"snoop\0\0\0", "a snoop capture"),
    (b"btsnoop\0", "a Bluetooth snoop capture"),
    (b"RTSS", "a Network Monitor 1 capture"),
    (b"GMBU", "a Network Monitor capture"),
    (&[0x1c, 0x00, 0x01, 0xac], "an IXIA capture"),
    (&[0xac, 0x01, 0x00, 0x1c], "an IXIA capture"),
    (&[0x1c, 0x00, 0x01, 0xab], "an IXIA capture"),
    (&[0xab, 0x01, 0x00, 0x1c], "an IXIA capture"),
    (b"TRSNIFF data    \x1a", "a Sniffer capture"),
    (b"XCP\0", "a NetXRay capture"),
    (b"iptrace ", "an iptrace capture"),
    (b"\x7fver", "an EtherPeek capture"),
    (b"\x05VNF", "a Visual Networks capture"),
    (&[0xaa, 0xaa, 0xaa, 0xaa], "a 5Views capture"),
];

/// Looks at the first bytes of a decompressed file.
pub(super) fn sniff(head: &[u8]) -> Looks {
    match head {
        [] => {
            let what = "empty (0 bytes): capture again with `tcpdump -w FILE`";
            return Looks::NoCapture(what.to_owned());
        }
        [0xa1, 0xb2, 0xc3, 0xd4, ..]
        | [0xd4, 0xc3, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0x3c, 0x4d, ..]
        | [0x4d, 0x3c, 0xb2, 0xa1, ..]
        | [0xa1, 0xb2, 0xcd, 0x34, ..]
        | [0x34, 0xcd, 0xb2, 0xa1, ..] => return Looks::Like(Format::Pcap),
        [0x0a, 0x0d, 0x0d, 0x0a, ..] => return Looks::Like(Format::Pcapng),
        [0x1f, 0x8b, ..] => return Looks::NoCapture("compressed twice; unpack it once first".to_owned()),
        _ => {}
    }
    if let Some((_, name)) = FOREIGN.iter().find(|(magic, _)| head.starts_with(magic)) {
        return Looks::Foreign(name);
    }
    if is_text(head) {
        return Looks::NoCapture(text(head).to_owned());
    }
    if is_erf(head) {
        return Looks::PerhapsForeign("an ERF capture");
    }
    let bytes: Vec<String> = head.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    Looks::NoCapture(format!(
        "no pcap or pcapng capture (it begins with {}); if Wireshark opens it, save it there as pcapng",
        bytes.join(" ")
    ))
}

/// The sentence for a file that does not look like a capture we read.
pub(super) fn refusal(path: &Path, looks: &Looks) -> Option<String> {
    match looks {
        Looks::Like(_) => None,
        Looks::Foreign(name) => Some(format!("it is {name}; {}", conversion(path))),
        Looks::PerhapsForeign(name) => Some(format!("it looks like {name}; {}", conversion(path))),
        Looks::NoCapture(what) => Some(format!("it is {what}")),
    }
}

fn conversion(path: &Path) -> String {
    // editcap takes `-` as we do.
    let path = if path == Path::new("-") { "-".to_owned() } else { shown(path) };
    format!("convert it with `editcap -F pcapng {path} out.pcapng`")
}

/// What a text file can be made into. tshark and tcpdump print packets to read, which no program makes packets of again.
fn text(head: &[u8]) -> &'static str {
    let is_dump = |line: &[u8]| {
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let hex = |word: &[u8]| word.iter().all(u8::is_ascii_hexdigit);
        let offset = |word: &[u8]| {
            let word = word.strip_prefix(b"0x").unwrap_or(word);
            hex(word.strip_suffix(b":").unwrap_or(word))
        };
        words.next().is_some_and(|word| word.len() >= 4 && offset(word)) && words.next().is_some_and(hex)
    };
    if head.split(|byte| *byte == b'\n').any(is_dump) {
        "a text file, perhaps a hex dump; convert it with `text2pcap` (see its manual for the formats it takes)"
    } else {
        "a text file, not a capture; if Wireshark opens it, save it there as pcapng, else capture again with `tcpdump -w FILE`"
    }
}

fn is_text(head: &[u8]) -> bool {
    // The cut at the end of what was read may split a character.
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            head.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok()).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && text.chars().all(|c| !c.is_control() || c.is_whitespace())
}

/// ERF has no magic: two records in a row have to look like ones (type, length at bytes 8 and 10).
fn is_erf(head: &[u8]) -> bool {
    let record_len = |at: usize| match head.get(at..at + 16) {
        Some(&[.., kind, _, high, low, _, _, _, _]) => {
            let len = usize::from(u16::from_be_bytes([high, low]));
            (matches!(kind & 0x7f, 1..=48) && len >= 16).then_some(len)
        }
        _ => None,
    };
    record_len(0).is_some_and(|len| record_len(len).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(head: &[u8]) -> String {
        refusal(Path::new("X"), &sniff(head)).unwrap_or_else(|| "read".to_owned())
    }

    #[test]
    fn every_refusal_says_what_it_is_and_what_to_do() {
        assert_eq!(said(b""), "it is empty (0 bytes): capture again with `tcpdump -w FILE`");
        assert_eq!(
            said(b"snoop\0\0\0\0\0\0\x02"),
            "it is a snoop capture; convert it with `editcap -F pcapng X out.pcapng`"
        );
        assert_eq!(
            said(b"GMBU\0\x02"),
            "it is a Network Monitor capture; convert it with `editcap -F pcapng X out.pcapng`"
        );
        assert_eq!(
            said("No. Time\u{fc}\n1 0.0".as_bytes()),
            "it is a text file, not a capture; if Wireshark opens it, save it there as pcapng, else capture again with \
             `tcpdump -w FILE`"
        );
        for dump in ["\t0x0000:  4500 0034\n", "0000  00 01\n", "12:00 IP a > b\n  0x0010: 45 00", "000010 45 00"] {
            assert_eq!(
                said(dump.as_bytes()),
                "it is a text file, perhaps a hex dump; convert it with `text2pcap` (see its manual for the formats it takes)"
            );
        }
        assert_eq!(
            said(&[0, 1, 2, 3]),
            "it is no pcap or pcapng capture (it begins with 00 01 02 03); if Wireshark opens it, save it there as pcapng"
        );
        assert_eq!(said(&[0x1f, 0x8b, 8]), "it is compressed twice; unpack it once first");
        assert_eq!(
            said(&[0x1c, 0, 1, 0xac]),
            "it is an IXIA capture; convert it with `editcap -F pcapng X out.pcapng`"
        );
    }

    #[test]
    fn erf_is_told_by_two_records() {
        let mut record = vec![0x6b, 0xba, 0x24, 0x2c, 0xc7, 0xe2, 0xbd, 0x3f, 2, 4, 0, 24, 0, 0, 0, 8];
        record.extend([0; 8]);
        let two = [record.as_slice(), record.as_slice()].concat();
        assert_eq!(said(&two), "it looks like an ERF capture; convert it with `editcap -F pcapng X out.pcapng`");
        assert!(matches!(sniff(&record), Looks::NoCapture(_)));
    }

    #[test]
    fn all_pcap_magics_and_pcapng_are_read() {
        for magic in [0xa1b2_c3d4_u32, 0xa1b2_3c4d, 0xa1b2_cd34] {
            assert_eq!(sniff(&magic.to_le_bytes()), Looks::Like(Format::Pcap));
            assert_eq!(sniff(&magic.to_be_bytes()), Looks::Like(Format::Pcap));
        }
        assert_eq!(sniff(b"\x0a\x0d\x0d\x0a"), Looks::Like(Format::Pcapng));
    }
}
