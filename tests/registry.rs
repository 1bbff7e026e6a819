//! Every diagnosis is named once, explained, and has a capture on which it fires and a near miss on which it is silent.

mod kit;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use ftpwhy::check::Expectation;
use ftpwhy::diagnosis::ALL;

/// Diagnoses without a fixture of one kind, each for its reason.
const EXCUSED: [(&str, &str); 0] = [];

#[test]
fn names_are_unique_and_in_kebab_case() {
    let names: BTreeSet<&str> = ALL.iter().map(|diagnosis| diagnosis.name).collect();
    assert_eq!(names.len(), ALL.len(), "a name is used twice");
    for name in names {
        let kebab = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(kebab, "{name}");
    }
}

#[test]
fn every_diagnosis_is_explained() {
    for diagnosis in ALL {
        assert!(diagnosis.explanation.len() > 40, "{} explains nothing", diagnosis.name);
        assert!(!diagnosis.summary.is_empty() && !diagnosis.summary.ends_with('.'), "{}", diagnosis.name);
    }
}

#[test]
fn every_diagnosis_has_fixtures_on_both_sides() {
    let mut complaints = Vec::new();
    for name in ALL.iter().map(|diagnosis| diagnosis.name) {
        for kind in ["fires", "silent"] {
            if !EXCUSED.contains(&(name, kind)) && expectations(name, kind).is_empty() {
                complaints.push(format!("fixtures/{name}/{kind}*.expect.toml is missing"));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn fixtures_speak_of_the_diagnosis_of_their_folder() {
    let mut complaints = Vec::new();
    for name in ALL.iter().map(|diagnosis| diagnosis.name) {
        for (path, expectation) in expectations(name, "fires") {
            if !expectation.expected.iter().any(|expected| expected.diagnosis.split('|').any(|one| one == name)) {
                complaints.push(format!("{} does not expect {name}", path.display()));
            }
        }
        for (path, expectation) in expectations(name, "silent") {
            let wanted = expectation.expected.iter().any(|expected| expected.diagnosis == name);
            let silent = expectation.clean || expectation.forbid.iter().any(|forbidden| forbidden == name);
            if wanted || !(silent || expectation.allow.iter().all(|allowed| allowed != name)) {
                complaints.push(format!("{} does not keep {name} silent", path.display()));
            }
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The expectations of one kind in the folder of a diagnosis.
fn expectations(name: &str, kind: &str) -> Vec<(PathBuf, Expectation)> {
    let folder = kit::root().join("fixtures").join(name);
    if !folder.is_dir() {
        return Vec::new();
    }
    let paths = kit::files_below(&folder, &[".expect.toml"]);
    let of_kind =
        paths.into_iter().filter(|path| path.file_name().is_some_and(|n| n.to_string_lossy().starts_with(kind)));
    of_kind
        .map(|path| {
            let text = fs::read_to_string(&path).expect("UTF-8");
            // Marks are names here; only the diagnoses matter.
            let numbers = text.lines().filter(|line| !line.starts_with("frames =") && !line.starts_with("some_of ="));
            let text: String = numbers.flat_map(|line| [line, "\n"]).collect();
            let expectation = Expectation::parse(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            (path, expectation)
        })
        .collect()
}
