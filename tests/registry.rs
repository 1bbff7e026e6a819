//! Every diagnosis is named once, explained, and has a capture on which it fires and a near miss on which it is silent.

mod kit;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ftpwhy::check::Expectation;
use ftpwhy::diagnosis::ALL;
use ftpwhy::finding::Severity;
use kit::run::analyse;
use serde_json::Value;

/// Diagnoses without a fixture of one kind, each for its reason.
const EXCUSED: [(&str, &str); 0] = [];

/// Who may have to act.
const SIDES: [&str; 3] = ["client", "server", "network"];

#[test]
fn names_are_unique_and_in_kebab_case() {
    let names: BTreeSet<&str> = ALL.iter().map(|diagnosis| diagnosis.name.as_str()).collect();
    assert_eq!(names.len(), ALL.len(), "a name is used twice");
    for name in names {
        let kebab = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        assert!(kebab, "{name}");
    }
}

/// A file that nobody lists is no part of the program: the compiler does not look at it.
#[test]
fn every_diagnosis_is_listed_and_named_like_its_file() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/diagnosis");
    let declares = |path: &PathBuf| fs::read_to_string(path).expect("UTF-8").contains("\ndiagnosis! {");
    let files = kit::files_below(&folder, &[".rs"]).into_iter().filter(declares);
    let stem = |path: PathBuf| path.file_stem().expect("a name").to_string_lossy().replace('_', "-");
    let files: BTreeSet<String> = files.map(stem).collect();
    let listed: BTreeSet<String> = ALL.iter().map(|diagnosis| diagnosis.name.to_string()).collect();
    assert_eq!(files, listed);
}

#[test]
fn every_diagnosis_is_explained() {
    for diagnosis in ALL {
        let words = diagnosis.explanation.split_whitespace().count();
        assert!(words >= 80, "{} is explained in {words} words", diagnosis.name);
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

/// What is said of each fixture, by its name; made once for all tests of this file.
fn documents() -> &'static [(String, Value)] {
    static DOCUMENTS: OnceLock<Vec<(String, Value)>> = OnceLock::new();
    DOCUMENTS.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary directory");
        let sources = kit::files_below(&kit::root().join("fixtures"), &[".script", ".pcap", ".pcapng"]);
        let document = |source: PathBuf| {
            let name = source.display().to_string();
            let capture = if source.extension().is_some_and(|extension| extension == "script") {
                let rendered = kit::render(&source).unwrap_or_else(|error| panic!("{name}: {error}"));
                let capture = folder.path().join(format!("capture.{}", rendered.extension));
                fs::write(&capture, rendered.file).expect("writes the capture");
                capture
            } else {
                source
            };
            let answer = analyse(Path::new(env!("CARGO_BIN_EXE_ftpwhy")), &capture).expect("JSON");
            (name, answer.document)
        };
        sources.into_iter().map(document).collect()
    })
}

fn findings(document: &Value) -> impl Iterator<Item = &Value> {
    document["findings"].as_array().into_iter().flatten()
}

#[test]
fn every_fault_that_fires_has_a_remedy_for_each_side() {
    let mut complaints = BTreeSet::new();
    let mut faults = 0;
    let fires =
        |name: &str| Path::new(name).file_name().is_some_and(|file| file.to_string_lossy().starts_with("fires"));
    for (name, document) in documents().iter().filter(|(name, _)| fires(name)) {
        for finding in findings(document) {
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

/// Whatever a document names as a diagnosis can be looked up by `explain`. A cap of the rule itself names none.
#[test]
fn every_name_in_a_document_is_a_diagnosis() {
    let known: BTreeSet<&str> = ALL.iter().map(|diagnosis| diagnosis.name.as_str()).collect();
    let mut complaints = BTreeSet::new();
    let (mut by_diagnosis, mut by_rule) = (0, 0);
    for (name, document) in documents() {
        let mut check = |named: &Value, place: &str| {
            if !named.as_str().is_some_and(|named| known.contains(named)) {
                complaints.insert(format!("{name}: {place} names {named}"));
            }
        };
        for finding in findings(document) {
            check(&finding["diagnosis"], "findings");
            for place in ["ruled_out", "alternatives"] {
                for one in finding[place].as_array().expect(place) {
                    check(&one["diagnosis"], place);
                }
            }
            for cap in finding["caps"].as_array().expect("caps") {
                assert!(cap["why"].as_str().is_some_and(|why| !why.is_empty()), "{name}: {cap}");
                if cap["diagnosis"].is_null() {
                    by_rule += 1;
                } else {
                    by_diagnosis += 1;
                    check(&cap["diagnosis"], "caps");
                }
            }
        }
        for session in document["sessions"].as_array().into_iter().flatten() {
            for transfer in session["transfers"].as_array().into_iter().flatten() {
                if !transfer["verdict"].is_null() {
                    check(&transfer["verdict"], "transfers");
                }
            }
        }
    }
    assert!(by_diagnosis > 0 && by_rule > 0, "{by_diagnosis} caps by a diagnosis, {by_rule} by a rule");
    assert!(complaints.is_empty(), "\n{}", complaints.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn every_diagnosis_has_fixtures_on_both_sides() {
    let mut complaints = Vec::new();
    for name in ALL.iter().map(|diagnosis| diagnosis.name.as_str()) {
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
    for name in ALL.iter().map(|diagnosis| diagnosis.name.as_str()) {
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
