//! Breaks text into lines.

use std::io::{self, Write};

use super::Style;

/// Where even the narrowest column still holds a word: layouts never go below it.
pub(super) const MIN_COLUMN: usize = 16;

/// `text` in lines of at most `first` and then `rest` characters, broken at spaces; words that are longer are cut.
/// At least one line.
pub(super) fn wrap(text: &str, first: usize, rest: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let (mut line, mut used) = (String::new(), 0);
    let mut room = first.max(1);
    for (index, word) in text.split(' ').enumerate() {
        let length = word.chars().count();
        if index > 0 {
            if used + 1 + length <= room {
                line.push(' ');
                used += 1;
            } else {
                lines.push(std::mem::take(&mut line));
                used = 0;
                room = rest.max(1);
            }
        }
        for c in word.chars() {
            if used == room {
                lines.push(std::mem::take(&mut line));
                used = 0;
                room = rest.max(1);
            }
            line.push(c);
            used += 1;
        }
    }
    lines.push(line);
    lines
}

/// Writes `text`, which must be safe already, behind `lead`, its further lines behind `hang`.
pub(super) fn write_wrapped(out: &mut dyn Write, style: &Style, lead: &str, hang: &str, text: &str) -> io::Result<()> {
    let room = |indent: &str| style.width.saturating_sub(indent.chars().count()).max(MIN_COLUMN);
    for (index, line) in wrap(text, room(lead), room(hang)).iter().enumerate() {
        writeln!(out, "{}{line}", if index == 0 { lead } else { hang })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::wrap;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", 7, 5), ["one two", "three"]);
        assert_eq!(wrap("", 7, 5), [""]);
    }

    #[test]
    fn a_word_that_is_too_long_is_cut() {
        assert_eq!(wrap("a bcdefgh", 4, 3), ["a", "bcd", "efg", "h"]);
        assert_eq!(wrap("abc", 0, 0), ["a", "b", "c"]);
    }

    #[test]
    fn spaces_within_a_line_stay() {
        assert_eq!(wrap("a  b", 10, 10), ["a  b"]);
    }
}
