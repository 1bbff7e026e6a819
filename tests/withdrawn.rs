//! What is told early, from a pipe, and taken back later leaves nothing behind: no cause, no count, no exit status.

mod kit;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// An early `pasv-syn-not-seen` is taken back for a warning.
const CAPTURE: &str = "fixtures/transfer-failed-unexplained/fires-field-data-filtered.pcap";
const EARLY: &str = "pasv-syn-not-seen";

/// Reads a capture from a pipe that `cat` writes to.
fn piped(capture: &Path, arguments: &[&str]) -> Output {
    let file = File::open(capture).expect("a capture");
    let mut cat = Command::new("cat").stdin(file).stdout(Stdio::piped()).spawn().expect("cat runs");
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(arguments).args(["--isolated", "-"]).stdin(cat.stdout.take().expect("a pipe"));
    let output = command.output().expect("ftpwhy runs");
    cat.wait().expect("cat ends");
    output
}

fn document(capture: &Path, arguments: &[&str]) -> Value {
    let output = piped(capture, &[arguments, &["--format", "json"]].concat());
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn findings(document: &Value) -> &[Value] {
    document["findings"].as_array().expect("findings")
}

#[test]
fn a_cause_counts_what_holds() {
    let folders =
        ["transfer-failed-unexplained", "pasv-syn-not-seen", "data-syn-lost-in-transit", "_points/tuple_reused"];
    let captures: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| kit::files_below(&kit::root().join("fixtures").join(folder), &[".pcap", ".pcapng"]))
        .collect();
    let mut causes = 0;
    for capture in &captures {
        let document = document(capture, &["--fail-on", "never"]);
        for cause in document["causes"].as_array().expect("causes") {
            let of_it = findings(&document).iter().filter(|finding| finding["cause"] == cause["id"]).count();
            assert_eq!(cause["findings"]["count"], of_it, "{}: {cause}", capture.display());
            causes += 1;
        }
    }
    assert!(causes > 5, "only {causes} causes");
}

#[test]
fn options_that_choose_and_count_see_what_is_certain() {
    let capture = kit::root().join(CAPTURE);
    let first = document(&capture, &["--max-findings", "1", "--fail-on", "never"]);
    assert_eq!(findings(&first).len(), 1, "{first}");
    assert_ne!(findings(&first)[0]["diagnosis"], EARLY);
    let folder = tempfile::tempdir().expect("a folder");
    let baseline = folder.path().join("new.toml");
    piped(&capture, &["--write-baseline", baseline.to_str().expect("UTF-8"), "--quiet"]);
    let text = std::fs::read_to_string(&baseline).expect("a baseline");
    assert!(text.contains("transfer-failed-unexplained") && !text.contains(EARLY), "{text}");
}
