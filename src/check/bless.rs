//! Expectations as they should read for what was found.

use std::fmt::Write as _;

use toml::Value;

use super::expectation::Expectation;
use super::observed::Observed;
use crate::finding::Severity;
use crate::report::words::{Confidence, Role, Severity as Word};

/// Lines of an expectation that are compared one by one; longer ones are shown as replaced.
const MAX_COMPARED: usize = 2_000;

/// The file as it should read for what was found: its head comment and its lists stay; the expected findings are the
/// errors, warnings and infos found, and those about the capture's quality that it named before. An empty `text` is
/// no expectation yet. The error is that of [`Expectation::parse`].
pub fn blessed(text: &str, found: &[Observed], transfers: &[String]) -> Result<String, String> {
    let old = Expectation::parse(text)?;
    let mut out = head_comment(text);
    if !found.iter().any(Observed::is_serious) {
        out += "clean = true\n";
    }
    // Writing to a string cannot fail.
    let _ = writeln!(out, "transfers = {}", list(transfers));
    for (key, names) in [("forbid", &old.forbid), ("allow", &old.allow)] {
        if !names.is_empty() {
            let _ = writeln!(out, "{key} = {}", list(names));
        }
    }
    for finding in found {
        let before = old.expected.iter().find(|expected| expected.is_about(finding));
        if before.is_none() && finding.severity == Severity::Quality {
            continue;
        }
        let (role, severity) = (Role::from(finding.role), Word::from(finding.severity));
        let confidence = Confidence::from(finding.confidence);
        let _ = writeln!(out, "\n[[expect]]\ndiagnosis = {}\nrole = \"{role}\"", string(&finding.diagnosis));
        let _ = writeln!(out, "severity = \"{severity}\"\nconfidence = \"{confidence}\"");
        if let (Some(session), Some(transfer)) = (finding.session, finding.transfer) {
            let _ = writeln!(out, "session = {session}\ntransfer = {transfer}");
        }
        let chosen = before.map_or(&[][..], |before| &before.frames);
        let still: Vec<u64> = chosen.iter().copied().filter(|frame| finding.frames.contains(frame)).collect();
        let _ = writeln!(out, "frames = {:?}", if still.is_empty() { &finding.frames } else { &still });
    }
    Ok(out)
}

/// The comment at the head of an expectation: what the truth is and how it is known.
pub fn head_comment(text: &str) -> String {
    text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}

/// What changes from one text to the other, line by line: `- ` before what goes, `+ ` before what comes.
pub fn changes(old: &str, new: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    let (mut i, mut j) = (0, 0);
    let mut changed = Vec::new();
    let kept = if old.len().max(new.len()) > MAX_COMPARED { Vec::new() } else { common(&old, &new) };
    for (kept_old, kept_new) in kept.into_iter().chain([(old.len(), new.len())]) {
        changed.extend(old.iter().take(kept_old).skip(i).map(|line| format!("- {line}")));
        changed.extend(new.iter().take(kept_new).skip(j).map(|line| format!("+ {line}")));
        (i, j) = (kept_old + 1, kept_new + 1);
    }
    changed
}

/// The longest common subsequence, as pairs of positions.
fn common(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let width = new.len() + 1;
    // lengths[i * width + j]: how many lines the rests from i and j have in common.
    let mut lengths = vec![0_u32; (old.len() + 1) * width];
    let length = |lengths: &[u32], i: usize, j: usize| lengths.get(i * width + j).copied().unwrap_or(0);
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let best = if line == other {
                length(&lengths, i + 1, j + 1) + 1
            } else {
                length(&lengths, i + 1, j).max(length(&lengths, i, j + 1))
            };
            if let Some(place) = lengths.get_mut(i * width + j) {
                *place = best;
            }
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut pairs = Vec::new();
    while let (Some(line), Some(other)) = (old.get(i), new.get(j)) {
        if line == other {
            pairs.push((i, j));
            (i, j) = (i + 1, j + 1);
        } else if length(&lengths, i + 1, j) >= length(&lengths, i, j + 1) {
            i += 1;
        } else {
            j += 1;
        }
    }
    pairs
}

fn list(items: &[String]) -> String {
    format!("[{}]", items.iter().map(|item| string(item)).collect::<Vec<_>>().join(", "))
}

/// A TOML string, whatever is in it.
fn string(text: &str) -> String {
    Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::{blessed, changes};
    use crate::check::{Expectation, Observed};
    use crate::finding::{Confidence, Role, Severity};

    fn found() -> Observed {
        Observed {
            diagnosis: "data-syn-refused".into(),
            role: Role::Verdict,
            severity: Severity::Error,
            confidence: Confidence::Proven,
            session: Some(1),
            transfer: Some(2),
            frames: vec![3, 7],
        }
    }

    #[test]
    fn what_is_blessed_holds() {
        let transfers = ["RETR failed".to_owned(), "X\"\\]\n[[expect]] unknown".to_owned()];
        let text = blessed("", &[found()], &transfers).expect("nothing to misread");
        let expectation = Expectation::parse(&text).expect("an expectation");
        assert_eq!(expectation.compare(&[found()], &transfers), Vec::<String>::new());
        assert!(!expectation.compare(&[], &transfers).is_empty());
    }

    #[test]
    fn comment_lists_and_chosen_frames_stay() {
        let old = "# by hand\nforbid = [\"a\"]\nallow = [\"b\"]\n[[expect]]\ndiagnosis = \"data-syn-refused\"\nframes = [7]\n";
        let text = blessed(old, &[found()], &[]).expect("an expectation");
        assert!(text.starts_with("# by hand\ntransfers = []\nforbid = [\"a\"]\nallow = [\"b\"]\n"), "{text}");
        assert!(text.ends_with("frames = [7]\n"), "{text}");
    }

    #[test]
    fn quality_is_expected_only_if_it_was() {
        let cut = Observed { diagnosis: "capture-snaplen".into(), severity: Severity::Quality, ..found() };
        assert_eq!(blessed("", &[cut.clone()], &[]).expect("fine"), "clean = true\ntransfers = []\n");
        let old = "[[expect]]\ndiagnosis = \"capture-snaplen\"\n";
        assert!(blessed(old, &[cut], &[]).expect("fine").contains("capture-snaplen"));
    }

    #[test]
    fn changes_are_those_of_lines() {
        assert_eq!(changes("a\nb\nc\n", "a\nx\nc\nd\n"), ["- b", "+ x", "+ d"]);
        assert_eq!(changes("", "a\n"), ["+ a"]);
        assert!(changes("a\nb\n", "a\nb\n").is_empty());
    }
}
