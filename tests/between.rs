//! `--report-between FROM TO`: windows of time that follow each other tell everything once.

mod kit;

use std::collections::BTreeMap;
use std::process::{Command, Output};

use serde_json::Value;

const CAPTURE: &str = "fixtures/time-wait-collision/fires-lab-vsftpd-three-tries.pcap";

/// `FTPWHY_PROGRAM` names another build of the same source: this starts many of them.
fn ftpwhy(arguments: &[&str]) -> Output {
    let program = std::env::var_os("FTPWHY_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ftpwhy").into());
    let mut command = Command::new(program);
    command.current_dir(kit::root()).arg("--isolated").args(arguments).output().expect("ftpwhy runs")
}

fn json(arguments: &[&str]) -> Value {
    let output = ftpwhy(&[&["--json"], arguments].concat());
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// How often each finding, and each transfer of a session, is told in these documents. Each run numbers its causes anew.
fn told(documents: &[Value]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    let mut tell = |what: String| *told.entry(what).or_insert(0) += 1;
    for document in documents {
        for finding in document["findings"].as_array().expect("findings") {
            let mut finding = finding.clone();
            finding["cause"] = Value::Null;
            tell(finding.to_string());
        }
        for session in document["sessions"].as_array().expect("sessions") {
            for transfer in session["transfers"].as_array().expect("transfers") {
                tell(format!("{} {transfer}", session["id"]));
            }
        }
    }
    told
}

/// The sums of what documents count.
fn counted(documents: &[Value]) -> BTreeMap<String, u64> {
    let mut counted = BTreeMap::new();
    for document in documents {
        for (what, count) in document["summary"].as_object().expect("a summary") {
            *counted.entry(what.clone()).or_insert(0) += count.as_u64().unwrap_or(0);
        }
    }
    counted
}

/// A capture from a script that goes on for minutes, and all other captures of the fixtures.
fn captures() -> Vec<String> {
    let all = kit::files_below(&kit::root().join("fixtures"), &[".pcap", ".pcapng"]);
    assert!(all.len() > 100, "the fixtures are gone");
    all.iter().map(|path| path.to_str().expect("UTF-8").to_owned()).collect()
}

#[test]
fn windows_that_follow_each_other_tell_everything_once() {
    let mut parted = 0;
    for capture in captures() {
        let output = ftpwhy(&["--json", &capture]);
        let Ok(whole) = serde_json::from_slice::<Value>(&output.stdout) else { continue };
        let moment = |field: &str| whole["captures"][0][field].as_str()?.parse::<jiff::Timestamp>().ok();
        let (Some(first), Some(last)) = (moment("first"), moment("last")) else { continue };
        let third = (last.as_nanosecond() - first.as_nanosecond()) / 3;
        let cut = |part: i128| {
            let at = jiff::Timestamp::from_nanosecond(first.as_nanosecond() + part * third).expect("a time");
            format!("{at:.9}")
        };
        // Nothing is before and behind everything, whatever clocks do within the capture.
        let cuts = ["1970-01-01".to_owned(), cut(1), cut(2), "2262-01-01".to_owned()];
        if cuts.windows(2).any(|window| window[0] >= window[1]) {
            continue;
        }
        let windows: Vec<Value> =
            cuts.windows(2).map(|window| json(&["--report-between", &window[0], &window[1], &capture])).collect();
        assert_eq!(told(&windows), told(std::slice::from_ref(&whole)), "{capture}");
        assert_eq!(counted(&windows), counted(std::slice::from_ref(&whole)), "{capture}");
        parted +=
            usize::from(windows.iter().filter(|window| window["findings"] != Value::Array(Vec::new())).count() > 1);
    }
    assert!(parted > 20, "findings lie in several windows of {parted} captures");
}

#[test]
fn the_exit_status_is_that_of_the_window() {
    let status = |window: [&str; 2]| ftpwhy(&["--report-between", window[0], window[1], CAPTURE]).status.code();
    assert_eq!(status(["1970-01-01", "2262-01-01"]), Some(1));
    assert_eq!(status(["1970-01-01", "1970-01-02"]), Some(0), "nothing belongs to it");
    let output = ftpwhy(&["--report-between", "1971-01-01", "1970-01-02", CAPTURE]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("--report-between: TO has to be later than FROM"), "{said}");
}
