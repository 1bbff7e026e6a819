//! Saved captures from outside: what a user gets of files, rotated sets, pipes and what goes wrong with them.

mod kit;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const COLLISION: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const UNANSWERED: &str = "fixtures/data-syn-unanswered/fires-lab-proftpd-drop.pcap";
const SNOOP: &str = "fixtures/_format/solaris.snoop";

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn ftpwhy() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    // The settings of whoever runs the tests are not ours.
    command.arg("--isolated").stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(&output.stderr)))
}

/// The header of a little-endian pcap file, and its records.
fn records(path: &Path) -> (Vec<u8>, Vec<Vec<u8>>) {
    let bytes = fs::read(path).expect("a fixture");
    let (header, mut rest) = bytes.split_at(24);
    let mut records = Vec::new();
    while !rest.is_empty() {
        let len = u32::from_le_bytes(rest[8..12].try_into().expect("four bytes")) as usize;
        let (record, behind) = rest.split_at(16 + len);
        records.push(record.to_vec());
        rest = behind;
    }
    (header.to_vec(), records)
}

/// The same packets in two files, cut behind the packet of this number, as dumpcap names a rotated set.
fn rotated(path: &Path, cut: usize) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let (header, records) = records(path);
    for (number, part) in (1..).zip([&records[..cut], &records[cut..]]) {
        let name = folder.path().join(format!("ring_{number:05}_2026112200000{number}.pcap"));
        fs::write(name, [&header[..], &part.concat()].concat()).expect("a file");
    }
    folder
}

#[test]
fn evidence_of_a_rotated_set_is_cited_by_file() {
    let whole = json(&ftpwhy().arg("--json").arg(fixture(UNANSWERED)).output().expect("runs"));
    let cut = 24;
    let folder = rotated(&fixture(UNANSWERED), cut);
    let parts = json(&ftpwhy().arg("--json").arg(folder.path()).output().expect("runs"));
    assert_eq!(parts["grouping"][0], "2 files of one rotation read as one timeline");
    let cited = |report: &Value, moved: u64| {
        let mut frames: Vec<u64> = Vec::new();
        let findings = report["findings"].as_array().expect("findings");
        let verdict = findings.iter().find(|finding| finding["role"] == "verdict").expect("a verdict");
        for evidence in verdict["evidence"].as_array().expect("evidence").iter().filter(|e| e["kind"] == "seen") {
            let behind = evidence["capture"].as_u64().expect("a capture") * moved;
            frames.extend(evidence["frames"].as_array().expect("frames").iter().map(|n| n.as_u64().unwrap() + behind));
        }
        frames.sort_unstable();
        (verdict["diagnosis"].clone(), frames)
    };
    assert_eq!(cited(&parts, cut as u64), cited(&whole, 0));
}

#[test]
fn a_rotated_set_has_ftp_if_one_of_its_files_has() {
    let folder = rotated(&fixture(COLLISION), 2);
    let output = ftpwhy().arg(folder.path()).output().expect("runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("_20261122000001.pcap: 2 packets\n"), "{}", text(&output.stdout));
    assert!(!text(&output.stdout).contains("--port"), "that is no advice for one who has FTP");
}

#[test]
fn what_cannot_be_read_is_told_and_the_rest_is_judged() {
    let output = ftpwhy().args([fixture(SNOOP), fixture(COLLISION), "/no/such/file".into()]).output().expect("runs");
    assert_eq!(output.status.code(), Some(2), "it wins over a fault");
    let errors = text(&output.stderr);
    assert!(errors.contains("it is a snoop capture; convert it with `editcap -F pcapng"), "{errors}");
    assert!(errors.contains("/no/such/file: there is no such file"), "{errors}");
    assert!(text(&output.stdout).contains("error[time-wait-collision]"));
}

#[test]
fn standard_input_is_read_and_named() {
    let judged = |bytes: &[u8]| {
        let mut run = ftpwhy()
            .arg("-")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        run.stdin.take().expect("a pipe").write_all(bytes).expect("written");
        run.wait_with_output().expect("ends")
    };
    let output = judged(&fs::read(fixture(COLLISION)).expect("a fixture"));
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("error[time-wait-collision]"));
    let output = judged(b"");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).starts_with("error: could not read standard input: it is empty (0 bytes)"));
}

#[test]
fn a_reader_who_has_seen_enough_is_no_error() {
    for format in ["full", "concise", "json", "ndjson"] {
        let mut run = ftpwhy()
            .args(["--format", format])
            .arg(fixture(COLLISION))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        drop(run.stdout.take());
        let output = run.wait_with_output().expect("ends");
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupt_ends_the_reading_even_of_a_silent_pipe() {
    let mut run = ftpwhy()
        .args(["--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("runs");
    let _guard = kit::child::Guard::of(&run);
    let mut pipe = run.stdin.take().expect("a pipe");
    // A record and a half behind the rest: what is cut by the interrupt is no damage.
    let bytes = fs::read(fixture(COLLISION)).expect("a fixture");
    pipe.write_all(&bytes[..bytes.len() - 20]).expect("written");
    pipe.flush().expect("written");
    sleep(Duration::from_millis(500));
    let asked = Instant::now();
    kit::child::interrupt(&run);
    let mut said = String::new();
    run.stdout.take().expect("a pipe").read_to_string(&mut said).expect("UTF-8");
    assert_eq!(run.wait().expect("ends").code(), Some(130), "{said}");
    assert!(asked.elapsed() < Duration::from_secs(5), "the pipe is still open");
    drop(pipe);
    let report: Value = serde_json::from_str(&said).expect("the whole report");
    assert_eq!(report["captures"][0]["packets"], 44);
    let names: Vec<_> = report["findings"].as_array().unwrap().iter().map(|finding| &finding["diagnosis"]).collect();
    assert!(names.iter().any(|name| *name == "time-wait-collision"), "{names:?}");
    assert!(names.iter().all(|name| *name != "capture-truncated"), "{names:?}");
}

#[test]
fn no_format_repeats_a_password_that_a_server_repeats() {
    // The password of the recorded login becomes one of the same length, and so does a part of the reply to it.
    let (header, mut records) = records(&fixture(COLLISION));
    let replaced = |records: &mut Vec<Vec<u8>>, from: &[u8], to: &[u8]| {
        assert_eq!(from.len(), to.len());
        let mut found = false;
        for record in records {
            while let Some(at) = record.windows(from.len()).position(|window| window == from) {
                record[at..at + to.len()].copy_from_slice(to);
                found = true;
            }
        }
        assert!(found, "{:?}", String::from_utf8_lossy(from));
    };
    replaced(&mut records, b"PASS labpw", b"PASS s3Cr3");
    replaced(&mut records, b"230 Login successful.", b"530 not with s3Cr3 !.");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("echo.pcap");
    fs::write(&path, [header, records.concat()].concat()).expect("a file");
    let formats = "full concise table json ndjson sarif junit github gitlab markdown csv";
    let mut commands: Vec<Vec<&str>> = formats.split(' ').map(|format| vec!["-v", "--format", format]).collect();
    commands.extend([vec!["show"], vec!["show", "--ladder"], vec!["sessions"], vec!["hosts"]]);
    for arguments in commands {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        let output = command.args(&arguments).arg(&path).output().expect("runs");
        assert_ne!(output.status.code(), Some(2), "{arguments:?}: {}", text(&output.stderr));
        let said = text(&output.stdout) + &text(&output.stderr);
        assert!(!said.contains("s3Cr3"), "{arguments:?}: {said}");
    }
    let shown = ftpwhy_shows(&path);
    assert!(shown.contains("530 not with *** !."), "{shown}");
}

fn ftpwhy_shows(path: &Path) -> String {
    text(&Command::new(env!("CARGO_BIN_EXE_ftpwhy")).arg("show").arg(path).output().expect("runs").stdout)
}
