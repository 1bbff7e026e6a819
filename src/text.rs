//! Bytes from the wire as text that is safe to show.
//!
//! File names, replies and banners are written by strangers: this is the one place that makes them printable.

use std::fmt::Write as _;

/// The bytes as text: C0, C1, DEL and what is not UTF-8 become `\xNN`, characters that leave no mark or move others
/// become `\u{N}`; everything else stays as it is.
pub fn printable(bytes: &[u8]) -> String {
    if let Ok(text) = str::from_utf8(bytes)
        && text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
    {
        return text.to_owned();
    }
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

/// Whether a character can hide text or its order from whoever reads it: it has no glyph and no width of its own.
///
/// Unicode's `Default_Ignorable_Code_Point` (joiners, variation selectors, tags, bidirectional controls, soft hyphen,
/// Hangul fillers, byte order mark), separators that some terminals take for a new line, format controls and blanks of
/// single scripts, noncharacters, and characters that mean something only by private agreement.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{13442}' | '\u{16fe4}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{10ffff}')
        // The last two of every plane.
        || u32::from(c) & 0xfffe == 0xfffe
}

/// Adds a character by its number, as `\u{N}`.
pub fn push_number(out: &mut String, c: char) {
    // Writing to a string cannot fail.
    let _ = write!(out, "\\u{{{:x}}}", u32::from(c));
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\0'..='\x1f' | '\x7f'..='\u{9f}' => {
            let mut utf8 = [0; 4];
            for byte in c.encode_utf8(&mut utf8).bytes() {
                push_byte(out, byte);
            }
        }
        c if !c.is_ascii() && is_invisible(c) => push_number(out, c),
        c => out.push(c),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    let _ = write!(out, "\\x{byte:02x}");
}

#[cfg(test)]
mod tests {
    use super::{is_invisible, line_and_column, printable, printable_str};

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
    fn what_leaves_no_mark_is_spelled_out() {
        let hidden = [
            ("pay\u{200b}load", "pay\\u{200b}load"),
            ("a\u{202e}gnp.exe\u{2066}", "a\\u{202e}gnp.exe\\u{2066}"),
            ("\u{feff}x\u{ad}y", "\\u{feff}x\\u{ad}y"),
            ("\u{e0041}\u{e007f}\u{e0100}", "\\u{e0041}\\u{e007f}\\u{e0100}"),
            ("\u{3164}\u{ffa0}\u{115f}\u{2800}", "\\u{3164}\\u{ffa0}\\u{115f}\\u{2800}"),
            ("\u{fdd0}\u{ffff}\u{1fffe}\u{10ffff}", "\\u{fdd0}\\u{ffff}\\u{1fffe}\\u{10ffff}"),
            ("\u{f022}", "\\u{f022}"),
        ];
        for (name, shown) in hidden {
            assert_eq!(printable_str(name), shown);
        }
        assert_eq!(printable_str("\u{2764}\u{fe0f}.png"), "\u{2764}\\u{fe0f}.png");
        let joined = "\u{1f469}\u{200d}\u{1f680}";
        assert_eq!(printable_str(joined), "\u{1f469}\\u{200d}\u{1f680}");
    }

    #[test]
    fn text_of_any_script_stays() {
        let names = [
            "Résumé d'été.txt",
            // The same, decomposed, as macOS names it.
            "e\u{301}te\u{301}",
            "отчёт за год.xlsx",
            "\u{5d0}\u{5d1}\u{5b0}",
            "\u{62a}\u{642}\u{631}\u{64a}\u{631}\u{64b}",
            "\u{939}\u{93f}\u{928}\u{94d}\u{926}\u{940}",
            "\u{e44}\u{e17}\u{e22}\u{e49}",
            "\u{65e5}\u{672c}\u{8a9e}\u{3000}\u{8cc7}\u{6599}.zip",
            // Conjoining Hangul, as macOS names it.
            "\u{1112}\u{1161}\u{11ab}\u{d55c}",
            "\u{1f600}\u{1f44d}\u{1f3fd}\u{1f1eb}\u{1f1f7}.png",
            "\u{20ac} \u{2026} \u{201c}x\u{201d}\u{a0}!",
        ];
        for name in names {
            assert_eq!(printable_str(name), name);
        }
        assert!(!is_invisible('\u{fffd}') && !is_invisible(' '));
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
