//! Text on its way to a terminal or a document: nothing in it may move the cursor, turn the reading direction or be
//! there unseen.

use std::fmt::Write as _;
use std::io::{self, Write};

use crate::text::{is_invisible, printable_str, push_number};

/// `text` with control characters and invisible ones spelled out; with `ascii` every other character that is not ASCII
/// too.
pub(super) fn safe(text: &str, ascii: bool) -> String {
    let printable = printable_str(text);
    if !ascii || printable.is_ascii() {
        return printable;
    }
    let mut out = String::with_capacity(printable.len());
    for c in printable.chars() {
        match c {
            c if c.is_ascii() => out.push(c),
            '\u{2026}' => out.push_str("..."),
            '\u{2013}' | '\u{2014}' => out.push('-'),
            '\u{2018}' | '\u{2019}' => out.push('\''),
            '\u{201c}' | '\u{201d}' => out.push('"'),
            '\u{2192}' => out.push_str("->"),
            c => push_number(&mut out, c),
        }
    }
    out
}

/// `text` for HTML and SVG, in an element or in a quoted attribute: what could be markup becomes entities, what a
/// terminal must not see is spelled out here too.
pub(super) fn markup(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in safe(text, false).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// Writes JSON with [`safe_json`], piece by piece as `serde_json` makes it: no piece ends within a character.
pub(super) struct SafeJson<'a>(pub(super) &'a mut dyn Write);

impl Write for SafeJson<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_ascii() => self.0.write_all(safe_json(text.to_owned()).as_bytes())?,
            Ok(_) | Err(_) => self.0.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// `json` with invisible characters as JSON escapes. They can only stand within strings, so the value is unchanged.
pub(super) fn safe_json(json: String) -> String {
    if json.is_ascii() || !json.chars().any(is_invisible) {
        return json;
    }
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if is_invisible(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{markup, safe, safe_json};

    #[test]
    fn what_turns_the_reading_direction_is_spelled_out() {
        assert_eq!(safe("a\u{202e}cod.exe\u{2066}", false), "a\\u{202e}cod.exe\\u{2066}");
        assert_eq!(safe("\x1b[2J\u{9b}1m\r\n", false), "\\x1b[2J\\xc2\\x9b1m\\x0d\\x0a");
    }

    #[test]
    fn other_scripts_stay_unless_ascii_is_asked_for() {
        let name = "caf\u{e9} \u{5d0}\u{5d1} \u{2026}";
        assert_eq!(safe(name, false), name);
        assert_eq!(safe(name, true), "caf\\u{e9} \\u{5d0}\\u{5d1} ...");
    }

    #[test]
    fn markup_is_text() {
        assert_eq!(
            markup("<b title=\"x\" id='y'>&amp;\x1b"),
            "&lt;b title=&quot;x&quot; id=&#39;y&#39;&gt;&amp;amp;\\x1b"
        );
        assert_eq!(markup("\u{202e}\u{ffff}"), "\\u{202e}\\u{ffff}");
    }

    #[test]
    fn json_keeps_its_value() {
        let text = "a\u{202e}b\u{e9}\u{e0041}";
        let safe = safe_json(serde_json::to_string(text).expect("a string serialises"));
        assert_eq!(safe, "\"a\\u202eb\u{e9}\\udb40\\udc41\"");
        assert_eq!(serde_json::from_str::<String>(&safe).expect("still JSON"), text);
    }
}
