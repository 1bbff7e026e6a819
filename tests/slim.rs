//! `ftpwhy extract --slim`: the thinned capture is as good as the whole, over all fixtures and, where `FTPWHY_CAPTURES` names a
//! directory, over the captures below it.

mod kit;
#[path = "../benches/cost/traffic.rs"]
#[expect(dead_code, reason = "the benchmark has more kinds of traffic")]
mod traffic;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ftpwhy::frame::CaptureId;
use ftpwhy::source::Timeline;
use ftpwhy::source::write::Writer;
use serde_json::Value;

const CAPTURES: [&str; 9] =
    [".script", ".pcap", ".pcapng", ".cap", ".pcap.gz", ".pcap.zst", ".pcap.lz4", ".dmp", ".txt"];
const LOST_SYN: &str = "fixtures/time-wait-collision/fires-lab-vsftpd-three-tries.pcap";
const SEVERAL_INTERFACES: &str = "fixtures/source-spoof-mismatch/fires-lab-forwarded.pcapng";

/// `FTPWHY_PROGRAM` names another build of the same source: this starts thousands of them.
fn ftpwhy(arguments: &[&str]) -> Output {
    let program = std::env::var_os("FTPWHY_PROGRAM").unwrap_or_else(|| env!("CARGO_BIN_EXE_ftpwhy").into());
    let mut command = Command::new(program);
    command.current_dir(kit::root()).args(arguments).output().expect("ftpwhy runs")
}

fn name(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Everything that is told of captures; but for the form of the files, which are other files.
fn told(arguments: &[&str]) -> Option<Value> {
    let output = ftpwhy(&[&["--isolated", "--json"], arguments].concat());
    let mut document: Value = serde_json::from_slice(&output.stdout).ok()?;
    for capture in document["captures"].as_array_mut()? {
        capture["format"] = Value::Null;
    }
    // What cannot be read is named as it was on the command line.
    for input in document["unreadable"].as_array_mut()? {
        input["path"] = Value::Null;
    }
    Some(document)
}

/// Thins a capture. With the keys that it holds, for it has them, too.
fn thin(capture: &str, to: &Path) -> Output {
    ftpwhy(&["extract", "--isolated", "--slim", "--with-secrets", "-w", name(to), capture])
}

/// What is told of the one and not of the other, for a person who looks into it.
fn difference(whole: &Value, thinned: &Value) -> String {
    let fields = whole.as_object().into_iter().flatten().filter(|(key, value)| thinned[key.as_str()] != **value);
    let one = |(key, value): (&String, &Value)| {
        let (value, other) = (value.to_string(), thinned[key.as_str()].to_string());
        let common = value.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count().saturating_sub(200);
        let part = |text: &str| text.chars().skip(common).take(500).collect::<String>();
        format!("  {key}: {}\n  thinned: {}", part(&value), part(&other))
    };
    fields.map(one).collect::<Vec<_>>().join("\n")
}

/// Every capture to look at; scripts are rendered into `folder`.
fn captures(folder: &Path) -> Vec<PathBuf> {
    let mut sources = kit::files_below(&kit::root().join("fixtures"), &CAPTURES);
    assert!(sources.len() > 100, "the fixtures are gone");
    match std::env::var_os("FTPWHY_CAPTURES") {
        Some(more) => sources.extend(kit::files_below(Path::new(&more), &CAPTURES)),
        None => println!("only the fixtures: FTPWHY_CAPTURES is not set"),
    }
    let rendered = |(index, source): (usize, PathBuf)| {
        if source.extension().is_none_or(|extension| extension != "script") {
            return source;
        }
        let rendered = kit::render(&source).unwrap_or_else(|error| panic!("{}: {error}", source.display()));
        let stem = source.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = folder.join(format!("{index}-{stem}.{}", rendered.extension));
        fs::write(&path, rendered.file).expect("a rendered capture");
        path
    };
    sources.into_iter().enumerate().map(rendered).collect()
}

/// What `wrong` says of each capture, found by a few threads.
fn all_wrong(captures: &[PathBuf], wrong: impl Fn(&Path, &Path) -> Option<String> + Sync) -> Vec<String> {
    let parts = captures.chunks(captures.len().div_ceil(3).max(1));
    std::thread::scope(|scope| {
        let threads: Vec<_> = parts
            .map(|part| {
                scope.spawn(|| {
                    let folder = tempfile::tempdir().expect("a folder");
                    part.iter().filter_map(|capture| wrong(capture, folder.path())).collect::<Vec<_>>()
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("a thread")).collect()
    })
}

#[test]
fn what_is_told_of_a_thinned_capture_is_what_is_told_of_the_whole() {
    let folder = tempfile::tempdir().expect("a folder");
    let captures = captures(folder.path());
    let wrong = all_wrong(&captures, |capture, folder| {
        let thinned = folder.join("thinned.pcapng.gz");
        let _ = fs::remove_file(&thinned);
        let output = thin(name(capture), &thinned);
        // What is no capture is none when it is thinned either.
        let (Some(whole), true) = (told(&[name(capture)]), thinned.exists()) else {
            let status = ftpwhy(&["--isolated", name(capture)]).status.code();
            let refused = (output.status.code(), status) == (Some(2), Some(2));
            return (!refused).then(|| format!("{}: {}", capture.display(), said(&output)));
        };
        let thinned = told(&[name(&thinned)]).unwrap_or_default();
        (whole != thinned).then(|| format!("{}:\n{}", capture.display(), difference(&whole, &thinned)))
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), captures.len(), wrong.join("\n"));
    println!("{} captures", captures.len());
}

/// Writes the frames of a capture to three files, each with a third of them; nothing if there are too few, or interfaces that
/// do not fit in one file.
fn cut(capture: &Path, folder: &Path) -> Option<Vec<PathBuf>> {
    let (mut timeline, errors) = Timeline::open(&[capture.to_owned()], CaptureId(0), None);
    let mut frames = 0_usize;
    while timeline.next().is_some() {
        frames += 1;
    }
    if !errors.is_empty() || frames < 3 {
        return None;
    }
    let third = frames.div_ceil(3);
    let (mut timeline, _) = Timeline::open(&[capture.to_owned()], CaptureId(0), None);
    let mut files = Vec::new();
    while timeline.step() {
        let interfaces = timeline.captures()[0].interfaces.clone();
        let mut writer = Writer::new(Vec::new(), &[]).expect("a section");
        let written: Vec<_> = interfaces.iter().map(|one| writer.interface(one).expect("an interface")).collect();
        for turn in 0..third {
            if turn > 0 && !timeline.step() {
                break;
            }
            let frame = timeline.frame()?;
            writer.frame(*written.get(frame.interface.0 as usize)?, &frame, &[]).expect("a frame");
        }
        let path = folder.join(format!("part-{}.pcapng", files.len()));
        fs::write(&path, writer.finish().expect("a capture")).expect("a file");
        files.push(path);
    }
    Some(files)
}

#[test]
fn files_that_cut_sessions_are_as_good_thinned_each_by_itself() {
    let folder = tempfile::tempdir().expect("a folder");
    // What is damaged or too long to be cut here tells nothing of it.
    let mut captures = captures(folder.path());
    captures.retain(|capture| capture.metadata().is_ok_and(|metadata| metadata.len() < 1 << 20));
    // Each takes five runs.
    let mut turn = 0..;
    captures.retain(|_| turn.next().is_some_and(|turn| turn % 4 == 0));
    let wrong = all_wrong(&captures, |capture, folder| {
        let parts = cut(capture, folder)?;
        let thinned: Vec<PathBuf> = parts.iter().map(|part| part.with_extension("thinned")).collect();
        for (part, thinned) in parts.iter().zip(&thinned) {
            assert!(thin(name(part), thinned).status.success(), "{}", part.display());
        }
        let merged = |files: &[PathBuf]| {
            let files = files.iter().map(|file| name(file));
            told(&std::iter::once("--merge").chain(files).collect::<Vec<_>>())
        };
        let (whole, thinned) = (merged(&parts).unwrap_or_default(), merged(&thinned).unwrap_or_default());
        (whole["findings"] != thinned["findings"] || whole["sessions"] != thinned["sessions"])
            .then(|| format!("{}:\n{}", capture.display(), difference(&whole, &thinned)))
    });
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), captures.len(), wrong.join("\n"));
}

#[test]
fn little_is_left_of_mixed_traffic() {
    let folder = tempfile::tempdir().expect("a folder");
    let (whole, thinned) = (folder.path().join("mixed.pcap"), folder.path().join("thinned.pcapng.gz"));
    let mix = traffic::Mix {
        size: 16 << 20,
        ftp_percent: 10,
        rest: traffic::Rest::Office,
        container: traffic::Container::Pcap,
    };
    traffic::write(&whole, mix).expect("a capture");
    assert!(thin(name(&whole), &thinned).status.success());
    assert_eq!(told(&[name(&whole)]), told(&[name(&thinned)]));
    let size = |path: &Path| path.metadata().expect("a file").len();
    assert!(size(&thinned) * 100 < size(&whole) * 8, "{} of {} bytes", size(&thinned), size(&whole));
}

#[test]
fn the_same_input_gives_the_same_bytes_in_a_file_and_in_a_pipe() {
    let folder = tempfile::tempdir().expect("a folder");
    for capture in [LOST_SYN, SEVERAL_INTERFACES] {
        let written = ["a", "b"].map(|file| {
            let path = folder.path().join(file);
            assert!(thin(capture, &path).status.success());
            fs::read(path).expect("a thinned capture")
        });
        let piped = ftpwhy(&["extract", "--isolated", "--slim", "--with-secrets", "-w", "-", capture]).stdout;
        assert_eq!(written, [piped.clone(), piped], "{capture}");
    }
}

#[test]
fn a_thinned_capture_can_be_piped_and_thinned_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let [once, twice] = ["once", "twice"].map(|file| folder.path().join(file));
    assert!(thin(LOST_SYN, &once).status.success());
    assert!(thin(name(&once), &twice).status.success());
    assert_eq!(fs::read(&once).expect("a file"), fs::read(&twice).expect("a file"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_ftpwhy"));
    command.current_dir(kit::root()).args(["--isolated", "--json", "-"]);
    let output = command.stdin(Stdio::from(fs::File::open(&once).expect("a file"))).output().expect("ftpwhy runs");
    let document: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(document["findings"], told(&[LOST_SYN]).expect("a report")["findings"]);
}

#[test]
fn frames_keep_the_numbers_and_the_files_that_they_had() {
    let folder = tempfile::tempdir().expect("a folder");
    let parts = cut(&kit::root().join(LOST_SYN), folder.path()).expect("three files");
    let thinned = folder.path().join("all.pcapng.gz");
    let files: Vec<&str> = parts.iter().map(|part| name(part)).collect();
    let arguments = ["extract", "--isolated", "--slim", "--merge", "-w", name(&thinned)];
    let output = ftpwhy(&[&arguments[..], &files].concat());
    assert!(output.status.success(), "{}", said(&output));
    let whole = told(&[&["--merge"], &files[..]].concat()).expect("a report");
    let again = told(&[name(&thinned)]).expect("a report");
    assert_eq!((&whole["findings"], &whole["captures"]), (&again["findings"], &again["captures"]));
    // With a filter, numbers are missing.
    let filter = ["--filter", "tcp[13] & 7 != 0"];
    let some = folder.path().join("some.pcapng.gz");
    let output = ftpwhy(&[&["extract", "--slim", "-w", name(&some), LOST_SYN], &filter[..]].concat());
    if said(&output).contains("--filter") {
        println!("the filter is not tried: built without libpcap");
        return;
    }
    let numbers = |document: Option<Value>| document.expect("a report")["findings"].clone();
    assert_eq!(numbers(told(&[name(&some)])), numbers(told(&[&filter[..], &[LOST_SYN]].concat())));
}

#[test]
fn a_manifest_describes_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let [thinned, manifest] = ["thinned", "manifest"].map(|file| folder.path().join(file));
    let point = format!("tap7={LOST_SYN}");
    let arguments = ["extract", "--slim", "-w", name(&thinned), "--manifest", name(&manifest), "--point", &point];
    let output = ftpwhy(&arguments);
    assert!(output.status.success(), "{}", said(&output));
    let text = fs::read_to_string(&manifest).expect("a manifest");
    assert!(text.ends_with("}\n") && text.lines().count() == 1, "{text}");
    let line: Value = serde_json::from_str(&text).expect("JSON");
    let capture = &told(&[LOST_SYN]).expect("a report")["captures"][0];
    for field in ["packets", "first", "last"] {
        assert_eq!(line[field], capture[field], "{field}");
    }
    assert_eq!((&line["source"], &line["tap"]), (&Value::from(LOST_SYN), &Value::from("tap7")));
    assert_eq!(line["size"], thinned.metadata().expect("a file").len());
    assert_eq!(line["damage"], Value::Null);
    let digest = Command::new("sha256sum").arg(&thinned).output().expect("sha256sum runs");
    assert!(String::from_utf8_lossy(&digest.stdout).starts_with(line["sha256"].as_str().expect("digits")));
}

#[test]
fn what_belongs_to_several_captures_is_said() {
    let folder = tempfile::tempdir().expect("a folder");
    let [thinned, manifest] = ["thinned", "manifest"].map(|file| folder.path().join(file));
    let write = ["extract", "--slim", "-w", name(&thinned)];
    let other = "fixtures/capture-snaplen/fires-lab-68.pcap";
    let refused = ftpwhy(&[&write[..], &[LOST_SYN, other, "--manifest", name(&manifest)]].concat());
    let why = "--manifest describes one capture, and 2 were named: run it for each file";
    assert!(said(&refused).contains(why) && !thinned.exists(), "{}", said(&refused));
    assert_eq!(refused.status.code(), Some(2));
    let both = ftpwhy(&[&write[..], &[LOST_SYN, other, "--per-file"]].concat());
    assert!(said(&both).contains("2 timelines are in one thinned file, which is judged as one"), "{}", said(&both));
    let points = ["client", "server"].map(|point| format!("fixtures/_points/act_syn_drop/{point}.pcap"));
    let points = ftpwhy(&["extract", "--slim", "-w", name(&manifest), &points[0], &points[1]]);
    assert!(said(&points).contains("--slim thins one capture point, and 2 were named"), "{}", said(&points));
    assert!(points.status.code() == Some(2) && !manifest.exists());
    let captures = |arguments: &[&str]| told(arguments).expect("a report")["captures"].clone();
    assert_eq!(captures(&[name(&thinned)]), captures(&["--merge", LOST_SYN, other]));
}
