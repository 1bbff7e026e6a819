//! A session that a capture shows on both sides of a NAT is one: in every report it counts once, nothing is said of it
//! twice, and both views stand in `sessions[].views`.

mod kit;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use kit::frames::{observed, read, renumber};
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

/// Captures of both sides of a NAT, with the client's sockets and the transfers that were asked for.
const BOTH_SIDES: [(&str, [&str; 2], usize); 5] = [
    ("alg-rewrote-port/fires-lab-helper.pcapng", ["192.168.1.10", "203.0.113.1"], 1),
    ("alg-rewrote-port/silent-lab-no-helper.pcapng", ["192.168.1.10", "203.0.113.1"], 1),
    ("data-syn-lost-in-transit/fires-lab-nat.pcapng", ["192.168.1.10", "203.0.113.1"], 3),
    ("time-wait-middlebox/fires-lab-nat.pcapng", ["192.168.1.10", "203.0.113.1"], 3),
    ("port-nat-unrewritten/fires-lab-vlans-of-both-sides.pcap", ["192.168.1.10", "203.0.113.1"], 1),
];

fn fixture(name: &str) -> String {
    kit::root().join("fixtures").join(name).display().to_string()
}

fn ftpwhy(arguments: &[&str]) -> String {
    let output = Command::new(PROGRAM).args(arguments).output().expect("ftpwhy runs");
    String::from_utf8(output.stdout).expect("UTF-8")
}

fn report(name: &str) -> Value {
    let report = ftpwhy(&["--isolated", "--format", "json", &fixture(name)]);
    serde_json::from_str(&report).expect("a JSON document")
}

fn list<'a>(value: &'a Value, name: &str) -> &'a [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

#[test]
fn it_counts_once_and_both_views_stand_in_it() {
    for (name, clients, transfers) in BOTH_SIDES {
        let report = report(name);
        let [session] = list(&report, "sessions") else { panic!("{name}: {report}") };
        assert_eq!(session["id"], 1, "{name}");
        assert_eq!(list(session, "transfers").len(), transfers, "{name}");
        assert_eq!(report["summary"]["transfers"], transfers, "{name}");
        let views = list(session, "views");
        let seen: Vec<&str> = views.iter().filter_map(|view| view["client"].as_str()?.split(':').next()).collect();
        assert_eq!(seen, clients, "{name}: the client's side comes first");
        assert_eq!(views[0]["client"], session["client"], "{name}");
        assert_ne!(views[0]["first"]["frame"], views[1]["first"]["frame"], "{name}: each has its own frames");
        assert_eq!(name.ends_with(".pcapng"), views[0]["interface"] != views[1]["interface"], "{name}");
    }
}

#[test]
fn the_numbers_are_shifted_where_a_line_has_another_length_behind_the_nat() {
    let numbers = |name| {
        let report = report(name);
        list(&report["sessions"][0], "views").iter().map(|view| view["numbers"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("alg-rewrote-port/fires-lab-helper.pcapng"), ["shifted", "shifted"]);
    assert_eq!(numbers("alg-rewrote-port/silent-lab-no-helper.pcapng"), ["same", "same"]);
}

#[test]
fn nothing_is_said_twice_and_nothing_of_one_side_is_lost() {
    let name = "port-nat-unrewritten/fires-lab-vlans-of-both-sides.pcap";
    for (name, ..) in BOTH_SIDES {
        let report = report(name);
        let said: Vec<String> = list(&report, "findings")
            .iter()
            .map(|finding| format!("{} {} {}", finding["diagnosis"], finding["session"], finding["transfer"]))
            .collect();
        let once: BTreeSet<&String> = said.iter().collect();
        assert_eq!(once.len(), said.len(), "{name}: {said:?}");
    }
    let report = report(name);
    let of = |diagnosis: &str| {
        let mut found = list(&report, "findings").iter().filter(|finding| finding["diagnosis"] == diagnosis);
        found.next().unwrap_or_else(|| panic!("no {diagnosis}: {report}"))
    };
    let client = |finding: &Value| {
        let ends = list(finding, "evidence").iter().flat_map(|one| [one["from"].clone(), one["to"].clone()]);
        ends.filter_map(|end| Some(end.as_str()?.to_owned())).collect::<BTreeSet<String>>()
    };
    let both = client(of("port-nat-unrewritten"));
    assert!(
        both.contains("192.168.1.10:50606") && both.contains("203.0.113.1:50606"),
        "evidence of both sides: {both:?}"
    );
    assert_eq!(of("data-syn-unanswered")["role"], "related", "which only the server's side shows");
}

#[test]
fn sessions_whose_first_numbers_are_equal_by_chance_stay_two() {
    let report = report("alg-rewrote-port/silent-field-same-isn.pcap");
    assert_eq!(list(&report, "sessions").len(), 2);
    assert_eq!(report["summary"]["transfers"], 2);
    assert!(list(&report, "sessions").iter().all(|session| session.get("views").is_none()));
}

#[test]
fn reports_have_a_row_for_each_transfer() {
    let (name, _, transfers) = BOTH_SIDES[2];
    let rows = |format: &str, row: &str| {
        let report = ftpwhy(&["--isolated", "--format", format, &fixture(name)]);
        report.lines().filter(|line| line.starts_with(row)).count()
    };
    assert_eq!(rows("table", "1."), transfers);
    assert_eq!(rows("table", "2."), 0);
    let shown = ftpwhy(&["show", "--isolated", &fixture(name)]);
    let heads: Vec<&str> = shown.lines().filter(|line| line.starts_with("session ")).collect();
    assert_eq!(heads.len(), 1, "{shown}");
    assert!(shown.contains("across a NAT") && shown.contains("203.0.113.1:58958"), "{shown}");
    assert!(shown.contains("server:20 -> 203.0.113.1:5002"), "a data connection that one side alone shows: {shown}");
}

#[test]
fn an_extract_holds_the_packets_of_both_sides() {
    let folder = tempfile::tempdir().expect("a temporary directory");
    for (name, ..) in BOTH_SIDES {
        let out = folder.path().join("out.pcapng");
        let out = out.to_str().expect("UTF-8");
        ftpwhy(&["extract", "--isolated", "--session", "1", "-w", out, &fixture(name)]);
        let tcp = |path: &Path| {
            let mut decoder = ftpwhy::wire::Decoder::new();
            let (frames, _) = read(path);
            let is_tcp = |frame: &&kit::frames::Owned| {
                matches!(decoder.decode(&frame.frame()).body, ftpwhy::wire::Body::Tcp(..))
            };
            frames.iter().filter(is_tcp).count()
        };
        assert_eq!(tcp(Path::new(out)), tcp(Path::new(&fixture(name))), "{name}");
    }
}

#[test]
fn while_the_capture_goes_on_it_is_told_once_too() {
    for (name, _, transfers) in BOTH_SIDES {
        let mut piped = Command::new(PROGRAM)
            .args(["--isolated", "--format", "ndjson", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("ftpwhy runs");
        let capture = std::fs::read(fixture(name)).expect("a capture");
        piped.stdin.take().expect("a pipe").write_all(&capture).expect("it reads");
        let output = piped.wait_with_output().expect("it ends");
        let lines: Vec<Value> =
            output.stdout.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
        assert_eq!(of("session").len(), 1, "{name}");
        assert_eq!(of("session")[0]["transfers"].as_array().map(Vec::len), Some(transfers), "{name}");
        // The warning before a failure gives way to the failure.
        let superseded: Vec<&Value> = of("superseded").iter().map(|line| &line["diagnosis"]).collect();
        assert!(superseded.len() <= 1 && superseded.iter().all(|name| **name == "port-reused-within-2msl"), "{name}");
        let said: Vec<String> =
            of("finding").iter().map(|line| format!("{} {}", line["diagnosis"], line["transfer"])).collect();
        assert_eq!(said.iter().collect::<BTreeSet<_>>().len(), said.len(), "{name}: {said:?}");
    }
}

#[test]
fn a_capture_that_begins_in_the_middle_of_it_counts_it_once_too() {
    let (mut frames, captures) = read(Path::new(&fixture("data-syn-lost-in-transit/fires-lab-nat.pcapng")));
    // Behind the login, before the first PORT.
    let port = frames.iter().position(|frame| frame.bytes.windows(5).any(|bytes| bytes == b"PORT ")).expect("a PORT");
    frames.drain(..port);
    renumber(&mut frames);
    let transfers = observed(&frames, &captures).transfers;
    assert_eq!(transfers, ["LIST completed", "LIST failed", "LIST completed"]);
}
