//! What a misspelt word was probably meant to be.

use std::cmp::Reverse;

/// Longer words are not compared: nobody misspells them into ours.
const MAX_LENGTH: usize = 64;

/// The word most like `written`, if one is like it at all: a third of its letters may be wrong.
pub(super) fn nearest<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if written.len() > MAX_LENGTH {
        return None;
    }
    let closest = words.into_iter().map(|word| (distance(written, word), word)).min()?;
    (closest.0 <= written.chars().count().max(3) / 3).then_some(closest.1)
}

/// The word that has most parts in common with `written`, the shortest of them: `color` for `no-color`, `fail-on` for
/// `fail`.
pub(super) fn related<'a>(written: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let parts: Vec<&str> = written.split(['-', '_']).filter(|part| part.len() > 2).collect();
    let common = |word: &str| word.split('-').filter(|part| parts.contains(part)).count();
    let words = words.into_iter().filter(|word| common(word) > 0);
    words.min_by_key(|word| (Reverse(common(word)), word.len(), *word))
}

/// How many letters have to be put in, taken out, changed or swapped with their neighbour to get from one word to the
/// other (optimal string alignment).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let at = |row: &[usize], place: usize| row.get(place).copied().unwrap_or(0);
    let mut above: Vec<usize> = (0..=to.len()).collect();
    let mut two_above = above.clone();
    let mut before = None;
    for (i, a) in from.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let changed = at(&above, j) + usize::from(a != *b);
            let mut best = changed.min(at(&above, j + 1) + 1).min(at(&row, j) + 1);
            if j > 0 && before == Some(*b) && to.get(j - 1) == Some(&a) {
                best = best.min(at(&two_above, j - 1) + 1);
            }
            row.push(best);
        }
        two_above = std::mem::replace(&mut above, row);
        before = Some(a);
    }
    at(&above, to.len())
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, related};

    #[test]
    fn distances_are_those_of_the_books() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("same", "same"), 0);
        assert_eq!(distance("prot", "port"), 1);
    }

    #[test]
    fn only_what_is_alike_is_suggested() {
        let words = ["port", "format", "fail-on"];
        assert_eq!(nearest("prot", words), Some("port"));
        assert_eq!(nearest("ports", words), Some("port"));
        assert_eq!(nearest("fail_on", words), Some("fail-on"));
        assert_eq!(nearest("formt", words), Some("format"));
        assert_eq!(nearest("verbose", words), None);
    }

    #[test]
    fn a_word_with_a_part_in_common_is_related() {
        let words = ["color", "fail-on", "write-baseline", "baseline", "utc"];
        assert_eq!(related("no-color", words), Some("color"));
        assert_eq!(related("fail", words), Some("fail-on"));
        assert_eq!(related("baseline-file", words), Some("baseline"));
        assert_eq!(related("write_a_baseline", words), Some("write-baseline"));
        assert_eq!(related("on", words), None, "too short to tell anything");
        assert_eq!(related("severity", words), None);
    }
}
