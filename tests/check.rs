//! `ftpwhy check`, baselines, several reports and settings from outside, on recorded captures.

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const CLEAN: &str = "fixtures/time-wait-collision/silent-lab-vsftpd-random-ports.pcap";

/// A directory with these captures.
fn folder(captures: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, source) in captures {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(source);
        fs::copy(&source, folder.path().join(name)).unwrap_or_else(|e| panic!("{}: {e}", source.display()));
    }
    folder
}

/// Status, standard output, standard error of a run in `folder`.
fn run(folder: &TempDir, arguments: &str) -> (i32, String, String) {
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    let output = command.current_dir(folder.path()).args(arguments.split(' ')).output().expect("runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code().expect("a status"), text(&output.stdout), text(&output.stderr))
}

fn expectation(folder: &TempDir) -> PathBuf {
    folder.path().join("a.expect.toml")
}

#[test]
fn what_is_blessed_is_as_expected_until_a_finding_changes() {
    let folder = folder(&[("a.pcap", FAULTY)]);
    let (status, said, _) = run(&folder, "check .");
    assert_eq!(status, 1, "a fault without an expectation: {said}");
    assert!(said.contains("unexpected  ./a.pcap") && said.contains("error time-wait-collision"), "{said}");
    let (status, said, _) = run(&folder, "check --bless .");
    assert!(
        status == 0 && said.contains("blessed") && said.contains("+ diagnosis = \"time-wait-collision\""),
        "{said}"
    );
    assert_eq!(run(&folder, "check .").0, 0);

    let text = fs::read_to_string(expectation(&folder)).expect("an expectation");
    let role = text.replacen("role = \"verdict\"", "role = \"related\"", 1);
    fs::write(expectation(&folder), format!("# by hand\n{role}")).expect("writes");
    let (status, said, _) = run(&folder, "check a.pcap");
    assert_eq!(status, 1);
    assert!(said.contains("time-wait-collision: role is verdict, not related"), "{said}");
    let (status, said, _) = run(&folder, "check --bless a.pcap");
    assert!(status == 0 && said.contains("- role = \"related\"") && said.contains("+ role = \"verdict\""), "{said}");
    let again = fs::read_to_string(expectation(&folder)).expect("an expectation");
    assert_eq!(again, format!("# by hand\n{text}"));
}

#[test]
fn one_expectation_is_of_many_captures_of_a_device() {
    let folder = folder(&[("dut-1.pcap", FAULTY), ("dut-2.pcap", FAULTY), ("other.pcap", CLEAN)]);
    let shared = folder.path().join("dut.expect.toml");
    fs::write(&shared, "# every run\ncaptures = \"dut-*.pcap\"\n").expect("writes");
    let (status, said, _) = run(&folder, "check .");
    assert_eq!(status, 1, "nothing is expected yet: {said}");
    let (status, said, _) = run(&folder, "check --bless=loose dut-1.pcap dut-2.pcap");
    assert_eq!(status, 0, "{said}");
    let text = fs::read_to_string(&shared).expect("an expectation");
    assert!(text.starts_with("# every run\n") && text.contains("captures = \"dut-*.pcap\""), "{text}");
    assert!(text.contains("time-wait-collision") && !text.contains("frames") && !text.contains("some_of"), "{text}");
    assert!(!folder.path().join("dut-1.expect.toml").exists());
    let (status, said, _) = run(&folder, "check .");
    assert!(status == 0 && !said.contains("no capture"), "{said}");
    // Another run of the device without the fault.
    fs::copy(folder.path().join("other.pcap"), folder.path().join("dut-3.pcap")).expect("copies");
    let (status, said, _) = run(&folder, "check .");
    assert!(status == 1 && said.contains("dut-3.pcap") && said.contains("missing: time-wait-collision"), "{said}");
    let (_, of_expectation, _) = run(&folder, "check dut.expect.toml");
    assert!(of_expectation.contains("dut-1.pcap") && !of_expectation.contains("other.pcap"), "{of_expectation}");
    // Its own expectation comes first.
    fs::write(folder.path().join("dut-3.expect.toml"), "clean = true\n").expect("writes");
    assert_eq!(run(&folder, "check .").0, 0);
}

#[test]
fn a_configuration_that_is_named_may_bless() {
    let folder = folder(&[("a.pcap", FAULTY)]);
    for (value, frames) in [("false", None), ("\"loose\"", Some(false)), ("true", Some(true))] {
        let _ = fs::remove_file(expectation(&folder));
        fs::write(folder.path().join("c.toml"), format!("[check]\nbless = {value}\n")).expect("writes");
        let (_, said, errors) = run(&folder, "check --config c.toml a.pcap");
        let written = fs::read_to_string(expectation(&folder)).ok().map(|text| text.contains("frames = "));
        assert_eq!(written, frames, "{value}: {said}{errors}");
    }
}

#[test]
fn a_mistyped_key_of_an_expectation_is_answered() {
    let folder = folder(&[("a.pcap", CLEAN)]);
    fs::write(expectation(&folder), "clena = true\n").expect("writes");
    let (status, _, errors) = run(&folder, "check a.pcap");
    assert!(status == 2 && errors.contains("unknown key clena, did you mean clean?"), "{errors}");
}

#[test]
fn what_cannot_be_read_wins() {
    let folder = folder(&[("a.pcap", CLEAN), ("b.pcap", FAULTY)]);
    fs::write(folder.path().join("c.pcap"), "no capture").expect("writes");
    let (status, said, _) = run(&folder, "check a.pcap b.pcap c.pcap");
    assert_eq!(status, 2);
    assert!(said.contains("unreadable  c.pcap") && said.contains("unexpected  b.pcap"), "{said}");
    fs::write(folder.path().join("c.expect.toml"), "unreadable = \"c.pcap\"").expect("writes");
    assert_eq!(run(&folder, "check --fail-on never .").0, 0, "it is expected to be unreadable");
    fs::write(expectation(&folder), "clear = true").expect("writes");
    let (status, said, _) = run(&folder, "check a.pcap");
    assert!(status == 2 && said.contains("could not read a.expect.toml") && said.contains("clear"), "{said}");
    assert_eq!(run(&folder, "check nowhere").0, 2);
}

#[test]
fn the_order_does_not_depend_on_the_processors() {
    let names: Vec<String> = (0..24).map(|number| format!("{number:02}.pcap")).collect();
    let captures: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), CLEAN)).collect();
    let folder = folder(&captures);
    let (status, alone, _) = run(&folder, "check --jobs 1 .");
    assert_eq!(status, 0);
    assert_eq!(run(&folder, "check --jobs 8 .").1, alone);
    let listed: Vec<&str> = alone.lines().filter_map(|line| line.strip_prefix("ok          ./")).collect();
    assert_eq!(listed, names);
}

#[test]
fn known_trouble_does_not_count() {
    let folder = folder(&[("a.pcap", FAULTY)]);
    assert_eq!(run(&folder, "a.pcap").0, 1);
    assert_eq!(run(&folder, "--write-baseline known.toml a.pcap").0, 0);
    let (status, said, remark) = run(&folder, "--baseline known.toml a.pcap");
    assert_eq!(status, 0, "{said}");
    assert!(!said.contains("error[") && remark.contains("left out (--baseline)"), "{said}{remark}");
    fs::write(folder.path().join("known.toml"), "").expect("writes");
    assert_eq!(run(&folder, "--baseline known.toml a.pcap").0, 1);
    assert_eq!(run(&folder, "--baseline nowhere.toml a.pcap").0, 2);
}

#[test]
fn one_run_feeds_several_readers() {
    let folder = folder(&[("a.pcap", FAULTY)]);
    let (status, said, _) = run(&folder, "-o sarif=a.sarif -o junit=a.xml -o csv=a.csv -o gitlab=a.json a.pcap");
    assert_eq!(status, 1);
    assert!(said.contains("error[time-wait-collision]"), "{said}");
    for (name, part) in [
        ("a.sarif", "\"ruleId\": \"time-wait-collision\""),
        ("a.xml", "<failure"),
        ("a.csv", "time-wait-collision"),
        ("a.json", "\"check_name\": \"time-wait-collision\""),
    ] {
        let text = fs::read_to_string(folder.path().join(name)).expect(name);
        assert!(text.contains(part), "{name}: {text}");
    }
    let (status, _, error) = run(&folder, "-o sarif=no/such/place a.pcap");
    assert!(status == 2 && error.contains("could not write no/such/place"), "{error}");
}

#[test]
fn sarif_of_every_recorded_fixture_obeys_the_published_schema() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let schema = fs::read_to_string(root.join("tests/sarif/sarif-schema-2.1.0.json")).expect("the schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let mut results = 0;
    for entry in fs::read_dir(root.join("fixtures")).expect("fixtures").flatten() {
        let holds_captures = entry.path().is_dir()
            && fs::read_dir(entry.path())
                .expect("a folder")
                .flatten()
                .any(|file| file.path().extension().is_some_and(|ending| ending == "pcap" || ending == "pcapng"));
        if !holds_captures || entry.file_name().to_string_lossy().starts_with('_') {
            continue;
        }
        let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
        let output = command.args(["--isolated", "--per-file", "--format", "sarif"]).arg(entry.path()).output();
        let output = output.expect("runs");
        let log: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|e| panic!("{}: {e}: {}", entry.path().display(), String::from_utf8_lossy(&output.stderr)));
        let errors: Vec<String> = validator.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", entry.path().display());
        results += log["runs"][0]["results"].as_array().map_or(0, Vec::len);
    }
    assert!(results > 20, "only {results} results were seen");
}

#[test]
fn settings_come_from_the_file_and_the_environment() {
    let folder = folder(&[("a.pcap", FAULTY)]);
    fs::write(folder.path().join(".ftpwhy.toml"), "fail-on = \"never\"\nformat = \"csv\"\n").expect("writes");
    let (status, said, error) = run(&folder, "a.pcap");
    assert_eq!(status, 0, "{error}");
    assert!(said.starts_with("capture,frame,time"), "{said}");
    assert_eq!(run(&folder, "--isolated a.pcap").0, 1);
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    let output =
        command.current_dir(folder.path()).env("FTPWHY_FAIL_ON", "error").arg("a.pcap").output().expect("runs");
    assert_eq!(output.status.code(), Some(1));
    fs::write(folder.path().join(".ftpwhy.toml"), "fial-on = \"never\"\n").expect("writes");
    let (status, _, error) = run(&folder, "a.pcap");
    assert!(status == 2 && error.contains("unknown key fial-on, did you mean fail-on?"), "{error}");
}

#[test]
fn completions_know_the_subcommands() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish"] {
        let (status, script, _) = run(&folder, &format!("completions {shell}"));
        assert!(status == 0 && script.contains("sessions") && script.contains("baseline"), "{shell}: {script}");
    }
    assert_eq!(run(&folder, "completions tcsh").0, 2);
}
