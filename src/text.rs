//! Bytes from the wire as text that is safe to show.
//!
//! File names, replies and banners are written by strangers: this is the one place that makes them printable.

use std::fmt::Write as _;

/// The bytes as text: C0, C1, DEL and what is not UTF-8 become `\xNN`; everything else stays as it is.
pub fn printable(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            push_char(&mut out, c);
        }
        for byte in chunk.invalid() {
            push_byte(&mut out, *byte);
        }
    }
    out
}

/// The same for text that is already UTF-8; what has been made printable once does not change again.
pub fn printable_str(text: &str) -> String {
    printable(text.as_bytes())
}

/// The line and the column of a byte, both from 1: for whoever has to mend a file.
pub fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                push_byte(out, byte);
            }
        }
        c => out.push(c),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::{line_and_column, printable, printable_str};

    #[test]
    fn control_bytes_are_shown_as_hex() {
        assert_eq!(printable(b"a\x1b[31m\x7f"), "a\\x1b[31m\\x7f");
        assert_eq!(printable("\u{9b}31m".as_bytes()), "\\xc2\\x9b31m");
    }

    #[test]
    fn invalid_utf8_is_shown_as_hex_and_valid_kept() {
        assert_eq!(printable(b"caf\xe9 \xc3\xa9"), "caf\\xe9 \u{e9}");
    }

    #[test]
    fn places_are_counted_from_one() {
        assert_eq!(line_and_column("a = 1\nb = x", 10), (2, 5));
        assert_eq!(line_and_column("", 0), (1, 1));
        assert_eq!(line_and_column("é\n", 99), (2, 1));
    }

    #[test]
    fn printing_twice_changes_nothing() {
        let once = printable(b"x\x00y\xff");
        assert_eq!(printable_str(&once), once);
    }
}
