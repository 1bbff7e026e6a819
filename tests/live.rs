//! `ftpwhy live` on real traffic: servers and clients in network namespaces that the lab makes and removes.
//!
//! Needs root, `ip`, `nft`, `vsftpd`, `tcpdump`, `curl`, `python3` and the lab's user; without them each test says so
//! and passes.

#![cfg(all(feature = "live", target_os = "linux"))]

mod kit;

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use kit::child::Guard;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

/// Why the lab cannot be had here; looked up once, for tests run side by side.
fn missing() -> Option<String> {
    static MISSING: OnceLock<Option<String>> = OnceLock::new();
    MISSING.get_or_init(look_for_lab).clone()
}

fn look_for_lab() -> Option<String> {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return Some("not root".to_owned());
    }
    for (program, argument) in
        [("ip", "-V"), ("nft", "-v"), ("vsftpd", "-v"), ("tcpdump", "--version"), ("curl", "-V"), ("python3", "-V")]
    {
        if Command::new(program).arg(argument).output().is_err() {
            return Some(format!("no {program}"));
        }
    }
    let user = Command::new("id").arg("labftp").output().is_ok_and(|output| output.status.success());
    let namespaces = || {
        let name = format!("ftpwhy-{}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &name]).status().is_ok_and(|status| status.success());
        let _ = Command::new("ip").args(["netns", "del", &name]).status();
        made
    };
    match (user, namespaces()) {
        (false, _) => Some("no user labftp (tests/lab/setup.sh)".to_owned()),
        (_, false) => Some("network namespaces cannot be made".to_owned()),
        (true, true) => None,
    }
}

/// What a lab run gave.
struct Run {
    _folder: Option<tempfile::TempDir>,
    path: PathBuf,
    status: i64,
    /// Time of arrival and content of each line of the report.
    lines: Vec<(f64, Value)>,
    notes: Vec<String>,
    /// When it was told to end, or what it reads ended.
    ended: f64,
    facts: Value,
}

impl Run {
    /// Runs a scenario of `tests/lab/live.py`; `None` where that cannot be.
    fn of(scenario: &str, options: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let run = Self::within(scenario, options, folder.path())?;
        Some(Self { _folder: Some(folder), ..run })
    }

    /// Likewise, in a folder of the caller's.
    fn within(scenario: &str, options: &[&str], folder: &Path) -> Option<Self> {
        if let Some(why) = missing() {
            eprintln!("skipped: {why}");
            return None;
        }
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/live.py");
        let output = Command::new("timeout")
            .args(["90", "python3"])
            .arg(script)
            .arg(scenario)
            .arg(folder)
            .arg(PROGRAM)
            .args(options)
            .output()
            .expect("the lab runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let result = text.lines().last().and_then(|line| serde_json::from_str::<Value>(line).ok());
        let result = result.unwrap_or_else(|| panic!("{scenario}: {text}{}", String::from_utf8_lossy(&output.stderr)));
        let lines = result["lines"]
            .as_array()
            .expect("lines")
            .iter()
            .filter_map(|line| Some((line[0].as_f64()?, serde_json::from_str(line[1].as_str()?).ok()?)));
        let notes =
            result["notes"].as_array().expect("notes").iter().filter_map(|note| note.as_str().map(str::to_owned));
        Some(Self {
            status: result["status"].as_i64().unwrap_or(-1),
            lines: lines.collect(),
            notes: notes.collect(),
            ended: result["ended"].as_f64().unwrap_or(f64::INFINITY),
            facts: result["facts"].clone(),
            path: folder.to_owned(),
            _folder: None,
        })
    }

    fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a (f64, Value)> {
        self.lines.iter().filter(move |(_, line)| line["type"] == kind)
    }

    /// What holds at the end: diagnosis, session, transfer, role, confidence.
    fn holds(&self) -> BTreeSet<String> {
        let mut holds = Vec::new();
        for (_, line) in &self.lines {
            match line["type"].as_str() {
                Some("finding") => holds.push(line.clone()),
                Some("superseded") => {
                    let at = holds.iter().position(|finding: &Value| {
                        let hosts = line["hosts"].as_array().is_some_and(|hosts| !hosts.is_empty());
                        finding["diagnosis"] == line["diagnosis"]
                            && finding["session"] == line["session"]
                            && (!hosts || finding["hosts"] == line["hosts"])
                    });
                    holds.remove(at.expect("only what was said is superseded"));
                }
                _ => {}
            }
        }
        holds.iter().map(signature).collect()
    }

    /// The findings of the saved capture of the same run, with the facts that were saved beside it.
    fn saved(&self) -> BTreeSet<String> {
        let (capture, facts) = (self.path("run.pcapng"), self.path("run.facts.json"));
        let mut arguments = vec!["--format", "ndjson", &capture];
        if Path::new(&facts).exists() {
            arguments.extend(["--facts", &facts]);
        }
        let output = ftpwhy(&arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
        lines.filter(|line| line["type"] == "finding").map(|finding| signature(&finding)).collect()
    }

    /// When a diagnosis was first told.
    fn tells(&self, diagnosis: &str) -> f64 {
        let told = self.of_type("finding").find(|(_, finding)| finding["diagnosis"] == diagnosis);
        told.unwrap_or_else(|| panic!("no {diagnosis}: {:?}", self.lines)).0
    }

    fn path(&self, name: &str) -> String {
        self.path.join(name).to_string_lossy().into_owned()
    }

    /// Seconds from the last frame a finding cites to the moment at which it was printed.
    fn latency(&self, diagnosis: &str) -> f64 {
        let (printed, finding) =
            self.of_type("finding").find(|(_, finding)| finding["diagnosis"] == diagnosis).expect("it was found");
        let evidence = finding["evidence"].as_array().expect("evidence");
        let times = evidence.iter().filter_map(|one| one["time"].as_str()?.parse::<jiff::Timestamp>().ok());
        #[expect(clippy::cast_precision_loss, reason = "seconds are looked at, not nanoseconds")]
        let last = times.max().expect("a time").as_nanosecond() as f64 / 1e9;
        printed - last
    }
}

fn signature(finding: &Value) -> String {
    ["diagnosis", "session", "transfer", "role", "confidence"].map(|key| finding[key].to_string()).join(" ")
}

fn ftpwhy(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).output().expect("runs")
}

#[test]
fn a_collision_is_warned_of_and_told_within_half_a_second() {
    let Some(run) = Run::of("collision", &[]) else { return };
    let names: Vec<&str> = run.of_type("finding").filter_map(|(_, line)| line["diagnosis"].as_str()).collect();
    assert_eq!(names.first(), Some(&"port-reused-within-2msl"), "{names:?}");
    assert!(names.contains(&"time-wait-collision"), "{names:?}");
    let superseded: Vec<_> = run.of_type("superseded").collect();
    assert_eq!(superseded.len(), 1);
    assert_eq!(superseded[0].1["by"], "time-wait-collision");
    let latency = run.latency("time-wait-collision");
    assert!((0.0..0.5).contains(&latency), "{latency} s after the 425");
    assert_eq!(run.holds(), run.saved());
    assert_eq!(run.status, 1);
}

#[test]
fn this_hosts_kernel_proves_a_collision_while_it_happens() {
    for (options, confidence) in [(&[][..], "proven"), (&["--no-facts"], "probable")] {
        let Some(run) = Run::of("collision", options) else { return };
        let told = run.of_type("finding").find(|(_, finding)| finding["diagnosis"] == "time-wait-collision");
        let (_, finding) = told.unwrap_or_else(|| panic!("{:?}", run.lines));
        assert_eq!(finding["confidence"], confidence, "{finding}");
        let evidence = finding["evidence"].as_array().expect("evidence");
        let hosts: Vec<&Value> = evidence.iter().filter(|one| one["kind"] == "host").collect();
        assert_eq!(hosts.len(), usize::from(options.is_empty()), "{hosts:?}");
        assert!(hosts.iter().all(|one| one["source"] == "this host"), "{hosts:?}");
        // They are kept beside the capture.
        assert_eq!(Path::new(&run.path("run.facts.json")).exists(), options.is_empty());
    }
}

#[test]
fn this_hosts_kernel_proves_a_collision_with_a_connection_that_nobody_captured() {
    for (options, diagnosis, confidence) in
        [(&[][..], "time-wait-collision", "proven"), (&["--no-facts"], "data-syn-never-sent", "probable")]
    {
        let Some(run) = Run::of("unseen_collision", options) else { return };
        let (found, _, message) = error(&run);
        assert_eq!(found, diagnosis, "{message}");
        let holds = run.holds();
        assert!(holds.iter().any(|held| held.contains(diagnosis) && held.contains(confidence)), "{holds:?}");
        assert_eq!(holds, run.saved());
    }
}

#[test]
fn other_faults_are_told_as_from_a_file() {
    let faults = [
        ("refused", "data-syn-refused"),
        ("dropped", "data-syn-unanswered"),
        ("wrong_interface", "port-foreign-address"),
        ("weak_end_system", "data-wrong-source-address"),
        ("real_client", "time-wait-collision"),
    ];
    for (scenario, diagnosis) in faults {
        let Some(run) = Run::of(scenario, &[]) else { return };
        assert!(run.tells(diagnosis) < run.ended, "{scenario}: told before the capture ends");
        assert_eq!(run.holds(), run.saved(), "{scenario}");
    }
}

#[test]
fn addresses_and_routes_are_those_of_the_day() {
    let Some(run) = Run::of("new_address", &[]) else { return };
    let facts: Value =
        serde_json::from_slice(&std::fs::read(run.path("run.facts.json")).expect("facts")).expect("JSON");
    let lists = |key: &str, field: &str, value: &str| {
        facts[key].as_array().expect("a list").iter().any(|one| one[field] == value)
    };
    assert!(lists("addresses", "address", "10.2.0.77") && lists("routes", "network", "10.77.0.0"), "{facts}");
    assert!(facts["sysctls"]["net.ipv4.tcp_timestamps"].is_string(), "settings are kept: {facts}");
}

#[cfg(feature = "tls")]
#[test]
fn ftps_is_judged_with_keys_that_are_written_while_it_is_captured_and_no_file_has_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    std::fs::write(path("keys"), "").expect("an empty key log");
    let [keys, evidence, metrics] = ["keys", "evidence", "metrics"].map(path);
    // The hello of a data connection is a part of its bytes.
    let options = ["--full-data", "--keylog", &keys, "--evidence", &evidence, "--metrics-file", &metrics];
    let Some(run) = Run::within("keylog", &options, folder.path()) else { return };
    assert_eq!(run.facts[0], 0, "curl lists: {:?}", run.facts);
    let sessions: Vec<&Value> = run.of_type("session").map(|(_, session)| session).collect();
    assert!(sessions.iter().all(|session| session["tls"]["decrypted"] == true), "{sessions:?}");
    let commands = |session: &Value| session["transfers"][0]["command"].as_str().map(str::to_owned);
    let commands: BTreeSet<String> = sessions.iter().filter_map(|session| commands(session)).collect();
    assert_eq!(commands, ["LIST", "RETR"].map(str::to_owned).into(), "{sessions:?}");
    // The server wants data connections to resume the session, which ftplib does not; the last client's file is missing.
    assert!(run.tells("tls-session-reuse-required") < run.ended);
    let holds = run.holds();
    let reuse = holds.iter().find(|held| held.starts_with("\"tls-session-reuse-required\"")).expect("it holds");
    assert!(reuse.ends_with("\"proven\""), "{holds:?}");
    assert!(holds.iter().any(|held| held.starts_with("\"command-refused\"")), "{holds:?}");
    // Without them nothing of it is known.
    let saved = run.saved();
    assert!(
        saved.iter().any(|held| held.starts_with("\"tls-control-opaque\"")),
        "the recording carries no keys: {saved:?}"
    );

    let log = std::fs::read_to_string(&keys).expect("a key log");
    let secrets: Vec<&str> =
        log.lines().filter_map(|line| line.split(' ').nth(2).filter(|_| !line.starts_with('#'))).collect();
    assert!(secrets.len() > 10, "{log}");
    let octets = |hex: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).expect("hex");
    let secrets: Vec<(String, Vec<u8>)> = secrets.iter().map(|hex| (hex.to_lowercase(), octets(hex))).collect();
    let written = kit::files_below(folder.path(), &[".pcapng", ".json", "metrics"]);
    let in_evidence = written.iter().filter(|file| file.starts_with(&evidence)).count();
    assert!(in_evidence > 0 && written.len() >= in_evidence + 3, "{written:?}");
    let report: String = run.lines.iter().map(|(_, line)| line.to_string()).chain(run.notes.iter().cloned()).collect();
    let texts = written.iter().map(|file| std::fs::read(file).expect("readable")).chain([report.into_bytes()]);
    for (number, text) in texts.enumerate() {
        let lower = String::from_utf8_lossy(&text).to_lowercase();
        for (hex, octets) in &secrets {
            let has_octets = text.windows(octets.len()).any(|window| window == octets);
            assert!(!has_octets && !lower.contains(hex), "a key is in {:?}", written.get(number));
        }
        assert!(!lower.contains("labpw"), "a password is in {:?}", written.get(number));
    }
}

/// The one error of a scenario: its name, where it is, its message.
fn error(run: &Run) -> (String, Option<String>, String) {
    let errors: Vec<&Value> = run.of_type("finding").map(|(_, finding)| finding).collect();
    let errors: Vec<&&Value> = errors.iter().filter(|finding| finding["severity"] == "error").collect();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    let text = |key: &str| errors[0][key].as_str().map(str::to_owned);
    (text("diagnosis").expect("a name"), text("where"), text("message").expect("a message"))
}

#[test]
fn an_end_that_is_this_host_is_known_by_its_address() {
    for (scenario, diagnosis, place, headline) in [
        ("kept_at_server", "data-syn-never-sent", Some("this-host"), "this host did not send it"),
        ("dropped", "data-syn-unanswered", None, "the SYNs left this host"),
        ("dropped_at_client", "data-syn-unanswered", Some("this-filter"), "its filter or its backlog, not the network"),
        ("dropped_before_server", "pasv-syn-not-seen", Some("path"), "neither this host nor its filter"),
        // A router is neither end.
        ("dropped_at_router", "data-syn-unanswered", None, "nothing came back"),
    ] {
        let Some(run) = Run::of(scenario, &[]) else { return };
        let (found, at, message) = error(&run);
        assert_eq!((found.as_str(), at.as_deref()), (diagnosis, place), "{scenario}: {message}");
        assert!(message.contains(headline), "{scenario}: {message}");
        assert_eq!(message.contains("this host"), scenario != "dropped_at_router", "{message}");
        // The file names the interface's addresses too.
        assert_eq!(run.holds(), run.saved(), "{scenario}");
        let saved = ftpwhy(&["--format", "concise", &run.path("run.pcapng")]);
        assert!(String::from_utf8_lossy(&saved.stdout).contains(headline), "{scenario}");
    }
}

#[test]
fn syns_without_answer_are_told_before_the_transfer_has_failed() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_string_lossy().into_owned();
    let Some(run) = Run::of("dropped_by_server", &["--evidence", &folder]) else { return };
    let (found, place, message) = error(&run);
    assert_eq!((found.as_str(), place.as_deref()), ("pasv-connect-failed", Some("this-filter")), "{message}");
    let pending: Vec<&(f64, Value)> = run.of_type("pending").collect();
    let open: Vec<&(f64, Value)> = pending.iter().copied().filter(|(_, line)| line["state"] == "open").collect();
    // How many they are by then is the client's system's business.
    for (_, line) in open.get(..2).expect("told again with the next SYN") {
        let (syns, seconds) = (&line["syns"], line["seconds"].as_f64().expect("seconds"));
        assert_eq!(line["message"], format!("session 1 LIST: {syns} SYNs unanswered for {seconds:.0} s"));
    }
    assert!(open[1].0 < run.tells("pasv-connect-failed"));
    let last = &pending.last().expect("told").1;
    assert_eq!((&last["state"], &last["by"]), (&"ended".into(), &"pasv-connect-failed".into()));
    // The frames are in the evidence by these numbers.
    let case = std::fs::read_dir(&folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let case = case.into_iter().find(|path| path.to_string_lossy().contains("pasv-connect-failed")).expect("a file");
    let text = String::from_utf8_lossy(&std::fs::read(case).expect("readable")).into_owned();
    for frame in last["frames"].as_array().expect("frames") {
        assert!(text.contains(&format!("frame {frame} of the capture")), "{frame}");
    }
}

#[test]
fn an_interrupt_prints_the_transfers() {
    let Some(run) = Run::of("table", &[]) else { return };
    let lines: Vec<&str> = run.facts.as_array().expect("lines").iter().filter_map(Value::as_str).collect();
    let header = lines.iter().position(|line| line.starts_with("session ")).expect("a table");
    let rows = lines[header + 2..].join("\n");
    assert!(rows.contains("1.1") && rows.contains("completed"), "{rows}");
    assert!(rows.contains("1.2") && rows.contains("2 transfers in 1 session"), "{rows}");
}

#[test]
fn what_is_found_about_hosts_is_told_while_the_capture_goes_on() {
    for (scenario, diagnosis) in [
        ("mac_change", "mac-changed"),
        ("source_spoof", "source-spoof-mismatch"),
        ("source_spoof_any", "source-spoof-mismatch"),
    ] {
        let Some(run) = Run::of(scenario, &[]) else { return };
        assert!(run.tells(diagnosis) < run.ended, "{scenario}");
        assert_eq!(run.holds(), run.saved(), "{scenario}");
    }
}

#[test]
fn several_interfaces_are_one_capture() {
    let Some(run) = Run::of("several", &[]) else { return };
    assert!(run.tells("time-wait-collision") < run.ended);
    assert_eq!(run.holds(), run.saved());
    let interfaces = run.lines.last().expect("a summary").1["captures"][0]["interfaces"].clone();
    let names: Vec<&str> =
        interfaces.as_array().expect("interfaces").iter().filter_map(|one| one["name"].as_str()).collect();
    assert_eq!(names, ["rc", "rs"]);
}

#[test]
fn any_goes_on_when_an_interface_is_made_again() {
    let Some(run) = Run::of("any", &[]) else { return };
    assert_eq!(run.of_type("session").count(), 2, "one before, one behind");
    assert!(run.tells("time-wait-collision") < run.ended);
    assert_eq!(run.holds(), run.saved());
    let interface = &run.lines.last().expect("a summary").1["captures"][0]["interfaces"][0];
    assert_eq!(interface["link_type"], "LINUX_SLL2", "each packet names its interface");
}

#[test]
fn one_of_two_interfaces_may_go_away() {
    let Some(run) = Run::of("one_of_two", &[]) else { return };
    let notes = run.notes.join("\n");
    assert!(notes.contains("rc was removed") && notes.contains("rs was removed"), "{notes}");
    assert_eq!((&run.facts["alive"], &run.facts["sessions"]), (&true.into(), &1.into()), "the other goes on");
    assert_eq!(run.status, 2, "the capture is not complete");
}

#[test]
fn a_second_interrupt_ends_it_at_once() {
    let Some(run) = Run::of("interrupt", &[]) else { return };
    assert_eq!((&run.facts["still"], &run.facts["status"]), (&true.into(), &130.into()));
}

#[test]
fn what_tcpdump_writes_to_a_pipe_is_judged_as_it_comes() {
    let Some(run) = Run::of("pipe", &[]) else { return };
    assert!(run.tells("port-reused-within-2msl") < run.tells("time-wait-collision"));
    assert!(run.tells("time-wait-collision") < run.ended);
    assert_eq!(run.holds(), run.saved());
    assert_eq!(run.status, 1);
}

#[test]
fn evidence_is_an_annotated_capture() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_string_lossy().into_owned();
    let Some(run) = Run::of("collision", &["--evidence", &folder, "--metrics-file", &format!("{folder}/m.prom")])
    else {
        return;
    };
    let mut names: Vec<String> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let case = names.iter().find(|name| name.contains("time-wait-collision")).expect("a file for the finding");
    let bytes = std::fs::read(format!("{folder}/{case}")).expect("readable");
    let text = String::from_utf8_lossy(&bytes).into_owned();
    assert!(text.contains("time-wait-collision: 425 "), "the reply carries a comment");
    let findings = ftpwhy(&["--format", "concise", "-q", &format!("{folder}/{case}")]);
    assert!(String::from_utf8_lossy(&findings.stdout).contains("error[time-wait-collision]"));
    let metrics = std::fs::read_to_string(format!("{folder}/m.prom")).expect("metrics");
    assert!(metrics.contains("ftpwhy_findings_total{diagnosis=\"time-wait-collision\"} 1"), "{metrics}");
    assert!(run.notes.iter().any(|note| note.contains("capturing on s0")), "{:?}", run.notes);
}

#[test]
fn privileges_are_gone_before_packets_are_looked_at() {
    let Some(run) = Run::of("privileges", &["-Z", "labftp"]) else { return };
    for set in ["CapEff", "CapPrm", "CapInh", "CapBnd", "CapAmb"] {
        assert_eq!(run.facts[set], "0000000000000000", "{set}");
    }
    assert_eq!(run.facts["NoNewPrivs"], "1");
    assert!(run.facts["Uid"].as_str().is_some_and(|uid| !uid.split_whitespace().any(|id| id == "0")), "{}", run.facts);
    assert_eq!(run.facts["threads_differ"], false, "every thread is as confined as the first");
}

#[test]
fn nothing_is_written_outside_the_directories_that_were_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let inner = folder.path().join("inner");
    let kept = folder.path().join("kept");
    for folder in [&inner, &kept] {
        std::fs::create_dir(folder).expect("a folder");
    }
    // Where a link leads to at the start may be written.
    std::os::unix::fs::symlink(kept.join("m.prom"), inner.join("m.prom")).expect("a link");
    let metrics = inner.join("m.prom").to_string_lossy().into_owned();
    let Some(run) = Run::within("confined", &["--metrics-file", &metrics], &inner) else { return };
    let notes = run.notes.join("\n");
    if notes.contains("no Landlock") {
        return eprintln!("skipped: {notes}");
    }
    assert_eq!(run.facts["written"], true, "{notes}");
    assert!(std::fs::read_to_string(kept.join("m.prom")).expect("metrics").contains("ftpwhy_packets_total"));
    assert_eq!((&run.facts["escaped"], &run.facts["ended"]), (&false.into(), &false.into()), "{notes}");
    assert!(notes.contains("could not write") && notes.contains("m.prom"), "{notes}");
    assert!(notes.contains("m.prom is written again"), "nothing ends for want of metrics: {notes}");
    assert_eq!(run.status, 0, "{notes}");
}

#[test]
fn signals_show_reopen_and_end() {
    let Some(run) = Run::of("signals", &["--statistics"]) else { return };
    let notes = run.notes.join("\n");
    assert!(notes.contains(" packets, "), "SIGUSR1 shows the counters: {notes}");
    assert!(notes.contains("TIME-WAIT"), "and the ledger: {notes}");
    assert_eq!(run.facts["reopened"], true, "SIGHUP creates the file that was moved away");
    assert!(run.facts["moved"].as_u64() > Some(0), "frames before it are in the old one");
    assert_eq!(run.status, 0, "SIGTERM ends with the status of --fail-on");
}

#[test]
fn an_interface_may_go_down_and_up_and_away() {
    let Some(run) = Run::of("removal", &[]) else { return };
    let notes = run.notes.join("\n");
    assert!(notes.contains("s0 went down") && notes.contains("s0 is up again"), "{notes}");
    assert!(notes.contains("s0 was removed; the capture continues when it is back"), "{notes}");
    assert_eq!(run.facts["alive"], true, "it may come back");
    assert!(notes.contains("the capture is not complete"), "{notes}");
    assert_eq!(run.status, 2);
}

#[test]
fn an_interface_that_comes_back_is_captured_on_again_without_privileges() {
    let Some(run) = Run::of("comes_back", &["-Z", "labftp"]) else { return };
    let notes = run.notes.join("\n");
    for notice in ["s0 was removed; ", "s0 is back", "s0 is now called lan0"] {
        assert!(notes.contains(notice), "{notice}: {notes}");
    }
    assert!(notes.contains("without promiscuous mode"), "what could not be had again is said: {notes}");
    assert_eq!(run.of_type("session").count(), 4, "one each time: {notes}");
    assert!(run.tells("time-wait-collision") < run.ended);
    let capture = run.lines.last().expect("a summary").1["captures"][0].clone();
    assert_eq!(capture["complete"], false);
    let gaps = capture["gaps"].as_array().expect("gaps");
    assert!(!gaps.is_empty() && gaps.iter().all(|gap| gap["away"] == true && gap["packets"] == 0), "{gaps:?}");
    assert!(run.of_type("finding").any(|(_, finding)| finding["diagnosis"] == "capture-drops"));
    assert_eq!(run.status, 2, "{notes}");
}

/// The names and lengths of files that a scenario saw at one moment.
fn files<'a>(run: &'a Run, moment: &str) -> Vec<(&'a str, u64)> {
    let files = run.facts[moment].as_object().expect("files");
    files.iter().filter_map(|(name, length)| Some((name.as_str(), length.as_u64()?))).collect()
}

/// Those of evidence.
fn cases<'a>(run: &'a Run, moment: &str) -> Vec<&'a str> {
    files(run, moment).into_iter().map(|(name, _)| name).filter(|name| name.starts_with("cases/")).collect()
}

#[test]
fn a_full_device_ends_nothing_and_what_is_missing_is_counted() {
    let Some(run) = Run::of("full", &[]) else { return };
    let notes = run.notes.join("\n");
    assert_eq!(run.facts["alive"], true, "{notes}");
    assert_eq!(run.of_type("session").count(), 7, "all is judged");
    assert!(!cases(&run, "before").is_empty());
    assert_eq!(cases(&run, "full"), cases(&run, "before"), "no room: {notes}");
    assert!(cases(&run, "after").len() > cases(&run, "before").len(), "room again: {notes}");
    for moment in ["full", "after", "end"] {
        let empty: Vec<_> = files(&run, moment).into_iter().filter(|(_, length)| *length == 0).collect();
        assert!(empty.is_empty(), "{moment}: {empty:?}");
    }
    for name in ["cases", "r.pcapng"] {
        let told = [format!("{name}: no space left; the capture continues"), format!("{name} is written again")];
        assert_eq!(told.map(|words| notes.matches(&words).count()), [1, 1], "{name}: once each: {notes}");
    }
    assert!(notes.contains("files are missing"), "{notes}");
    assert_eq!(run.status, 2, "{notes}");
    // What was cut in the middle of a packet went on there.
    let kept: Vec<_> = files(&run, "end").into_iter().filter(|(name, _)| name.ends_with(".pcapng")).collect();
    assert!(kept.iter().any(|(name, _)| name.starts_with("ring/")), "{kept:?}");
    for (name, _) in kept {
        let output = ftpwhy(&["--format", "json", "-q", &run.path(&format!("kept/{name}"))]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(report["captures"][0]["complete"], true, "{name}");
    }
}

#[test]
fn a_directory_that_vanishes_ends_nothing_and_is_written_to_again() {
    let Some(run) = Run::of("vanished", &[]) else { return };
    let notes = run.notes.join("\n");
    assert_eq!(run.of_type("session").count(), 3, "all is judged");
    assert!(!cases(&run, "gone").is_empty(), "a directory of evidence is made again: {notes}");
    let ring = |moment| files(&run, moment).into_iter().filter(|(name, _)| name.starts_with("ring/")).count();
    assert_eq!((ring("before"), ring("gone")), (1, 0));
    assert!(ring("after") > 0, "{notes}");
    assert!(notes.contains("r.pcapng: no such file; the capture continues"), "{notes}");
    assert!(notes.contains("r.pcapng is written again"), "{notes}");
    assert!(files(&run, "end").iter().all(|(_, length)| *length > 0));
    assert_eq!(run.status, 2, "packets are missing in the ring: {notes}");
}

#[test]
fn every_packet_is_judged_or_counted_as_dropped() {
    if let Some(why) = missing() {
        return eprintln!("skipped: {why}");
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lab/load.py");
    for more in [["--interfaces", "vb"], ["--interfaces", "two"], ["--interfaces", "any"], ["--filter", "all"]] {
        let output = Command::new("timeout")
            .args(["90", "python3"])
            .arg(&script)
            .args([PROGRAM, "--rates", "2000,24000", "--seconds", "2"])
            .args(more)
            .output()
            .expect("the lab runs");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (heading, rows) = text.split_once('\n').unwrap_or_else(|| panic!("{output:?}"));
        assert_eq!(rows.lines().count(), 2, "{output:?}");
        for row in rows.lines() {
            let value = |name: &str| {
                let place = heading.split_whitespace().position(|one| one == name).expect("a column");
                row.split_whitespace().nth(place).expect("a value")
            };
            assert_eq!(value("missing"), "0", "{more:?}: {text}");
            // What is dropped is said.
            assert_eq!(value("complete") == "True", value("dropped") == "0", "{more:?}: {text}");
            assert_eq!(value("status") == "2", value("dropped") != "0", "{more:?}: {text}");
        }
    }
}

#[test]
fn a_ring_of_files_stays_a_ring() {
    let Some(run) = Run::of("busy", &["-b", "filesize:4", "-b", "files:3"]) else { return };
    let files: Vec<_> = std::fs::read_dir(&run.path)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcapng"))
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
}

/// A capture in which a transfer collides with TIME-WAIT.
fn collision() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/time-wait-collision/fires-lab-vsftpd.pcap");
    std::fs::read(path).expect("a capture")
}

/// Reads lines until one is a finding of this diagnosis.
fn wait_for(diagnosis: &str, lines: &mut impl Iterator<Item = std::io::Result<String>>) {
    let wanted = format!("\"diagnosis\":\"{diagnosis}\"");
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains(&wanted))), "{diagnosis} was not told");
}

#[test]
fn a_pipe_gives_findings_before_it_ends() {
    let mut program = Command::new(PROGRAM)
        .args(["--format", "ndjson", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let _guard = Guard::of(&program);
    let mut pipe = program.stdin.take().expect("a pipe");
    pipe.write_all(&collision()).expect("written");
    pipe.flush().expect("written");
    let mut lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
    // The pipe is still open.
    wait_for("time-wait-collision", &mut lines);
    drop(pipe);
    assert_eq!(lines.filter(|line| line.as_ref().is_ok_and(|line| line.contains("\"type\":\"summary\""))).count(), 1);
    assert_eq!(program.wait().expect("ends").code(), Some(1));
}

#[test]
fn a_growing_file_gives_findings_as_it_grows() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("growing.pcap");
    let bytes = collision();
    let (now, later) = bytes.split_at(bytes.len() / 2);
    std::fs::write(&path, now).expect("written");
    let mut program = Command::new(PROGRAM)
        .args(["--format", "ndjson", "--follow"])
        .arg(&path)
        .stdout(Stdio::piped())
        .spawn()
        .expect("runs");
    let _guard = Guard::of(&program);
    let mut lines = BufReader::new(program.stdout.take().expect("a pipe")).lines();
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("open");
    file.write_all(later).expect("written");
    wait_for("time-wait-collision", &mut lines);
    kit::child::interrupt(&program);
    assert_eq!(program.wait().expect("ends").code(), Some(130));
}

#[test]
fn without_permission_it_says_what_to_do() {
    if let Some(why) = missing() {
        eprintln!("skipped: {why}");
        return;
    }
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all", PROGRAM])
        .args(["live", "-i", "lo", "-a", "duration:1"])
        .output();
    let Ok(output) = output else { return eprintln!("skipped: no setpriv") };
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    if text.contains("failed to execute") {
        return eprintln!("skipped: the program cannot be reached by others");
    }
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains("setcap cap_net_raw=ep") && text.contains("dumpcap -i lo -w - | ftpwhy -"), "{text}");
}
