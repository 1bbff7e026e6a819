//! What many failures have in common: the scripts of `fixtures/_causes`, as JSON, as text and by cause.

#[path = "causes/separates.rs"]
mod by_trait;
mod kit;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use kit::run::analyse;
use serde_json::{Value, json};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

/// The capture of a script.
fn capture(folder: &TempDir, script: &str) -> PathBuf {
    let rendered = kit::render(&kit::root().join(format!("fixtures/_causes/{script}.script"))).expect("a script");
    let path = folder.path().join(format!("{script}.pcap"));
    std::fs::write(&path, rendered.file).expect("written");
    path
}

fn run(arguments: &[&str], paths: &[&Path]) -> Output {
    Command::new(PROGRAM).args(arguments).args(paths).output().expect("the program runs")
}

fn text(arguments: &[&str], paths: &[&Path]) -> String {
    String::from_utf8(run(arguments, paths).stdout).expect("UTF-8")
}

fn document(script: &str) -> Value {
    let folder = TempDir::new().expect("a folder");
    analyse(Path::new(PROGRAM), &capture(&folder, script)).expect("judged").document
}

/// The cause of a diagnosis, and that it is the only one.
fn cause(document: &Value, diagnosis: &str) -> Value {
    let causes = document["causes"].as_array().expect("causes");
    let mut of_it = causes.iter().filter(|cause| cause["diagnosis"] == diagnosis);
    let one = of_it.next().unwrap_or_else(|| panic!("{diagnosis} in {causes:?}")).clone();
    assert!(of_it.next().is_none(), "{causes:?}");
    one
}

fn separates(cause: &Value) -> Vec<[Value; 5]> {
    let separates = cause["separates"].as_array().expect("a list");
    let keys = ["by", "failed_value", "worked_value", "failed", "worked"];
    separates.iter().map(|one| keys.map(|key| one[key].clone())).collect()
}

#[test]
fn three_hundred_failures_alike_are_one_cause() {
    let document = document("one");
    let cause = cause(&document, "data-syn-unanswered");
    assert_eq!(document["causes"].as_array().map(Vec::len), Some(1));
    for (key, value) in [
        ("id", json!(1)),
        ("severity", json!("error")),
        ("locus", json!("server 10.0.9.21:21")),
        ("failed", json!(300)),
        ("comparable", json!(300)),
        ("sessions", json!(300)),
        ("servers", json!(["10.0.9.21:21"])),
        ("findings", json!({"count": 300, "examples": [0, 1, 2]})),
        ("separates", json!([])),
        ("turn", Value::Null),
    ] {
        assert_eq!(cause[key], value, "{key}");
    }
    assert_eq!(cause["clients"]["count"], 300);
    assert_eq!(cause["clients"]["prefix"], "10.1.0.0/22");
    let findings = document["findings"].as_array().expect("findings");
    assert!(findings.iter().all(|finding| finding["cause"] == 1));
}

#[test]
fn two_causes_in_turns_are_told_apart() {
    let document = document("two");
    assert_eq!(document["causes"].as_array().map(Vec::len), Some(2));
    for (diagnosis, server) in [("data-syn-unanswered", "10.0.9.21:21"), ("data-syn-refused", "10.0.9.22:21")] {
        let cause = cause(&document, diagnosis);
        assert_eq!((&cause["failed"], &cause["servers"]), (&json!(150), &json!([server])));
        assert_eq!((separates(&cause), &cause["turn"]), (Vec::new(), &Value::Null));
    }
}

#[test]
fn a_cause_separates_by_mode() {
    let cause = cause(&document("mode"), "data-syn-unanswered");
    assert_eq!(separates(&cause), [[json!("mode"), json!("active"), json!("passive"), json!(60), json!(60)]]);
    assert_eq!((&cause["failed"], &cause["comparable"], &cause["turn"]), (&json!(60), &json!(120), &Value::Null));
}

#[test]
fn a_cause_separates_by_the_network_of_its_clients() {
    let cause = cause(&document("network"), "data-syn-unanswered");
    let expected = ["client-network", "10.1.1.0/26", "10.2.1.0/26"].map(Value::from);
    let [by, failed, worked] = expected;
    assert_eq!(separates(&cause), [[by, failed, worked, json!(40), json!(40)]]);
    assert_eq!(cause["turn"], Value::Null);
}

#[test]
fn a_turn_in_time_has_the_change_before_it_as_a_lead() {
    let document = document("turn");
    let cause = cause(&document, "data-syn-unanswered");
    assert_eq!(separates(&cause), Vec::<[Value; 5]>::new());
    let turn = &cause["turn"];
    assert_eq!((&turn["before_worked"], &turn["after_failed"]), (&json!(41), &json!(60)));
    let lead = turn["lead"].as_str().expect("a lead");
    assert!(lead.starts_with("mac-changed: 10.0.9.21 moved from 02:00:00:00:00:15 to 02:00:00:00:00:99"), "{lead}");
}

#[test]
fn a_turn_without_an_event_has_no_lead() {
    let cause = cause(&document("turn-without-event"), "data-syn-unanswered");
    assert_eq!(separates(&cause), Vec::<[Value; 5]>::new());
    assert_eq!((&cause["turn"]["before_worked"], &cause["turn"]["lead"]), (&json!(41), &Value::Null));
}

#[test]
fn of_few_failures_and_of_those_that_are_spread_evenly_nothing_is_said() {
    for (script, diagnosis, failed) in [("few", "data-syn-unanswered", 3), ("even", "command-refused", 80)] {
        let cause = cause(&document(script), diagnosis);
        assert_eq!(cause["failed"], failed, "{script}");
        assert_eq!((separates(&cause), &cause["turn"]), (Vec::new(), &Value::Null), "{script}");
    }
}

#[test]
fn a_screen_tells_two_causes_and_300_failures() {
    let folder = TempDir::new().expect("a folder");
    let capture = capture(&folder, "two");
    for width in ["80", "120"] {
        let text = text(&["--isolated", "--format", "full", "--width", width], &[&capture]);
        assert!(text.lines().count() <= 50, "{} lines at {width}:\n{text}", text.lines().count());
        for told in
            ["cause 1: all 150 transfers failed, in 150 sessions of 150 clients", "(--cause 2 shows all)", "2 causes"]
        {
            assert!(text.contains(told), "{told}:\n{text}");
        }
    }
}

#[test]
fn what_separates_and_since_when_is_said_in_full() {
    let folder = TempDir::new().expect("a folder");
    for (script, told) in [
        ("mode", "- all 60 failures are active; 60 of 60 passive transfers worked\n"),
        (
            "network",
            "- all 40 failures are of clients in 10.1.1.0/26; 40 of 40 transfers of clients in 10.2.1.0/26 worked\n",
        ),
        (
            "turn",
            "- all 41 before 12:00:13.385 worked, all 60 from then on failed\n  - shortly before, a lead and no proof: mac-changed",
        ),
    ] {
        let text = text(&["--isolated", "--format", "full", "--width", "400"], &[&capture(&folder, script)]);
        assert!(text.contains(told), "{script}:\n{text}");
    }
    let text = text(&["--isolated", "--format", "full"], &[&capture(&folder, "few")]);
    assert!(!text.contains("failures are") && !text.contains("before"), "{text}");
}

#[test]
fn a_line_a_finding_or_a_line_a_cause() {
    let folder = TempDir::new().expect("a folder");
    let capture = capture(&folder, "two");
    let lines = |arguments: &[&str]| text(&[&["--isolated", "--quiet"], arguments].concat(), &[&capture]);
    assert_eq!(lines(&[]).lines().count(), 300);
    let by_cause = lines(&["--by", "cause"]);
    assert_eq!(by_cause.lines().count(), 2, "{by_cause}");
    assert!(by_cause.contains("data-syn-refused] the data SYN was refused by a RST: 150 transfers, server 10.0.9.22:21 (cause 2, 150 of 150)"), "{by_cause}");
    let totals = text(&["--isolated", "--format", "table"], &[&capture]);
    assert!(
        totals.contains("(cause 2)") && totals.contains("\ncause 2: 150 data-syn-refused, server 10.0.9.22:21\n"),
        "{totals}"
    );
}

#[test]
fn one_cause_can_be_reported_listed_and_extracted_alone() {
    let folder = TempDir::new().expect("a folder");
    let capture = capture(&folder, "two");
    let report: Value =
        serde_json::from_str(&text(&["--isolated", "--json", "--cause", "2"], &[&capture])).expect("JSON");
    assert_eq!(report["causes"].as_array().map(Vec::len), Some(1));
    assert_eq!((report["summary"]["failed"].as_u64(), report["summary"]["error"].as_u64()), (Some(150), Some(150)));
    assert_eq!(report["sessions"].as_array().map(Vec::len), Some(150));
    assert!(report["findings"].as_array().expect("findings").iter().all(|one| one["diagnosis"] == "data-syn-refused"));
    let sessions = text(&["sessions", "--cause", "2"], &[&capture]);
    assert!(sessions.ends_with("150 sessions, 150 transfers, 150 failed\n"), "{sessions}");
    let extract = folder.path().join("extract.pcapng");
    let arguments = ["extract", "--cause", "2", "-w", extract.to_str().expect("UTF-8")];
    assert!(run(&arguments, &[&capture]).status.success());
    let document = analyse(Path::new(PROGRAM), &extract).expect("judged").document;
    assert_eq!((document["causes"].as_array().map(Vec::len), &document["summary"]["failed"]), (Some(1), &json!(150)));
    for command in [vec!["--cause", "3"], vec!["sessions", "--cause", "3"]] {
        let output = run(&command, &[&capture]);
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8_lossy(&output.stderr).contains("no cause 3: the last one is 2"), "{output:?}");
        assert!(output.stdout.is_empty(), "{output:?}");
    }
}

#[test]
fn findings_that_are_left_out_are_counted() {
    let folder = TempDir::new().expect("a folder");
    let capture = capture(&folder, "two");
    let output = run(&["--isolated", "--json", "--max-findings", "7"], &[&capture]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(7));
    assert_eq!((&report["summary"]["error"], &report["summary"]["left_out"]), (&json!(300), &json!(293)));
    assert_eq!(report["causes"][1]["findings"], json!({"count": 150, "examples": [1, 3, 5]}));
    assert!(String::from_utf8_lossy(&output.stderr).contains("(--max-findings): 293"), "{output:?}");
    let concise = text(&["--isolated", "--max-findings", "7"], &[&capture]);
    assert!(concise.contains("\n293 findings not shown (--max-findings)\n"), "{concise}");
}

#[test]
fn lines_of_ndjson_tell_causes_before_the_summary() {
    let folder = TempDir::new().expect("a folder");
    let lines = text(&["--isolated", "--format", "ndjson"], &[&capture(&folder, "two")]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let types: Vec<&str> = lines.iter().rev().take(3).map(|line| line["type"].as_str().expect("a type")).collect();
    assert_eq!(types, ["summary", "cause", "cause"]);
    let findings: Vec<&Value> = lines.iter().filter(|line| line["type"] == "finding").collect();
    for cause in lines.iter().filter(|line| line["type"] == "cause") {
        for example in cause["findings"]["examples"].as_array().expect("examples") {
            let place = usize::try_from(example.as_u64().expect("a number")).expect("an index");
            assert_eq!(findings[place]["cause"], cause["id"]);
        }
    }
}

#[test]
fn a_directory_that_is_judged_file_by_file_has_causes_over_all_files() {
    let folder = TempDir::new().expect("a folder");
    let both = [capture(&folder, "mode"), capture(&folder, "network")];
    let report = text(&["--isolated", "--json", "--per-file"], &[folder.path()]);
    let report: Value = serde_json::from_str(&report).expect("JSON");
    let cause = cause(&report, "data-syn-unanswered");
    assert_eq!((&cause["failed"], both.len()), (&json!(100), 2));
    let captures: std::collections::BTreeSet<u64> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| finding["capture"].as_u64().expect("a capture"))
        .collect();
    assert_eq!(captures.len(), 2);
}

/// A part of a script with another value for each line.
fn scripted(folder: &TempDir, lines: &str) -> PathBuf {
    let hosts = kit::root().join("fixtures/_causes/server.hosts");
    let rendered = kit::render_text(&format!("include {}\n{lines}\n", hosts.display())).expect("a script");
    let path = folder.path().join("scripted.pcap");
    std::fs::write(&path, rendered.file).expect("written");
    path
}

#[test]
fn what_clients_announce_is_their_own_matter_unless_they_announce_alike() {
    let folder = TempDir::new().expect("a folder");
    let client = |host: u8, announced: &str| {
        format!(
            "host C 10.1.1.{host} 02:00:00:00:00:01 ttl 60 lag 20ms\n+100ms @ctl C:1050 S:21\n@port 5001 {announced}\n\
             C> RETR a\nS> 425 Failed to establish connection.\n@quit"
        )
    };
    let causes = |lines: &[String]| -> Vec<String> {
        let capture = scripted(&folder, &lines.join("\n"));
        let document = analyse(Path::new(PROGRAM), &capture).expect("judged").document;
        let all = document["causes"].as_array().expect("causes").iter();
        let of_port = all.filter(|cause| cause["diagnosis"].as_str().is_some_and(|name| name.starts_with("port-")));
        of_port.map(|cause| cause["locus"].as_str().expect("a locus").to_owned()).collect()
    };
    let own = causes(&[client(1, "127.0.0.1"), client(2, "169.254.9.9"), client(2, "169.254.9.9")]);
    assert_eq!(own, ["client 10.1.1.1", "client 10.1.1.2"]);
    let alike = causes(&[client(1, "127.0.0.1"), client(2, "127.0.0.1"), client(3, "127.0.0.1")]);
    assert_eq!(alike, ["announced address 127.0.0.1 at server 10.0.9.21:21"]);
}

/// The loci of the causes of a script whose diagnosis is this, with how many sessions failed by each.
fn failed_by(lines: &str, diagnosis: &str) -> Vec<(String, u64)> {
    let folder = TempDir::new().expect("a folder");
    let document = analyse(Path::new(PROGRAM), &scripted(&folder, lines)).expect("judged").document;
    let all = document["causes"].as_array().expect("causes").iter().filter(|cause| cause["diagnosis"] == diagnosis);
    let one = |cause: &Value| {
        (cause["locus"].as_str().expect("a locus").to_owned(), cause["failed"].as_u64().expect("a count"))
    };
    all.map(one).collect()
}

#[test]
fn a_client_that_tries_accounts_is_one_cause_and_so_is_an_account_of_many_clients() {
    let login = |client: usize, number: usize, account: &str| {
        format!(
            "host C 10.1.1.{client} 02:00:00:00:00:01 ttl 60 lag 20ms\n+100ms @open C:{port} S:21\nuse C:{port} S:21\n\
             S> 220 Ready.\nC> USER {account}\nS> 331 Password.\nC> PASS x\nS> 530 Login incorrect.\n@quit\n",
            port = 2000 + number
        )
    };
    let refused = |lines: String| failed_by(&lines, "login-refused");
    let cause = |locus: &str, failed: u64| (format!("{locus} at server 10.0.9.21:21"), failed);
    let tries = |client: usize, count: usize| (0..count).map(move |n| login(client, n, &format!("user{n}")));
    assert_eq!(refused(tries(9, 200).collect()), [cause("client 10.1.1.9", 200)]);
    let job = |client: usize, count: usize| (0..count).map(move |n| login(client, 500 + n, "backup"));
    assert_eq!(refused(job(5, 20).collect()), [cause("account backup", 20)]);
    assert_eq!(refused((1..=20).flat_map(|client| job(client, 1)).collect()), [cause("account backup", 20)]);
    // An account that somebody tries, too, and that somebody else is refused under; and two who try the same ones.
    let mixed: String = job(5, 3).chain(tries(9, 30)).chain([login(9, 300, "backup"), login(9, 301, "late")]).collect();
    assert_eq!(refused(mixed), [cause("account backup", 4), cause("client 10.1.1.9", 31)]);
    let both: String = tries(8, 30).zip(tries(9, 30)).flat_map(|(one, other)| [one, other]).collect();
    assert_eq!(refused(both).iter().map(|(_, failed)| failed).sum::<u64>(), 60);
}

#[test]
fn all_clients_behind_a_gateway_with_an_old_mac_are_one_cause() {
    let client = |host: usize| {
        format!(
            "host C 10.1.1.{host} 02:00:00:00:00:01 ttl 60 lag 20ms\n+100ms C:1050 > S:21 S\n+1s C:1050 > S:21 again\n\
             +2s C:1050 > S:21 again\n+4s C:1050 > S:21 again\n"
        )
    };
    let moved = "host S 10.0.9.21 02:00:00:00:00:99\n+1s arp S announces\nhost S 10.0.9.21 02:00:00:00:00:15\n+5s ";
    let lines = format!("{moved}{}", (11..=15).map(client).collect::<String>());
    let folder = TempDir::new().expect("a folder");
    let document = analyse(Path::new(PROGRAM), &scripted(&folder, &lines)).expect("judged").document;
    let stale = cause(&document, "mac-stale-peer");
    assert_eq!(stale["locus"], "station 02:00:00:00:00:01", "{stale}");
    assert_eq!(stale["findings"]["count"], 5, "{stale}");
}

#[test]
fn what_several_points_prove_together_has_causes_too() {
    for incident in ["act_syn_drop", "nat_alg_data_drop", "pas_syn_drop"] {
        let folder = kit::root().join("fixtures/_points").join(incident);
        let files = kit::files_below(&folder, &[".pcap"]);
        let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
        let report: Value = serde_json::from_str(&text(&["--isolated", "--json"], &paths)).expect("JSON");
        assert!(report["points"].is_array(), "{incident}: judged as one incident");
        let findings = report["findings"].as_array().expect("findings");
        let verdicts: Vec<&Value> = findings.iter().filter(|finding| finding["role"] == "verdict").collect();
        assert!(!verdicts.is_empty(), "{incident}: {findings:?}");
        for verdict in verdicts {
            let of_it = report["causes"].as_array().expect("causes").iter().find(|one| one["id"] == verdict["cause"]);
            let cause = of_it.unwrap_or_else(|| panic!("{incident}: {verdict}"));
            assert_eq!((&cause["diagnosis"], &cause["failed"]), (&verdict["diagnosis"], &json!(1)), "{incident}");
            let server = report["sessions"][0]["server"].as_str().expect("a server");
            assert_eq!(cause["servers"], json!([server]), "{incident}");
        }
    }
}

#[test]
fn a_baseline_knows_a_cause_and_so_its_next_client() {
    let folder = TempDir::new().expect("a folder");
    let (one, few) = (capture(&folder, "few"), capture(&folder, "one"));
    let baseline = folder.path().join("known.toml");
    let known = baseline.to_str().expect("UTF-8");
    run(&["--isolated", "--write-baseline", known], &[&one]);
    let text = std::fs::read_to_string(&baseline).expect("written");
    assert_eq!(text.matches("[[known]]").count(), 1, "{text}");
    assert!(text.contains("server 10.0.9.21:21"), "{text}");
    let output = run(&["--isolated", "--json", "--baseline", known], &[&few]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["findings"], &report["causes"], output.status.code()), (&json!([]), &json!([]), Some(0)));
}
