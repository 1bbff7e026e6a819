//! What could not be read is said on standard error and in every report, and makes the exit status 2.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;
use tempfile::TempDir;

const FAULTY: &str = "fixtures/time-wait-collision/fires-lab-vsftpd.pcap";
const CLEAN: &str = "fixtures/time-wait-collision/silent-lab-vsftpd-random-ports.pcap";

/// Longer than any of these runs takes, unless it waits for a pipe's writer.
const PATIENCE: Duration = Duration::from_secs(60);

fn bytes_of(fixture: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(fixture)).expect("a fixture")
}

/// What a run gave.
struct Run {
    status: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stderr))
    }

    /// The names of the files that the JSON report lists as unreadable.
    fn unreadable(&self) -> Vec<String> {
        let report = self.json();
        let listed = report["unreadable"].as_array().expect("a list");
        let name =
            |entry: &Value| entry["path"].as_str().expect("a path").rsplit('/').next().expect("a name").to_owned();
        let mut names: Vec<String> = listed.iter().map(name).collect();
        names.sort();
        names
    }
}

/// Runs the program in `folder`.
fn run(folder: &Path, arguments: &[&str]) -> Run {
    run_with(folder, arguments, &[])
}

fn run_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(folder).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.envs(variables.iter().copied());
    let mut child = command.spawn().expect("runs");
    let begun = Instant::now();
    // The reports of these runs fit a pipe.
    while child.try_wait().expect("can be waited for").is_none() {
        if begun.elapsed() > PATIENCE {
            child.kill().expect("it is still there");
            panic!("{arguments:?} does not end");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let output = child.wait_with_output().expect("it has ended");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let status = output.status.code().expect("a status");
    Run { status, stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// Captures that nothing can be read of, each for a reason of its own.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    let clean = bytes_of(CLEAN);
    let mut damaged = clean[..24].to_vec();
    // A record of 2 GiB.
    damaged.extend([0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0x7f, 54, 0, 0, 0]);
    damaged.extend([0; 200]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, &clean).expect("a vector takes everything");
    let packed = encoder.finish().expect("a vector takes everything");
    vec![
        ("empty.pcap", Vec::new()),
        ("short.pcap", clean[..2].to_vec()),
        ("header.pcap", clean[..23].to_vec()),
        ("record.pcap", clean[..30].to_vec()),
        ("packet.pcap", clean[..50].to_vec()),
        ("damaged.pcap", damaged),
        ("garbage.pcap", b"\x00\x01garbage\xff\xfe".to_vec()),
        ("text.pcapng", b"no capture".to_vec()),
        ("section.pcapng", [&[0x0a, 0x0d, 0x0d, 0x0a][..], &[0; 30]].concat()),
        ("rotated.pcap3", b"garbage".to_vec()),
        ("rotated.pcap.2.gz", packed[..12].to_vec()),
        ("packed.pcap.gz", packed[..12].to_vec()),
        ("packed.pcap.zst", b"\x28\xb5\x2f\xfd\x64".to_vec()),
        ("packed.pcap.xz", b"\xfd7zXZ\0rest".to_vec()),
        ("foreign.cap", b"snoop\0\0\0\0\0\0\x02".to_vec()),
        ("magic-alone", clean[..4].to_vec()),
    ]
}

/// A directory with a good capture, and these.
fn folder_with(files: &[(&str, Vec<u8>)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("good.pcap"), bytes_of(CLEAN)).expect("writes");
    for (name, bytes) in files {
        fs::write(folder.path().join(name), bytes).expect("writes");
    }
    folder
}

#[test]
fn every_broken_capture_of_a_directory_is_said_is_in_the_report_and_makes_the_status_2() {
    for (name, bytes) in broken() {
        let folder = folder_with(&[(name, bytes)]);
        for grouping in [&[][..], &["--merge"], &["--per-file"]] {
            let found = run(folder.path(), &[&["--json", "."], grouping].concat());
            assert_eq!(found.status, 2, "{name} {grouping:?}: {}", found.stderr);
            assert_eq!(found.unreadable(), [name], "{grouping:?}");
            let said = found.stderr.lines().filter(|line| line.starts_with("error: could not read ./"));
            assert!(said.clone().count() == 1 && said.clone().all(|line| line.contains(name)), "{}", found.stderr);
            let summary = &found.json()["summary"];
            assert!(summary["transfers"].as_u64() > Some(0), "the others are read: {summary}");
        }
        let named = run(folder.path(), &["--json", "good.pcap", name]);
        assert_eq!((named.status, named.unreadable()), (2, vec![name.to_owned()]), "{}", named.stderr);
    }
}

#[test]
fn every_subcommand_says_so() {
    let folder = folder_with(&[("a.pcap", Vec::new()), ("b.pcap", bytes_of(CLEAN)[..30].to_vec())]);
    let both =
        |text: &str| ["a.pcap", "b.pcap"].iter().all(|name| text.contains(&format!("could not read ./{name}: ")));
    for arguments in [
        &["."][..],
        &["--format", "full", "."],
        &["--format", "table", "--quiet", "."],
        &["--format", "sarif", "."],
        &["--format", "junit", "."],
        &["--format", "github", "."],
        &["--format", "gitlab", "."],
        &["--format", "csv", "."],
        &["hosts", "."],
        &["sessions", "."],
        &["sessions", "-q", "."],
        &["show", "."],
        &["show", "--ladder", "."],
        &["show", "--svg", "-", "."],
        &["show", "--html", "-", "."],
        &["check", "."],
        &["check", "--quiet", "."],
        &["check", "--format", "junit", "."],
        &["check", "--format", "github", "."],
    ] {
        let found = run(folder.path(), arguments);
        assert_eq!(found.status, 2, "{arguments:?}");
        assert!(both(&found.stderr) && both(&found.stdout), "{arguments:?}: {}{}", found.stderr, found.stdout);
    }
    let ndjson = run(folder.path(), &["--format", "ndjson", "."]);
    let last: Value = serde_json::from_str(ndjson.stdout.lines().last().expect("a line")).expect("JSON");
    assert_eq!((ndjson.status, last["unreadable"].as_array().map(Vec::len)), (2, Some(2)));
    let hosts = run(folder.path(), &["hosts", "--format", "json", "."]);
    assert_eq!((hosts.status, hosts.unreadable().len()), (2, 2));
    for choice in [&[][..], &["--slim"], &["--anonymize"]] {
        let out = tempfile::tempdir().expect("a directory");
        let out = out.path().join("out.pcapng");
        let extracted = run(folder.path(), &[&["extract", "-w", &out.to_string_lossy(), "."][..], choice].concat());
        assert_eq!(extracted.status, 2, "{choice:?}");
        let said = extracted.stderr.lines().filter(|line| line.starts_with("error: could not read")).count();
        assert!(both(&extracted.stderr) && said == 2, "{choice:?}: once each: {}", extracted.stderr);
    }
}

#[test]
fn a_report_beside_another_has_it_too() {
    let folder = folder_with(&[("a.pcap", Vec::new())]);
    let out = tempfile::tempdir().expect("a directory");
    let named = |format: &str, name: &str| format!("{format}={}", out.path().join(name).display());
    let found = run(folder.path(), &["-o", &named("sarif", "r.sarif"), "-o", &named("markdown", "r.md"), "."]);
    assert_eq!(found.status, 2);
    let read = |name: &str| fs::read_to_string(out.path().join(name)).expect(name);
    let sarif: Value = serde_json::from_str(&read("r.sarif")).expect("JSON");
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
    assert!(read("r.md").contains("could not read ./a.pcap: it is empty"));
}

#[test]
fn nothing_is_called_clean_of_which_a_part_is_missing() {
    let folder = folder_with(&[]);
    let clean = run(folder.path(), &["."]);
    assert!(clean.status == 0 && clean.stdout.contains("no failed transfer: "), "{}", clean.stdout);
    fs::write(folder.path().join("a.pcap"), "").expect("writes");
    let found = run(folder.path(), &["."]);
    assert!(!found.stdout.contains("no failed transfer"), "{}", found.stdout);
    assert!(found.stdout.ends_with("; 1 input could not be read\n"), "{}", found.stdout);
    assert!(!found.stdout.contains("no FTP in ./a.pcap"), "{}", found.stdout);
}

#[test]
fn a_capture_of_no_packets_is_no_trouble() {
    let header = bytes_of(CLEAN)[..24].to_vec();
    let folder = folder_with(&[("nothing.pcap", header)]);
    for arguments in [&["--json", "."][..], &["--json", "nothing.pcap"]] {
        let found = run(folder.path(), arguments);
        assert_eq!((found.status, found.unreadable()), (0, Vec::new()), "{}", found.stderr);
        assert_eq!(found.stderr, "");
    }
    assert_eq!(run(folder.path(), &["check", "."]).status, 0);
}

#[test]
fn other_files_of_a_directory_are_passed_over() {
    let names = ["readme.txt", "notes.gz", "archive.tar.xz", "empty", "x.expect.toml.bak"];
    let contents = [&b"text"[..], b"\x1f\x8b", b"\xfd7zXZ\0", b"", b"x"];
    let mut files: Vec<(&str, Vec<u8>)> = names.into_iter().zip(contents.map(<[u8]>::to_vec)).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    std::io::Write::write_all(&mut encoder, b"text, no capture").expect("a vector takes everything");
    files[1].1 = encoder.finish().expect("a vector takes everything");
    let folder = folder_with(&files);
    let found = run(folder.path(), &["--json", "."]);
    assert_eq!((found.status, found.stderr.as_str()), (0, ""));
    assert_eq!(run(folder.path(), &["check", "."]).status, 0);
}

#[test]
fn what_is_found_as_a_pipe_or_a_directory_or_a_broken_link_is_said_and_not_waited_for() {
    use std::os::unix::fs::symlink;
    let folder = folder_with(&[]);
    let path = |name: &str| folder.path().join(name);
    let made = Command::new("mkfifo").args([path("pipe.pcap"), path("other-pipe")]).status();
    assert!(made.expect("mkfifo runs").success());
    fs::create_dir(path("folder.pcap")).expect("a directory");
    fs::create_dir(path("folder")).expect("a directory");
    symlink("nowhere", path("gone.pcap")).expect("a link");
    symlink("nowhere", path("gone")).expect("a link");
    symlink("loop.pcap", path("loop.pcap")).expect("a link");
    symlink("folder", path("to-folder.pcap")).expect("a link");
    let found = run(folder.path(), &["--json", "."]);
    let expected = ["folder.pcap", "gone.pcap", "loop.pcap", "pipe.pcap", "to-folder.pcap"];
    assert_eq!((found.status, found.unreadable()), (2, expected.map(str::to_owned).to_vec()), "{}", found.stderr);
    let checked = run(folder.path(), &["check", "."]);
    assert_eq!(checked.status, 2);
    // The directory is looked into.
    for name in &expected[1..] {
        assert!(checked.stdout.contains(&format!("unreadable  ./{name}\n")), "{}", checked.stdout);
    }
    assert!(checked.stdout.contains("ok          ./good.pcap\n"), "{}", checked.stdout);
}

#[cfg(target_os = "linux")]
#[test]
fn a_reading_that_fails_is_never_no_capture() {
    let folder = folder_with(&[]);
    // The memory at address 0 cannot be read: an input/output error.
    for name in ["fails.pcap", "fails"] {
        std::os::unix::fs::symlink("/proc/self/mem", folder.path().join(name)).expect("a link");
    }
    let found = run(folder.path(), &["--json", "."]);
    assert_eq!((found.status, found.unreadable()), (2, vec!["fails".to_owned(), "fails.pcap".to_owned()]));
    let why: Vec<Value> = (0..2).map(|at| found.json()["unreadable"][at]["why"].clone()).collect();
    assert_eq!(why, ["input/output error", "input/output error"]);
    let checked = run(folder.path(), &["check", "."]);
    assert!(checked.status == 2 && checked.stdout.contains("2 unreadable"), "{}", checked.stdout);
}

#[test]
fn a_directory_that_cannot_be_listed_does_not_keep_check_from_the_rest() {
    let folder = folder_with(&[]);
    let checked = run(folder.path(), &["check", "good.pcap", "nowhere", "."]);
    assert_eq!(checked.status, 2);
    assert!(checked.stdout.contains("unreadable  nowhere\n") && checked.stdout.contains("2 ok"), "{}", checked.stdout);
}

#[test]
fn a_pipe_that_gives_no_packet_counts_as_well() {
    let clean = bytes_of(CLEAN);
    for (bytes, expected) in [(&clean[..], 0), (&clean[..24], 0), (&clean[..50], 2), (&clean[..10], 2), (b"", 2)] {
        for arguments in [&["-"][..], &["show", "-"], &["--anonymize", "-"]] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
            command.args(arguments).arg("--isolated").stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut child = command.stdin(Stdio::piped()).spawn().expect("runs");
            std::io::Write::write_all(&mut child.stdin.take().expect("a pipe"), bytes).expect("it reads");
            let output = child.wait_with_output().expect("ends");
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(output.status.code(), Some(expected), "{} bytes, {arguments:?}: {said}", bytes.len());
            assert_eq!(said.contains("could not read standard input: "), expected == 2, "{said}");
            let report = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(report.contains("could not read -: "), expected == 2, "{report}");
        }
    }
}

#[test]
fn one_that_is_cut_later_is_read_as_far_as_it_goes() {
    for (source, status) in [(CLEAN, 0), (FAULTY, 1)] {
        let bytes = bytes_of(source);
        let folder = tempfile::tempdir().expect("a directory");
        fs::write(folder.path().join("cut.pcap"), &bytes[..bytes.len() - 5]).expect("writes");
        let found = run(folder.path(), &["--json", "."]);
        assert_eq!((found.status, found.unreadable()), (status, Vec::new()), "{}", found.stderr);
        let report = found.json();
        let findings = report["findings"].as_array().expect("findings");
        assert!(findings.iter().any(|finding| finding["diagnosis"] == "capture-truncated"), "{findings:?}");
        assert_eq!(report["captures"][0]["complete"], false);
    }
}

#[cfg(feature = "live")]
#[test]
fn a_filter_that_lets_nothing_pass_hides_no_damage() {
    let bytes = bytes_of(CLEAN);
    let folder = tempfile::tempdir().expect("a directory");
    fs::write(folder.path().join("cut.pcap"), &bytes[..bytes.len() - 5]).expect("writes");
    let found = run(folder.path(), &["--json", "--filter", "udp port 9", "cut.pcap"]);
    let report = found.json();
    let findings = report["findings"].as_array().expect("findings");
    assert_eq!((found.status, findings.len()), (0, 1), "{findings:?}");
    assert_eq!(findings[0]["diagnosis"], "capture-truncated");
}

#[test]
fn check_is_red_for_a_cut_capture_unless_its_expectation_names_that() {
    let bytes = bytes_of(CLEAN);
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("cut.pcap"), &bytes[..bytes.len() - 5]).expect("writes");
    let checked = |arguments: &[&str]| run(folder.path(), &[&["check", "."], arguments].concat());
    let alone = checked(&[]);
    assert!(alone.status == 1 && alone.stdout.contains("unexpected  ./cut.pcap"), "{}", alone.stdout);
    assert_eq!(checked(&["--fail-on", "never"]).status, 1);
    fs::write(path("cut.expect.toml"), "clean = true\n").expect("writes");
    let unnamed = checked(&[]);
    assert!(
        unnamed.status == 1 && unnamed.stdout.contains("unexpected: quality capture-truncated"),
        "{}",
        unnamed.stdout
    );
    for named in ["clean = true\nallow = [\"capture-truncated\"]", "[[expect]]\ndiagnosis = \"capture-truncated\"\n"] {
        fs::write(path("cut.expect.toml"), named).expect("writes");
        assert_eq!(checked(&[]).status, 0, "{named}");
    }
    for before in [None, Some("clean = true\n")] {
        let _ = fs::remove_file(path("cut.expect.toml"));
        if let Some(text) = before {
            fs::write(path("cut.expect.toml"), text).expect("writes");
        }
        assert_eq!(checked(&["--bless"]).status, 0);
        let blessed = fs::read_to_string(path("cut.expect.toml")).expect("an expectation");
        assert!(blessed.contains("diagnosis = \"capture-truncated\""), "{blessed}");
        assert_eq!(checked(&[]).status, 0, "what is blessed holds");
    }
}

#[test]
fn known_broken_files_are_allowed_and_still_said() {
    let folder = folder_with(&[("old.pcap", Vec::new()), ("bad.pcap", b"garbage".to_vec())]);
    let allowed = |run: &Run| -> Vec<bool> {
        let report = run.json();
        report["unreadable"].as_array().expect("a list").iter().map(|entry| entry["allowed"] == true).collect()
    };
    let one = run(folder.path(), &["--json", "--allow-unreadable", "old*", "."]);
    assert_eq!((one.status, allowed(&one)), (2, vec![false, true]));
    assert!(one.stderr.contains("note: could not read ./old.pcap: it is empty"), "{}", one.stderr);
    assert!(one.stderr.contains("error: could not read ./bad.pcap: "), "{}", one.stderr);
    let both = &["--allow-unreadable", "old.pcap", "--allow-unreadable", "./b?d.*"];
    let two = run(folder.path(), &[&["--json", "."], &both[..]].concat());
    assert_eq!((two.status, allowed(&two)), (0, vec![true, true]), "{}", two.stderr);
    assert!(!two.stderr.contains("error:"), "{}", two.stderr);
    let text = run(folder.path(), &[&["."], &both[..]].concat());
    assert!(text.stdout.contains("could not read ./old.pcap (allowed): it is empty"), "{}", text.stdout);
    let checked = run(folder.path(), &[&["check", "."], &both[..]].concat());
    assert!(checked.status == 0 && checked.stdout.contains("allowed     ./old.pcap\n"), "{}", checked.stdout);
    assert!(checked.stderr.contains("note: could not read ./bad.pcap: "), "{}", checked.stderr);
    let out = tempfile::tempdir().expect("a directory");
    let out = out.path().join("out.pcapng");
    for subcommand in [&["hosts"][..], &["sessions"], &["show"], &["extract", "-w", &out.to_string_lossy()]] {
        assert_eq!(run(folder.path(), &[subcommand, &["."], both].concat()).status, 0, "{subcommand:?}");
    }
    let wrong = run(folder.path(), &["--allow-unreadable", "[x", "."]);
    assert!(wrong.status == 2 && wrong.stderr.contains("--allow-unreadable"), "{}", wrong.stderr);
}

#[test]
fn they_are_settings_too() {
    let folder = folder_with(&[("old.pcap", Vec::new()), ("bad.pcap", b"garbage".to_vec())]);
    let variables = [("FTPWHY_ALLOW_UNREADABLE", "old.pcap\nbad.pcap")];
    assert_eq!(run_with(folder.path(), &["."], &variables).status, 0);
    assert_eq!(run_with(folder.path(), &["check", "."], &variables).status, 0);
    fs::write(folder.path().join(".ftpwhy.toml"), "allow-unreadable = [\"old.pcap\", \"bad.*\"]\n").expect("writes");
    assert_eq!(run(folder.path(), &["."]).status, 0);
    assert_eq!(run(folder.path(), &["--isolated", "."]).status, 2);
}

#[test]
fn a_fault_that_is_allowed_to_be_unreadable_is_still_a_fault_where_it_can_be_read() {
    let folder = folder_with(&[("faulty.pcap", bytes_of(FAULTY))]);
    assert_eq!(run(folder.path(), &["--allow-unreadable", "*", "."]).status, 1);
}

#[test]
fn the_findings_of_the_others_stay_and_status_2_wins() {
    let folder = folder_with(&[("faulty.pcap", bytes_of(FAULTY)), ("a.pcap", Vec::new())]);
    let found = run(folder.path(), &["."]);
    assert!(found.status == 2 && found.stdout.contains("error[time-wait-collision]"), "{}", found.stdout);
}

/// The damaged capture of the field, where it is at hand.
#[test]
fn a_capture_of_the_field_with_a_damaged_first_record() {
    let Some(folder) = std::env::var_os("FTPWHY_CAPTURES").map(PathBuf::from) else {
        println!("skipped: FTPWHY_CAPTURES is not set");
        return;
    };
    let capture = folder.join("field/damaged-first-record.pcap");
    let found = run(Path::new("."), &["--isolated", "--json", &capture.to_string_lossy()]);
    assert_eq!((found.status, found.unreadable().len()), (2, 1), "{}", found.stderr);
}

type Change = fn(&Path);

/// What comes of `late.pcap`, which is due when a pipe that is merged with it has ended, if `change` befalls it before.
fn while_it_waits(change: impl FnOnce(&Path)) -> Run {
    let folder = tempfile::tempdir().expect("a directory");
    let path = |name: &str| folder.path().join(name);
    fs::write(path("late.pcap"), bytes_of(FAULTY)).expect("writes");
    assert!(Command::new("mkfifo").arg(path("early.pcap")).status().expect("mkfifo runs").success());
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(folder.path()).args(["--isolated", "--json", "--merge", "early.pcap", "late.pcap"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs");
    let mut pipe = fs::File::options().write(true).open(path("early.pcap")).expect("the program reads it");
    // Packets of 1970. A pipe holds far less than these, so that the program must have begun to merge when the last of
    // them is written, and for that it has looked at the other file.
    let packet = [&[0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0][..], &[0; 60]].concat();
    let stream = [&bytes_of(FAULTY)[..24], &packet.repeat(50_000)].concat();
    std::io::Write::write_all(&mut pipe, &stream).expect("the program reads it");
    change(&path("late.pcap"));
    drop(pipe);
    let output = child.wait_with_output().expect("ends");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Run { status: output.status.code().expect("a status"), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

#[test]
fn a_file_that_goes_or_is_emptied_while_it_waits_its_turn_is_said() {
    let stays = while_it_waits(|_| {});
    assert_eq!((stays.status, stays.unreadable()), (1, Vec::new()), "{}", stays.stderr);
    let changes: [(Change, &str); 3] = [
        (|path| fs::remove_file(path).expect("it is there"), "there is no such file"),
        (|path| fs::write(path, "").expect("writes"), "it was truncated from "),
        (
            |path| {
                fs::write(path.with_extension("new"), bytes_of(CLEAN)).expect("writes");
                fs::rename(path.with_extension("new"), path).expect("renames");
            },
            "it was replaced by another file",
        ),
    ];
    for (change, why) in changes {
        let found = while_it_waits(change);
        assert_eq!((found.status, found.unreadable()), (2, vec!["late.pcap".to_owned()]), "{}", found.stderr);
        assert!(
            found.stderr.contains("error: could not read late.pcap: ") && found.stderr.contains(why),
            "{}",
            found.stderr
        );
        let late = &found.json()["captures"][1];
        assert_eq!((&late["packets"], &late["complete"]), (&Value::from(0), &Value::from(false)));
    }
}
