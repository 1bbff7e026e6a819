//! Data SYNs without answer, told while a capture goes on: what is said, and how each ends.

mod kit;

use assert_cmd::Command;
use serde_json::Value;

const HOSTS: &str = "host C 10.0.0.10 02:00:00:00:00:0c\nhost S 10.0.9.21 02:00:00:00:00:01 ttl 62 lag 20ms\n";

/// The server's SYNs as Linux repeats them, for 7 s.
const SYNS: &str = "S:20 > C:5001 S\n+1s S:20 > C:5001 again\n+2s S:20 > C:5001 again\n+4s S:20 > C:5001 again\n";

/// A session whose LIST is served by what `data` says.
fn active(data: &str) -> String {
    format!("{HOSTS}@ctl C:1050 S:21\n@port 5001\nC> LIST\nS> 150 Here.\n{data}+1s @quit\n+9s arp C asks S\n")
}

/// What is said of a script that comes through a pipe, or of a file.
fn said(script: &str, format: &str, piped: bool) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t.script");
    std::fs::write(&path, script).expect("a script");
    let rendered = kit::render(&path).unwrap_or_else(|error| panic!("{error}\n{script}"));
    let capture = folder.path().join(format!("t.{}", rendered.extension));
    std::fs::write(&capture, &rendered.file).expect("a capture");
    let mut command = Command::cargo_bin("ftpwhy").expect("the binary is built");
    command.args(["--isolated", "--format", format]);
    let command = if piped { command.arg("-").write_stdin(rendered.file) } else { command.arg(&capture) };
    String::from_utf8(command.output().expect("runs").stdout).expect("UTF-8")
}

/// The records of pending trouble and of findings, in order: the pending ones whole, of findings the name.
fn records(script: &str) -> Vec<Value> {
    let text = said(script, "ndjson", true);
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    lines
        .filter(|line| line["type"] == "pending" || (line["type"] == "finding" && line["severity"] == "error"))
        .collect()
}

/// Each as a word or two.
fn story(records: &[Value]) -> Vec<String> {
    let told = |record: &Value| match record["type"].as_str() {
        Some("finding") => record["diagnosis"].as_str().unwrap_or_default().to_owned(),
        _ => format!(
            "{} {}",
            record["state"].as_str().unwrap_or_default(),
            record["message"].as_str().unwrap_or_default()
        ),
    };
    records.iter().map(told).collect()
}

#[test]
fn what_fails_is_told_before_it_has_and_ends_with_the_finding() {
    let records = records(&active(&format!("{SYNS}+8s S> 425 Can't open data connection.\n")));
    let open = "session 1 LIST: 4 SYNs unanswered for 7 s";
    assert_eq!(
        story(&records),
        [
            "open session 1 LIST: 3 SYNs unanswered for 3 s",
            &format!("open {open}"),
            "data-syn-unanswered",
            &format!("ended {open}"),
        ]
    );
    let (second, ended) = (&records[1], &records[3]);
    assert_eq!(ended["by"], "data-syn-unanswered");
    assert_eq!((&second["session"], &second["transfer"], &second["syns"]), (&1.into(), &1.into(), &4.into()));
    assert_eq!((second["from"].as_str(), second["to"].as_str()), (Some("10.0.9.21:20"), Some("10.0.0.10:5001")));
    // They are the frames that the finding cites.
    let evidence = records[2]["evidence"].as_array().expect("evidence");
    let cited: Vec<&Value> = evidence.iter().filter_map(|one| one["frames"].as_array()).flatten().collect();
    assert!(second["frames"].as_array().expect("frames").iter().all(|frame| cited.contains(&frame)), "{records:#?}");
}

#[test]
fn what_is_answered_late_is_withdrawn() {
    let late = format!(
        "{SYNS}+1s C:5001 > S:20 SA\nS:20 > C:5001 A\nS:20 > C:5001 len=100\n@close S:20 C:5001\nS> 226 Done.\n"
    );
    let records = records(&active(&late));
    let last = records.last().expect("records");
    assert_eq!(last["state"], "withdrawn", "{records:#?}");
    assert!(last["why"].as_str().is_some_and(|why| why.starts_with("answered after 8.")), "{last}");
    assert_eq!((&last["by"], records.len()), (&Value::Null, 3));
}

#[test]
fn one_repetition_is_nothing_yet() {
    let once = "S:20 > C:5001 S\n+1s S:20 > C:5001 again\n+20ms C:5001 > S:20 SA\nS:20 > C:5001 A\n\
                S:20 > C:5001 len=100\n@close S:20 C:5001\nS> 226 Done.\n";
    assert_eq!(story(&records(&active(once))), [""; 0]);
}

#[test]
fn a_passive_port_is_told_by_the_command_that_announced_it() {
    let script = format!(
        "{HOSTS}@ctl C:1050 S:21\n@pasv 50000\nC:3000 > S:50000 S\n+1s C:3000 > S:50000 again\n\
         +2s C:3000 > S:50000 again\nC> RETR a\n+4s C:3000 > S:50000 again\n+60s S> 425 No connection.\n+1s @quit\n"
    );
    let records = records(&script);
    assert_eq!(
        story(&records),
        [
            "open session 1 PASV: 3 SYNs unanswered for 3 s",
            "open session 1 RETR: 4 SYNs unanswered for 7 s",
            "pasv-connect-failed",
            "ended session 1 RETR: 4 SYNs unanswered for 7 s",
        ]
    );
    assert_eq!(records[0]["transfer"], Value::Null);
}

#[test]
fn a_client_that_leaves_ends_it() {
    let script = format!(
        "{HOSTS}@ctl C:1050 S:21\n@port 5001\nC> LIST\nS> 150 Here.\n{SYNS}C:1050 > S:21 RA\n+9s arp C asks S\n"
    );
    let records = records(&script);
    let last = records.last().expect("records");
    assert!(last["type"] == "pending" && last["state"] != "open", "{records:#?}");
}

#[test]
fn lines_for_people_say_the_same() {
    let script = active(&format!("{SYNS}+8s S> 425 Can't open data connection.\n"));
    let text = said(&script, "concise", true);
    let open = "pending: session 1 LIST: 4 SYNs unanswered for 7 s (10.0.9.21:20 -> 10.0.0.10:5001, frames ";
    assert!(text.contains(open), "{text}");
    assert!(
        text.contains("pending: session 1 LIST: 4 SYNs unanswered for 7 s (10.0.9.21:20 -> 10.0.0.10:5001): ended by data-syn-unanswered\n"),
        "{text}"
    );
}

#[test]
fn a_saved_capture_has_nothing_pending() {
    let script = active(&format!("{SYNS}+8s S> 425 Can't open data connection.\n"));
    assert!(!said(&script, "ndjson", false).contains("\"pending\""));
}
