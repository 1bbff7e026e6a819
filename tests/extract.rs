//! `ftpwhy extract`: what is written is what was asked for, as it was.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use ftpwhy::frame::CaptureId;
use ftpwhy::source::write::Writer;
use ftpwhy::source::{Interface, Named, Remarks, Timeline};

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

/// The same from standard input.
fn extract_from(input: &Path, arguments: &[&str]) -> Output {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut piped = Command::new("cat").arg(root.join(input)).stdout(Stdio::piped()).spawn().expect("cat runs");
    let program = env!("CARGO_BIN_EXE_ftpwhy");
    let mut command = Command::new(program);
    command.current_dir(root).arg("extract").args(arguments).stdin(piped.stdout.take().expect("a pipe"));
    let output = command.output().expect("ftpwhy runs");
    piped.wait().expect("cat ends");
    output
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
    for selection in [&["--session", "1"][..], &["--finding", "1"], &["--finding", "time-wait-*"]] {
        let part = extracted(THREE_TRIES, selection);
        let mut rest = all.iter();
        assert!(!part.is_empty() && part.len() < all.len(), "{selection:?}: {} frames", part.len());
        assert!(part.iter().all(|frame| rest.any(|other| other == frame)), "{selection:?}");
    }
}

#[test]
fn a_session_and_its_dialogue_are_whole_though_the_clock_was_set_back() {
    let set_back = "fixtures/port-foreign-address/fires-clock-step-back.pcap";
    let all = extracted(set_back, &[]);
    assert_eq!(extracted(set_back, &["--session", "1"]), all);
    let anonymised = extracted(set_back, &["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"]);
    let port = anonymised.iter().filter(|(_, _, _, bytes)| bytes.windows(5).any(|part| part == b"PORT ")).count();
    let codes = |frames: &[Seen]| -> Vec<Vec<u8>> {
        let is_reply = |bytes: &[u8]| bytes.len() > 58 && bytes[34..36] == [0, 21] && bytes[57] == b' ';
        frames.iter().filter(|(.., bytes)| is_reply(bytes)).map(|(.., bytes)| bytes[54..57].to_vec()).collect()
    };
    assert_eq!((port, codes(&anonymised)), (1, codes(&all)));
    assert!(codes(&all).contains(&b"425".to_vec()), "the reply behind the step");
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
    // A second time nothing is said twice.
    let again = path.with_file_name("again.pcapng");
    assert!(extract(&[path_name, "--annotate", "-w", again.to_str().expect("UTF-8")]).status.success());
    assert_eq!(told(&again), told(&path));
    let anonymous = ["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"];
    assert!(extract(&[&[THREE_TRIES, "--annotate", "-w", path_name], &anonymous[..]].concat()).status.success());
    let bytes = std::fs::read(&path).expect("the capture");
    assert!(bytes.windows(comment.len()).any(|part| part == comment));
    assert!(!bytes.windows(9).any(|part| part == b"10.1.0.10"));
}

/// A capture that tells more than packets: in its section, of its interface, of a packet, and of addresses.
fn annotated(path: &Path) {
    let (mut timeline, _) =
        Timeline::open(&[Path::new(env!("CARGO_MANIFEST_DIR")).join(THREE_TRIES)], CaptureId(0), None);
    let says = |comment: &str, others: &[(u16, &[u8])]| Remarks {
        comments: vec![comment.to_owned()],
        others: others.iter().map(|(code, value)| (*code, value.to_vec())).collect(),
        ..Remarks::default()
    };
    let section = says("asked by Mallory of 10.1.0.10, ticket 4711471147", &[(2, b"Acme 3000"), (3, b"Acme OS")]);
    let mut writer = Writer::telling(Vec::new(), &section).expect("a capture");
    let mut interface = timeline.captures()[0].interfaces[0].clone();
    (interface.name, interface.description) = (Some("acme-vpn".to_owned()), Some("behind Mallory".to_owned()));
    interface.addresses = vec!["10.1.0.10".parse().expect("an address")];
    interface.prefixes = vec![24];
    let hundred_mbit = 100_000_000_u64.to_le_bytes();
    let mac: (u16, &[u8]) = (6, &[0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    interface.remarks = says("the uplink of Mallory", &[mac, (8, &hundred_mbit), (12, b"Acme OS")]);
    let written = writer.interface(&interface).expect("an interface");
    let named = Named { kind: 1, address: vec![10, 1, 0, 10], names: vec![b"mallory.example".to_vec()] };
    let other = Named { kind: 1, address: vec![192, 0, 2, 77], names: vec![b"bystander.example".to_vec()] };
    writer.names(&[named, other]).expect("names");
    while let Some(frame) = timeline.next() {
        let told = says("seen by mallory@example.org", &[(2, &[1, 0, 0, 0]), (3, &[2, 1, 2, 3, 4])]);
        let told = if frame.at.number.0 == 27 { told } else { Remarks::default() };
        writer.frame_telling(written, &frame, &told).expect("a packet");
    }
    std::fs::write(path, writer.finish().expect("the capture")).expect("a file");
}

/// Everything that a capture tells beside its packets, one below the other.
fn told(path: &Path) -> Vec<String> {
    let (mut timeline, errors) = Timeline::open(&[path.to_path_buf()], CaptureId(0), None);
    assert_eq!(errors, []);
    let mut told = Vec::new();
    while timeline.step() {
        let remarks = timeline.remarks();
        if !remarks.is_empty() {
            told.push(format!("{remarks:?}"));
        }
    }
    let capture = &timeline.captures()[0];
    told.push(format!("{:?}", capture.annotations.section));
    told.extend(capture.annotations.names.iter().map(|named| format!("{named:?}")));
    told.extend(
        capture.interfaces.iter().map(|one| format!("{:?} {:?} {:?}", one.addresses, one.prefixes, one.remarks)),
    );
    told
}

#[test]
fn what_is_told_beside_packets_is_kept() {
    let (folder, path) = target();
    let input = folder.path().join("in.pcapng");
    annotated(&input);
    let (input_name, path_name) = (input.to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
    assert!(extract(&[input_name, "-w", path_name]).status.success());
    assert_eq!(told(&path), told(&input));
    assert!(extract(&[input_name, "--annotate", "--session", "1", "-w", path_name]).status.success());
    let told = told(&path).concat();
    assert!(told.contains("seen by mallory@example.org") && told.contains("time-wait-collision: "), "{told}");
    assert!(told.contains("Acme 3000".as_bytes().iter().map(u8::to_string).collect::<Vec<_>>().join(", ").as_str()));
    let bytes = std::fs::read(&path).expect("the capture");
    let holds = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(holds("mallory.example") && !holds("bystander.example"), "names of hosts whose packets are taken");
}

#[test]
fn what_is_told_beside_packets_is_anonymised() {
    let (folder, path) = target();
    let input = folder.path().join("in.pcapng");
    annotated(&input);
    let (input_name, path_name) = (input.to_str().expect("UTF-8"), path.to_str().expect("UTF-8"));
    let key = ["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"];
    assert!(extract(&[&[input_name, "-w", path_name], &key[..]].concat()).status.success());
    let bytes = std::fs::read(&path).expect("the capture").to_ascii_lowercase();
    let holds = |text: &[u8]| bytes.windows(text.len()).any(|part| part == text);
    let secrets: [&[u8]; 8] = [
        b"mallory",
        b"example",
        b"acme",
        b"4711471147",
        b"10.1.0.10",
        &[10, 1, 0, 10],
        &[0x52, 0x54, 0, 0x12, 0x34, 0x56],
        &[2, 1, 2, 3, 4],
    ];
    for secret in secrets {
        assert!(!holds(secret), "{}", String::from_utf8_lossy(secret));
    }
    let told = told(&path).concat();
    assert!(told.contains(" by ") && told.contains("(2, [1, 0, 0, 0])") && told.contains("[24]"), "{told}");
}

#[test]
fn every_file_of_a_rotated_set_is_anonymised() {
    let (folder, path) = target();
    let inputs = ["ring_00001.pcapng", "ring_00002.pcapng"].map(|name| folder.path().join(name));
    for input in &inputs {
        annotated(input);
    }
    let inputs = inputs.map(|input| input.to_str().expect("UTF-8").to_owned());
    let path_name = path.to_str().expect("UTF-8");
    let key = ["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"];
    assert!(extract(&[&[&*inputs[0], &*inputs[1], "--merge", "-w", path_name], &key[..]].concat()).status.success());
    let program = env!("CARGO_BIN_EXE_ftpwhy");
    let arguments = ["--merge", "--json", "--anonymize", &*inputs[0], &*inputs[1]];
    let report = Command::new(program).args(arguments).output().expect("ftpwhy runs").stdout;
    for bytes in [std::fs::read(&path).expect("the capture"), report] {
        let bytes = bytes.to_ascii_lowercase();
        for secret in [&b"mallory"[..], b"acme", b"10.1.0.10", &[10, 1, 0, 10]] {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret), "{}", String::from_utf8_lossy(secret));
        }
    }
}

#[test]
fn standard_input_is_read_as_often_as_is_needed() {
    let key = ["--anonymize", "--anonymize-key", "000102030405060708090a0b0c0d0e0f"];
    for selection in [&["--session", "1"][..], &key, &["--annotate", "--slim"]] {
        let (_folder, path) = target();
        let path_name = path.to_str().expect("UTF-8");
        let piped = extract_from(Path::new(THREE_TRIES), &[&["-", "-w", path_name], selection].concat());
        assert!(piped.status.success(), "{}", String::from_utf8_lossy(&piped.stderr));
        assert_eq!(frames(&path).0, extracted(THREE_TRIES, selection), "{selection:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    let (_folder, path) = target();
    let out = path.to_str().expect("UTF-8");
    let cases = [
        (&[THREE_TRIES, "-w", THREE_TRIES][..], "is one of the inputs"),
        (&[THREE_TRIES, "-w", out, "--session", "9"], "no session 9: the last one is 1"),
        (&[THREE_TRIES, "-w", out, "--finding", "9"], "no finding 9: the last one is 2"),
        (&[THREE_TRIES, "-w", out, "--finding", "mac-changed"], "no such finding; there is time-wait-collision"),
        (&["/dev/null", "-w", out, "--anonymize"], "/dev/null can be read only once"),
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
