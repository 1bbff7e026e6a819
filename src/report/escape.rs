//! Text on its way to a terminal or a document: nothing in it may move the cursor, turn the reading direction or be
//! there unseen.

use std::fmt::Write as _;
use std::io;

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

/// Passes JSON on as [`safe_json`] makes it, some at a time. What is written at once has to be whole text, as `serde_json`
/// writes it.
pub(super) struct SafeJson<W: io::Write> {
    out: W,
    waiting: Vec<u8>,
}

impl<W: io::Write> SafeJson<W> {
    /// Bytes that are passed on at a time.
    const PASSED: usize = 1 << 14;

    /// To be flushed at the end.
    pub(super) fn to(out: W) -> Self {
        Self { out, waiting: Vec::with_capacity(2 * Self::PASSED) }
    }

    fn pass(&mut self) -> io::Result<()> {
        if self.waiting.is_ascii() {
            self.out.write_all(&self.waiting)?;
        } else {
            let text = str::from_utf8(&self.waiting).map_err(io::Error::other)?;
            self.out.write_all(safe_json(text.to_owned()).as_bytes())?;
        }
        self.waiting.clear();
        Ok(())
    }
}

impl<W: io::Write> io::Write for SafeJson<W> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        self.write_all(json).map(|()| json.len())
    }

    #[inline]
    fn write_all(&mut self, json: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(json);
        if self.waiting.len() >= Self::PASSED { self.pass() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass()?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::{SafeJson, markup, safe, safe_json};

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
        let mut written = Vec::new();
        let mut out = SafeJson::to(&mut written);
        (0..9_999).for_each(|_| serde_json::to_writer(&mut out, text).expect("written"));
        std::io::Write::flush(&mut out).expect("written");
        assert_eq!(str::from_utf8(&written), Ok(safe.repeat(9_999).as_str()));
    }
}
