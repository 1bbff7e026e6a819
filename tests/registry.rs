//! Every diagnosis is named once, explained, and has a capture on which it fires and a near miss on which it is silent.

mod kit;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use ftpwhy::check::Expectation;
use ftpwhy::diagnosis::ALL;
use ftpwhy::finding::Severity;
use kit::run::analyse;

/// Diagnoses without a fixture of one kind, each for its reason.
const EXCUSED: [(&str, &str); 0] = [];

/// Who may have to act.
const SIDES: [&str; 3] = ["client", "server", "network"];

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

/// Faults can be mended from any side, so that whoever reads it knows whether it is theirs; what limits the capture is
/// for whoever captures.
#[test]
fn every_explanation_ends_with_a_remedy() {
    let mut complaints = Vec::new();
    for diagnosis in ALL {
        let Some((_, remedy)) = diagnosis.explanation.split_once("Remedy: ") else {
            complaints.push(format!("{} has no remedy", diagnosis.name));
            continue;
        };
        let fault = matches!(diagnosis.severity, Severity::Error | Severity::Warning);
        let missing: Vec<&str> = SIDES.into_iter().filter(|side| fault && !remedy.contains(side)).collect();
        if !missing.is_empty() {
            complaints.push(format!("{}: no remedy for the {}", diagnosis.name, missing.join(", the ")));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn every_fault_that_fires_has_a_remedy_for_each_side() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let mut complaints = BTreeSet::new();
    let mut faults = 0;
    for source in kit::files_below(&kit::root().join("fixtures"), &[".script", ".pcap", ".pcapng"]) {
        if !source.file_name().is_some_and(|name| name.to_string_lossy().starts_with("fires")) {
            continue;
        }
        let name = source.display();
        let capture = if source.extension().is_some_and(|extension| extension == "script") {
            let rendered = kit::render(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
            let capture = folder.path().join(format!("capture.{}", rendered.extension));
            fs::write(&capture, rendered.file).expect("writes the capture");
            capture
        } else {
            source.clone()
        };
        let answer = analyse(Path::new(env!("CARGO_BIN_EXE_ftpwhy")), &capture).expect("JSON");
        for finding in answer.document["findings"].as_array().into_iter().flatten() {
            if !matches!(finding["severity"].as_str(), Some("error" | "warning")) {
                continue;
            }
            faults += 1;
            let remedies = finding["remedies"].as_array().expect("remedies");
            let sides: Vec<&str> = remedies.iter().filter_map(|remedy| remedy["side"].as_str()).collect();
            // Where the fault is known to be, the others have nothing to change.
            if !finding["where"].is_null() && sides.len() > 1 {
                continue;
            }
            if SIDES.iter().any(|side| sides.iter().filter(|one| one == &side).count() != 1) {
                complaints.insert(format!("{name}: {} has {sides:?}", finding["diagnosis"]));
            }
        }
    }
    assert!(faults > 0, "nothing fires");
    assert!(complaints.is_empty(), "\n{}", complaints.into_iter().collect::<Vec<_>>().join("\n"));
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
