//! A capture that goes on, read from a pipe or a growing file: what is said, and when it is said.

mod kit;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

/// How long a line is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

const LAN: &str = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.0.21 02:00:00:00:00:15\n";

/// The program at the reading end of a pipe.
struct Piped {
    program: Child,
    pipe: Option<ChildStdin>,
    lines: Receiver<Value>,
}

impl Piped {
    fn start(arguments: &[&str]) -> Self {
        let mut program = Command::new(PROGRAM)
            .args(["--format", "ndjson"])
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("runs");
        let pipe = program.stdin.take();
        let lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
        Self { program, pipe, lines: told(lines) }
    }

    fn write(&mut self, bytes: &[u8]) {
        let pipe = self.pipe.as_mut().expect("still open");
        pipe.write_all(bytes).and_then(|()| pipe.flush()).expect("written");
    }

    /// Waits for a line of this type that names this diagnosis, while the pipe is open.
    fn wait_for(&self, kind: &str, diagnosis: &str) -> Value {
        let is = |line: &Value| line["type"] == kind && line["diagnosis"] == diagnosis;
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("no {kind} {diagnosis} while the capture goes on"));
            if is(&line) {
                return line;
            }
        }
    }

    /// Ends the capture; the lines that were not waited for.
    fn end(mut self) -> (Vec<Value>, Option<i32>) {
        drop(self.pipe.take());
        let lines = self.lines.iter().collect();
        (lines, self.program.wait().expect("ends").code())
    }
}

impl Drop for Piped {
    /// A test that fails leaves no program behind.
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// Reads lines in a thread, so that waiting for one is bounded.
fn told(lines: Lines<BufReader<ChildStdout>>) -> Receiver<Value> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let line = serde_json::from_str(&line).expect("JSON");
            if send.send(line).is_err() {
                return;
            }
        }
    });
    receive
}

/// The capture of a script given as text.
fn capture(text: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.script");
    std::fs::write(&path, text).expect("written");
    kit::render(&path).expect("a script").file
}

/// The header of a pcap file.
const HEADER: usize = 24;

/// Where the first record that lies behind `at` begins.
fn record_behind(records: &[u8], at: usize) -> usize {
    let mut begins = 0;
    while begins < at {
        let len = records[begins + 8..begins + 12].try_into().map(u32::from_le_bytes).expect("a length");
        begins += 16 + len as usize;
    }
    begins
}

/// The findings of the same capture read from a file.
fn from_file(bytes: &[u8]) -> BTreeSet<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("saved.pcap");
    std::fs::write(&path, bytes).expect("written");
    let output = Command::new(PROGRAM).args(["--format", "ndjson"]).arg(&path).output().expect("runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    holding(&text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<_>>())
}

/// What holds at the end of a run.
fn holding(lines: &[Value]) -> BTreeSet<String> {
    let mut holds: Vec<&Value> = Vec::new();
    for line in lines {
        if line["type"] == "finding" {
            holds.push(line);
        } else if line["type"] == "superseded" {
            let is = |finding: &&Value| {
                finding["diagnosis"] == line["diagnosis"]
                    && finding["session"] == line["session"]
                    && (line["hosts"] == Value::Array(Vec::new()) || finding["hosts"] == line["hosts"])
            };
            let at = holds.iter().position(is).expect("only what was said is taken back");
            holds.remove(at);
        }
    }
    let signature = |finding: &&Value| {
        ["diagnosis", "session", "transfer", "role", "confidence", "hosts"]
            .map(|key| finding[key].to_string())
            .join(" ")
    };
    holds.iter().map(signature).collect()
}

#[test]
fn a_long_session_is_told_in_chapters_and_nothing_is_lost() {
    const TRANSFERS: usize = 1_500;
    let mut text = format!("{LAN}@ctl C:1050 S:21\n");
    for number in 0..TRANSFERS {
        // Every third fails because nobody listens.
        let port = 5_000 + number;
        match number % 3 {
            0 => write!(
                text,
                "@port {port}\nC> RETR a\nS:20 > C:{port} S\nC:{port} > S:20 RA\nS> 425 Failed to establish connection.\n"
            ),
            _ => write!(text, "@port {port}\nC> RETR a\n@act {port}\n"),
        }
        .expect("a string takes it");
    }
    let bytes = capture(&format!("{text}+5s @quit\n+20s udp C:5353 > S:123 \"x\"\n"));
    let mut piped = Piped::start(&["-"]);
    piped.write(&bytes);
    let (lines, status) = piped.end();
    let sessions: Vec<&Value> = lines.iter().filter(|line| line["type"] == "session").collect();
    assert!(sessions.len() > 3, "{} chapters", sessions.len());
    assert!(sessions.iter().all(|session| session["id"] == 1));
    let (last, before) = sessions.split_last().expect("some");
    assert!(last["continues"].is_null() && before.iter().all(|session| session["continues"] == true));
    let transfers = sessions.iter().flat_map(|session| session["transfers"].as_array().expect("transfers"));
    let ids: Vec<u64> = transfers.clone().filter_map(|transfer| transfer["id"].as_u64()).collect();
    assert_eq!(ids, (1..=TRANSFERS as u64).collect::<Vec<_>>());
    for session in &sessions {
        let offers = session["offers"].as_array().expect("offers");
        for transfer in session["transfers"].as_array().expect("transfers") {
            let offer = &offers[usize::try_from(transfer["offer"].as_u64().expect("an offer")).expect("small")];
            let port = 5_000 + transfer["id"].as_u64().expect("a number") - 1;
            assert_eq!(offer["endpoint"], format!("10.0.0.10:{port}"));
        }
    }
    let holds = holding(&lines);
    assert_eq!(holds, from_file(&bytes));
    assert_eq!(holds.iter().filter(|one| one.contains("data-syn-refused")).count(), TRANSFERS / 3);
    let summary = lines.last().expect("the summary");
    assert_eq!((&summary["transfers"], &summary["failed"]), (&TRANSFERS.into(), &(TRANSFERS / 3).into()));
    assert_eq!(status, Some(1));
}

#[test]
fn a_client_that_vanishes_is_told_of_before_the_capture_ends() {
    let knocks = "C:1050 > S:21 S\n+1s C:1050 > S:21 again\n+2s C:1050 > S:21 again\n+4s C:1050 > S:21 again\n";
    let bytes = capture(&format!(
        "{LAN}{knocks}+60s udp C:5353 > S:123 \"x\"\n+90s udp C:5353 > S:123 \"x\"\n+5s udp C:5353 > S:123 \"x\"\n+5s udp C:5353 > S:123 \"x\"\n"
    ));
    let mut piped = Piped::start(&["-"]);
    piped.write(&bytes);
    piped.wait_for("finding", "control-unanswered");
    let (rest, status) = piped.end();
    assert!(!rest.iter().any(|line| line["type"] != "cause" && line["diagnosis"] == "control-unanswered"), "once");
    assert_eq!(status, Some(1));
}

#[test]
fn a_session_that_is_merely_quiet_is_not_given_up() {
    let quiet: String = (0..20).map(|_| "+60s udp C:5353 > S:123 \"x\"\n").collect();
    let bytes = capture(&format!("{LAN}@ctl C:1050 S:21\n{quiet}@port 5001\nC> RETR a\n@act 5001\n@quit\n"));
    let mut piped = Piped::start(&["-"]);
    piped.write(&bytes);
    let (lines, status) = piped.end();
    let sessions: Vec<&Value> = lines.iter().filter(|line| line["type"] == "session").collect();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["transfers"][0]["outcome"], "completed");
    assert_eq!(status, Some(0));
}

#[test]
fn a_mac_that_changes_is_told_of_before_the_capture_ends() {
    let moved = "@ctl C:1050 S:21\n+5s host C 10.0.0.10 02:00:00:00:00:0e\narp C asks S\narp S answers C\n@port 5001\nC> LIST\n@act 5001\n";
    let bytes = capture(&format!("{LAN}{moved}+3s udp C:5353 > S:123 \"x\"\n+3s udp C:5353 > S:123 \"x\"\n"));
    let mut piped = Piped::start(&["-"]);
    piped.write(&bytes);
    piped.wait_for("finding", "mac-changed");
    let (rest, _) = piped.end();
    assert!(
        !rest.iter().any(|line| line["type"] != "cause" && line["diagnosis"] == "mac-changed"),
        "once, and never taken back"
    );
}

#[test]
fn a_pipe_that_stalls_loses_nothing() {
    let login = format!("{LAN}@ctl C:1050 S:21\n");
    let moved =
        "+300ms host C 10.0.0.10 02:00:00:00:00:0e\narp C asks S\narp S answers C\n@port 5001\nC> LIST\n@act 5001\n";
    let bytes = capture(&format!("{login}{moved}+10s udp C:5353 > S:123 \"x\"\n"));
    let mut piped = Piped::start(&["-"]);
    // The second part was captured soon behind the first one, and comes late.
    let (first, second) = bytes.split_at(capture(&login).len());
    piped.write(first);
    std::thread::sleep(Duration::from_millis(1_500));
    piped.write(second);
    let (lines, _) = piped.end();
    let holds = holding(&lines);
    assert!(holds.iter().any(|one| one.contains("mac-changed")), "{holds:?}");
    assert_eq!(holds, from_file(&bytes));
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_rotated_while_it_is_followed_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ring.pcap");
    let transfer = |port: u16| format!("@port {port}\nC> RETR a\n@act {port}\n");
    let bytes = capture(&format!("{LAN}@ctl C:1050 S:21\n{}{}@quit\n", transfer(5001), transfer(5002)));
    // The second file begins in the middle of the session, with a header of its own.
    let (header, packets) = bytes.split_at(HEADER);
    let half = record_behind(packets, packets.len() / 2);
    let whole = |packets: &[u8]| [header, packets].concat();
    std::fs::write(&path, whole(&packets[..half])).expect("written");
    let name = path.to_string_lossy().into_owned();
    let piped = Piped::start(&["--follow", &name]);
    std::thread::sleep(Duration::from_millis(500));
    std::fs::rename(&path, folder.path().join("ring.1.pcap")).expect("moved");
    std::fs::write(&path, whole(&packets[half..])).expect("written");
    let session = loop {
        let line = piped.lines.recv_timeout(PATIENCE).expect("a session while the file is followed");
        if line["type"] == "session" {
            break line;
        }
    };
    assert_eq!(session["transfers"].as_array().map(Vec::len), Some(2));
    assert_eq!(session["captures"], serde_json::json!([0, 1]));
    kit::child::interrupt(&piped.program);
    let (lines, status) = piped.end();
    assert_eq!(lines.last().expect("the summary")["captures"].as_array().map(Vec::len), Some(2));
    assert_eq!(status, Some(130));
}

#[test]
fn what_is_told_again_differs_from_what_it_replaces() {
    let path = kit::root().join("fixtures/_format/pcap-ns.script");
    let bytes = kit::render(&path).expect("a fixture").file;
    let mut piped = Piped::start(&["--isolated", "-"]);
    piped.write(&bytes);
    let (lines, _) = piped.end();
    let replaced: Vec<&Value> =
        lines.iter().filter(|line| line["type"] == "superseded" && line["by"] == line["diagnosis"]).collect();
    assert!(!replaced.is_empty(), "the fixture has one");
    for line in replaced {
        let same = |finding: &&Value| {
            finding["type"] == "finding"
                && ["diagnosis", "session", "transfer"].iter().all(|key| finding[*key] == line[*key])
        };
        let told: Vec<&Value> = lines.iter().filter(same).collect();
        let [before, after] = told[..] else { panic!("told {} times", told.len()) };
        assert!(["role", "severity", "confidence", "message"].iter().any(|key| before[*key] != after[*key]), "{after}");
    }
    let mut command = Command::new(PROGRAM);
    command.args(["--isolated", "--format", "concise", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut program = command.spawn().expect("runs");
    program.stdin.take().expect("a pipe").write_all(&bytes).expect("written");
    let said = String::from_utf8(program.wait_with_output().expect("ends").stdout).expect("UTF-8");
    assert!(said.contains("updated[time-wait-collision] replaced by the finding above"), "{said}");
    assert!(!said.contains("withdrawn[time-wait-collision]"), "{said}");
}

#[test]
fn several_captures_cannot_be_followed() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, other) = (folder.path().join("one.pcap"), folder.path().join("other.pcap"));
    let bytes = capture(&format!("{LAN}@ctl C:1050 S:21\n@quit\n"));
    for path in [&one, &other] {
        std::fs::write(path, &bytes).expect("written");
    }
    // Named, or found in a directory: it ends at once, and reads nothing.
    for arguments in [vec![one.as_path(), other.as_path()], vec![folder.path()]] {
        let output = Command::new(PROGRAM).arg("--follow").args(arguments).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains("--follow reads one capture") && said.contains("2 were named"), "{said}");
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
    }
}

#[test]
fn garbage_in_the_place_of_a_followed_file_ends_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ring.pcap");
    std::fs::write(&path, capture(&format!("{LAN}@ctl C:1050 S:21\n@port 5001\nC> RETR a\n@act 5001\n@quit\n")))
        .expect("written");
    let piped = Piped::start(&["--follow", &path.to_string_lossy()]);
    while piped.lines.recv_timeout(PATIENCE).expect("a line while the file is followed")["type"] != "session" {}
    let garbage = folder.path().join("garbage");
    std::fs::write(&garbage, "this is no capture").expect("written");
    std::fs::rename(garbage, &path).expect("moved");
    // Nobody tells it to end.
    let (lines, status) = piped.end();
    assert_eq!(lines.last().expect("the summary")["type"], "summary");
    assert_eq!(status, Some(2));
}
