//! What is hidden, and what must stay.

use proptest::prelude::*;

use super::super::{Secret, foreign, unmarked};
use super::{KEPT, Secrets};

fn secrets(known: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    known.iter().filter_map(|text| Secret::new(text.as_bytes(), true)).for_each(|secret| secrets.learn(&secret));
    secrets
}

fn written(secrets: &Secrets, marked: &str) -> String {
    let mut text = marked.to_owned();
    secrets.finish(&mut text);
    text
}

/// What a stranger wrote stands in brackets.
fn marked(text: &str) -> String {
    let mut out = String::new();
    for part in text.split_inclusive(']') {
        let (own, strange) = part.split_once('[').unwrap_or((part, ""));
        out += own;
        out += &foreign(strange.trim_end_matches(']'));
    }
    out
}

fn hidden(known: &[&str], text: &str) -> String {
    written(&secrets(known), &marked(text))
}

#[test]
fn a_secret_is_hidden_where_a_stranger_wrote_it() {
    assert_eq!(hidden(&["hunter2"], "RETR [/a/hunter2.txt]"), "RETR /a/***.txt");
    assert_eq!(hidden(&["hunter2"], "[hunter2hunter2 HUNTER2]"), "****** ***");
    assert_eq!(hidden(&["pässwörd"], "[x pässwörd y]"), "x *** y");
    assert_eq!(hidden(&["p\u{e9}\u{301}1"], "[p\u{e9}\u{301}1 \u{e9}]"), "*** \u{e9}");
    assert_eq!(hidden(&["a b c"], "550 [a b c]: no"), "550 ***: no");
}

#[test]
fn our_own_words_stay() {
    assert_eq!(hidden(&["data", "4000"], "no data from 10.0.0.1:4000 for [x]"), "no data from 10.0.0.1:4000 for x");
    assert_eq!(hidden(&["my word"], "my [word]"), "***", "a part of it is a stranger's");
    assert_eq!(hidden(&["hunter2"], "hunter2"), "hunter2", "nobody else wrote it");
}

#[test]
fn short_ones_are_not_looked_for() {
    assert!(Secret::new(b"abc", true).is_none() && Secret::new(b" abc ", true).is_none());
    assert_eq!(hidden(&["abc"], "[abc]"), "abc");
    assert_eq!(hidden(&["abcd"], "[abcd abc]"), "*** abc");
}

#[test]
fn the_longest_is_hidden() {
    let known = ["pass", "passzzz", "password1", "passwords"];
    for (text, shown) in [("password1", "***"), ("passx", "***x"), ("password2", "***word2"), ("pas", "pas")] {
        assert_eq!(hidden(&known, &format!("[{text}]")), shown);
    }
}

#[test]
fn a_text_that_ends_within_a_secret_tells_nothing_of_it() {
    assert_eq!(hidden(&["hunter2hunter2"], "[file hunter2hu\u{2026}]"), "file ***\u{2026}");
    assert_eq!(hidden(&["hunter2hunter2"], "[file hunt]"), "file hunt", "a word like another");
    let long = "0123456789abcdefghij";
    assert_eq!(hidden(&[long], "[0123456789abcdefg]"), "***", "no word like another");
}

#[test]
fn a_secret_of_which_a_part_is_known_is_hidden_with_its_neighbours() {
    let mut secrets = Secrets::default();
    secrets.learn(&Secret::new(b"nter", false).expect("long enough"));
    assert_eq!(written(&secrets, &marked("550 [/a hunter2 x]: no")), "550 /a ***: no");
    let long = "x".repeat(300);
    assert_eq!(hidden(&[&long], &format!("[{long}yz]")), "***");
}

#[test]
fn marks_stay_until_the_text_is_written() {
    let secrets = secrets(&["hunter2"]);
    let mut text = marked("RETR [hunter2 and other2]!");
    secrets.hide(&mut text);
    assert_eq!(text, marked("RETR ***[ and other2]!"));
    assert_eq!(unmarked(&text), "RETR *** and other2!");
}

#[test]
fn no_debug_tells_a_secret() {
    let secret = Secret::new(b"hunter2", true).expect("long enough");
    assert_eq!(format!("{secret:?}"), "***");
    assert!(!format!("{:?}", secrets(&["hunter2"])).contains("hunter2"));
}

#[test]
fn only_the_newest_are_kept() {
    let mut secrets = Secrets::default();
    for number in 0..100_000 {
        secrets.learn(&Secret::new(format!("password{number}").as_bytes(), true).expect("long enough"));
    }
    assert!(secrets.bytes <= KEPT && secrets.known.len() == secrets.order.len());
    assert_eq!(secrets.heads.values().sum::<usize>(), secrets.known.len());
    assert_eq!(written(&secrets, &foreign("password99999")), "***");
}

proptest! {
    #[test]
    fn a_secret_is_in_no_text(
        known in proptest::collection::vec("[aBc1é]{4,9}", 1..6),
        pieces in proptest::collection::vec(("[aBc1é ]{0,9}", any::<prop::sample::Index>()), 0..6),
    ) {
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        let secrets = secrets(&known);
        let text: String = pieces.iter().flat_map(|(text, which)| [text.as_str(), *which.get(&known)]).collect();
        let written = written(&secrets, &foreign(&text)).to_ascii_lowercase();
        for secret in known {
            prop_assert!(!written.contains(&secret.to_ascii_lowercase()), "{secret} in {text}: {written}");
        }
    }

    #[test]
    fn any_marks_are_taken_out(text in "[\u{fdd0}\u{fdd1}ab1é…]{0,40}", known in "[ab1]{4,5}") {
        let written = written(&secrets(&[&known]), &text);
        let untouched = unmarked(&text);
        prop_assert_eq!(&unmarked(&written), &written);
        prop_assert!(written == untouched || written.contains("***"));
    }
}
