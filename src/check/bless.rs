//! Expectations as they should read for what was found.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use toml::Value;

use super::expectation::{Expectation, Expected, Files};
use super::observed::Observed;
use crate::finding::{Role, Severity};
use crate::report::words::Confidence;

/// Findings of one cause that a new expectation names each; of more it says how many there are.
const TOLD_EACH: usize = 20;

/// Lines of an expectation that are compared one by one; longer ones are shown as replaced.
const MAX_COMPARED: usize = 2_000;

/// How expectations are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bless {
    /// All that was found.
    Exact,
    /// Without the numbers of frames, which differ each time a capture is taken.
    Loose,
}

/// The file as it should read for what was found: its head comment and its lists stay; each expected finding keeps the
/// fields it has, with what was found where that differs, or goes when nothing of its name was found. Errors, warnings
/// and infos that it does not name come in full, and that the capture is cut. An empty `text` is no expectation yet. The error is that of
/// [`Expectation::parse`].
pub fn blessed(text: &str, found: &[Observed], transfers: &[String], how: Bless) -> Result<String, String> {
    let old = Expectation::parse(text)?;
    let fresh = text.trim().is_empty();
    let clean = is_clean(&old, found);
    Ok(head_comment(text) + &written(&Expectation { clean, ..old }, fresh, found, transfers, how))
}

/// The same for an expectation of many captures, of which this is one: what does not hold for it, too, is left out, and
/// what it has beside is allowed. One that says nothing yet says all of the first capture.
pub fn widened(text: &str, found: &[Observed], transfers: &[String]) -> Result<String, String> {
    let mut old = Expectation::parse(text)?;
    let head = head_comment(text);
    if old.says_nothing() {
        old.clean = is_clean(&old, found);
        return Ok(head + &written(&old, true, found, transfers, Bless::Loose));
    }
    let serious = found.iter().filter(|finding| finding.must_be_named());
    let mut allowed: Vec<String> = serious.filter(|one| !old.names(one)).map(|one| one.diagnosis.clone()).collect();
    for expected in std::mem::take(&mut old.expected) {
        let closest = found.iter().filter(|one| expected.is_about(one)).min_by_key(|one| expected.wrongs(one).len());
        match closest {
            Some(finding) => old.expected.push(common_to(&expected, finding)),
            None => allowed.extend(expected.names().map(str::to_owned)),
        }
    }
    old.clean &= allowed.is_empty();
    old.transfers = old.transfers.filter(|expected| expected == transfers);
    old.allow.extend(allowed);
    old.allow.sort();
    old.allow.dedup();
    // Nothing is added to what the other captures have shown.
    let known: Vec<Observed> = found.iter().filter(|finding| old.names(finding)).cloned().collect();
    Ok(head + &written(&old, false, &known, transfers, Bless::Loose))
}

/// Whether it is clean now: nothing serious was found, and nothing that was expected.
fn is_clean(old: &Expectation, found: &[Observed]) -> bool {
    let expects = old.expected.iter().any(|expected| found.iter().any(|finding| expected.is_about(finding)));
    !found.iter().any(Observed::is_serious) && (old.clean || !expects)
}

/// What holds for this finding of what was expected.
fn common_to(expected: &Expected, finding: &Observed) -> Expected {
    let all = updated(expected, finding);
    Expected {
        role: expected.role.filter(|role| crate::finding::Role::from(*role) == finding.role),
        severity: expected.severity.filter(|severity| crate::finding::Severity::from(*severity) == finding.severity),
        session: expected.session.filter(|session| Some(*session) == finding.session),
        transfer: expected.transfer.filter(|transfer| Some(*transfer) == finding.transfer),
        ..all
    }
}

fn written(old: &Expectation, fresh: bool, found: &[Observed], transfers: &[String], how: Bless) -> String {
    let mut out = String::new();
    let loose = |mut expected: Expected| {
        if how == Bless::Loose {
            expected.frames.clear();
            expected.some_of.clear();
        }
        expected
    };
    if old.clean {
        out += "clean = true\n";
    }
    // Writing to a string cannot fail.
    if fresh || old.transfers.is_some() {
        let _ = writeln!(out, "transfers = {}", list(transfers));
    }
    for (key, names) in [("forbid", &old.forbid), ("allow", &old.allow)] {
        let still: Vec<String> =
            names.iter().filter(|name| key == "allow" || !is_found(name, found)).cloned().collect();
        if !still.is_empty() {
            let _ = writeln!(out, "{key} = {}", list(&still));
        }
    }
    if let Some(files) = &old.facts {
        let _ = writeln!(out, "facts = {}", value(files));
    }
    if let [first, more @ ..] = old.captures.all() {
        let value = if more.is_empty() { string(first) } else { list(old.captures.all()) };
        let _ = writeln!(out, "captures = {value}");
    }
    if !old.points.is_empty() {
        out += "[points]\n";
    }
    for (name, files) in &old.points {
        let value = value(files);
        let bare = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        let key = if bare && !name.is_empty() { name.clone() } else { Value::String(name.clone()).to_string() };
        let _ = writeln!(out, "{key} = {value}");
    }
    for expected in &old.expected {
        // Of several findings of one name the closest is meant.
        if let Some(finding) = found.iter().filter(|f| expected.is_about(f)).min_by_key(|f| expected.wrongs(f).len()) {
            let alike = found.iter().filter(|other| kind(other) == kind(finding)).count();
            let updated = Expected { count: expected.count.map(|_| alike), ..updated(expected, finding) };
            write_expected(&mut out, &loose(updated));
        }
    }
    let named = |finding: &Observed| {
        old.allow.contains(&finding.diagnosis) || old.expected.iter().any(|expected| expected.is_about(finding))
    };
    let worth = |finding: &&Observed| finding.severity > Severity::Quality || finding.is_cut();
    let unnamed: Vec<&Observed> = found.iter().filter(worth).filter(|finding| !named(finding)).collect();
    let mut alike: BTreeMap<Kind<'_>, Vec<&Observed>> = BTreeMap::new();
    for finding in &unnamed {
        alike.entry(kind(finding)).or_default().push(finding);
    }
    for finding in unnamed {
        match alike.get(&kind(finding)) {
            Some(all) if all.len() > TOLD_EACH => {
                write_expected(&mut out, &loose(in_common(finding, all)));
                alike.insert(kind(finding), Vec::new());
            }
            Some(told) if told.is_empty() => {}
            Some(_) | None => write_expected(&mut out, &loose(in_full(finding))),
        }
    }
    out
}

/// One file as a string, several as a list.
fn value(files: &Files) -> String {
    let files: Vec<String> = files.all().iter().map(|file| file.display().to_string()).collect();
    if let [file] = files.as_slice() { Value::String(file.clone()).to_string() } else { list(&files) }
}

fn is_found(name: &str, found: &[Observed]) -> bool {
    found.iter().any(|finding| finding.diagnosis == name)
}

/// In what findings of one cause are alike.
type Kind<'a> = (&'a str, Role, Severity, Option<&'a String>);

fn kind(finding: &Observed) -> Kind<'_> {
    (&finding.diagnosis, finding.role, finding.severity, finding.causes.first())
}

/// The expectation that says what findings of a cause have in common.
fn in_common(finding: &Observed, all: &[&Observed]) -> Expected {
    let least = all.iter().map(|one| one.confidence).min().unwrap_or(finding.confidence);
    Expected {
        confidence: Some(least.into()),
        session: None,
        transfer: None,
        cause: finding.causes.first().cloned(),
        count: Some(all.len()),
        frames: Vec::new(),
        ..in_full(finding)
    }
}

/// The expectation that says all of a finding.
fn in_full(finding: &Observed) -> Expected {
    Expected {
        diagnosis: finding.diagnosis.clone(),
        role: Some(finding.role.into()),
        severity: Some(finding.severity.into()),
        confidence: Some(finding.confidence.into()),
        at_most: None,
        session: finding.session,
        transfer: finding.transfer,
        cause: None,
        count: None,
        frames: finding.frames.clone(),
        some_of: Vec::new(),
    }
}

/// `old` with the fields changed that `finding` does not fulfil.
fn updated(old: &Expected, finding: &Observed) -> Expected {
    let sure = |bound: Confidence| crate::finding::Confidence::from(bound);
    let cited = |frames: &[u64]| frames.iter().copied().filter(|frame| finding.frames.contains(frame)).collect();
    let frames: Vec<u64> = cited(&old.frames);
    Expected {
        diagnosis: old.diagnosis.clone(),
        role: old.role.map(|_| finding.role.into()),
        severity: old.severity.map(|_| finding.severity.into()),
        confidence: old.confidence.map(|least| sure(least).min(finding.confidence).into()),
        at_most: old.at_most.map(|most| sure(most).max(finding.confidence).into()),
        session: old.session.and(finding.session),
        transfer: old.transfer.and(finding.transfer),
        cause: match &old.cause {
            Some(cause) if !finding.causes.contains(cause) => finding.causes.first().cloned(),
            cause => cause.clone(),
        },
        count: old.count,
        frames: if frames.is_empty() && !old.frames.is_empty() { finding.frames.clone() } else { frames },
        some_of: if cited(&old.some_of).is_empty() && !old.some_of.is_empty() {
            finding.frames.clone()
        } else {
            old.some_of.clone()
        },
    }
}

fn write_expected(out: &mut String, expected: &Expected) {
    // Writing to a string cannot fail.
    let _ = writeln!(out, "\n[[expect]]\ndiagnosis = {}", string(&expected.diagnosis));
    let words = [
        ("role", expected.role.map(|word| word.to_string())),
        ("severity", expected.severity.map(|word| word.to_string())),
        ("confidence", expected.confidence.map(|word| word.to_string())),
        ("at_most", expected.at_most.map(|word| word.to_string())),
    ];
    for (key, word) in words {
        if let Some(word) = word {
            let _ = writeln!(out, "{key} = \"{word}\"");
        }
    }
    for (key, number) in [("session", expected.session), ("transfer", expected.transfer)] {
        if let Some(number) = number {
            let _ = writeln!(out, "{key} = {number}");
        }
    }
    if let Some(cause) = &expected.cause {
        let _ = writeln!(out, "cause = {}", string(cause));
    }
    if let Some(count) = expected.count {
        let _ = writeln!(out, "count = {count}");
    }
    for (key, frames) in [("frames", &expected.frames), ("some_of", &expected.some_of)] {
        if !frames.is_empty() {
            let _ = writeln!(out, "{key} = {frames:?}");
        }
    }
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
    use super::{Bless, blessed, changes, widened};
    use crate::check::{Expectation, Observed};
    use crate::finding::{Confidence, Role, Severity};

    fn found() -> Observed {
        Observed {
            causes: vec!["0123".into()],
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
        let text = blessed("", &[found()], &transfers, Bless::Exact).expect("nothing to misread");
        let expectation = Expectation::parse(&text).expect("an expectation");
        assert_eq!(expectation.compare(&[found()], &transfers), Vec::<String>::new());
        assert!(!expectation.compare(&[], &transfers).is_empty());
    }

    #[test]
    fn what_is_written_by_hand_stays_where_it_holds() {
        let old = "# by hand\ntransfers = []\nforbid = [\"a\"]\nallow = [\"b\"]\n\n[[expect]]\n\
                   diagnosis = \"x|data-syn-refused\"\nconfidence = \"probable\"\nsession = 1\nsome_of = [7, 8]\n";
        assert_eq!(blessed(old, &[found()], &[], Bless::Exact).expect("an expectation"), old);
    }

    #[test]
    fn what_no_longer_holds_is_what_changes() {
        let old = "transfers = []\nforbid = [\"data-syn-refused\"]\n\n[[expect]]\ndiagnosis = \"data-syn-refused\"\n\
                   role = \"related\"\nat_most = \"possible\"\nframes = [7, 9]\n\n[[expect]]\ndiagnosis = \"gone\"\n";
        let new = "transfers = []\n\n[[expect]]\ndiagnosis = \"data-syn-refused\"\n\
                   role = \"verdict\"\nat_most = \"proven\"\nframes = [7]\n";
        assert_eq!(blessed(old, &[found()], &[], Bless::Exact).expect("an expectation"), new);
    }

    #[test]
    fn each_of_several_findings_of_one_name_is_told_apart() {
        let second = Observed { transfer: Some(3), frames: vec![11], ..found() };
        let all = [found(), second];
        let text = blessed("", &all, &[], Bless::Exact).expect("fine");
        assert!(text.contains("frames = [3, 7]") && text.contains("frames = [11]"), "{text}");
        assert_eq!(blessed(&text, &all, &[], Bless::Exact).expect("fine"), text);
    }

    #[test]
    fn quality_is_expected_only_if_it_was() {
        let cut = Observed { diagnosis: "capture-snaplen".into(), severity: Severity::Quality, ..found() };
        assert_eq!(
            blessed("", std::slice::from_ref(&cut), &[], Bless::Exact).expect("fine"),
            "clean = true\ntransfers = []\n"
        );
        let old = "\n[[expect]]\ndiagnosis = \"capture-snaplen\"\n";
        assert_eq!(blessed(old, &[cut], &[], Bless::Exact).expect("fine"), old);
    }

    #[test]
    fn a_loose_expectation_has_no_frames_and_holds_for_the_next_capture() {
        let text = blessed("", &[found()], &[], Bless::Loose).expect("fine");
        assert!(!text.contains("frames") && text.contains("transfer = 2"), "{text}");
        let next = Observed { frames: vec![4, 9], ..found() };
        assert!(Expectation::parse(&text).expect("an expectation").compare(&[next], &[]).is_empty());
        let exact = blessed("", &[found()], &[], Bless::Exact).expect("fine");
        assert_eq!(blessed(&exact, &[found()], &[], Bless::Loose).expect("fine"), text, "frames go");
    }

    #[test]
    fn an_expectation_of_many_captures_says_what_all_of_them_have() {
        let text = "# a device\ncaptures = \"dut-*.pcap\"\n";
        let transfers = ["RETR failed".to_owned()];
        let first = widened(text, &[found()], &transfers).expect("fine");
        assert!(first.starts_with("# a device\n") && first.contains("captures = \"dut-*.pcap\""), "{first}");
        let holds = |text: &str, found: &[Observed], transfers: &[String]| {
            Expectation::parse(text).expect("an expectation").compare(found, transfers).is_empty()
        };
        assert!(holds(&first, &[found()], &transfers) && !holds(&first, &[], &transfers));
        // The second is less sure, about another transfer, and has a warning beside.
        let other = Observed { confidence: Confidence::Probable, transfer: Some(3), ..found() };
        let beside = Observed { diagnosis: "mac-changed".into(), severity: Severity::Warning, ..found() };
        let two = [other, beside];
        let second = widened(&first, &two, &[]).expect("fine");
        assert!(holds(&second, &two, &[]) && holds(&second, &[found()], &transfers), "{second}");
        assert!(!holds(&second, &[], &[]), "what both have is expected: {second}");
        // The third has nothing: then nothing is expected, and nothing beside is allowed.
        let third = widened(&second, &[], &[]).expect("fine");
        assert!(holds(&third, &[], &[]) && holds(&third, &two, &[]) && !third.contains("clean"), "{third}");
        let strange = Observed { diagnosis: "arp-conflict".into(), ..found() };
        assert!(!holds(&third, &[strange], &[]));
    }

    #[test]
    fn changes_are_those_of_lines() {
        assert_eq!(changes("a\nb\nc\n", "a\nx\nc\nd\n"), ["- b", "+ x", "+ d"]);
        assert_eq!(changes("", "a\n"), ["+ a"]);
        assert!(changes("a\nb\n", "a\nb\n").is_empty());
    }
}
