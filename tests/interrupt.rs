//! What a signal does to a run: the reading ends, the report of what was read is written and says so, the status too.
//!
//! Every test holds the program where it waits for bytes, so that the signal cannot come before or behind the reading.
#![cfg(target_os = "linux")]

mod kit;

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, mkfifo};
use serde_json::Value;
use tempfile::TempDir;

/// Transfers that all work, and one that fails.
const CLEAN: &str = "fixtures/time-wait-collision/silent-lab-vsftpd-random-ports.pcap";
const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";

const SIGNALS: [(Signal, i32); 3] = [(Signal::SIGINT, 130), (Signal::SIGTERM, 143), (Signal::SIGHUP, 129)];

/// Longer than any run takes: a guard that ends a program which does not end by itself.
const PATIENCE: Duration = Duration::from_secs(120);

/// A program under way.
struct Run {
    child: Child,
    done: Sender<()>,
}

impl Run {
    fn start(command: &mut Command) -> Self {
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
        let pid = Pid::from_raw(child.id().try_into().expect("a process id"));
        let (done, is_done) = channel();
        thread::spawn(move || {
            if is_done.recv_timeout(PATIENCE) == Err(std::sync::mpsc::RecvTimeoutError::Timeout) {
                let _ = kill(pid, Signal::SIGKILL);
            }
        });
        Self { child, done }
    }

    fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().try_into().expect("a process id")), signal).expect("it is there");
    }

    fn end(self) -> Output {
        let output = self.child.wait_with_output().expect("ends");
        let _ = self.done.send(());
        output
    }
}

fn fixture(name: &str) -> PathBuf {
    kit::root().join(name)
}

fn ftpwhy(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.args(arguments).env_remove("FTPWHY_CONFIG").current_dir(std::env::temp_dir()).stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn fifo(folder: &TempDir, name: &str) -> PathBuf {
    let path = folder.path().join(name);
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).expect("a FIFO");
    path
}

/// Opens a FIFO for writing: returns once the program has it open, which is while it reads.
fn opened(fifo: &Path) -> File {
    OpenOptions::new().write(true).open(fifo).expect("opens")
}

/// A capture of more than a pipe holds: whoever has written it knows that it is being read.
fn long(name: &str) -> Vec<u8> {
    padded(name, 200)
}

/// A capture with so many kilobytes of something else before it.
fn padded(name: &str, kilobytes: usize) -> Vec<u8> {
    let bytes = fs::read(fixture(name)).expect("a fixture");
    let (header, records) = bytes.split_at(24);
    let size = 1_000_u32;
    let pad = [&records[..8], &size.to_le_bytes(), &size.to_le_bytes(), &vec![0; size as usize]].concat();
    [header, &pad.repeat(kilobytes), records].concat()
}

/// Runs the program on standard input that has given all of `bytes` and does not end, and sends it a signal.
fn on_pipe(arguments: &[&str], bytes: &[u8], signal: Signal) -> Output {
    let mut run = Run::start(ftpwhy(arguments).stdin(Stdio::piped()));
    let mut pipe = run.child.stdin.take().expect("a pipe");
    pipe.write_all(bytes).expect("written");
    run.signal(signal);
    let output = run.end();
    drop(pipe);
    output
}

/// Runs the program on a FIFO that has given a part of a capture, and sends it a signal.
fn on_fifo(arguments: &[&str], signal: Signal) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let path = fifo(&folder, "c.pcap");
    let run = Run::start(ftpwhy(arguments).arg(&path));
    let mut pipe = opened(&path);
    pipe.write_all(&fs::read(fixture(CLEAN)).expect("a fixture")[..2_000]).expect("written");
    run.signal(signal);
    run.end()
}

#[test]
fn every_format_says_that_it_is_incomplete() {
    let formats = "full concise table json ndjson sarif junit github gitlab markdown csv";
    for (format, (signal, status)) in formats.split(' ').zip(SIGNALS.into_iter().cycle()) {
        for output in [
            on_fifo(&["--isolated", "--format", format], signal),
            on_pipe(&["--isolated", "--format", format, "-"], &long(CLEAN), signal),
        ] {
            let (said, remarks) = (text(&output.stdout), text(&output.stderr));
            assert_eq!(output.status.code(), Some(status), "{format} {remarks}");
            assert!(said.contains(&format!("interrupted by {signal}")), "{format} {said}");
            assert!(remarks.contains(&format!("interrupted by {signal}")), "{format} {remarks}");
            assert!(!said.contains("capture-truncated"), "what the signal cut off is no damage: {format} {said}");
        }
    }
}

#[test]
fn what_came_through_a_pipe_is_reported_with_what_was_pending() {
    let output = on_pipe(&["--isolated", "--json", "-"], &long(FAULTY), Signal::SIGTERM);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["complete"]), (Some(143), &false.into()));
    assert_eq!((&report["interrupted"]["signal"], &report["interrupted"]["not_read"]), (&"SIGTERM".into(), &0.into()));
    assert_eq!((&report["captures"][0]["packets"], &report["captures"][0]["complete"]), (&245.into(), &false.into()));
    let failed = |finding: &Value| finding["diagnosis"] == "time-wait-collision";
    assert!(report["findings"].as_array().expect("findings").iter().any(failed), "{report}");
}

#[test]
fn every_view_and_list_says_that_it_is_incomplete() {
    let commands: [&[&str]; 7] = [
        &["show"],
        &["show", "--ladder"],
        &["show", "--html", "-"],
        &["show", "--svg", "-"],
        &["sessions"],
        &["hosts"],
        &["hosts", "--format", "json"],
    ];
    for (arguments, (signal, status)) in commands.into_iter().zip(SIGNALS.into_iter().cycle()) {
        let output = on_fifo(&[arguments, &["--isolated"]].concat(), signal);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{arguments:?} {}", text(&output.stderr));
        assert!(said.contains(&format!("interrupted by {signal}")), "{arguments:?} {said}");
    }
}

#[test]
fn a_reader_that_the_same_signal_ended_makes_no_clean_run() {
    // In `ftpwhy - | cat` both get ^C.
    for format in ["ndjson", "concise", "json"] {
        let mut run = Run::start(ftpwhy(&["--isolated", "--format", format, "-"]).stdin(Stdio::piped()));
        let mut pipe = run.child.stdin.take().expect("a pipe");
        pipe.write_all(&long(CLEAN)).expect("written");
        run.signal(Signal::SIGINT);
        drop(run.child.stdout.take());
        let output = run.end();
        assert_eq!(output.status.code(), Some(130), "{format} {}", text(&output.stderr));
        assert!(!text(&output.stderr).contains("could not write"), "{format}");
    }
}

#[test]
fn a_fifo_that_nobody_writes_to_does_not_keep_it() {
    for (signal, status) in SIGNALS {
        let folder = tempfile::tempdir().expect("a folder");
        let (first, second) = (fifo(&folder, "a.pcap"), fifo(&folder, "b.pcap"));
        let arguments = ["--isolated", "--per-file", "--format", "ndjson"];
        let mut run = Run::start(ftpwhy(&arguments).args([&first, &second]).arg(fixture(FAULTY)));
        opened(&first).write_all(&fs::read(fixture(CLEAN)).expect("a fixture")).expect("written");
        // The first is over, and nobody ever opens the second.
        let mut lines = BufReader::new(run.child.stdout.take().expect("a pipe")).lines();
        let is_session = |line: &String| line.contains(r#""type":"session""#);
        lines.by_ref().map_while(Result::ok).find(is_session).expect("a session");
        run.signal(signal);
        let rest: Vec<String> = lines.map_while(Result::ok).collect();
        let summary: Value = serde_json::from_str(rest.last().expect("the summary")).expect("JSON");
        assert_eq!((&summary["type"], &summary["complete"]), (&"summary".into(), &false.into()));
        assert_eq!((&summary["transfers"], &summary["failed"]), (&2.into(), &0.into()));
        assert_eq!(summary["interrupted"]["not_read"], 2, "the second and the third");
        assert_eq!(summary["captures"].as_array().map(Vec::len), Some(1));
        let output = run.end();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains("1 of 3 captures were read to the end") && !said.contains("could not read"), "{said}");
    }
}

#[test]
fn a_followed_fifo_does_not_keep_it() {
    for (signal, status) in SIGNALS {
        let output = on_fifo(&["--isolated", "--json", "--follow"], signal);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!((output.status.code(), &report["complete"]), (Some(status), &false.into()), "{report}");
    }
}

#[test]
fn a_followed_file_is_reported_with_what_was_pending() {
    // A refused PORT is judged ten seconds later, for the client may fall back to PASV.
    let script = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.0.21 02:00:00:00:00:15\n@ctl C:1040 S:21\n@quit\n\
                  +5s @ctl C:1050 S:21\nC> PORT 10,0,0,10,19,136\nS> 500 Illegal PORT command.\n";
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str| folder.path().join(name);
    fs::write(file("t.script"), script).expect("written");
    let bytes = kit::render(&file("t.script")).expect("a script").file;
    for (signal, status) in SIGNALS {
        fs::write(file("t.pcap"), &bytes).expect("written");
        let lines = format!("ndjson={}", file("lines").display());
        let mut command = ftpwhy(&["--isolated", "--follow", "--format", "concise", "-o", &lines, "-o"]);
        let mut run = Run::start(command.arg(file("report")).arg(file("t.pcap")));
        // What was over before is told, so the rest of the file is being read, or waited for.
        while !fs::read_to_string(file("lines")).is_ok_and(|lines| lines.contains(r#""type":"session""#)) {
            assert!(run.child.try_wait().expect("asked").is_none(), "it goes on");
            thread::yield_now();
        }
        run.signal(signal);
        let output = run.end();
        let said = fs::read_to_string(file("report")).expect("the report");
        assert_eq!(output.status.code(), Some(status), "{}", text(&output.stderr));
        assert!(said.contains("[port-refused]"), "{said}");
        assert!(said.contains(&format!("incomplete: interrupted by {signal} after ")), "{said}");
        fs::remove_file(file("lines")).expect("removed");
    }
}

#[test]
fn no_baseline_is_written_from_a_part() {
    let folder = tempfile::tempdir().expect("a folder");
    let (path, baseline) = (fifo(&folder, "c.pcap"), folder.path().join("known.toml"));
    for before in [None, Some("known = []\n")] {
        if let Some(text) = before {
            fs::write(&baseline, text).expect("written");
        }
        let run = Run::start(ftpwhy(&["--isolated", "--write-baseline"]).arg(&baseline).arg(&path));
        let pipe = opened(&path);
        run.signal(Signal::SIGINT);
        let output = run.end();
        drop(pipe);
        assert_eq!(output.status.code(), Some(130));
        let said = text(&output.stderr);
        assert!(said.contains("known.toml was not written, because not everything was read"), "{said}");
        assert_eq!(fs::read_to_string(&baseline).ok().as_deref(), before);
    }
}

#[test]
fn a_check_says_what_it_checked_and_what_it_did_not() {
    for (format, (signal, status)) in ["text", "junit", "github"].into_iter().zip(SIGNALS) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = |name: &str| folder.path().join(name);
        fs::copy(fixture(CLEAN), path("a.pcap")).expect("copied");
        fs::copy(fixture(FAULTY), path("c.pcap")).expect("copied");
        let held = fifo(&folder, "b.pcap");
        let arguments = ["check", "--isolated", "--bless", "--format", format];
        let run = Run::start(ftpwhy(&arguments).args([path("a.pcap"), held.clone(), path("c.pcap")]));
        let mut pipe = opened(&held);
        pipe.write_all(&fs::read(fixture(CLEAN)).expect("a fixture")[..2_000]).expect("written");
        run.signal(signal);
        let output = run.end();
        drop(pipe);
        let said = text(&output.stdout);
        assert_eq!(output.status.code(), Some(status), "{said}");
        assert!(said.contains(&format!("interrupted by {signal}; 1 of 3 captures were checked")), "{said}");
        if format == "text" {
            let lines: Vec<&str> = said.lines().filter(|line| line.contains(".pcap")).collect();
            let words: Vec<&str> = lines.iter().filter_map(|line| line.split(' ').next()).collect();
            assert_eq!(words, ["blessed", "unchecked", "unchecked"], "{said}");
        }
        assert!(path("a.expect.toml").exists(), "read to its end");
        assert!(!path("b.expect.toml").exists() && !path("c.expect.toml").exists(), "not read to their ends");
    }
}

#[test]
fn nothing_anonymised_is_written_from_a_part() {
    for before in [None, Some("what was there")] {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("public.pcapng");
        if let Some(text) = before {
            fs::write(&target, text).expect("written");
        }
        let name = target.to_string_lossy().into_owned();
        let output =
            on_pipe(&["extract", "--isolated", "--anonymize", "-w", &name, "-"], &long(CLEAN), Signal::SIGTERM);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(143), "{said}");
        assert!(said.contains("public.pcapng was not written, because not everything was read"), "{said}");
        assert_eq!(fs::read_to_string(&target).ok().as_deref(), before);
    }
}

#[test]
fn what_was_extracted_from_a_part_says_so() {
    // In one reading, and in two of what came.
    for choice in [&[][..], &["--slim"], &["--session", "1", "--annotate"]] {
        let folder = tempfile::tempdir().expect("a folder");
        let target = folder.path().join("part.pcapng");
        let name = target.to_string_lossy().into_owned();
        let arguments = [&["extract", "--isolated"], choice, &["-w", &name, "-"]].concat();
        // More than is read ahead of what is looked at: packets have been written to the file.
        let output = on_pipe(&arguments, &padded(CLEAN, 4_000), Signal::SIGINT);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(130), "{choice:?} {said}");
        assert!(said.contains("interrupted by SIGINT, so not everything was read"), "{choice:?} {said}");
        let mut written = fs::read(&target).expect("a file");
        if written.starts_with(&[0x1f, 0x8b]) {
            let mut plain = Vec::new();
            flate2::read::MultiGzDecoder::new(written.as_slice()).read_to_end(&mut plain).expect("gzip");
            written = plain;
        }
        let comment = b"ftpwhy: interrupted by SIGINT, so not everything was read";
        assert!(written.windows(comment.len()).any(|window| window == comment), "{choice:?}: the file says so too");
        let read = ftpwhy(&["--isolated", "--json"]).arg(&target).output().expect("runs");
        let report: Value = serde_json::from_slice(&read.stdout).expect("a capture");
        assert_eq!(report["captures"][0]["complete"], true, "{choice:?}: without a cut block");
    }
}

#[test]
fn what_was_kept_of_standard_input_is_reported_under_pseudonyms() {
    let output = on_pipe(&["--isolated", "--anonymize", "--json", "-"], &long(FAULTY), Signal::SIGINT);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["complete"]), (Some(130), &false.into()));
    assert_eq!(report["interrupted"]["signal"], "SIGINT");
    assert_eq!(report["captures"][0]["complete"], false);
    assert!(!text(&output.stdout).contains("10.1.0.10"), "the addresses are pseudonyms");
}

/// A capture whose report is longer than a pipe holds.
fn wordy() -> Vec<u8> {
    use std::fmt::Write as _;
    let mut script = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.0.21 02:00:00:00:00:15\n".to_owned();
    for number in 0..400 {
        let _ = write!(script, "@ctl C:{} S:21\nC> SYST\nS> 215 UNIX Type: L8\n@quit\n", 2_000 + number);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("t.script");
    fs::write(&source, script).expect("written");
    kit::render(&source).expect("a script").file
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let mut run = Run::start(ftpwhy(&["--isolated", "--json", "-"]).stdin(Stdio::piped()));
    let mut pipe = run.child.stdin.take().expect("a pipe");
    pipe.write_all(&wordy()).expect("written");
    run.signal(Signal::SIGINT);
    // The report is being written, and waits for room in the pipe.
    let mut first = [0; 1];
    let mut report = run.child.stdout.take().expect("a pipe");
    report.read_exact(&mut first).expect("the report begins");
    // Signals of other kinds come twice from `timeout` and from a terminal that closes.
    run.signal(Signal::SIGTERM);
    run.signal(Signal::SIGHUP);
    run.signal(Signal::SIGINT);
    let mut rest = String::new();
    report.read_to_string(&mut rest).expect("what there is");
    assert_eq!(run.end().status.code(), Some(130));
    assert!(serde_json::from_str::<Value>(&format!("{{{rest}")).is_err(), "{} bytes", rest.len());
}

#[test]
fn other_signals_that_come_twice_leave_the_report_whole() {
    let mut run = Run::start(ftpwhy(&["--isolated", "--json", "-"]).stdin(Stdio::piped()));
    let mut pipe = run.child.stdin.take().expect("a pipe");
    pipe.write_all(&wordy()).expect("written");
    run.signal(Signal::SIGTERM);
    let mut said = vec![0; 1];
    let mut report = run.child.stdout.take().expect("a pipe");
    report.read_exact(&mut said).expect("the report begins");
    run.signal(Signal::SIGTERM);
    report.read_to_end(&mut said).expect("the rest");
    let report: Value = serde_json::from_slice(&said).expect("all of it");
    assert_eq!((run.end().status.code(), &report["complete"]), (Some(143), &false.into()));
}

#[test]
fn a_report_that_nobody_takes_does_not_keep_it() {
    for (signal, _) in SIGNALS {
        let mut run = Run::start(ftpwhy(&["--isolated", "--json", "-"]).stdin(Stdio::piped()));
        let mut pipe = run.child.stdin.take().expect("a pipe");
        pipe.write_all(&wordy()).expect("written");
        drop(pipe);
        // All is read, the report begins and waits for room in the pipe.
        let mut report = run.child.stdout.take().expect("a pipe");
        report.read_exact(&mut [0; 1]).expect("the report begins");
        run.signal(signal);
        assert_eq!(run.child.wait().expect("ends").signal(), Some(signal as i32));
        let _ = run.done.send(());
    }
}

#[test]
fn under_nohup_a_terminal_may_close() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = fifo(&folder, "c.pcap");
    let mut command = Command::new("nohup");
    command.arg(env!("CARGO_BIN_EXE_ftpwhy")).args(["--isolated", "--json"]).arg(&path).stdin(Stdio::null());
    let run = Run::start(&mut command);
    let mut pipe = opened(&path);
    run.signal(Signal::SIGHUP);
    pipe.write_all(&fs::read(fixture(CLEAN)).expect("a fixture")).expect("written");
    drop(pipe);
    let output = run.end();
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((output.status.code(), &report["complete"]), (Some(0), &true.into()));
}
