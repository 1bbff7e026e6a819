//! However many captures are analysed at the same time, what is said is the same to the byte.
#![cfg(target_os = "linux")]

mod kit;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use tempfile::TempDir;

const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const FORMATS: [&str; 5] = ["full", "json", "ndjson", "sarif", "junit"];

/// Every recorded capture of the fixtures in one directory, among them files that are broken.
fn mixed() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let fixtures = kit::root().join("fixtures");
    let captures = kit::files_below(&fixtures, &[".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz", ".pcapng.zst"]);
    assert!(captures.len() > 30, "there are captures: {}", captures.len());
    for path in &captures {
        let below = path.strip_prefix(&fixtures).expect("below").to_string_lossy().replace('/', "-");
        fs::copy(path, folder.path().join(below)).expect("copied");
    }
    let faulty = fs::read(kit::root().join(FAULTY)).expect("a fixture");
    let half = &faulty[..faulty.len() / 2];
    let broken: [(&str, &[u8]); 5] = [
        ("b-text.pcap", b"no capture at all"),
        ("h-empty.pcap", b""),
        ("m-half.pcap", half),
        ("t-header.pcap", &faulty[..20]),
        ("u-gzip.pcap.gz", b"\x1f\x8b\x08\0\0\0\0\0\0\x03broken"),
    ];
    for (name, bytes) in broken {
        fs::write(folder.path().join(name), bytes).expect("written");
    }
    // Families of rotated files, and a file alone behind them.
    for name in ["r.pcap", "r.pcap1", "r.pcap2", "z.pcap"] {
        fs::write(folder.path().join(name), &faulty).expect("written");
    }
    folder
}

/// `FTPWHY_PROGRAM` names another build of the same source: this starts many of them.
fn ftpwhy(folder: &Path, arguments: &str, jobs: usize) -> Output {
    let program = std::env::var_os("FTPWHY_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ftpwhy").into());
    let mut command = Command::new(program);
    command.args(arguments.split_whitespace()).args(["--isolated", "--jobs", &jobs.to_string()]);
    command.current_dir(folder).stdin(Stdio::null()).output().expect("runs")
}

fn is_the_same(folder: &Path, arguments: &str) -> Output {
    let alone = ftpwhy(folder, arguments, 1);
    for jobs in [2, 5] {
        let together = ftpwhy(folder, arguments, jobs);
        let [one, other] = [&alone, &together].map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
        let differing = one.lines().zip(other.lines()).find(|(one, other)| one != other);
        assert!(one == other, "{arguments} --jobs {jobs}: {differing:?}");
        let [one, other] = [&alone, &together].map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        assert_eq!(one, other, "{arguments} --jobs {jobs}");
        assert_eq!(alone.status, together.status, "{arguments} --jobs {jobs}");
    }
    alone
}

#[test]
fn every_format_says_the_same() {
    let folder = mixed();
    for format in FORMATS {
        let output = is_the_same(folder.path(), &format!("--format {format} ."));
        assert_eq!(output.status.code(), Some(2), "there are broken files: {format}");
        let said = String::from_utf8_lossy(&output.stderr);
        let order: Vec<_> = ["b-text.pcap", "u-gzip.pcap.gz"].iter().map(|name| said.find(name)).collect();
        assert!(order[0].is_some() && order[0] < order[1], "{said}");
    }
    let json = ftpwhy(folder.path(), "--json .", 5);
    let report: serde_json::Value = serde_json::from_slice(&json.stdout).expect("JSON");
    let sessions: Vec<u64> =
        report["sessions"].as_array().expect("sessions").iter().filter_map(|one| one["id"].as_u64()).collect();
    assert!(sessions.len() > 30, "{}", sessions.len());
    assert!(sessions.iter().zip(1..).all(|(id, number)| *id == number), "{sessions:?}");
}

#[test]
fn every_command_says_the_same() {
    let folder = mixed();
    for arguments in [
        "--per-file -v .",
        "--max-findings 7 --format full .",
        "--cause 2 --json .",
        "--select port-* --require-transfers .",
        "--anonymize --anonymize-key 000102030405060708090a0b0c0d0e0f --json .",
        "--allow-unreadable *.pcap* --fail-on never .",
        "sessions .",
        "sessions --reverse --sort duration .",
        "hosts .",
        "hosts --format json .",
        "show .",
        "show --session 9 .",
        "check .",
        "check --format junit .",
    ] {
        let output = is_the_same(folder.path(), arguments);
        assert!(output.stdout.len() > 100, "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn every_file_is_written_alike() {
    let folder = mixed();
    let files = tempfile::tempdir().expect("a folder");
    for (arguments, name) in [
        ("--write-baseline", "known.toml"),
        ("extract --session 5 -w", "session.pcapng"),
        ("extract --cause 1 --annotate -w", "cause.pcapng"),
    ] {
        let path = files.path().join(name);
        let arguments = format!("{arguments} {} .", path.display());
        let written = [1, 2, 5].map(|jobs| {
            let output = ftpwhy(folder.path(), &arguments, jobs);
            let written = fs::read(&path).unwrap_or_else(|_| panic!("{arguments}: {output:?}"));
            fs::remove_file(&path).expect("removed");
            (written, output.stdout, output.stderr, output.status)
        });
        assert!(written[0].0.len() > 100, "{arguments}");
        assert!(written[0] == written[1] && written[0] == written[2], "{arguments}");
    }
}

#[test]
fn standard_output_may_be_gone() {
    let folder = mixed();
    for jobs in ["1", "5"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        command.args(["--isolated", "--format", "ndjson", "--jobs", jobs, "."]).current_dir(folder.path());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        drop(child.stdout.take());
        let output = child.wait_with_output().expect("ends");
        assert_eq!(output.status.code(), Some(0), "whoever read it has seen enough: {output:?}");
    }
}

/// What is finished is told, in order; the file that waits for bytes is told as one that was not read.
#[test]
fn an_interrupt_leaves_what_there_is() {
    for jobs in ["1", "2", "5"] {
        let folder = tempfile::tempdir().expect("a folder");
        let faulty = fs::read(kit::root().join(FAULTY)).expect("a fixture");
        for name in ["a.pcap", "b.pcap", "c.pcap"] {
            fs::write(folder.path().join(name), &faulty).expect("written");
        }
        let fifo = folder.path().join("waits.pcap");
        mkfifo(&fifo, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
        let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
        command.args(["--isolated", "--json", "--per-file", "--jobs", jobs]).current_dir(folder.path());
        command.args(["a.pcap", "b.pcap", "waits.pcap", "c.pcap"]).stdin(Stdio::null());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        // Opens once the program has opened it, and never ends.
        let mut pipe = OpenOptions::new().write(true).open(&fifo).expect("opens");
        pipe.write_all(&faulty[..2_000]).expect("written");
        kill(Pid::from_raw(child.id().try_into().expect("a process id")), Signal::SIGINT).expect("it is there");
        let output = child.wait_with_output().expect("ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{jobs}: {said}");
        assert!(said.contains("interrupted by SIGINT"), "{jobs}: {said}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["interrupted"]["signal"], "SIGINT", "{jobs}: {report}");
        let captures: Vec<&str> =
            report["captures"].as_array().expect("captures").iter().filter_map(|one| one["path"].as_str()).collect();
        // With one job nobody has come to the last one; others may have been before the signal.
        assert!(captures.starts_with(&["a.pcap", "b.pcap"]), "{jobs}: {captures:?}");
        drop(pipe);
    }
}
