//! Captures of one incident at several points: joined where they share connections and only there, counted once, and with
//! clocks that are known as well as they are said to be.
//!
//! `FTPWHY_CAPTURES` names a folder with more captures, `lab/captures` below it; where it is unset, the tests that need it say so and pass.

mod kit;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ftpwhy::points::{Inputs, Why, plan};
use kit::run::schema;
use serde_json::Value;

const PROGRAM: &str = env!("CARGO_BIN_EXE_ftpwhy");

fn fixture(case: &str, file: &str) -> PathBuf {
    kit::root().join("fixtures/_points").join(case).join(file)
}

fn cases() -> Vec<String> {
    let folder = kit::root().join("fixtures/_points");
    let entries = fs::read_dir(folder).expect("fixtures/_points").map(|entry| entry.expect("an entry"));
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// What the program says of these files; its document has to obey the schema.
fn document(arguments: &[&str], files: &[&Path]) -> Value {
    let output = Command::new(PROGRAM)
        .args(["--isolated", "--format", "json"])
        .args(arguments)
        .args(files)
        .output()
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    let document: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{files:?}: {error}\n{said}"));
    let errors: Vec<String> =
        schema(Path::new(PROGRAM)).iter_errors(&document).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{files:?}: {errors:?}");
    document
}

fn both(case: &str) -> Value {
    document(&[], &[&fixture(case, "client.pcap"), &fixture(case, "server.pcap")])
}

/// Whether files are points of one incident; interfaces of one of them do not count.
fn is_joined(files: &[PathBuf]) -> bool {
    plan(&Inputs { files, ..Inputs::default() })
        .groups
        .iter()
        .any(|group| group.why == Why::Points && group.files.len() > 1)
}

/// A pcap file in host order of little-endian machines: its header, and its records with times in nanoseconds.
struct Pcap {
    header: Vec<u8>,
    records: Vec<(i64, Vec<u8>, u32)>,
}

impl Pcap {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("a capture");
        let word = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        assert_eq!(word(0), 0xa1b2_c3d4, "{}", path.display());
        let (mut at, mut records) = (24, Vec::new());
        while at + 16 <= bytes.len() {
            let time = i64::from(word(at)) * 1_000_000_000 + i64::from(word(at + 4)) * 1_000;
            let len = word(at + 8) as usize;
            records.push((time, bytes[at + 16..at + 16 + len].to_vec(), word(at + 12)));
            at += 16 + len;
        }
        Self { header: bytes[..24].to_vec(), records }
    }

    fn write(&self, path: &Path) {
        let mut bytes = self.header.clone();
        for (time, packet, len) in &self.records {
            let word = |number: i64| u32::try_from(number).expect("a time after 1970").to_le_bytes();
            bytes.extend(word(time / 1_000_000_000));
            bytes.extend(word(time % 1_000_000_000 / 1_000));
            bytes.extend(u32::try_from(packet.len()).expect("a short packet").to_le_bytes());
            bytes.extend(len.to_le_bytes());
            bytes.extend(packet);
        }
        fs::write(path, bytes).expect("writes a capture");
    }

    fn shifted(mut self, seconds: f64, ppm: f64) -> Self {
        let first = self.records.first().map_or(0, |(time, _, _)| *time);
        for (time, _, _) in &mut self.records {
            #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "hours in nanoseconds")]
            let by = (seconds * 1e9 + (*time - first) as f64 * ppm * 1e-6) as i64;
            *time += by;
        }
        self
    }
}

#[test]
fn every_incident_is_as_expected() {
    let root = kit::root().join("fixtures");
    let folders = [root.join("_points"), root.join("control-terminated-by-proxy")];
    let output = Command::new(PROGRAM).args(["check", "--isolated"]).args(folders).output().expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.lines().filter(|line| line.starts_with("ok ")).count() > 20, "{said}");
}

#[test]
fn the_order_of_the_files_changes_neither_names_nor_verdict() {
    for case in ["act_syn_drop", "pas_syn_drop", "tproxy_passive", "nat_passive_clean"] {
        let (client, server) = (fixture(case, "client.pcap"), fixture(case, "server.pcap"));
        let told = |document: &Value| {
            let session = &document["sessions"][0];
            let names: BTreeMap<u64, &str> = document["points"]
                .as_array()
                .expect("points")
                .iter()
                .map(|point| (point["id"].as_u64().expect("an id"), point["name"].as_str().expect("a name")))
                .collect();
            let path: Vec<String> = session["points"]
                .as_array()
                .expect("the points of a session")
                .iter()
                .map(|id| names[&id.as_u64().expect("an id")].to_owned())
                .collect();
            (path, session["transfers"][0]["verdict"].clone())
        };
        let one = document(&[], &[&client, &server]);
        let other = document(&[], &[&server, &client]);
        assert_eq!(told(&one), told(&other), "{case}");
        assert_eq!(told(&one).0, ["client", "server"], "{case}");
    }
}

#[test]
fn a_clock_is_known_as_well_as_is_said() {
    let folder = tempfile::tempdir().expect("a directory");
    let clock = |document: &Value| {
        let clock = &document["points"][1]["clock"];
        (clock["offset_s"].as_f64().expect("an offset"), clock["uncertainty_s"].as_f64().expect("an uncertainty"))
    };
    for case in ["act_client_ignores", "clean_asym_delay", "syn_lost_once", "nat_passive_clean", "tuple_reused"] {
        let client = fixture(case, "client.pcap");
        let (before, known) = clock(&both(case));
        for (by, ppm) in [(0.0004, 0.0), (-3.7, 40.0), (611.0, -80.0), (-3600.0, 25.0)] {
            let server = folder.path().join("server.pcap");
            Pcap::read(&fixture(case, "server.pcap")).shifted(by, ppm).write(&server);
            let (offset, uncertainty) = clock(&document(&[], &[&client, &server]));
            let wrong = (offset - before - by).abs();
            // The skew moves the offset by what it adds up to within the capture, some seconds long.
            assert!(
                wrong <= uncertainty.max(known) + ppm.abs() * 1e-6 * 30.0,
                "{case} by {by}: {wrong} beyond {uncertainty}"
            );
        }
    }
}

fn recording_of(path: &Path) -> String {
    path.parent().unwrap_or(path).display().to_string()
}

#[test]
fn captures_of_different_incidents_are_never_joined() {
    let all: Vec<PathBuf> =
        cases().iter().flat_map(|case| [fixture(case, "client.pcap"), fixture(case, "server.pcap")]).collect();
    // One recording, of which the server's side was cut afterwards.
    let case = |path: &Path| recording_of(path).replace("snaplen_syn_drop", "pas_syn_drop");
    for (place, one) in all.iter().enumerate() {
        for other in all.iter().skip(place + 1).filter(|other| case(other) != case(one)) {
            assert!(!is_joined(&[one.clone(), other.clone()]), "{} and {}", one.display(), other.display());
        }
    }
}

#[test]
fn two_halves_are_one_point() {
    let folder = tempfile::tempdir().expect("a directory");
    let whole = Pcap::read(&fixture("syn_lost_once", "server.pcap"));
    let source = |packet: &[u8]| packet.get(26..30).map(<[u8]>::to_vec).unwrap_or_default();
    let mut files = Vec::new();
    for (name, address) in [("up.pcap", [10, 1, 0, 10]), ("down.pcap", [10, 2, 0, 20])] {
        let records = whole.records.iter().filter(|(_, packet, _)| source(packet) == address).cloned().collect();
        let path = folder.path().join(name);
        Pcap { header: whole.header.clone(), records }.write(&path);
        files.push(path);
    }
    let planned = plan(&Inputs { files: &files, ..Inputs::default() });
    assert_eq!(planned.groups.iter().map(|group| group.why).collect::<Vec<_>>(), [Why::Halves]);
    let paths: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let document = document(&[], &paths);
    assert_eq!(document["summary"]["transfers"], 1);
    assert!(document.get("points").is_none());
}

#[test]
fn what_a_point_did_not_record_is_not_lost() {
    let folder = tempfile::tempdir().expect("a directory");
    for (case, keep) in [("act_client_ignores", 0.0..0.5), ("syn_lost_once", 0.5..1.0), ("clean_asym_delay", 0.0..0.5)]
    {
        let mut client = Pcap::read(&fixture(case, "client.pcap"));
        let count = client.records.len();
        #[expect(clippy::cast_precision_loss, reason = "some packets")]
        let share = |place: usize| place as f64 / count as f64;
        let mut place = 0;
        client.records.retain(|_| {
            place += 1;
            keep.contains(&share(place - 1))
        });
        let path = folder.path().join("client.pcap");
        client.write(&path);
        let document = document(&[], &[&path, &fixture(case, "server.pcap")]);
        let named: Vec<&str> = document["findings"]
            .as_array()
            .expect("findings")
            .iter()
            .filter_map(|one| one["diagnosis"].as_str())
            .collect();
        assert!(!named.contains(&"data-syn-lost-in-transit"), "{case}: {named:?}");
        assert!(!named.contains(&"rst-injected"), "{case}: {named:?}");
    }
}

#[test]
fn points_are_named_and_forced_by_the_user() {
    let [one, other] = ["client.pcap", "server.pcap"].map(|file| fixture("act_syn_drop", file));
    let inside = format!("inside={}", one.display());
    let outside = format!("outside={}", other.display());
    let joined = document(&["--point", &inside, "--point", &outside], &[]);
    let names: Vec<&str> =
        joined["points"].as_array().expect("points").iter().filter_map(|point| point["name"].as_str()).collect();
    assert_eq!(names, ["inside", "outside"]);
    assert_eq!(joined["sessions"][0]["transfers"][0]["verdict"], "data-syn-lost-in-transit");
    // Of unrelated captures nothing is said that one has and the other lacks.
    let stranger = format!("outside={}", fixture("pas_never_connects", "server.pcap").display());
    let forced = document(&["--point", &inside, "--point", &stranger], &[]);
    assert_eq!(forced["points"].as_array().map(Vec::len), Some(2));
    assert_eq!(forced["summary"]["transfers"], 2);
    let lost = forced["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .any(|one| one["diagnosis"] == "data-syn-lost-in-transit");
    assert!(!lost);
}

#[test]
fn evidence_names_the_point_and_what_it_lacks() {
    let document = both("act_syn_drop");
    let finding = &document["findings"][0];
    assert_eq!(finding["diagnosis"], "data-syn-lost-in-transit");
    let evidence = finding["evidence"].as_array().expect("evidence");
    let seen =
        evidence.iter().find(|one| one["note"].as_str().is_some_and(|note| note.starts_with("SYN"))).expect("the SYNs");
    assert_eq!(seen["point"], "server");
    let missing = evidence.iter().find(|one| one["kind"] == "missing").expect("an absence");
    assert_eq!(missing["point"], "client");
    assert!(missing["alive_from"].as_str() < missing["alive_to"].as_str());
    let path = document["sessions"][0]["path"].as_array().expect("a path");
    assert_eq!(path.len(), 2);
    assert_eq!(path[1]["lost"], 4, "the SYNs of the server");
}

fn lab() -> Option<PathBuf> {
    let folder = std::env::var_os("FTPWHY_CAPTURES").map(|folder| Path::new(&folder).join("lab/captures"));
    if folder.is_none() {
        println!("skipped: FTPWHY_CAPTURES is not set");
    }
    folder
}

/// The name of a recording without the point.
fn recording(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let stem = name.split('.').next().unwrap_or_default().to_owned();
    format!("{}/{stem}", path.parent().unwrap_or(Path::new("")).display())
}

#[test]
fn random_pairs_of_unrelated_captures_are_not_joined() {
    let Some(lab) = lab() else { return };
    let all = kit::files_below(&lab, &[".pcap", ".pcapng"]);
    // A fixed sequence that looks random: the same pairs in every run.
    let mut state = 7_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        &all[usize::try_from(state >> 33).expect("31 bits") % all.len()]
    };
    let mut pairs = 0;
    while pairs < 500 {
        let (one, other) = (next(), next());
        if recording(one) == recording(other) {
            continue;
        }
        pairs += 1;
        assert!(!is_joined(&[one.clone(), other.clone()]), "{} and {}", one.display(), other.display());
    }
}

#[test]
fn both_sides_of_a_recording_are_joined_and_counted_once() {
    let Some(lab) = lab() else { return };
    let clients = kit::files_below(&lab, &[".client.pcap"]);
    let (mut joined, mut apart) = (0, Vec::new());
    for client in &clients {
        let server = PathBuf::from(client.to_string_lossy().replace(".client.", ".server."));
        if !server.is_file() {
            continue;
        }
        if !is_joined(&[client.clone(), server.clone()]) {
            apart.push(recording(client));
            continue;
        }
        joined += 1;
        let counts = |document: &Value| {
            let transfers = |session: &Value| session["transfers"].as_array().map_or(0, Vec::len);
            let sessions = document["sessions"].as_array().expect("sessions");
            (sessions.len(), sessions.iter().map(transfers).sum::<usize>())
        };
        let alone = [client, &server].map(|file| counts(&document(&[], &[file])));
        let together = counts(&document(&[], &[client, &server]));
        let most = (alone[0].0.max(alone[1].0), alone[0].1.max(alone[1].1));
        assert_eq!(together, most, "{}: {alone:?}", client.display());
    }
    // One pair has no connection in common: another host answered.
    assert!(joined > 100 && apart.len() <= 1, "{joined} joined, not {apart:?}");
}

/// Where the copies of a packet come at once, so that they are known for copies.
#[test]
fn a_merged_timeline_claims_no_place_that_only_one_file_has() {
    let Some(lab) = lab() else { return };
    let files = ["client", "server"].map(|point| lab.join(format!("03_firewall/inetutils_active_drop.{point}.pcap")));
    let alone = document(&[], &[&files[1]]);
    assert_ne!(alone["sessions"][0]["vantage"]["server"], "unknown");
    let merged = document(&["--merge"], &[&files[0], &files[1]]);
    let vantage = &merged["sessions"][0]["vantage"];
    assert_eq!((&vantage["client"], &vantage["server"]), (&"unknown".into(), &"unknown".into()));
    assert!(!merged["findings"].to_string().contains("capture point near"));
}

/// What the program says of these files, whatever it says on standard error.
fn said(arguments: &[&str], files: &[&Path]) -> (String, String) {
    let output =
        Command::new(PROGRAM).arg("--isolated").args(arguments).args(files).output().expect("the program runs");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

/// Runs a subcommand that has to succeed.
fn succeeds(arguments: &[&str], files: &[&Path]) {
    let output = Command::new(PROGRAM).args(arguments).args(files).output().expect("the program runs");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Diagnosis, role, severity and confidence of what is found, but for what limits the capture.
fn findings(document: &Value) -> Vec<String> {
    let all = document["findings"].as_array().expect("findings").iter();
    let told = all.filter(|one| one["severity"] != "quality").map(|one| {
        let told = ["diagnosis", "role", "severity", "confidence", "transfer"].map(|key| one[key].to_string());
        told.join(" ")
    });
    told.collect()
}

fn names(document: &Value) -> Vec<&str> {
    let points = document["points"].as_array().map(Vec::as_slice).unwrap_or_default();
    points.iter().filter_map(|point| point["name"].as_str()).collect()
}

#[test]
fn interfaces_of_one_capture_are_points_with_one_clock() {
    let router = kit::root().join("fixtures/data-syn-lost-in-transit/fires-lab-router.pcapng");
    let joined = document(&[], &[&router]);
    assert_eq!(names(&joined), ["rc", "rs"]);
    assert_eq!(joined["points"][1]["clock"]["offset_s"], 0.0);
    assert_eq!(joined["points"][1]["clock"]["uncertainty_s"], 0.0);
    assert_eq!(joined["sessions"].as_array().map(Vec::len), Some(1));
    assert_eq!(joined["sessions"][0]["points"], serde_json::json!([0, 1]), "the client's side first");
    assert_eq!(joined["summary"]["transfers"], 3);
    assert_eq!(joined["grouping"][0], "2 points: rc (same clock), rs; 3 of 4 connections at both");
    assert_eq!(joined["points"][1]["interface"], 1);
    let lost = joined["findings"].as_array().expect("findings").iter();
    let lost = lost.filter(|one| one["diagnosis"] == "data-syn-lost-in-transit").collect::<Vec<_>>();
    let seen = lost[0]["evidence"].as_array().expect("evidence").iter().filter(|one| one["point"] == "rs");
    assert!(lost.len() == 1 && seen.count() > 0, "{lost:?}");
    let path = joined["sessions"][0]["path"].as_array().expect("a path");
    let lost: Vec<u64> = path.iter().filter_map(|way| way["lost"].as_u64()).collect();
    assert_eq!(lost, [0, 6], "the SYNs came in on rs and did not leave on rc");
    // The file is one capture, whose packets are counted once.
    assert_eq!(joined["captures"].as_array().map(Vec::len), Some(1));
    assert_eq!(joined["captures"][0]["packets"], 132);
    // Interfaces without common connections, and what is to be one timeline, are none.
    let apart = kit::root().join("fixtures/source-spoof-mismatch/fires-lab-forwarded.pcapng");
    assert_eq!(names(&document(&[], &[&apart])), [""; 0]);
    assert_eq!(names(&document(&["--merge"], &[&router])), [""; 0]);
}

#[test]
fn files_of_two_points_in_one_file_are_the_same_incident() {
    let folder = tempfile::tempdir().expect("a directory");
    for case in ["act_syn_drop", "tproxy_passive", "nat_passive_clean", "alg_227_rewritten_wrong"] {
        let files = [fixture(case, "client.pcap"), fixture(case, "server.pcap")];
        let whole = folder.path().join(format!("{case}.pcapng"));
        succeeds(&["extract", "--write", &whole.to_string_lossy()], &[&files[0], &files[1]]);
        let (apart, together) = (both(case), document(&[], &[&whole]));
        assert_eq!(names(&together), ["client", "server"], "{case}");
        assert_eq!(findings(&together), findings(&apart), "{case}");
        assert_eq!(together["summary"]["transfers"], apart["summary"]["transfers"], "{case}");
    }
}

#[test]
fn an_extract_holds_the_incident_of_all_points() {
    let folder = tempfile::tempdir().expect("a directory");
    let apart = both("act_syn_drop");
    let files = [fixture("act_syn_drop", "client.pcap"), fixture("act_syn_drop", "server.pcap")];
    // Of the client's the packets of the session, and the one that shows that it was recording.
    let choices = [(&["--session", "1"][..], [29, 32]), (&["--finding", "1"], [29, 32])];
    for (number, (choice, packets)) in choices.iter().enumerate() {
        let written = folder.path().join(format!("{number}.pcapng"));
        let told = written.to_string_lossy();
        succeeds(&[&["extract", "--write", &told], *choice].concat(), &[&files[0], &files[1]]);
        let again = document(&[], &[&written]);
        assert_eq!(findings(&again), findings(&apart), "{choice:?}");
        let lanes = again["captures"].as_array().expect("captures").iter().map(|one| one["packets"].as_u64());
        assert_eq!(lanes.collect::<Vec<_>>(), packets.map(Some), "{choice:?}");
    }
}

#[test]
fn points_that_are_anonymized_with_one_key_still_match() {
    let folder = tempfile::tempdir().expect("a directory");
    for case in ["act_syn_drop", "nat_alg_data_drop", "tproxy_passive"] {
        let masked: Vec<PathBuf> = ["client", "server"]
            .map(|point| {
                let written = folder.path().join(format!("{case}-{point}.pcapng"));
                let arguments =
                    ["extract", "--anonymize", "--anonymize-key", "00112233445566778899aabbccddeeff", "--write"];
                let arguments: Vec<&str> = arguments.into_iter().chain([written.to_str().expect("text")]).collect();
                succeeds(&arguments, &[&fixture(case, &format!("{point}.pcap"))]);
                written
            })
            .to_vec();
        let anonymous = document(&[], &[&masked[0], &masked[1]]);
        let open = both(case);
        assert_eq!(names(&anonymous), ["client", "server"], "{case}");
        assert_eq!(findings(&anonymous), findings(&open), "{case}");
        assert!(!anonymous.to_string().contains("\"10.1.0.10"), "{case}");
        // Both at once, by one key of its own.
        let together = document(&["--anonymize"], &[&fixture(case, "client.pcap"), &fixture(case, "server.pcap")]);
        assert_eq!(findings(&together), findings(&open), "{case}");
    }
}

#[test]
fn sarif_and_annotated_packets_name_the_point() {
    let files = [fixture("act_syn_drop", "client.pcap"), fixture("act_syn_drop", "server.pcap")];
    let (log, _) = said(&["--format", "sarif"], &[&files[0], &files[1]]);
    let log: Value = serde_json::from_str(&log).expect("SARIF");
    let result = &log["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "data-syn-lost-in-transit");
    assert_eq!(result["locations"][0]["logicalLocations"][0]["name"], "server");
    let notes: Vec<&str> = result["relatedLocations"]
        .as_array()
        .expect("locations")
        .iter()
        .filter_map(|location| location["message"]["text"].as_str())
        .collect();
    assert!(notes.iter().any(|note| note.starts_with("frame 21 at server: SYN")), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with("frame 19 at client: missing from here on")), "{notes:?}");
    let folder = tempfile::tempdir().expect("a directory");
    let written = folder.path().join("annotated.pcapng");
    succeeds(&["extract", "--annotate", "--write", &written.to_string_lossy()], &[&files[0], &files[1]]);
    let bytes = fs::read(&written).expect("written");
    let has = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(has("at server: data-syn-lost-in-transit: SYN, sent 4 times"));
    assert!(has("at client: data-syn-lost-in-transit: between this frame and frame 24"));
    // Of a single point there is nothing to name.
    let (alone, _) = said(&["--format", "sarif"], &[&files[1]]);
    assert!(!alone.contains("logicalLocations") && !alone.contains(" at server"));
}

#[test]
fn a_baseline_of_one_point_says_that_it_cannot_match() {
    let folder = tempfile::tempdir().expect("a directory");
    let files = [fixture("act_syn_drop", "client.pcap"), fixture("act_syn_drop", "server.pcap")];
    let baseline = |name: &str, files: &[&Path]| {
        let path = folder.path().join(name);
        said(&["--write-baseline", &path.to_string_lossy()], files);
        path
    };
    let of_one = baseline("one.toml", &[&files[1]]);
    let compared = |known: &Path| said(&["--baseline", &known.to_string_lossy()], &[&files[0], &files[1]]);
    let (report, beside) = compared(&of_one);
    assert!(report.contains("data-syn-lost-in-transit"), "{report}");
    assert!(beside.contains("1 finding is not in the baseline, which was written from one capture point"), "{beside}");
    let of_both = baseline("both.toml", &[&files[0], &files[1]]);
    let (report, beside) = compared(&of_both);
    assert!(!report.contains("data-syn-lost-in-transit"), "{report}");
    assert!(!beside.contains("one capture point"), "{beside}");
    // One of other trouble has nothing to do with it.
    let of_others = baseline("others.toml", &[&fixture("nat_no_alg_promiscuous", "server.pcap")]);
    assert!(!compared(&of_others).1.contains("one capture point"));
}

#[test]
fn a_merged_timeline_claims_no_place_whatever_the_delay() {
    // 5 ms each way: the second sight of a packet looks like one that was sent again.
    let folder = tempfile::tempdir().expect("a directory");
    let client = fixture("syn_lost_once", "client.pcap");
    let late = folder.path().join("server.pcap");
    Pcap::read(&fixture("syn_lost_once", "server.pcap")).shifted(0.040, 0.0).write(&late);
    let merged = document(&["--merge"], &[&client, &late]);
    for session in merged["sessions"].as_array().expect("sessions") {
        let vantage = &session["vantage"];
        assert_eq!((&vantage["client"], &vantage["server"]), (&"unknown".into(), &"unknown".into()));
    }
    // A rotated set was taken at one place.
    let whole = Pcap::read(&client);
    let (one, two) = (folder.path().join("x.pcap"), folder.path().join("x.pcap1"));
    let (begin, end) = whole.records.split_at(20);
    Pcap { header: whole.header.clone(), records: begin.to_vec() }.write(&one);
    Pcap { header: whole.header.clone(), records: end.to_vec() }.write(&two);
    let merged = document(&["--merge"], &[&one, &two]);
    assert_eq!(
        merged["sessions"][0]["vantage"]["client"],
        document(&[], &[&client])["sessions"][0]["vantage"]["client"]
    );
}

/// The places of packets that hold this text.
fn holding(pcap: &Pcap, text: &str) -> Vec<usize> {
    let has = |packet: &[u8]| packet.windows(text.len()).any(|part| part == text.as_bytes());
    (0..pcap.records.len()).filter(|place| has(&pcap.records[*place].1)).collect()
}

#[test]
fn what_a_tap_missed_is_no_fault_of_the_network() {
    let folder = tempfile::tempdir().expect("a directory");
    let lossy = folder.path().join("client.pcap");
    // The 200 to the second PORT is one of several with the same words.
    let mut client = Pcap::read(&fixture("tuple_reused", "client.pcap"));
    let missed = holding(&client, "200 PORT")[1];
    client.records.remove(missed);
    client.write(&lossy);
    let told = document(&[], &[&lossy, &fixture("tuple_reused", "server.pcap")]);
    assert!(!told["findings"].to_string().contains("reply-by-middlebox"), "{}", told["findings"]);
    // PORT and LIST are missing at the points that have the SYN, and the point that has the words lacks the SYN.
    let mut files = vec![fixture("mid_syn_drop_near_client", "client.pcap")];
    for point in ["mid", "server"] {
        let mut tap = Pcap::read(&fixture("mid_syn_drop_near_client", &format!("{point}.pcap")));
        let missed = holding(&tap, "LIST")[0];
        tap.records.remove(missed);
        files.push(folder.path().join(format!("{point}.pcap")));
        tap.write(&files[files.len() - 1]);
    }
    let files: Vec<&Path> = files.iter().map(PathBuf::as_path).collect();
    let told = document(&[], &files);
    assert_eq!(told["sessions"][0]["transfers"][0]["verdict"], "data-syn-lost-in-transit");
}

/// The HTML report of both captures of a case.
fn page(case: &str) -> String {
    let files = ["client.pcap", "server.pcap"].map(|file| fixture(case, file));
    let output = Command::new(PROGRAM).args(["--isolated", "--format", "html"]).args(&files).output();
    String::from_utf8(output.expect("the program runs").stdout).expect("UTF-8")
}

#[test]
fn what_the_ladder_shows_at_one_point_is_not_listed_for_the_other() {
    let report = page("act_syn_drop");
    let causes = &report[..report.find("<section id=\"transfers\"").expect("the transfers follow")];
    for said in ["PORT 10,1,0,10,19,137", "425 Failed to establish", ">LIST<"] {
        assert_eq!(causes.matches(said).count(), 1, "{said}");
    }
    // In none of the incidents something is left that no row of a ladder says.
    for case in cases() {
        assert!(!page(&case).contains("<ol class=\"evidence\">"), "{case}");
    }
}

#[test]
fn a_connection_is_known_where_the_words_that_announce_it_are_cut_off() {
    let folder = tempfile::tempdir().expect("a directory");
    let cut = folder.path().join("client.pcap");
    let mut client = Pcap::read(&fixture("pas_syn_drop", "client.pcap"));
    client.records.iter_mut().for_each(|(_, packet, _)| packet.truncate(96));
    client.write(&cut);
    let told = document(&[], &[&cut, &fixture("pas_syn_drop", "server.pcap")]);
    assert_eq!(told["sessions"][0]["transfers"][0]["verdict"], "data-syn-lost-in-transit");
}
