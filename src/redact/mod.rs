//! Passwords and tokens that were seen on the wire, and how every text that is written is kept free of them.
//!
//! What is judged is judged as it came. [`foreign`] marks in a text the parts that strangers wrote; who writes the text
//! has [`Secrets`] hide in these parts what it has learned until then, and takes the marks out. Our own words,
//! protocol words and the numbers of endpoints are never marked, so that the password `data` does not hide the
//! data connection.

mod secrets;

pub use secrets::Secrets;

use std::fmt;

use crate::text::printable;

/// What is shown instead of a secret.
pub const MASK: &str = "***";

/// Shorter ones stand in other words by chance.
const SHORTEST: usize = 4;
/// Bytes of a secret that are compared; a longer one is found by its beginning.
const LONGEST: usize = 256;

/// Begin and end of what a stranger wrote. Unicode keeps these characters for use within a program, and
/// [`crate::text::printable`] spells them out, so that none comes from outside.
const BEGIN: char = '\u{fdd0}';
const END: char = '\u{fdd1}';

/// A printable text as one that a stranger wrote.
pub fn foreign(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("{BEGIN}{text}{END}") }
}

/// The text without marks.
pub fn unmarked(text: &str) -> String {
    text.replace([BEGIN, END], "")
}

/// Something that must not be written. Its `Debug` does not tell it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret {
    /// Printable, lower case: servers repeat lines in other case.
    text: String,
    /// Whether this is all of it; otherwise what stands beside it in a text belongs to it.
    whole: bool,
}

impl Secret {
    /// From bytes of the wire; `whole` unless the capture lacks a part of it. `None` if it is too short to be told
    /// from other words.
    pub fn new(bytes: &[u8], whole: bool) -> Option<Self> {
        let text = printable(bytes.trim_ascii()).to_ascii_lowercase();
        let whole = whole && text.len() <= LONGEST;
        (text.len() >= SHORTEST).then(|| Self { text: head_of(&text, LONGEST).to_owned(), whole })
    }
}

/// At most so many bytes of a text, in whole characters.
fn head_of(text: &str, bytes: usize) -> &str {
    let end = (0..=bytes.min(text.len())).rev().find(|end| text.is_char_boundary(*end));
    text.get(..end.unwrap_or(0)).unwrap_or_default()
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}
