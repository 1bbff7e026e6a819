//! Every capture and script below `fixtures/` against the expectation beside it, by `ftpwhy check`, and its JSON
//! against the schema.
//!
//! `FTPWHY_FIXTURE=part/of/a/path` narrows the run; `BLESS=1` rewrites the expectations that differ.

mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use kit::run::{analyse, schema};
use serde_json::{Value, json};

const CAPTURES: [&str; 9] =
    [".script", ".pcap", ".pcapng", ".pcap.gz", ".pcap.zst", ".pcap.lz4", ".snoop", ".txt", ".bin"];

/// A capture to judge, under a name that says nothing about what is in it.
struct Fixture {
    source: PathBuf,
    /// The expectation of `source`.
    expectation: PathBuf,
    /// Its text with numbers for marks, as it was checked.
    resolved: String,
    /// The capture that was checked, and the copy of the expectation beside it.
    capture: PathBuf,
    copy: PathBuf,
    /// What the expectation may call by name.
    marks: BTreeMap<String, u64>,
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

#[test]
fn every_fixture_is_as_expected() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let fixtures = fixtures(folder.path());
    let bless = std::env::var_os("BLESS").is_some();
    let mut check = Command::new(PROGRAM);
    check.args(["check", "--isolated", "--quiet"]).args(bless.then_some("--bless")).arg(folder.path());
    let output = check.output().expect("the program runs");
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    for fixture in &fixtures {
        said = said.replace(&*fixture.capture.to_string_lossy(), &name(&fixture.source));
        if bless {
            restore(fixture);
        }
    }
    assert!(output.status.success(), "not every fixture is as expected (BLESS=1 rewrites them):\n{said}");
    println!("{said}");
}

#[test]
fn json_obeys_the_schema_and_the_status_tells_of_errors() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let schema = schema(Path::new(PROGRAM));
    let mut complaints = Vec::new();
    for fixture in fixtures(folder.path()) {
        let mut complain = |what: String| complaints.push(format!("{}: {what}", name(&fixture.source)));
        let answer = match analyse(Path::new(PROGRAM), &fixture.capture) {
            Ok(answer) => answer,
            Err(error) => {
                complain(error);
                continue;
            }
        };
        if answer.status == 2 {
            let unreadable = fixture.resolved.contains("unreadable = ");
            if !unreadable {
                complain(answer.stderr);
            }
            continue;
        }
        schema.iter_errors(&answer.document).for_each(|error| complain(format!("not by the schema: {error}")));
        let findings = answer.document["findings"].as_array().expect("findings");
        let guilty = findings.iter().any(|finding| finding["severity"] == "error" && finding["role"] != "related");
        if answer.status != i32::from(guilty) {
            complain(format!("exit status {} with{} an error", answer.status, if guilty { "" } else { "out" }));
        }
        for time in findings.iter().filter_map(|finding| negative_time(&finding.to_string())) {
            complain(format!("a time is negative: {time}"));
        }
        let caps = findings.iter().flat_map(|finding| finding["caps"].as_array().expect("caps"));
        let names = caps
            .map(|cap| &cap["diagnosis"])
            .filter(|name| *name == "capture-truncated" || *name == "capture-midstream");
        for name in names.filter(|name| !findings.iter().any(|finding| finding["diagnosis"] == **name)) {
            complain(format!("{name} limits a finding, and the capture has no such fault"));
        }
        for twice in findings.iter().filter(|one| findings.iter().any(|other| tells_again(one, other))) {
            complain(format!("{} is told twice: with what failed by it, and for itself", twice["diagnosis"]));
        }
    }
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// Seconds or milliseconds below zero in a text.
fn negative_time(text: &str) -> Option<String> {
    let words: Vec<&str> = text.split_ascii_whitespace().collect();
    let is_negative = |number: &str| number.starts_with('-') && number.parse::<f64>().is_ok();
    let is_unit = |unit: &str| matches!(unit.trim_end_matches(|c: char| !c.is_ascii_alphabetic()), "s" | "ms");
    words.windows(2).find(|pair| is_negative(pair[0]) && is_unit(pair[1])).map(|pair| pair.join(" "))
}

#[test]
fn times_below_zero_are_found() {
    assert_eq!(negative_time("the last one, -30.0 s, before").as_deref(), Some("-30.0 s,"));
    assert_eq!(negative_time("whole frames (-s 0), -1 frame, 10.0.0.1-2 s, 3.0 s"), None);
}

/// Whether `one` blames the hosts that `other` has blamed for a transfer or a session that is part of its own.
fn tells_again(one: &Value, other: &Value) -> bool {
    let blamed = |finding: &Value| finding["role"] != "related" && finding["hosts"] != json!([]);
    let same = |field| one[field] == other[field];
    let wider = match (&one["session"], &one["transfer"]) {
        (Value::Null, _) => !other["session"].is_null(),
        (_, Value::Null) => same("session") && !other["transfer"].is_null(),
        _ => false,
    };
    blamed(one) && blamed(other) && same("diagnosis") && same("hosts") && wider
}

/// Every fixture that is wanted, in `folder`.
fn fixtures(folder: &Path) -> Vec<Fixture> {
    let wanted = std::env::var("FTPWHY_FIXTURE").unwrap_or_default();
    let sources = kit::files_below(&kit::root().join("fixtures"), &CAPTURES);
    assert!(!sources.is_empty(), "there are no fixtures");
    // The captures of `_points` are judged together, by tests/points.rs.
    let alone = sources.into_iter().filter(|source| !source.components().any(|part| part.as_os_str() == "_points"));
    let wanted = alone.filter(|source| source.to_string_lossy().contains(&wanted)).enumerate();
    wanted
        .map(|(index, source)| {
            prepare(&source, folder, index).unwrap_or_else(|error| panic!("{}: {error}", source.display()))
        })
        .collect()
}

/// Renders or copies a fixture and its expectation to `folder`.
fn prepare(source: &Path, folder: &Path, index: usize) -> Result<Fixture, String> {
    let script = source.extension().is_some_and(|extension| extension == "script");
    let (ending, file, marks) = if script {
        let rendered = kit::render(source)?;
        (format!(".{}", rendered.extension), rendered.file, rendered.marks)
    } else {
        let name = source.to_string_lossy();
        let ending = CAPTURES.iter().rev().find(|ending| name.ends_with(**ending)).ok_or("no capture's name")?;
        ((*ending).to_owned(), fs::read(source).map_err(|e| e.to_string())?, BTreeMap::new())
    };
    let expectation = expectation_path(source);
    let text = fs::read_to_string(&expectation).map_err(|e| format!("{}: {e}", expectation.display()))?;
    let resolved = kit::marks::resolve(&facts_found(&text, source), &marks)?;
    let capture = folder.join(format!("{index:04}{ending}"));
    fs::write(&capture, file).map_err(|e| e.to_string())?;
    let copy = folder.join(format!("{index:04}.expect.toml"));
    fs::write(&copy, &resolved).map_err(|e| e.to_string())?;
    Ok(Fixture { source: source.into(), expectation, resolved, capture, copy, marks })
}

/// The expectation where the facts that it names are found from anywhere.
fn facts_found(text: &str, source: &Path) -> String {
    let folder = folder_of(source);
    let line = |line: &str| line.replacen("facts = \"", &format!("facts = \"{folder}"), 1);
    text.split_inclusive('\n').map(|one| if one.starts_with("facts = ") { line(one) } else { one.to_owned() }).collect()
}

/// Its folder, to be put before the name of a file.
fn folder_of(source: &Path) -> String {
    format!("{}/", source.parent().unwrap_or(source).display())
}

/// Brings a rewritten expectation back, with marks for numbers.
fn restore(fixture: &Fixture) {
    let text = fs::read_to_string(&fixture.copy).expect("the copy");
    if text != fixture.resolved {
        let text = text.replace(&folder_of(&fixture.source), "");
        fs::write(&fixture.expectation, kit::marks::restore(&text, &fixture.marks)).expect("writes the expectation");
        println!("rewrote {}", name(&fixture.expectation));
    }
}

fn name(path: &Path) -> String {
    path.strip_prefix(kit::root()).unwrap_or(path).display().to_string()
}

/// `NAME.expect.toml` for `NAME.script`, `NAME.pcap`, `NAME.pcap.gz`.
fn expectation_path(source: &Path) -> PathBuf {
    let name = source.file_name().unwrap_or_default().to_string_lossy();
    let stem = CAPTURES.iter().rev().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
    source.with_file_name(format!("{stem}.expect.toml"))
}
