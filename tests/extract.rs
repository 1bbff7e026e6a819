//! `ftpwhy extract`: what is written is what was asked for, as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use ftpwhy::frame::CaptureId;
use ftpwhy::source::{Interface, Timeline};

const THREE_TRIES: &str = "fixtures/time-wait-collision/fires-lab-vsftpd-three-tries.pcap";
const SEVERAL_INTERFACES: &str = "fixtures/source-spoof-mismatch/fires-lab-forwarded.pcapng";

/// A frame as it is compared: time, interface, length on the wire, bytes.
type Seen = (i64, u32, u32, Vec<u8>);

fn extract(arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = env!("CARGO_BIN_EXE_ftpwhy");
    Command::new(program).current_dir(root).arg("extract").args(arguments).output().expect("ftpwhy runs")
}

fn frames(path: &Path) -> (Vec<Seen>, Vec<Interface>) {
    let (mut timeline, errors) = Timeline::open(&[path.to_path_buf()], CaptureId(0), None);
    assert_eq!(errors, []);
    let mut frames = Vec::new();
    while let Some(frame) = timeline.next() {
        frames.push((frame.at.time.0, frame.interface.0, frame.wire_len, frame.bytes.to_vec()));
    }
    (frames, timeline.captures()[0].interfaces.clone())
}

fn target() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let path = folder.path().join("out.pcapng");
    (folder, path)
}

/// Extracts and reads what was written.
fn extracted(input: &str, arguments: &[&str]) -> Vec<Seen> {
    let (_folder, path) = target();
    let output = extract(&[&[input, "-w", path.to_str().expect("UTF-8")], arguments].concat());
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    frames(&path).0
}

#[test]
fn without_a_selection_every_packet_is_written_as_it_was() {
    for input in [THREE_TRIES, SEVERAL_INTERFACES, "fixtures/capture-snaplen/fires-lab-68.pcap"] {
        let (_folder, path) = target();
        let output = extract(&[input, "-w", path.to_str().expect("UTF-8")]);
        assert_eq!(output.status.code(), Some(0));
        let (original, interfaces) = frames(&Path::new(env!("CARGO_MANIFEST_DIR")).join(input));
        let (written, again) = frames(&path);
        assert_eq!(written, original, "{input}");
        let of = |all: &[Interface]| {
            all.iter().map(|one| (one.name.clone(), one.link_type, one.snap_len, one.dropped)).collect::<Vec<_>>()
        };
        assert_eq!(of(&again), of(&interfaces));
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.starts_with(&format!("{0} of {0} packets", original.len())), "{told}");
    }
}

#[test]
fn selections_are_parts_in_their_order() {
    let all = extracted(THREE_TRIES, &[]);
    for selection in [&["--session", "1"][..], &["--finding", "1"], &["--finding", "time-wait-*"], &["--slim"]] {
        let part = extracted(THREE_TRIES, selection);
        let mut rest = all.iter();
        assert!(!part.is_empty() && part.len() < all.len(), "{selection:?}: {} frames", part.len());
        assert!(part.iter().all(|frame| rest.any(|other| other == frame)), "{selection:?}");
    }
}

#[test]
fn standard_output_is_a_capture_too() {
    let output = extract(&[THREE_TRIES, "-w", "-"]);
    let (_folder, path) = target();
    std::fs::write(&path, &output.stdout).expect("a file");
    assert_eq!(frames(&path).0, extracted(THREE_TRIES, &[]));
}

#[test]
fn evidence_is_told_in_comments() {
    let (_folder, path) = target();
    let path_name = path.to_str().expect("UTF-8");
    assert!(extract(&[THREE_TRIES, "--annotate", "-w", path_name]).status.success());
    let bytes = std::fs::read(&path).expect("the capture");
    let comment = b"time-wait-collision: LIST failed because";
    assert!(bytes.windows(comment.len()).any(|part| part == comment));
    let anonymous = ["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"];
    assert!(extract(&[&[THREE_TRIES, "--annotate", "-w", path_name], &anonymous[..]].concat()).status.success());
    let bytes = std::fs::read(&path).expect("the capture");
    assert!(bytes.windows(comment.len()).any(|part| part == comment));
    assert!(!bytes.windows(9).any(|part| part == b"10.1.0.10"));
}

#[test]
fn what_cannot_be_done_is_said() {
    let (_folder, path) = target();
    let out = path.to_str().expect("UTF-8");
    let cases = [
        (&[THREE_TRIES, "-w", THREE_TRIES][..], "is one of the inputs"),
        (&[THREE_TRIES, "-w", out, "--session", "9"], "no session 9: the last one is 1"),
        (&[THREE_TRIES, "-w", out, "--finding", "9"], "no finding 9: there are 2"),
        (&[THREE_TRIES, "-w", out, "--finding", "mac-changed"], "no such finding; there is time-wait-collision"),
        (&["-", "-w", out, "--anonymize"], "standard input can be read only once"),
        (&["fixtures/nothing.pcap", "-w", out], "there is no such file"),
    ];
    for (arguments, expected) in cases {
        let output = extract(arguments);
        let told = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(told.contains(expected), "{arguments:?}: {told}");
        assert!(!path.exists(), "{arguments:?} left a file");
    }
}
